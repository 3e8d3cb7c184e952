//! Deques: values in a line, reached at both ends and at any place.
//!
//! Every operation is one write transaction, or one look: rotating and turning round touch no value,
//! see [`crate::collection::pieces`].

use super::Shard;
use super::address::{Address, Slot};
use super::change::Change;
use super::collection::Collection;
use super::parts::Kept;
use super::read::Held;
use super::write::Store;
use crate::call;
use crate::collection::Home;
use crate::collection::compare::compare;
use crate::collection::pieces::Pieces;
use crate::error::{Error, Result};
use crate::options::{SetOptions, Side};
use crate::value::Value;

/// How often what is looked for may change while it is being read.
const ATTEMPTS: u32 = 100;
/// More rows than a page has room for.
const ROWS_OF_A_PAGE: u64 = 512;
/// A row that is not there yet.
const NEW: Slot<'static> = Slot::Row(0, 0);

const RENUMBER: &str = "UPDATE member SET position = ?3 WHERE collection = ?1 AND position = ?2";

/// The place that `place` means, counted from the end if it is negative; none if there is nothing.
fn resolve(place: i64, length: u64) -> Option<u64> {
    let resolved = if place < 0 { length.checked_sub(place.unsigned_abs()) } else { Some(place.unsigned_abs()) };
    resolved.filter(|resolved| *resolved < length)
}

fn drafts<'v>(values: &'v [Value], options: &'v SetOptions) -> Result<Vec<(Slot<'static>, Store<'v>)>> {
    values.iter().map(|value| Ok((NEW, Store::new(value, options)?))).collect()
}

impl Shard {
    /// Adds values at one end, one after the other; returns the length. What exceeds the bound goes at
    /// the other end.
    pub(crate) fn deque_push(&mut self, home: &Home, values: &[Value], side: Side) -> Result<u64> {
        let options = SetOptions::default();
        let drafts = drafts(values, &options)?;
        self.guard(|shard| {
            let length = shard.add_to_collection(home, &drafts, |work, deque, kept| {
                for kept in kept {
                    let place = if side == Side::Front { 0 } else { deque.length };
                    work.insert_at(home, deque, place, kept)?;
                    work.keep_bound(home, deque, side)?;
                }
                Ok(Some(deque.length))
            })?;
            Ok(length.unwrap_or(0))
        })
    }

    /// Adds a value before the one at a place; behind the last, if there are no more. A deque that has
    /// reached its bound takes no more.
    pub(crate) fn deque_insert(&mut self, home: &Home, place: i64, value: &Value) -> Result<u64> {
        let options = SetOptions::default();
        let drafts = drafts(std::slice::from_ref(value), &options)?;
        self.guard(|shard| {
            let length = shard.add_to_collection(home, &drafts, |work, deque, kept| {
                if let Some(bound) = deque.bound.filter(|bound| deque.length >= *bound) {
                    return Err(Error::Full(format!("{home} holds the {bound} values it may hold")));
                }
                let place = if place < 0 {
                    deque.length.saturating_sub(place.unsigned_abs())
                } else {
                    place.unsigned_abs().min(deque.length)
                };
                kept.iter().try_for_each(|kept| work.insert_at(home, deque, place, kept))?;
                Ok(Some(deque.length))
            })?;
            Ok(length.unwrap_or(0))
        })
    }

    /// Puts a value in place of the one at a place.
    pub(crate) fn deque_set(&mut self, home: &Home, place: i64, value: &Value) -> Result<()> {
        let options = SetOptions::default();
        let drafts = drafts(std::slice::from_ref(value), &options)?;
        self.guard(|shard| {
            shard.add_to_collection(home, &drafts, |work, deque, kept| {
                let position = deque.pieces.at(deque.resolve(home, place)?).ok_or_else(|| missing(home))?;
                let row = (deque.id, position);
                let address = Address::Member(home, Slot::Row(row.0, row.1));
                kept.iter().try_for_each(|kept| work.replace_member(address, row, kept)).map(Some)
            })?;
            Ok(())
        })
    }

    /// Removes up to `limit` values at one end and returns them, fewer where they are large. Each is read
    /// before it is removed, so that no damage of a value costs one.
    pub(crate) fn deque_pull(&mut self, home: &Home, side: Side, limit: u32) -> Result<Vec<Value>> {
        self.free_in_collection(home, |work, deque| {
            let values = work.ends(home, deque, side, limit)?;
            for _ in &values {
                let place = if side == Side::Front { 0 } else { deque.length.saturating_sub(1) };
                work.remove_at(deque, place)?;
            }
            Ok(values)
        })
    }

