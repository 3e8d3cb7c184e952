//! What becomes of foreign entries.

use std::fs;
use std::path::Path;

use larder_engine::diskcache::{Import, Kind, PICKLED_KEY_TAG, PICKLED_VALUE_TAG};
use larder_engine::testing::disorder;
use larder_engine::{Cache, Error, Key, Value};
use rusqlite::Connection;

use crate::support::{empty, import, keys, make, platform};

fn text(text: &str) -> Key {
    Key::Text(text.into())
}

fn assert_natives(cache: &mut Cache) {
    let value = |cache: &mut Cache, key: Key| cache.get(&key).unwrap().unwrap_or_else(|| panic!("{key} is missing"));
    assert!(matches!(value(cache, Key::Integer(1)), Value::Integer(2)));
    assert!(matches!(value(cache, Key::Real(0.5)), Value::Real(real) if real.to_bits() == (-0.25_f64).to_bits()));
    assert!(matches!(value(cache, text("text")), Value::Text(text) if text == "v\0é"));
    assert!(matches!(value(cache, Key::Bytes(vec![0, 255])), Value::Bytes(bytes) if bytes == [1, 2]));
    assert!(matches!(value(cache, text("long text")), Value::Text(text) if text == "a\r\nb".repeat(20_000)));
    assert!(matches!(value(cache, text("long bytes")), Value::Bytes(bytes) if bytes.len() == 102_400));
    assert!(matches!(value(cache, text("nan")), Value::Real(real) if real.is_nan()));
    assert!(matches!(value(cache, text("long pickle")), Value::Bytes(bytes) if bytes.len() > 40_000));
    assert!(cache.get(&text("gone")).unwrap().is_none());
    let mut tags = |key: Key| cache.get_entry(&key).unwrap().unwrap().metadata.tags;
    assert_eq!(tags(text("text")), ["label"]);
    assert_eq!(tags(Key::Bytes(vec![0, 255])), ["7"]);
    assert_eq!(tags(text("pickled")), [PICKLED_VALUE_TAG]);
    let later = cache.get_entry(&text("later")).unwrap().unwrap();
    assert!(later.metadata.expires_ms.is_some());
}

#[test]
fn every_kind_of_entry_of_a_cache_and_of_a_fanout_cache_is_stored_or_counted() {
    for (kind, expected) in [("cache", Kind::Cache), ("fanout", Kind::Fanout(3))] {
        let (source, target) = (make(kind), tempfile::tempdir().unwrap());
        let mut cache = empty(&target);
        let import = import(source.path(), &mut cache);
        assert_eq!(import.kind(), expected);
        assert_natives(&mut cache);
        let report = import.report();
        let counts = report.counts;
        assert_eq!(report.problems, Vec::<String>::new());
        assert_eq!((counts.imported, counts.expired, counts.damaged), (11, 1, 0));
        assert_eq!((counts.pickled_keys, counts.pickled_values, counts.from_files), (1, 3, 3));
        assert_eq!((counts.nan_values, counts.converted_tags, counts.dropped_tags), (1, 1, 1));
        let pickled: Vec<Key> = keys(&mut cache)
            .into_iter()
            .filter(|key| cache.get_entry(key).unwrap().unwrap().metadata.tags.contains(&PICKLED_KEY_TAG.to_owned()))
            .collect();
        assert!(matches!(&pickled[..], [Key::Bytes(pickle)] if pickle.starts_with(b"\x80\x05")));
    }
}

#[test]
fn a_deque_and_an_index_keep_their_order() {
    let (deque, index) = (make("deque"), make("index"));
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut cache = empty(&one);
    import(deque.path(), &mut cache);
    let mut sorted = keys(&mut cache);
    sorted.sort_unstable();
    assert_eq!(sorted, (0..3).map(|place| Key::Integer(499_999_999_999_999 + place)).collect::<Vec<_>>());
    let mut cache = empty(&two);
    import(index.path(), &mut cache);
    assert_eq!(keys(&mut cache), ["z", "a", "m"].map(text));
}

#[test]
fn caches_nested_in_a_fanout_cache_are_listed_and_importable() {
    let (source, target) = (make("fanout"), tempfile::tempdir().unwrap());
    let nested = Import::open(source.path(), platform()).unwrap().nested().to_vec();
    assert_eq!(nested, ["deque/jobs/today", "index/names"].map(std::path::PathBuf::from));
    let mut cache = empty(&target);
    import(&source.path().join("index/names"), &mut cache);
    assert!(matches!(cache.get(&text("a")).unwrap(), Some(Value::Integer(1))));
}

#[test]
fn importing_again_changes_neither_entries_nor_order() {
    let (source, target) = (make("cache"), tempfile::tempdir().unwrap());
    let mut cache = empty(&target);
    import(source.path(), &mut cache);
    let before = keys(&mut cache);
    import(source.path(), &mut cache);
    assert_eq!(keys(&mut cache), before);
}

#[test]
fn importing_leaves_no_trace_in_a_closed_source() {
    let (source, target) = (make("cache"), tempfile::tempdir().unwrap());
    let names = || {
        let mut names: Vec<_> = fs::read_dir(source.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort_unstable();
        names
    };
    let (before, content) = (names(), fs::read(source.path().join("cache.db")).unwrap());
    import(source.path(), &mut empty(&target));
    assert_eq!(names(), before);
    assert_eq!(fs::read(source.path().join("cache.db")).unwrap(), content);
}

#[test]
fn what_is_only_in_the_log_is_imported() {
    let (source, target) = (make("cache"), tempfile::tempdir().unwrap());
    let connection = Connection::open(source.path().join("cache.db")).unwrap();
    connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DQS_DML, true).unwrap();
    connection.execute("INSERT INTO Cache (key, raw, mode, value) VALUES ('logged', 1, 1, 9)", []).unwrap();
    assert!(source.path().join("cache.db-wal").metadata().unwrap().len() > 0);
    let mut cache = empty(&target);
    import(source.path(), &mut cache);
    assert!(matches!(cache.get(&text("logged")).unwrap(), Some(Value::Integer(9))));
}

