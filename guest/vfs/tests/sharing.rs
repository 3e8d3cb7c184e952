//! Connections of both VFSes in threads and processes on one database.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers as well"
)]

mod support;

use std::path::Path;
use std::thread;

use rusqlite::{Connection, OpenFlags};
use support::process::{Helper, hear, role, say};
use support::{count, increment, integrity, new_counter, open, open_stock, open_with, shm};

const TIMES: usize = 300;

#[test]
fn helper() {
    let Some((role, path)) = role() else { return };
    match role.as_str() {
        "increment" => {
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| increment(&mut open(&path), TIMES));
                }
            });
        }
        "increment stock" => increment(&mut open_stock(&path), TIMES),
        "read" => {
            let connection = open(&path);
            say(&count(&connection).to_string());
        }
        "read stock" => {
            let connection = open_stock(&path);
            say(&format!("{} {}", count(&connection), integrity(&connection)));
        }
        "hold" => {
            let connection = open_stock(&path);
            connection.execute_batch("BEGIN IMMEDIATE; UPDATE counter SET n = 77;").unwrap();
            say("held");
            hear();
            connection.execute_batch("COMMIT").unwrap();
        }
        "die uncommitted" => {
            let connection = open(&path);
            // A small cache makes SQLite write to the log before the commit.
            connection
                .execute_batch(
                    "PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN IMMEDIATE;
                     UPDATE counter SET n = 99;
                     CREATE TABLE more (x);
                     WITH RECURSIVE list(i) AS
                         (SELECT 1 UNION ALL SELECT i + 1 FROM list WHERE i < 500)
                     INSERT INTO more SELECT randomblob(5000) FROM list;",
                )
                .unwrap();
            say("written");
            hear();
        }
        other => panic!("no role {other}"),
    }
}

fn stock_sees(path: &Path) -> String {
    let mut helper = Helper::start("read stock", path);
    let seen = helper.hear();
    helper.join();
    seen
}

#[test]
fn no_increment_is_lost_between_threads_processes_and_stock_sqlite() {
    let (_directory, path) = new_counter();
    let helpers = ["increment", "increment", "increment stock"].map(|role| Helper::start(role, &path));
    let reader = open(&path);
    thread::scope(|scope| {
        scope.spawn(|| increment(&mut open(&path), TIMES));
        let mut last = 0;
        for _ in 0..2000 {
            let now = count(&reader);
            assert!(now >= last, "the counter went back from {last} to {now}");
            assert_eq!(larder_vfs::take_damage(), None);
            last = now;
        }
    });
    for helper in helpers {
        helper.join();
    }
    let total = 6 * i64::try_from(TIMES).unwrap();
    assert_eq!(count(&reader), total);
    assert_eq!(integrity(&reader), "ok");
    assert_eq!(stock_sees(&path), format!("{total} ok"));
}

#[test]
fn a_reader_keeps_its_snapshot_while_stock_sqlite_commits() {
    let (_directory, path) = new_counter();
    let connection = open(&path);
    connection.execute_batch("BEGIN").unwrap();
    assert_eq!(count(&connection), 0);
    let stock = Helper::start("increment stock", &path);
    stock.join();
    assert_eq!(count(&connection), 0);
    connection.execute_batch("COMMIT").unwrap();
    assert_eq!(larder_vfs::take_damage(), None);
    assert_eq!(count(&connection), i64::try_from(TIMES).unwrap());
}

#[test]
fn a_write_lock_of_stock_sqlite_keeps_us_from_writing_but_not_from_reading() {
    let (_directory, path) = new_counter();
    let connection = open(&path);
    let mut stock = Helper::start("hold", &path);
    assert_eq!(stock.hear(), "held");
    assert_eq!(count(&connection), 0);
    connection.busy_timeout(std::time::Duration::ZERO).unwrap();
    let error = connection.execute("UPDATE counter SET n = 1", []).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy));
    stock.go_on();
    stock.join();
    assert_eq!(count(&connection), 77);
    connection.execute("UPDATE counter SET n = 1", []).unwrap();
}