    /// The value at a place; none if there is nothing.
    pub(crate) fn deque_get(&mut self, home: &Home, place: i64) -> Result<Option<Value>> {
        self.guard(|shard| {
            for _ in 0..ATTEMPTS {
                let found = shard.read_optimistically(|| {
                    let Some(deque) = shard.collection(home)? else { return Ok(None) };
                    let Some(place) = resolve(place, deque.length) else { return Ok(None) };
                    let position = deque.pieces.at(place).ok_or_else(|| missing(home))?;
                    let held = shard.held_at(Address::Member(home, Slot::Row(deque.id, position)))?;
                    held.map(Some).ok_or_else(|| missing(home))
                })?;
                match found {
                    None => return Ok(None),
                    Some(Held::Value(value)) => return Ok(Some(value)),
                    Some(Held::File(file)) => {
                        if let Some(value) = shard.read_file(Address::Member(home, NEW), &file)? {
                            return Ok(Some(value));
                        }
                    }
                }
            }
            Err(missing(home))
        })
    }

    /// Removes the value at a place.
    pub(crate) fn deque_delete(&mut self, home: &Home, place: i64) -> Result<()> {
        self.free_in_collection(home, |work, deque| {
            let resolved = deque.resolve(home, place)?;
            work.remove_at(deque, resolved).map(drop)
        })
    }

    /// Moves the last `steps` values to the front, or, if it is negative, the first to the back.
    pub(crate) fn deque_rotate(&mut self, home: &Home, steps: i64) -> Result<()> {
        self.guard(|shard| {
            shard.change_collection(home, |work, deque| {
                if let Some(length) = i64::try_from(deque.length).ok().filter(|length| *length > 0) {
                    deque.pieces.rotate(steps.rem_euclid(length).unsigned_abs());
                }
                work.join_pieces(deque)
            })
        })
    }

    /// Turns the order round.
    pub(crate) fn deque_reverse(&mut self, home: &Home) -> Result<()> {
        self.guard(|shard| {
            shard.change_collection(home, |_, deque| {
                deque.pieces.reverse();
                Ok(())
            })
        })
    }

    /// Sets how many values there may be, and removes from the front what is too many.
    pub(crate) fn deque_bind(&mut self, home: &Home, bound: Option<u64>) -> Result<()> {
        self.guard(|shard| {
            shard.change_collection(home, |work, deque| {
                deque.bound = bound;
                work.keep_bound(home, deque, Side::Back)
            })
        })
    }

    /// The places of all values that equal this one, in order, and the length.
    pub(crate) fn deque_places(&mut self, home: &Home, value: &Value) -> Result<(Vec<u64>, u64)> {
        self.guard(|shard| shard.places_of(home, value))
    }

    /// Removes the first value that equals this one; whether there was one.
    pub(crate) fn deque_remove(&mut self, home: &Home, value: &Value) -> Result<bool> {
        self.free_in_collection(home, |work, deque| {
            let Some(first) = work.shard.places_of(home, value)?.0.first().copied() else { return Ok(false) };
            work.remove_at(deque, first)?;
            Ok(true)
        })
    }

    /// The order of a deque as it is now, with the number of its collection.
    pub(crate) fn deque_order(&mut self, home: &Home) -> Result<Option<(i64, Pieces)>> {
        self.guard(|shard| {
            shard.read_optimistically(|| {
                let Some(deque) = shard.collection(home)? else { return Ok(None) };
                shard.assure_plausible(home, &deque)?;
                Ok(Some((deque.id, deque.pieces)))
            })
        })
    }

    /// Fails if a deque is said to hold more than the database has room for. Whoever walks along it would
    /// look for each.
    fn assure_plausible(&self, home: &Home, deque: &Collection) -> Result<()> {
        let most = self.database()?.count_pages()?.saturating_mul(ROWS_OF_A_PAGE);
        if deque.length > most {
            let length = deque.length;
            return Err(Error::Corrupt(format!("{home} is said to hold {length} values, for which there is no room")));
        }
        Ok(())
    }

    /// The value of a row; none if it is gone.
    pub(crate) fn deque_row(&mut self, home: &Home, collection: i64, position: i64) -> Result<Option<Value>> {
        self.guard(|shard| shard.member_value(Address::Member(home, Slot::Row(collection, position))))
    }

