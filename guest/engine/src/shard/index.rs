//! Indexes: values by key, in the order in which the keys came in, which is kept for as long as nobody
//! removes them.
//!
//! A key's place is the number of its row: one more than the last, or one less than the first.

use rusqlite::{OptionalExtension, Row, ToSql, params_from_iter};

use super::Shard;
use super::address::{Address, Slot};
use super::change::Change;
use super::collection::Collection;
use super::parts::Kept;
use super::scan::Direction;
use super::write::Store;
use crate::collection::Home;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::options::{SetOptions, Side};
use crate::selection::Bound;
use crate::value::Value;

/// How often a key may come and go while it is being read.
const ATTEMPTS: u32 = 100;

const ROW: &str = "SELECT position FROM member WHERE collection = ?1 AND key = ?2";
const FIRST: &str = "SELECT position, key FROM member WHERE collection = ?1 ORDER BY position LIMIT 1";
const LAST: &str = "SELECT position, key FROM member WHERE collection = ?1 ORDER BY position DESC LIMIT 1";
const MOVE: &str = "UPDATE member SET position = ?3 WHERE collection = ?1 AND position = ?2";

/// A key of an index and the number of its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) position: i64,
    pub(crate) key: Key,
}

/// A page of keys to be read.
pub(crate) struct IndexPage<'a> {
    pub(crate) start: &'a Bound,
    pub(crate) end: &'a Bound,
    /// Whether by key, else in the order in which they came in.
    pub(crate) by_key: bool,
    pub(crate) direction: Direction,
    /// The one before the first.
    pub(crate) after: Option<&'a Member>,
    /// The last position that counts, unless by key.
    pub(crate) last: i64,
    pub(crate) limit: u32,
}

impl Shard {
    /// The value under a key.
    pub(crate) fn index_get(&mut self, home: &Home, key: &Key) -> Result<Option<Value>> {
        self.guard(|shard| shard.member_value(Address::Member(home, Slot::Key(key))))
    }

    /// Stores values, all or none; for each whether its key had one before.
    pub(crate) fn index_set(&mut self, home: &Home, items: &[(Key, Value)]) -> Result<Vec<bool>> {
        let options = SetOptions::default();
        let drafts: Vec<(Slot<'_>, Store<'_>)> = items
            .iter()
            .map(|(key, value)| Ok((Slot::Key(key), Store::new(value, &options)?)))
            .collect::<Result<_>>()?;
        self.guard(|shard| {
            let replaced = shard.add_to_collection(home, &drafts, |work, index, kept| {
                let each = items.iter().zip(kept).map(|((key, _), kept)| work.put(home, index, key, kept));
                each.collect::<Result<Vec<_>>>().map(Some)
            })?;
            Ok(replaced.unwrap_or_default())
        })
    }

    /// The value under a key, after storing this one if there was none; whether it was stored.
    pub(crate) fn index_set_default(&mut self, home: &Home, key: &Key, value: &Value) -> Result<(Value, bool)> {
        let options = SetOptions::default();
        let drafts = [(Slot::Key(key), Store::new(value, &options)?)];
        self.guard(|shard| {
            for _ in 0..ATTEMPTS {
                if let Some(found) = shard.member_value(Address::Member(home, Slot::Key(key)))? {
                    return Ok((found, false));
                }
                let stored = shard.add_to_collection(home, &drafts, |work, index, kept| {
                    if work.row_of(index.id, key)?.is_some() {
                        // It came in a moment ago.
                        return Ok(None);
                    }
                    kept.iter().try_for_each(|kept| work.put(home, index, key, kept).map(drop)).map(Some)
                })?;
                if stored.is_some() {
                    return Ok((value.clone(), true));
                }
            }
            Err(Error::Timeout(format!("a moment in which {key} of {home} is not being changed")))
        })
    }

