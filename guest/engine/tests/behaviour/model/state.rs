//! The model: a cache in memory, as simple as can be, that shares no code with the real one.
//!
//! Where the documentation leaves open what happens, a step leads to several states of it.

use std::collections::HashMap;

use larder_engine::Policy;

use super::answer::{Seen, name_in_queue};
use super::faults::Fault;
use super::operation::{Content, Lasting, QUEUES, Stored, name, tag_name, ticks};

/// How far the clock may step back without consequences, in milliseconds.
pub(super) const CLOCK_TOLERANCE: u64 = 1000;

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Place {
    Key(u8),
    Queue(u8, i64),
}

impl Place {
    pub(super) fn name(self) -> String {
        match self {
            Self::Key(key) => name(key),
            Self::Queue(queue, position) => name_in_queue(&name(queue), position),
        }
    }

    fn size(self) -> u64 {
        match self {
            Self::Key(key) => name(key).len() as u64,
            Self::Queue(queue, _) => name(queue).len() as u64 + 8,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) shard: usize,
    /// No other entry has ever had it.
    pub(super) number: u64,
    pub(super) value: Stored,
    pub(super) in_file: bool,
    pub(super) stored: u64,
    pub(super) expires: Option<u64>,
    pub(super) ttl: Option<u64>,
    pub(super) sliding: bool,
    /// In order, each once.
    pub(super) tags: Vec<u8>,
    pub(super) used: u64,
    pub(super) hits: u64,
    /// The lowest goes first.
    pub(super) rank: u64,
}

impl Entry {
    pub(super) fn size(&self) -> u64 {
        let tags: usize = self.tags.iter().map(|tag| tag_name(*tag).len()).sum();
        64 + self.place.size() + self.value.size() + tags as u64
    }

