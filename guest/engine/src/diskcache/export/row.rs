//! What the row of an entry says besides its value.

use rusqlite::types::Value as Column;

use crate::diskcache::{PICKLED_KEY_TAG, PICKLED_VALUE_TAG};
use crate::entry::Metadata;
use crate::key::Key;

/// What the row of an entry says besides its value.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    pub(super) key: Column,
    /// Whether the key is what it is, and no pickle.
    pub(super) raw: bool,
    pub(super) store_time: f64,
    pub(super) expire_time: Option<f64>,
    pub(super) access_time: f64,
    pub(super) access_count: i64,
    pub(super) tag: Option<String>,
}

/// What becomes of the labels of an entry.
#[derive(Debug, PartialEq)]
pub(super) struct Described {
    pub(super) row: Row,
    /// Whether the value is a pickle.
    pub(super) pickled: bool,
    /// How many tags have no place.
    pub(super) dropped_tags: u64,
}

/// The row of an entry under a key; `is_bytes` says whether its value is bytes.
pub(super) fn describe(key: &Key, metadata: &Metadata, is_bytes: bool) -> Described {
    let mut tags: Vec<&str> = metadata.tags.iter().map(String::as_str).collect();
    // Only bytes can be a pickle; on anything else the tag is one like others.
    let mut take = |tag: &str, possible: bool| {
        let place = tags.iter().position(|other| *other == tag).filter(|_| possible);
        place.map(|place| tags.remove(place)).is_some()
    };
    let raw = !take(PICKLED_KEY_TAG, matches!(key, Key::Bytes(_)));
    let pickled = take(PICKLED_VALUE_TAG, is_bytes);
    let row = Row {
        key: match key {
            Key::Integer(integer) => Column::Integer(*integer),
            Key::Real(real) => Column::Real(*real),
            Key::Text(text) => Column::Text(text.clone()),
            Key::Bytes(bytes) => Column::Blob(bytes.clone()),
        },
        raw,
        store_time: seconds(metadata.stored_ms),
        expire_time: metadata.expires_ms.map(seconds),
        access_time: seconds(metadata.accessed_ms),
        access_count: i64::try_from(metadata.hits).unwrap_or(i64::MAX),
        tag: tags.first().map(|tag| (*tag).to_owned()),
    };
    Described { row, pickled, dropped_tags: tags.len().saturating_sub(1) as u64 }
}

/// The protocol a pickle names; none if it names none, as the oldest do.
pub(super) fn protocol(pickle: &[u8]) -> Option<u8> {
    match pickle {
        [0x80, protocol, ..] => Some(*protocol),
        _ => None,
    }
}

/// Seconds since the Unix epoch.
#[allow(clippy::cast_precision_loss, reason = "as exact as the format is: microseconds, for some centuries")]
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(key: &Key, is_bytes: bool, tags: &[&str]) -> Described {
        let metadata = Metadata {
            stored_ms: 1_500,
            expires_ms: Some(2_250),
            sliding: false,
            accessed_ms: 1_750,
            hits: 3,
            size: 100,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            version: 1,
        };
        describe(key, &metadata, is_bytes)
    }

    #[test]
    fn times_are_seconds_and_the_first_tag_is_kept() {
        let Described { row, pickled, dropped_tags } = described(&Key::Integer(1), true, &["a", "b", "c"]);
        assert_eq!((row.store_time, row.expire_time, row.access_time), (1.5, Some(2.25), 1.75));
        assert_eq!((row.tag.as_deref(), dropped_tags, row.raw, pickled), (Some("a"), 2, true, false));
    }

    #[test]
    fn what_was_imported_as_a_pickle_is_one_again_and_nothing_else_is() {
        let both = [PICKLED_VALUE_TAG, PICKLED_KEY_TAG, "mine"];
        let Described { row, pickled, dropped_tags } = described(&Key::Bytes(vec![1]), true, &both);
        assert_eq!((row.raw, pickled, row.tag.as_deref(), dropped_tags), (false, true, Some("mine"), 0));
        let Described { row, pickled, dropped_tags } = described(&Key::Text("k".into()), false, &both);
        assert_eq!((row.raw, pickled, row.tag.as_deref(), dropped_tags), (true, false, Some(PICKLED_VALUE_TAG), 2));
    }

    #[test]
    fn a_pickle_names_its_protocol() {
        assert_eq!(protocol(b"\x80\x05K\x01."), Some(5));
        assert_eq!(protocol(b"I1\n."), None);
        assert_eq!(protocol(b""), None);
    }
}
