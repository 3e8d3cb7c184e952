//! A cache that lives through a number of operations, and what must be in it after each.

use std::collections::BTreeMap;

use crate::Random;
use crate::component::types::{Draft, Error, Key, SetOptions, Side, Value};
use crate::component::wit::{OpenOptions, Order, Scan, Selection};
use crate::component::{Instance, options, plain, tagged, text_key};

const KEYS: u64 = 8;
const QUEUE: &str = "jobs";
const TAG: &str = "t";
/// Longer than this values have files.
const SMALL: usize = 24;
const LARGE: usize = 40_000;

/// A value by what it is made of: a byte, so many times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    byte: u8,
    length: usize,
}

impl Held {
    fn value(self) -> Value {
        Value::Bytes(vec![self.byte; self.length])
    }

    /// What a value is; none if it is none that was ever stored.
    fn of(value: &Value) -> Option<Self> {
        let Value::Bytes(bytes) = value else { return None };
        let byte = *bytes.first()?;
        bytes.iter().all(|other| *other == byte).then_some(Self { byte, length: bytes.len() })
    }

    fn is_large(self) -> bool {
        self.length == LARGE
    }
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Store a value, with a tag or without.
    Set(u64, Held, bool),
    /// Remove one.
    Delete(u64),
    /// Store several, all or none.
    SetMany(Vec<(u64, Held)>),
    /// Store several and remove one, in a transaction that takes place or not.
    Transaction(Vec<(u64, Held)>, u64, bool),
    /// Push to a queue.
    Push(Held),
    /// Pull from it.
    Pull,
    /// Remove what has the tag.
    Evict,
    /// Remove everything.
    Clear,
    /// Write to the disk what the log holds.
    Compact,
}

/// What is in the cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    entries: BTreeMap<u64, (Held, bool)>,
    queue: Vec<Held>,
}

/// What was found of a key whose value can not be read, because its file is not whole.
const LOST: Held = Held { byte: 0, length: 0 };

/// Whether one list is another without some of its elements.
fn is_part(part: &[Held], whole: &[Held]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|held| whole.any(|other| other == held))
}

impl Operation {
    /// Whether it is several transactions, between which others get in.
    #[must_use]
    pub fn goes_in_steps(&self) -> bool {
        matches!(self, Self::Evict | Self::Clear)
    }
}

impl Content {
    /// Whether `found` is this, but for values that could not be read. Only those in files can be such.
    #[must_use]
    pub fn is(&self, found: &Self) -> bool {
        let same = |(held, found): (&Held, &Held)| held == found || (*found == LOST && held.is_large());
        let keys = |content: &Self| content.entries.keys().copied().collect::<Vec<_>>();
        keys(self) == keys(found)
            && self
                .entries
                .values()
                .zip(found.entries.values())
                .all(|(held, found)| same((&held.0, &found.0)) && (held.1 == found.1 || found.0 == LOST))
            && self.queue.len() == found.queue.len()
            && (self.queue.iter().zip(&found.queue).all(same) || found.has_unread_queue(self))
    }

    /// Of a queue with a value that is lost, nothing more can be told than its length.
    fn has_unread_queue(&self, held: &Self) -> bool {
        self.queue.iter().all(|found| *found == LOST) && held.queue.iter().any(|held| held.is_large())
    }

    /// Whether `found` is what an operation that goes in steps makes of this on its way to `after`: what
    /// stays is there, and of what goes some.
    #[must_use]
    pub fn is_on_the_way(&self, found: &Self, after: &Self) -> bool {
        let mut between = self.clone();
        between.entries.retain(|key, _| found.entries.contains_key(key));
        if is_part(&found.queue, &self.queue) && is_part(&after.queue, &found.queue) {
            between.queue.clone_from(&found.queue);
        }
        between.is(found) && after.entries.keys().all(|key| found.entries.contains_key(key))
    }

    /// How many values could not be read.
    #[must_use]
    pub fn lost(&self) -> usize {
        let entries = self.entries.values().map(|(held, _)| held);
        entries.chain(&self.queue).filter(|held| **held == LOST).count()
    }

    fn put(&mut self, key: u64, held: Held, is_tagged: bool) {
        self.entries.insert(key, (held, is_tagged));
    }

    fn put_all(&mut self, pairs: &[(u64, Held)]) {
        for (key, held) in pairs {
            self.put(*key, *held, false);
        }
    }

    /// Does an operation.
    pub fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Set(key, held, is_tagged) => self.put(*key, *held, *is_tagged),
            Operation::Delete(key) => drop(self.entries.remove(key)),
            Operation::SetMany(pairs) => self.put_all(pairs),
            Operation::Transaction(pairs, removed, true) => {
                self.put_all(pairs);
                self.entries.remove(removed);
            }
            Operation::Push(held) => self.queue.push(*held),
            Operation::Pull => drop((!self.queue.is_empty()).then(|| self.queue.remove(0))),
            Operation::Evict => self.entries.retain(|_, (_, is_tagged)| !*is_tagged),
            Operation::Clear => *self = Self::default(),
            Operation::Transaction(_, _, false) | Operation::Compact => {}
        }
    }
}

