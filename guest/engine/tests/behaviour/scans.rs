//! Enumerating keys, and evicting by selection.

use larder_engine::{Bound, Cache, Error, Key, Order, Scan, Selection, Value};

use crate::support::{Fixture, keys, lasting, names_of, plain, put, scan, tagged, text};

/// One key of every kind, in key order.
fn ordered_keys() -> Vec<Key> {
    vec![
        Key::Real(f64::NEG_INFINITY),
        Key::Integer(i64::MIN),
        Key::Real(-0.5),
        Key::Integer(0),
        Key::Real(0.5),
        Key::Integer((1 << 53) + 1),
        Key::Real(9_223_372_036_854_775_808.0),
        text(""),
        text("a"),
        text("a\0"),
        text("b"),
        text("é"),
        text("\u{10ffff}"),
        Key::Bytes(Vec::new()),
        Key::Bytes(vec![0]),
        Key::Bytes(vec![255, 255]),
    ]
}

fn fill(cache: &mut Cache, keys: &[Key]) {
    for key in keys {
        cache.set(key, &Value::Integer(1), &plain()).unwrap();
    }
}

/// Stores numbers under `k000`, `k001` and so on.
fn fill_numbered(cache: &mut Cache, count: i64) {
    for number in 0..count {
        put(cache, &format!("k{number:03}"), number);
    }
}

#[test]
fn key_order_is_numbers_then_text_then_bytes_either_way() {
    for shards in [1, 4] {
        let mut fixture = Fixture::sharded(shards);
        let mut shuffled = ordered_keys();
        shuffled.rotate_left(5);
        shuffled.swap(0, 9);
        fill(&mut fixture.cache, &shuffled);
        let by_key = scan(Selection::All, Order::Key);
        assert_eq!(keys(&mut fixture.cache, &by_key), ordered_keys());
        let mut backward = keys(&mut fixture.cache, &Scan { reverse: true, ..by_key });
        backward.reverse();
        assert_eq!(backward, ordered_keys());
        let by_insertion = scan(Selection::All, Order::Insertion);
        assert_eq!(keys(&mut fixture.cache, &by_insertion), shuffled);
        let mut backward = keys(&mut fixture.cache, &Scan { reverse: true, ..by_insertion });
        backward.reverse();
        assert_eq!(backward, shuffled);
    }
}

#[test]
fn ranges_include_and_exclude_their_ends_in_both_orders() {
    for shards in [1, 4] {
        let mut fixture = Fixture::sharded(shards);
        fill(&mut fixture.cache, &ordered_keys());
        let all = ordered_keys();
        for (first, last) in [(0, 15), (2, 4), (3, 9), (12, 12)] {
            for order in [Order::Key, Order::Insertion] {
                let (start, end) = (all[first].clone(), all[last].clone());
                let closed = Selection::Range(Bound::Included(start.clone()), Bound::Included(end.clone()));
                assert_eq!(keys(&mut fixture.cache, &scan(closed, order)), all[first..=last]);
                let half = Selection::Range(Bound::Excluded(start), Bound::Unbounded);
                assert_eq!(keys(&mut fixture.cache, &scan(half, order)), all[first + 1..]);
                let half = Selection::Range(Bound::Unbounded, Bound::Excluded(end));
                assert_eq!(keys(&mut fixture.cache, &scan(half, order)), all[..last]);
            }
        }
        let reversed = Selection::Range(Bound::Included(text("b")), Bound::Included(text("a")));
        assert!(keys(&mut fixture.cache, &scan(reversed, Order::Key)).is_empty());
    }
}

#[test]
fn a_prefix_selects_keys_of_its_kind_only() {
    for shards in [1, 4] {
        let mut fixture = Fixture::sharded(shards);
        for key in ["a", "ab", "a\u{10ffff}", "b", "", "\u{10ffff}x"] {
            put(&mut fixture.cache, key, 1);
            fill(&mut fixture.cache, &[Key::Bytes(key.as_bytes().to_vec())]);
        }
        fill(&mut fixture.cache, &[Key::Bytes(vec![255]), Key::Bytes(vec![255, 255, 1])]);
        let selected = |cache: &mut Cache, prefix| keys(cache, &scan(Selection::Prefix(prefix), Order::Key)).len();
        assert_eq!(selected(&mut fixture.cache, text("a")), 3);
        assert_eq!(selected(&mut fixture.cache, text("")), 6);
        assert_eq!(selected(&mut fixture.cache, text("\u{10ffff}")), 1);
        assert_eq!(selected(&mut fixture.cache, Key::Bytes(b"a".to_vec())), 3);
        assert_eq!(selected(&mut fixture.cache, Key::Bytes(vec![255])), 2);
        let number = fixture.cache.scan(&scan(Selection::Prefix(Key::Integer(1)), Order::Key));
        assert!(matches!(number, Err(Error::InvalidArgument(_))));
    }
}

