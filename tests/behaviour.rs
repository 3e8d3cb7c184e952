//! The rules of the WIT package, through both components, unsharded and sharded.
//!
//! What the engine's own tests show natively in every detail is shown here to survive the component
//! boundary: each operation, each type, each option.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use larder_tests::component::types::{Expiry, Key, Number, SetOptions, Value};
use larder_tests::component::wit::{Bound, Changes, KeyRange, Limit, OpenOptions, Order, Policy, Scan, Selection};
use larder_tests::component::{
    Host, Instance, World, changes, everything, options, plain, tagged, text, text_key, ttl,
};

/// Runs a test on a new directory in each world, with one shard and with three.
fn everywhere(test: impl Fn(&mut Instance)) {
    for world in [World::Shared, World::Standalone] {
        for shards in [1, 3] {
            with(world, OpenOptions { shards: Some(shards), ..options() }, &test);
        }
    }
}

fn with(world: World, options: OpenOptions, test: impl Fn(&mut Instance)) {
    let directory = tempfile::tempdir().unwrap();
    let mut cache = Host::of(world).open(directory.path(), options).unwrap();
    test(&mut cache);
    assert_eq!(cache.check().unwrap(), [], "after the test, in world {world:?}");
    cache.close().unwrap();
}

fn values() -> Vec<Value> {
    let reals = [0.0, -0.0, 1.5, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, f64::from_bits(0x7ff8_0000_0000_0001)];
    let texts = ["", "plain", "a\r\nb\rc\n", "nul\0inside", "\u{10ffff}é"];
    let mut values: Vec<Value> = reals.into_iter().map(Value::Real).collect();
    values.extend([0, 1, -1, i64::MAX, i64::MIN].map(Value::Integer));
    values.extend(texts.map(text));
    values.extend([Vec::new(), vec![0, 255], (0..=255).collect()].map(Value::Bytes));
    // At and around the threshold, and well beyond it, in files.
    for size in [32_767, 32_768, 32_769, 300_000] {
        values.push(Value::Bytes((0..size).map(|index| u8::try_from(index % 251).unwrap()).collect()));
        values.push(Value::Text("é\r\n".repeat(size / 4)));
    }
    values
}

/// Equality of bits, which NaN has with itself.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),
        _ => a == b,
    }
}

#[test]
fn every_value_comes_back_bit_for_bit() {
    everywhere(|cache| {
        for (index, value) in (0..).zip(values()) {
            cache.set(&Key::Integer(index), &value, &plain()).unwrap();
        }
        for (index, value) in (0..).zip(values()) {
            let found = cache.get(&Key::Integer(index)).unwrap().unwrap();
            assert!(same(&found, &value), "value {index}");
        }
    });
}

#[test]
fn keys_of_different_types_are_different_and_equal_numbers_are_one() {
    everywhere(|cache| {
        let keys = [Key::Integer(1), Key::Text("1".into()), Key::Bytes(b"1".to_vec()), Key::Real(1.5)];
        for (index, key) in (0..).zip(&keys) {
            cache.set(key, &Value::Integer(index), &plain()).unwrap();
        }
        for (index, key) in (0..).zip(&keys) {
            assert_eq!(cache.get(key).unwrap(), Some(Value::Integer(index)));
        }
        assert_eq!(cache.get(&Key::Real(1.0)).unwrap(), Some(Value::Integer(0)));
        assert_eq!(cache.count().unwrap(), 4);
    });
}

#[test]
fn absence_is_none_and_add_stores_only_into_it() {
    everywhere(|cache| {
        let key = text_key("key");
        assert_eq!(cache.get(&key).unwrap(), None);
        assert!(!cache.delete(&key).unwrap());
        assert!(!cache.contains(&key).unwrap());
        assert!(cache.add(&key, &text("first"), &plain()).unwrap().is_some());
        assert!(cache.add(&key, &text("second"), &plain()).unwrap().is_none());
        assert_eq!(cache.get(&key).unwrap(), Some(text("first")));
        assert!(cache.delete(&key).unwrap());
        assert_eq!(cache.count().unwrap(), 0);
    });
}

