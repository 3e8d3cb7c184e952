//! What there is to draw, and how often it comes.

use super::Workload;
use crate::history::operation::{
    Content, End, GroupAction, IndexAction, ItemAction, Life, LineAction, LockAction, Mode, Operation, TallyAction,
    Upkeep,
};
use crate::history::plan::{INDEX_KEYS, MEMBERS, Plan, Removals, TAGS};

/// How often something comes, beside the others, and how it is drawn.
type Kind = (u32, fn(&mut Workload) -> Operation);

impl Workload {
    pub(super) fn draw(&mut self) -> Operation {
        // One after the other on the same line, as those do who produce or consume.
        if self.favourite.is_some() && self.below(8) > 0 {
            return self.draw_line();
        }
        let plan = &self.plan;
        // Only one at a time, so that nobody waits for who waits for it.
        let is_free = u32::from(self.held.is_none());
        let crowds = plan.removals != Removals::None && !plan.is_limited();
        let kinds: [Kind; 17] = [
            (70 * u32::from(plan.items > 0), Self::draw_item),
            (22 * u32::from(plan.groups > 0), Self::draw_group),
            (24 * u32::from(plan.lines > 0), Self::draw_line),
            (20 * u32::from(plan.indexes > 0), Self::draw_index),
            (10 * is_free * u32::from(plan.locks > 0), Self::draw_lock),
            (8 * u32::from(plan.limits > 0), Self::draw_take),
            (8 * u32::from(plan.tallies > 0), Self::draw_tally),
            (5 * is_free * u32::from(plan.barriers > 0), Self::draw_meet),
            (6 * is_free * u32::from(plan.memos), Self::draw_memo),
            (6 * is_free * u32::from(plan.refreshes > 0), Self::draw_refresh),
            (4 * u32::from(plan.items > 0), Self::draw_scan),
            (2 * u32::from(plan.expires), Self::draw_touches),
            (2 * u32::from(plan.removals != Removals::None), Self::draw_eviction),
            (if plan.call_ms.is_some() { 3 } else { 1 } * u32::from(crowds), Self::draw_crowd),
            (u32::from(plan.removals == Removals::All), |_| Operation::Clear),
            (3 * u32::from(plan.item_limit.is_some()), |_| Operation::Count),
            (2, Self::draw_upkeep),
        ];
        self.choose(&kinds)(self)
    }

    fn draw_item(&mut self) -> Operation {
        let item = self.below(self.plan.items);
        // Half of the entries are numbers, unless it is about their size.
        let is_number = item.is_multiple_of(2) && self.plan.large < 50;
        let content = if is_number && self.below(8) > 0 {
            Content::Number(i64::from(self.below(1_000)))
        } else {
            self.body_of(item)
        };
        let (life, ttl_ms) = (self.life(), self.ttl(3));
        let seen = self.seen.get(&item).copied();
        let action = match self.below(32) {
            0..5 => ItemAction::Get,
            5..8 => ItemAction::GetEntry,
            8 => ItemAction::GetRecent { max_age_ms: 1 + self.below(60) },
            9 => ItemAction::Contains,
            10..14 => ItemAction::Set { content, life },
            14..16 => ItemAction::Add { content, life },
            16..18 => ItemAction::CompareAndSet { expected: seen, content, life },
            18 => ItemAction::CompareAndSet { expected: None, content, life },
            19 => ItemAction::CompareAndDelete { expected: seen.unwrap_or(0) },
            20 => ItemAction::Delete,
            21 => ItemAction::Pop,
            22 => ItemAction::Touch { ttl_ms },
            23..25 => ItemAction::Write { content: self.stream_of(item), life },
            25 => ItemAction::GiveUp { content: self.stream_of(item) },
            26 => ItemAction::Read,
            27 => ItemAction::ReadRanges { at: self.below(1_000) },
            _ => ItemAction::Increment { delta: i64::from(self.below(100)) - 20 },
        };
        Operation::Item(item, action)
    }

    fn draw_group(&mut self) -> Operation {
        let group = self.below(self.plan.groups);
        let (from, to) = (self.below(MEMBERS), self.below(MEMBERS));
        let action = match self.below(14) {
            0..3 => GroupAction::SetMany { content: self.body() },
            3 => GroupAction::DeleteMany,
            4..6 => GroupAction::Read,
            6..8 => GroupAction::GetMany,
            8..10 => GroupAction::ReadOne { member: from },
            10..13 => GroupAction::Swap { from, to },
            _ => GroupAction::Abandon { from, to, panics: self.flip() },
        };
        Operation::Group(group, action)
    }

    fn draw_line(&mut self) -> Operation {
        let line = self.choose_line();
        // The first two are pushed to at the back and pulled from at the front alone.
        let (into, out_of) = match line {
            0 | 1 => (End::Back, End::Front),
            _ => (self.end(), self.end()),
        };
        let action = match self.below(10) {
            0..4 => LineAction::Push { end: into, content: self.body() },
            4..8 => LineAction::Pull { end: out_of },
            8 => LineAction::Peek { end: out_of },
            _ => LineAction::Length,
        };
        Operation::Line(line, action)
    }

    fn choose_line(&mut self) -> u32 {
        if let Some((line, left)) = self.favourite {
            self.favourite = left.checked_sub(1).map(|left| (line, left));
            return line;
        }
        let chosen = self.below(self.plan.lines) as usize;
        let line = self.plan.lines().nth(chosen).unwrap();
        if self.below(8) == 0 {
            self.favourite = Some((line, self.plan.run));
        }
        line
    }

