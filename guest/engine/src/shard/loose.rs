//! The table `loose`: value files that no entry refers to. See [`crate::files`] for the protocol.

use std::collections::HashSet;

use rusqlite::Connection;

use super::Shard;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::options::Durability;

/// Names reserved at a time, so that the transaction for it is rare.
const RESERVATION: usize = 16;
/// Rows of removed files that may pile up before they are deleted.
const BACKLOG: usize = 64;

/// Names for the files of open transactions, reserved as a whole: inside of a transaction nothing
/// can be reserved that would outlive it.
const SPAN: i64 = 1 << 16;

/// The rows in this owner's charge.
#[derive(Debug, Default)]
pub(super) struct Loose {
    /// Reserved names without a file.
    reserved: Vec<i64>,
    /// The reserved span and how many of its names are used.
    span: Option<Span>,
    /// Names whose files are removed.
    removed: Vec<i64>,
}

/// A span of names.
#[derive(Debug)]
struct Span {
    /// The first, which is that of the row and no file's.
    base: i64,
    used: i64,
    /// Whether a file of it could not be removed.
    has_stray: bool,
}

impl Loose {
    /// Whether there are no rows to delete.
    pub(super) fn is_empty(&self) -> bool {
        self.reserved.is_empty() && self.removed.is_empty() && self.span.is_none()
    }

    /// Leaves the row of the span to the next opener.
    pub(super) fn keep_span(&mut self) {
        self.span.iter_mut().for_each(|span| span.has_stray = true);
    }

    /// The next name of the span.
    fn next_of_span(&mut self) -> Option<i64> {
        let span = self.span.as_mut().filter(|span| span.used + 1 < SPAN)?;
        span.used += 1;
        Some(span.base + span.used)
    }

    /// Names to delete in the transaction at hand, if there are enough for it to pay.
    fn backlog(&mut self) -> Vec<i64> {
        if self.removed.len() < BACKLOG { Vec::new() } else { std::mem::take(&mut self.removed) }
    }
}

impl Shard {
    /// A reserved name for a value file.
    pub(super) fn take_name(&mut self) -> Result<i64> {
        if self.open.is_none() {
            return self.loose.reserved.pop().map_or_else(|| self.reserve(), Ok);
        }
        self.loose.next_of_span().ok_or_else(|| {
            Error::Full(format!("{}: {SPAN} value files are the most of one transaction", self.directory.display()))
        })
    }

    /// Reserves the names an open transaction may need, before it begins.
    pub(super) fn prepare_names(&mut self) -> Result<()> {
        if self.loose.span.as_ref().is_some_and(|span| span.used < SPAN / 2) {
            return Ok(());
        }
        let owner = self.tenure.owner()?;
        let base = (self.platform.random() >> 1).cast_signed() & !(SPAN - 1);
        let done = self.loose.span.take().filter(|span| !span.has_stray).map(|span| span.base);
        self.make_sure_of_removal(done.as_slice())?;
        let database = self.database()?;
        database.write(|connection| {
            let reserve = || {
                connection.execute("INSERT INTO loose (file, owner, span) VALUES (?1, ?2, ?3)", (base, owner, SPAN))?;
                forget(connection, done.as_slice())
            };
            reserve().map_err(|error| database.error(&error))
        })?;
        self.loose.span = Some(Span { base, used: 0, has_stray: false });
        Ok(())
    }

    /// Gives up a reserved name under which there is something that is not ours to remove.
    pub(super) fn give_up_name(&mut self, file: i64) {
        self.loose.removed.push(file);
    }

    /// Removes a file that stands in `loose` in this owner's charge.
    pub(super) fn discard_file(&mut self, file: i64) {
        // A file that can not be removed now keeps its row, and whoever opens the directory after
        // this owner is gone tries again.
        if self.files.remove(file).is_ok() {
            self.loose.removed.push(file);
        } else if let Some(span) = self.loose.span.as_mut().filter(|span| span.base == file & !(SPAN - 1)) {
            span.has_stray = true;
        }
    }

