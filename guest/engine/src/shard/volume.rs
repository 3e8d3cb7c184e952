//! What a shard takes on disk, and what of it the size limit leaves for entries.
//!
//! The limit bounds the database, its write-ahead log with the log's index, the reserve, and the value
//! files. Of a shard's share a part is kept free for the log, whatever its size is at the moment: then
//! entries need not go whenever it grows, nor when it is emptied. A checkpoint is due as soon as the log
//! fills that part, so it outgrows it only while a reader keeps it from being emptied or by a single
//! large transaction; what it takes then counts in full, up to half of the share.

use super::change::Change;
use super::stage::{Advance, Next, Stage};
use super::{DATABASE, Shard};
use crate::error::Result;
use crate::settings::{Settings, WAL_INDEX};

/// Size of a database page, which is SQLite's default.
pub(super) const PAGE: u64 = 4096;

/// Bytes given back in one step.
pub(super) const SHRINK_STEP: u64 = 256 * PAGE;

impl Shard {
    /// Bytes on disk.
    pub(crate) fn volume(&mut self) -> Result<u64> {
        self.guard(|shard| {
            let beside = shard.log_size() + shard.size_beside("-shm") + shard.reserve_size();
            Ok(shard.taken()?.saturating_add(beside))
        })
    }

    /// What database and value files take.
    pub(super) fn taken(&self) -> Result<u64> {
        let database = self.database()?;
        let files: i64 = database
            .run(|connection| connection.prepare_cached("SELECT files FROM totals")?.query_row([], |row| row.get(0)))?;
        Ok(database.pages()?.saturating_mul(PAGE).saturating_add(files.max(0).cast_unsigned()))
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
pub(super) fn size(path: &std::path::Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

impl Change<'_> {
    /// What database and value files may take: the share of the limit without log and reserve.
    pub(super) fn room(&self, limit: u64) -> u64 {
        let log = size(&self.path().with_extension("db-wal")).saturating_add(WAL_INDEX);
        let log = log.clamp(Settings::log_share(limit), limit / 2);
        limit.saturating_sub(log).saturating_sub(self.reserve_size())
    }

    /// What database and value files take.
    pub(super) fn taken(&self) -> Result<u64> {
        Ok(self.database_size()?.saturating_add(self.totals.files.max(0).cast_unsigned()))
    }

    /// Size of the database as the transaction leaves it.
    pub(super) fn database_size(&self) -> Result<u64> {
        Ok(self.database.pages()?.saturating_mul(PAGE))
    }

    /// Whether database and value files surely take less than this. What they take exactly, SQLite has
    /// to be asked, which takes as much as a twentieth of storing a value.
    pub(super) fn surely_takes_less(&self, bytes: u64) -> bool {
        let files = self.totals.files.max(0).cast_unsigned();
        self.database.most_pages().is_some_and(|pages| pages.saturating_mul(PAGE).saturating_add(files) < bytes)
    }

    /// What of the database has no content, in bytes.
    pub(super) fn unused(&self) -> Result<u64> {
        let pages: i64 =
            self.run(|connection| connection.prepare_cached("PRAGMA freelist_count")?.query_row([], |row| row.get(0)))?;
        Ok(pages.max(0).cast_unsigned().saturating_mul(PAGE))
    }

    /// Gives back some of the pages without content. A damaged database may give back none.
    pub(super) fn give_back_pages(&self) -> Result<Advance> {
        let before = self.database_size()?;
        self.shrink(self.unused()?.min(SHRINK_STEP))?;
        let done = before.saturating_sub(self.database_size()?);
        Ok(Advance::with_rest(done, (done > 0 && self.unused()? > 0).then_some(Stage::Pages)))
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
