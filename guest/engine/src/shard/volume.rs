//! What a shard takes on disk, and what of it the size limit leaves for entries.
//!
//! The limit bounds the database, its write-ahead log with the log's index, and the value files. Of
//! a shard's share a part is kept free for the log, whatever its size is at the moment: then entries
//! need not go whenever it grows, nor when it is emptied. A checkpoint is due as soon as the log fills
//! that part, so it outgrows it only while a reader keeps it from being emptied or by a single large
//! transaction; what it takes then counts in full, up to half of the share.

use super::change::Change;
use super::stage::{Advance, Next, Stage};
use super::{DATABASE, Shard};
use crate::error::{Error, Result};
use crate::settings::{Settings, WAL_INDEX};

/// Size of a database page, which is SQLite's default.
pub(super) const PAGE: u64 = 4096;
/// How much more than their size entries can take at most: pages are at least a third full, a key
/// stands in its row and in an index, and what exceeds a page takes whole pages.
const WORST_RATIO: u64 = 6;

/// Bytes given back in one step.
pub(super) const SHRINK_STEP: u64 = 256 * PAGE;

/// What the pages of a database are used for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pages {
    /// All of them, in bytes.
    pub(super) all: u64,
    /// Those without content, in bytes.
    pub(super) free: u64,
}

impl Shard {
    /// Bytes on disk.
    pub(crate) fn volume(&mut self) -> Result<u64> {
        self.guard(|shard| {
            let database = shard.database()?;
            let (files, pages): (i64, i64) = database.run(|connection| {
                let files = connection.prepare_cached("SELECT files FROM totals")?.query_row([], |row| row.get(0))?;
                let pages = connection.prepare_cached("PRAGMA page_count")?.query_row([], |row| row.get(0))?;
                Ok((files, pages))
            })?;
            let fixed = pages.max(0).cast_unsigned().saturating_mul(PAGE);
            let index = shard.size_beside("-shm");
            Ok(fixed.saturating_add(files.max(0).cast_unsigned()) + shard.log_size() + index)
        })
    }

    /// Size of the log, in bytes.
    pub(crate) fn log_size(&self) -> u64 {
        self.size_beside("-wal")
    }

    /// Empties the log, as far as nobody reads it. `before` is what it took before the work, which
    /// itself has made it grow.
    pub(super) fn give_back_log(&mut self, before: u64) -> Result<Advance> {
        self.database()?.empty_log()?;
        Ok(Advance { done: before.saturating_sub(self.log_size()), next: Next::Onward })
    }

    /// Size of the file beside the database with this suffix; 0 if there is none.
    fn size_beside(&self, suffix: &str) -> u64 {
        size(&self.directory.join(format!("{DATABASE}{suffix}")))
    }
}

/// The size of a file; 0 if there is none, or none to be seen.
fn size(path: &std::path::Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

impl Change<'_> {
    /// Whether the entries might come near the limit; if not, nothing has to be measured.
    pub(super) fn may_fill_up(&self, limit: u64) -> bool {
        let number = |number: i64| number.max(0).cast_unsigned();
        let entries = number(self.totals.volume).saturating_mul(WORST_RATIO);
        entries.saturating_add(number(self.totals.files)).saturating_add(Settings::fixed_share()) > limit / 2
    }

    /// What database and value files may take: the share of the limit without that of the log.
    pub(super) fn room(&self, limit: u64) -> u64 {
        let log = size(&self.path().with_extension("db-wal")).saturating_add(WAL_INDEX);
        limit.saturating_sub(log.clamp(Settings::log_share(limit), limit / 2))
    }

    /// What database and value files take.
    pub(super) fn taken(&self, pages: Pages) -> u64 {
        pages.all.saturating_add(self.totals.files.max(0).cast_unsigned())
    }

    /// The pages of the database as the transaction leaves them.
    pub(super) fn pages(&self) -> Result<Pages> {
        let number = |statement: &'static str| {
            let pages: i64 =
                self.run(|connection| connection.prepare_cached(statement)?.query_row([], |row| row.get(0)))?;
            Ok::<u64, Error>(pages.max(0).cast_unsigned().saturating_mul(PAGE))
        };
        Ok(Pages { all: number("PRAGMA page_count")?, free: number("PRAGMA freelist_count")? })
    }

    /// Gives back some of the pages without content.
    pub(super) fn give_back_pages(&self) -> Result<Advance> {
        let before = self.pages()?;
        self.shrink(before.free.min(SHRINK_STEP))?;
        let after = self.pages()?;
        Ok(Advance::with_rest(before.all.saturating_sub(after.all), (after.free > 0).then_some(Stage::Pages)))
    }

    /// Gives up to so many bytes of pages without content back.
    pub(super) fn shrink(&self, bytes: u64) -> Result<()> {
        if bytes == 0 {
            // To ask for none is to ask for all.
            return Ok(());
        }
        self.run(|connection| {
            let mut statement =
                connection.prepare_dynamic(&format!("PRAGMA incremental_vacuum({})", bytes.div_ceil(PAGE)))?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            Ok(())
        })
    }
}
