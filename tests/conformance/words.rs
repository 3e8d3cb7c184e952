//! What cases are written with.

use larder_tests::component::types::{Draft, Error, Expiry, Key, Number, SetOptions, Value};
use larder_tests::component::wit::{Changes, Limit, OpenOptions, Order, Policy, Scan, Selection};
use larder_tests::component::{changes, everything, options, plain, text_key};
use larder_tests::subject::Subject;

/// A value that is kept in a file.
pub(crate) const LARGE: usize = 60_000;

/// An integer as a value.
pub(crate) fn integer(integer: i64) -> Value {
    Value::Integer(integer)
}

/// So many equal bytes.
pub(crate) fn bytes(count: usize) -> Value {
    Value::Bytes(vec![7; count])
}

/// A number to add.
pub(crate) fn by(delta: i64) -> Number {
    Number::Integer(delta)
}

/// Stores an integer under a text, and nothing about it.
pub(crate) fn put(cache: &mut Subject, key: &str, value: i64) -> Result<u64, Error> {
    cache.set(&text_key(key), &integer(value), &plain())
}

/// The integer under a text.
pub(crate) fn got(cache: &mut Subject, key: &str) -> Result<Option<i64>, Error> {
    Ok(cache.get(&text_key(key))?.map(|value| match value {
        Value::Integer(integer) => integer,
        other => panic!("{key} holds {other:?}"),
    }))
}

/// Stores the integers from 0 on, each under itself, at once.
pub(crate) fn fill(cache: &mut Subject, count: i64, options: &SetOptions) -> Result<Vec<u64>, Error> {
    let draft = |number| Draft { key: Key::Integer(number), value: integer(number), options: options.clone() };
    cache.set_many(&(0..count).map(draft).collect::<Vec<_>>())
}

/// A time to live and tags.
pub(crate) fn labelled(milliseconds: u64, tags: &[&str]) -> SetOptions {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    SetOptions { ttl: Expiry::After(milliseconds), tags, sliding: false }
}

/// A time to live that begins anew with each hit.
pub(crate) fn sliding(milliseconds: u64) -> SetOptions {
    SetOptions { ttl: Expiry::After(milliseconds), tags: Vec::new(), sliding: true }
}

/// All live keys in key order.
pub(crate) fn by_key() -> Scan {
    Scan { order: Order::Key, ..everything() }
}

/// All keys by insertion, expired ones included.
pub(crate) fn with_expired() -> Scan {
    Scan { expired: true, ..everything() }
}

/// The live entries of a selection, in key order.
pub(crate) fn of(selection: Selection) -> Scan {
    Scan { selection, ..by_key() }
}

/// Integers as keys.
pub(crate) fn numbers(range: impl IntoIterator<Item = i64>) -> Vec<Key> {
    range.into_iter().map(Key::Integer).collect()
}

/// Texts as keys.
pub(crate) fn names(names: &[&str]) -> Vec<Key> {
    names.iter().map(|name| text_key(name)).collect()
}

/// Options with a policy, an item limit, or both.
pub(crate) fn limited(policy: Policy, items: Option<u64>) -> Changes {
    Changes { policy: Some(policy), item_limit: items.map_or(Limit::Recorded, Limit::AtMost), ..changes() }
}

/// Options to open a directory that waits for nobody.
pub(crate) fn impatient() -> OpenOptions {
    OpenOptions { wait_ms: Some(20), ..options() }
}