    fn seen(&self, written: bool) -> Seen {
        Seen {
            name: self.place.name(),
            value: self.value,
            stored_ms: self.stored,
            expires_ms: self.expires,
            sliding: self.sliding,
            tags: self.tags.iter().map(|tag| tag_name(*tag)).collect(),
            size: self.size(),
            used_ms: written.then_some(self.used),
            hits: written.then_some(self.hits),
        }
    }
}

/// What the directory records.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    pub(super) shards: usize,
    pub(super) item_limit: Option<u64>,
    pub(super) size_limit: Option<u64>,
    pub(super) policy: Policy,
    pub(super) default_ttl: Option<u64>,
    pub(super) inline_threshold: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Model {
    /// In the order in which they came in.
    pub(super) entries: Vec<Entry>,
    pub(super) settings: Settings,
    /// Of each shard the highest rank that was evicted under the policy of frequency.
    pub(super) ages: Vec<u64>,
    pub(super) now: u64,
    /// Stores and reads so far.
    pub(super) uses: u64,
    pub(super) read_only: bool,
    /// The state before the transaction that is open, and what was read since.
    before: Option<(Box<Self>, Vec<u64>)>,
    /// What the model gets wrong.
    pub(super) fault: Option<Fault>,
}

impl Model {
    pub(super) fn new(settings: Settings, now: u64, fault: Option<Fault>) -> Self {
        let ages = vec![0; settings.shards];
        Self { entries: Vec::new(), settings, ages, now, uses: 0, read_only: false, before: None, fault }
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    pub(super) fn is_live(&self, entry: &Entry) -> bool {
        !self.is_over(entry) && !self.has_outlived(entry)
    }

    /// Whether an entry has reached its end.
    pub(super) fn is_over(&self, entry: &Entry) -> bool {
        entry.expires.is_some_and(|at| at <= self.now)
    }

    /// Whether an entry has more time left than it ever had, because the clock was set back.
    fn has_outlived(&self, entry: &Entry) -> bool {
        let most = entry.ttl.unwrap_or(0) + CLOCK_TOLERANCE;
        entry.expires.is_some_and(|at| at > self.now + most) && !self.has(Fault::ClockTrusted)
    }

    /// Where the live entry of a key stands.
    pub(super) fn live(&self, key: u8) -> Option<usize> {
        self.entries.iter().position(|entry| entry.place == Place::Key(key) && self.is_live(entry))
    }

    pub(super) fn remove(&mut self, which: impl Fn(&Entry) -> bool) -> u64 {
        let before = self.entries.len();
        self.entries.retain(|entry| !which(entry));
        (before - self.entries.len()) as u64
    }

    pub(super) fn remove_expired(&mut self) -> u64 {
        let before = self.clone();
        self.remove(|entry| !before.is_live(entry))
    }

    /// The time to live of what is stored or touched now.
    pub(super) fn ttl(&self, lasting: Lasting) -> Option<u64> {
        match lasting {
            Lasting::Never => None,
            Lasting::Default if self.has(Fault::DefaultForgotten) => None,
            Lasting::Default => self.settings.default_ttl,
            Lasting::After(number) => Some(ticks(number)),
        }
    }

    pub(super) fn start_life(&mut self, at: usize, lasting: Lasting, sliding: bool) {
        let ttl = self.ttl(lasting);
        let entry = &mut self.entries[at];
        entry.ttl = ttl;
        entry.expires = ttl.map(|ttl| self.now + ttl);
        entry.sliding = sliding && ttl.is_some();
    }

    /// Puts an entry at a place, over the live one that is there; whatever else is there goes.
    pub(super) fn put(&mut self, place: Place, shard: usize, content: &Content) -> usize {
        let live = self.entries.iter().position(|entry| entry.place == place && self.is_live(entry));
        let at = live.filter(|_| !self.has(Fault::NewPlaceForNewValue)).unwrap_or_else(|| {
            self.entries.retain(|entry| entry.place != place);
            self.entries.len()
        });
        let old = self.entries.get(at);
        let mut tags = content.tags.clone();
        tags.sort_unstable();
        tags.dedup();
        let entry = Entry {
            place,
            shard,
            number: old.map_or(self.uses + 1, |old| old.number),
            value: content.value,
            in_file: false,
            stored: self.now,
            expires: None,
            ttl: None,
            sliding: false,
            tags,
            used: self.now,
            hits: old.map_or(0, |old| old.hits),
            rank: 0,
        };
        if at == self.entries.len() {
            self.entries.push(entry);
        } else {
            self.entries[at] = entry;
        }
        self.start_life(at, content.lasting, content.sliding);
        self.set_value(at, content.value);
        at
    }

    /// Stores a value in an entry, which keeps the rest.
    pub(super) fn set_value(&mut self, at: usize, value: Stored) {
        self.uses += 1;
        let rank = self.rank(at);
        let entry = &mut self.entries[at];
        entry.value = value;
        entry.in_file =
            !matches!(value, Stored::Integer(_)) && value.size() >= u64::from(self.settings.inline_threshold);
        (entry.stored, entry.used, entry.rank) = (self.now, self.now, rank);
    }

    /// The rank of an entry that is used now.
    fn rank(&self, at: usize) -> u64 {
        let entry = &self.entries[at];
        match self.settings.policy {
            Policy::LeastFrequentlyUsed => self.ages[entry.shard] + entry.hits + 1,
            _ => self.uses,
        }
    }

    /// What a hit entails: a later end, once an eighth of the time to live has passed, and another rank.
    pub(super) fn hit(&mut self, at: usize) {
        if self.read_only && !self.has(Fault::ReadOnlyCounts) {
            return;
        }
        let (now, idle) = (self.now, u64::from(!self.has(Fault::SlidesEachTime)));
        let entry = &mut self.entries[at];
        if let (true, Some(ttl), Some(expires)) = (entry.sliding, entry.ttl, entry.expires)
            && (now + ttl).saturating_sub(expires) > idle * ttl / 8
            && self.fault != Some(Fault::SlidesNever)
        {
            entry.expires = Some(now + ttl);
        }
        let number = entry.number;
        self.count_read(number);
        if let Some((_, reads)) = &mut self.before {
            reads.push(number);
        }
    }

    fn count_read(&mut self, number: u64) {
        let tracked = matches!(self.settings.policy, Policy::LeastRecentlyUsed | Policy::LeastFrequentlyUsed);
        if !tracked || self.has(Fault::ReadsForgotten) {
            return;
        }
        self.uses += 1;
        if let Some(at) = self.entries.iter().position(|entry| entry.number == number) {
            self.entries[at].hits += 1;
            let rank = self.rank(at);
            let entry = &mut self.entries[at];
            (entry.used, entry.rank) = (entry.used.max(self.now), rank);
        }
    }

    /// Changes the policy: ranks are made anew from what is recorded.
    pub(super) fn change_policy(&mut self, policy: Policy, recorded: &HashMap<String, (u64, u64)>) {
        if policy == self.settings.policy {
            return;
        }
        self.settings.policy = policy;
        self.ages.fill(0);
        let measure = |entry: &Entry| {
            let (version, used) = recorded[&entry.place.name()];
            match policy {
                Policy::LeastFrequentlyUsed => entry.hits + 1,
                Policy::LeastRecentlyUsed => version.max(used * 1000),
                _ => version,
            }
        };
        let measures: Vec<u64> = self.entries.iter().map(measure).collect();
        let mut order = measures.clone();
        order.sort_unstable();
        for (entry, measure) in self.entries.iter_mut().zip(measures) {
            entry.rank = match policy {
                Policy::LeastFrequentlyUsed => measure,
                // No rank is above the number of uses.
                _ => order.partition_point(|other| *other < measure) as u64,
            };
        }
    }

    pub(super) fn begin(&mut self) {
        self.before = Some((Box::new(self.clone()), Vec::new()));
    }

    pub(super) fn commit(&mut self) {
        self.before = None;
    }

    /// Undoes everything since the beginning, but what was read was read.
    pub(super) fn rollback(&mut self) {
        let Some((before, reads)) = self.before.take() else { return };
        let uses = self.uses;
        *self = *before;
        self.uses = uses;
        if !self.has(Fault::UndoneReadsForgotten) {
            for number in reads {
                self.count_read(number);
            }
        }
    }

    /// The entries of a queue, those at the front first or last.
    pub(super) fn line(&self, queue: u8, front: bool) -> Vec<usize> {
        let position = |at: &usize| match self.entries[*at].place {
            Place::Queue(of, position) if of == queue => Some(position),
            _ => None,
        };
        let mut line: Vec<usize> = (0..self.entries.len()).filter(|at| position(at).is_some()).collect();
        line.sort_by_key(position);
        if !front {
            line.reverse();
        }
        line
    }

    /// All that is known of all entries, as of the cache.
    pub(super) fn look(&self, written: bool) -> Vec<Seen> {
        let mut queues: Vec<u8> = (0..QUEUES).collect();
        queues.sort_by_key(|queue| name(*queue));
        let keyed = self.entries.iter().filter(|entry| matches!(entry.place, Place::Key(_)));
        let in_line = queues.into_iter().flat_map(|queue| self.line(queue, true)).map(|at| &self.entries[at]);
        keyed.chain(in_line).map(|entry| entry.seen(written)).collect()
    }
}
