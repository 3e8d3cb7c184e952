//! Storing, finding and removing single entries.

use crate::support::{self, Fixture, existing, integer, lasting, names, open, plain, put, same, tagged, text};
use larder_engine::testing::TestPlatform;
use larder_engine::{
    Cache, DEFAULT_LEASE_MS, Error, Expiry, KEY_LIMIT, Key, Number, Selection, SetOptions, TAG_LIMIT, Value,
};

#[test]
fn every_value_comes_back_to_the_bit_from_rows_and_files() {
    let large = "a\r\nb\rc\n\0é\u{10ffff}".repeat(4_000);
    let values = [
        Value::Integer(i64::MIN),
        Value::Real(f64::NAN),
        Value::Real(f64::from_bits(0xfff4_0000_0000_0001)),
        Value::Real(-0.0),
        Value::Real(1.0),
        Value::Real(f64::NEG_INFINITY),
        Value::Text(String::new()),
        Value::Text("a\r\nb\rc\n\0d".into()),
        Value::Text(large.clone()),
        Value::Bytes(Vec::new()),
        Value::Bytes(vec![0, 255, 13, 10]),
        Value::Bytes(large.into_bytes()),
    ];
    for shards in [1, 4] {
        let mut fixture = Fixture::sharded(shards);
        for (number, value) in (0..).zip(&values) {
            fixture.cache.set(&Key::Integer(number), value, &plain()).unwrap();
        }
        fixture.reopen(&support::existing());
        for (number, value) in (0..).zip(&values) {
            let found = fixture.cache.get(&Key::Integer(number)).unwrap().unwrap();
            assert!(same(&found, value), "{number}: {found:?}");
        }
        assert_eq!(fixture.cache.check().unwrap(), []);
    }
}

#[test]
fn numbers_are_one_key_and_text_and_bytes_are_two() {
    for shards in [1, 4] {
        let cache = &mut Fixture::sharded(shards).cache;
        cache.set(&Key::Integer(1), &Value::Integer(10), &plain()).unwrap();
        assert!(matches!(cache.get(&Key::Real(1.0)).unwrap(), Some(Value::Integer(10))));
        cache.set(&Key::Real(-0.0), &Value::Integer(0), &plain()).unwrap();
        assert!(cache.contains(&Key::Integer(0)).unwrap());
        cache.set(&Key::Real(9_223_372_036_854_775_808.0), &Value::Integer(3), &plain()).unwrap();
        assert!(!cache.contains(&Key::Integer(i64::MAX)).unwrap());
        cache.set(&text("a\0b"), &Value::Integer(1), &plain()).unwrap();
        cache.set(&Key::Bytes(b"a\0b".to_vec()), &Value::Integer(2), &plain()).unwrap();
        assert!(!cache.contains(&text("a")).unwrap());
        assert_eq!(cache.count().unwrap(), 5);
    }
}

#[test]
fn overwriting_replaces_value_tags_and_expiry_and_keeps_the_place() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let first = cache.set(&text("a"), &Value::Integer(1), &SetOptions { ttl: Expiry::After(50), ..tagged(&["x"]) });
    put(cache, "b", 2);
    let second = cache.set(&text("a"), &Value::Text("two".into()), &tagged(&["y"])).unwrap();
    assert!(second > first.unwrap());
    let entry = cache.get_entry(&text("a")).unwrap().unwrap();
    assert!(same(&entry.value, &Value::Text("two".into())));
    assert_eq!((entry.metadata.tags, entry.metadata.expires_ms), (vec!["y".to_owned()], None));
    assert_eq!(entry.metadata.version, second);
    assert_eq!(names(cache), ["a", "b"]);
    assert_eq!(cache.count().unwrap(), 2);
}