    fn draw_index(&mut self) -> Operation {
        let index = self.below(self.plan.indexes);
        let (key, other, end) = (self.below(INDEX_KEYS), self.below(INDEX_KEYS), self.end());
        let action = match self.below(24) {
            0..5 => IndexAction::Set { key, content: self.body() },
            5..7 => IndexAction::SetDefault { key, content: self.body() },
            7..9 => IndexAction::Update { keys: [key, other], content: self.body() },
            9..13 => IndexAction::Get { key },
            13 => IndexAction::Delete { key },
            14 => IndexAction::Pop { key },
            15..17 => IndexAction::PeekItem { end },
            17..19 => IndexAction::PopItem { end },
            19..22 => IndexAction::MoveToEnd { key, end },
            22 => IndexAction::Length,
            _ if self.below(3) == 0 => IndexAction::Clear,
            _ => IndexAction::Length,
        };
        Operation::Index(index, action)
    }

    fn draw_lock(&mut self) -> Operation {
        let lock = self.below(self.plan.locks);
        let mode = match lock % 3 {
            0 => Mode::Exclusive,
            1 if self.below(3) == 0 => Mode::Write,
            1 => Mode::Read,
            _ => Mode::Permit,
        };
        Operation::Lock(lock, LockAction::Acquire { mode, waits: self.below(3) > 0 })
    }

    fn draw_take(&mut self) -> Operation {
        Operation::Take { limit: self.below(self.plan.limits), amount: 1 + self.below(3) }
    }

    fn draw_tally(&mut self) -> Operation {
        let action = match self.below(8) {
            0..5 => TallyAction::Add { number: i32::try_from(self.below(100)).unwrap() - 20 },
            5..7 => TallyAction::Get,
            _ => TallyAction::Pop,
        };
        Operation::Tally(self.below(self.plan.tallies), action)
    }

    fn draw_meet(&mut self) -> Operation {
        Operation::Meet { barrier: self.below(self.plan.barriers) }
    }

    fn draw_memo(&mut self) -> Operation {
        Operation::Memoize { memo: self.given / 30, stamp: self.stamp(), panics: self.below(4) == 0 }
    }

    fn draw_refresh(&mut self) -> Operation {
        Operation::Refresh { memo: self.below(self.plan.refreshes), stamp: self.stamp(), panics: self.below(4) == 0 }
    }

    fn draw_scan(&mut self) -> Operation {
        Operation::Scan { by_key: self.flip(), reverse: self.flip() }
    }

    fn draw_touches(&mut self) -> Operation {
        Operation::TouchMany { tag: self.below(TAGS), ttl_ms: self.ttl(2) }
    }

    fn draw_eviction(&mut self) -> Operation {
        Operation::Evict { tag: self.below(TAGS) }
    }

    fn draw_crowd(&mut self) -> Operation {
        Operation::Crowd { tag: self.below(TAGS) }
    }

    fn draw_upkeep(&mut self) -> Operation {
        Operation::Upkeep(match self.below(10) {
            0..4 => Upkeep::Expire,
            4..7 => Upkeep::Cull,
            7..9 => Upkeep::Compact,
            _ => Upkeep::Check,
        })
    }

    fn life(&mut self) -> Life {
        let ttl_ms = if self.plan.expires { self.ttl(3) } else { None };
        Life { ttl_ms, slides: ttl_ms.is_some() && self.below(3) == 0 }
    }

    /// A time to live, once in so often.
    fn ttl(&mut self, often: u32) -> Option<u32> {
        (self.below(often) == 0).then(|| 1 + self.below(120))
    }

    /// A new body: short, longer, or so long that it has a file.
    fn body(&mut self) -> Content {
        let size = match self.below(100) {
            chance if chance < self.plan.large => 40_000 + self.below(5_000),
            chance if chance < self.plan.large + 25 => Plan::INLINE_THRESHOLD + self.below(200),
            _ => Content::LEAST + self.below(100),
        };
        Content::Body { stamp: self.stamp(), size }
    }

    /// One for an entry. Those with the last tag have no file, so that evicting it can leave a tombstone.
    fn body_of(&mut self, item: u32) -> Content {
        match self.body() {
            Content::Body { stamp, .. } if self.is_small(item) => Content::Body { stamp, size: Content::LEAST },
            body => body,
        }
    }

    /// One to be stored in parts: now and then of several chunks, and if calls are to be ended, too large to be
    /// read as a whole.
    fn stream_of(&mut self, item: u32) -> Content {
        let largest = if self.plan.call_ms.is_some() { 9 << 20 } else { 600_000 };
        let is_huge = self.below(12) == 0 && !self.plan.is_limited() && !self.is_small(item);
        match self.body_of(item) {
            Content::Body { stamp, .. } if is_huge => Content::Body { stamp, size: largest - self.below(300_000) },
            body => body,
        }
    }

    fn is_small(&self, item: u32) -> bool {
        item % TAGS == TAGS - 1 && self.plan.large < 50
    }

    fn stamp(&mut self) -> u64 {
        self.stamps += 1;
        (u64::from(self.client) << 24) | self.stamps
    }

    fn end(&mut self) -> End {
        if self.flip() { End::Front } else { End::Back }
    }

    fn flip(&mut self) -> bool {
        self.below(2) == 0
    }

    fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.random.below(end.into())).unwrap()
    }

    /// One of these, by their weights.
    fn choose(&mut self, kinds: &[Kind]) -> fn(&mut Self) -> Operation {
        let mut rest = self.below(kinds.iter().map(|(weight, _)| weight).sum());
        for (weight, draw) in kinds {
            if rest < *weight {
                return *draw;
            }
            rest -= weight;
        }
        unreachable!("the rest is less than the sum")
    }
}
