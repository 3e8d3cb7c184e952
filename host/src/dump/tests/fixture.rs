//! The bytes of a small dump, which `docs/dump-format.md` explains: the format may not change unnoticed.

use super::super::{Key, Place};
use super::*;

const DUMP: &[&str] = &[
    "a46b6c61726465722d64756d700167637265617465641b0000019b76daa80066",
    "736861726473016873657474696e6773a266706f6c696379646e6f6e656a7369",
    "7a652d6c696d69741a40000000a8636b657966757365723a316673746f726564",
    "1b0000019b76d9216067657870697265731b0000019b76da0bc06374746c19ea",
    "6067736c6964696e67f56474616773826264656575736572736776657273696f",
    "6e1b00064748402a5f016576616c7565645a6fc3aba3636b6579206673746f72",
    "65641b0000019b76d921606576616c7565fb3ff0000000000000a46571756575",
    "65646a6f627368706f736974696f6e076673746f7265641b0000019b76d92160",
    "6576616c75654200ffa363656e64036562797465731901096673686132353658",
    "20e67d7c64193388065df54e6740181ec68cee2c858c1e548ab67b643d9dc1db",
    "5b",
];

fn dump() -> Vec<u8> {
    let digits = DUMP.concat();
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn entries() -> Vec<(Entry, Owned)> {
    const STORED: u64 = 1_767_225_500_000;
    let user = Entry {
        expires_ms: Some(1_767_225_560_000),
        ttl_ms: Some(60_000),
        sliding: true,
        tags: vec!["de".into(), "users".into()],
        version: Some(1_767_225_500_000_001),
        ..Entry::new(Place::Key(Key::Text("user:1".into())), STORED)
    };
    vec![
        (user, Owned::Text("Zoë".into())),
        (Entry::new(Place::Key(Key::Integer(-1)), STORED), Owned::Real(1.0_f64.to_bits())),
        (Entry::new(Place::Queue { name: "jobs".into(), position: 7 }, STORED), Owned::Bytes(vec![0, 255])),
    ]
}

fn fixture_header() -> Header {
    let mut header = Header { shards: Some(1), ..Header::created(1_767_225_600_000) };
    header.settings.insert("policy".into(), Setting::Text("none".into()));
    header.settings.insert("size-limit".into(), Setting::Number(1 << 30));
    header
}

#[test]
fn the_documented_bytes_are_written() {
    assert_eq!(write(&fixture_header(), &entries()), dump());
}

#[test]
fn the_documented_bytes_are_read() {
    assert_eq!(read(&dump()).unwrap(), (fixture_header(), entries()));
}
