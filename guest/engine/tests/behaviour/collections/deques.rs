//! Deques: both ends, places, bounds, and what can not be.

use std::cmp::Ordering;

use larder_engine::{COLLECTION_LIMIT, Cache, Deque, Error, Key, OpenOptions, Side, Value};

use super::{THRESHOLD, content, number, numbers, value, values};
use crate::support::{Fixture, Shared, existing, put, value_files};

fn deque(cache: &mut Cache, name: &str, numbers: impl IntoIterator<Item = i64>) -> Deque {
    let deque = Deque::new(name).unwrap();
    deque.push(cache, &values(numbers), Side::Back).unwrap();
    deque
}

fn with_files() -> Fixture {
    let changes = larder_engine::Changes { inline_threshold: Some(THRESHOLD), ..Default::default() };
    Fixture::with(&OpenOptions { changes, ..OpenOptions::default() })
}

#[test]
fn values_come_and_go_at_both_ends_one_or_many_at_a_time() {
    let mut fixture = with_files();
    let cache = &mut fixture.cache;
    let line = deque(cache, "line", 1..=5);
    assert_eq!(line.push(cache, &values([0, -1]), Side::Front).unwrap(), 7);
    assert_eq!(content(cache, &line), [-1, 0, 1, 2, 3, 4, 5]);
    assert_eq!(numbers(&line.pull(cache, Side::Front, 2, 0).unwrap()), [-1, 0]);
    assert_eq!(numbers(&line.pull(cache, Side::Back, 2, 0).unwrap()), [5, 4]);
    assert_eq!(numbers(&line.pull(cache, Side::Back, 100, 0).unwrap()), [3, 2, 1]);
    assert_eq!(line.pull(cache, Side::Front, 1, 0).unwrap().len(), 0);
    assert_eq!((line.len(cache).unwrap(), cache.deques().unwrap()), (0, vec![]));
    assert_eq!((cache.check().unwrap(), value_files(fixture.path()).len()), (vec![], 0));
}

#[test]
fn a_place_counts_from_either_end_and_beyond_there_is_nothing() {
    let mut fixture = with_files();
    let cache = &mut fixture.cache;
    let line = deque(cache, "line", 0..10);
    for (place, expected) in [(0, 0), (3, 3), (9, 9), (-1, 9), (-10, 0)] {
        assert_eq!(number(&line.get(cache, place).unwrap().unwrap()), expected);
    }
    for place in [10, -11, i64::MAX, i64::MIN] {
        assert!(line.get(cache, place).unwrap().is_none());
        assert!(matches!(line.set(cache, place, &value(1)), Err(Error::OutOfRange(what)) if what.contains("\"line\"")));
        assert!(matches!(line.delete(cache, place), Err(Error::OutOfRange(_))));
    }
    line.set(cache, -2, &value(80)).unwrap();
    line.delete(cache, 0).unwrap();
    line.delete(cache, -1).unwrap();
    assert_eq!(line.insert(cache, 1, &value(15)).unwrap(), 9);
    assert_eq!(line.insert(cache, -1, &value(75)).unwrap(), 10);
    line.insert(cache, 1_000, &value(99)).unwrap();
    line.insert(cache, -1_000, &value(-9)).unwrap();
    assert_eq!(content(cache, &line), [-9, 1, 15, 2, 3, 4, 5, 6, 7, 75, 80, 99]);
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn turning_rotating_and_reading_in_the_middle_do_not_grow_with_the_length() {
    // The reference reads every key before the place, and moves every value.
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let line = deque(cache, "line", (0..5_000).map(|number| number * 3 + 1));
    let before = std::fs::metadata(crate::support::database(fixture.directory.path(), 0).with_extension("db-wal"));
    let before = before.unwrap().len();
    for step in 0..50 {
        line.rotate(cache, step * 37 - 900).unwrap();
        line.reverse(cache).unwrap();
        line.get(cache, 2_500).unwrap().unwrap();
    }
    let after = std::fs::metadata(crate::support::database(fixture.directory.path(), 0).with_extension("db-wal"));
    let pages = (after.unwrap().len() - before) / 4_120;
    assert!(pages <= 100, "one page for each change, not {pages} for 100");
    let mut sorted = content(cache, &line);
    sorted.sort_unstable();
    assert_eq!(sorted, (0..5_000).map(|number| number * 3 + 1).collect::<Vec<_>>());
}

#[test]
fn rotation_goes_either_way_by_any_number_of_steps() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let line = deque(cache, "line", 0..5);
    for (steps, expected) in [
        (1, [4, 0, 1, 2, 3]),
        (-2, [1, 2, 3, 4, 0]),
        (5, [1, 2, 3, 4, 0]),
        (12, [4, 0, 1, 2, 3]),
        (i64::MIN, [2, 3, 4, 0, 1]),
    ] {
        line.rotate(cache, steps).unwrap();
        assert_eq!(content(cache, &line), expected, "by {steps}");
    }
    Deque::new("empty").unwrap().rotate(cache, 3).unwrap();
    assert_eq!(cache.deques().unwrap(), ["line"]);
}

