//! Records: the states of locks, limits and the like, one row each.
//!
//! A record is no entry: it counts towards no limit, is not evicted and does not expire. It is not
//! touched by transactions over several shards, so it can be changed while one of these is not
//! decided. Records that say nothing any more are removed in passing, when another one is made.

use std::fmt;

use rusqlite::OptionalExtension;

use super::change::Change;
use super::check::{Cure, Finding};
use super::scan::Direction;
use super::{Shard, record_hash};
use crate::error::{Error, Result};
use crate::key::{Key, exact_integer};
use crate::recipes::vacancy::Vacancy;
use crate::recipes::{Kind, Machine, decode, encode, examine};
use crate::settings::shard_of;
use crate::statements::Statements;

const FIND: &str = "SELECT state FROM record WHERE kind = ?1 AND name = ?2";
const INSERT: &str = "INSERT INTO record (kind, name, state) VALUES (?1, ?2, ?3)";
const UPDATE: &str = "UPDATE record SET state = ?3 WHERE kind = ?1 AND name = ?2";
const REPLACE: &str = "UPDATE record SET state = ?3 WHERE kind = ?1 AND name = ?2 AND state = ?4";
const DELETE: &str = "DELETE FROM record WHERE kind = ?1 AND name = ?2";
const AFTER: &str = "SELECT name, state FROM record WHERE kind = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
/// How many records are looked at, whether they are of use, when another one is made.
const TIDIED: u32 = 4;
/// Records looked at in one step of a check.
const PAGE: u32 = 256;

/// Where a record is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) kind: Kind,
    pub(crate) name: &'a str,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match vacancy_key(*self) {
            Some(key) => write!(formatter, "{} {key}", self.kind.noun()),
            None => write!(formatter, "{} {:?}", self.kind.noun(), self.name),
        }
    }
}

/// The state of a record, and the numbers of those that are made.
pub(crate) struct Found<M> {
    /// None if there is no record.
    pub(crate) state: Option<M>,
    /// A number above all that earlier records of the name have given out, if there is no record.
    pub(crate) first: u64,
}

impl<M: Machine> Found<M> {
    /// Gives up a state that says nothing.
    pub(crate) fn tidy(&mut self, now_us: i64) {
        self.state.take_if(|state| state.is_idle(now_us));
    }
}

impl Shard {
    /// The state of a record, as it was a moment ago. Takes no lock.
    pub(crate) fn record<M: Machine>(&mut self, name: &str) -> Result<Option<M>> {
        self.guard(|shard| {
            let database = shard.database()?;
            let place = Place { kind: M::KIND, name };
            // No transaction over several shards touches records.
            let state = shard.read_unlocked(|| database.run(|connection| place.find(connection)))?;
            place.decode(state.as_deref())
        })
    }

    /// Changes a record in a write transaction; with no state in the end, it is removed. Of several
    /// attempts only the last counts.
    pub(crate) fn change_record<M: Machine + PartialEq + Clone, T>(
        &mut self,
        name: &str,
        mut change: impl FnMut(&mut Found<M>) -> Result<T>,
    ) -> Result<T> {
        let place = Place { kind: M::KIND, name };
        self.guard(|shard| {
            shard.refuse_if_read_only()?;
            if let Some(done) = shard.replace_record(place, &mut change)? {
                return Ok(done);
            }
            shard.change(|work| {
                let mut found = work.found(place)?;
                let before = found.state.clone();
                let value = change(&mut found)?;
                work.keep_record(place, before.as_ref(), found.state.as_ref())?;
                Ok(value)
            })
        })
    }

    /// Changes a record that is there and stays, unless somebody else does so meanwhile: a look without
    /// locks, and one statement that is a transaction by itself. None if it was not changed so.
    fn replace_record<M: Machine + PartialEq + Clone, T>(
        &self,
        place: Place<'_>,
        change: &mut impl FnMut(&mut Found<M>) -> Result<T>,
    ) -> Result<Option<T>> {
        let database = self.database()?;
        let Some(seen) = self.read_unlocked(|| database.run(|connection| place.find(connection)))? else {
            return Ok(None);
        };
        let Some(before) = place.decode::<M>(Some(&seen))? else { return Ok(None) };
        let mut found = Found { state: Some(before.clone()), first: 0 };
        let value = change(&mut found)?;
        let Some(state) = found.state else { return Ok(None) };
        if state == before {
            return Ok(Some(value));
        }
        let update = (place.kind as i64, place.name, encode(&state)?, seen);
        let replaced = database.run(|connection| connection.prepare_cached(REPLACE)?.execute(update))?;
        Ok((replaced > 0).then_some(value))
    }