#[test]
fn an_entry_expires_and_is_absent_until_stored_again() {
    everywhere(|cache| {
        let key = text_key("key");
        cache.set(&key, &text("gone"), &ttl(0)).unwrap();
        assert_eq!(cache.get(&key).unwrap(), None);
        assert!(!cache.contains(&key).unwrap());
        assert!(!cache.touch(&key, Expiry::After(1000)).unwrap());
        assert!(!cache.delete(&key).unwrap());

        cache.set(&key, &text("long"), &ttl(3_600_000)).unwrap();
        let entry = cache.get_entry(&key).unwrap().unwrap();
        assert_eq!(entry.metadata.expires_ms, Some(entry.metadata.stored_ms + 3_600_000));
        assert!(cache.touch(&key, Expiry::Never).unwrap());
        assert_eq!(cache.get_entry(&key).unwrap().unwrap().metadata.expires_ms, None);
        assert!(cache.touch(&key, Expiry::After(0)).unwrap());
        assert_eq!(cache.get(&key).unwrap(), None);
    });
}

#[test]
fn expire_removes_exactly_what_has_expired() {
    everywhere(|cache| {
        for index in 0..700 {
            let options = if index % 2 == 0 { ttl(0) } else { plain() };
            cache.set(&Key::Integer(index), &text("x"), &options).unwrap();
        }
        assert_eq!(cache.expire().unwrap(), 350);
        assert_eq!(cache.expire().unwrap(), 0);
        assert_eq!(cache.count().unwrap(), 350);
        assert_eq!(cache.stats().unwrap().expirations, 350);
    });
}

#[test]
fn metadata_tells_tags_size_and_version() {
    everywhere(|cache| {
        let key = text_key("key");
        let first = cache.set(&key, &text("12345"), &tagged(&["b", "a", "b"])).unwrap();
        let entry = cache.get_entry(&key).unwrap().unwrap();
        assert_eq!(entry.metadata.tags, ["a", "b"]);
        assert_eq!(entry.metadata.size, 64 + 3 + 5 + 2);
        assert_eq!(entry.metadata.version, first);
        assert_eq!(cache.measure(&Selection::All, true).unwrap().size, 74);
        assert!(cache.volume().unwrap() > 74, "what is on disk");
        let second = cache.set(&key, &text("12345"), &plain()).unwrap();
        assert!(second > first);
        assert!(cache.get_entry(&key).unwrap().unwrap().metadata.tags.is_empty());
    });
}

#[test]
fn increments_add_keep_type_and_create_only_when_told_how() {
    everywhere(|cache| {
        let key = text_key("counter");
        assert_eq!(cache.increment(&key, Number::Integer(1), None, &plain()).unwrap(), None);
        let sum = cache.increment(&key, Number::Integer(1), Some(Number::Integer(10)), &tagged(&["t"])).unwrap();
        assert_eq!(sum, Some(Number::Integer(11)));
        assert_eq!(cache.increment(&key, Number::Integer(-20), None, &plain()).unwrap(), Some(Number::Integer(-9)));
        assert_eq!(cache.get_entry(&key).unwrap().unwrap().metadata.tags, ["t"]);
        assert_eq!(cache.increment(&key, Number::Real(0.5), None, &plain()).unwrap(), Some(Number::Real(-8.5)));
        assert_eq!(cache.get(&key).unwrap(), Some(Value::Real(-8.5)));
    });
}

fn numbered(cache: &mut Instance, count: i64) {
    for index in 0..count {
        // A permutation, so that insertion and key order differ.
        let tags: &[&str] = if index % 10 == 0 { &["tenth"] } else { &[] };
        cache.set(&Key::Integer(index * 7 % count), &text("x"), &tagged(tags)).unwrap();
    }
}

