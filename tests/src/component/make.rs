//! Keys, values and options, made in a word.

use super::types::{Expiry, Key, SetOptions, Value};
use super::wit::{Changes, Durability, Limit, OpenOptions, Order, Scan, Selection};

/// No change of a setting.
pub fn changes() -> Changes {
    Changes {
        size_limit: Limit::Recorded,
        item_limit: Limit::Recorded,
        policy: None,
        default_ttl: Expiry::Default,
        inline_threshold: None,
        durability: None::<Durability>,
        compression: None,
        statistics: None,
    }
}

/// Options that create a cache, with these settings.
pub fn with(changes: Changes) -> OpenOptions {
    OpenOptions { changes, ..options() }
}

/// Options that create a cache and keep everything else as it is.
pub fn options() -> OpenOptions {
    OpenOptions {
        create: true,
        read_only: false,
        exclusive: false,
        shards: None,
        changes: changes(),
        wait_ms: None,
        lease_ms: None,
    }
}

/// A key or value of text.
pub fn text_key(text: &str) -> Key {
    Key::Text(text.into())
}

/// A value of text.
pub fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// No time to live of its own, no tags.
pub fn plain() -> SetOptions {
    SetOptions { ttl: Expiry::Default, tags: Vec::new(), sliding: false }
}

/// These tags.
pub fn tagged(tags: &[&str]) -> SetOptions {
    SetOptions { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..plain() }
}

/// A time to live.
pub fn ttl(milliseconds: u64) -> SetOptions {
    SetOptions { ttl: Expiry::After(milliseconds), ..plain() }
}

/// All live entries by insertion.
pub fn everything() -> Scan {
    Scan { selection: Selection::All, order: Order::Insertion, reverse: false, expired: false }
}
