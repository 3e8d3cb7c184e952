//! Removing many entries: the steps of [`Stage`].

use rusqlite::types::ToSqlOutput;
use rusqlite::{Row, ToSql, params_from_iter};

use super::Shard;
use super::change::Change;
use super::parts::{Stored, split_tags, stored};
use super::room::NOTHING;
use super::stage::{Advance, Next, Stage};
use super::store::Reason;
use super::tombstone::DEAD;
use super::volume::PAGE;
use crate::error::Result;
use crate::key::Key;
use crate::lifetime::CLOCK_TOLERANCE_MS;
use crate::selection::Bound;

/// Entries looked at in one step: some tens of milliseconds. With fewer, pages that hold entries of
/// several steps are written more often: those of the index of keys with each.
const STEP: u32 = 4096;
/// The same while the disk is full.
const CRAMPED_STEP: u32 = 512;

/// Size up to which a database is emptied in one transaction, in bytes: some tens of milliseconds.
const AT_ONCE: u64 = 64 * 1024 * 1024;
/// An id that none is beyond.
const ANY: i64 = i64::MAX;

/// The columns of [`Stored`], then `size`.
const COLUMNS: &str = concat!(stored!(), ", entry.size");
/// Where the column after them is.
const MARK: usize = Stored::WIDTH + 1;

impl Shard {
    /// Number of entries between two keys.
    pub(super) fn count_between(&mut self, start: &Bound, end: &Bound) -> Result<u64> {
        let bounds = Bounds::of(start, end);
        let statement = format!("SELECT count(*) FROM entry WHERE {} AND NOT {DEAD}", bounds.condition);
        self.guard(|shard| {
            let number: i64 = shard.database()?.run(|connection| {
                connection.query_row(&statement, params_from_iter(bounds.parameters()), |row| row.get(0))
            })?;
            Ok(number.max(0).cast_unsigned())
        })
    }
}

/// Two ends of a range as SQL, with the parameters ?1 and ?2.
struct Bounds<'a> {
    condition: String,
    start: Option<&'a Key>,
    end: Option<&'a Key>,
}

impl<'a> Bounds<'a> {
    fn of(start: &'a Bound, end: &'a Bound) -> Self {
        // Each parameter is named, so that each has its number.
        let condition = format!("?1 = ?1 AND ?2 = ?2{}{}", start.condition(true, "?1"), end.condition(false, "?2"));
        Self { condition, start: start.key(), end: end.key() }
    }

    fn parameters(&self) -> [&dyn ToSql; 2] {
        const NONE: &ToSqlOutput<'static> = &ToSqlOutput::Owned(rusqlite::types::Value::Integer(0));
        [self.start, self.end].map(|key| key.map_or(NONE as &dyn ToSql, |key| key))
    }
}