#[test]
fn tags_select_in_both_orders_and_follow_overwriting() {
    for shards in [1, 4] {
        let mut fixture = Fixture::sharded(shards);
        let cache = &mut fixture.cache;
        for (key, tags) in [("c", &["x", "y"][..]), ("a", &["x"]), ("b", &["xx"]), ("d", &[])] {
            cache.set(&text(key), &Value::Integer(1), &tagged(tags)).unwrap();
        }
        let tag = |tag: &str, order| scan(Selection::Tag(tag.into()), order);
        assert_eq!(names_of(keys(cache, &tag("x", Order::Insertion))), ["c", "a"]);
        assert_eq!(names_of(keys(cache, &tag("x", Order::Key))), ["a", "c"]);
        cache.set(&text("c"), &Value::Integer(2), &tagged(&["y", "z"])).unwrap();
        assert_eq!(names_of(keys(cache, &tag("x", Order::Insertion))), ["a"]);
        assert_eq!(names_of(keys(cache, &tag("z", Order::Insertion))), ["c"]);
        assert!(matches!(cache.scan(&tag("", Order::Key)), Err(Error::InvalidArgument(_))));
        assert_eq!(cache.check().unwrap(), []);
    }
}

#[test]
fn scans_skip_expired_entries_unless_asked() {
    let mut fixture = Fixture::sharded(4);
    put(&mut fixture.cache, "a", 1);
    fixture.cache.set(&text("b"), &Value::Integer(1), &lasting(5)).unwrap();
    fixture.platform.advance(5);
    for order in [Order::Insertion, Order::Key] {
        assert_eq!(names_of(keys(&mut fixture.cache, &scan(Selection::All, order))), ["a"]);
        let all = Scan { expired: true, ..scan(Selection::All, order) };
        assert_eq!(names_of(keys(&mut fixture.cache, &all)), ["a", "b"]);
    }
}

#[test]
fn an_entry_that_stays_is_returned_exactly_once_whatever_comes_and_goes() {
    let ways = [Order::Insertion, Order::Key].into_iter().flat_map(|order| [(order, false), (order, true)]);
    for (shards, (order, reverse)) in ways.flat_map(|way| [(1, way), (4, way)]) {
        let mut fixture = Fixture::sharded(shards);
        let cache = &mut fixture.cache;
        // More than two pages of each shard, every third to stay.
        let count = 2_700;
        for number in 0..count {
            put(cache, &format!("k{number:05}"), number);
        }
        let mut cursor = cache.scan(&Scan { reverse, ..scan(Selection::All, order) }).unwrap();
        let (mut seen, mut round) = (Vec::new(), 0);
        loop {
            let more = cursor.next(cache, 97).unwrap();
            if more.is_empty() {
                break;
            }
            seen.extend(names_of(more));
            for number in (round * 90..round * 90 + 90).filter(|number| number % 3 != 0) {
                cache.delete(&text(&format!("k{:05}", (number * 7) % count))).ok();
                put(cache, &format!("m{number:05}"), 1);
                put(cache, &format!("k{:05}", (number * 3) % count / 3 * 3), 2);
            }
            round += 1;
        }
        let mut unique = seen.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), seen.len(), "{order:?} {reverse}");
        for number in (0..count).step_by(3) {
            assert!(unique.binary_search(&format!("k{number:05}")).is_ok(), "{number} {order:?} {reverse}");
        }
        if order == Order::Insertion {
            assert!(seen.iter().all(|key| key.starts_with('k')));
        }
    }
}

#[test]
fn the_number_of_keys_asked_for_has_bounds() {
    let mut fixture = Fixture::new();
    let mut cursor = fixture.cache.scan(&Scan::default()).unwrap();
    for limit in [0, 10_001] {
        assert!(matches!(cursor.next(&mut fixture.cache, limit), Err(Error::InvalidArgument(_))));
    }
    assert!(cursor.next(&mut fixture.cache, 10_000).unwrap().is_empty());
}

#[test]
fn evicting_by_selection_removes_exactly_what_is_selected_and_counts_it() {
    for shards in [1, 4] {
        let mut fixture = Fixture::sharded(shards);
        let cache = &mut fixture.cache;
        for number in 0..1_200 {
            let tag = if number % 2 == 0 { "even" } else { "odd" };
            cache.set(&text(&format!("{number:04}")), &Value::Integer(number), &tagged(&[tag, "all"])).unwrap();
        }
        fill_numbered(cache, 100);
        assert_eq!(cache.evict(&Selection::Tag("absent".into())).unwrap(), 0);
        assert_eq!(cache.evict(&Selection::Tag("odd".into())).unwrap(), 600);
        assert_eq!(cache.evict(&Selection::Prefix(text("000"))).unwrap(), 5);
        let range = Selection::Range(Bound::Included(text("0010")), Bound::Excluded(text("0020")));
        assert_eq!(cache.evict(&range).unwrap(), 5);
        assert_eq!(cache.evict(&Selection::Tag("all".into())).unwrap(), 590);
        assert_eq!(cache.count().unwrap(), 100);
        assert_eq!(cache.statistics().unwrap().removals, 1_200);
        assert_eq!(cache.clear().unwrap(), 100);
        assert_eq!(cache.check().unwrap(), []);
    }
}