    /// Removes a key; whether it was there.
    pub(crate) fn index_delete(&mut self, home: &Home, key: &Key) -> Result<bool> {
        self.free_in_collection(home, |work, index| work.take_out(index, key))
    }

    /// Removes a key and returns its value. That is read first, so that no damage of it costs the key.
    pub(crate) fn index_pop(&mut self, home: &Home, key: &Key) -> Result<Option<Value>> {
        self.free_in_collection(home, |work, index| {
            let address = Address::Member(home, Slot::Key(key));
            let Some(value) = work.shard.member_value(address)? else { return Ok(None) };
            work.take_out(index, key)?;
            Ok(Some(value))
        })
    }

    /// The key at one end with its value; removed if `take`.
    pub(crate) fn index_end(&mut self, home: &Home, side: Side, take: bool) -> Result<Option<(Key, Value)>> {
        if take {
            return self.free_in_collection(home, |work, index| {
                let Some((key, value)) = work.shard.end_of_index(home, side)? else { return Ok(None) };
                work.take_out(index, &key)?;
                Ok(Some((key, value)))
            });
        }
        self.guard(|shard| shard.end_of_index(home, side))
    }

    fn end_of_index(&self, home: &Home, side: Side) -> Result<Option<(Key, Value)>> {
        for _ in 0..ATTEMPTS {
            let found = self.read_optimistically(|| {
                let Some(index) = self.collection(home)? else { return Ok(None) };
                let statement = if side == Side::Front { FIRST } else { LAST };
                let end = self.database()?.run(|connection| {
                    connection.prepare_cached(statement)?.query_row([index.id], read_member).optional()
                })?;
                end.transpose()
            })?;
            let Some(Member { key, .. }) = found else { return Ok(None) };
            // Gone in between: then another is the end.
            if let Some(value) = self.member_value(Address::Member(home, Slot::Key(&key)))? {
                return Ok(Some((key, value)));
            }
        }
        Err(Error::Timeout(format!("a moment in which the end of {home} is not being removed")))
    }

    /// Moves a key to one end; whether it is there.
    pub(crate) fn index_move(&mut self, home: &Home, key: &Key, side: Side) -> Result<bool> {
        self.guard(|shard| {
            shard.change_collection(home, |work, index| {
                let Some(position) = work.row_of(index.id, key)? else { return Ok(false) };
                let end = work.end_position(home, index.id, side)?;
                work.keep_member_for_undo(index.id, position, false)?;
                work.keep_member_for_undo(index.id, end, true)?;
                work.run(|connection| connection.prepare_cached(MOVE)?.execute((index.id, position, end)))?;
                Ok(true)
            })
        })
    }

    /// The number of the last row, where an enumeration in the order of arrival ends.
    pub(crate) fn index_last(&mut self, home: &Home) -> Result<i64> {
        self.guard(|shard| {
            let last = shard.read_optimistically(|| {
                let Some(index) = shard.collection(home)? else { return Ok(None) };
                shard.database()?.run(|connection| {
                    connection
                        .prepare_cached("SELECT max(position) FROM member WHERE collection = ?1")?
                        .query_row([index.id], |row| row.get::<_, Option<i64>>(0))
                })
            })?;
            Ok(last.unwrap_or(i64::MIN))
        })
    }

    /// Reads a page of keys.
    pub(crate) fn index_page(&mut self, home: &Home, page: &IndexPage<'_>) -> Result<Vec<Member>> {
        let none = Key::Integer(0);
        let (start, end) = (page.start.key().unwrap_or(&none), page.end.key().unwrap_or(&none));
        let after = page.after.map_or(&none, |after| &after.key);
        let after_position = page.after.map_or(0, |after| after.position);
        let statement = page.statement();
        self.guard(|shard| {
            let rows = shard.read_optimistically(|| {
                let Some(index) = shard.collection(home)? else { return Ok(Vec::new()) };
                let parameters: [&dyn ToSql; 7] =
                    [&index.id, start, end, after, &after_position, &page.last, &page.limit];
                shard.database()?.run(|connection| {
                    let mut statement = connection.prepare_dynamic(&statement)?;
                    statement
                        .query_map(params_from_iter(parameters), read_member)?
                        .collect::<rusqlite::Result<Vec<_>>>()
                })
            })?;
            let members = rows.into_iter().collect::<Result<Vec<Member>>>()?;
            if let (Some(after), Some(last)) = (page.after, members.last()) {
                if page.by_key {
                    shard.assure_onward(page.direction, &after.key, &last.key)?;
                } else {
                    shard.assure_onward(page.direction, &after.position, &last.position)?;
                }
            }
            Ok(members)
        })
    }
}

