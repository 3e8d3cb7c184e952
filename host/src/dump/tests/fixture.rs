//! The example of `docs/dump-format.md`, byte for byte.

use super::{Owned, read, write};
use crate::dump::{Entry, Header, Key, Place, Setting};

const DOCUMENT: &str = include_str!("../../../../docs/dump-format.md");

/// The bytes of the annotated block: hexadecimal digits up to `#` in each line.
fn documented() -> Vec<u8> {
    let (_, rest) = DOCUMENT.split_once("```hex\n").expect("a block of hexadecimal digits");
    let (block, _) = rest.split_once("```").expect("the end of the block");
    let digits: String = block.lines().filter_map(|line| line.split('#').next()).collect();
    let digits: Vec<char> = digits.chars().filter(|digit| !digit.is_whitespace()).collect();
    assert_eq!(digits.len() % 2, 0, "two digits for each byte");
    digits.chunks(2).map(|pair| u8::from_str_radix(&String::from_iter(pair), 16).unwrap()).collect()
}

fn header() -> Header {
    let settings = [("policy", Setting::Text("none".into())), ("size-limit", Setting::Number(1 << 30))];
    Header {
        created_ms: 1_767_225_600_000,
        shards: Some(1),
        settings: settings.map(|(name, setting)| (name.to_owned(), setting)).into(),
    }
}

fn entries() -> Vec<(Entry, Owned)> {
    let at = |place| Entry::new(place, 1_767_225_500_000);
    let mut user = at(Place::Key(Key::Text("user:1".into())));
    user.expires_ms = Some(1_767_225_560_000);
    user.ttl_ms = Some(60_000);
    user.sliding = true;
    user.tags = vec!["de".into(), "users".into()];
    user.version = Some(1_767_225_500_000_001);
    vec![
        (user, Owned::Text("Zoë".into())),
        (at(Place::Key(Key::Integer(-1))), Owned::Real(1.0_f64.to_bits())),
        (at(Place::Queue { name: "jobs".into(), position: 7 }), Owned::Bytes(vec![0, 255])),
    ]
}

#[test]
fn the_documented_dump_is_what_is_written() {
    assert_eq!(write(&header(), &entries()), documented());
}

#[test]
fn the_documented_dump_is_read() {
    assert_eq!(read(&documented()).unwrap(), (header(), entries()));
}
