//! Transactions over several shards: how one of them learns whether it took place.
//!
//! The shards commit one after the other. Each but the first, which is the coordinator, keeps what
//! it changes as it was in `undo` (of collections in `undo_collection` and `undo_member`), and names the transaction in `totals.pending` and `decision`, all
//! in the same commit. The coordinator commits last, with a row in its own `decision`: from then
//! on the transaction has taken place. Afterwards the others forget what they kept, and then the
//! coordinator its row.
//!
//! | crash | leaves | and whoever comes next |
//! |---|---|---|
//! | before the first commit | nothing | has nothing to do |
//! | before the coordinator's | pending shards, no decision | undoes them |
//! | after it | pending shards, a decision | forgets what they kept |
//!
//! Whoever writes to a pending shard, or reads it where there are several, first sees to that: while
//! the owner of the transaction lives, it waits; else it settles the shard. The row of a decision
//! stays until no shard is pending, so it is there for all who ask.

use rusqlite::{Connection, OptionalExtension};

use super::change::Change;
use super::parts::split_tags;
use super::{DATABASE, Shard, shard_path};
use crate::database::{Access, Database};
use crate::error::{Error, Result};

/// The columns of `entry` and `undo`, in order.
pub(super) const COLUMNS: &str = "id, key, queue, position, version, rank, place, size, stored, expires, ttl, sliding, accessed, \
    hits, tags, form, file, length, occupied, checksum, value";
const KEEP: &str = "INSERT OR IGNORE INTO undo SELECT id, key, queue, position, version, rank, place, size, stored, \
    expires, ttl, sliding, accessed, hits, tags, form, file, length, occupied, checksum, value FROM entry WHERE id = ?1";
const KEEP_ABSENT: &str = "INSERT OR IGNORE INTO undo (id) VALUES (?1)";

/// Where a pending transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The shard is as the transaction left it, or as if it had never been.
    Settled,
    /// Its owner is alive and has not decided.
    Undecided,
}

/// A row of `decision`.
struct Decision {
    owner: i64,
    coordinator: u32,
}

impl Change<'_> {
    /// Keeps an entry as it is now, or its absence, if the transaction may have to be undone.
    pub(super) fn keep_for_undo(&self, id: i64, absent: bool) -> Result<()> {
        if !self.keeps_undo {
            return Ok(());
        }
        // How long the row is that is kept, is not known.
        self.database.forget_pages();
        let statement = if absent { KEEP_ABSENT } else { KEEP };
        self.run(|connection| connection.prepare_cached(statement)?.execute([id]).map(drop))
    }
}

impl Shard {
    /// Settles the shard if the pending transaction is decided or its owner is gone; inside of a
    /// write transaction.
    pub(super) fn settle_pending(&self, transaction: i64) -> Result<Standing> {
        let database = self.database()?;
        let decision = database.run(|connection| {
            connection
                .prepare_cached("SELECT owner, coordinator FROM decision WHERE id = ?1")?
                .query_row([transaction], |row| Ok(Decision { owner: row.get(0)?, coordinator: row.get(1)? }))
                .optional()
        })?;
        let Some(decision) = decision else {
            return Err(Error::Corrupt(format!("{} waits for an unknown transaction", database.path().display())));
        };
        // In this order: the decision of an owner that was alive a moment ago may be there by now.
        let gone = decision.owner == self.tenure.owner()? || !self.tenure.is_alive(decision.owner)?;
        let decided = self.is_decided(decision.coordinator, transaction)?;
        if !decided && !gone {
            return Ok(Standing::Undecided);
        }
        database.run(|connection| {
            if !decided {
                undo(connection, transaction, decision.owner)?;
            }
            forget(connection, transaction)
        })?;
        Ok(Standing::Settled)
    }

    /// Whether the coordinator of a transaction has committed it.
    fn is_decided(&self, coordinator: u32, transaction: i64) -> Result<bool> {
        if self.decisions.contains(&transaction) {
            return Ok(true);
        }
        if self.access.exclusive {
            // Nobody else decides, and what was decided before is known since the opening.
            return Ok(false);
        }
        let directory = shard_path(&self.tenure.data(), coordinator);
        // Rare, so the database is opened for this alone.
        let access = Access { read_only: true, ..self.access };
        let database = Database::open(&directory.join(DATABASE), access, &self.platform)?;
        database.run(|connection| {
            connection.query_row(
                "SELECT count(*) FROM decision WHERE id = ?1 AND coordinator = ?2",
                (transaction, coordinator),
                |row| row.get(0),
            )
        })
    }

    /// The transactions this shard has decided about.
    pub(crate) fn decisions(&mut self) -> Result<Vec<i64>> {
        let index = self.index;
        self.guard(|shard| {
            shard.database()?.run(|connection| {
                let mut statement = connection.prepare("SELECT id FROM decision WHERE coordinator = ?1")?;
                statement.query_map([index], |row| row.get(0))?.collect()
            })
        })
    }

