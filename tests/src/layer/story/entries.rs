//! Entries and a queue.

use std::collections::BTreeMap;

use super::held::{Held, LOST, are, lost};
use super::room::{Ranks, Standing};
use super::stage::Stage;
use super::{Content, Trouble, expect, shard_of};
use crate::Random;
use crate::component::types::{Draft, Error, Expiry, Key, SetOptions, Side};
use crate::component::wit::{Order, Scan, Selection};
use crate::component::{Instance, plain, text_key};

/// Entries that are stored and removed.
pub(super) const KEYS: u64 = 8;
/// Those that are memoized.
pub(super) const MEMOS: std::ops::Range<u64> = 100..103;
/// Those that are written in parts.
pub(super) const PARTS: std::ops::Range<u64> = 200..202;
const QUEUE: &str = "jobs";
const TAG: &str = "t";
/// How often something is pushed to a queue before anything else is done with it, so that it is biased.
const RUN: usize = 12;
/// How many at most fit into an item limit of a story.
const FEW: u64 = 3;

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Store a value, with a tag or without, for a while or for ever.
    Set(u64, Held, bool, Option<u64>),
    /// Read one.
    Get(u64),
    /// Remove one.
    Delete(u64),
    /// Let one expire later.
    Touch(u64, u64),
    /// Store several, all or none.
    SetMany(Vec<(u64, Held)>),
    /// Read several.
    GetMany,
    /// Store several and remove one, in a transaction that takes place or not.
    Transaction(Vec<(u64, Held)>, u64, bool),
    /// Push to a queue.
    Push(Held),
    /// Pull from it.
    Pull,
    /// Count what is in it.
    Length,
    /// Have another handle count what is in it and pull from it, which revokes a bias.
    PullBeside,
    /// Remove what has the tag.
    Evict,
    /// Remove what has expired.
    Expire,
    /// Remove what has expired, and what exceeds the limit.
    Cull,
    /// Remove everything.
    Clear,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) held: Held,
    pub(super) is_tagged: bool,
    /// When it expires.
    pub(super) expires: Option<u64>,
    /// When it makes room for others.
    pub(super) standing: Standing,
}

/// What is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entries {
    pub(super) by_key: BTreeMap<u64, Entry>,
    queue: Vec<Held>,
    /// How many there may be.
    pub(super) limit: Option<u64>,
    pub(super) ranks: Ranks,
}

/// Whether one list is another without some of its elements.
fn is_part(part: &[Held], whole: &[Held]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|held| whole.any(|other| other == held))
}

impl Operation {
    pub(super) fn draw(random: &mut Random, number: usize) -> Self {
        let pairs = |random: &mut Random| -> Vec<(u64, Held)> {
            let first = random.below(KEYS);
            (0..3).map(|step| ((first + step) % KEYS, Held::new(random, number))).collect()
        };
        match random.below(23) {
            0..=6 => {
                let (key, is_tagged) = (random.below(KEYS), random.below(3) == 0);
                Self::Set(key, Held::new(random, number), is_tagged, None)
            }
            7..=8 => Self::Delete(random.below(KEYS)),
            9..=10 => Self::SetMany(pairs(random)),
            11..=13 => Self::Transaction(pairs(random), random.below(KEYS), random.below(4) > 0),
            14..=15 => Self::Push(Held::new(random, number)),
            16 => Self::Pull,
            17 => Self::Evict,
            18..=19 => Self::Get(random.below(KEYS)),
            20 => Self::GetMany,
            21 => Self::Cull,
            _ => Self::Clear,
        }
    }

    /// Of entries that expire and make room for each other.
    pub(super) fn draw_passing(random: &mut Random, number: usize) -> Self {
        let span = |random: &mut Random| 1 + random.below(60);
        match random.below(12) {
            0..=2 => Self::Set(random.below(KEYS), Held::new(random, number), false, None),
            3..=6 => Self::Set(random.below(KEYS), Held::new(random, number), false, Some(span(random))),
            7 => Self::Touch(random.below(KEYS), span(random)),
            8 => Self::Get(random.below(KEYS)),
            9 => Self::Expire,
            _ => Self::Cull,
        }
    }

    /// Of entries that make room for each other by how they are used.
    pub(super) fn draw_used(random: &mut Random, number: usize) -> Self {
        match random.below(14) {
            0..=5 => Self::Set(random.below(KEYS), Held::new(random, number), false, None),
            6..=10 => Self::Get(random.below(KEYS)),
            11 => Self::GetMany,
            12 => Self::Delete(random.below(KEYS)),
            _ => Self::Cull,
        }
    }

    /// Of a queue that is used so often in a row that it is biased.
    pub(super) fn draw_queue(random: &mut Random, number: usize) -> Self {
        match random.below(20) {
            _ if number < RUN => Self::Push(Held::small(number)),
            0..=8 => Self::Push(Held::small(number)),
            9 => Self::Push(Held::new(random, number)),
            10 => Self::Length,
            _ => Self::Pull,
        }
    }

