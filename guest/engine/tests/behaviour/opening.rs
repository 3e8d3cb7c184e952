//! Opening: what is refused, by which name, and that the next attempt works.

use std::fs;

use larder_engine::testing::TestPlatform;
use larder_engine::{Changes, Durability, Error, Expiry, Limit, OpenOptions, Policy, Value};
use rusqlite::Connection;

use crate::support::{Fixture, data, database, existing, integer, lasting, names, open, plain, put, tamper, text};

#[test]
fn a_directory_that_is_missing_is_found_out_unless_it_is_to_be_made() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a/b");
    let platform = TestPlatform::new();
    assert!(
        matches!(open(&path, &existing(), &platform), Err(Error::NotFound(what)) if what.contains(path.to_str().unwrap()))
    );
    assert!(!path.exists());
    drop(open(&path, &OpenOptions::default(), &platform).unwrap());
    drop(open(&path, &existing(), &platform).unwrap());
}

#[test]
fn an_empty_directory_is_not_a_cache_unless_one_is_to_be_made() {
    let directory = tempfile::tempdir().unwrap();
    let platform = TestPlatform::new();
    assert!(matches!(open(directory.path(), &existing(), &platform), Err(Error::NotFound(_))));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn what_is_not_a_larder_directory_is_refused_and_left_alone() {
    let parent = tempfile::tempdir().unwrap();
    let platform = TestPlatform::new();
    let file = parent.path().join("file");
    fs::write(&file, "x").unwrap();
    for path in [&file, &file.join("below")] {
        assert!(matches!(open(path, &OpenOptions::default(), &platform), Err(Error::InvalidArgument(_))));
    }
    let foreign = parent.path().join("foreign");
    fs::create_dir_all(foreign.join("data-1")).unwrap();
    fs::write(foreign.join("data-1").join("precious"), "x").unwrap();
    let diskcache = parent.path().join("diskcache");
    fs::create_dir_all(diskcache.join("a0")).unwrap();
    Connection::open(diskcache.join("cache.db")).unwrap().execute_batch("CREATE TABLE Cache (x)").unwrap();
    for path in [&foreign, &diskcache] {
        let before = fs::read_dir(path).unwrap().count();
        let refused = open(path, &OpenOptions::default(), &platform).err();
        assert!(matches!(&refused, Some(Error::UnsupportedFormat(what)) if what.contains(path.to_str().unwrap())));
        assert_eq!(fs::read_dir(path).unwrap().count(), before);
    }
    assert!(foreign.join("data-1/precious").exists());
}

#[test]
fn bad_options_are_refused_and_the_same_path_opens_at_once_afterwards() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("new");
    let platform = TestPlatform::new();
    let good = OpenOptions { wait_ms: 0, ..OpenOptions::default() };
    let invalid = [
        OpenOptions { shards: Some(0), ..good.clone() },
        OpenOptions { shards: Some(31), ..good.clone() },
        OpenOptions { changes: Changes { inline_threshold: Some(0), ..Changes::default() }, ..good.clone() },
        OpenOptions {
            changes: Changes { inline_threshold: Some((1 << 20) + 1), ..Changes::default() },
            ..good.clone()
        },
        OpenOptions { changes: Changes { size_limit: Limit::AtMost(0), ..Changes::default() }, ..good.clone() },
        OpenOptions { changes: Changes { item_limit: Limit::AtMost(u64::MAX), ..Changes::default() }, ..good.clone() },
        OpenOptions { lease_ms: 99, ..good.clone() },
        OpenOptions { lease_ms: 3_600_001, ..good.clone() },
        OpenOptions { read_only: true, ..good.clone() },
        OpenOptions { changes: Changes { default_ttl: Expiry::After(0), ..Changes::default() }, ..good.clone() },
        OpenOptions {
            shards: Some(8),
            changes: Changes { item_limit: Limit::AtMost(7), ..Changes::default() },
            ..good.clone()
        },
    ];
    for options in invalid {
        assert!(matches!(open(&path, &options, &platform), Err(Error::InvalidArgument(_))), "{options:?}");
    }
    let endless =
        OpenOptions { changes: Changes { default_ttl: Expiry::After(u64::MAX), ..Changes::default() }, ..good.clone() };
    assert!(matches!(open(&path, &endless, &platform), Err(Error::Overflow(_))));
    drop(open(&path, &good, &platform).unwrap());
    let other_shards = OpenOptions { shards: Some(2), ..good.clone() };
    assert!(matches!(open(&path, &other_shards, &platform), Err(Error::InvalidArgument(_))));
    drop(open(&path, &good, &platform).unwrap());
}

