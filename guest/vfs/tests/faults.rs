//! Errors of the file system, and calls that can not be right.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers as well"
)]

mod support;

use std::ffi::CString;
use std::path::Path;

use larder_vfs::{FailureKind, RegisterError, register, sync_directory, take_failure};
use rusqlite::{ErrorCode, OpenFlags, ffi};
use support::process::{Helper, role};
use support::{SHARED, SOLE, count, increment, integrity, journal_mode, new_counter, open, open_with};

#[test]
fn helper() {
    let Some((role, path)) = role() else { return };
    limit_file_size(400 << 10);
    match role.as_str() {
        "full wal" => {
            let connection = open(&path);
            fill_until_full(&connection, &path);
        }
        "full rollback" => {
            let connection = open(&path);
            assert_eq!(journal_mode(&connection, "DELETE"), "delete");
            fill_until_full(&connection, &path);
        }
        other => panic!("no role {other}"),
    }
}

/// Makes files of this process refuse to grow beyond a size.
#[allow(unsafe_code, reason = "system calls")]
fn limit_file_size(bytes: libc::rlim_t) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: a valid description of a limit.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) }, 0);
    // SAFETY: ignoring a signal runs no code of ours; writes then fail with EFBIG.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

fn fill_until_full(connection: &rusqlite::Connection, path: &Path) {
    connection.execute_batch("CREATE TABLE IF NOT EXISTS bulk (x BLOB)").unwrap();
    let mut rows = 0;
    let error = loop {
        match connection.execute("INSERT INTO bulk VALUES (randomblob(20000))", []) {
            Ok(_) => rows += 1,
            Err(error) => break error,
        }
        assert!(rows < 1000, "the limit holds");
    };
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DiskFull));
    let failure = take_failure().expect("a failure is recorded");
    assert_eq!((failure.kind, failure.operation), (FailureKind::Full, "write"));
    assert!(failure.path.starts_with(path.to_str().unwrap()), "{}", failure.path);
    // What was committed is there, the rest is not, and the same connection goes on.
    let stored = |connection: &rusqlite::Connection| -> i64 {
        connection.query_row("SELECT count(*) FROM bulk", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(stored(connection), rows);
    assert_eq!(integrity(connection), "ok");
    assert_eq!(stored(&open(path)), rows);
    assert_eq!(larder_vfs::take_damage(), None);
}

#[test]
fn a_full_disk_is_an_error_of_the_statement_only() {
    for role in ["full wal", "full rollback"] {
        let (_directory, path) = new_counter();
        Helper::start(role, &path).join();
        let connection = open(&path);
        connection.execute("UPDATE counter SET n = 1", []).unwrap();
        assert_eq!(count(&connection), 1);
        assert_eq!(integrity(&connection), "ok");
    }
}

fn open_error(path: &Path, flags: OpenFlags) -> rusqlite::Error {
    let connection = open_with(path, SHARED, flags);
    connection.and_then(|connection| support::try_count(&connection)).unwrap_err()
}

#[test]
fn what_can_not_be_opened_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let create = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    for (path, flags, kind) in [
        (directory.path().join("none.db"), OpenFlags::SQLITE_OPEN_READ_WRITE, FailureKind::NotFound),
        (directory.path().join("no/such/directory.db"), create, FailureKind::NotFound),
        (directory.path().to_owned(), create, FailureKind::Other),
    ] {
        let error = open_error(&path, flags);
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen), "{path:?}");
        let failure = take_failure().unwrap();
        assert_eq!(Path::new(&failure.path), path);
        assert_eq!((failure.operation, failure.kind), ("open", kind), "{failure:?}");
    }
}

#[test]
fn paths_that_are_too_long_or_not_text_are_refused() {
    use std::os::unix::ffi::OsStrExt as _;
    let create = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    open_error(Path::new(&"x/".repeat(1000)), create);
    open_error(Path::new(std::ffi::OsStr::from_bytes(b"/tmp/\xff\xfe")), create);
    open_error(Path::new("/tmp/a\0b"), create);
}

