//! Rows on their way from shards to others, of another number.
//!
//! They are carried over with all their columns, as they are: the checksum of a value is bound to its
//! key, and to nothing that changes.
//!
//! | file | carries |
//! |---|---|
//! | `entry` | entries, in the order of their numbers |
//! | `table` | the rows of other tables, one after the other |

mod entry;
mod table;

use rusqlite::types::Value as Column;

use super::Shard;
use super::check::Cure;
use crate::error::{Error, Result};
use crate::files::ValueFiles;
use crate::generation::{Linked, link};

pub(crate) use table::{Numbering, Row, RowKey, TABLES};

/// How often a name for a value file may be taken already.
const ATTEMPTS: u32 = 8;

/// What is to be known of a shard whose rows are carried over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// Number of rows.
    pub(crate) count: u64,
    /// The last number that was given out.
    pub(crate) sequence: i64,
    /// The age of the frequency policy.
    age: i64,
}

/// A row with all its columns.
#[derive(Debug)]
pub(crate) enum Carried {
    /// Of the table `entry`.
    Entry(entry::Entry),
    /// Of another.
    Row(Row),
}

impl Carried {
    /// The hash that chooses its shard.
    pub(crate) fn hash(&self) -> u64 {
        match self {
            Self::Entry(entry) => entry.hash(),
            Self::Row(row) => row.hash(),
        }
    }

    /// The greatest number it bears that was given out in order.
    pub(crate) fn latest(&self) -> i64 {
        match self {
            Self::Entry(entry) => entry.latest(),
            Self::Row(row) => row.latest(),
        }
    }

    /// Bytes it takes, about.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Entry(entry) => size_of_columns(entry.values()),
            Self::Row(row) => size_of_columns(row.values()),
        }
    }
}

fn size_of_columns<'c>(columns: impl Iterator<Item = &'c Column>) -> usize {
    columns.fold(0, |sum, column| {
        sum + match column {
            Column::Text(text) => text.len(),
            Column::Blob(bytes) => bytes.len(),
            _ => 8,
        }
    })
}

impl Shard {
    /// What is to be known of a shard whose rows are carried over.
    pub(crate) fn origin(&mut self) -> Result<Origin> {
        self.guard(|shard| {
            let database = shard.database()?;
            let (mut count, sequence, age, pending): (i64, i64, i64, i64) = database.run(|connection| {
                connection.query_row("SELECT count, sequence, age, pending FROM totals", [], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })
            })?;
            if pending != 0 {
                return Err(Error::Corrupt(format!("{}: a transaction is not settled", database.path().display())));
            }
            for table in &TABLES {
                count = count.saturating_add(database.run(|connection| table.count(connection))?);
            }
            Ok(Origin { count: count.max(0).cast_unsigned(), sequence, age })
        })
    }

    /// Lets nothing wait for the disk: what a new shard holds is made sure of at the end, all at once.
    pub(crate) fn forgo_syncs(&mut self) -> Result<()> {
        self.guard(|shard| shard.database()?.run(|connection| connection.pragma_update(None, "synchronous", "OFF")))
    }

    /// Begins to take rows over.
    pub(crate) fn begin_receiving(&mut self) -> Result<()> {
        self.guard(|shard| shard.database()?.begin())
    }

    /// Takes a row over. Its value file, among `files`, gets a
    /// second name; one that is missing stays so.
    pub(crate) fn receive(
        &mut self,
        carried: Carried,
        files: &ValueFiles,
        alive: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        let mut adopt = |shard: &Self, file| shard.adopt_file(files, file, alive);
        self.guard(|shard| match carried {
            Carried::Entry(entry) => shard.receive_entry(entry, &mut adopt),
            Carried::Row(row) => shard.receive_row(row, &mut adopt),
        })
    }

    /// Commits the rows that were taken over.
    pub(crate) fn commit_received(&mut self) -> Result<()> {
        self.platform.before_commit()?;
        self.guard(|shard| shard.database()?.commit())
    }

    /// Ends taking over: counts what there is, and gives out no number that was given out before.
    pub(crate) fn conclude_receiving(&mut self, sequence: i64) -> Result<()> {
        self.guard(|shard| {
            shard.change(|change| {
                change.totals.sequence = change.totals.sequence.max(sequence);
                change.cure(&Cure::Recount).map(drop)
            })
        })
    }

    /// Gives a value file of another shard a name in this one: its own, unless that is taken.
    fn adopt_file(&self, files: &ValueFiles, file: i64, alive: &mut dyn FnMut() -> Result<()>) -> Result<i64> {
        let mut name = file;
        for _ in 0..ATTEMPTS {
            match link(&files.path(file), &self.files.path(name), alive)? {
                Linked::Yes | Linked::Missing => return Ok(name),
                Linked::Taken => name = (self.platform.random() >> 1).cast_signed(),
            }
        }
        Err(Error::Io(format!("{}: no name is free for a value file", self.files.directory().display())))
    }

    /// Its value files.
    pub(crate) fn files(&self) -> &ValueFiles {
        &self.files
    }
}
