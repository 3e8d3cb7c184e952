//! What is compared.

mod diskcache_schema;
mod larder;
mod lean_schema;

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use rusqlite::Connection;
use serde::Serialize;

/// A cache, or something that could be used as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Subject {
    /// Larder as it comes.
    Larder,
    /// Larder as the sole user of its directory.
    LarderExclusive,
    /// python-diskcache as it comes.
    Diskcache,
    /// Native SQLite with python-diskcache's tables and statements.
    SqliteDiskcacheSchema,
    /// Native SQLite with a table of keys and values, and nothing else.
    SqliteLean,
}

impl Subject {
    /// All of them, in the order in which they take turns.
    pub(crate) const ALL: [Self; 5] =
        [Self::Larder, Self::LarderExclusive, Self::Diskcache, Self::SqliteDiskcacheSchema, Self::SqliteLean];

    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Larder => "larder, shared",
            Self::LarderExclusive => "larder, exclusive",
            Self::Diskcache => "python-diskcache",
            Self::SqliteDiskcacheSchema => "SQLite, diskcache's schema",
            Self::SqliteLean => "SQLite, key and value only",
        }
    }

    /// Whether several processes can have it open.
    pub(crate) fn is_shared(self) -> bool {
        self != Self::LarderExclusive
    }

    /// Opens it in this process.
    pub(crate) fn open(self, directory: &Path) -> Result<Box<dyn Store>> {
        Ok(match self {
            Self::Larder => Box::new(larder::Larder::open(directory, false)?),
            Self::LarderExclusive => Box::new(larder::Larder::open(directory, true)?),
            Self::SqliteDiskcacheSchema => Box::new(diskcache_schema::DiskcacheSchema::open(directory)?),
            Self::SqliteLean => Box::new(lean_schema::LeanSchema::open(directory)?),
            Self::Diskcache => bail!("python-diskcache runs in Python"),
        })
    }
}

/// The operations that are timed.
pub(crate) trait Store {
    /// Looks a key up.
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>>;
    /// Stores a value.
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()>;
    /// Removes a key. Returns whether it was there.
    fn delete(&mut self, key: &[u8]) -> Result<bool>;
}

/// Opens a database under the settings that python-diskcache has, and makes its tables.
fn open_database(directory: &Path, tables: &str) -> Result<Connection> {
    std::fs::create_dir_all(directory)?;
    let connection = Connection::open(directory.join("cache.db"))?;
    connection.busy_timeout(std::time::Duration::from_mins(1))?;
    connection
        .execute_batch(
            "PRAGMA auto_vacuum = 1; PRAGMA cache_size = 8192; PRAGMA journal_mode = wal;
             PRAGMA mmap_size = 67108864; PRAGMA synchronous = 1;",
        )
        .context("the database can not be set up")?;
    connection.execute_batch(tables).context("the tables can not be made")?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_store_keeps_what_is_stored_until_it_is_deleted() {
        for subject in Subject::ALL.into_iter().filter(|subject| *subject != Subject::Diskcache) {
            let directory = tempfile::tempdir().unwrap();
            let mut store = subject.open(directory.path()).unwrap();
            assert_eq!(store.get(b"key").unwrap(), None, "{subject:?}");
            store.set(b"key", b"one").unwrap();
            store.set(b"key", b"two").unwrap();
            assert_eq!(store.get(b"key").unwrap().as_deref(), Some(&b"two"[..]), "{subject:?}");
            assert!(store.delete(b"key").unwrap(), "{subject:?}");
            assert!(!store.delete(b"key").unwrap(), "{subject:?}");
            assert_eq!(store.get(b"key").unwrap(), None, "{subject:?}");
        }
    }
}
