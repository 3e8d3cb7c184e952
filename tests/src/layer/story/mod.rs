//! A cache that lives through a number of operations, and what must be in it after each.
//!
//! | file | what happens |
//! |---|---|
//! | `entries` | entries and a queue, in bulk and in transactions; expiry and eviction |
//! | `collections` | a deque and an index |
//! | `records` | locks of every kind, limits, averages, counters, values that are computed once |
//! | `meetings` | a barrier, and a task that is done once |
//! | `streams` | values in parts |
//! | `upkeep` | settings, looking for damage, opening anew, another number of shards |
//! | `room` | which entries make room for others |

mod collections;
mod entries;
mod held;
mod meetings;
mod records;
mod room;
pub mod stage;
mod streams;
mod upkeep;

use std::fmt::Debug;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::Random;
use crate::component::types::Error;
use collections::Collections;
use entries::Entries;
use meetings::Meetings;
pub use meetings::Places;
pub use records::Fences;
use records::Records;
use stage::Stage;
use upkeep::Settings;

/// What a story is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Story {
    /// Entries and a queue.
    Entries,
    /// Entries that expire and make room for each other, of one shard.
    Passing,
    /// Entries that make room for each other by how they are used, of one shard.
    Used,
    /// A queue that is used again and again, so that it is biased.
    Queues,
    /// The same, from which another handle pulls now and then.
    Runs,
    /// Deques and indexes.
    Collections,
    /// Locks, limits, memoized values and the like.
    Records,
    /// A barrier, and a task that is done once.
    Meetings,
    /// Values in parts.
    Streams,
    /// Entries, collections, records and meetings, while the cache is closed, opened, and given other numbers of shards.
    Moving,
}

impl Story {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Entries,
        Self::Passing,
        Self::Used,
        Self::Queues,
        Self::Runs,
        Self::Collections,
        Self::Records,
        Self::Meetings,
        Self::Streams,
        Self::Moving,
    ];

    /// Whether several handles take part, so that nobody may own the directory.
    #[must_use]
    pub fn has_others(self) -> bool {
        self == Self::Runs
    }

    /// Whether it knows which of several shards has to make room.
    #[must_use]
    pub fn is_of_one_shard(self) -> bool {
        matches!(self, Self::Passing | Self::Used)
    }

    /// So many operations, as a seed has them.
    #[must_use]
    pub fn operations(self, random: &mut Random, count: usize) -> Vec<Operation> {
        (0..count).map(|number| self.operation(random, number)).collect()
    }

    fn operation(self, random: &mut Random, number: usize) -> Operation {
        let upkeep = random.below(8) == 0;
        match self {
            Self::Passing if random.below(3) == 0 => Operation::Upkeep(upkeep::Operation::draw_passing(random)),
            Self::Passing => Operation::Entries(entries::Operation::draw_passing(random, number)),
            Self::Used if number == 0 => Operation::Upkeep(upkeep::Operation::draw_policy(random)),
            Self::Used if number == 1 || upkeep => Operation::Upkeep(upkeep::Operation::draw_bounding(random)),
            Self::Used => Operation::Entries(entries::Operation::draw_used(random, number)),
            Self::Runs if random.below(16) == 0 => Operation::Upkeep(upkeep::Operation::draw_tidying(random)),
            Self::Runs => Operation::Entries(entries::Operation::draw_run(random, number)),
            Self::Moving if random.below(5) == 0 => Operation::Upkeep(upkeep::Operation::draw_reshard(random)),
            Self::Queues if number % 40 != 39 => Operation::Entries(entries::Operation::draw_queue(random, number)),
            Self::Queues => Operation::Upkeep(upkeep::Operation::draw(random)),
            _ if upkeep => Operation::Upkeep(upkeep::Operation::draw(random)),
            Self::Entries => Operation::Entries(entries::Operation::draw(random, number)),
            Self::Collections => Operation::Collections(collections::Operation::draw(random, number)),
            Self::Records => Operation::Records(records::Operation::draw(random, number)),
            Self::Meetings => Operation::Meetings(meetings::Operation::draw(random)),
            Self::Streams => Operation::Streams(streams::Operation::draw(random, number)),
            Self::Moving => [Self::Entries, Self::Collections, Self::Records, Self::Meetings]
                [usize::try_from(random.below(4)).unwrap()]
            .operation(random, number),
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Operation {
    /// On entries.
    Entries(entries::Operation),
    /// On a deque or index.
    Collections(collections::Operation),
    /// On a record.
    Records(records::Operation),
    /// At a barrier or a task.
    Meetings(meetings::Operation),
    /// In parts.
    Streams(streams::Operation),
    /// On the whole.
    Upkeep(upkeep::Operation),
}

impl Operation {
    /// Whether it is several transactions, between which others get in.
    #[must_use]
    pub fn goes_in_steps(&self) -> bool {
        match self {
            Self::Entries(operation) => operation.goes_in_steps(),
            Self::Records(operation) => operation.goes_in_steps(),
            Self::Collections(_) | Self::Meetings(_) | Self::Streams(_) | Self::Upkeep(_) => false,
        }
    }

    /// Whether everything before it is on the disk once it has returned, whatever the durability.
    #[must_use]
    pub fn makes_safe(&self) -> bool {
        matches!(self, Self::Upkeep(operation) if operation.makes_safe())
    }
}

/// What is in the cache.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Content {
    entries: Entries,
    collections: Collections,
    records: Records,
    meetings: Meetings,
    settings: Settings,
    shards: u32,
    /// The time, in milliseconds since the beginning.
    now: u64,
}

impl Content {
    /// Of a new directory.
    #[must_use]
    pub fn new(shards: u32) -> Self {
        Self { shards, ..Self::default() }
    }

    /// The time, in milliseconds since the beginning.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Whether all lies in one shard.
    #[must_use]
    pub fn of_one_shard(&self) -> bool {
        self.shards == 1
    }

    fn advance(&mut self, milliseconds: u64) {
        self.now += milliseconds;
        self.entries.pass_to(self.now);
    }

    /// The same at another time.
    #[must_use]
    pub fn at(&self, now: u64) -> Self {
        let mut later = self.clone();
        later.entries.pass_to(now);
        later
    }

    /// Does an operation, at the time when the last one has ended. Each takes a millisecond.
    pub fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Entries(operation) => self.entries.apply(operation, self.now),
            Operation::Collections(operation) => self.collections.apply(operation),
            Operation::Records(operation) => {
                if let records::Operation::Memoize(key, held) = operation
                    && !self.entries.by_key.contains_key(key)
                {
                    self.entries.put(*key, *held);
                }
                self.records.apply(operation);
            }
            Operation::Meetings(operation) => self.meetings.apply(operation),
            Operation::Streams(operation) => streams::apply(&mut self.entries, operation),
            Operation::Upkeep(operation) => upkeep::apply(self, operation),
        }
        self.advance(1);
    }

    /// Whether `found` is this, but for values that could not be read. Only those in files can be such.
    #[must_use]
    pub fn is(&self, found: &Self) -> bool {
        self.entries.is(&found.entries) && self.is_but_for_entries(found)
    }

    fn is_but_for_entries(&self, found: &Self) -> bool {
        self.collections.is(&found.collections)
            && self.records == found.records
            && self.meetings == found.meetings
            && self.settings == found.settings
            && self.shards == found.shards
            && self.entries.limit == found.entries.limit
    }

    /// What of `before` and `after` an operation has left that has failed: all of it is done or nothing, or
    /// a part of one that goes in steps. None if what was found is neither.
    #[must_use]
    pub fn left_by(operation: &Operation, before: &Self, after: &Self, found: &Self) -> Option<Self> {
        let before = Self { now: after.now, ..before.at(after.now) };
        // What has failed to be read was not read.
        if before.is(found) {
            return Some(before);
        }
        if after.is(found) {
            return Some(after.clone());
        }
        operation.goes_in_steps().then(|| before.on_the_way(found, after)).flatten()
    }

    /// What `found` is if an operation that goes in steps has made it of this on its way to `after`: this
    /// without what was not found.
    #[must_use]
    pub fn on_the_way(&self, found: &Self, after: &Self) -> Option<Self> {
        let entries = self.entries.on_the_way(&found.entries, &after.entries)?;
        self.is_but_for_entries(found).then(|| Self { entries, ..self.clone() })
    }

    /// Somebody has looked what is in the cache, as [`content`] does.
    pub fn note_a_look(&mut self) {
        self.entries.note_a_look();
    }

    /// How many values could not be read.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.entries.lost() + self.collections.lost()
    }

    /// What of it lies in one of several shards. Settings lie in all of them; the first is asked.
    #[must_use]
    pub fn of_shard(&self, shard: u32) -> Self {
        Self {
            entries: self.entries.of_shard(shard, self.shards),
            collections: self.collections.of_shard(shard, self.shards),
            records: self.records.of_shard(shard, self.shards),
            meetings: self.meetings.of_shard(shard, self.shards),
            settings: if shard == 0 { self.settings } else { Settings::default() },
            ..*self
        }
    }
}