#[test]
fn a_hostile_file_name_and_a_missing_file_are_problems_and_the_rest_is_imported() {
    let (source, target) = (make("cache"), tempfile::tempdir().unwrap());
    let connection = Connection::open(source.path().join("cache.db")).unwrap();
    connection
        .execute_batch(
            "DROP TRIGGER Settings_size_update;
        UPDATE Cache SET filename = '../../secret' WHERE key = 'long bytes';
        UPDATE Cache SET filename = 'no/such.val' WHERE key = 'long text';",
        )
        .unwrap();
    drop(connection);
    let mut cache = empty(&target);
    let import = import(source.path(), &mut cache);
    assert_eq!((import.report().counts.imported, import.report().counts.damaged), (9, 2));
    assert_eq!(import.report().problems.len(), 2);
}

#[test]
fn a_view_in_place_of_the_table_is_refused() {
    let source = make("index");
    let connection = Connection::open(source.path().join("cache.db")).unwrap();
    connection.execute_batch("ALTER TABLE Cache RENAME TO Other; CREATE VIEW Cache AS SELECT * FROM Other;").unwrap();
    drop(connection);
    assert!(matches!(Import::open(source.path(), platform()), Err(Error::UnsupportedFormat(_))));
}

#[test]
fn a_directory_of_something_else_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(Import::open(directory.path(), platform()), Err(Error::UnsupportedFormat(_))));
    fs::write(directory.path().join("cache.db"), b"not a database, but long enough to look at").unwrap();
    assert!(matches!(Import::open(directory.path(), platform()), Err(Error::Corrupt(_))));
}

#[test]
fn rows_out_of_order_end_an_import_that_would_begin_anew() {
    let (source, target) = (make("cache"), tempfile::tempdir().unwrap());
    let path = source.path().join("cache.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "UPDATE Cache SET rowid = 900 WHERE rowid = (SELECT max(rowid) FROM Cache);
             PRAGMA wal_checkpoint(TRUNCATE)",
        )
        .unwrap();
    drop(connection);
    // Behind all others, under a number before them.
    assert!(disorder(&path, 900, 0));
    let mut cache = empty(&target);
    let mut import = Import::open(source.path(), platform()).unwrap();
    assert!((0..100).any(|_| import.step(&mut cache, 2).unwrap().finished), "no end");
    let report = import.report();
    assert_eq!(report.counts.damaged, 1);
    assert!(report.problems.iter().any(|problem| problem.contains("out of order")), "{:?}", report.problems);
    assert!(report.counts.imported > 5);
}

/// A database of four rows, of which something is done to the page they are in.
fn deformed(directory: &Path, deform: impl FnOnce(&mut [u8])) {
    let path = directory.join("cache.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE Cache (rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, expire_time REAL, tag BLOB,
                size INTEGER DEFAULT 0, mode INTEGER DEFAULT 1, filename TEXT, value BLOB);
            INSERT INTO Cache (rowid, key, raw, value) VALUES (1, 'a', 1, 1), (2, 'b', 1, 2), (3, 'c', 1, 3), (4, 'd', 1, 4)",
        )
        .unwrap();
    let number = |query: &str| connection.query_row(query, [], |row| row.get::<_, u32>(0)).unwrap() as usize;
    let root = number("SELECT rootpage FROM sqlite_schema WHERE name = 'Cache'");
    let start = (root - 1) * number("PRAGMA page_size");
    drop(connection);
    let mut content = fs::read(&path).unwrap();
    deform(&mut content[start..start + 16]);
    fs::write(path, content).unwrap();
}

/// Imports a row at a time, and says whether that has come to an end.
fn ends(import: &mut Import, cache: &mut Cache) -> bool {
    (0..100).any(|_| import.step(cache, 1).unwrap().finished)
}

#[test]
fn an_import_of_rows_that_are_out_of_order_ends() {
    let target = tempfile::tempdir().unwrap();
    let mut cache = empty(&target);
    for number in 0..64 {
        let order = [number & 3, number >> 2 & 3, number >> 4 & 3, 3];
        let source = tempfile::tempdir().unwrap();
        deformed(source.path(), |page| {
            let places = &mut page[8..];
            let sorted = places.to_vec();
            let reordered = order.into_iter().flat_map(|row| [sorted[2 * row], sorted[2 * row + 1]]);
            places.iter_mut().zip(reordered).for_each(|(place, byte)| *place = byte);
        });
        let mut import = Import::open(source.path(), platform()).unwrap();
        assert!(ends(&mut import, &mut cache), "{order:?} goes on for ever");
        let is_in_order = order.is_sorted_by(|one, next| one < next);
        assert!(!is_in_order || import.report().counts.imported == 4);
    }
}

#[test]
fn an_import_of_which_no_row_can_be_read_ends() {
    // The places of all rows, and what tells that there are rows.
    for bytes in [8..16, 0..1] {
        let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        deformed(source.path(), |page| page[bytes.clone()].fill(0xff));
        let mut cache = empty(&target);
        let mut import = Import::open(source.path(), platform()).unwrap();
        assert!(ends(&mut import, &mut cache), "without bytes {bytes:?} it goes on for ever");
        assert_eq!((import.report().counts.imported, import.report().counts.damaged), (0, 1));
    }
}