#[test]
fn cursors_run_in_both_orders_both_ways_over_every_selection() {
    everywhere(|cache| {
        let count = 1000;
        numbered(cache, count);
        let inserted: Vec<Key> = (0..count).map(|index| Key::Integer(index * 7 % count)).collect();
        let sorted: Vec<Key> = (0..count).map(Key::Integer).collect();
        let reversed = |keys: &[Key]| keys.iter().rev().cloned().collect::<Vec<_>>();
        let by_key = Scan { order: Order::Key, ..everything() };
        assert_eq!(cache.keys(&everything(), 100).unwrap(), inserted);
        assert_eq!(cache.keys(&Scan { reverse: true, ..everything() }, 7).unwrap(), reversed(&inserted));
        assert_eq!(cache.keys(&by_key, 10_000).unwrap(), sorted);
        assert_eq!(cache.keys(&Scan { reverse: true, ..by_key.clone() }, 333).unwrap(), reversed(&sorted));

        let range = KeyRange { start: Bound::Included(Key::Integer(10)), end: Bound::Excluded(Key::Real(20.5)) };
        let range = Scan { selection: Selection::Range(range), ..by_key };
        assert_eq!(cache.keys(&range, 3).unwrap(), sorted[10..=20]);
        let in_order = inserted.iter().filter(|key| sorted[10..=20].contains(key)).cloned().collect::<Vec<_>>();
        assert_eq!(cache.keys(&Scan { order: Order::Insertion, ..range }, 3).unwrap(), in_order);

        let tenth = Scan { selection: Selection::Tag("tenth".into()), ..everything() };
        let tagged: Vec<Key> = inserted.iter().step_by(10).cloned().collect();
        assert_eq!(cache.keys(&tenth, 9).unwrap(), tagged);
        let mut in_key_order = cache.keys(&Scan { order: Order::Key, reverse: true, ..tenth }, 9).unwrap();
        in_key_order.reverse();
        assert_eq!(in_key_order, sorted.iter().filter(|key| tagged.contains(key)).cloned().collect::<Vec<_>>());
    });
}

#[test]
fn storing_again_keeps_the_place_and_expired_entries_are_seen_on_request() {
    everywhere(|cache| {
        for name in ["a", "b", "c"] {
            cache.set(&text_key(name), &text("1"), &plain()).unwrap();
        }
        cache.set(&text_key("a"), &text("2"), &plain()).unwrap();
        cache.set(&text_key("b"), &text("2"), &ttl(0)).unwrap();
        assert_eq!(cache.keys(&everything(), 10).unwrap(), ["a", "c"].map(text_key));
        let all = cache.keys(&Scan { expired: true, ..everything() }, 10).unwrap();
        assert_eq!(all, ["a", "b", "c"].map(text_key));
    });
}

#[test]
fn evict_removes_exactly_the_selection_and_counts_it() {
    everywhere(|cache| {
        numbered(cache, 2000);
        for name in ["page:1", "page:2", "pagf"] {
            cache.set(&text_key(name), &text("x"), &plain()).unwrap();
        }
        assert_eq!(cache.evict(&Selection::Tag("tenth".into())).unwrap(), 200);
        assert_eq!(cache.evict(&Selection::Tag("unknown".into())).unwrap(), 0);
        assert_eq!(cache.evict(&Selection::Prefix(text_key("page"))).unwrap(), 2);
        assert!(cache.contains(&text_key("pagf")).unwrap());
        let upper = KeyRange { start: Bound::Excluded(Key::Integer(1_000_000)), end: Bound::Unbounded };
        assert_eq!(cache.evict(&Selection::Range(upper)).unwrap(), 1);
        assert_eq!(cache.clear().unwrap(), 1800);
        assert_eq!((cache.count().unwrap(), cache.measure(&Selection::All, true).unwrap().size), (0, 0));
        assert_eq!(cache.stats().unwrap().removals, 2003);
        let before = cache.volume().unwrap();
        assert_eq!(cache.compact().unwrap(), before - cache.volume().unwrap());
        assert!(cache.volume().unwrap() < before);
    });
}

#[test]
fn limits_are_exact_and_never_cost_the_entry_just_stored() {
    for policy in [Policy::LeastRecentlyStored, Policy::LeastRecentlyUsed, Policy::LeastFrequentlyUsed] {
        for world in [World::Shared, World::Standalone] {
            let options = OpenOptions {
                changes: Changes { item_limit: Limit::AtMost(10), policy: Some(policy), ..changes() },
                ..options()
            };
            with(world, options, |cache| {
                for index in 0..25 {
                    cache.set(&Key::Integer(index), &text("x"), &plain()).unwrap();
                    assert!(cache.contains(&Key::Integer(index)).unwrap());
                    assert_eq!(cache.count().unwrap(), 10.min(index.unsigned_abs() + 1));
                }
            });
        }
    }
}

