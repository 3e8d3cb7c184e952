//! Evicting many entries with a tag at once, by a tombstone; their rows go bit by bit.
//!
//! Rows with a tag lie all over the database, so removing thousands of them writes nearly all of its
//! pages. A tombstone says in one row which are dead: those with its tag that came in up to `last`
//! and were stored up to `version`. A dead entry is not there for anybody: not counted, not found, not
//! listed; storing under its key makes a new entry. What is left is its row, which goes when somebody
//! sweeps: every change a few of them, expiring, culling and compacting all, and making room as many
//! as it needs. A swept tombstone goes, too.
//!
//! | crash | leaves |
//! |---|---|
//! | before the commit that buries | every entry as it was |
//! | after it | dead rows, which others sweep |
//!
//! Entries with value files are never dead: removing them frees much, so they are removed at once.
//! Inside of open transactions nothing is buried or swept, so what `undo` puts back meets the
//! tombstones it left.

use rusqlite::{OptionalExtension, Row};

use super::change::Change;
use super::onward::assure_found;
use super::parts::{Stored, stored};
use super::scan::Direction;
use super::stage::{Advance, Stage};
use super::store::Reason;
use crate::error::Result;

/// SQL condition for a row of `entry`, under that name, that is dead. It looks at other tables only for
/// an entry with tags.
macro_rules! dead {
    ($entry:literal) => {
        concat!(
            "(",
            $entry,
            ".tags IS NOT NULL AND EXISTS (SELECT 1 FROM tombstone CROSS JOIN tag ON tag.tag = tombstone.tag \
             AND tag.entry = ",
            $entry,
            ".id WHERE ",
            $entry,
            ".id <= tombstone.last AND ",
            $entry,
            ".version <= tombstone.version))"
        )
    };
}
pub(super) use dead;

/// The condition for a row of `entry` by that name.
pub(super) const DEAD: &str = dead!("entry");

/// Most tombstones at a time: each is looked at for every entry with tags that is read.
const MOST: i64 = 8;
/// Dead rows that go with each change.
const SWEPT_WITH_A_CHANGE: u32 = 8;

/// Number of entries with a tag, up to an id. The index of tags alone tells, unless some may be dead.
pub(super) const COUNT_TAGGED: &str = concat!(
    "SELECT CASE tombstones WHEN 0 THEN (SELECT count(*) FROM tag WHERE tag = ?1 AND entry <= ?2) \
     ELSE (SELECT count(*) FROM tag AS t CROSS JOIN entry ON entry.id = t.entry \
     WHERE t.tag = ?1 AND t.entry <= ?2 AND NOT ",
    dead!("entry"),
    ") END FROM totals"
);
const ROWS_UNDER: &str = concat!(
    "SELECT ",
    stored!(),
    " FROM tag CROSS JOIN entry ON entry.id = tag.entry \
     WHERE tag.tag = ?1 AND tag.entry > ?2 AND tag.entry <= ?3 ORDER BY tag.entry LIMIT ?4"
);

/// What a tombstone says, and how far it is swept.
struct Tombstone {
    tag: String,
    last: i64,
    version: i64,
    swept: i64,
}

impl Tombstone {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { tag: row.get(0)?, last: row.get(1)?, version: row.get(2)?, swept: row.get(3)? })
    }
}

