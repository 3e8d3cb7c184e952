//! A deque and an index.

use std::collections::VecDeque;

use super::held::{Held, LOST, are, lost};
use super::stage::Stage;
use super::{Content, Trouble, entries, expect, shard_of};
use crate::Random;
use crate::component::collections::{IndexItem, IndexScan};
use crate::component::types::{Error, Key, Side, Value};
use crate::component::wit::{Order, Selection};
use crate::component::{Instance, text_key};

const LINE: &str = "line";
const MAP: &str = "map";
const KEYS: u64 = 5;

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Add values at an end of the deque.
    Push(Vec<Held>, Side),
    /// Remove one at an end.
    Pull(Side),
    /// Replace the value at a place.
    Set(usize, Held),
    /// Add one before a place.
    Insert(usize, Held),
    /// Remove the one at a place.
    Remove(usize),
    /// Rotate.
    Rotate(i64),
    /// Turn round.
    Reverse,
    /// Let no more than so many stay.
    Bound(Option<u64>),
    /// Remove all values of the deque.
    Empty,
    /// Store in the index.
    Put(Vec<(u64, Held)>),
    /// Remove a key.
    Pop(u64),
    /// Remove the key at an end.
    PopItem(Side),
    /// Make a key the first or last.
    Move(u64, Side),
    /// Carry a value from the front of the deque to the index, in a transaction that takes place or not.
    Carry(u64, bool),
}

/// What is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Collections {
    line: VecDeque<Held>,
    bound: Option<u64>,
    map: Vec<(u64, Held)>,
}

impl Operation {
    pub(super) fn draw(random: &mut Random, number: usize) -> Self {
        let side = if random.below(2) == 0 { Side::Front } else { Side::Back };
        let (place, key) = (usize::try_from(random.below(6)).unwrap(), random.below(KEYS));
        match random.below(24) {
            0..=4 => Self::Push((0..=random.below(3)).map(|_| Held::new(random, number)).collect(), side),
            5..=6 => Self::Pull(side),
            7..=8 => Self::Set(place, Held::new(random, number)),
            9..=10 => Self::Insert(place, Held::new(random, number)),
            11 => Self::Remove(place),
            12..=13 => Self::Rotate(i64::try_from(random.below(7)).unwrap() - 3),
            14 => Self::Reverse,
            15 => Self::Bound((random.below(3) > 0).then_some(4)),
            16..=19 => {
                Self::Put((0..=random.below(3)).map(|step| ((key + step) % KEYS, Held::new(random, number))).collect())
            }
            20 => Self::Pop(key),
            21 => Self::PopItem(side),
            22 => Self::Move(key, side),
            _ if random.below(6) == 0 => Self::Empty,
            _ => Self::Carry(key, random.below(3) > 0),
        }
    }
}

impl Collections {
    fn put(&mut self, key: u64, held: Held) {
        match self.map.iter_mut().find(|(other, _)| *other == key) {
            Some((_, there)) => *there = held,
            None => self.map.push((key, held)),
        }
    }

    fn place(&self, key: u64) -> Option<usize> {
        self.map.iter().position(|(other, _)| *other == key)
    }

    /// What is too many goes, at this end.
    fn trim(&mut self, side: Side) {
        while self.bound.is_some_and(|bound| self.line.len() as u64 > bound) {
            if side == Side::Front {
                self.line.pop_front()
            } else {
                self.line.pop_back()
            };
        }
    }

    fn is_full(&self) -> bool {
        self.bound.is_some_and(|bound| self.line.len() as u64 >= bound)
    }

