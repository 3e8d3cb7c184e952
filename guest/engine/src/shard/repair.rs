//! Setting right what a check has found.
//!
//! Each cure is a write transaction of its own, and looks again whether the problem is still there:
//! others go on meanwhile. What is being written is never touched: its file stands in `loose`.

use rusqlite::OptionalExtension;

use super::Shard;
use super::change::{Change, Totals};
use super::check::{Cure, Problem, TRUE_TOTALS};
use super::parts::{Stored, stored};
use super::store::Reason;
use crate::error::{Error, Result};

/// More numbers than a record gives out while no other number of its shard is.
const NUMBERS_OF_A_RECORD: i64 = 1_000_000_000;

impl Shard {
    /// Checks the shard and sets right what can be; says what is lost.
    pub(crate) fn repair(&mut self) -> Result<Vec<Problem>> {
        self.refuse_if_read_only()?;
        let mut problems = Vec::new();
        for mut finding in self.examine()? {
            if let Some(cure) = &finding.cure {
                finding.problem.remedy = self.cure(cure)?;
            }
            problems.push(finding.problem);
        }
        if !problems.is_empty() {
            // Whatever was removed may have been counted wrongly.
            match self.cure(&Cure::Recount) {
                Err(Error::Corrupt(_)) => {}
                recounted => drop(recounted?),
            }
        }
        Ok(problems)
    }

    /// Does something about a problem; says what, or nothing if the database is too damaged for it.
    fn cure(&mut self, cure: &Cure) -> Result<Option<String>> {
        let cured = self.guard(|shard| match cure {
            Cure::Reindex => shard.reindex(),
            Cure::RemoveFile { path, number } => shard.remove_stray(path, *number),
            Cure::Reclaim => shard.reclaim_abandoned(),
            Cure::Settle { transaction } => shard.settle_abandoned(*transaction),
            other => shard.change(|change| change.cure(other)),
        });
        match cured {
            Err(Error::Corrupt(_)) => Ok(None),
            cured => cured,
        }
    }

    fn reindex(&mut self) -> Result<Option<String>> {
        let database = self.database()?;
        database.write(|connection| connection.execute_batch("REINDEX").map_err(|error| database.error(&error)))?;
        let sound: String =
            database.run(|connection| connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)))?;
        Ok((sound == "ok").then(|| "the indexes were made anew; nothing is lost".to_owned()))
    }

    /// Removes a file, under the write lock: so nobody begins to refer to it meanwhile.
    fn remove_stray(&mut self, path: &std::path::Path, number: Option<i64>) -> Result<Option<String>> {
        let database = self.database()?;
        let removed = database.write(|_| {
            let in_use: bool = database.run(|connection| {
                connection.query_row(
                    "SELECT EXISTS (SELECT 1 FROM entry WHERE file = ?1) \
                     OR EXISTS (SELECT 1 FROM member WHERE file = ?1) \
                     OR EXISTS (SELECT 1 FROM loose WHERE ?1 >= file AND ?1 < file + span)",
                    [number],
                    |row| row.get(0),
                )
            })?;
            if in_use || !path.is_file() {
                return Ok(false);
            }
            std::fs::remove_file(path).map(|()| true).map_err(|error| Error::from_own_file(path, &error))
        })?;
        Ok(removed.then(|| "the file was removed".to_owned()))
    }
}

impl Change<'_> {
    pub(super) fn cure(&mut self, cure: &Cure) -> Result<Option<String>> {
        let changed = |rows: usize, what: &str| (rows > 0).then(|| what.to_owned());
        Ok(match cure {
            Cure::RemoveEntry { id, version } => match self.stored(*id, *version)? {
                Some(stored) => {
                    self.remove(&stored, Reason::Selected)?;
                    Some("the entry was removed; its value is lost".to_owned())
                }
                None => Some("it was replaced or removed meanwhile".to_owned()),
            },
            Cure::Resize { id, version, size } => changed(
                self.run(|connection| {
                    connection
                        .prepare_cached("UPDATE entry SET size = ?1 WHERE id = ?2 AND version = ?3")?
                        .execute((size, id, version))
                })?,
                "the size was corrected; nothing is lost",
            ),
            Cure::AddTag { tag, id, version } => changed(
                self.run(|connection| {
                    connection
                        .prepare_cached(
                            "INSERT OR IGNORE INTO tag (tag, entry) \
                             SELECT ?1, id FROM entry WHERE id = ?2 AND version = ?3",
                        )?
                        .execute((tag, id, version))
                })?,
                "it is listed again; nothing is lost",
            ),
            Cure::RemoveTag { tag, id } => changed(
                self.run(|connection| {
                    connection.prepare_cached("DELETE FROM tag WHERE tag = ?1 AND entry = ?2")?.execute((tag, id))
                })?,
                "it was removed; nothing is lost",
            ),
            Cure::RemoveRecord { kind, name } => self.remove_lost_record(*kind, name)?,
            Cure::RemoveMember { .. } | Cure::MendCollection { .. } | Cure::RemoveMembers { .. } => {
                self.cure_collection(cure)?
            }
            Cure::Recount => {
                let Totals { count, files, tombstones, biased, .. } = &mut self.totals;
                (*count, *files, *tombstones, *biased) = self.database.run(|connection| {
                    connection.query_row(&format!("SELECT {TRUE_TOTALS}"), [], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                    })
                })?;
                Some("they were counted again; nothing is lost".to_owned())
            }
            Cure::Reindex | Cure::RemoveFile { .. } | Cure::Reclaim | Cure::Settle { .. } => None,
        })
    }

    /// What numbers it has given out is lost with it; those of its successor are greater than any it can
    /// have reached.
    fn remove_lost_record(&mut self, kind: i64, name: &str) -> Result<Option<String>> {
        let removed = self.run(|connection| {
            connection.prepare_cached("DELETE FROM record WHERE kind = ?1 AND name = ?2")?.execute((kind, name))
        })?;
        let beyond = self.new_sequence().saturating_add(NUMBERS_OF_A_RECORD);
        self.outlive(beyond);
        Ok((removed > 0).then(|| "it was removed: whoever held it holds it no more".to_owned()))
    }

    fn stored(&self, id: i64, version: i64) -> Result<Option<Stored>> {
        self.run(|connection| {
            connection
                .prepare_cached(concat!("SELECT ", stored!(), " FROM entry WHERE id = ?1 AND version = ?2"))?
                .query_row((id, version), |row| Stored::read(row, 0))
                .optional()
        })
    }
}