/// So many operations, as a seed has them.
#[must_use]
pub fn operations(random: &mut Random, count: usize) -> Vec<Operation> {
    (0..count).map(|number| operation(random, number)).collect()
}

fn operation(random: &mut Random, number: usize) -> Operation {
    // No two values alike, and none of zeros, which a hole would be.
    let byte = u8::try_from(number % 255 + 1).unwrap();
    let held = |random: &mut Random| Held { byte, length: if random.below(4) == 0 { LARGE } else { SMALL } };
    let pairs = |random: &mut Random| -> Vec<(u64, Held)> {
        let first = random.below(KEYS);
        (0..3).map(|step| ((first + step) % KEYS, held(random))).collect()
    };
    match random.below(20) {
        0..=6 => {
            let (key, is_tagged) = (random.below(KEYS), random.below(3) == 0);
            Operation::Set(key, held(random), is_tagged)
        }
        7..=8 => Operation::Delete(random.below(KEYS)),
        9..=10 => Operation::SetMany(pairs(random)),
        11..=13 => Operation::Transaction(pairs(random), random.below(KEYS), random.below(4) > 0),
        14..=15 => Operation::Push(held(random)),
        16 => Operation::Pull,
        17 => Operation::Evict,
        18 => Operation::Compact,
        _ => Operation::Clear,
    }
}

fn key(number: u64) -> Key {
    text_key(&format!("key {number}"))
}

fn draft((number, held): &(u64, Held)) -> Draft {
    Draft { key: key(*number), value: held.value(), options: plain() }
}

fn set_options(is_tagged: bool) -> SetOptions {
    if is_tagged { tagged(&[TAG]) } else { plain() }
}

/// Does an operation on a cache.
pub fn perform(cache: &mut Instance, operation: &Operation) -> Result<(), Error> {
    match operation {
        Operation::Set(number, held, is_tagged) => {
            cache.set(&key(*number), &held.value(), &set_options(*is_tagged)).map(drop)
        }
        Operation::Delete(number) => cache.delete(&key(*number)).map(drop),
        Operation::SetMany(pairs) => cache.set_many(&pairs.iter().map(draft).collect::<Vec<_>>()).map(drop),
        Operation::Transaction(pairs, removed, commit) => {
            cache.begin()?;
            let work = pairs.iter().try_for_each(|pair| {
                let Draft { key, value, options } = draft(pair);
                cache.set(&key, &value, &options).map(drop)
            });
            let work = work.and_then(|()| cache.delete(&key(*removed)).map(drop));
            match work {
                Ok(()) => cache.end(*commit),
                // What it was for is told, not that it could not be ended any more.
                Err(error) => cache.end(false).map_or(Err(error.clone()), |()| Err(error)),
            }
        }
        Operation::Push(held) => cache.push(QUEUE, &held.value(), Side::Back, &plain()).map(drop),
        Operation::Pull => cache.pull(QUEUE, Side::Front).map(drop),
        Operation::Evict => cache.evict(&Selection::Tag(TAG.into())).map(drop),
        Operation::Clear => cache.clear().map(drop),
        Operation::Compact => cache.compact().map(drop),
    }
}

/// What is in a cache. A value that was altered counts as lost; any other error is one.
pub fn content(cache: &mut Instance) -> Result<Content, Error> {
    let mut found = Content::default();
    for number in 0..KEYS {
        match cache.get_entry(&key(number)) {
            Ok(None) => {}
            Ok(Some(entry)) => {
                let held = Held::of(&entry.value).expect("a value that was stored, not another");
                found.put(number, held, !entry.metadata.tags.is_empty());
            }
            Err(Error::Corrupt(_)) => found.put(number, LOST, false),
            Err(error) => return Err(error),
        }
    }
    let selection = Selection::Queue(QUEUE.into());
    let scan = Scan { selection, order: Order::Key, reverse: false, expired: true };
    match cache.values(&scan, 100) {
        Ok(values) => {
            let held = |value| Held::of(value).expect("a value that was stored, not another");
            found.queue = values.iter().map(held).collect();
        }
        Err(Error::Corrupt(_)) => {
            found.queue = vec![LOST; usize::try_from(cache.queue_length(QUEUE)?).unwrap()];
        }
        Err(error) => return Err(error),
    }
    Ok(found)
}

/// How to open the cache of a story. Nobody waits long for anything.
#[must_use]
pub fn opening(shards: u32) -> OpenOptions {
    OpenOptions { shards: Some(shards), wait_ms: Some(200), lease_ms: Some(200), ..options() }
}
