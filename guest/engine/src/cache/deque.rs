//! Deques by name.

use std::cmp::Ordering;

use super::Cache;
use super::session::Session;
use crate::call::{self, check_limit};
use crate::collection::compare::compare;
use crate::collection::pieces::Pieces;
use crate::collection::{Home, Kind};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::options::Side;
use crate::shard::Shard;
use crate::value::Value;

/// Values copied or compared at a time.
const PAGE: u32 = 256;

/// A line of values, open at both ends, of which a directory has any number by name.
///
/// Its values never expire and are never evicted. Each operation is atomic, and a part of the open
/// transaction if it goes through one. A place is counted from the front, or, if it is negative, from
/// the back: -1 is the last.
#[derive(Debug, Clone)]
pub struct Deque {
    home: Home,
}

impl Deque {
    /// The deque of a name, whether or not anything is in it.
    pub fn new(name: &str) -> Result<Self> {
        Ok(Self { home: Home::new(Kind::Deque, name)? })
    }

    pub(super) fn of(home: Home) -> Self {
        Self { home }
    }

    /// Number of values.
    pub fn len(&self, cache: &mut Cache) -> Result<u64> {
        Ok(cache.on_collection(&self.home, Shard::collection_size)?.0)
    }

    /// How many values there may be; none without a bound.
    pub fn bound(&self, cache: &mut Cache) -> Result<Option<u64>> {
        Ok(cache.on_collection(&self.home, Shard::collection_size)?.1)
    }

    /// Sets how many values there may be, for all who use it. What is too many goes at the front.
    pub fn set_bound(&self, cache: &mut Cache, bound: Option<u64>) -> Result<()> {
        if bound.is_some_and(|bound| bound == 0 || i64::try_from(bound).is_err()) {
            return Err(Error::InvalidArgument(format!("the bound of {} must be 1 to {}", self.home, i64::MAX)));
        }
        cache.on_collection(&self.home, |shard, home| shard.deque_bind(home, bound))
    }

    /// Adds values at one end, one after the other; returns the number of values afterwards. If that
    /// exceeds the bound, what is too many goes at the other end.
    pub fn push(&self, cache: &mut Cache, values: &[Value], side: Side) -> Result<u64> {
        values.iter().try_for_each(|value| self.check(value))?;
        if values.is_empty() {
            return self.len(cache);
        }
        cache.on_collection(&self.home, |shard, home| shard.deque_push(home, values, side))
    }

    /// Removes up to `limit` values at one end and returns them, fewer where they are large. While there
    /// are none, waits for up to `wait_ms`, unless it is a part of a transaction.
    pub fn pull(&self, cache: &mut Cache, side: Side, limit: u32, wait_ms: u32) -> Result<Vec<Value>> {
        check_limit(limit)?;
        let pulled = cache.await_some(wait_ms, |cache| {
            // A look costs less than taking the write lock in vain.
            if self.len(cache)? == 0 {
                cache.assure_writable()?;
                return Ok(None);
            }
            let values = cache.on_collection(&self.home, |shard, home| shard.deque_pull(home, side, limit))?;
            Ok(Some(values).filter(|values| !values.is_empty()))
        })?;
        Ok(pulled.unwrap_or_default())
    }

    /// The value at a place; none if there is nothing.
    pub fn get(&self, cache: &mut Cache, place: i64) -> Result<Option<Value>> {
        cache.on_collection(&self.home, |shard, home| shard.deque_get(home, place))
    }

    /// Puts a value in place of the one at a place.
    pub fn set(&self, cache: &mut Cache, place: i64, value: &Value) -> Result<()> {
        self.check(value)?;
        cache.on_collection(&self.home, |shard, home| shard.deque_set(home, place, value))
    }

    /// Adds a value before the one at a place, or behind the last if there are no more; returns the number
    /// of values afterwards. A deque that has reached its bound is [`Error::Full`].
    pub fn insert(&self, cache: &mut Cache, place: i64, value: &Value) -> Result<u64> {
        self.check(value)?;
        cache.on_collection(&self.home, |shard, home| shard.deque_insert(home, place, value))
    }