#[test]
fn an_entry_stored_again_after_it_expired_goes_to_the_end() {
    let mut fixture = Fixture::new();
    fixture.cache.set(&text("a"), &Value::Integer(1), &lasting(10)).unwrap();
    put(&mut fixture.cache, "b", 2);
    fixture.platform.advance(10);
    put(&mut fixture.cache, "a", 3);
    assert_eq!(names(&mut fixture.cache), ["b", "a"]);
    assert_eq!(fixture.cache.statistics().unwrap().expirations, 1);
}

#[test]
fn add_stores_only_where_nothing_is_live() {
    let mut fixture = Fixture::new();
    let large = Value::Bytes(vec![1; 40_000]);
    assert!(fixture.cache.add(&text("a"), &large, &lasting(10)).unwrap().is_some());
    assert_eq!(fixture.cache.add(&text("a"), &large, &plain()).unwrap(), None);
    assert_eq!(support::value_files(fixture.path()).len(), 1);
    fixture.platform.advance(10);
    assert!(fixture.cache.add(&text("a"), &Value::Integer(2), &plain()).unwrap().is_some());
    assert_eq!(integer(&mut fixture.cache, "a"), Some(2));
    assert_eq!(support::value_files(fixture.path()).len(), 0);
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn delete_tells_whether_there_was_a_live_entry() {
    let mut fixture = Fixture::new();
    put(&mut fixture.cache, "a", 1);
    fixture.cache.set(&text("b"), &Value::Integer(1), &lasting(5)).unwrap();
    fixture.platform.advance(5);
    assert!(fixture.cache.delete(&text("a")).unwrap());
    assert!(!fixture.cache.delete(&text("a")).unwrap());
    assert!(!fixture.cache.delete(&text("b")).unwrap());
    assert_eq!(fixture.cache.measure(&Selection::All, true).unwrap(), (0, 0));
}

#[test]
fn versions_grow_across_deletion() {
    let mut fixture = Fixture::new();
    let first = put(&mut fixture.cache, "a", 1);
    fixture.cache.delete(&text("a")).unwrap();
    fixture.platform.set_wall_clock(-1_000_000);
    assert!(put(&mut fixture.cache, "a", 1) > first);
}

#[test]
fn versions_grow_across_a_crash_a_clock_set_back_and_any_kind_of_removal() {
    type Removal = fn(&mut Cache) -> bool;
    let removals: [Removal; 5] = [
        |_| true,
        |cache| cache.delete(&text("a")).unwrap(),
        |cache| cache.evict(&Selection::Prefix(text("a"))).unwrap() == 1,
        |cache| cache.clear().unwrap() == 1,
        |cache| cache.pop(&text("a")).unwrap().is_some(),
    ];
    for (number, removal) in removals.iter().enumerate() {
        let mut fixture = Fixture::new();
        put(&mut fixture.cache, "a", 1);
        fixture.platform.advance(900);
        // Over an entry that is there: its number alone is no reason to write the totals.
        let last = put(&mut fixture.cache, "a", 2);
        let directory = fixture.directory;
        TestPlatform::kill(fixture.cache);
        fixture.platform.set_wall_clock(-1_000_000);
        fixture.platform.advance(DEFAULT_LEASE_MS);
        let mut cache = open(directory.path(), &existing(), &fixture.platform).unwrap();
        assert!(removal(&mut cache), "removal {number}");
        assert!(put(&mut cache, "a", 3) > last, "removal {number}");
    }
}

#[test]
fn the_size_of_an_entry_is_its_key_value_and_tags_and_64_bytes() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let size = |cache: &mut Cache| cache.measure(&Selection::All, true).unwrap().1;
    cache.set(&text("abc"), &Value::Text("é".into()), &tagged(&["xy", "z", "xy"])).unwrap();
    assert_eq!(size(cache), 64 + 3 + 2 + 3);
    assert_eq!(cache.get_entry(&text("abc")).unwrap().unwrap().metadata.size, 72);
    cache.set(&Key::Integer(1), &Value::Bytes(vec![0; 50_000]), &plain()).unwrap();
    assert_eq!(size(cache), 72 + 64 + 8 + 50_000);
    cache.set(&text("abc"), &Value::Integer(1), &plain()).unwrap();
    assert_eq!(size(cache), 64 + 3 + 8 + 64 + 8 + 50_000);
    cache.clear().unwrap();
    assert_eq!((size(cache), cache.count().unwrap()), (0, 0));
}

