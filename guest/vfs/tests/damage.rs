//! Files changed underneath: never wrong data without a word.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers as well"
)]

mod support;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use larder_vfs::{Damage, take_damage};
use rusqlite::OpenFlags;
use support::ofd::OfdCoordination;
use support::{count, increment, integrity, new_counter, open, open_with, shm, try_count};

/// Overwrites part of the WAL-index with zeros.
fn erase(path: &Path, start: u64, length: usize) {
    use std::io::{Seek as _, SeekFrom};
    let mut file = OpenOptions::new().write(true).open(shm(path)).unwrap();
    file.seek(SeekFrom::Start(start)).unwrap();
    file.write_all(&vec![0; length]).unwrap();
}

/// Cuts the WAL-index to nothing and makes it as long as before.
fn cut_and_extend(path: &Path) {
    let file = OpenOptions::new().write(true).open(shm(path)).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(0).unwrap();
    file.set_len(length).unwrap();
}

fn reported(path: &Path) -> Damage {
    let damage = take_damage().expect("damage is reported");
    assert_eq!(Path::new(&damage.path), shm(path));
    damage
}

#[test]
fn a_reader_whose_index_was_erased_is_told_at_the_end() {
    let (_directory, path) = new_counter();
    increment(&mut open(&path), 3);
    let mut writer = open(&path);
    increment(&mut writer, 2);
    for destroy in [|path: &Path| erase(path, 0, 32 << 10), cut_and_extend] {
        let reader = open(&path);
        reader.execute_batch("BEGIN").unwrap();
        assert_eq!(count(&reader), 5);
        destroy(&path);
        assert_eq!(take_damage(), None);
        reader.execute_batch("COMMIT").unwrap();
        assert!(reported(&path).reason.contains("erased"));
        // From then on nothing can be read until it is opened again.
        assert!(try_count(&reader).is_err());
        reported(&path);
        drop(reader);
        take_damage();
        let reopened = open(&path);
        assert_eq!(count(&reopened), 5);
        assert_eq!(integrity(&reopened), "ok");
        assert_eq!(take_damage(), None);
    }
}

/// A database whose log has so many frames that page numbers fill several pieces of the index.
fn new_bulk() -> (tempfile::TempDir, std::path::PathBuf, rusqlite::Connection) {
    let (directory, path) = new_counter();
    let mut connection = open(&path);
    connection
        .execute_batch(
            "PRAGMA wal_autocheckpoint = 0; CREATE TABLE bulk (x BLOB);
             WITH RECURSIVE list(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM list WHERE i < 6000)
                 INSERT INTO bulk SELECT zeroblob(4000) FROM list;",
        )
        .unwrap();
    increment(&mut connection, 2);
    (directory, path, connection)
}

fn bulk_rows(connection: &rusqlite::Connection) -> i64 {
    let query = "SELECT count(*) FROM bulk WHERE x = zeroblob(4000)";
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}

/// Offsets of 4 KiB pieces of the index: page numbers, hash slots, the second region.
const PIECES: [u64; 5] = [136, 4096, 12288, 32768, 36864];

#[test]
fn a_reader_whose_index_lost_any_page_numbers_is_told() {
    for piece in PIECES {
        let (_directory, path, connection) = new_bulk();
        let reader = open(&path);
        reader.execute_batch("BEGIN").unwrap();
        assert_eq!(bulk_rows(&reader), 6000);
        erase(&path, piece, 4096 - usize::from(piece == 136) * 136);
        reader.execute_batch("COMMIT").unwrap();
        assert!(reported(&path).reason.contains("part"), "{piece}");
        drop(reader);
        take_damage();
        // One who was idle meanwhile finds an index that has to be made anew.
        assert_eq!(count(&connection), 2);
        assert_eq!(bulk_rows(&connection), 6000);
        assert_eq!(take_damage(), None);
    }
}

#[test]
fn a_reader_whose_index_lost_its_hash_slots_is_told() {
    let (_directory, path, _connection) = new_bulk();
    let reader = open(&path);
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(bulk_rows(&reader), 6000);
    erase(&path, 16384, 16384);
    reader.execute_batch("COMMIT").unwrap();
    reported(&path);
}

