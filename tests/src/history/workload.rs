//! The operations of a client, drawn from a seed.

use std::collections::HashMap;

use super::event::{Content, End, GroupAction, ItemAction, LineAction, LockAction, Mode, Operation, Outcome, Upkeep};
use super::plan::{MEMBERS, Plan, TAGS};
use crate::Random;

/// What one client does next, and what it remembers of what it was told.
#[derive(Debug)]
pub(super) struct Workload {
    plan: Plan,
    client: u32,
    random: Random,
    /// How many operations were given out.
    given: u32,
    stamps: u64,
    /// The version last seen of an entry, to compare with.
    seen: HashMap<u32, u64>,
    /// The lock it holds, and for how many further operations.
    held: Option<(u32, u64)>,
}

impl Workload {
    /// The operations of a client; those of each are others.
    pub(super) fn new(plan: &Plan, client: u32) -> Self {
        let random = Random::new(plan.seed ^ u64::from(client).wrapping_mul(0xa076_1d64_78bd_642f));
        Self { plan: plan.clone(), client, random, given: 0, stamps: 0, seen: HashMap::new(), held: None }
    }

    /// What comes next; none once all is done, and nothing is held any more.
    pub(super) fn next(&mut self) -> Option<Operation> {
        if let Some((lock, left)) = &mut self.held {
            if *left == 0 || self.given >= self.plan.operations {
                let lock = *lock;
                self.held = None;
                return Some(Operation::Lock(lock, LockAction::Release));
            }
            *left -= 1;
        }
        if self.given >= self.plan.operations {
            return None;
        }
        self.given += 1;
        Some(self.draw())
    }

    /// Learns what came of an operation.
    pub(super) fn learn(&mut self, operation: Operation, outcome: &Outcome) {
        match (operation, outcome) {
            (Operation::Item(item, _), Outcome::Version(Some(version)) | Outcome::Entry(Some((_, version)))) => {
                self.seen.insert(item, *version);
            }
            (Operation::Lock(lock, LockAction::Acquire { .. }), Outcome::Fence(Some(_))) => {
                self.held = Some((lock, self.random.below(3)));
            }
            _ => {}
        }
    }

    fn draw(&mut self) -> Operation {
        let plan = &self.plan;
        let mut kinds = vec![
            (60 * u32::from(plan.items > 0), 0),
            (20 * u32::from(plan.groups > 0), 1),
            (24 * u32::from(plan.lines > 0), 2),
            // Only one at a time, so that nobody waits for who waits for it.
            (10 * u32::from(plan.locks > 0 && self.held.is_none()), 3),
            (6 * u32::from(plan.memos && self.held.is_none()), 4),
            (6 * u32::from(plan.takes.is_some()), 5),
            (3 * u32::from(plan.items > 0), 6),
            (2 * u32::from(plan.evicts), 7),
            (3 * u32::from(plan.item_limit.is_some()), 8),
        ];
        kinds.push((2, 9));
        match self.choose(&kinds) {
            0 => self.draw_item(),
            1 => self.draw_group(),
            2 => self.draw_line(),
            3 => self.draw_lock(),
            4 => Operation::Memoize { memo: self.given / 30, stamp: self.stamp() },
            5 => Operation::Take,
            6 => Operation::Scan { by_key: self.flip(), reverse: self.flip() },
            7 => Operation::Evict { tag: self.below(TAGS) },
            8 => Operation::Count,
            _ => Operation::Upkeep(match self.below(10) {
                0..4 => Upkeep::Expire,
                4..7 => Upkeep::Cull,
                7..9 => Upkeep::Compact,
                _ => Upkeep::Check,
            }),
        }
    }

    fn draw_item(&mut self) -> Operation {
        let item = self.below(self.plan.items);
        // Half of the entries are numbers.
        let content = if item.is_multiple_of(2) && self.below(8) > 0 {
            Content::Number(i64::from(self.below(1_000)))
        } else {
            self.body()
        };
        let ttl_ms = (self.plan.expires && self.below(3) == 0).then(|| 1 + self.below(120));
        let seen = self.seen.get(&item).copied();
        let action = match self.below(26) {
            0..5 => ItemAction::Get,
            5..8 => ItemAction::GetEntry,
            8 => ItemAction::Contains,
            9..13 => ItemAction::Set { content, ttl_ms },
            13..15 => ItemAction::Add { content, ttl_ms },
            15..17 => ItemAction::CompareAndSet { expected: seen, content, ttl_ms },
            17 => ItemAction::CompareAndSet { expected: None, content, ttl_ms },
            18 => ItemAction::CompareAndDelete { expected: seen.unwrap_or(0) },
            19 => ItemAction::Delete,
            20 => ItemAction::Pop,
            21 => ItemAction::Touch { ttl_ms },
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
        let line = self.below(self.plan.lines);
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

    /// A new body: short, longer, or so long that it has a file.
    fn body(&mut self) -> Content {
        let size = match self.below(8) {
            0 => 40_000 + self.below(5_000),
            1..3 => 2_000 + self.below(200),
            _ => Content::LEAST + self.below(100),
        };
        Content::Body { stamp: self.stamp(), size }
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
    fn choose(&mut self, kinds: &[(u32, u32)]) -> u32 {
        let mut rest = self.below(kinds.iter().map(|(weight, _)| weight).sum());
        for (weight, kind) in kinds {
            if rest < *weight {
                return *kind;
            }
            rest -= weight;
        }
        unreachable!("the rest is less than the sum")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_replays_and_no_stamp_is_used_twice() {
        let plan = Plan::everything(3);
        let run = |client| {
            let mut workload = Workload::new(&plan, client);
            std::iter::from_fn(move || workload.next()).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let stamps = [run(1), run(2)].concat().into_iter().filter_map(|operation| match operation {
            Operation::Memoize { stamp, .. }
            | Operation::Line(_, LineAction::Push { content: Content::Body { stamp, .. }, .. }) => Some(stamp),
            _ => None,
        });
        let mut stamps: Vec<u64> = stamps.collect();
        let count = stamps.len();
        stamps.sort_unstable();
        stamps.dedup();
        assert!(count > 50 && stamps.len() == count);
    }

    #[test]
    fn a_lock_that_is_held_is_given_back() {
        let mut workload = Workload::new(&Plan::everything(5), 1);
        let mut holds = 0;
        while let Some(operation) = workload.next() {
            match operation {
                Operation::Lock(_, LockAction::Acquire { .. }) => {
                    holds += 1;
                    workload.learn(operation, &Outcome::Fence(Some(1)));
                }
                Operation::Lock(_, LockAction::Release) => holds -= 1,
                _ => {}
            }
            assert!((0..=1).contains(&holds));
        }
        assert_eq!(holds, 0);
    }
}
