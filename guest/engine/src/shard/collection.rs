//! The rows of deques and indexes, and of what is in them.
//!
//! They are no entries: they do not expire, are not evicted, cleared or counted; but what they take
//! counts towards the size limit, so other entries make room for them. A collection has a row as long
//! as there is something in it, or its length is bounded; the number of the row is never given again.

use std::path::Path;

use rusqlite::{OptionalExtension, Row, params};

use super::address::{Address, Slot};
use super::change::Change;
use super::parts::{Kept, admit, entry_size};
use super::room::NOTHING;
use super::write::Store;
use super::{DATABASE, Shard};
use crate::collection::pieces::Pieces;
use crate::collection::{Home, Kind};
use crate::error::{Error, Result};
use crate::statements::Statements;

/// What a collection has for a number as long as it has none.
const UNNUMBERED: i64 = 0;

const FIND: &str = "SELECT id, length, bound, layout FROM collection WHERE kind = ?1 AND name = ?2";
const INSERT: &str = "INSERT INTO collection (length, bound, layout, id, kind, name) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const UPDATE: &str = "UPDATE collection SET length = ?1, bound = ?2, layout = ?3 WHERE id = ?4";
const DELETE: &str = "DELETE FROM collection WHERE id = ?1";

const INSERT_MEMBER: &str = "INSERT INTO member (form, file, length, occupied, checksum, value, collection, position, key) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
const UPDATE_MEMBER: &str = "UPDATE member SET form = ?1, file = ?2, length = ?3, occupied = ?4, checksum = ?5, \
    value = ?6 WHERE collection = ?7 AND position = ?8 AND key IS ?9";
const DELETE_MEMBER: &str = "DELETE FROM member WHERE collection = ?1 AND position = ?2 RETURNING file, occupied";
const FILES: &str = "SELECT file, occupied FROM member WHERE collection = ?1 AND file IS NOT NULL";
const DELETE_ALL: &str = "DELETE FROM member WHERE collection = ?1";

const KEEP: &str = "INSERT OR IGNORE INTO undo_collection SELECT id, kind, name, length, bound, layout \
    FROM collection WHERE id = ?1";
const KEEP_ABSENT: &str = "INSERT OR IGNORE INTO undo_collection (id) VALUES (?1)";
const KEEP_MEMBER: &str = "INSERT OR IGNORE INTO undo_member SELECT collection, position, key, form, file, length, \
    occupied, checksum, value FROM member WHERE collection = ?1 AND position = ?2";
const KEEP_MEMBER_ABSENT: &str = "INSERT OR IGNORE INTO undo_member (collection, position) VALUES (?1, ?2)";
const KEEP_MEMBERS: &str = "INSERT OR IGNORE INTO undo_member SELECT collection, position, key, form, file, length, \
    occupied, checksum, value FROM member WHERE collection = ?1";

/// What is known of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Collection {
    pub(super) id: i64,
    /// How much is in it.
    pub(super) length: u64,
    /// How much may be; none without a bound.
    pub(super) bound: Option<u64>,
    /// The order of a deque; nothing for an index.
    pub(super) pieces: Pieces,
}

/// What is recorded of a collection makes no sense.
struct Altered;

impl Collection {
    /// Looks a collection up.
    fn find(connection: &Statements<'_, '_>, home: &Home) -> rusqlite::Result<Option<Result<Self, Altered>>> {
        connection
            .prepare_cached(FIND)?
            .query_row((home.kind as i64, &home.name), |row| Ok(Self::read(row, home.kind)?.ok_or(Altered)))
            .optional()
    }

    /// One that holds nothing.
    pub(super) fn empty(id: i64) -> Self {
        Self { id, length: 0, bound: None, pieces: Pieces::default() }
    }

    /// The columns `id, length, bound, layout`; none if they make no sense.
    pub(super) fn read(row: &Row<'_>, kind: Kind) -> rusqlite::Result<Option<Self>> {
        let (length, bound): (i64, Option<i64>) = (row.get(1)?, row.get(2)?);
        let layout = row.get_ref(3)?.as_bytes()?;
        let pieces = if kind == Kind::Index { Some(Pieces::default()) } else { Pieces::decode(layout) };
        let bound = bound.map(u64::try_from).transpose();
        let (Some(pieces), Ok(length), Ok(bound)) = (pieces, u64::try_from(length), bound) else { return Ok(None) };
        if kind != Kind::Index && pieces.len() != length {
            return Ok(None);
        }
        Ok(Some(Self { id: row.get(0)?, length, bound, pieces }))
    }

    /// What goes into the columns `length, bound, layout`.
    fn columns(&self, kind: Option<Kind>) -> Result<(i64, Option<i64>, Vec<u8>)> {
        let layout = if kind == Some(Kind::Index) { Vec::new() } else { self.pieces.encode()? };
        Ok((self.length.cast_signed(), self.bound.map(u64::cast_signed), layout))
    }
}

