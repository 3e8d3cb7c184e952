//! What the tests of Larder as a whole share: the components called by their WIT interface alone,
//! and worker processes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    reason = "support for tests, which are to stop where something is wrong"
)]

pub mod clock;
pub mod collections;
pub mod component;
pub mod history;
pub mod layer;
pub mod native;
pub mod parties;
pub mod python;
pub mod soak;
pub mod subject;
pub mod worker;

use std::path::{Path, PathBuf};

/// The only file with this ending below a directory.
pub fn only_file(directory: &Path, ending: &str) -> PathBuf {
    let found = files(directory, ending);
    assert_eq!(found.len(), 1, "files ending in {ending}: {found:?}");
    found[0].clone()
}

/// All files with this ending below a directory.
pub fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(next) = pending.pop() {
        for child in std::fs::read_dir(&next).unwrap() {
            let path = child.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The database of a cache with one shard.
pub fn database(directory: &Path) -> PathBuf {
    only_file(directory, "cache.db")
}

/// The value files of a cache.
pub fn value_files(directory: &Path) -> Vec<PathBuf> {
    files(directory, "").into_iter().filter(|path| path.components().any(|part| part.as_os_str() == "values")).collect()
}

/// What SQLite itself, with its own file layer, finds wrong with a database that others may be
/// using: "ok" if nothing.
pub fn native_integrity_check(database: &Path) -> String {
    let connection = rusqlite::Connection::open(database).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
}

/// That SQLite itself finds nothing wrong with the databases of a cache; else what, and in which.
pub fn native_integrity(directory: &Path) -> Result<(), String> {
    files(directory, "cache.db").iter().try_for_each(|database| match native_integrity_check(database).as_str() {
        "ok" => Ok(()),
        wrong => Err(format!("{}: {wrong}", database.display())),
    })
}

/// A small generator of numbers that look random (`SplitMix64`). Tests print their seed.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Starts from a seed; the same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }
}