    fn wrong_with_record(&self, number: i64, name: &str, state: &[u8]) -> Option<String> {
        let Some(kind) = Kind::from_number(number) else {
            return Some(format!("the state of the record {name:?} of an unknown kind {number} was altered"));
        };
        let place = Place { kind, name };
        if examine(kind, state, i64::MAX).is_none() {
            return Some(format!("the state of {place} was altered"));
        }
        let rightful = shard_of(hash_of_record(number, name), self.settings.shards as usize);
        (rightful != self.index as usize).then(|| {
            format!("the state of {place} lies in shard {}, but is looked for in shard {rightful}", self.index)
        })
    }

    /// Records that can not be read, or found.
    pub(super) fn check_records(&mut self) -> Result<Vec<Finding>> {
        let (mut problems, mut after) = (Vec::new(), (i64::MIN, String::new()));
        loop {
            let rows: Vec<(i64, String, Vec<u8>)> = self.guard(|shard| {
                shard.database()?.run(|connection| {
                    let mut statement = connection.prepare_cached(
                        "SELECT kind, name, state FROM record WHERE (kind, name) > (?1, ?2) \
                         ORDER BY kind, name LIMIT ?3",
                    )?;
                    let read = statement
                        .query_map((after.0, &after.1, PAGE), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
                    read.collect()
                })
            })?;
            let Some((kind, name, _)) = rows.last() else { return Ok(problems) };
            let last = (*kind, name.clone());
            self.assure_onward(Direction::Forward, &after, &last)?;
            after = last;
            for (kind, name, state) in rows {
                if let Some(wrong) = self.wrong_with_record(kind, &name, &state) {
                    problems.push(self.finding(wrong, Some(Cure::RemoveRecord { kind, name })));
                }
            }
            self.tenure.assure()?;
        }
    }
}

impl Place<'_> {
    fn key(&self) -> (i64, &str) {
        (self.kind as i64, self.name)
    }

    fn find(self, connection: &Statements<'_, '_>) -> rusqlite::Result<Option<Vec<u8>>> {
        connection.prepare_cached(FIND)?.query_row(self.key(), |row| row.get(0)).optional()
    }

    fn decode<M: Machine>(self, bytes: Option<&[u8]>) -> Result<Option<M>> {
        let Some(bytes) = bytes else { return Ok(None) };
        let state = decode(bytes);
        state.map(Some).ok_or_else(|| Error::Corrupt(format!("the state of {self} was altered")))
    }
}