#[test]
fn a_bound_is_recorded_and_the_other_end_gives_way() {
    let mut fixture = with_files();
    let cache = &mut fixture.cache;
    let line = deque(cache, "line", 0..6);
    line.set_bound(cache, Some(4)).unwrap();
    assert_eq!(content(cache, &line), [2, 3, 4, 5]);
    line.push(cache, &values([6, 7]), Side::Back).unwrap();
    assert_eq!(content(cache, &line), [4, 5, 6, 7]);
    line.push(cache, &values([3]), Side::Front).unwrap();
    assert_eq!(content(cache, &line), [3, 4, 5, 6]);
    assert!(matches!(line.insert(cache, 1, &value(1)), Err(Error::Full(what)) if what.contains("\"line\"")));
    line.push(cache, &values(10..30), Side::Back).unwrap();
    assert_eq!(content(cache, &line), [26, 27, 28, 29]);
    fixture.reopen(&existing());
    let cache = &mut fixture.cache;
    assert_eq!((line.bound(cache).unwrap(), line.clear(cache).unwrap()), (Some(4), 4));
    assert_eq!((line.bound(cache).unwrap(), cache.deques().unwrap()), (Some(4), vec!["line".into()]));
    line.set_bound(cache, None).unwrap();
    assert_eq!(cache.deques().unwrap(), Vec::<String>::new());
    for bound in [0, u64::MAX] {
        assert!(matches!(line.set_bound(cache, Some(bound)), Err(Error::InvalidArgument(_))));
    }
    assert_eq!((cache.check().unwrap(), value_files(fixture.path()).len()), (vec![], 0));
}

#[test]
fn values_are_found_by_what_they_are() {
    let mut fixture = with_files();
    let cache = &mut fixture.cache;
    let line = deque(cache, "line", [1, 3, 2, 3, 1, 3]);
    assert_eq!(line.places_of(cache, &value(3)).unwrap(), [1, 3, 5]);
    line.reverse(cache).unwrap();
    assert_eq!(line.places_of(cache, &value(1)).unwrap(), [1, 5]);
    assert_eq!(line.places_of(cache, &Value::Real(2.0)).unwrap(), [3], "numbers are equal by value");
    assert!(line.remove(cache, &value(3)).unwrap());
    assert!(!line.remove(cache, &Value::Text("3".into())).unwrap());
    assert_eq!(content(cache, &line), [1, 3, 2, 3, 1]);
    assert!(line.places_of(cache, &Value::Bytes(vec![0; 800])).unwrap().is_empty(), "of the same length alone");
    assert!(Deque::new("none").unwrap().places_of(cache, &value(1)).unwrap().is_empty());
}

#[test]
fn a_copy_is_independent_and_comparison_is_by_value_and_length() {
    for shards in [1, 4] {
        let changes = larder_engine::Changes { inline_threshold: Some(THRESHOLD), ..Default::default() };
        let mut fixture = Fixture::with(&OpenOptions { shards: Some(shards), changes, ..OpenOptions::default() });
        let cache = &mut fixture.cache;
        let one = deque(cache, "one", 0..700);
        let others: Vec<_> = (0..6).map(|number| deque(cache, &format!("other {number}"), 0..5)).collect();
        for other in &others {
            assert_eq!(one.compare(cache, other).unwrap(), Ordering::Greater, "longer");
            assert_eq!(one.copy_to(cache, other).unwrap(), 700);
            assert_eq!(one.compare(cache, other).unwrap(), Ordering::Equal);
            other.set(cache, 601, &value(602)).unwrap();
            assert_eq!(one.compare(cache, other).unwrap(), Ordering::Less);
            assert_eq!(content(cache, &one), (0..700).collect::<Vec<_>>());
        }
        assert!(matches!(one.copy_to(cache, &one), Err(Error::InvalidArgument(_))));
        assert_eq!(cache.check().unwrap(), []);
    }
}

