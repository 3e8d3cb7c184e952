//! What the behaviour tests have in common.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

pub(crate) use larder_engine::testing::same;
use larder_engine::testing::{LockTable, TestPlatform};
use larder_engine::{Cache, Error, Expiry, Key, OpenOptions, Order, Platform, Scan, Selection, SetOptions, Value};
use rusqlite::Connection;
use tempfile::TempDir;

/// A directory with a cache in it, owned through a lease.
pub(crate) struct Fixture {
    pub(crate) directory: TempDir,
    pub(crate) platform: Rc<TestPlatform>,
    pub(crate) cache: Cache,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(&OpenOptions::default())
    }

    pub(crate) fn sharded(shards: u32) -> Self {
        Self::with(&OpenOptions { shards: Some(shards), ..OpenOptions::default() })
    }

    pub(crate) fn with(options: &OpenOptions) -> Self {
        let (directory, platform) = (tempfile::tempdir().unwrap(), TestPlatform::new());
        let cache = open(directory.path(), options, &platform).unwrap();
        Self { directory, platform, cache }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Opens the cache again after it was closed.
    pub(crate) fn reopen_closed(&mut self, options: &OpenOptions) {
        self.cache = open(self.directory.path(), options, &self.platform).unwrap();
    }

    /// Closes the cache and opens it with other options.
    pub(crate) fn reopen(&mut self, options: &OpenOptions) {
        self.cache.close().unwrap();
        self.cache = open(self.directory.path(), options, &self.platform).unwrap();
    }
}

/// A directory that several caches have open at once.
pub(crate) struct Shared {
    pub(crate) directory: TempDir,
    pub(crate) table: Arc<LockTable>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), table: LockTable::new() }
    }

    pub(crate) fn platform(&self, seed: u64) -> Rc<TestPlatform> {
        TestPlatform::sharing(&self.table, seed, true)
    }

    pub(crate) fn open(&self, seed: u64, options: &OpenOptions) -> Cache {
        open(self.directory.path(), options, &self.platform(seed)).unwrap()
    }

    /// A handle to which locks and queues are biased from the first time on that it uses them.
    pub(crate) fn biasing(&self, seed: u64, options: &OpenOptions) -> (Rc<TestPlatform>, Cache) {
        let platform = self.platform(seed);
        platform.set_bias_from(0);
        let cache = open(self.directory.path(), options, &platform).unwrap();
        (platform, cache)
    }
}

pub(crate) fn open(path: &Path, options: &OpenOptions, platform: &Rc<TestPlatform>) -> Result<Cache, Error> {
    Cache::open(path, options, Rc::clone(platform) as Rc<dyn Platform>)
}

pub(crate) fn existing() -> OpenOptions {
    OpenOptions { create: false, ..OpenOptions::default() }
}

pub(crate) fn text(text: &str) -> Key {
    Key::Text(text.into())
}

pub(crate) fn plain() -> SetOptions {
    SetOptions::default()
}

pub(crate) fn lasting(ttl: u64) -> SetOptions {
    SetOptions { ttl: Expiry::After(ttl), ..SetOptions::default() }
}

pub(crate) fn tagged(tags: &[&str]) -> SetOptions {
    SetOptions { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..SetOptions::default() }
}

/// Stores an integer under a text key.
pub(crate) fn put(cache: &mut Cache, key: &str, value: i64) -> u64 {
    cache.set(&text(key), &Value::Integer(value), &plain()).unwrap()
}

/// The integer under a text key.
pub(crate) fn integer(cache: &mut Cache, key: &str) -> Option<i64> {
    match cache.get(&text(key)).unwrap() {
        Some(Value::Integer(integer)) => Some(integer),
        None => None,
        Some(other) => panic!("{key} holds {other:?}"),
    }
}

pub(crate) fn scan(selection: Selection, order: Order) -> Scan {
    Scan { selection, order, ..Scan::default() }
}

/// All keys of a scan.
pub(crate) fn keys(cache: &mut Cache, scan: &Scan) -> Vec<Key> {
    let mut cursor = cache.scan(scan).unwrap();
    let mut keys = Vec::new();
    loop {
        let more = cursor.next(cache, 7).unwrap();
        if more.is_empty() {
            return keys;
        }
        keys.extend(more);
    }
}

/// The text keys of a whole cache, by insertion.
pub(crate) fn names(cache: &mut Cache) -> Vec<String> {
    names_of(keys(cache, &Scan { expired: true, ..Scan::default() }))
}

pub(crate) fn names_of(keys: Vec<Key>) -> Vec<String> {
    keys.into_iter()
        .map(|key| match key {
            Key::Text(text) => text,
            other => panic!("{other} is not text"),
        })
        .collect()
}

/// The data directory in use: the only one, once a cache is open.
pub(crate) fn data(root: &Path) -> PathBuf {
    let mut found: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .map(|child| child.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("data-"))
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// The database of a shard.
pub(crate) fn database(root: &Path, shard: u32) -> PathBuf {
    data(root).join(format!("shard-{shard:03}")).join("cache.db")
}

/// Native access to the database of the first shard, for a cache that is closed or shared.
pub(crate) fn tamper(root: &Path, statements: &str) {
    Connection::open(database(root, 0)).unwrap().execute_batch(statements).unwrap();
}

/// Every value file of a directory.
pub(crate) fn value_files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut pending = vec![root.to_owned()];
    while let Some(directory) = pending.pop() {
        for child in std::fs::read_dir(directory).unwrap() {
            let path = child.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.components().any(|part| part.as_os_str() == "values") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
