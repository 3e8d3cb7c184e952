//! Deques and indexes.

mod damage;
mod deques;
mod indexes;
mod model;
mod together;

use larder_engine::{Cache, Deque, Index, IndexScan, Key, Value};

/// Values of both kinds, small ones and such that have files with the threshold of these tests.
fn value(number: i64) -> Value {
    if number % 3 == 0 { Value::Bytes(number.to_le_bytes().repeat(100)) } else { Value::Integer(number) }
}

/// The inline threshold under which a third of the values have files.
const THRESHOLD: u32 = 500;

fn number(value: &Value) -> i64 {
    match value {
        Value::Integer(integer) => *integer,
        Value::Bytes(bytes) => {
            let first: [u8; 8] = bytes[..8].try_into().unwrap();
            assert_eq!(bytes, &first.repeat(100), "torn");
            i64::from_le_bytes(first)
        }
        other => panic!("{other:?}"),
    }
}

fn numbers(values: &[Value]) -> Vec<i64> {
    values.iter().map(number).collect()
}

fn values(numbers: impl IntoIterator<Item = i64>) -> Vec<Value> {
    numbers.into_iter().map(value).collect()
}

/// All of a deque, by a cursor.
fn content(cache: &mut Cache, deque: &Deque) -> Vec<i64> {
    let mut cursor = deque.scan(cache, 0, false).unwrap();
    let mut content = Vec::new();
    loop {
        let more = cursor.next(cache, 7).unwrap();
        if more.is_empty() {
            return content;
        }
        content.extend(numbers(&more));
    }
}

/// All of an index, by a cursor.
fn items(cache: &mut Cache, index: &Index, scan: &IndexScan) -> Vec<(Key, i64)> {
    let mut cursor = index.scan(cache, scan).unwrap();
    let mut items = Vec::new();
    loop {
        let more = cursor.next_items(cache, 5).unwrap();
        if more.is_empty() {
            return items;
        }
        items.extend(more.into_iter().map(|(key, value)| (key, number(&value))));
    }
}