    fn reserve(&mut self) -> Result<i64> {
        let owner = self.tenure.owner()?;
        let mut names: Vec<i64> = (0..RESERVATION).map(|_| (self.platform.random() >> 1).cast_signed()).collect();
        let backlog = self.loose.backlog();
        self.make_sure_of_removal(&backlog)?;
        let database = self.database()?;
        database.write(|connection| {
            let reserve = || {
                let mut statement =
                    connection.prepare_cached("INSERT INTO loose (file, owner, span) VALUES (?1, ?2, 1)")?;
                names.iter().try_for_each(|name| statement.execute((name, owner)).map(drop))?;
                forget(connection, &backlog)
            };
            reserve().map_err(|error| database.error(&error))
        })?;
        let first = names.pop().ok_or_else(|| Error::Io("no name was reserved".into()))?;
        self.loose.reserved = names;
        Ok(first)
    }

    /// Flushes recency and gives up all rows in this owner's charge.
    pub(super) fn give_up_names(&mut self) -> Result<()> {
        self.write_reads()?;
        let mut names = std::mem::take(&mut self.loose.removed);
        names.extend(self.loose.span.take().filter(|span| !span.has_stray).map(|span| span.base));
        self.make_sure_of_removal(&names)?;
        names.append(&mut self.loose.reserved);
        let database = self.database()?;
        database.write(|connection| forget(connection, &names).map_err(|error| database.error(&error)))
    }

    /// Removes the files of owners that are no longer alive.
    pub(super) fn reclaim(&mut self) -> Result<()> {
        let database = self.database()?;
        let owners = database.run(|connection| {
            let mut statement = connection.prepare_cached("SELECT DISTINCT owner FROM loose")?;
            statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<HashSet<i64>>>()
        })?;
        for owner in owners {
            if self.tenure.is_alive(owner)? {
                continue;
            }
            // Files are removed inside the transaction: a row that is there under the write lock
            // belongs to a file that no entry refers to, and nobody else removes it meanwhile.
            database.write(|connection| {
                let rows = rows_of(connection, owner).map_err(|error| database.error(&error))?;
                // What can not be removed now keeps its row, for the next opener to try again.
                let mut done = Vec::new();
                for (file, span) in rows {
                    let removed = if span > 1 {
                        self.remove_span(database, file, span)?
                    } else {
                        self.files.remove(file).is_ok()
                    };
                    if removed {
                        done.push(file);
                    }
                }
                self.make_sure_of_removal(&done)?;
                forget(connection, &done).map_err(|error| database.error(&error))
            })?;
        }
        Ok(())
    }

    /// Waits until files are gone for good, before nothing lists them any more.
    fn make_sure_of_removal(&self, files: &[i64]) -> Result<()> {
        if self.settings.durability != Durability::Full {
            return Ok(());
        }
        let synced = self.files.sync_removed(files, &*self.platform);
        synced.map_err(|error| Error::from_io(self.files.directory(), &error))
    }

    /// Removes those files of a span that no entry refers to; whether all of them are gone.
    fn remove_span(&self, database: &Database, base: i64, span: i64) -> Result<bool> {
        let end = base.saturating_add(span);
        let listed =
            self.files.list_beside(base).map_err(|error| Error::from_own_file(self.files.directory(), &error))?;
        let in_use = database.run(|connection| {
            let mut statement = connection.prepare(
                "SELECT file FROM entry WHERE file >= ?1 AND file < ?2 \
                     UNION ALL SELECT file FROM member WHERE file >= ?1 AND file < ?2 \
                     UNION ALL SELECT file FROM loose WHERE file > ?1 AND file < ?2",
            )?;
            statement.query_map((base, end), |row| row.get(0))?.collect::<rusqlite::Result<HashSet<i64>>>()
        })?;
        let strays = listed.into_iter().filter(|file| (base..end).contains(file) && !in_use.contains(file));
        let left = strays.filter(|file| self.files.remove(*file).is_err()).count();
        Ok(left == 0)
    }
}

/// The rows in charge of an owner.
fn rows_of(connection: &Connection, owner: i64) -> rusqlite::Result<Vec<(i64, i64)>> {
    let mut statement = connection.prepare_cached("SELECT file, span FROM loose WHERE owner = ?1 ORDER BY span")?;
    statement.query_map([owner], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Deletes rows.
pub(super) fn forget(connection: &Connection, files: &[i64]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("DELETE FROM loose WHERE file = ?1")?;
    files.iter().try_for_each(|file| statement.execute([file]).map(drop))
}