    /// The same, while another handle pulls from it now and then.
    pub(super) fn draw_run(random: &mut Random, number: usize) -> Self {
        if random.below(32) == 0 { Self::PullBeside } else { Self::draw_queue(random, number) }
    }

    /// Whether it is several transactions, between which others get in.
    pub(super) fn goes_in_steps(&self) -> bool {
        matches!(self, Self::Evict | Self::Clear | Self::Cull)
    }
}

impl Entries {
    /// A limit that has some of the entries make room.
    pub(super) fn a_limit(random: &mut Random) -> Option<u64> {
        (random.below(4) > 0).then(|| FEW + random.below(2))
    }

    pub(super) fn put(&mut self, key: u64, held: Held) {
        self.store(key, held, false, None);
    }

    /// Removes what has expired.
    pub(super) fn pass_to(&mut self, now: u64) {
        self.by_key.retain(|_, entry| entry.expires.is_none_or(|expires| now < expires));
    }

    pub(super) fn apply(&mut self, operation: &Operation, now: u64) {
        match operation {
            Operation::Set(key, held, is_tagged, ttl) => {
                self.store(*key, *held, *is_tagged, ttl.map(|ttl| now + ttl));
                self.make_room(Some(*key));
            }
            Operation::Delete(key) => drop(self.by_key.remove(key)),
            Operation::Touch(key, ttl) => {
                self.by_key.entry(*key).and_modify(|entry| entry.expires = Some(now + ttl));
            }
            Operation::SetMany(pairs) => pairs.iter().for_each(|(key, held)| self.put(*key, *held)),
            Operation::Transaction(pairs, removed, true) => {
                for (key, held) in pairs {
                    self.put(*key, *held);
                }
                self.by_key.remove(removed);
            }
            Operation::Push(held) => self.queue.push(*held),
            Operation::Pull | Operation::PullBeside => drop((!self.queue.is_empty()).then(|| self.queue.remove(0))),
            Operation::Evict => self.by_key.retain(|_, entry| !entry.is_tagged),
            Operation::Cull => self.make_room(None),
            Operation::Clear => {
                self.by_key.clear();
                self.queue.clear();
            }
            Operation::Get(key) => self.read([*key]),
            Operation::GetMany => self.read(0..KEYS),
            Operation::Length | Operation::Expire | Operation::Transaction(_, _, false) => {}
        }
    }

    /// Whether this is what was found, but for values that could not be read.
    pub(super) fn is(&self, found: &Self) -> bool {
        let is_same = |held: &Entry, found: &Entry| {
            held.held.is(found.held) && (held.is_tagged == found.is_tagged || found.held == LOST)
        };
        self.by_key.keys().eq(found.by_key.keys())
            && self.by_key.values().zip(found.by_key.values()).all(|(held, found)| is_same(held, found))
            && (are(&self.queue, &found.queue) || self.has_unread(&found.queue))
    }

    /// Of a queue with a value that is lost, nothing more can be told than its length.
    fn has_unread(&self, found: &[Held]) -> bool {
        found.len() == self.queue.len() && lost(found) == found.len() && self.queue.iter().any(|held| held.is(LOST))
    }

    /// This without what was not found: what an operation in steps makes of it on its way to `after`, where
    /// what stays is there, and of what goes some. None if it is not that.
    pub(super) fn on_the_way(&self, found: &Self, after: &Self) -> Option<Self> {
        let mut between = self.clone();
        between.by_key.retain(|key, _| found.by_key.contains_key(key));
        if is_part(&found.queue, &self.queue) && is_part(&after.queue, &found.queue) {
            between.queue.clone_from(&found.queue);
        }
        let stays = after.by_key.keys().all(|key| found.by_key.contains_key(key));
        (between.is(found) && stays).then_some(between)
    }

    pub(super) fn lost(&self) -> usize {
        lost(self.by_key.values().map(|entry| &entry.held)) + lost(&self.queue)
    }

    /// What of it lies in one of several shards.
    pub(super) fn of_shard(&self, shard: u32, shards: u32) -> Self {
        let mut part = self.clone();
        part.by_key.retain(|key, _| shard_of(&name(*key), 2, shards) == shard);
        if shard_of(QUEUE, 4, shards) != shard {
            part.queue.clear();
        }
        // A setting, of which all have a copy; the first is asked.
        part.limit = part.limit.filter(|_| shard == 0);
        part
    }
}

fn name(number: u64) -> String {
    format!("key {number}")
}

pub(super) fn key(number: u64) -> Key {
    text_key(&name(number))
}

/// Kept until it is removed, whatever the settings say.
pub(super) fn lasting() -> SetOptions {
    SetOptions { ttl: Expiry::Never, ..plain() }
}

