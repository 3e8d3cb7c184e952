//! Every case of the WIT error variant, reached; each names what it is about, and the handle works
//! afterwards.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;

use larder_tests::component::types::{Error, Expiry, Key, Number, SetOptions, Value};
use larder_tests::component::wit::{Bound, Changes, KeyRange, Limit, OpenOptions, Policy, Selection};
use larder_tests::component::{
    Host, Instance, World, changes, everything, options, plain, tagged, text, text_key, ttl,
};
use larder_tests::worker::Worker;
use larder_tests::{database, value_files};

const WORKER: &str = env!("CARGO_BIN_EXE_larder-worker");

fn open(directory: &Path, options: OpenOptions) -> Result<Instance, Error> {
    Host::of(World::Shared).open(directory, options)
}

fn new_cache() -> (tempfile::TempDir, Instance) {
    let directory = tempfile::tempdir().unwrap();
    let cache = open(directory.path(), options()).unwrap();
    (directory, cache)
}

/// Asserts that a result is an error of this case whose text contains each of these.
macro_rules! assert_error {
    ($result:expr, $case:ident, [$($part:expr),*]) => {
        match $result.map(drop) {
            Err(Error::$case(text)) => { let _named = &text; $(assert!(text.contains($part), "{text:?} does not name {:?}", $part);)* }
            other => panic!("expected {}, found {other:?}", stringify!($case)),
        }
    };
}

fn assert_works(cache: &mut Instance) {
    cache.set(&text_key("works"), &text("yes"), &plain()).unwrap();
    assert_eq!(cache.get(&text_key("works")).unwrap(), Some(text("yes")));
}

#[test]
fn timeout_when_another_writer_does_not_finish() {
    let directory = tempfile::tempdir().unwrap();
    let mut cache = open(directory.path(), OpenOptions { wait_ms: Some(50), ..options() }).unwrap();
    let writer = rusqlite::Connection::open(database(directory.path())).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_error!(cache.set(&text_key("k"), &text("v"), &plain()), Timeout, ["cache.db"]);
    assert_error!(cache.clear(), Timeout, ["cache.db"]);
    assert_eq!(cache.get(&text_key("k")).unwrap(), None);
    writer.execute_batch("ROLLBACK").unwrap();
    assert_works(&mut cache);
}

#[test]
fn the_longest_wait_that_can_be_asked_for_is_no_error() {
    let directory = tempfile::tempdir().unwrap();
    for world in [World::Shared, World::Standalone] {
        let patient = OpenOptions { wait_ms: Some(u32::MAX), ..options() };
        let mut cache = Host::of(world).open(directory.path(), patient).unwrap();
        assert_works(&mut cache);
        cache.close().unwrap();
    }
}

#[test]
fn locked_when_somebody_has_the_directory_alone() {
    let directory = tempfile::tempdir().unwrap();
    let alone = OpenOptions { exclusive: true, ..options() };
    let mut sole = open(directory.path(), alone).unwrap();
    let impatient = OpenOptions { wait_ms: Some(50), ..options() };
    assert_error!(open(directory.path(), impatient), Locked, ["/cache"]);
    assert_works(&mut sole);
    drop(sole);
    let mut shared = open(directory.path(), impatient).unwrap();
    assert_error!(open(directory.path(), OpenOptions { wait_ms: Some(50), ..alone }), Locked, ["/cache"]);
    assert_works(&mut shared);
}

#[test]
fn full_at_a_limit_under_the_policy_that_evicts_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let limited = OpenOptions {
        changes: Changes { item_limit: Limit::AtMost(2), policy: Some(Policy::None), ..changes() },
        ..options()
    };
    let mut cache = open(directory.path(), limited).unwrap();
    for index in 0..2 {
        cache.set(&Key::Integer(index), &text("x"), &plain()).unwrap();
    }
    assert_error!(cache.set(&Key::Integer(2), &text("x"), &plain()), Full, ["limit", "cache.db"]);
    // A large value leaves no file behind either.
    assert_error!(cache.set(&Key::Integer(2), &Value::Bytes(vec![0; 50_000]), &plain()), Full, ["limit"]);
    assert_eq!(value_files(directory.path()), [] as [&Path; 0]);
    assert_eq!(cache.count().unwrap(), 2);
    cache.set(&Key::Integer(1), &text("replaced"), &plain()).unwrap();
    assert!(cache.delete(&Key::Integer(0)).unwrap());
    assert_works(&mut cache);
}

