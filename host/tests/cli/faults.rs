//! What goes wrong outside of the program: its name, its exit status, and what to do.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use crate::support::Shelf;

#[test]
fn a_file_where_the_directory_should_be_is_named() {
    let shelf = Shelf::new();
    fs::write(shelf.cache(), "a file").unwrap();
    shelf.run(["set", "k", "v"]).assert_failed(2, "not a directory");
    assert_eq!(fs::read(shelf.cache()).unwrap(), b"a file");
}

#[test]
fn a_value_file_that_can_not_be_read_is_named() {
    let shelf = Shelf::new();
    shelf.run(["set", "k", "--file", "missing"]).assert_failed(3, "missing");
    shelf.run(["set", "k", "--file", "."]).assert_failed(3, "reading .");
    assert!(!shelf.cache().exists());
}

#[test]
fn a_key_that_is_too_large_is_refused() {
    let shelf = Shelf::new();
    let key = "k".repeat(65 * 1024);
    shelf.run(["set", &key, "v"]).assert_failed(3, "too large");
    let ran = shelf.run(["--json", "set", &key, "v"]);
    let error: Value = serde_json::from_str(&ran.error).unwrap();
    assert_eq!((ran.code, &error["error"]), (3, &"too-large".into()));
}

#[test]
fn a_time_beyond_the_calendar_is_refused() {
    let shelf = Shelf::new();
    shelf.run(["set", "k", "v", "--ttl", "500000000y"]).assert_failed(3, "overflow");
}

#[test]
fn a_directory_that_one_has_alone_is_waited_for_no_longer_than_asked() {
    let shelf = Shelf::new();
    let sole = larder::Cache::builder().exclusive(true).open(shelf.cache()).unwrap();
    let ran = shelf.run(["--json", "--wait", "50ms", "get", "k"]);
    let error: Value = serde_json::from_str(&ran.error).unwrap();
    assert_eq!((ran.code, &error["error"]), (3, &"locked".into()));
    drop(sole);
    assert_eq!(shelf.run(["get", "k"]).code, 1);
}

#[test]
fn a_damaged_database_is_named_and_not_used() {
    let shelf = Shelf::new();
    shelf.ok(["set", "k", "v"]);
    let database = database(&shelf);
    fs::write(&database, b"no database at all, and long enough to be taken for one".repeat(100)).unwrap();
    let ran = shelf.run(["get", "k"]);
    ran.assert_failed(3, "cache.db");
    assert!(ran.error.starts_with("larder: "), "{}", ran.error);
}

/// The only database of the cache.
fn database(shelf: &Shelf) -> PathBuf {
    let directories = fs::read_dir(shelf.cache()).unwrap().map(|entry| entry.unwrap().path());
    let data = directories.into_iter().find(|path| path.is_dir()).unwrap();
    let shards = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path().join("cache.db"));
    shards.into_iter().find(|path| path.is_file()).unwrap()
}

#[test]
fn output_that_can_not_be_written_is_a_failure() {
    let shelf = Shelf::new();
    shelf.ok(["set", "k", "v"]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ran = shelf.command(["get", "k"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(ran.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("writing the output"));
}