/// In which of several shards a name lies, as the format says; each kind has its seed.
fn shard_of(name: &str, seed: u64, shards: u32) -> u32 {
    u32::try_from(xxh3_64_with_seed(name.as_bytes(), seed) % u64::from(shards)).unwrap()
}

/// Why an operation was not done, or not as it should be.
#[derive(Debug)]
pub enum Trouble {
    /// It has ended in an error.
    Failed(Error),
    /// It has returned what can not be.
    Wrong(String),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

#[allow(clippy::needless_pass_by_value, reason = "what is found and expected is made for this alone")]
fn expect<T: PartialEq + Debug>(what: &str, found: T, expected: T) -> Result<(), Trouble> {
    if found == expected {
        return Ok(());
    }
    Err(Trouble::Wrong(format!("{what} came to {found:?}, not to {expected:?}")))
}

/// Does an operation on a cache that holds what is to be there before it.
///
/// # Errors
///
/// Its error, or that it has returned something else than it should.
pub fn perform(stage: &mut Stage, before: &Content, operation: &Operation) -> Result<(), Trouble> {
    let done = match operation {
        Operation::Entries(operation) => entries::perform(stage, before, operation),
        Operation::Collections(operation) => collections::perform(stage, before, operation),
        Operation::Records(operation) => records::perform(stage, before, operation),
        Operation::Meetings(operation) => meetings::perform(stage, before.meetings, operation),
        Operation::Streams(operation) => streams::perform(stage, before, operation),
        Operation::Upkeep(operation) => upkeep::perform(stage, operation),
    };
    stage.clock.advance(1);
    done
}

/// What is in a cache. A value that was altered counts as lost; any other error is one.
///
/// # Errors
///
/// Those of the component.
pub fn content(stage: &mut Stage) -> Result<Content, Error> {
    let mut found = Content::default();
    let cache = stage.cache();
    found.entries = entries::read(cache)?;
    streams::read(cache, &mut found.entries)?;
    found.collections = collections::read(cache)?;
    found.records = records::read(cache)?;
    upkeep::read(cache, &mut found)?;
    found.meetings = meetings::read(stage)?;
    Ok(found)
}

/// Takes each lock once it is free, and tells its number.
///
/// # Errors
///
/// Those of the component.
pub fn next_fences(stage: &mut Stage) -> Result<Fences, Error> {
    records::next_fences(stage.cache())
}