    pub(super) fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Push(values, Side::Front) => {
                for held in values {
                    self.line.push_front(*held);
                }
                self.trim(Side::Back);
            }
            Operation::Push(values, Side::Back) => {
                self.line.extend(values);
                self.trim(Side::Front);
            }
            Operation::Pull(Side::Front) => drop(self.line.pop_front()),
            Operation::Pull(Side::Back) => drop(self.line.pop_back()),
            Operation::Set(place, held) => self.line.get_mut(*place).into_iter().for_each(|there| *there = *held),
            Operation::Insert(place, held) if !self.is_full() => self.line.insert(self.line.len().min(*place), *held),
            Operation::Remove(place) => drop(self.line.remove(*place)),
            Operation::Rotate(steps) if !self.line.is_empty() => {
                let length = i64::try_from(self.line.len()).unwrap();
                self.line.rotate_right(usize::try_from(steps.rem_euclid(length)).unwrap());
            }
            Operation::Reverse => self.line.make_contiguous().reverse(),
            Operation::Bound(bound) => {
                self.bound = *bound;
                self.trim(Side::Front);
            }
            Operation::Empty => self.line.clear(),
            Operation::Put(pairs) => pairs.iter().for_each(|(key, held)| self.put(*key, *held)),
            Operation::Pop(key) => drop(self.place(*key).map(|place| self.map.remove(place))),
            Operation::PopItem(Side::Front) => drop((!self.map.is_empty()).then(|| self.map.remove(0))),
            Operation::PopItem(Side::Back) => drop(self.map.pop()),
            Operation::Move(key, side) => {
                let Some(place) = self.place(*key) else { return };
                let item = self.map.remove(place);
                self.map.insert(if *side == Side::Front { 0 } else { self.map.len() }, item);
            }
            Operation::Carry(key, true) => {
                if let Some(held) = self.line.pop_front() {
                    self.put(*key, held);
                }
            }
            Operation::Insert(..) | Operation::Rotate(_) | Operation::Carry(_, false) => {}
        }
    }

    /// Whether this is what was found, but for values that could not be read.
    pub(super) fn is(&self, found: &Self) -> bool {
        let keys = |items: &Self| items.map.iter().map(|(key, _)| *key).collect::<Vec<_>>();
        let values = |items: &Self| items.map.iter().map(|(_, held)| *held).collect::<Vec<_>>();
        are(&self.line, &found.line)
            && self.bound == found.bound
            && keys(self) == keys(found)
            && are(&values(self), &values(found))
    }

    pub(super) fn lost(&self) -> usize {
        lost(&self.line) + lost(self.map.iter().map(|(_, held)| held))
    }

    /// What of it lies in one of several shards.
    pub(super) fn of_shard(&self, shard: u32, shards: u32) -> Self {
        let mut part = self.clone();
        if shard_of(LINE, 9, shards) != shard {
            (part.line, part.bound) = Default::default();
        }
        if shard_of(MAP, 10, shards) != shard {
            part.map.clear();
        }
        part
    }
}

fn key(number: u64) -> Key {
    text_key(&number.to_string())
}

fn item((number, held): &(u64, Held)) -> IndexItem {
    IndexItem { key: key(*number), value: held.value() }
}

/// What a collection has where this is no place.
fn beyond<T: Default>(done: Result<T, Error>) -> Result<T, Error> {
    match done {
        Err(Error::OutOfRange(_)) => Ok(T::default()),
        done => done,
    }
}

pub(super) fn perform(stage: &mut Stage, before: &Content, operation: &Operation) -> Result<(), Trouble> {
    let cache = stage.cache();
    if let Operation::Carry(number, commit) = operation {
        cache.begin()?;
        let work = carry(cache, *number);
        return Ok(entries::end(cache, work, *commit)?);
    }
    let (line, map) = (cache.deque(LINE)?, cache.index(MAP)?);
    let done = on_line(cache, line, &before.collections, operation)
        .and_then(|()| on_map(cache, map, &before.collections, operation));
    cache.let_go(line);
    cache.let_go(map);
    done
}

type Resource = wasmtime::component::ResourceAny;

fn on_line(cache: &mut Instance, line: Resource, before: &Collections, operation: &Operation) -> Result<(), Trouble> {
    let place = |place: &usize| i64::try_from(*place).unwrap();
    match operation {
        Operation::Push(values, side) => {
            let values: Vec<_> = values.iter().map(|held| held.value()).collect();
            cache.with(|guest, store| guest.deque().call_push(store, line, &values, *side))?;
        }
        Operation::Pull(side) => {
            let pulled = cache.with(|guest, store| guest.deque().call_pull(store, line, *side, 1, 0))?;
            let end = if *side == Side::Front { before.line.front() } else { before.line.back() };
            expect("pull", pulled.first().map(Held::of), end.copied())?;
        }
        Operation::Set(at, held) => {
            beyond(cache.with(|guest, store| guest.deque().call_set(store, line, place(at), &held.value())))?;
        }
        Operation::Insert(at, held) => {
            let inserted = cache.with(|guest, store| guest.deque().call_insert(store, line, place(at), &held.value()));
            match inserted {
                Err(Error::Full(_)) if before.is_full() => {}
                inserted => drop(inserted?),
            }
        }
        Operation::Remove(at) => {
            beyond(cache.with(|guest, store| guest.deque().call_delete(store, line, place(at))))?;
        }
        Operation::Rotate(steps) => cache.with(|guest, store| guest.deque().call_rotate(store, line, *steps))?,
        Operation::Reverse => cache.with(|guest, store| guest.deque().call_reverse(store, line))?,
        Operation::Bound(bound) => cache.with(|guest, store| guest.deque().call_set_bound(store, line, *bound))?,
        Operation::Empty => drop(cache.with(|guest, store| guest.deque().call_clear(store, line))?),
        _ => {}
    }
    Ok(())
}