#[test]
fn increment_keeps_expiry_tags_and_place_of_a_live_entry() {
    let mut fixture = Fixture::new();
    let options = SetOptions { ttl: Expiry::After(100), ..tagged(&["x"]) };
    fixture.cache.set(&text("n"), &Value::Integer(5), &options).unwrap();
    let expires = fixture.cache.get_entry(&text("n")).unwrap().unwrap().metadata.expires_ms;
    fixture.platform.advance(50);
    let sum = fixture.cache.increment(&text("n"), Number::Integer(-7), None, &tagged(&["y"])).unwrap();
    assert_eq!(sum, Some(Number::Integer(-2)));
    let metadata = fixture.cache.get_entry(&text("n")).unwrap().unwrap().metadata;
    assert_eq!((metadata.expires_ms, metadata.tags), (expires, vec!["x".to_owned()]));
    let sum = fixture.cache.increment(&text("n"), Number::Real(0.5), None, &plain()).unwrap();
    assert_eq!(sum, Some(Number::Real(-1.5)));
}

#[test]
fn increment_of_an_absent_entry_needs_an_initial_value() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.cache.increment(&text("n"), Number::Integer(1), None, &plain()).unwrap(), None);
    assert_eq!(fixture.cache.count().unwrap(), 0);
    let initial = Some(Number::Integer(10));
    let options = SetOptions { ttl: Expiry::After(20), ..tagged(&["x"]) };
    assert_eq!(
        fixture.cache.increment(&text("n"), Number::Integer(1), initial, &options).unwrap(),
        Some(Number::Integer(11))
    );
    assert_eq!(fixture.cache.get_entry(&text("n")).unwrap().unwrap().metadata.tags, ["x"]);
    fixture.platform.advance(20);
    assert_eq!(
        fixture.cache.increment(&text("n"), Number::Integer(1), initial, &plain()).unwrap(),
        Some(Number::Integer(11))
    );
    assert_eq!(fixture.cache.get_entry(&text("n")).unwrap().unwrap().metadata.expires_ms, None);
}

#[test]
fn increment_refuses_other_values_and_overflow_and_changes_nothing() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    put(cache, "max", i64::MAX);
    assert!(matches!(cache.increment(&text("max"), Number::Integer(1), None, &plain()), Err(Error::Overflow(_))));
    assert_eq!(integer(cache, "max"), Some(i64::MAX));
    let start = Some(Number::Integer(i64::MIN));
    assert!(matches!(cache.increment(&text("new"), Number::Integer(-1), start, &plain()), Err(Error::Overflow(_))));
    for value in [Value::Text("1".into()), Value::Bytes(vec![1]), Value::Text("x".repeat(40_000))] {
        cache.set(&text("t"), &value, &plain()).unwrap();
        let refused = cache.increment(&text("t"), Number::Integer(1), None, &plain());
        assert!(matches!(refused, Err(Error::WrongType(what)) if what.contains("\"t\"")));
        assert!(same(&cache.get(&text("t")).unwrap().unwrap(), &value));
    }
    assert!(!cache.contains(&text("new")).unwrap());
}