#[test]
fn least_recently_used_keeps_what_is_read() {
    for world in [World::Shared, World::Standalone] {
        let options = OpenOptions {
            changes: Changes { item_limit: Limit::AtMost(3), policy: Some(Policy::LeastRecentlyUsed), ..changes() },
            ..options()
        };
        with(world, options, |cache| {
            for name in ["a", "b", "c"] {
                cache.set(&text_key(name), &text("x"), &plain()).unwrap();
            }
            cache.get(&text_key("a")).unwrap();
            cache.set(&text_key("d"), &text("x"), &plain()).unwrap();
            assert_eq!(cache.keys(&everything(), 10).unwrap(), ["a", "c", "d"].map(text_key));
        });
    }
}

#[test]
fn statistics_count_this_handle_and_reading_them_has_no_effect() {
    everywhere(|cache| {
        let key = text_key("key");
        cache.set(&key, &text("x"), &plain()).unwrap();
        cache.get(&key).unwrap();
        cache.get(&text_key("other")).unwrap();
        cache.delete(&key).unwrap();
        let counted = cache.stats().unwrap();
        assert_eq!((counted.hits, counted.misses, counted.sets, counted.deletes), (1, 1, 1, 1));
        assert_eq!(cache.stats().unwrap(), counted);
    });
}

#[test]
fn a_directory_keeps_entries_and_settings_from_one_opening_to_the_next() {
    for world in [World::Shared, World::Standalone] {
        let directory = tempfile::tempdir().unwrap();
        let first = OpenOptions {
            shards: Some(2),
            changes: Changes {
                size_limit: Limit::AtMost(1 << 20),
                policy: Some(Policy::LeastFrequentlyUsed),
                default_ttl: Expiry::After(86_400_000),
                inline_threshold: Some(100),
                ..changes()
            },
            ..options()
        };
        let mut cache = Host::of(world).open(directory.path(), first).unwrap();
        cache.set(&text_key("small"), &text("x"), &plain()).unwrap();
        cache.set(&text_key("large"), &Value::Bytes(vec![7; 1000]), &plain()).unwrap();
        cache.close().unwrap();

        let mut cache = Host::of(world).open(directory.path(), options()).unwrap();
        let info = cache.info().unwrap();
        assert_eq!((info.shards, info.size_limit, info.inline_threshold), (2, Some(1 << 20), 100));
        assert_eq!((info.policy, info.default_ttl_ms), (Policy::LeastFrequentlyUsed, Some(86_400_000)));
        assert_eq!(info.shared, world == World::Shared);
        assert_eq!(cache.get(&text_key("large")).unwrap(), Some(Value::Bytes(vec![7; 1000])));
        assert!(cache.get_entry(&text_key("small")).unwrap().unwrap().metadata.expires_ms.is_some());
        assert_eq!(larder_tests::value_files(directory.path()).len(), 1);
    }
}

#[test]
fn a_directory_goes_from_one_world_to_the_other_and_back() {
    let directory = tempfile::tempdir().unwrap();
    for (round, world) in (0..).zip([World::Shared, World::Standalone, World::Shared, World::Standalone]) {
        let mut cache = Host::of(world).open(directory.path(), options()).unwrap();
        assert_eq!(cache.count().unwrap(), round);
        let large = Value::Bytes(vec![1; 40_000]);
        cache.set(&Key::Integer(round.cast_signed()), &large, &plain()).unwrap();
        assert_eq!(cache.get(&Key::Integer(0)).unwrap(), Some(large));
        cache.close().unwrap();
    }
}

#[test]
fn a_sliding_entry_is_marked_so() {
    everywhere(|cache| {
        let key = text_key("key");
        let sliding = SetOptions { sliding: true, ..ttl(60_000) };
        cache.set(&key, &text("x"), &sliding).unwrap();
        assert!(cache.get_entry(&key).unwrap().unwrap().metadata.sliding);
        cache.touch(&key, Expiry::After(1000)).unwrap();
        assert!(cache.get_entry(&key).unwrap().unwrap().metadata.sliding);
        cache.touch(&key, Expiry::Never).unwrap();
        assert!(!cache.get_entry(&key).unwrap().unwrap().metadata.sliding);
    });
}