#[test]
fn settings_are_recorded_and_changed_only_when_given() {
    let options = OpenOptions {
        shards: Some(3),
        changes: Changes {
            size_limit: Limit::AtMost(5_000_000),
            item_limit: Limit::AtMost(50),
            policy: Some(Policy::LeastFrequentlyUsed),
            default_ttl: Expiry::After(77),
            inline_threshold: Some(9),
            durability: Some(Durability::Full),
            ..Changes::default()
        },
        ..OpenOptions::default()
    };
    let mut fixture = Fixture::with(&options);
    let recorded = fixture.cache.information().unwrap().settings;
    assert_eq!((recorded.shards, recorded.size_limit, recorded.item_limit), (3, Some(5_000_000), Some(50)));
    assert_eq!((recorded.default_ttl, recorded.inline_threshold), (Some(77), 9));
    assert_eq!((recorded.policy, recorded.durability), (Policy::LeastFrequentlyUsed, Durability::Full));
    fixture.reopen(&existing());
    assert_eq!(fixture.cache.information().unwrap().settings, recorded);
    fixture
        .reopen(&OpenOptions { changes: Changes { size_limit: Limit::Unlimited, ..Changes::default() }, ..existing() });
    fixture.reopen(&existing());
    let changed = larder_engine::Settings { size_limit: None, ..recorded };
    assert_eq!(fixture.cache.information().unwrap().settings, changed);
}

#[test]
fn a_read_only_handle_reads_and_refuses_every_change() {
    let mut fixture = Fixture::new();
    put(&mut fixture.cache, "a", 1);
    fixture.cache.set(&text("large"), &Value::Bytes(vec![1; 40_000]), &plain()).unwrap();
    fixture.reopen(&OpenOptions { read_only: true, ..existing() });
    let cache = &mut fixture.cache;
    assert_eq!(integer(cache, "a"), Some(1));
    assert!(cache.get(&text("large")).unwrap().is_some());
    assert_eq!(names(cache), ["a", "large"]);
    let large = Value::Bytes(vec![1; 40_000]);
    let refused = [
        cache.set(&text("b"), &Value::Integer(1), &plain()).err(),
        cache.set(&text("b"), &large, &plain()).err(),
        cache.add(&text("b"), &large, &plain()).err(),
        cache.delete(&text("a")).err(),
        cache.touch(&text("a"), Expiry::Never).err(),
        cache.increment(&text("a"), larder_engine::Number::Integer(1), None, &plain()).err(),
        cache.expire().err(),
        cache.clear().err(),
    ];
    for error in refused {
        assert!(matches!(error, Some(Error::ReadOnly(_))), "{error:?}");
    }
    assert_eq!(cache.check().unwrap(), []);
    fixture.reopen(&existing());
    assert_eq!(names(&mut fixture.cache), ["a", "large"]);
}