    /// Settles the shard, waiting for owners that are alive.
    pub(crate) fn settle(&mut self) -> Result<()> {
        // A change of nothing settles what is pending before it begins.
        self.guard(|shard| if shard.pending()? == 0 { Ok(()) } else { shard.change(|_| Ok(())) })
    }

    /// Forgets decisions of owners that are gone; every shard must be settled.
    pub(crate) fn forget_decisions(&mut self) -> Result<()> {
        let index = self.index;
        self.guard(|shard| {
            let database = shard.database()?;
            let owners: Vec<i64> = database.run(|connection| {
                let mut statement = connection.prepare("SELECT DISTINCT owner FROM decision WHERE coordinator = ?1")?;
                statement.query_map([index], |row| row.get(0))?.collect()
            })?;
            for owner in owners {
                if shard.tenure.is_alive(owner)? {
                    continue;
                }
                database.write(|connection| {
                    let deleted = connection.execute("DELETE FROM decision WHERE owner = ?1", [owner]);
                    deleted.map(drop).map_err(|error| database.error(&error))
                })?;
            }
            Ok(())
        })
    }
}

/// Puts back what a transaction has changed. Its value files become loose, in the charge of its owner:
/// whoever opens the directory next removes them.
fn undo(connection: &Connection, transaction: i64, owner: i64) -> rusqlite::Result<()> {
    remove_tags(connection)?;
    connection.execute(
        "INSERT OR IGNORE INTO loose (file, owner, span) SELECT file, ?1, 1 FROM entry \
         WHERE id IN (SELECT id FROM undo) AND file IS NOT NULL",
        [owner],
    )?;
    connection.execute("DELETE FROM entry WHERE id IN (SELECT id FROM undo)", [])?;
    connection.execute(&format!("INSERT INTO entry SELECT {COLUMNS} FROM undo WHERE size IS NOT NULL"), [])?;
    connection.execute("DELETE FROM loose WHERE file IN (SELECT file FROM undo WHERE file IS NOT NULL)", [])?;
    add_tags(connection)?;
    undo_collections(connection, owner)?;
    connection.execute(
        // Some of what is put back may stand in line by its id.
        "UPDATE totals SET passed = 0, (count, files) = (SELECT count, files FROM decision WHERE id = ?1)",
        [transaction],
    )?;
    Ok(())
}

/// [`undo`] of collections and of what is in them.
fn undo_collections(connection: &Connection, owner: i64) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT OR IGNORE INTO loose (file, owner, span) SELECT member.file, ?1, 1 FROM undo_member \
         JOIN member USING (collection, position) WHERE member.file IS NOT NULL",
        [owner],
    )?;
    connection.execute_batch(
        "DELETE FROM member WHERE (collection, position) IN (SELECT collection, position FROM undo_member);
         INSERT INTO member SELECT * FROM undo_member WHERE form IS NOT NULL;
         DELETE FROM loose WHERE file IN (SELECT file FROM undo_member WHERE file IS NOT NULL);
         DELETE FROM collection WHERE id IN (SELECT id FROM undo_collection);
         INSERT INTO collection SELECT * FROM undo_collection WHERE kind IS NOT NULL;",
    )
}

/// Empties the tables of what was kept.
pub(super) fn forget_kept(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("DELETE FROM undo; DELETE FROM undo_collection; DELETE FROM undo_member;")
}

fn remove_tags(connection: &Connection) -> rusqlite::Result<()> {
    let mut tagged =
        connection.prepare("SELECT id, tags FROM entry WHERE id IN (SELECT id FROM undo) AND tags IS NOT NULL")?;
    let mut remove = connection.prepare("DELETE FROM tag WHERE tag = ?1 AND entry = ?2")?;
    for_each_tag(&mut tagged, |tag, id| remove.execute((tag, id)).map(drop))
}

fn add_tags(connection: &Connection) -> rusqlite::Result<()> {
    let mut tagged = connection.prepare("SELECT id, tags FROM undo WHERE tags IS NOT NULL")?;
    let mut add = connection.prepare("INSERT INTO tag (tag, entry) VALUES (?1, ?2)")?;
    for_each_tag(&mut tagged, |tag, id| add.execute((tag, id)).map(drop))
}

fn for_each_tag(
    tagged: &mut rusqlite::Statement<'_>,
    mut each: impl FnMut(&str, i64) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut rows = tagged.query([])?;
    while let Some(row) = rows.next()? {
        let (id, tags): (i64, String) = (row.get(0)?, row.get(1)?);
        split_tags(Some(&tags)).try_for_each(|tag| each(tag, id))?;
    }
    Ok(())
}

/// Forgets what was kept for a transaction that is decided.
pub(super) fn forget(connection: &Connection, transaction: i64) -> rusqlite::Result<()> {
    forget_kept(connection)?;
    connection.execute("UPDATE totals SET pending = 0 WHERE pending = ?1", [transaction])?;
    connection.execute("DELETE FROM decision WHERE id = ?1", [transaction]).map(drop)
}
