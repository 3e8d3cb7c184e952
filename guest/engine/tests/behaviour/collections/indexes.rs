//! Indexes: keys in the order in which they came in, and in their own.

use larder_engine::{Bound, Cache, Error, Index, IndexScan, Key, Order, Selection, Side, Value};

use super::{items, number, value, values};
use crate::support::{Fixture, text};

fn index(cache: &mut Cache, name: &str, keys: &[&str]) -> Index {
    let index = Index::new(name).unwrap();
    let items: Vec<_> = keys.iter().zip(0..).map(|(key, number)| (text(key), value(number))).collect();
    index.update(cache, &items).unwrap();
    index
}

fn names(cache: &mut Cache, index: &Index, scan: &IndexScan) -> String {
    let mut cursor = index.scan(cache, scan).unwrap();
    let keys = cursor.next(cache, 100).unwrap();
    keys.into_iter()
        .map(|key| if let Key::Text(text) = key { text } else { key.to_string() })
        .collect::<Vec<_>>()
        .join(" ")
}

fn pair(found: Option<(Key, Value)>) -> Option<(Key, i64)> {
    found.map(|(key, value)| (key, number(&value)))
}

#[test]
fn a_key_keeps_its_place_however_often_its_value_changes() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let index = index(cache, "i", &["c", "a", "b"]);
    assert!(index.set(cache, text("c"), value(9)).unwrap(), "it had a value");
    assert!(!index.set(cache, text("d"), value(3)).unwrap());
    assert_eq!(names(cache, &index, &IndexScan::default()), "c a b d");
    assert!(index.delete(cache, &text("c")).unwrap());
    assert!(!index.delete(cache, &text("c")).unwrap());
    index.set(cache, text("c"), value(1)).unwrap();
    assert_eq!(names(cache, &index, &IndexScan::default()), "a b d c");
    assert!(index.move_to_end(cache, &text("b"), Side::Back).unwrap());
    assert!(index.move_to_end(cache, &text("d"), Side::Front).unwrap());
    assert!(!index.move_to_end(cache, &text("x"), Side::Front).unwrap());
    assert_eq!(names(cache, &index, &IndexScan::default()), "d a c b");
    assert_eq!(pair(index.peek_item(cache, Side::Back).unwrap()), Some((text("b"), 2)));
    assert_eq!(pair(index.pop_item(cache, Side::Back).unwrap()), Some((text("b"), 2)));
    assert_eq!(pair(index.pop_item(cache, Side::Front).unwrap()), Some((text("d"), 3)));
    assert_eq!(index.pop(cache, &text("a")).unwrap().map(|value| number(&value)), Some(1));
    assert!(index.pop(cache, &text("a")).unwrap().is_none());
    assert_eq!((index.clear(cache).unwrap(), index.len(cache).unwrap()), (1, 0));
    assert!(
        index.peek_item(cache, Side::Front).unwrap().is_none() && index.pop_item(cache, Side::Front).unwrap().is_none()
    );
    assert_eq!((cache.indexes().unwrap(), cache.check().unwrap()), (vec![], vec![]));
}

#[test]
fn a_default_is_stored_once() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let index = Index::new("i").unwrap();
    let (first, stored) = index.set_default(cache, &text("k"), &value(1)).unwrap();
    let (second, again) = index.set_default(cache, &text("k"), &value(2)).unwrap();
    assert_eq!((number(&first), stored, number(&second), again), (1, true, 1, false));
    assert_eq!(number(&index.get(cache, &text("k")).unwrap().unwrap()), 1);
    assert!(index.get(cache, &text("other")).unwrap().is_none());
}