/// What was found of a collection, if it makes sense.
fn sound(found: Option<Result<Collection, Altered>>, database: &Path, home: &Home) -> Result<Option<Collection>> {
    let altered = |Altered| Error::Corrupt(format!("{}: what is recorded of {home} was altered", database.display()));
    found.transpose().map_err(altered)
}

impl Shard {
    /// What is known of a collection, inside of another operation; none if there is nothing in it.
    pub(super) fn collection(&self, home: &Home) -> Result<Option<Collection>> {
        let found = self.database()?.run(|connection| Collection::find(connection, home))?;
        sound(found, &self.directory.join(DATABASE), home)
    }

    /// Number of values in a collection, and how many there may be.
    pub(crate) fn collection_size(&mut self, home: &Home) -> Result<(u64, Option<u64>)> {
        self.guard(|shard| {
            let found = shard.read_optimistically(|| shard.collection(home))?;
            Ok(found.map_or((0, None), |found| (found.length, found.bound)))
        })
    }

    /// The names of the collections of a kind, in order.
    pub(crate) fn collections(&mut self, kind: Kind) -> Result<Vec<String>> {
        self.guard(|shard| {
            shard.read_optimistically(|| {
                shard.database()?.run(|connection| {
                    let mut statement =
                        connection.prepare_cached("SELECT name FROM collection WHERE kind = ?1 ORDER BY name")?;
                    statement.query_map([kind as i64], |row| row.get(0))?.collect()
                })
            })
        })
    }

    /// Changes a collection that may have to be made; all of it happens or nothing.
    pub(super) fn change_collection<T>(
        &mut self,
        home: &Home,
        change: impl FnOnce(&mut Change<'_>, &mut Collection) -> Result<T>,
    ) -> Result<T> {
        self.change(|work| {
            let (found, mut collection) = work.collection(home)?;
            let value = change(work, &mut collection)?;
            work.keep_collection(home, found.as_ref(), collection)?;
            Ok(value)
        })
    }

    /// [`Shard::change_collection`] that removes something, which is possible on a full disk, too.
    pub(super) fn free_in_collection<T>(
        &mut self,
        home: &Home,
        change: impl Fn(&mut Change<'_>, &mut Collection) -> Result<T>,
    ) -> Result<T> {
        self.freeing(|shard| shard.guard(|shard| shard.change_collection(home, &change)))
    }

    /// [`Shard::change_collection`] with values that are to come in, unless the change comes to nothing.
    pub(super) fn add_to_collection<'v, T>(
        &mut self,
        home: &Home,
        values: &[(Slot<'_>, Store<'v>)],
        change: impl FnOnce(&mut Change<'_>, &mut Collection, &[Kept<'v>]) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        self.refuse_if_read_only()?;
        let mut kept = Vec::with_capacity(values.len());
        let done = self.keep_members(home, values, &mut kept).and_then(|()| {
            self.change_collection(home, |work, collection| {
                work.number_collection(collection);
                change(work, collection, &kept)
            })
        });
        if !matches!(done, Ok(Some(_))) {
            for kept in &kept {
                self.discard_kept(kept);
            }
        }
        done
    }

    fn keep_members<'v>(
        &mut self,
        home: &Home,
        values: &[(Slot<'_>, Store<'v>)],
        kept: &mut Vec<Kept<'v>>,
    ) -> Result<()> {
        values.iter().try_for_each(|(slot, store)| {
            kept.push(self.keep_value(Address::Member(home, *slot), store)?);
            Ok(())
        })
    }

    /// Removes all that is in a collection; returns how much it was.
    pub(crate) fn clear_collection(&mut self, home: &Home) -> Result<u64> {
        self.free_in_collection(home, |work, collection| {
            work.remove_members(collection.id)?;
            collection.pieces = Pieces::default();
            Ok(std::mem::take(&mut collection.length))
        })
    }
}