#[test]
fn full_when_the_disk_is_and_the_handle_goes_on_once_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let mut worker = Worker::start(WORKER, "full", directory.path(), &[]);
    worker.expect("done");
    worker.finish();
}

#[test]
fn too_large_for_keys_values_tags_and_entries_beyond_the_size_limit() {
    let (_directory, mut cache) = new_cache();
    let excess = |result: Result<u64, Error>| match result {
        Err(Error::TooLarge(excess)) => (excess.what, excess.size, excess.limit),
        other => panic!("expected too-large, found {other:?}"),
    };
    let (what, size, limit) = excess(cache.set(&Key::Bytes(vec![0; 65_537]), &text("v"), &plain()));
    assert_eq!((what.as_str(), size, limit), ("the key", 65_537, 65_536));
    let (what, size, limit) = excess(cache.set(&text_key("k"), &text("v"), &tagged(&["x".repeat(1025).as_str()])));
    assert_eq!((what.as_str(), size, limit), ("a tag", 1025, 1024));
    let (what, size, limit) = excess(cache.set(&text_key("k"), &Value::Bytes(vec![0; (128 << 20) + 1]), &plain()));
    assert!(what.contains("\"k\""), "{what}");
    assert_eq!((size, limit), ((128 << 20) + 1, 128 << 20));
    assert_works(&mut cache);

    let directory = tempfile::tempdir().unwrap();
    let limited = OpenOptions { changes: Changes { size_limit: Limit::AtMost(256 << 10), ..changes() }, ..options() };
    let mut cache = open(directory.path(), limited).unwrap();
    cache.set(&text_key("kept"), &text("v"), &plain()).unwrap();
    let (what, _, limit) = excess(cache.set(&text_key("k"), &Value::Bytes(vec![0; 256 << 10]), &plain()));
    assert!(what.contains("\"k\"") && limit < 256 << 10, "{what} {limit}");
    assert!(cache.contains(&text_key("kept")).unwrap(), "nothing is evicted for what can not fit");
}

#[test]
fn wrong_type_for_adding_to_what_is_no_number() {
    let (_directory, mut cache) = new_cache();
    for value in [text("five"), Value::Bytes(vec![5]), Value::Bytes(vec![5; 50_000])] {
        cache.set(&text_key("k"), &value, &plain()).unwrap();
        assert_error!(cache.increment(&text_key("k"), Number::Integer(1), None, &plain()), WrongType, ["\"k\""]);
        assert_eq!(cache.get(&text_key("k")).unwrap(), Some(value));
    }
}

#[test]
fn overflow_of_sums_and_times() {
    let (_directory, mut cache) = new_cache();
    let key = text_key("k");
    cache.set(&key, &Value::Integer(i64::MAX), &plain()).unwrap();
    assert_error!(cache.increment(&key, Number::Integer(1), None, &plain()), Overflow, ["\"k\""]);
    let initial = Some(Number::Integer(i64::MIN));
    assert_error!(cache.increment(&text_key("new"), Number::Integer(-1), initial, &plain()), Overflow, ["\"new\""]);
    assert_error!(cache.set(&key, &text("v"), &ttl(u64::MAX)), Overflow, ["time to live"]);
    assert_error!(cache.touch(&key, Expiry::After(u64::MAX)), Overflow, ["time to live"]);
    assert_eq!(cache.get(&key).unwrap(), Some(Value::Integer(i64::MAX)));
    assert!(!cache.contains(&text_key("new")).unwrap());
}

