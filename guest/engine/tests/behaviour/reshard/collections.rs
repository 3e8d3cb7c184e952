//! Deques and indexes go where their names are looked for, with all that is in them.

use larder_engine::{Cache, Changes, Deque, Error, Index, IndexScan, Key, Limit, OpenOptions, Policy, Side, Value};

use super::{LEASE, begin, options, reshard};
use crate::support::{Fixture, database, existing, same, tamper, text, value_files};

const COLLECTIONS: i64 = 6;

/// Small values and, with the threshold of these tests, such that have files.
fn value(number: i64) -> Value {
    if number % 4 == 0 { Value::Bytes(number.to_le_bytes().repeat(50)) } else { Value::Integer(number) }
}

fn deque(number: i64) -> Deque {
    Deque::new(&format!("deque {number}")).unwrap()
}

fn index(number: i64) -> Index {
    Index::new(&format!("index {number}")).unwrap()
}

/// Fills deques whose order is not that of their rows, and indexes with queues of their own.
fn fill(cache: &mut Cache) {
    for name in 0..COLLECTIONS {
        let values: Vec<_> = (0..15).map(|number| value(name * 100 + number)).collect();
        deque(name).push(cache, &values, Side::Back).unwrap();
        deque(name).rotate(cache, 4).unwrap();
        deque(name).insert(cache, 7, &Value::Text("in between".into())).unwrap();
        deque(name).set_bound(cache, Some(40)).unwrap();
        for key in 0..12 {
            index(name).set(cache, Key::Integer(key), value(key)).unwrap();
        }
        index(name).move_to_end(cache, &Key::Integer(3), Side::Front).unwrap();
        index(name).delete(cache, &Key::Integer(5)).unwrap();
        index(name).queue("jobs").unwrap().push(cache, &[value(name), value(4)], Side::Back).unwrap();
    }
}

/// All that is in all of them.
fn content(cache: &mut Cache) -> Vec<String> {
    let mut content = vec![format!("{:?} {:?}", cache.deques().unwrap(), cache.indexes().unwrap())];
    for name in 0..COLLECTIONS {
        let values = deque(name).scan(cache, 0, false).unwrap().next(cache, 100).unwrap();
        let bound = deque(name).bound(cache).unwrap();
        let items = index(name).scan(cache, &IndexScan::default()).unwrap().next_items(cache, 100).unwrap();
        let jobs = index(name).queue("jobs").unwrap().scan(cache, 0, false).unwrap().next(cache, 100).unwrap();
        content.push(format!("{values:?} {bound:?} {items:?} {jobs:?}"));
    }
    content
}

#[test]
fn they_keep_content_order_and_bounds() {
    let mut fixture = Fixture::with(&options(2, Policy::None));
    fill(&mut fixture.cache);
    let before = content(&mut fixture.cache);
    fixture.cache.close().unwrap();
    let files = value_files(fixture.path()).len();
    for shards in [5, 1, 3] {
        assert!(reshard(fixture.path(), shards, &fixture.platform).unwrap() > 10);
        fixture.reopen_closed(&existing());
        assert_eq!(fixture.cache.check().unwrap(), []);
        assert_eq!(content(&mut fixture.cache), before, "over {shards}");
        assert_eq!(value_files(fixture.path()).len(), files);
        fixture.cache.close().unwrap();
    }
    // They go on where they were.
    fixture.reopen_closed(&existing());
    let cache = &mut fixture.cache;
    assert_eq!(deque(2).push(cache, &[Value::Integer(-1)], Side::Back).unwrap(), 17);
    assert!(same(&deque(2).pull(cache, Side::Back, 1, 0).unwrap()[0], &Value::Integer(-1)));
    index(2).set(cache, text("new"), Value::Integer(1)).unwrap();
    assert_eq!(index(2).peek_item(cache, Side::Back).unwrap().unwrap().0, text("new"));
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn numbers_given_out_twice_keep_what_belongs_together() {
    let mut fixture = Fixture::with(&options(3, Policy::None));
    fill(&mut fixture.cache);
    let before = content(&mut fixture.cache);
    fixture.cache.close().unwrap();
    for shard in 0..3 {
        let connection = rusqlite::Connection::open(database(fixture.path(), shard)).unwrap();
        connection
            .execute_batch(
                "CREATE TEMP TABLE n AS SELECT id, row_number() OVER (ORDER BY id) AS new FROM collection;
                 UPDATE member SET collection = (SELECT new FROM n WHERE n.id = collection);
                 UPDATE collection SET id = (SELECT new FROM n WHERE n.id = collection.id);",
            )
            .unwrap();
    }
    for shards in [1, 2] {
        reshard(fixture.path(), shards, &fixture.platform).unwrap();
        fixture.reopen_closed(&existing());
        assert_eq!(fixture.cache.check().unwrap(), []);
        assert_eq!(content(&mut fixture.cache), before);
        fixture.cache.close().unwrap();
    }
}

#[test]
fn one_that_is_too_large_for_a_share_is_refused() {
    let changes = Changes { size_limit: Limit::AtMost(1 << 20), ..Changes::default() };
    let mut fixture = Fixture::with(&OpenOptions { changes, lease_ms: LEASE, ..OpenOptions::default() });
    let parts: Vec<_> = (0..6).map(|_| Value::Bytes(vec![1; 100_000])).collect();
    deque(1).push(&mut fixture.cache, &parts, Side::Back).unwrap();
    fixture.cache.close().unwrap();
    let refused = begin(fixture.path(), 2, &fixture.platform).err();
    assert!(matches!(&refused, Some(Error::TooLarge { what, .. }) if what.contains("deque 1")), "{refused:?}");
    fixture.reopen_closed(&existing());
    assert_eq!(deque(1).len(&mut fixture.cache).unwrap(), 6);
}

#[test]
fn values_that_belong_to_nothing_are_left_behind() {
    let mut fixture = Fixture::with(&options(1, Policy::None));
    fill(&mut fixture.cache);
    let before = content(&mut fixture.cache);
    fixture.cache.close().unwrap();
    tamper(
        fixture.path(),
        "INSERT INTO member SELECT 7, position, key, form, NULL, length, NULL, checksum, value FROM member LIMIT 3",
    );
    reshard(fixture.path(), 2, &fixture.platform).unwrap();
    fixture.reopen_closed(&existing());
    assert_eq!(fixture.cache.check().unwrap(), []);
    assert_eq!(content(&mut fixture.cache), before);
}