    /// Removes the value at a place.
    pub fn delete(&self, cache: &mut Cache, place: i64) -> Result<()> {
        cache.on_collection(&self.home, |shard, home| shard.deque_delete(home, place))
    }

    /// Removes the first value that equals this one; whether there was one. Numbers are equal by value,
    /// everything else byte by byte.
    pub fn remove(&self, cache: &mut Cache, value: &Value) -> Result<bool> {
        cache.on_collection(&self.home, |shard, home| shard.deque_remove(home, value))
    }

    /// The places of all values that equal this one, in order, as [`Deque::remove`] compares.
    pub fn places_of(&self, cache: &mut Cache, value: &Value) -> Result<Vec<u64>> {
        Ok(cache.on_collection(&self.home, |shard, home| shard.deque_places(home, value))?.0)
    }

    /// How many values equal this one, as [`Deque::remove`] compares.
    pub fn count(&self, cache: &mut Cache, value: &Value) -> Result<u64> {
        Ok(self.places_of(cache, value)?.len() as u64)
    }

    /// The first place, from one on and before another, whose value equals this one, as [`Deque::remove`]
    /// compares; without an end, to the back.
    pub fn index_of(&self, cache: &mut Cache, value: &Value, from: i64, to: Option<i64>) -> Result<Option<u64>> {
        cache.on_collection(&self.home, |shard, home| {
            let (places, length) = shard.deque_places(home, value)?;
            let resolve = |place: i64| {
                if place < 0 { length.saturating_sub(place.unsigned_abs()) } else { place.unsigned_abs() }
            };
            let range = resolve(from)..to.map_or(u64::MAX, resolve);
            Ok(places.into_iter().find(|place| range.contains(place)))
        })
    }

    /// Moves the last `steps` values to the front, or, if it is negative, the first to the back.
    pub fn rotate(&self, cache: &mut Cache, steps: i64) -> Result<()> {
        cache.on_collection(&self.home, |shard, home| shard.deque_rotate(home, steps))
    }

    /// Turns the order round.
    pub fn reverse(&self, cache: &mut Cache) -> Result<()> {
        cache.on_collection(&self.home, Shard::deque_reverse)
    }

    /// Removes all values; returns how many. The bound stays.
    pub fn clear(&self, cache: &mut Cache) -> Result<u64> {
        cache.on_collection(&self.home, Shard::clear_collection)
    }

    /// Copies values and bound to another name, in place of what is there; returns how many values.
    pub fn copy_to(&self, cache: &mut Cache, target: &Self) -> Result<u64> {
        if self.home == target.home {
            return Err(Error::InvalidArgument(format!("{} can not be copied to itself", self.home)));
        }
        cache.assure_writable()?;
        cache.on_both([&self.home, &target.home], |session| {
            let bound = session.shard_of(self.home.hash())?.collection_size(&self.home)?.1;
            let shard = session.shard_of(target.home.hash())?;
            shard.clear_collection(&target.home)?;
            shard.deque_bind(&target.home, bound)?;
            let mut walk = Walk::begin(session, &self.home)?;
            let mut copied = 0;
            loop {
                let values = walk.page(session)?;
                if values.is_empty() {
                    return Ok(copied);
                }
                copied = session.shard_of(target.home.hash())?.deque_push(&target.home, &values, Side::Back)?;
            }
        })
    }