fn options(is_tagged: bool, ttl: Option<u64>) -> SetOptions {
    let tags = is_tagged.then(|| TAG.to_owned()).into_iter().collect();
    SetOptions { ttl: ttl.map_or(Expiry::Never, Expiry::After), tags, sliding: false }
}

fn draft((number, held): &(u64, Held)) -> Draft {
    Draft { key: key(*number), value: held.value(), options: lasting() }
}

pub(super) fn perform(stage: &mut Stage, before: &Content, operation: &Operation) -> Result<(), Trouble> {
    let entries = &before.entries;
    let held = |number: &u64| entries.by_key.get(number).map(|entry| entry.held);
    let cache = stage.cache();
    match operation {
        Operation::Set(number, held, is_tagged, ttl) => {
            cache.set(&key(*number), &held.value(), &options(*is_tagged, *ttl)).map(drop)?;
        }
        Operation::Get(number) => {
            expect("get", cache.get(&key(*number))?.as_ref().map(Held::of), held(number))?;
        }
        Operation::GetMany => {
            let values = cache.get_many(&(0..KEYS).map(key).collect::<Vec<_>>())?;
            let found: Vec<_> = values.iter().map(|value| value.as_ref().map(Held::of)).collect();
            expect("get-many", found, (0..KEYS).map(|number| held(&number)).collect())?;
        }
        Operation::Delete(number) => {
            expect("delete", cache.delete(&key(*number))?, held(number).is_some())?;
        }
        Operation::Touch(number, ttl) => {
            expect("touch", cache.touch(&key(*number), Expiry::After(*ttl))?, held(number).is_some())?;
        }
        Operation::SetMany(pairs) => drop(cache.set_many(&pairs.iter().map(draft).collect::<Vec<_>>())?),
        Operation::Transaction(pairs, removed, commit) => {
            cache.begin()?;
            let work = pairs.iter().try_for_each(|pair| {
                let Draft { key, value, options } = draft(pair);
                cache.set(&key, &value, &options).map(drop)
            });
            let work = work.and_then(|()| cache.delete(&key(*removed)).map(drop));
            end(cache, work, *commit)?;
        }
        Operation::Push(held) => drop(cache.push(QUEUE, &held.value(), Side::Back, &lasting())?),
        Operation::Pull => pull(cache, entries)?,
        Operation::PullBeside => {
            let mut other = stage.open_beside()?;
            expect("queue-length", other.queue_length(QUEUE)?, entries.queue.len() as u64)?;
            pull(&mut other, entries)?;
            other.close()?;
        }
        Operation::Length => expect("queue-length", cache.queue_length(QUEUE)?, entries.queue.len() as u64)?,
        Operation::Evict => drop(cache.evict(&Selection::Tag(TAG.into()))?),
        Operation::Expire => drop(cache.expire()?),
        Operation::Cull => drop(cache.cull()?),
        Operation::Clear => drop(cache.clear()?),
    }
    Ok(())
}

fn pull(cache: &mut Instance, entries: &Entries) -> Result<(), Trouble> {
    let pulled = cache.pull(QUEUE, Side::Front)?.map(|queued| Held::of(&queued.entry.value));
    expect("pull", pulled, entries.queue.first().copied())
}

/// Ends a transaction, undone if its work has failed.
pub(super) fn end(cache: &mut Instance, work: Result<(), Error>, commit: bool) -> Result<(), Error> {
    match work {
        Ok(()) => cache.end(commit),
        // What it was for is told, not that it could not be ended any more.
        Err(error) => cache.end(false).map_or(Err(error.clone()), |()| Err(error)),
    }
}

/// What is in a cache. A value that was altered counts as lost; any other error is one.
pub(super) fn read(cache: &mut Instance) -> Result<Entries, Error> {
    let mut found = Entries::default();
    for number in (0..KEYS).chain(MEMOS) {
        let entry = match cache.get_entry(&key(number)) {
            Ok(None) => continue,
            Ok(Some(entry)) => (Held::of(&entry.value), !entry.metadata.tags.is_empty()),
            Err(Error::Corrupt(_)) => (LOST, false),
            Err(error) => return Err(error),
        };
        found.put(number, entry.0);
        found.by_key.entry(number).and_modify(|found| found.is_tagged = entry.1);
    }
    let selection = Selection::Queue(QUEUE.into());
    let scan = Scan { selection, order: Order::Key, reverse: false, expired: true };
    match cache.values(&scan, 100) {
        Ok(values) => found.queue = values.iter().map(Held::of).collect(),
        Err(Error::Corrupt(_)) => {
            found.queue = vec![LOST; usize::try_from(cache.queue_length(QUEUE)?).unwrap()];
        }
        Err(error) => return Err(error),
    }
    Ok(found)
}
