//! What a shard takes on disk, and what of it the size limit leaves for entries.
//!
//! The limit bounds the database, its logs, which are the write-ahead log with its index and the journals of
//! biased queues, the reserve, and the value files. Of a shard's share a part is kept free for the logs, whatever
//! their size is at the moment: then entries need not go whenever they grow, nor when they are emptied. A
//! checkpoint is due as soon as the write-ahead log fills half of that part, and journals are made only as long as they
//! take no more than a quarter; so the logs outgrow it only while a reader keeps the write-ahead log from being
//! emptied or by a single large transaction; what they take then counts in full, up to half of the share.

use super::change::Change;
use super::stage::{Advance, Next, Stage};
use super::{DATABASE, Shard};
use crate::error::Result;
use crate::journal::CAPACITY;
use crate::settings::{Settings, WAL_INDEX};

/// Size of a database page, which is SQLite's default.
pub(super) const PAGE: u64 = 4096;

/// What part of the room for logs is for journals: one of so many.
const JOURNALS_PART: u64 = 4;

/// Bytes given back in one step.
pub(super) const SHRINK_STEP: u64 = 256 * PAGE;

impl Shard {
    /// Bytes on disk.
    pub(crate) fn volume(&mut self) -> Result<u64> {
        self.guard(|shard| {
            let beside = shard.log_size() + shard.size_beside("-shm") + shard.reserve_size();
            Ok(shard.taken()?.saturating_add(beside).saturating_add(shard.journals_size()?))
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
    /// What database and value files may take: the share of the limit without logs and reserve.
    pub(super) fn room(&self, limit: u64) -> u64 {
        let log = size(&self.path().with_extension("db-wal")).saturating_add(WAL_INDEX);
        let logs = log.saturating_add(self.journals()).clamp(Settings::log_share(limit), limit / 2);
        limit.saturating_sub(logs).saturating_sub(self.reserve_size())
    }

    /// Whether the size limit permits another journal.
    pub(super) fn has_room_for_journal(&self) -> bool {
        let most = self.settings.size_share(self.index).map(|limit| Settings::log_share(limit) / JOURNALS_PART);
        most.is_none_or(|most| self.journals().saturating_add(CAPACITY) <= most)
    }

    /// What the journals of the shard take at most.
    fn journals(&self) -> u64 {
        self.totals.biased.max(0).cast_unsigned().saturating_mul(CAPACITY)
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
