//! Without coordination: one connection has the database for itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers as well"
)]

mod support;

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use support::{SOLE, increment, integrity, journal_mode, open_with, try_count};

fn open_sole(path: &Path) -> Connection {
    let create = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    open_with(path, SOLE, create).unwrap()
}

fn new_sole_counter(path: &Path, mode: &str) -> Connection {
    let connection = open_sole(path);
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE").unwrap();
    assert_eq!(journal_mode(&connection, mode), mode);
    connection.execute_batch("CREATE TABLE counter (n INTEGER); INSERT INTO counter VALUES (0);").unwrap();
    connection
}

#[test]
fn the_log_needs_exclusive_locking() {
    let directory = tempfile::tempdir().unwrap();
    let connection = open_sole(&directory.path().join("x.db"));
    assert_eq!(journal_mode(&connection, "WAL"), "delete");
}

#[test]
fn every_journal_mode_keeps_what_was_committed() {
    for mode in ["wal", "delete", "truncate", "persist", "memory"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.db");
        let mut connection = new_sole_counter(&path, mode);
        increment(&mut connection, 20);
        connection.execute_batch("BEGIN; UPDATE counter SET n = 99; ROLLBACK").unwrap();
        increment(&mut connection, 1);
        drop(connection);
        let connection = open_sole(&path);
        connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE").unwrap();
        assert_eq!(try_count(&connection), Ok(21), "{mode}");
        assert_eq!(integrity(&connection), "ok");
        assert!(!support::shm(&path).exists());
    }
}

#[test]
fn a_transaction_that_overwrites_its_own_frames_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.db");
    let connection = new_sole_counter(&path, "wal");
    connection.execute_batch("PRAGMA cache_size = 2; PRAGMA cache_spill = 2; CREATE TABLE t (i, x);").unwrap();
    for round in 0..3 {
        connection
            .execute_batch(&format!(
                "BEGIN;
                 WITH RECURSIVE list(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM list WHERE i < 300)
                     INSERT INTO t SELECT i, randomblob(900) FROM list;
                 SAVEPOINT inner; UPDATE t SET x = randomblob(900); ROLLBACK TO inner;
                 UPDATE t SET x = randomblob(800) WHERE i % 3 = {round};
                 COMMIT;
                 BEGIN; UPDATE t SET x = randomblob(950); ROLLBACK;"
            ))
            .unwrap();
        assert_eq!(integrity(&connection), "ok");
    }
    // The log as a crash would leave it is whole, too: recover it from a copy.
    let copy = directory.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(path.with_extension("db-wal"), copy.with_extension("db-wal")).unwrap();
    let sum = |connection: &Connection| -> (i64, i64) {
        let query = "SELECT count(*), sum(length(x)) FROM t";
        connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    };
    let recovered = Connection::open(&copy).unwrap();
    assert_eq!(integrity(&recovered), "ok");
    assert_eq!(sum(&recovered), sum(&connection));
    assert_eq!(sum(&recovered).0, 900);
}

#[test]
fn a_statement_journal_that_grows_large_needs_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let connection = new_sole_counter(&directory.path().join("x.db"), "wal");
    connection.execute_batch("CREATE TABLE t (i INTEGER UNIQUE, x)").unwrap();
    connection
        .execute_batch(
            "WITH RECURSIVE list(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM list WHERE i < 900)
             INSERT INTO t SELECT i, zeroblob(1000) FROM list;
             BEGIN; SAVEPOINT outer;",
        )
        .unwrap();
    // It changes hundreds of pages before it finds the last row in conflict.
    let error =
        connection.execute("UPDATE t SET x = randomblob(1000), i = CASE i WHEN 900 THEN 1 ELSE i END", []).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::ConstraintViolation));
    connection.execute_batch("COMMIT").unwrap();
    let zeros: i64 =
        connection.query_row("SELECT count(*) FROM t WHERE x = zeroblob(1000)", [], |row| row.get(0)).unwrap();
    assert_eq!(zeros, 900);
    assert_eq!(integrity(&connection), "ok");
    let files = std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(files, 2);
}
