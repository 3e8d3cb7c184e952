//! Queues: order at both ends, a key space of their own, values that expire or are damaged.

use larder_engine::{Cache, Error, Key, Order, Scan, Selection, Side, Value};

use crate::support::{Fixture, existing, keys, lasting, plain, put, tagged, tamper, value_files};

fn push(cache: &mut Cache, queue: &str, value: i64) -> i64 {
    cache.push(queue, &Value::Integer(value), Side::Back, &plain()).unwrap()
}

fn pull(cache: &mut Cache, queue: &str, side: Side) -> Option<i64> {
    match cache.pull(queue, side).unwrap().map(|queued| queued.entry.value) {
        Some(Value::Integer(value)) => Some(value),
        None => None,
        Some(other) => panic!("{other:?}"),
    }
}

#[test]
fn values_come_out_in_order_at_either_end() {
    let mut fixture = Fixture::sharded(3);
    let cache = &mut fixture.cache;
    for value in 1..=4 {
        push(cache, "q", value);
    }
    let front = cache.push("q", &Value::Integer(0), Side::Front, &plain()).unwrap();
    assert_eq!((front, cache.queue_length("q").unwrap()), (-1, 5));
    let peeked = cache.peek("q", Side::Back).unwrap().unwrap();
    assert!(peeked.position == 3 && matches!(peeked.entry.value, Value::Integer(4)));
    assert_eq!(pull(cache, "q", Side::Front), Some(0));
    assert_eq!(pull(cache, "q", Side::Back), Some(4));
    assert_eq!([pull(cache, "q", Side::Front), pull(cache, "q", Side::Front)], [Some(1), Some(2)]);
    assert_eq!([pull(cache, "q", Side::Front), pull(cache, "q", Side::Front)], [Some(3), None]);
    assert!(cache.peek("q", Side::Front).unwrap().is_none());
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn a_queue_never_meets_user_keys_nor_a_queue_with_a_longer_name() {
    // The reference keeps queues among the keys: integers, and `prefix-number`.
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    for key in [Key::Integer(0), Key::Integer(500_000_000_000_000), Key::Real(1.5), Key::Text("a-7x".into())] {
        cache.set(&key, &Value::Text("mine".into()), &plain()).unwrap();
    }
    push(cache, "a", 1);
    push(cache, "a-1", 2);
    push(cache, "", 3);
    assert_eq!([pull(cache, "a", Side::Back), pull(cache, "a", Side::Back)], [Some(1), None]);
    assert_eq!([pull(cache, "", Side::Front), pull(cache, "", Side::Front)], [Some(3), None]);
    assert_eq!(pull(cache, "a-1", Side::Front), Some(2));
    assert_eq!(keys(cache, &Scan::default()).len(), 4);
    push(cache, "a", 5);
    assert_eq!(keys(cache, &Scan { order: Order::Key, ..Scan::default() }).len(), 4, "keys are those of users");
    assert_eq!(cache.count().unwrap(), 5);
}

#[test]
fn expired_values_are_passed_over_and_removed_by_pulling() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    cache.push("q", &Value::Integer(1), Side::Back, &lasting(5)).unwrap();
    push(cache, "q", 2);
    cache.push("q", &Value::Integer(3), Side::Back, &lasting(5)).unwrap();
    fixture.platform.advance(5);
    assert!(matches!(cache.peek("q", Side::Front).unwrap().unwrap().entry.value, Value::Integer(2)));
    assert!(matches!(cache.peek("q", Side::Back).unwrap().unwrap().entry.value, Value::Integer(2)));
    assert_eq!(cache.queue_length("q").unwrap(), 3);
    assert_eq!(pull(cache, "q", Side::Back), Some(2));
    assert_eq!((cache.queue_length("q").unwrap(), cache.statistics().unwrap().expirations), (1, 1));
    assert_eq!(pull(cache, "q", Side::Back), None);
    assert_eq!(cache.count().unwrap(), 0);
}

#[test]
fn a_value_whose_file_is_missing_is_an_error_that_can_be_got_over() {
    // The reference spins for ever: peek, peekitem and pull of a queue.
    let mut fixture = Fixture::new();
    fixture.cache.push("q", &Value::Bytes(vec![1; 50_000]), Side::Back, &tagged(&["t"])).unwrap();
    std::fs::remove_file(&value_files(fixture.path())[0]).unwrap();
    let cache = &mut fixture.cache;
    assert!(matches!(cache.peek("q", Side::Front), Err(Error::Corrupt(_))));
    assert!(matches!(cache.pull("q", Side::Front), Err(Error::Corrupt(_))));
    assert_eq!(cache.queue_length("q").unwrap(), 1);
    assert_eq!(cache.evict(&Selection::Queue("q".into())).unwrap(), 1);
    assert_eq!(push(cache, "q", 1), 0);
}

#[test]
fn queues_are_listed_scanned_evicted_by_tag_and_cleared() {
    let mut fixture = Fixture::sharded(4);
    let cache = &mut fixture.cache;
    for queue in ["b", "a", "c"] {
        push(cache, queue, 1);
        cache.push(queue, &Value::Integer(2), Side::Front, &tagged(&["x"])).unwrap();
    }
    put(cache, "key", 1);
    assert_eq!(cache.queues().unwrap(), ["a", "b", "c"]);
    let scan = Scan { selection: Selection::Queue("a".into()), order: Order::Key, ..Scan::default() };
    assert_eq!(keys(cache, &scan), [Key::Integer(-1), Key::Integer(0)]);
    let mut cursor = cache.scan(&Scan { reverse: true, ..scan }).unwrap();
    let items = cursor.next_items(cache, 10).unwrap();
    assert!(
        matches!(items[..], [ref last, ref first] if last.key == Key::Integer(0) && first.entry.metadata.tags == ["x"])
    );
    assert_eq!(cache.evict(&Selection::Tag("x".into())).unwrap(), 3);
    assert_eq!(cache.evict(&Selection::Queue("b".into())).unwrap(), 1);
    assert_eq!(cache.queues().unwrap(), ["a", "c"]);
    assert_eq!(cache.clear().unwrap(), 3);
}

#[test]
fn positions_that_are_used_up_are_an_overflow() {
    let mut fixture = Fixture::new();
    push(&mut fixture.cache, "q", 1);
    fixture.cache.close().unwrap();
    tamper(fixture.path(), &format!("UPDATE entry SET position = {}", i64::MAX));
    fixture.reopen_closed(&existing());
    let cache = &mut fixture.cache;
    assert!(matches!(cache.push("q", &Value::Integer(1), Side::Back, &plain()), Err(Error::Overflow(_))));
    cache.push("q", &Value::Integer(1), Side::Front, &plain()).unwrap();
    let long = "x".repeat(1025);
    assert!(matches!(cache.push(&long, &Value::Integer(1), Side::Back, &plain()), Err(Error::TooLarge { .. })));
    assert!(matches!(cache.pull("a\0b", Side::Back), Err(Error::InvalidArgument(_))));
}
