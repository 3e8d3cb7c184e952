//! Transactions: all of it or nothing, in one shard and over several, whatever happens.

mod outcome;
mod reads;
mod several;

use larder_engine::{Cache, Key, Value};

use crate::support::tagged;

const SHARDS: u32 = 4;
/// Enough keys that each shard has some.
const KEYS: i64 = 24;
/// As many values with files as there are keys.
const FILES: usize = 24;

fn large(byte: u8) -> Value {
    Value::Bytes(vec![byte; 40_000])
}

fn prepare(cache: &mut Cache) {
    for key in 0..KEYS {
        cache.set(&Key::Integer(100 + key), &large(1), &tagged(&["large"])).unwrap();
        cache.set(&Key::Integer(200 + key), &Value::Integer(0), &tagged(&["old"])).unwrap();
    }
}