fn on_map(cache: &mut Instance, map: Resource, before: &Collections, operation: &Operation) -> Result<(), Trouble> {
    match operation {
        Operation::Put(pairs) => {
            let items: Vec<_> = pairs.iter().map(item).collect();
            cache.with(|guest, store| guest.index().call_update(store, map, &items))?;
        }
        Operation::Pop(number) => {
            let popped = cache.with(|guest, store| guest.index().call_pop(store, map, &key(*number)))?;
            let held = before.place(*number).map(|place| before.map[place].1);
            expect("pop", popped.as_ref().map(Held::of), held)?;
        }
        Operation::PopItem(side) => {
            let popped = cache.with(|guest, store| guest.index().call_pop_item(store, map, *side))?;
            let end = if *side == Side::Front { before.map.first() } else { before.map.last() };
            expect("pop-item", popped.map(|item| Held::of(&item.value)), end.map(|(_, held)| *held))?;
        }
        Operation::Move(number, side) => {
            cache.with(|guest, store| guest.index().call_move_to_end(store, map, &key(*number), *side))?;
        }
        _ => {}
    }
    Ok(())
}

/// Carries a value from the deque to the index, in a transaction that has begun.
fn carry(cache: &mut Instance, number: u64) -> Result<(), Error> {
    let line = cache.deque(LINE)?;
    let pulled = cache.with(|guest, store| guest.deque().call_pull(store, line, Side::Front, 1, 0));
    cache.let_go(line);
    let pulled = pulled?;
    let Some(value) = pulled.first() else { return Ok(()) };
    let map = cache.index(MAP)?;
    let set = cache.with(|guest, store| guest.index().call_set(store, map, &key(number), value));
    cache.let_go(map);
    set.map(drop)
}

/// What is in a cache. A value that was altered counts as lost.
pub(super) fn read(cache: &mut Instance) -> Result<Collections, Error> {
    let (line, map) = (cache.deque(LINE)?, cache.index(MAP)?);
    let found = read_both(cache, line, map);
    cache.let_go(line);
    cache.let_go(map);
    found
}

fn read_both(cache: &mut Instance, line: Resource, map: Resource) -> Result<Collections, Error> {
    let mut found = Collections::default();
    let or_lost = |value: Result<Option<Value>, Error>| match value {
        Err(Error::Corrupt(_)) => Ok(LOST),
        value => value.map(|value| value.as_ref().map_or(LOST, Held::of)),
    };
    found.bound = cache.with(|guest, store| guest.deque().call_bound(store, line))?;
    let length = cache.with(|guest, store| guest.deque().call_length(store, line))?;
    for place in 0..i64::try_from(length).unwrap() {
        let value = cache.with(|guest, store| guest.deque().call_get(store, line, place));
        found.line.push_back(or_lost(value)?);
    }
    for number in keys(cache, map)? {
        let value = cache.with(|guest, store| guest.index().call_get(store, map, &key(number)));
        found.map.push((number, or_lost(value)?));
    }
    Ok(found)
}

/// The keys of an index in the order of their arrival.
fn keys(cache: &mut Instance, map: Resource) -> Result<Vec<u64>, Error> {
    let scan = IndexScan { selection: Selection::All, order: Order::Insertion, reverse: false };
    let cursor = cache.with(|guest, store| guest.index().call_items(store, map, &scan))?;
    let keys = cache.with(|guest, store| guest.index_cursor().call_next_keys(store, cursor, 100));
    cache.let_go(cursor);
    let number = |key: &Key| match key {
        Key::Text(text) => text.parse().unwrap(),
        key => panic!("a key that nobody has stored: {key:?}"),
    };
    Ok(keys?.iter().map(number).collect())
}
