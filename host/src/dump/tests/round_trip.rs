//! What is written comes back.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::{Owned, header, pattern, read, write};
use crate::dump::{CHUNK, Entry, Header, Key, Place, Setting};

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        any::<i64>().prop_map(Key::Integer),
        any::<f64>().prop_filter("a number", |real| !real.is_nan()).prop_map(Key::Real),
        any::<String>().prop_map(Key::Text),
        vec(any::<u8>(), 0..300).prop_map(Key::Bytes),
    ]
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        3 => key().prop_map(Place::Key),
        1 => (any::<String>(), any::<i64>()).prop_map(|(name, position)| Place::Queue { name, position }),
        1 => (any::<String>(), any::<Option<u64>>()).prop_map(|(name, bound)| Place::Deque { name, bound }),
        1 => (any::<String>(), key()).prop_map(|(name, key)| Place::Index { name, key }),
        1 => (any::<String>(), any::<String>(), any::<Option<u64>>())
            .prop_map(|(index, name, bound)| Place::IndexQueue { index, name, bound }),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let times = (any::<u64>(), any::<Option<u64>>(), any::<Option<u64>>());
    (place(), times, any::<bool>(), vec(any::<String>(), 0..5), any::<Option<u64>>()).prop_map(
        |(place, (stored_ms, expires_ms, ttl_ms), sliding, tags, version)| Entry {
            place,
            stored_ms,
            expires_ms,
            ttl_ms,
            sliding,
            tags,
            version,
        },
    )
}

fn value() -> impl Strategy<Value = Owned> {
    prop_oneof![
        any::<i64>().prop_map(Owned::Integer),
        any::<u64>().prop_map(Owned::Real),
        any::<String>().prop_map(Owned::Text),
        vec(any::<u8>(), 0..2000).prop_map(Owned::Bytes),
    ]
}

fn any_header() -> impl Strategy<Value = Header> {
    let setting = prop_oneof![
        any::<bool>().prop_map(Setting::Flag),
        any::<u64>().prop_map(Setting::Number),
        any::<String>().prop_map(Setting::Text),
    ];
    (any::<u64>(), any::<Option<u32>>(), btree_map(any::<String>(), setting, 0..5))
        .prop_map(|(created_ms, shards, settings)| Header { created_ms, shards, settings })
}

proptest! {
    #[test]
    fn whatever_is_dumped_is_loaded(header in any_header(), entries in vec((entry(), value()), 0..20)) {
        let dump = write(&header, &entries);
        prop_assert_eq!(read(&dump).unwrap(), (header, entries));
    }
}

fn entries_at(places: Vec<Place>) -> Vec<(Entry, Owned)> {
    places.into_iter().map(|place| (Entry::new(place, 1), Owned::Integer(0))).collect()
}

#[test]
fn equal_numbers_of_different_kind_stay_apart() {
    let places = [Key::Integer(1), Key::Real(1.0), Key::Integer(0), Key::Real(0.0), Key::Real(-0.0)];
    let (_, read) = read(&write(&header(), &entries_at(places.map(Place::Key).into()))).unwrap();
    let shown: Vec<String> = read.iter().map(|(entry, _)| format!("{:?}", entry.place)).collect();
    assert_eq!(shown, ["Key(Integer(1))", "Key(Real(1.0))", "Key(Integer(0))", "Key(Real(0.0))", "Key(Real(-0.0))"]);
}

#[test]
fn text_and_bytes_stay_apart() {
    let places = vec![Place::Key(Key::Text("a".into())), Place::Key(Key::Bytes(b"a".into()))];
    let entries = entries_at(places);
    assert_eq!(read(&write(&header(), &entries)).unwrap().1, entries);
}

#[test]
fn every_bit_of_a_nan_is_kept() {
    let entry = Entry::new(Place::Key(Key::Integer(1)), 1);
    for bits in [0x7ff8_0000_0000_0000, 0x7ff0_0000_0000_0001, 0xffff_ffff_ffff_ffff, 0x8000_0000_0000_0000] {
        let entries = vec![(entry.clone(), Owned::Real(bits))];
        assert_eq!(read(&write(&header(), &entries)).unwrap().1, entries, "{bits:#x}");
    }
}

#[test]
fn the_extremes_of_64_bits_are_kept() {
    let mut entry = Entry::new(Place::Queue { name: String::new(), position: i64::MIN }, u64::MAX);
    entry.expires_ms = Some(u64::MAX);
    entry.version = Some(u64::MAX);
    let entries = vec![(entry.clone(), Owned::Integer(i64::MIN)), (entry, Owned::Integer(i64::MAX))];
    assert_eq!(read(&write(&header(), &entries)).unwrap().1, entries);
}

#[test]
fn values_around_the_size_of_a_chunk_are_kept() {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1] {
        let entry = Entry::new(Place::Key(Key::Integer(1)), 1);
        let entries = vec![(entry.clone(), Owned::Bytes(pattern(length))), (entry, Owned::Text("x".repeat(length)))];
        assert!(read(&write(&header(), &entries)).unwrap().1 == entries, "{length} bytes");
    }
}

#[test]
fn characters_at_the_edge_of_a_chunk_are_kept() {
    for shift in 0..4 {
        let text = "x".repeat(shift) + &"😀".repeat(CHUNK / 2);
        let entries = vec![(Entry::new(Place::Key(Key::Integer(1)), 1), Owned::Text(text))];
        assert!(read(&write(&header(), &entries)).unwrap().1 == entries, "shifted by {shift}");
    }
}

#[test]
fn a_dump_may_be_empty() {
    let header = Header::created(7);
    assert_eq!(read(&write(&header, &[])).unwrap(), (header, vec![]));
}