#[test]
fn keys_values_and_tags_beyond_their_limits_are_refused_and_change_nothing() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let one = Value::Integer(1);
    let refused = [
        cache.set(&Key::Bytes(vec![0; KEY_LIMIT + 1]), &one, &plain()),
        cache.set(&text("a"), &one, &tagged(&["t".repeat(TAG_LIMIT + 1).as_str()])),
        cache.set(&text("a"), &Value::Bytes(vec![0; larder_engine::VALUE_LIMIT + 1]), &plain()),
    ];
    for result in refused {
        assert!(matches!(result, Err(Error::TooLarge { size, limit, .. }) if size == limit + 1));
    }
    let many: Vec<String> = (0..65).map(|number| number.to_string()).collect();
    let invalid = [
        cache.set(&Key::Real(f64::NAN), &one, &plain()),
        cache.set(&text("a"), &one, &tagged(&[""])),
        cache.set(&text("a"), &one, &SetOptions { tags: many.clone(), ..plain() }),
    ];
    for result in invalid {
        assert!(matches!(result, Err(Error::InvalidArgument(_))));
    }
    let overflow = cache.set(&text("a"), &one, &lasting(u64::MAX));
    assert!(matches!(overflow, Err(Error::Overflow(_))));
    assert_eq!(cache.count().unwrap(), 0);

    let longest = Key::Text("k".repeat(KEY_LIMIT));
    let most = SetOptions { tags: [&many[..64], &many[..64]].concat(), ..plain() };
    cache.set(&longest, &one, &most).unwrap();
    assert_eq!(cache.get_entry(&longest).unwrap().unwrap().metadata.tags.len(), 64);
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn statistics_count_what_this_handle_did() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    put(cache, "a", 1);
    put(cache, "b", 1);
    integer(cache, "a");
    integer(cache, "x");
    cache.contains(&text("a")).unwrap();
    cache.delete(&text("a")).unwrap();
    cache.delete(&text("x")).unwrap();
    cache.clear().unwrap();
    let seen = cache.statistics().unwrap();
    assert_eq!((seen.hits, seen.misses, seen.sets, seen.deletes, seen.removals, seen.expirations), (1, 1, 2, 1, 1, 0));
    assert_eq!(cache.statistics().unwrap(), seen);
}

#[test]
fn after_close_every_call_is_closed() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    for number in 0..3 {
        put(cache, &number.to_string(), number);
    }
    let mut cursor = cache.scan(&larder_engine::Scan::default()).unwrap();
    assert_eq!(cursor.next(cache, 1).unwrap().len(), 1);
    cache.close().unwrap();
    assert_eq!(cursor.next(cache, 1).unwrap_err(), Error::Closed);
    assert!(matches!(cache.get(&text("0")), Err(Error::Closed)));
    assert!(matches!(cache.statistics(), Err(Error::Closed)));
    assert!(matches!(cache.information(), Err(Error::Closed)));
    assert_eq!(cache.close().unwrap_err(), Error::Closed);
}

#[test]
fn compare_and_set_stores_only_over_the_version_it_was_told() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let (one, two) = (Value::Integer(1), Value::Integer(2));
    let first = cache.compare_and_set(&text("a"), None, &one, &plain()).unwrap().unwrap();
    assert_eq!(cache.compare_and_set(&text("a"), None, &two, &plain()).unwrap(), None);
    assert_eq!(cache.compare_and_set(&text("a"), Some(first + 1), &two, &plain()).unwrap(), None);
    let second = cache.compare_and_set(&text("a"), Some(first), &two, &lasting(5)).unwrap().unwrap();
    assert!(second > first && integer(cache, "a") == Some(2));
    assert!(!cache.compare_and_delete(&text("a"), first).unwrap());
    fixture.platform.advance(5);
    assert_eq!(cache.compare_and_set(&text("a"), Some(second), &one, &plain()).unwrap(), None, "it has expired");
    let third = cache.compare_and_set(&text("a"), None, &one, &plain()).unwrap().unwrap();
    assert!(cache.compare_and_delete(&text("a"), third).unwrap());
    assert!(!cache.contains(&text("a")).unwrap());
}

