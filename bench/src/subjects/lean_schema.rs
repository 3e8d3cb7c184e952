//! The least that SQLite can be asked to do.

use std::path::Path;

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension};

use super::{Store, open_database};

const TABLES: &str = "CREATE TABLE IF NOT EXISTS entry (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID";

/// A table of keys and values.
pub(super) struct LeanSchema(Connection);

impl LeanSchema {
    pub(super) fn open(directory: &Path) -> Result<Self> {
        open_database(directory, TABLES).map(Self)
    }
}

impl Store for LeanSchema {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut statement = self.0.prepare_cached("SELECT value FROM entry WHERE key = ?")?;
        Ok(statement.query_row([key], |row| row.get(0)).optional()?)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.0.prepare_cached("REPLACE INTO entry VALUES (?, ?)")?.execute([key, value])?;
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<bool> {
        Ok(self.0.prepare_cached("DELETE FROM entry WHERE key = ?")?.execute([key])? > 0)
    }
}