#[test]
fn a_read_only_handle_reads_sliding_entries_and_under_policies_that_track() {
    let options = OpenOptions {
        changes: Changes { policy: Some(Policy::LeastRecentlyUsed), ..Changes::default() },
        ..OpenOptions::default()
    };
    let mut fixture = Fixture::with(&options);
    let sliding = larder_engine::SetOptions { sliding: true, ..lasting(1_000) };
    fixture.cache.set(&text("a"), &Value::Integer(1), &sliding).unwrap();
    fixture.reopen(&OpenOptions { read_only: true, ..existing() });
    fixture.platform.advance(500);
    assert_eq!(integer(&mut fixture.cache, "a"), Some(1));
    fixture.platform.advance(500);
    assert_eq!(integer(&mut fixture.cache, "a"), None);
}

#[test]
fn newer_foreign_and_altered_databases_are_named_and_opening_works_once_repaired() {
    let alterations: [(&str, &str); 4] = [
        ("PRAGMA user_version = 2", "PRAGMA user_version = 1"),
        ("PRAGMA application_id = 7", "PRAGMA application_id = 1282565234"),
        ("CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry; END", "DROP TRIGGER t"),
        ("CREATE VIEW v AS SELECT 1", "DROP VIEW v"),
    ];
    for (alteration, repair) in alterations {
        let mut fixture = Fixture::new();
        put(&mut fixture.cache, "a", 1);
        fixture.cache.close().unwrap();
        tamper(fixture.path(), alteration);
        let at_once = OpenOptions { wait_ms: 0, ..existing() };
        let refused = open(fixture.path(), &at_once, &fixture.platform).err();
        assert!(
            matches!(&refused, Some(Error::UnsupportedFormat(what)) if what.contains("cache.db")),
            "{alteration}: {refused:?}"
        );
        tamper(fixture.path(), repair);
        fixture.cache = open(fixture.path(), &at_once, &fixture.platform).unwrap();
        assert_eq!(integer(&mut fixture.cache, "a"), Some(1));
    }
}

#[test]
fn a_lease_of_a_newer_format_is_refused() {
    let mut fixture = Fixture::new();
    fixture.cache.close().unwrap();
    let lease = fixture.path().join("lease-00000001");
    let record = fs::read_to_string(&lease).unwrap();
    fs::write(&lease, record.replace("larder 1 ", "larder 2 ").replace("larder 1\n", "larder 2\n")).unwrap();
    let refused = open(fixture.path(), &existing(), &fixture.platform).err();
    assert!(matches!(refused, Some(Error::UnsupportedFormat(what)) if what.contains("version 2")));
}

#[test]
fn a_vacuum_by_a_native_tool_changes_nothing() {
    let mut fixture = Fixture::new();
    put(&mut fixture.cache, "a", 1);
    put(&mut fixture.cache, "b", 2);
    fixture.cache.close().unwrap();
    tamper(fixture.path(), "VACUUM");
    fixture.cache = open(fixture.path(), &existing(), &fixture.platform).unwrap();
    assert_eq!(names(&mut fixture.cache), ["a", "b"]);
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn settings_that_can_not_be_are_corrupt() {
    for statement in [
        "UPDATE setting SET value = 0 WHERE name = 'shards'",
        "UPDATE setting SET value = 9 WHERE name = 'policy'",
        "UPDATE setting SET value = -1 WHERE name = 'size-limit'",
        "INSERT INTO setting VALUES ('colour', 1)",
        "DELETE FROM totals",
    ] {
        let mut fixture = Fixture::new();
        fixture.cache.close().unwrap();
        tamper(fixture.path(), statement);
        let refused = open(fixture.path(), &existing(), &fixture.platform).err();
        assert!(matches!(refused, Some(Error::Corrupt(_))), "{statement}: {refused:?}");
    }
}

#[test]
fn a_missing_shard_is_corrupt_by_path() {
    let mut fixture = Fixture::sharded(4);
    fixture.cache.close().unwrap();
    let path = database(fixture.path(), 2);
    fs::remove_file(&path).unwrap();
    let refused = open(fixture.path(), &OpenOptions::default(), &fixture.platform).err();
    assert!(matches!(refused, Some(Error::Corrupt(what)) if what.contains(path.to_str().unwrap())));
    assert!(data(fixture.path()).exists());
}