#[test]
fn a_log_is_not_copied_into_the_database_by_a_damaged_index() {
    for piece in PIECES {
        let (_directory, path, connection) = new_bulk();
        erase(&path, piece, 4096 - usize::from(piece == 136) * 136);
        let checkpoint = connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(()));
        assert!(checkpoint.is_err(), "{piece}");
        reported(&path);
        drop(connection);
        take_damage();
        let reopened = open(&path);
        assert_eq!((count(&reopened), bulk_rows(&reopened)), (2, 6000), "{piece}");
        assert_eq!(integrity(&reopened), "ok");
    }
}

#[test]
fn closing_with_a_damaged_index_loses_nothing() {
    for piece in PIECES {
        let (_directory, path, connection) = new_bulk();
        erase(&path, piece, 4096 - usize::from(piece == 136) * 136);
        drop(connection);
        reported(&path);
        let reopened = open(&path);
        assert_eq!((count(&reopened), bulk_rows(&reopened)), (2, 6000), "{piece}");
        assert_eq!(integrity(&reopened), "ok");
        assert_eq!(take_damage(), None);
    }
}

#[test]
fn a_commit_over_an_erased_index_fails_and_what_was_there_stays() {
    let (_directory, path) = new_counter();
    let mut writer = open(&path);
    increment(&mut writer, 4);
    writer.execute_batch("BEGIN IMMEDIATE; UPDATE counter SET n = 99;").unwrap();
    cut_and_extend(&path);
    assert!(writer.execute_batch("COMMIT").is_err());
    reported(&path);
    drop(writer);
    take_damage();
    let reopened = open(&path);
    assert_eq!(count(&reopened), 4);
    assert_eq!(integrity(&reopened), "ok");
}

#[test]
fn an_idle_connection_survives_that_its_index_is_erased() {
    let (_directory, path) = new_counter();
    let mut first = open(&path);
    let second = open(&path);
    increment(&mut first, 6);
    assert_eq!(count(&second), 6);
    cut_and_extend(&path);
    // SQLite sees an index that is not initialised, and makes it anew from the log.
    assert_eq!(count(&second), 6);
    increment(&mut first, 1);
    assert_eq!(count(&second), 7);
    assert_eq!(integrity(&second), "ok");
    assert_eq!(take_damage(), None);
}

#[test]
fn damage_the_host_reports_is_passed_on() {
    let (_directory, path) = new_counter();
    let damaged = Arc::new(AtomicBool::new(false));
    let coordination = OfdCoordination { damaged: Arc::clone(&damaged), ..OfdCoordination::default() };
    larder_vfs::register(c"larder-faulty", Some(Box::new(coordination)), larder_vfs::sync_directory).unwrap();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = open_with(&path, c"larder-faulty", flags).unwrap();
    increment(&mut open(&path), 1);
    assert_eq!(count(&connection), 1);
    damaged.store(true, Ordering::Relaxed);
    let _ = try_count(&connection);
    assert!(reported(&path).reason.contains("deleted, replaced or cut short"));
    assert!(try_count(&connection).is_err());
    damaged.store(false, Ordering::Relaxed);
    // Still: what was mapped is not to be trusted any more.
    assert!(try_count(&connection).is_err());
    drop(connection);
    take_damage();
    let connection = open_with(&path, c"larder-faulty", flags).unwrap();
    assert_eq!(count(&connection), 1);
    assert_eq!(take_damage(), None);
}

#[test]
fn a_header_that_never_rests_keeps_nobody_waiting_longer_than_he_may() {
    let (_directory, path) = new_counter();
    let restless = Arc::new(AtomicBool::new(false));
    let coordination = OfdCoordination { restless: Arc::clone(&restless), ..OfdCoordination::default() };
    larder_vfs::register(c"larder-restless", Some(Box::new(coordination)), larder_vfs::sync_directory).unwrap();
    let mut connection = open_with(&path, c"larder-restless", OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    increment(&mut connection, 3);
    restless.store(true, Ordering::Relaxed);
    for attempt in [try_count, |connection: &rusqlite::Connection| {
        connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK").map(|()| 3)
    }] {
        larder_vfs::begin_operation(Duration::from_millis(300));
        let begin = Instant::now();
        let refused = attempt(&connection).unwrap_err();
        let code = refused.sqlite_error_code();
        assert_eq!(code, Some(rusqlite::ErrorCode::FileLockingProtocolFailed), "{refused:?}");
        // SQLite alone would take ten seconds.
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    }
    restless.store(false, Ordering::Relaxed);
    larder_vfs::begin_operation(Duration::ZERO);
    assert_eq!(count(&connection), 3);
}