impl Change<'_> {
    /// What is known of a collection, and as it is to become: one with nothing in it, if there is none.
    fn collection(&mut self, home: &Home) -> Result<(Option<Collection>, Collection)> {
        let found = self.run(|connection| Collection::find(connection, home))?;
        let found = sound(found, self.path(), home)?;
        let collection = found.clone().unwrap_or_else(|| Collection::empty(UNNUMBERED));
        Ok((found, collection))
    }

    /// Gives a collection that is to be made its number.
    fn number_collection(&mut self, collection: &mut Collection) {
        if collection.id == UNNUMBERED {
            collection.id = self.new_sequence();
        }
    }

    /// Writes what has become of a collection, and sees to it that there is room for what has come in.
    fn keep_collection(&mut self, home: &Home, before: Option<&Collection>, mut after: Collection) -> Result<()> {
        let is_needed = after.length > 0 || after.bound.is_some();
        if before == Some(&after) || (before.is_none() && !is_needed) {
            return Ok(());
        }
        self.number_collection(&mut after);
        let id = after.id;
        if self.keeps_undo {
            self.database.forget_pages();
            let statement = if before.is_some() { KEEP } else { KEEP_ABSENT };
            self.run(|connection| connection.prepare_cached(statement)?.execute([id]))?;
        }
        if !is_needed {
            return self.run(|connection| connection.prepare_cached(DELETE)?.execute([id]).map(drop));
        }
        if before.is_some() {
            self.update_collection(Some(home.kind), &after)?;
        } else {
            let (length, bound, layout) = after.columns(Some(home.kind))?;
            self.database.note_growth(layout.len() as u64);
            let row = (length, bound, layout, id, home.kind as i64, &home.name);
            self.run(|connection| connection.prepare_cached(INSERT)?.execute(row))?;
        }
        if before.is_none_or(|before| before.length < after.length) { self.make_room(NOTHING) } else { Ok(()) }
    }

    /// Writes the row of a collection that has one.
    pub(super) fn update_collection(&self, kind: Option<Kind>, collection: &Collection) -> Result<()> {
        let (length, bound, layout) = collection.columns(kind)?;
        self.database.note_growth(layout.len() as u64);
        let row = (length, bound, layout, collection.id);
        self.run(|connection| connection.prepare_cached(UPDATE)?.execute(row).map(drop))
    }

    /// Keeps a value as it is now, or its absence, if the transaction may have to be undone.
    pub(super) fn keep_member_for_undo(&self, collection: i64, position: i64, absent: bool) -> Result<()> {
        if !self.keeps_undo {
            return Ok(());
        }
        self.database.forget_pages();
        let statement = if absent { KEEP_MEMBER_ABSENT } else { KEEP_MEMBER };
        self.run(|connection| connection.prepare_cached(statement)?.execute((collection, position)).map(drop))
    }

    /// Puts a value into a new row.
    pub(super) fn insert_member(&mut self, address: Address<'_>, row: (i64, i64), kept: &Kept<'_>) -> Result<()> {
        self.keep_member_for_undo(row.0, row.1, true)?;
        self.write_member(INSERT_MEMBER, address, row, kept)
    }

    /// Puts a value in place of another.
    pub(super) fn replace_member(&mut self, address: Address<'_>, row: (i64, i64), kept: &Kept<'_>) -> Result<()> {
        self.keep_member_for_undo(row.0, row.1, false)?;
        let (file, occupied) = self.run(|connection| {
            connection
                .prepare_cached("SELECT file, occupied FROM member WHERE collection = ?1 AND position = ?2")?
                .query_row(row, read_file)
        })?;
        self.let_go_of_file(file, occupied)?;
        self.write_member(UPDATE_MEMBER, address, row, kept)?;
        self.make_room(NOTHING)
    }

    fn write_member(
        &mut self,
        statement: &'static str,
        address: Address<'_>,
        (collection, position): (i64, i64),
        kept: &Kept<'_>,
    ) -> Result<()> {
        let size = admit(address, entry_size(address, kept.length, &[]), &self.settings, self.index)?;
        let key = if let Address::Member(_, Slot::Key(key)) = address { Some(key) } else { None };
        self.database.note_growth(size.cast_unsigned());
        self.run(|connection| {
            connection.prepare_cached(statement)?.execute(params![
                kept.form as i64,
                kept.file.map(|file| file.number),
                kept.length.cast_signed(),
                kept.file.map(|_| kept.occupied()),
                kept.checksum,
                kept.column,
                collection,
                position,
                key,
            ])
        })?;
        self.totals.files = self.totals.files.saturating_add(kept.occupied());
        self.adopt(kept)
    }

    /// Removes a value; whether it was there.
    pub(super) fn remove_member(&mut self, collection: i64, position: i64) -> Result<bool> {
        self.keep_member_for_undo(collection, position, false)?;
        let removed = self.run(|connection| {
            let mut statement = connection.prepare_cached(DELETE_MEMBER)?;
            let mut rows = statement.query((collection, position))?;
            let removed = rows.next()?.map(read_file).transpose()?;
            // Only when it has come to its end is the row gone.
            while rows.next()?.is_some() {}
            Ok(removed)
        })?;
        let Some((file, occupied)) = removed else { return Ok(false) };
        self.let_go_of_file(file, occupied)?;
        Ok(true)
    }

    /// Removes all values of a collection.
    pub(super) fn remove_members(&mut self, collection: i64) -> Result<()> {
        let files: Vec<(Option<i64>, i64)> = self.run(|connection| {
            if self.keeps_undo {
                self.database.forget_pages();
                connection.prepare_cached(KEEP_MEMBERS)?.execute([collection])?;
            }
            let files = connection.prepare_cached(FILES)?.query_map([collection], read_file)?.collect();
            connection.prepare_cached(DELETE_ALL)?.execute([collection])?;
            files
        })?;
        files.into_iter().try_for_each(|(file, occupied)| self.let_go_of_file(file, occupied))
    }
}

/// The columns `file, occupied`.
fn read_file(row: &Row<'_>) -> rusqlite::Result<(Option<i64>, i64)> {
    Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.unwrap_or(0)))
}