#[test]
fn a_name_is_registered_once() {
    support::register();
    assert_eq!(register(SOLE, None, sync_directory), Err(RegisterError::NameTaken(CString::from(SOLE))));
}

#[test]
fn a_host_that_can_not_map_allows_the_log_only_with_exclusive_locking() {
    let coordination = support::ofd::OfdCoordination { unmappable: true, ..Default::default() };
    register(c"larder-unmappable", Some(Box::new(coordination)), sync_directory).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.db");
    let create = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = open_with(&path, c"larder-unmappable", create).unwrap();
    assert_eq!(journal_mode(&connection, "WAL"), "delete");
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE").unwrap();
    assert_eq!(journal_mode(&connection, "WAL"), "wal");
    connection.execute_batch("CREATE TABLE t (x)").unwrap();
    // And its lock keeps others out.
    let other = open_with(&path, c"larder-unmappable", create).unwrap();
    other.busy_timeout(std::time::Duration::ZERO).unwrap();
    let error = other.execute_batch("SELECT * FROM t").unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
}

#[test]
fn an_index_that_can_only_be_read_is_used_while_a_writer_keeps_it() {
    let coordination = support::ofd::OfdCoordination { read_only_index: true, ..Default::default() };
    register(c"larder-read-only-index", Some(Box::new(coordination)), sync_directory).unwrap();
    let (_directory, path) = new_counter();
    let mut writer = open(&path);
    increment(&mut writer, 3);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let reader = open_with(&path, c"larder-read-only-index", flags).unwrap();
    assert_eq!(count(&reader), 3);
    increment(&mut writer, 1);
    assert_eq!(count(&reader), 4);
    // Without a writer nobody vouches for what is in the file; SQLite makes an index of its own.
    keep_log(&writer);
    drop(reader);
    drop(writer);
    assert!(support::shm(&path).exists());
    let reader = open_with(&path, c"larder-read-only-index", flags).unwrap();
    assert_eq!(count(&reader), 4);
    increment(&mut open(&path), 1);
    assert_eq!(count(&reader), 5);
    assert_eq!(larder_vfs::take_damage(), None);
}

fn keep_log(connection: &rusqlite::Connection) {
    let control = ffi::SQLITE_FCNTL_PERSIST_WAL;
    assert_eq!(file_control(connection, control, -1), Ok(0));
    assert_eq!(file_control(connection, control, 1), Ok(1));
    assert_eq!(file_control(connection, control, -1), Ok(1));
}

#[test]
fn the_lock_timeout_is_set_and_read_back() {
    let (_directory, path) = new_counter();
    let connection = open(&path);
    assert_eq!(set_lock_timeout(&connection, 250), Ok(0));
    assert_eq!(set_lock_timeout(&connection, -1), Ok(250));
    assert_eq!(set_lock_timeout(&connection, 0), Ok(i32::MAX));
    let sole = open_with(&path, SOLE, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    assert_eq!(set_lock_timeout(&sole, 250), Err(ffi::SQLITE_NOTFOUND));
}

fn set_lock_timeout(connection: &rusqlite::Connection, timeout_ms: i32) -> Result<i32, i32> {
    file_control(connection, ffi::SQLITE_FCNTL_LOCK_TIMEOUT, timeout_ms)
}

/// A file control that gives and takes an int.
#[allow(unsafe_code, reason = "rusqlite has no file controls")]
fn file_control(connection: &rusqlite::Connection, operation: i32, mut argument: i32) -> Result<i32, i32> {
    let address = (&raw mut argument).cast();
    // SAFETY: the handle is used only while the connection is borrowed.
    let handle = unsafe { connection.handle() };
    // SAFETY: the connection is open, and the operation takes the address of an int.
    let code = unsafe { ffi::sqlite3_file_control(handle, c"main".as_ptr(), operation, address) };
    if code == ffi::SQLITE_OK { Ok(argument) } else { Err(code) }
}