#[test]
fn an_enumeration_sees_what_was_there_when_it_began() {
    let mut fixture = with_files();
    let cache = &mut fixture.cache;
    let line = deque(cache, "line", 0..10);
    let mut backward = line.scan(cache, -1, true).unwrap();
    let mut middle = line.scan(cache, 4, false).unwrap();
    let mut before = line.scan(cache, 4, true).unwrap();
    line.rotate(cache, 3).unwrap();
    line.push(cache, &values([10]), Side::Back).unwrap();
    assert_eq!(numbers(&backward.next(cache, 4).unwrap()), [9, 8, 7, 6]);
    assert!(line.remove(cache, &value(5)).unwrap());
    line.clear(cache).unwrap();
    deque(cache, "line", 100..120);
    assert!(backward.next(cache, 100).unwrap().is_empty(), "gone, and the new values are others");
    assert!(middle.next(cache, 100).unwrap().is_empty());
    assert!(before.next(cache, 1).unwrap().is_empty());
    let mut from = |from, reverse| {
        let mut cursor = line.scan(cache, from, reverse).unwrap();
        numbers(&cursor.next(cache, 3).unwrap())
    };
    assert_eq!(from(5, false), [105, 106, 107]);
    assert_eq!(from(-2, false), [118, 119]);
    assert_eq!(from(5, true), [105, 104, 103]);
    assert_eq!((from(50, false), from(50, true)), (vec![], vec![119, 118, 117]));
    assert_eq!((from(-50, false), from(-50, true)), (vec![100, 101, 102], vec![]));
}

#[test]
fn pulling_from_an_empty_deque_waits_until_there_is_something_or_the_time_is_over() {
    let shared = Shared::new();
    let platform = shared.platform(1);
    let mut cache = crate::support::open(shared.directory.path(), &OpenOptions::default(), &platform).unwrap();
    let line = Deque::new("line").unwrap();
    let began = larder_engine::Platform::monotonic_ms(&*platform);
    assert!(line.pull(&mut cache, Side::Front, 1, 40).unwrap().is_empty());
    let waited = larder_engine::Platform::monotonic_ms(&*platform) - began;
    assert!((40..60).contains(&waited), "{waited} ms");
    let mut other = shared.open(2, &existing());
    let theirs = line.clone();
    platform.on_next_sleep(move || assert_eq!(theirs.push(&mut other, &values([1, 2]), Side::Back).unwrap(), 2));
    assert_eq!(numbers(&line.pull(&mut cache, Side::Front, 1, 1_000_000).unwrap()), [1]);
    let ticket = cache.begin().unwrap();
    let pulled = cache.within(ticket, |cache| {
        line.pull(cache, Side::Front, 1, 1_000_000)?;
        line.pull(cache, Side::Front, 1, 1_000_000)
    });
    assert!(pulled.unwrap().is_empty(), "nobody can put anything in while a transaction is open");
    cache.rollback(ticket).unwrap();
}

#[test]
fn names_have_limits_and_kinds_do_not_meet() {
    let mut fixture = Fixture::sharded(3);
    let cache = &mut fixture.cache;
    for name in ["", "a\0b"] {
        assert!(matches!(Deque::new(name), Err(Error::InvalidArgument(_))));
        assert!(matches!(larder_engine::Index::new(name), Err(Error::InvalidArgument(_))));
    }
    assert!(matches!(Deque::new(&"n".repeat(COLLECTION_LIMIT + 1)), Err(Error::TooLarge { .. })));
    let long = deque(cache, &"n".repeat(COLLECTION_LIMIT), 0..2);
    let index = larder_engine::Index::new("line").unwrap();
    index.set(cache, Key::Text("k".into()), value(1)).unwrap();
    put(cache, "line", 7);
    let line = deque(cache, "line", 0..3);
    index.queue("").unwrap().push(cache, &values(0..4), Side::Back).unwrap();
    let lengths = [line.len(cache), long.len(cache), index.len(cache), index.queue("").unwrap().len(cache)];
    assert_eq!(lengths.map(Result::unwrap), [3, 2, 1, 4]);
    assert_eq!(cache.indexes().unwrap(), ["line"]);
    assert_eq!(cache.deques().unwrap(), ["line".to_owned(), "n".repeat(COLLECTION_LIMIT)]);
    assert_eq!(cache.count().unwrap(), 1, "no entries");
}
