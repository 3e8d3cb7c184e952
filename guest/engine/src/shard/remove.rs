//! Removing many entries: in steps, so that others get in between.

use rusqlite::types::ToSqlOutput;
use rusqlite::{ToSql, params_from_iter};

use super::Shard;
use super::change::Change;
use super::parts::Stored;
use super::store::Reason;
use crate::error::Result;
use crate::lifetime::CLOCK_TOLERANCE_MS;
use crate::selection::{Bound, Span};

/// Entries removed in one transaction.
const STEP: u32 = 512;

/// Size up to which a database is emptied in one transaction, in bytes: some tens of milliseconds.
const AT_ONCE: u64 = 64 * 1024 * 1024;
/// An id that no entry has.
const NOTHING: i64 = i64::MIN;

const COLUMNS: &str = "entry.id, entry.rank, entry.version, entry.file, entry.occupied, entry.tags";

impl Shard {
    /// Removes the entries of a span; returns how many. Those stored meanwhile may stay.
    pub(crate) fn evict(&mut self, span: &Span) -> Result<u64> {
        let last = self.guard(|shard| {
            shard.database()?.run(|connection| {
                connection.query_row("SELECT ifnull(max(id), 0) FROM entry", [], |row| row.get::<_, i64>(0))
            })
        })?;
        self.remove_in_steps(|change| {
            let victims = match span {
                Span::Tag(tag) => change.tagged(tag, last)?,
                Span::Queue(queue) => change.queued(queue, last)?,
                Span::Keys(start, end) => change.between(start, end, last)?,
            };
            change.remove_all(&victims, Reason::Selected)
        })
    }

    /// Removes all entries; returns how many.
    ///
    /// Those with value files go in steps. The rest of a database of moderate size goes at once,
    /// which takes less time than a step of the other kind; only that of a large one does not.
    pub(crate) fn clear(&mut self) -> Result<u64> {
        let last = self.last_id()?;
        let with_files = self.remove_in_steps(|change| {
            let victims = change.with_files(last)?;
            change.remove_all(&victims, Reason::Selected)
        })?;
        let mut at_once = None;
        self.guard(|shard| {
            shard.change(|change| {
                at_once = change.empty()?;
                Ok(())
            })
        })?;
        let rest = match at_once {
            Some(removed) => removed,
            None => self.evict(&Span::Keys(Bound::Unbounded, Bound::Unbounded))?,
        };
        Ok(with_files + rest)
    }

    /// Removes all expired entries; returns how many.
    pub(crate) fn expire(&mut self) -> Result<u64> {
        let ended = self.remove_in_steps(|change| {
            let victims = change.ended()?;
            change.remove_all(&victims, Reason::Expired)
        })?;
        let outlived = self.remove_in_steps(|change| {
            let victims = change.outlived()?;
            change.remove_all(&victims, Reason::Expired)
        })?;
        Ok(ended + outlived)
    }

    /// Removes expired entries, then others until the limits are kept; returns how many.
    pub(crate) fn cull(&mut self) -> Result<u64> {
        let expired = self.expire()?;
        Ok(expired + self.remove_in_steps(|change| change.evict_excess(NOTHING, u64::from(STEP)))?)
    }

    fn remove_in_steps(&mut self, mut step: impl FnMut(&mut Change<'_>) -> Result<u64>) -> Result<u64> {
        let mut removed = 0;
        loop {
            let count = self.guard(|shard| shard.change(&mut step))?;
            removed += count;
            if count < u64::from(STEP) {
                return Ok(removed);
            }
            self.tenure.assure()?;
        }
    }
}

impl Change<'_> {
    fn remove_all(&mut self, victims: &[Stored], reason: Reason) -> Result<u64> {
        victims.iter().try_for_each(|stored| self.remove(stored, reason))?;
        Ok(victims.len() as u64)
    }

    fn victims(&self, statement: &str, parameters: &[&dyn ToSql]) -> Result<Vec<Stored>> {
        self.run(|connection| {
            let mut statement = connection.prepare_dynamic(statement)?;
            statement.query_map(params_from_iter(parameters), |row| Stored::read(row, 0))?.collect()
        })
    }

    fn tagged(&self, tag: &str, last: i64) -> Result<Vec<Stored>> {
        self.victims(
            &format!(
                "SELECT {COLUMNS} FROM tag JOIN entry ON entry.id = tag.entry \
                 WHERE tag.tag = ?1 AND tag.entry <= ?2 ORDER BY tag.entry LIMIT {STEP}"
            ),
            &[&tag, &last],
        )
    }

    fn with_files(&self, last: i64) -> Result<Vec<Stored>> {
        self.victims(
            &format!("SELECT {COLUMNS} FROM entry WHERE file IS NOT NULL AND id <= ?1 ORDER BY file LIMIT {STEP}"),
            &[&last],
        )
    }

    /// Removes all entries at once, if none has a file and the database is not large; returns how
    /// many.
    fn empty(&mut self) -> Result<Option<u64>> {
        if self.totals.files != 0 || self.database_size()? > AT_ONCE {
            return Ok(None);
        }
        // Without a condition, so that SQLite frees pages instead of removing rows.
        self.run(|connection| connection.execute_batch("DELETE FROM entry; DELETE FROM tag;"))?;
        let removed = self.totals.count.max(0).cast_unsigned();
        self.totals.count = 0;
        self.outlive_all();
        self.effects.counts.removals += removed;
        Ok(Some(removed))
    }

    fn queued(&self, queue: &str, last: i64) -> Result<Vec<Stored>> {
        self.victims(
            &format!("SELECT {COLUMNS} FROM entry WHERE queue = ?1 AND id <= ?2 ORDER BY position LIMIT {STEP}"),
            &[&queue, &last],
        )
    }

    fn between(&self, start: &Bound, end: &Bound, last: i64) -> Result<Vec<Stored>> {
        let none = ToSqlOutput::from(0);
        let parameter = |bound: &'_ Bound| bound.key().cloned();
        let (start_key, end_key) = (parameter(start), parameter(end));
        // Without bounds in the order of the table, with them in that of the index.
        let order = if start_key.is_none() && end_key.is_none() { "id" } else { "key" };
        let statement = format!(
            "SELECT {COLUMNS} FROM entry WHERE id <= ?1 AND ?2 = ?2 AND ?3 = ?3{}{} ORDER BY {order} LIMIT {STEP}",
            start.condition(true, "?2"),
            end.condition(false, "?3"),
        );
        let start_key = start_key.as_ref().map_or(&none as &dyn ToSql, |key| key);
        let end_key = end_key.as_ref().map_or(&none as &dyn ToSql, |key| key);
        self.victims(&statement, &[&last, start_key, end_key])
    }

    fn ended(&self) -> Result<Vec<Stored>> {
        self.victims(
            &format!("SELECT {COLUMNS} FROM entry WHERE expires <= ?1 ORDER BY expires LIMIT {STEP}"),
            &[&self.now],
        )
    }

    /// Entries that would live longer than their time to live, because the clock was set back. Only
    /// looked for when it was: when changes have been made at a later time than now.
    fn outlived(&self) -> Result<Vec<Stored>> {
        if self.latest_ms() <= self.now.saturating_add(CLOCK_TOLERANCE_MS) {
            return Ok(Vec::new());
        }
        self.victims(
            &format!(
                "SELECT {COLUMNS} FROM entry WHERE expires > ?1 AND expires - ?1 > ttl + {CLOCK_TOLERANCE_MS} \
                 ORDER BY expires LIMIT {STEP}"
            ),
            &[&self.now],
        )
    }
}