#[test]
fn what_a_killed_process_had_not_committed_is_gone() {
    let (_directory, path) = new_counter();
    increment(&mut open(&path), 3);
    let mut helper = Helper::start("die uncommitted", &path);
    assert_eq!(helper.hear(), "written");
    let connection = open(&path);
    assert_eq!(count(&connection), 3);
    helper.kill();
    assert_eq!(count(&connection), 3);
    connection.execute("UPDATE counter SET n = 4", []).unwrap();
    assert_eq!(integrity(&connection), "ok");
    assert_eq!(stock_sees(&path), "4 ok");
}

#[test]
fn what_was_committed_survives_the_kill_of_all_who_had_it_open() {
    let (_directory, path) = new_counter();
    let mut helper = Helper::start("die uncommitted", &path);
    assert_eq!(helper.hear(), "written");
    helper.kill();
    // Nobody holds the dead man's switch: the index of the dead is not trusted.
    assert_eq!(stock_sees(&path), "0 ok");
    let connection = open(&path);
    assert_eq!(count(&connection), 0);
    assert_eq!(integrity(&connection), "ok");
}

#[test]
fn the_last_to_close_removes_log_and_index() {
    let (_directory, path) = new_counter();
    let first = open(&path);
    let second = open(&path);
    assert_eq!(count(&first), count(&second));
    first.close().unwrap();
    assert!(shm(&path).exists());
    second.close().unwrap();
    assert!(!shm(&path).exists());
    assert!(!path.with_extension("db-wal").exists());
}

#[test]
fn a_large_log_spans_several_regions_of_the_index() {
    let (_directory, path) = new_counter();
    let writer = open(&path);
    let reader = open(&path);
    writer.execute_batch("PRAGMA wal_autocheckpoint = 0; CREATE TABLE bulk (x BLOB);").unwrap();
    for _ in 0..5 {
        writer
            .execute_batch(
                "WITH RECURSIVE list(i) AS
                     (SELECT 1 UNION ALL SELECT i + 1 FROM list WHERE i < 2000)
                 INSERT INTO bulk SELECT randomblob(4000) FROM list;",
            )
            .unwrap();
        let rows: i64 = reader.query_row("SELECT count(*) FROM bulk", [], |row| row.get(0)).unwrap();
        assert_eq!(rows % 2000, 0);
    }
    assert!(shm(&path).metadata().unwrap().len() >= 3 * (32 << 10));
    assert_eq!(integrity(&reader), "ok");
    assert_eq!(larder_vfs::take_damage(), None);
}

#[test]
fn a_read_only_connection_reads_what_others_write() {
    let (_directory, path) = new_counter();
    let mut writer = open(&path);
    let reader = open_with(&path, support::SHARED, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    increment(&mut writer, 2);
    assert_eq!(count(&reader), 2);
    let error = reader.execute("UPDATE counter SET n = 9", []).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::ReadOnly));
}

#[test]
fn a_commit_is_one_write() {
    let (_directory, path) = new_counter();
    let connection = open(&path);
    connection.execute_batch("PRAGMA synchronous = NORMAL; CREATE TABLE bulk (x BLOB);").unwrap();
    let many_pages = "INSERT INTO bulk SELECT randomblob(100000) FROM counter";
    assert_eq!(writes_of(&connection, many_pages), 1);
    assert_eq!(writes_of(&connection, "UPDATE counter SET n = n + 1"), 1);
}

/// How many system calls that write this thread makes for a statement.
fn writes_of(connection: &Connection, statement: &str) -> u64 {
    let count = || -> u64 {
        let counters = std::fs::read_to_string("/proc/thread-self/io").unwrap();
        let line = counters.lines().find_map(|line| line.strip_prefix("syscw: ")).unwrap();
        line.parse().unwrap()
    };
    let before = count();
    connection.execute(statement, []).unwrap();
    count() - before
}