impl Change<'_> {
    pub(super) fn remove_tagged(&mut self, tag: &str, last: i64) -> Result<Advance> {
        if let Some(buried) = self.bury(tag, last)? {
            return Ok(Advance { done: buried, next: Next::Onward });
        }
        let page = self.page(
            "FROM tag JOIN entry ON entry.id = tag.entry WHERE tag.tag = ?1 AND tag.entry <= ?2 ORDER BY tag.entry",
            &[&tag, &last],
            |row| row.get::<_, i64>(0),
        )?;
        let Removed { done, end, more } = self.remove_rows(page, last, Reason::Selected, Some(tag))?;
        if let Some(end) = end {
            // Those of this tag at once, which takes less time than one by one.
            self.run(|connection| {
                connection.prepare_cached("DELETE FROM tag WHERE tag = ?1 AND entry <= ?2")?.execute((tag, end))
            })?;
        }
        Ok(Advance::with_rest(done, more.then(|| Stage::Tagged { tag: tag.to_owned(), last })))
    }

    pub(super) fn remove_queued(&mut self, queue: &str, after: i64, last: i64) -> Result<Advance> {
        let page = self.page(
            ", position FROM entry WHERE queue = ?1 AND position > ?2 ORDER BY position",
            &[&queue, &after],
            |row| row.get(MARK),
        )?;
        let rest = |after| Stage::Queued { queue: queue.to_owned(), after, last };
        self.remove_page(page, last, Reason::Selected, rest)
    }

    pub(super) fn remove_between(&mut self, start: &Bound, end: &Bound, last: i64) -> Result<Advance> {
        let bounds = Bounds::of(start, end);
        let source = format!(", key FROM entry WHERE {} ORDER BY key", bounds.condition);
        let page = self.page(&source, &bounds.parameters(), |row| Ok(Key::from_column(row.get_ref(MARK)?).ok()))?;
        let rest = |after: Option<Key>| {
            // A damaged key came in before, so it is gone now, and the step was not in vain.
            let start = after.map_or_else(|| start.clone(), Bound::Excluded);
            Stage::Between { start, end: end.clone(), last }
        };
        self.remove_page(page, last, Reason::Selected, rest)
    }

    pub(super) fn remove_with_files(&mut self, after: i64, last: i64) -> Result<Advance> {
        let page =
            self.page(", file FROM entry WHERE file IS NOT NULL AND file > ?1 ORDER BY file", &[&after], |row| {
                row.get(MARK)
            })?;
        self.remove_page(page, last, Reason::Selected, |after| Stage::WithFiles { after, last })
    }

    pub(super) fn remove_any(&mut self, last: i64) -> Result<Advance> {
        let page = self.page("FROM entry WHERE id <= ?1 ORDER BY id", &[&last], no_mark)?;
        self.remove_page(page, last, Reason::Selected, |()| Stage::All { last })
    }

    /// Removes all entries, if none has a file, none has come in since, and the database is not large.
    pub(super) fn remove_at_once(&mut self, last: i64) -> Result<Advance> {
        let newest: i64 = self.run(|connection| {
            connection.prepare_cached("SELECT ifnull(max(id), 0) FROM entry")?.query_row([], |row| row.get(0))
        })?;
        if self.totals.files != 0 || newest > last || self.database_size()? > AT_ONCE {
            return Ok(Advance { done: 0, next: Next::Onward });
        }
        // Without a condition, so that SQLite frees pages instead of removing rows.
        self.run(|connection| connection.execute_batch("DELETE FROM entry; DELETE FROM tag; DELETE FROM tombstone;"))?;
        let removed = self.totals.count.max(0).cast_unsigned();
        self.totals.count = 0;
        self.totals.tombstones = 0;
        self.outlive_all();
        self.effects.counts.removals += removed;
        Ok(Advance { done: removed, next: Next::Through })
    }

    pub(super) fn remove_ended(&mut self) -> Result<Advance> {
        let page = self.page("FROM entry WHERE expires <= ?1 ORDER BY expires", &[&self.now], no_mark)?;
        self.remove_page(page, ANY, Reason::Expired, |()| Stage::Ended)
    }

    /// Removes entries that would live longer than their time to live, because the clock was set back.
    /// Only looked for when it was: when changes have been made at a later time than now.
    pub(super) fn remove_outlived(&mut self, after: (i64, i64)) -> Result<Advance> {
        if self.latest_ms() <= self.now.saturating_add(CLOCK_TOLERANCE_MS) {
            return Ok(Advance { done: 0, next: Next::Onward });
        }
        let expired = format!("expires > ?1 AND expires - ?1 > ttl + {CLOCK_TOLERANCE_MS}");
        let source = format!(
            ", expires, {expired} FROM entry WHERE expires IS NOT NULL AND (expires, id) > (?2, ?3) \
             ORDER BY expires, id"
        );
        let page = self.page(&source, &[&self.now, &after.0, &after.1], |row| {
            Ok((row.get::<_, i64>(MARK)?, row.get::<_, i64>(0)?, row.get::<_, Option<bool>>(MARK + 1)? == Some(true)))
        })?;
        let after =
            page.last().filter(|_| self.is_full(&page)).map(|Candidate { mark: (expires, id, _), .. }| (*expires, *id));
        let mut done = 0;
        for candidate in page.iter().filter(|candidate| candidate.mark.2) {
            done += self.remove(&candidate.stored, Reason::Expired)?;
        }
        Ok(Advance::with_rest(done, after.map(|after| Stage::Outlived { after })))
    }

    pub(super) fn remove_excess(&mut self) -> Result<Advance> {
        if self.give_back_excess()? {
            return Ok(Advance { done: 0, next: Next::Again(Stage::Excess) });
        }
        let mut left = u64::from(self.step());
        let removed = self.evict_excess(NOTHING, &mut left)?;
        Ok(Advance::with_rest(removed, (left == 0).then_some(Stage::Excess)))
    }

    /// Entries looked at in one step, and rows and pages removed: entries, their tags, and what large ones
    /// fill.
    pub(super) fn step(&self) -> u32 {
        if self.shard.is_cramped { CRAMPED_STEP } else { STEP }
    }

    fn is_full<M>(&self, page: &[Candidate<M>]) -> bool {
        page.len() >= self.step() as usize
    }

    /// The entries that `source` gives, each with what tells where it stands.
    fn page<M>(
        &self,
        source: &str,
        parameters: &[&dyn ToSql],
        mark: impl Fn(&Row<'_>) -> rusqlite::Result<M>,
    ) -> Result<Vec<Candidate<M>>> {
        self.run(|connection| {
            let mut statement =
                connection.prepare_dynamic(&format!("SELECT {COLUMNS} {source} LIMIT {}", self.step()))?;
            let read = |row: &Row<'_>| {
                Ok(Candidate { stored: Stored::read(row, 0)?, size: row.get(Stored::WIDTH)?, mark: mark(row)? })
            };
            statement.query_map(params_from_iter(parameters), read)?.collect()
        })
    }

    /// Removes those entries of a page that count. If it was full, there may be more behind its last.
    fn remove_page<M>(
        &mut self,
        page: Vec<Candidate<M>>,
        last: i64,
        reason: Reason,
        rest: impl FnOnce(M) -> Stage,
    ) -> Result<Advance> {
        let Removed { done, end, more } = self.remove_rows(page, last, reason, None)?;
        Ok(Advance::with_rest(done, end.filter(|_| more).map(rest)))
    }

    /// Removes entries of a page as far as a step goes, but not their row of one tag.
    fn remove_rows<M>(
        &mut self,
        page: Vec<Candidate<M>>,
        last: i64,
        reason: Reason,
        but: Option<&str>,
    ) -> Result<Removed<M>> {
        let mut removed = Removed { done: 0, end: None, more: self.is_full(&page) };
        let mut bulk = 0;
        let mut left = page.into_iter();
        for candidate in left.by_ref() {
            if candidate.stored.id <= last {
                bulk += candidate.bulk(but);
                removed.done += self.remove_but(&candidate.stored, reason, but)?;
            }
            removed.end = Some(candidate.mark);
            if bulk >= u64::from(self.step()) {
                break;
            }
        }
        removed.more |= left.len() > 0;
        Ok(removed)
    }
}

/// An entry that may be removed.
struct Candidate<M> {
    stored: Stored,
    size: i64,
    /// What tells where it stands.
    mark: M,
}

impl<M> Candidate<M> {
    /// About how many rows and pages it takes, but for the row of one tag.
    fn bulk(&self, but: Option<&str>) -> u64 {
        let tags = split_tags(self.stored.tags.as_deref()).filter(|tag| Some(*tag) != but).count() as u64;
        1 + tags + self.size.max(0).cast_unsigned() / PAGE
    }
}

/// What has come of a page.
struct Removed<M> {
    /// Entries that were removed.
    done: u64,
    /// Where the last of them stood that were looked at.
    end: Option<M>,
    /// Whether there may be more behind it.
    more: bool,
}

/// For pages from whose beginning all is removed.
#[allow(clippy::unnecessary_wraps, reason = "as every mark is read")]
fn no_mark(_: &Row<'_>) -> rusqlite::Result<()> {
    Ok(())
}