impl Change<'_> {
    /// The state of a record.
    pub(super) fn found<M: Machine>(&mut self, place: Place<'_>) -> Result<Found<M>> {
        let state = place.decode(self.run(|connection| place.find(connection))?.as_deref())?;
        let first = if state.is_some() { 0 } else { self.new_sequence().unsigned_abs() };
        Ok(Found { state, first })
    }

    /// Records what a state has become; tidies up if a record is made.
    pub(super) fn keep_record<M: Machine>(
        &mut self,
        place: Place<'_>,
        before: Option<&M>,
        after: Option<&M>,
    ) -> Result<()> {
        match (before, after) {
            (None, None) => Ok(()),
            (Some(before), None) => self.remove_record(place, before.latest()),
            (_, Some(after)) => {
                let bytes = encode(after)?;
                let statement = if before.is_some() { UPDATE } else { INSERT };
                let row = (place.kind as i64, place.name, bytes);
                self.run(|connection| connection.prepare_cached(statement)?.execute(row))?;
                if before.is_none() { self.tidy_records(place) } else { Ok(()) }
            }
        }
    }

    /// Removes a record; a later one of the name begins above the latest number of this one.
    fn remove_record(&mut self, place: Place<'_>, latest: u64) -> Result<()> {
        self.outlive(i64::try_from(latest).unwrap_or(i64::MAX));
        self.run(|connection| connection.prepare_cached(DELETE)?.execute(place.key()).map(drop))
    }

    /// Removes what says nothing any more of the records that come after one that was just made: so
    /// they do not pile up, and each costs little.
    fn tidy_records(&mut self, made: Place<'_>) -> Result<()> {
        let read = |change: &Self, after: &str, most: u32| -> Result<Vec<(String, Vec<u8>)>> {
            change.run(|connection| {
                let mut statement = connection.prepare_cached(AFTER)?;
                let rows =
                    statement.query_map((made.kind as i64, after, most), |row| Ok((row.get(0)?, row.get(1)?)))?;
                rows.collect()
            })
        };
        let mut rows = read(self, made.name, TIDIED)?;
        if rows.len() < TIDIED as usize {
            // From the first one on.
            rows.extend(read(self, "", TIDIED)?);
        }
        for (name, bytes) in rows {
            let place = Place { kind: made.kind, name: &name };
            // What can not be read is for `repair`.
            let Some((idle, latest)) = examine(made.kind, &bytes, self.now.saturating_mul(1000)) else { continue };
            if name != made.name && (idle || self.has_lost_its_entry(place, &bytes)?) {
                self.remove_record(place, latest)?;
            }
        }
        Ok(())
    }

    /// Whether a record speaks of an entry that is not there any more.
    fn has_lost_its_entry(&mut self, place: Place<'_>, bytes: &[u8]) -> Result<bool> {
        let (Some(key), Some(vacancy)) = (vacancy_key(place), decode::<Vacancy>(bytes)) else { return Ok(false) };
        if !vacancy.depends_on_entry(self.now) {
            return Ok(false);
        }
        self.turn_to(&key)?;
        let version = self.live().map(|prior| prior.stored.version.cast_unsigned());
        Ok(version.is_none() || version != vacancy.version())
    }
}

/// The name of the record beside the entry of a key: the same for keys that are the same.
pub(crate) fn vacancy_name(key: &Key) -> String {
    match key {
        Key::Text(text) => format!("t{text}"),
        Key::Bytes(bytes) => bytes.iter().fold("b".to_owned(), |mut name, byte| {
            name.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or_default());
            name.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or_default());
            name
        }),
        Key::Integer(integer) => format!("i{integer}"),
        Key::Real(real) => match exact_integer(*real) {
            Some(integer) => format!("i{integer}"),
            None => format!("r{:016x}", real.to_bits()),
        },
    }
}

/// The hash that chooses the shard of a record, whatever a directory says it is: beside an entry that of
/// its key.
pub(super) fn hash_of_record(kind: i64, name: &str) -> u64 {
    let beside = Kind::from_number(kind).and_then(|kind| vacancy_key(Place { kind, name }));
    beside.map_or_else(|| record_hash(name), |key| key.hash())
}

/// The key beside whose entry a record is.
fn vacancy_key(place: Place<'_>) -> Option<Key> {
    if place.kind != Kind::Vacancy {
        return None;
    }
    let mut characters = place.name.chars();
    let (form, rest) = (characters.next()?, characters.as_str());
    match form {
        't' => Some(Key::Text(rest.to_owned())),
        'i' => rest.parse().ok().map(Key::Integer),
        'r' => u64::from_str_radix(rest, 16).ok().map(f64::from_bits).filter(|real| !real.is_nan()).map(Key::Real),
        'b' => {
            let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let pairs = rest.as_bytes().chunks_exact(2);
            let byte = |pair: &[u8]| Some((digit(pair.first()?)? << 4) | digit(pair.last()?)?);
            pairs.map(byte).collect::<Option<Vec<u8>>>().map(Key::Bytes)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_from_its_key_and_the_key_from_its_record() {
        let keys = [
            Key::Text("a\0b".into()),
            Key::Text(String::new()),
            Key::Bytes(vec![0, 255, 16]),
            Key::Bytes(Vec::new()),
            Key::Integer(-7),
            Key::Real(1.5),
            Key::Real(f64::INFINITY),
        ];
        for key in keys {
            let name = vacancy_name(&key);
            let back = vacancy_key(Place { kind: Kind::Vacancy, name: &name });
            assert_eq!(back.as_ref(), Some(&key), "{name:?}");
        }
        assert_eq!(vacancy_name(&Key::Integer(1)), vacancy_name(&Key::Real(1.0)));
        assert_ne!(vacancy_name(&Key::Text("1".into())), vacancy_name(&Key::Bytes(b"1".to_vec())));
    }
}