    /// Compares value by value, at one moment; a shorter one that is equal so far comes first. Numbers come
    /// before text, and that before bytes.
    pub fn compare(&self, cache: &mut Cache, other: &Self) -> Result<Ordering> {
        cache.on_both([&self.home, &other.home], |session| {
            let (mut one, mut two) = (Walk::begin(session, &self.home)?, Walk::begin(session, &other.home)?);
            loop {
                let (values, others) = (one.page(session)?, two.page(session)?);
                let pairs = values.iter().zip(&others);
                let ordering = pairs.map(|(value, other)| compare(value, other)).find(|ordering| ordering.is_ne());
                let ordering = ordering.unwrap_or_else(|| values.len().cmp(&others.len()));
                if ordering.is_ne() || values.is_empty() {
                    return Ok(ordering);
                }
            }
        })
    }

    /// Begins to enumerate the values as they are now, from a place on, or backwards from it.
    pub fn scan(&self, cache: &mut Cache, from: i64, reverse: bool) -> Result<DequeCursor> {
        let order = cache.on_collection(&self.home, Shard::deque_order)?;
        let (collection, pieces) = order.unwrap_or_default();
        let length = pieces.len();
        let from = if from < 0 { length.checked_sub(from.unsigned_abs()) } else { Some(from.unsigned_abs()) };
        let next = match from {
            Some(from) if reverse => from.min(length.saturating_sub(1)).checked_add(1).map(|end| end.min(length)),
            None if reverse => Some(0),
            from => Some(from.unwrap_or(0)),
        };
        Ok(DequeCursor { home: self.home.clone(), collection, pieces, next: next.unwrap_or(0), reverse })
    }

    fn check(&self, value: &Value) -> Result<()> {
        value.validate(&Key::Text(self.home.name.clone()))
    }
}

/// A place in an enumeration of a deque.
///
/// It enumerates the values that were there when it began, without those that have been removed since;
/// of one that has been replaced, the new value. A value that is moved because others are inserted into
/// and deleted from the middle at the same time may be passed over.
pub struct DequeCursor {
    home: Home,
    collection: i64,
    pieces: Pieces,
    /// The place of the next value, or, in reverse, one more.
    next: u64,
    reverse: bool,
}

impl DequeCursor {
    /// Up to `limit` further values, fewer where they are large; none left: an empty list.
    pub fn next(&mut self, cache: &mut Cache, limit: u32) -> Result<Vec<Value>> {
        check_limit(limit)?;
        cache.assure_open()?;
        let (mut values, mut size) = (Vec::new(), 0);
        while values.len() < limit as usize && size < call::SIZE {
            let place = if self.reverse { self.next.checked_sub(1) } else { Some(self.next) };
            let Some(position) = place.and_then(|place| self.pieces.at(place)) else { break };
            let collection = self.collection;
            match cache.on_collection(&self.home, |shard, home| shard.deque_row(home, collection, position)) {
                // What was read is returned; the next call meets the error.
                Err(_) if !values.is_empty() => break,
                read => {
                    // An error is told once; the rest can still be had.
                    self.next = if self.reverse { self.next.saturating_sub(1) } else { self.next.saturating_add(1) };
                    let Some(value) = read? else { continue };
                    size += value.size();
                    values.push(value);
                }
            }
        }
        Ok(values)
    }
}

/// The values of a deque that nobody changes, a page at a time.
struct Walk<'a> {
    home: &'a Home,
    collection: i64,
    pieces: Pieces,
    next: u64,
}

impl<'a> Walk<'a> {
    fn begin(session: &mut Session, home: &'a Home) -> Result<Self> {
        let (collection, pieces) = session.shard_of(home.hash())?.deque_order(home)?.unwrap_or_default();
        Ok(Self { home, collection, pieces, next: 0 })
    }

    fn page(&mut self, session: &mut Session) -> Result<Vec<Value>> {
        let positions = self.pieces.range(self.next, u64::from(PAGE));
        self.next = self.next.saturating_add(u64::from(PAGE));
        let shard = session.shard_of(self.home.hash())?;
        let values = positions.into_iter().map(|position| {
            let value = shard.deque_row(self.home, self.collection, position)?;
            value.ok_or_else(|| Error::Corrupt(format!("a value of {} is missing", self.home)))
        });
        values.collect()
    }
}
