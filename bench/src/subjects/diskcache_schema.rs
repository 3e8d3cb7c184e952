//! python-diskcache's tables and statements without Python: what its design costs in SQLite.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{Store, open_database};

/// As of version 5.6.3, with the policy it has unless told otherwise.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS Settings (key TEXT NOT NULL UNIQUE, value);
CREATE TABLE IF NOT EXISTS Cache (
  rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL, expire_time REAL, access_time REAL,
  access_count INTEGER DEFAULT 0, tag BLOB, size INTEGER DEFAULT 0, mode INTEGER DEFAULT 0, filename TEXT, value BLOB);
CREATE UNIQUE INDEX IF NOT EXISTS Cache_key_raw ON Cache(key, raw);
CREATE INDEX IF NOT EXISTS Cache_expire_time ON Cache (expire_time);
CREATE INDEX IF NOT EXISTS Cache_store_time ON Cache (store_time);
CREATE TRIGGER IF NOT EXISTS Settings_count_insert AFTER INSERT ON Cache FOR EACH ROW BEGIN
  UPDATE Settings SET value = value + 1 WHERE key = 'count'; END;
CREATE TRIGGER IF NOT EXISTS Settings_count_delete AFTER DELETE ON Cache FOR EACH ROW BEGIN
  UPDATE Settings SET value = value - 1 WHERE key = 'count'; END;
CREATE TRIGGER IF NOT EXISTS Settings_size_insert AFTER INSERT ON Cache FOR EACH ROW BEGIN
  UPDATE Settings SET value = value + NEW.size WHERE key = 'size'; END;
CREATE TRIGGER IF NOT EXISTS Settings_size_update AFTER UPDATE ON Cache FOR EACH ROW BEGIN
  UPDATE Settings SET value = value + NEW.size - OLD.size WHERE key = 'size'; END;
CREATE TRIGGER IF NOT EXISTS Settings_size_delete AFTER DELETE ON Cache FOR EACH ROW BEGIN
  UPDATE Settings SET value = value - OLD.size WHERE key = 'size'; END;
INSERT OR IGNORE INTO Settings VALUES ('count', 0), ('size', 0);";

const SIZE_LIMIT: i64 = 1 << 30;
const PAGE_SIZE: i64 = 4096;

/// A database like python-diskcache's.
pub(super) struct DiskcacheSchema(Connection);

impl DiskcacheSchema {
    pub(super) fn open(directory: &Path) -> Result<Self> {
        open_database(directory, TABLES).map(Self)
    }

    fn begin(&mut self) -> rusqlite::Result<Transaction<'_>> {
        self.0.transaction_with_behavior(TransactionBehavior::Immediate)
    }
}

impl Store for DiskcacheSchema {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut statement = self.0.prepare_cached(
            "SELECT rowid, expire_time, tag, mode, filename, value FROM Cache
             WHERE key = ? AND raw = 1 AND (expire_time IS NULL OR expire_time > ?)",
        )?;
        Ok(statement.query_row(params![key, now()], |row| row.get(5)).optional()?)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let now = now();
        let transaction = self.begin()?;
        let row: Option<i64> = transaction
            .prepare_cached("SELECT rowid, filename FROM Cache WHERE key = ? AND raw = 1")?
            .query_row([key], |row| row.get(0))
            .optional()?;
        if let Some(row) = row {
            transaction
                .prepare_cached(
                    "UPDATE Cache SET store_time = ?, expire_time = NULL, access_time = ?, access_count = 0,
                     tag = NULL, size = 0, mode = 1, filename = NULL, value = ? WHERE rowid = ?",
                )?
                .execute(params![now, now, value, row])?;
        } else {
            transaction
                .prepare_cached(
                    "INSERT INTO Cache (key, raw, store_time, expire_time, access_time, access_count, tag, size, mode,
                     filename, value) VALUES (?, 1, ?, NULL, ?, 0, NULL, 0, 1, NULL, ?)",
                )?
                .execute(params![key, now, now, value])?;
        }
        cull(&transaction, now)?;
        transaction.commit()?;
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<bool> {
        let now = now();
        let transaction = self.begin()?;
        let row: Option<i64> = transaction
            .prepare_cached(
                "SELECT rowid, filename FROM Cache
                 WHERE key = ? AND raw = 1 AND (expire_time IS NULL OR expire_time > ?)",
            )?
            .query_row(params![key, now], |row| row.get(0))
            .optional()?;
        if let Some(row) = row {
            transaction.prepare_cached("DELETE FROM Cache WHERE rowid = ?")?.execute([row])?;
        }
        transaction.commit()?;
        Ok(row.is_some())
    }
}

/// What every set looks for: expired entries, then whether the limit is reached. The workload has
/// neither, so that nothing is ever found.
fn cull(transaction: &Transaction<'_>, now: f64) -> rusqlite::Result<()> {
    let expired = transaction
        .prepare_cached(
            "SELECT filename FROM Cache WHERE expire_time IS NOT NULL AND expire_time < ?
             ORDER BY expire_time LIMIT 10",
        )?
        .exists([now])?;
    let pages: i64 = transaction.prepare_cached("PRAGMA page_count")?.query_row([], |row| row.get(0))?;
    let files: i64 =
        transaction.prepare_cached("SELECT value FROM Settings WHERE key = 'size'")?.query_row([], |row| row.get(0))?;
    debug_assert!(!expired && pages * PAGE_SIZE + files < SIZE_LIMIT, "the workload stays below the limits");
    Ok(())
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