#[test]
fn pop_returns_the_entry_it_removes() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    cache.set(&text("a"), &Value::Bytes(vec![5; 40_000]), &tagged(&["t"])).unwrap();
    cache.set(&text("b"), &Value::Integer(1), &lasting(5)).unwrap();
    let entry = cache.pop(&text("a")).unwrap().unwrap();
    assert!(same(&entry.value, &Value::Bytes(vec![5; 40_000])) && entry.metadata.tags == ["t"]);
    fixture.platform.advance(5);
    assert!(cache.pop(&text("a")).unwrap().is_none() && cache.pop(&text("b")).unwrap().is_none());
    let seen = cache.statistics().unwrap();
    assert_eq!((seen.hits, seen.misses, seen.deletes), (1, 2, 1));
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn an_entry_is_recent_by_when_it_was_stored() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    put(cache, "a", 1);
    fixture.platform.advance(10);
    cache.touch(&text("a"), Expiry::After(1_000)).unwrap();
    assert!(cache.get_recent(&text("a"), 10).unwrap().is_some());
    assert!(cache.get_recent(&text("a"), 9).unwrap().is_none());
    fixture.platform.set_wall_clock(-100_000);
    put(cache, "b", 1);
    fixture.platform.set_wall_clock(-100_000);
    assert!(cache.get_recent(&text("b"), u64::MAX).unwrap().is_none(), "stored in what is now the future");
}

#[test]
fn decrement_subtracts_even_the_least_integer() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let integer = Number::Integer;
    assert_eq!(cache.decrement(&text("a"), integer(3), Some(integer(1)), &plain()).unwrap(), Some(integer(-2)));
    assert_eq!(cache.decrement(&text("a"), integer(i64::MIN), None, &plain()).unwrap(), Some(integer(i64::MAX - 1)));
    assert!(matches!(cache.decrement(&text("a"), integer(-2), None, &plain()), Err(Error::Overflow(_))));
    assert_eq!(cache.decrement(&text("x"), integer(1), None, &plain()).unwrap(), None);
}

#[test]
fn items_come_with_their_entries_and_damage_is_told_once() {
    let mut fixture = Fixture::sharded(2);
    for number in 0..20 {
        fixture.cache.set(&Key::Integer(number), &Value::Bytes(vec![1; 40_000]), &plain()).unwrap();
    }
    std::fs::remove_file(&crate::support::value_files(fixture.path())[3]).unwrap();
    let cache = &mut fixture.cache;
    let mut cursor = cache.scan(&crate::support::scan(Selection::All, larder_engine::Order::Key)).unwrap();
    let (mut found, mut errors) = (Vec::new(), 0);
    loop {
        match cursor.next_items(cache, 7) {
            Ok(items) if items.is_empty() => break,
            Ok(items) => found.extend(items.into_iter().map(|item| item.key)),
            Err(Error::Corrupt(_)) => errors += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((found.len(), errors), (19, 1));
    assert!(found.is_sorted());
    put(cache, "last", 1);
    let last = larder_engine::Scan { reverse: true, ..larder_engine::Scan::default() };
    assert_eq!(cache.first(&last).unwrap().unwrap().key, text("last"));
    cache.delete(&text("last")).unwrap();
    assert_eq!(cache.measure(&Selection::All, false).unwrap(), (20, 20 * (40_000 + 72)));
}

#[test]
fn settings_are_changed_for_all_handles_or_not_at_all() {
    let shared = crate::support::Shared::new();
    let mut one =
        shared.open(1, &larder_engine::OpenOptions { shards: Some(2), ..larder_engine::OpenOptions::default() });
    let mut two = shared.open(2, &crate::support::existing());
    let changes = larder_engine::Changes {
        item_limit: larder_engine::Limit::AtMost(4),
        statistics: Some(true),
        ..larder_engine::Changes::default()
    };
    one.configure(&changes).unwrap();
    let settings = two.information().unwrap().settings;
    assert!(settings.item_limit == Some(4) && settings.statistics);
    let wrong =
        larder_engine::Changes { inline_threshold: Some(0), item_limit: larder_engine::Limit::AtMost(9), ..changes };
    assert!(matches!(two.configure(&wrong), Err(Error::InvalidArgument(_))));
    assert_eq!(one.information().unwrap().settings, settings);
}