#[test]
fn invalid_argument_says_which_and_what_is_wrong_with_it() {
    let (directory, mut cache) = new_cache();
    let nan = Key::Real(f64::NAN);
    assert_error!(cache.get(&nan), InvalidArgument, ["NaN"]);
    assert_error!(cache.set(&nan, &text("v"), &plain()), InvalidArgument, ["NaN"]);
    assert_error!(cache.set(&text_key("k"), &text("v"), &tagged(&[""])), InvalidArgument, ["tag"]);
    assert_error!(cache.set(&text_key("k"), &text("v"), &tagged(&["a\0b"])), InvalidArgument, ["tag"]);
    let many: Vec<String> = (0..65).map(|index| index.to_string()).collect();
    let many = SetOptions { tags: many, ..plain() };
    assert_error!(cache.set(&text_key("k"), &text("v"), &many), InvalidArgument, ["65 tags"]);
    assert_error!(cache.evict(&Selection::Prefix(Key::Integer(1))), InvalidArgument, ["prefix"]);
    assert_error!(cache.evict(&Selection::Tag(String::new())), InvalidArgument, ["tag"]);
    let range = KeyRange { start: Bound::Included(nan), end: Bound::Unbounded };
    assert_error!(cache.evict(&Selection::Range(range)), InvalidArgument, ["NaN"]);
    assert_error!(cache.keys(&everything(), 0), InvalidArgument, ["1 to 10000"]);
    assert_error!(cache.keys(&everything(), 10_001), InvalidArgument, ["1 to 10000"]);
    assert_eq!(cache.count().unwrap(), 0);
    assert_works(&mut cache);
    cache.close().unwrap();

    let bad = [
        OpenOptions { shards: Some(0), ..options() },
        OpenOptions { changes: Changes { size_limit: Limit::AtMost((256 << 10) - 1), ..changes() }, ..options() },
        OpenOptions { shards: Some(31), ..options() },
        OpenOptions { shards: Some(2), ..options() },
        OpenOptions { changes: Changes { size_limit: Limit::AtMost(0), ..changes() }, ..options() },
        OpenOptions { changes: Changes { item_limit: Limit::AtMost(u64::MAX), ..changes() }, ..options() },
        OpenOptions { changes: Changes { inline_threshold: Some(0), ..changes() }, ..options() },
        OpenOptions { changes: Changes { inline_threshold: Some(1 << 21), ..changes() }, ..options() },
        OpenOptions { changes: Changes { default_ttl: Expiry::After(0), ..changes() }, ..options() },
        OpenOptions { lease_ms: Some(1), ..options() },
        OpenOptions { read_only: true, ..options() },
    ];
    for options in bad {
        assert_error!(open(directory.path(), options), InvalidArgument, []);
    }
    assert_works(&mut open(directory.path(), options()).unwrap());

    fs::write(directory.path().join("file"), "no directory").unwrap();
    let file = Host::of(World::Shared).open_at(directory.path(), "/cache/file", options());
    assert_error!(file, InvalidArgument, ["/cache/file", "not a directory"]);
}

#[test]
fn read_only_refuses_every_change_and_reads() {
    let (directory, mut cache) = new_cache();
    cache.set(&text_key("k"), &text("v"), &plain()).unwrap();
    let reading = OpenOptions { create: false, read_only: true, ..options() };
    let mut reader = open(directory.path(), reading).unwrap();
    let key = text_key("k");
    assert_eq!(reader.get(&key).unwrap(), Some(text("v")));
    assert_error!(reader.set(&key, &text("w"), &plain()), ReadOnly, ["cache"]);
    assert_error!(reader.set(&key, &Value::Bytes(vec![0; 50_000]), &plain()), ReadOnly, ["cache"]);
    assert_error!(reader.add(&text_key("new"), &text("w"), &plain()), ReadOnly, ["cache"]);
    assert_error!(reader.delete(&key), ReadOnly, ["cache"]);
    assert_error!(reader.touch(&key, Expiry::Never), ReadOnly, ["cache"]);
    assert_error!(reader.clear(), ReadOnly, ["cache"]);
    assert_error!(reader.expire(), ReadOnly, ["cache"]);
    assert_eq!(reader.get(&key).unwrap(), Some(text("v")));
    cache.set(&key, &text("changed"), &plain()).unwrap();
    assert_eq!(reader.get(&key).unwrap(), Some(text("changed")));
    assert_eq!(value_files(directory.path()), [] as [&Path; 0]);
}

