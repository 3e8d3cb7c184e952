//! The locks of the database file, in rollback-journal mode, against stock SQLite.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers as well"
)]

mod support;

use rusqlite::{Connection, ErrorCode};
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::process::{Helper, hear, role, say};
use support::{count, integrity, journal_mode, new_counter, open, open_stock, try_count};
use tempfile::TempDir;

#[test]
fn helper() {
    let Some((role, path)) = role() else { return };
    let connection = match role.strip_suffix(" stock") {
        Some(_) => open_stock(&path),
        None => open(&path),
    };
    match role.trim_end_matches(" stock") {
        "shared" => {
            connection.execute_batch("BEGIN; SELECT n FROM counter;").unwrap();
            assert_eq!(count(&connection), 0);
        }
        "reserved" => connection.execute_batch("BEGIN IMMEDIATE").unwrap(),
        "exclusive" => connection.execute_batch("BEGIN EXCLUSIVE").unwrap(),
        "increment" => {
            for _ in 0..50 {
                connection.execute_batch("BEGIN IMMEDIATE; UPDATE counter SET n = n + 1; COMMIT").unwrap();
            }
            return;
        }
        other => panic!("no role {other}"),
    }
    say("held");
    hear();
}

fn new_rollback_counter() -> (TempDir, PathBuf) {
    let (directory, path) = new_counter();
    assert_eq!(journal_mode(&open(&path), "DELETE"), "delete");
    (directory, path)
}

/// What a connection of ours may do while a helper holds a lock, and the other way round.
fn outcomes(role: &str, path: &Path, connection: &Connection) -> [bool; 2] {
    let mut helper = Helper::start(role, path);
    assert_eq!(helper.hear(), "held");
    connection.busy_timeout(Duration::ZERO).unwrap();
    let busy = |error: rusqlite::Error| {
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
    };
    let reads = try_count(connection).map_err(busy).is_ok();
    let writes = connection.execute("UPDATE counter SET n = n", []).map_err(busy).is_ok();
    helper.go_on();
    helper.join();
    [reads, writes]
}

#[test]
fn locks_of_stock_sqlite_and_ours_exclude_each_other_alike() {
    let (_directory, path) = new_rollback_counter();
    for vfs in ["", " stock"] {
        let connection = open(&path);
        for (level, expected) in [("shared", [true, false]), ("reserved", [true, false]), ("exclusive", [false, false])]
        {
            let role = format!("{level}{vfs}");
            assert_eq!(outcomes(&role, &path, &connection), expected, "{role}");
        }
        // All of it was let go.
        connection.execute("UPDATE counter SET n = 0", []).unwrap();
    }
}

#[test]
fn stock_sqlite_heeds_our_locks() {
    let (_directory, path) = new_rollback_counter();
    for (level, expected) in [("shared", [true, false]), ("reserved", [true, false]), ("exclusive", [false, false])] {
        // Opened and closed while no other of this process has the file open.
        let connection = open_stock(&path);
        assert_eq!(outcomes(level, &path, &connection), expected, "{level}");
    }
}

#[test]
fn a_pending_writer_lets_no_new_reader_in() {
    let (_directory, path) = new_rollback_counter();
    let connection = open(&path);
    let mut reader = Helper::start("shared stock", &path);
    assert_eq!(reader.hear(), "held");
    connection.busy_timeout(Duration::ZERO).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE; UPDATE counter SET n = 5;").unwrap();
    let error = connection.execute_batch("COMMIT").unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
    let newcomer = open(&path);
    newcomer.busy_timeout(Duration::ZERO).unwrap();
    assert!(try_count(&newcomer).is_err());
    reader.go_on();
    reader.join();
    connection.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&newcomer), 5);
}

#[test]
fn rollback_mode_loses_no_increment_between_ours_and_stock_sqlite() {
    let (_directory, path) = new_rollback_counter();
    let helpers = ["increment", "increment", "increment stock"].map(|role| Helper::start(role, &path));
    for helper in helpers {
        helper.join();
    }
    let connection = open(&path);
    assert_eq!(count(&connection), 150);
    assert_eq!(integrity(&connection), "ok");
}

#[test]
fn an_interrupted_rollback_journal_is_played_back() {
    let (_directory, path) = new_rollback_counter();
    let journal = path.with_extension("db-journal");
    let (kept_database, kept_journal) = (path.with_extension("kept"), path.with_extension("jkept"));
    let connection = open(&path);
    // With a tiny cache, changes reach the database before the commit.
    connection
        .execute_batch(
            "PRAGMA cache_size = 1; CREATE TABLE more (x); BEGIN IMMEDIATE;
             UPDATE counter SET n = 99;
             INSERT INTO more SELECT zeroblob(200000) FROM counter;",
        )
        .unwrap();
    std::fs::copy(&journal, &kept_journal).unwrap();
    std::fs::copy(&path, &kept_database).unwrap();
    connection.execute_batch("ROLLBACK").unwrap();
    drop(connection);
    std::fs::rename(&kept_journal, &journal).unwrap();
    std::fs::rename(&kept_database, &path).unwrap();
    let connection = open(&path);
    assert_eq!(count(&connection), 0);
    assert_eq!(integrity(&connection), "ok");
    assert!(!journal.exists());
}