impl Change<'_> {
    /// Evicts all entries with a tag that came in up to `last`, if that is better done by a tombstone;
    /// returns how many. None if they are to be removed one by one.
    pub(super) fn bury(&mut self, tag: &str, last: i64) -> Result<Option<u64>> {
        if self.shard.open.is_some() {
            return Ok(None);
        }
        let dying = self.count_dying(tag, last)?;
        if dying < self.shard.platform.tombstone_from()
            || !self.has_place_for_a_tombstone(tag)?
            || self.may_have_files(tag, dying)?
        {
            return Ok(None);
        }
        // From now on numbers are greater than any that an entry has.
        self.outlive_all();
        let version = self.totals.sequence;
        self.run(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO tombstone (tag, last, version, swept) VALUES (?1, ?2, ?3, 0) \
                     ON CONFLICT (tag) DO UPDATE SET last = max(last, ?2), version = ?3, swept = 0",
                )?
                .execute((tag, last, version))
        })?;
        self.totals.tombstones = self.count_tombstones()?;
        self.totals.count = self.totals.count.saturating_sub_unsigned(dying);
        self.effects.counts.removals += dying;
        Ok(Some(dying))
    }

    /// Whether one of the entries with a tag has a value file. Where there are more files than such entries,
    /// finding out might take longer than it saves: then yes.
    fn may_have_files(&self, tag: &str, entries: u64) -> Result<bool> {
        if self.totals.files == 0 {
            return Ok(false);
        }
        self.run(|connection| {
            connection
                .prepare_cached(
                    "SELECT (SELECT count(*) FROM (SELECT 1 FROM entry WHERE file IS NOT NULL LIMIT ?2)) >= ?2 \
                     OR EXISTS (SELECT 1 FROM entry CROSS JOIN tag ON tag.tag = ?1 AND tag.entry = entry.id \
                     WHERE entry.file IS NOT NULL)",
                )?
                .query_row((tag, entries.cast_signed()), |row| row.get(0))
        })
    }

    fn count_dying(&self, tag: &str, last: i64) -> Result<u64> {
        self.run(|connection| {
            connection
                .prepare_cached(COUNT_TAGGED)?
                .query_row((tag, last), |row| row.get(0).map(|count: i64| count.max(0).cast_unsigned()))
        })
    }

    fn has_place_for_a_tombstone(&self, tag: &str) -> Result<bool> {
        if self.totals.tombstones < MOST {
            return Ok(true);
        }
        self.run(|connection| {
            connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM tombstone WHERE tag = ?1)")?
                .query_row([tag], |row| row.get(0))
        })
    }

    fn count_tombstones(&self) -> Result<i64> {
        self.run(|connection| {
            connection.prepare_cached("SELECT count(*) FROM tombstone")?.query_row([], |row| row.get(0))
        })
    }

    /// Takes a few dead rows along with a change. Where the disk is full or the change may be undone,
    /// they can wait.
    pub(super) fn sweep_along(&mut self) -> Result<()> {
        if self.totals.tombstones == 0 || self.shard.open.is_some() || self.shard.is_cramped {
            return Ok(());
        }
        self.sweep(SWEPT_WITH_A_CHANGE)
    }

    /// A step of removing all dead rows. They have been counted when they died.
    pub(super) fn sweep_step(&mut self) -> Result<Advance> {
        if self.totals.tombstones > 0 {
            self.sweep(self.step())?;
        }
        let rest = (self.totals.tombstones > 0).then_some(Stage::Dead);
        Ok(Advance::with_rest(0, rest))
    }

    /// Looks at some of the entries with the tag of a tombstone, and removes the dead ones.
    pub(super) fn sweep(&mut self, most: u32) -> Result<()> {
        let Some(tombstone) = self.a_tombstone()? else {
            // Damage: the totals said otherwise.
            self.totals.tombstones = 0;
            return Ok(());
        };
        let found = self.rows_under(&tombstone, most)?;
        for stored in found.iter().filter(|stored| stored.version <= tombstone.version) {
            self.remove(stored, Reason::Selected)?;
        }
        match found.last() {
            Some(last) if found.len() >= most as usize => {
                self.shard.assure_onward(Direction::Forward, &tombstone.swept, &last.id)?;
                let noted = self.run(|connection| {
                    connection
                        .prepare_cached("UPDATE tombstone SET swept = ?1 WHERE tag = ?2")?
                        .execute((last.id, &tombstone.tag))
                })?;
                assure_found(self.path(), noted)
            }
            _ => {
                let removed = self.run(|connection| {
                    connection.prepare_cached("DELETE FROM tombstone WHERE tag = ?1")?.execute([&tombstone.tag])
                })?;
                assure_found(self.path(), removed)?;
                self.totals.tombstones = self.count_tombstones()?;
                Ok(())
            }
        }
    }

    fn a_tombstone(&self) -> Result<Option<Tombstone>> {
        self.run(|connection| {
            connection
                .prepare_cached("SELECT tag, last, version, swept FROM tombstone LIMIT 1")?
                .query_row([], Tombstone::read)
                .optional()
        })
    }

    fn rows_under(&self, tombstone: &Tombstone, most: u32) -> Result<Vec<Stored>> {
        self.run(|connection| {
            let mut statement = connection.prepare_cached(ROWS_UNDER)?;
            let parameters = (&tombstone.tag, tombstone.swept, tombstone.last, most);
            statement.query_map(parameters, |row| Stored::read(row, 0))?.collect()
        })
    }
}