    fn places_of(&self, home: &Home, value: &Value) -> Result<(Vec<u64>, u64)> {
        'attempt: for _ in 0..ATTEMPTS {
            let found = self.read_optimistically(|| {
                let Some(deque) = self.collection(home)? else { return Ok(None) };
                let candidates = self.held_of_length(home, deque.id, value.size() as u64)?;
                Ok(Some((deque, candidates)))
            })?;
            let Some((deque, candidates)) = found else { return Ok((Vec::new(), 0)) };
            let mut places = Vec::new();
            for (position, candidate) in candidates {
                let candidate = match candidate {
                    Held::Value(candidate) => candidate,
                    Held::File(file) => match self.read_file(Address::Member(home, NEW), &file)? {
                        Some(candidate) => candidate,
                        None => continue 'attempt,
                    },
                };
                if compare(&candidate, value).is_eq() {
                    places.extend(deque.pieces.place_of(position));
                }
            }
            places.sort_unstable();
            return Ok((places, deque.length));
        }
        Err(Error::Timeout(format!("a moment in which {home} is not being changed")))
    }
}

fn missing(home: &Home) -> Error {
    Error::Corrupt(format!("a value of {home} is missing or was altered"))
}

impl Collection {
    /// The place from the front that `place` means, which must be there.
    fn resolve(&self, home: &Home, place: i64) -> Result<u64> {
        let beyond = || Error::OutOfRange(format!("place {place} of {home}, which holds {} values", self.length));
        resolve(place, self.length).ok_or_else(beyond)
    }
}

impl Change<'_> {
    /// Up to `limit` values at one end, the outermost first, fewer where they are large.
    fn ends(&self, home: &Home, deque: &Collection, side: Side, limit: u32) -> Result<Vec<Value>> {
        let (mut values, mut bytes) = (Vec::new(), 0);
        for taken in 0..deque.length.min(u64::from(limit)) {
            let place = if side == Side::Front { taken } else { deque.length - 1 - taken };
            let position = deque.pieces.at(place).ok_or_else(|| missing(home))?;
            let read = self.shard.member_value(Address::Member(home, Slot::Row(deque.id, position)));
            match read.and_then(|value| value.ok_or_else(|| missing(home))) {
                Ok(value) => {
                    bytes += value.size();
                    values.push(value);
                }
                // What was read is returned; the next call meets the error.
                Err(_) if !values.is_empty() => break,
                Err(error) => return Err(error),
            }
            if bytes >= call::SIZE {
                break;
            }
        }
        Ok(values)
    }

    fn insert_at(&mut self, home: &Home, deque: &mut Collection, place: u64, kept: &Kept<'_>) -> Result<()> {
        let position = deque.pieces.insert(place);
        let position = position.ok_or_else(|| Error::Overflow(format!("the numbers of {home} are used up")))?;
        self.insert_member(Address::Member(home, NEW), (deque.id, position), kept)?;
        deque.length = deque.length.saturating_add(1);
        self.join_pieces(deque)
    }

    /// Removes the value at a place; whether it was there.
    fn remove_at(&mut self, deque: &mut Collection, place: u64) -> Result<bool> {
        let Some(position) = deque.pieces.remove(place) else { return Ok(false) };
        let removed = self.remove_member(deque.id, position)?;
        deque.length = deque.length.saturating_sub(1);
        self.join_pieces(deque)?;
        Ok(removed)
    }

    /// Removes what is too many, at the end opposite to `grown`.
    fn keep_bound(&mut self, home: &Home, deque: &mut Collection, grown: Side) -> Result<()> {
        while deque.bound.is_some_and(|bound| deque.length > bound) {
            let place = if grown == Side::Back { 0 } else { deque.length.saturating_sub(1) };
            // In a damaged one there may be any number of values that are not there.
            if !self.remove_at(deque, place)? {
                return Err(missing(home));
            }
        }
        Ok(())
    }

    /// Gives rows other numbers, if there are too many pieces.
    pub(super) fn join_pieces(&mut self, deque: &mut Collection) -> Result<()> {
        while let Some(renumbering) = deque.pieces.join_smallest() {
            for (old, new) in renumbering.old.into_iter().zip(renumbering.first..) {
                self.keep_member_for_undo(deque.id, old, false)?;
                self.keep_member_for_undo(deque.id, new, true)?;
                self.run(|connection| connection.prepare_cached(RENUMBER)?.execute((deque.id, old, new)))?;
            }
        }
        Ok(())
    }
}
