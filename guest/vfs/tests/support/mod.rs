//! What a host does, done here with the same system calls, and helpers for processes.

#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod ofd;
pub(crate) mod process;

use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use self::ofd::OfdCoordination;

/// Shares databases.
pub(crate) const SHARED: &CStr = c"larder-shared";
/// Has each database for itself.
pub(crate) const SOLE: &CStr = c"larder-sole";

/// Registers both.
pub(crate) fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        larder_vfs::register(SHARED, Some(Box::new(OfdCoordination::default())), larder_vfs::sync_directory).unwrap();
        larder_vfs::register(SOLE, None, larder_vfs::sync_directory).unwrap();
    });
}

pub(crate) fn open_with(path: &Path, vfs: &CStr, flags: OpenFlags) -> rusqlite::Result<Connection> {
    register();
    let connection = Connection::open_with_flags_and_vfs(path, flags, vfs)?;
    connection.busy_timeout(Duration::from_mins(1))?;
    Ok(connection)
}

/// Opens a database through our VFS, shared.
pub(crate) fn open(path: &Path) -> Connection {
    open_with(path, SHARED, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE).unwrap()
}

/// Opens a database through SQLite's own VFS.
pub(crate) fn open_stock(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_mins(1)).unwrap();
    connection
}

/// A directory and a database in it with a counter at 0, in WAL mode.
pub(crate) fn new_counter() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("counter.db");
    let connection = open(&path);
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE counter (n INTEGER NOT NULL);
             INSERT INTO counter VALUES (0);",
        )
        .unwrap();
    (directory, path)
}

pub(crate) fn count(connection: &Connection) -> i64 {
    try_count(connection).unwrap()
}

pub(crate) fn try_count(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT n FROM counter", [], |row| row.get(0))
}

/// Adds 1 to the counter so many times, each in a transaction that reads and writes.
pub(crate) fn increment(connection: &mut Connection, times: usize) {
    for _ in 0..times {
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
        let n = count(&transaction);
        transaction.execute("UPDATE counter SET n = ?1", [n + 1]).unwrap();
        transaction.commit().unwrap();
        assert_eq!(larder_vfs::take_damage(), None);
    }
}

pub(crate) fn integrity(connection: &Connection) -> String {
    connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
}

pub(crate) fn journal_mode(connection: &Connection, mode: &str) -> String {
    connection.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |row| row.get(0)).unwrap()
}

/// The `-shm` file of a database.
pub(crate) fn shm(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}-shm", path.display()))
}