#[test]
fn keys_of_any_type_are_enumerated_in_both_orders_both_ways_and_by_range() {
    let mut fixture = Fixture::sharded(4);
    let cache = &mut fixture.cache;
    let index = Index::new("i").unwrap();
    let keys =
        [text("b"), Key::Integer(2), Key::Bytes(vec![0]), Key::Real(0.5), text("ab"), Key::Integer(-1), text("a")];
    let all: Vec<_> = keys.iter().cloned().zip(values(0..7)).collect();
    assert_eq!(index.update(cache, &all).unwrap(), [false; 7]);
    let in_order = |order: &[i64]| {
        order.iter().map(|place| (keys[usize::try_from(*place).unwrap()].clone(), *place)).collect::<Vec<_>>()
    };
    let scan = |selection, order, reverse| IndexScan { selection, order, reverse };
    for (scan, expected) in [
        (scan(Selection::All, Order::Insertion, false), vec![0, 1, 2, 3, 4, 5, 6]),
        (scan(Selection::All, Order::Insertion, true), vec![6, 5, 4, 3, 2, 1, 0]),
        (scan(Selection::All, Order::Key, false), vec![5, 3, 1, 6, 4, 0, 2]),
        (scan(Selection::All, Order::Key, true), vec![2, 0, 4, 6, 1, 3, 5]),
        (scan(Selection::Prefix(text("a")), Order::Key, true), vec![4, 6]),
        (scan(Selection::Prefix(text("a")), Order::Insertion, false), vec![4, 6]),
        (
            scan(Selection::Range(Bound::Excluded(Key::Integer(-1)), Bound::Included(text("ab"))), Order::Key, false),
            vec![3, 1, 6, 4],
        ),
    ] {
        assert_eq!(items(cache, &index, &scan), in_order(&expected), "{scan:?}");
    }
    assert!(matches!(
        index.scan(cache, &scan(Selection::Tag("t".into()), Order::Key, false)),
        Err(Error::InvalidArgument(_))
    ));
    assert_eq!(index.get(cache, &Key::Real(2.0)).unwrap().map(|value| number(&value)), Some(1), "the same key as 2");
}

#[test]
fn an_enumeration_by_arrival_does_not_see_what_comes_later() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let index = index(cache, "i", &["a", "b", "c"]);
    let mut cursor = index.scan(cache, &IndexScan::default()).unwrap();
    assert_eq!(cursor.next(cache, 1).unwrap(), [text("a")]);
    index.set(cache, text("d"), value(1)).unwrap();
    index.delete(cache, &text("b")).unwrap();
    let rest = cursor.next_items(cache, 10).unwrap();
    assert_eq!(rest.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), [text("c")]);
}

#[test]
fn equality_heeds_the_order_if_asked_to() {
    let mut fixture = Fixture::sharded(3);
    let cache = &mut fixture.cache;
    let one = index(cache, "one", &["a", "b", "c"]);
    let two = Index::new("two").unwrap();
    for (key, number) in [("c", 2), ("b", 1), ("a", 0)] {
        two.set(cache, text(key), value(number)).unwrap();
    }
    assert!(one.equals(cache, &two, false).unwrap() && !one.equals(cache, &two, true).unwrap());
    two.move_to_end(cache, &text("b"), Side::Back).unwrap();
    two.move_to_end(cache, &text("c"), Side::Back).unwrap();
    assert!(one.equals(cache, &two, true).unwrap());
    two.set(cache, text("b"), Value::Real(1.0)).unwrap();
    assert!(one.equals(cache, &two, true).unwrap(), "numbers are equal by value");
    two.set(cache, text("b"), value(7)).unwrap();
    assert!(!one.equals(cache, &two, false).unwrap());
    two.set(cache, text("d"), value(7)).unwrap();
    assert!(!one.equals(cache, &two, false).unwrap() && one.equals(cache, &one, true).unwrap());
}

#[test]
fn its_queues_are_its_own() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let (one, two) = (index(cache, "one", &["q"]), index(cache, "two", &["q"]));
    one.queue("q").unwrap().push(cache, &values([1, 2]), Side::Back).unwrap();
    two.queue("q").unwrap().push(cache, &values([3]), Side::Back).unwrap();
    let pulled = one.queue("q").unwrap().pull(cache, Side::Front, 10, 0).unwrap();
    assert_eq!(super::numbers(&pulled), [1, 2]);
    assert_eq!((one.len(cache).unwrap(), two.clear(cache).unwrap()), (1, 1));
    assert_eq!(two.queue("q").unwrap().len(cache).unwrap(), 1, "queues stay");
    assert_eq!(two.queues(cache).unwrap(), ["q"]);
    assert_eq!(cache.indexes().unwrap(), ["one", "two"], "one of them for its queue alone");
    assert!(cache.deques().unwrap().is_empty(), "no deques of the directory");
    assert!(matches!(one.queue("a\0b"), Err(Error::InvalidArgument(_))));
}
