//! The table `loose`: value files that no entry refers to. See [`crate::files`] for the protocol.

use std::collections::HashSet;

use rusqlite::Connection;

use super::Shard;
use crate::error::{Error, Result};

/// Names reserved at a time, so that the transaction for it is rare.
const RESERVATION: usize = 16;
/// Rows of removed files that may pile up before they are deleted.
const BACKLOG: usize = 64;

/// The rows in this owner's charge.
#[derive(Debug, Default)]
pub(super) struct Loose {
    /// Reserved names without a file.
    reserved: Vec<i64>,
    /// Names whose files are removed.
    removed: Vec<i64>,
}

impl Loose {
    /// Whether there are no rows to delete.
    pub(super) fn is_empty(&self) -> bool {
        self.reserved.is_empty() && self.removed.is_empty()
    }

    /// Names to delete in the transaction at hand, if there are enough for it to pay.
    fn backlog(&mut self) -> Vec<i64> {
        if self.removed.len() < BACKLOG { Vec::new() } else { std::mem::take(&mut self.removed) }
    }
}

impl Shard {
    /// Writes a value file under a reserved name.
    pub(super) fn write_file(&mut self, content: &[u8]) -> Result<i64> {
        let file = match self.loose.reserved.pop() {
            Some(file) => file,
            None => self.reserve()?,
        };
        let sync = self.settings.durability == crate::options::Durability::Full;
        match self.files.write(file, content, sync) {
            Ok(()) => Ok(file),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                // Not ours to remove, whatever it is: only the name is given up.
                self.loose.removed.push(file);
                Err(Error::from_io(&self.files.path(file), &error))
            }
            Err(error) => {
                self.discard_file(file);
                Err(Error::from_io(&self.files.path(file), &error))
            }
        }
    }

    /// Removes a file that stands in `loose` in this owner's charge.
    pub(super) fn discard_file(&mut self, file: i64) {
        // A file that can not be removed now keeps its row, and whoever opens the directory after
        // this owner is gone tries again.
        if self.files.remove(file).is_ok() {
            self.loose.removed.push(file);
        }
    }

    fn reserve(&mut self) -> Result<i64> {
        let owner = self.tenure.owner()?;
        let mut names: Vec<i64> = (0..RESERVATION).map(|_| (self.platform.random() >> 1).cast_signed()).collect();
        let backlog = self.loose.backlog();
        let database = self.database()?;
        database.write(|connection| {
            let reserve = || {
                let mut statement = connection.prepare_cached("INSERT INTO loose (file, owner) VALUES (?1, ?2)")?;
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
    pub(super) fn settle(&mut self) -> Result<()> {
        self.write_reads()?;
        let mut names = std::mem::take(&mut self.loose.reserved);
        names.append(&mut self.loose.removed);
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
                let list = || {
                    let mut statement = connection.prepare_cached("SELECT file FROM loose WHERE owner = ?1")?;
                    statement.query_map([owner], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()
                };
                let files = list().map_err(|error| database.error(&error))?;
                // One that can not be removed now keeps its row, for the next opener to try again.
                let files: Vec<i64> = files.into_iter().filter(|file| self.files.remove(*file).is_ok()).collect();
                forget(connection, &files).map_err(|error| database.error(&error))
            })?;
        }
        Ok(())
    }
}

/// Deletes rows.
pub(super) fn forget(connection: &Connection, files: &[i64]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("DELETE FROM loose WHERE file = ?1")?;
    files.iter().try_for_each(|file| statement.execute([file]).map(drop))
}