impl IndexPage<'_> {
    /// Parameters: ?1 collection, ?2 and ?3 bounds, ?4 and ?5 key and position of the one before, ?6 last
    /// position, ?7 limit. All are named in the first line, so that each has its number.
    fn statement(&self) -> String {
        let bounds = self.start.condition(true, "?2") + &self.end.condition(false, "?3");
        let beyond = match (self.after, self.by_key, self.direction) {
            (None, ..) => "",
            (_, true, Direction::Forward) => " AND key > ?4",
            (_, true, Direction::Backward) => " AND key < ?4",
            (_, false, Direction::Forward) => " AND position > ?5",
            (_, false, Direction::Backward) => " AND position < ?5",
        };
        let last = if self.by_key { "" } else { " AND position <= ?6" };
        let order = if self.by_key { "key" } else { "position" };
        let direction = if self.direction == Direction::Forward { "ASC" } else { "DESC" };
        format!(
            "SELECT position, key FROM member WHERE collection = ?1 AND key IS NOT NULL \
             AND coalesce(?2, ?3, ?4, ?5, ?6) IS NOT NULL{bounds}{beyond}{last} ORDER BY {order} {direction} LIMIT ?7"
        )
    }
}

impl Change<'_> {
    /// The number of the row of a key.
    fn row_of(&self, collection: i64, key: &Key) -> Result<Option<i64>> {
        self.run(|connection| connection.prepare_cached(ROW)?.query_row((collection, key), |row| row.get(0)).optional())
    }

    /// The number of a row that is to come at one end.
    fn end_position(&self, home: &Home, collection: i64, side: Side) -> Result<i64> {
        let statement = if side == Side::Front { FIRST } else { LAST };
        let end: Option<i64> = self.run(|connection| {
            connection.prepare_cached(statement)?.query_row([collection], |row| row.get(0)).optional()
        })?;
        let next = match (end, side) {
            (None, _) => Some(0),
            (Some(end), Side::Front) => end.checked_sub(1),
            (Some(end), Side::Back) => end.checked_add(1),
        };
        next.ok_or_else(|| Error::Overflow(format!("the numbers of {home} are used up")))
    }

    /// Stores a value under a key; whether there was one before, whose place it takes.
    fn put(&mut self, home: &Home, index: &mut Collection, key: &Key, kept: &Kept<'_>) -> Result<bool> {
        let address = Address::Member(home, Slot::Key(key));
        if let Some(position) = self.row_of(index.id, key)? {
            self.replace_member(address, (index.id, position), kept)?;
            return Ok(true);
        }
        let position = self.end_position(home, index.id, Side::Back)?;
        self.insert_member(address, (index.id, position), kept)?;
        index.length = index.length.saturating_add(1);
        Ok(false)
    }

    fn take_out(&mut self, index: &mut Collection, key: &Key) -> Result<bool> {
        let Some(position) = self.row_of(index.id, key)? else { return Ok(false) };
        self.remove_member(index.id, position)?;
        index.length = index.length.saturating_sub(1);
        Ok(true)
    }
}

fn read_member(row: &Row<'_>) -> rusqlite::Result<Result<Member>> {
    let position = row.get(0)?;
    Ok(Key::from_column(row.get_ref(1)?).map(|key| Member { position, key }))
}