#[test]
fn not_found_without_a_directory_or_a_cache_in_it_when_creating_is_not_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let there = OpenOptions { create: false, ..options() };
    assert_error!(open(directory.path(), there), NotFound, ["/cache"]);
    let missing = Host::of(World::Shared).open_at(directory.path(), "/cache/missing", there);
    assert_error!(missing, NotFound, ["/cache/missing"]);
    assert!(fs::read_dir(directory.path()).unwrap().next().is_none(), "looking makes nothing");
}

#[test]
fn permission_denied_names_the_path() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o555)).unwrap();
    let mut worker = Worker::start(WORKER, "denied", directory.path(), &[]);
    worker.expect("done");
    worker.finish();
}

#[test]
fn unsupported_format_for_foreign_newer_and_other_directories() {
    // Somebody else's files.
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("cache.db"), "of diskcache, say").unwrap();
    assert_error!(open(directory.path(), options()), UnsupportedFormat, ["/cache", "cache.db"]);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is added to it");

    // A newer format.
    let (directory, cache) = new_cache();
    drop(cache);
    let connection = rusqlite::Connection::open(database(directory.path())).unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    drop(connection);
    assert_error!(open(directory.path(), options()), UnsupportedFormat, ["cache.db", "version 2"]);

    // An SQLite database of another application, and one with a trigger smuggled in.
    for change in ["PRAGMA application_id = 7", "CREATE TRIGGER t AFTER INSERT ON entry BEGIN SELECT 1; END"] {
        let (directory, cache) = new_cache();
        drop(cache);
        rusqlite::Connection::open(database(directory.path())).unwrap().execute_batch(change).unwrap();
        assert_error!(open(directory.path(), options()), UnsupportedFormat, ["cache.db"]);
    }
}

#[test]
fn corrupt_for_a_database_that_is_none_or_is_gone() {
    for damage in [
        |path: &Path| fs::write(path, "no database at all, but some text").unwrap(),
        |path: &Path| {
            fs::write(path, "").unwrap();
        },
        |path: &Path| fs::remove_file(path).unwrap(),
    ] {
        let (directory, cache) = new_cache();
        drop(cache);
        damage(&database(directory.path()));
        assert_error!(open(directory.path(), options()), Corrupt, ["cache.db"]);
    }
}

#[test]
fn closed_for_every_call_after_closing() {
    let (_directory, mut cache) = new_cache();
    let key = text_key("k");
    cache.close().unwrap();
    assert!(matches!(cache.get(&key), Err(Error::Closed)));
    assert!(matches!(cache.set(&key, &text("v"), &plain()), Err(Error::Closed)));
    assert!(matches!(cache.count(), Err(Error::Closed)));
    assert!(matches!(cache.stats(), Err(Error::Closed)));
    assert!(matches!(cache.keys(&everything(), 10), Err(Error::Closed)));
    assert!(matches!(cache.close(), Err(Error::Closed)));
}

#[test]
fn io_for_what_has_no_name_of_its_own() {
    let (directory, mut cache) = new_cache();
    let key = text_key("k");
    cache.set(&key, &Value::Bytes(vec![1; 50_000]), &plain()).unwrap();
    let file = larder_tests::only_file(&directory.path().join("data-00000001/shard-000/values"), "");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_error!(cache.get(&key), Io, [file.file_name().unwrap().to_str().unwrap()]);
    assert_works(&mut cache);
}
