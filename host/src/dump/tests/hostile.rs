//! Dumps made by others, of newer versions, or to do harm.

use minicbor::Encoder;
use minicbor::encode::write::Cursor;
use proptest::collection::vec;
use proptest::prelude::{any, proptest};
use sha2::{Digest, Sha256};

use super::{Owned, read};
use crate::dump::{Entry, Error, Key, Place, Result};

const HEADER: &[u8] = b"\xa2\x6blarder-dump\x01\x67created\x00";

/// A whole dump with this item after its header.
fn around(item: &[u8]) -> Vec<u8> {
    let mut dump = [HEADER, item].concat();
    let (bytes, digest) = (dump.len() as u64, Sha256::digest(&dump));
    let mut trailer = Cursor::new([0; 100]);
    let mut encoder = Encoder::new(&mut trailer);
    encoder.map(3).unwrap().str("end").unwrap().u64(1).unwrap().str("bytes").unwrap().u64(bytes).unwrap();
    encoder.str("sha256").unwrap().bytes(&digest).unwrap();
    let length = trailer.position();
    dump.extend_from_slice(&trailer.into_inner()[..length]);
    dump
}

fn read_one(item: &[u8]) -> Result<(Entry, Owned)> {
    read(&around(item)).map(|(_, mut entries)| entries.remove(0))
}

/// The place, the text and the finding of the error that an item after the header is.
fn refusal(item: &[u8]) -> (u64, String) {
    match read_one(item).unwrap_err() {
        Error::Unexpected { offset, expected, found } => {
            (offset - HEADER.len() as u64, format!("expected {expected}, found {found}"))
        }
        Error::TooLarge { offset, what, size, limit } => {
            (offset - HEADER.len() as u64, format!("{what}: {size} of {limit}"))
        }
        other => panic!("{other}"),
    }
}

#[test]
fn something_else_is_said_to_be_no_dump() {
    for other in [&b"SQLite format 3\0"[..], b"{\"key\": 1}", b"\x1f\x8b\x08\x00", b"\xa0", b"\xa1\x63end\x00", b"\xff"]
    {
        let error = read(other).unwrap_err();
        assert!(matches!(error, Error::NotADump { .. }), "{other:?}: {error}");
    }
}

#[test]
fn another_version_is_refused_by_its_number() {
    let error = read(b"\xa2\x6blarder-dump\x02\x67created\x00").unwrap_err();
    assert_eq!(error.to_string(), "a dump of format version 2; this program knows version 1");
}

#[test]
fn unknown_fields_are_skipped() {
    let unknown: [&[u8]; 8] = [
        b"\x01",
        b"\x20",
        b"\xf6",
        b"\xf9\x3c\x00",
        b"\xc1\x1a\x00\x00\x00\x00",
        b"\x5f\x41\x00\x41\x01\xff",
        b"\x9f\x01\xa1\x61a\x80\xff",
        b"\xbf\x61a\x01\xff",
    ];
    for content in unknown {
        let item = [b"\xa4\x63key\x01\x66stored\x02\x63new", content, b"\x65value\x03"].concat();
        let expected = (Entry::new(Place::Key(Key::Integer(1)), 2), Owned::Integer(3));
        assert_eq!(read_one(&item).unwrap(), expected, "{content:?}");
    }
}

#[test]
fn unknown_fields_of_the_header_are_skipped() {
    let mut dump = around(b"");
    dump.splice(..HEADER.len(), *b"\xa3\x6blarder-dump\x01\x63new\x81\x01\x67created\x00");
    // Its trailer is another dump's, and that is all that is wrong with it.
    assert!(matches!(read(&dump), Err(Error::Damaged { .. })));
}

#[test]
fn values_in_one_piece_of_any_size_are_read() {
    let text = "x".repeat(1 << 20);
    let item = [b"\xa3\x63key\x01\x66stored\x02\x65value\x7a\x00\x10\x00\x00", text.as_bytes()].concat();
    assert!(read_one(&item).unwrap().1 == Owned::Text(text));
}

#[test]
fn empty_chunks_are_read() {
    let item = b"\xa3\x63key\x01\x66stored\x02\x65value\x7f\x60\x61a\x60\x60\x61b\xff";
    assert_eq!(read_one(item).unwrap().1, Owned::Text("ab".into()));
}

#[test]
fn errors_say_where_and_what() {
    let cases: [(&[u8], u64, &str); 18] = [
        (b"\x80", 0, "expected an entry or the trailer, found an array of 0 items"),
        (b"\xa0", 0, "expected an entry or the trailer, found an empty map"),
        (b"\xbf", 0, "expected an entry or the trailer, found a map of indefinite length"),
        (b"\xa1\x65other\x01", 1, "expected `key`, `queue`, `deque`, `index` or `end`, found the field \"other\""),
        (b"\xa1\x01\x01", 1, "expected the name of a field, found the integer 1"),
        (b"\xa3\x63key\xf6", 5, "expected a key: a 64-bit integer, a float, a text or bytes, found null"),
        (
            b"\xa3\x63key\x7f",
            5,
            "expected a key: a 64-bit integer, a float, a text or bytes, found a text of indefinite length",
        ),
        (b"\xa3\x63key\xfb\x7f\xf8\0\0\0\0\0\0", 5, "expected a key that is a number, found NaN"),
        (b"\xa3\x63key\x62\xc3\x28", 5, "expected the key, found a text that is not UTF-8"),
        (b"\xa3\x63key\x01\x63key\x01", 6, "expected each field once, found a field again"),
        (b"\xa2\x63key\x01\x65value\x01", 6, "expected the field `stored`, found the value"),
        (
            b"\xa3\x63key\x01\x65value\x01\x66stored\x01",
            6,
            "expected the value as the last field, found more fields after it",
        ),
        (b"\xa2\x63key\x01\x66stored\x01", 14, "expected the value of an entry, found the end of the entry"),
        (b"\xa3\x65queue\x61q\x66stored\x01\x65value\x01", 17, "expected the field `position`, found the value"),
        (
            b"\xa4\x63key\x01\x68position\x01\x66stored\x01\x65value\x01",
            24,
            "expected either `key`, `queue` and `position`, `deque`, `index` and `key`, or `index` and `queue`, found the value",
        ),
        (b"\xa3\x63key\x01\x66stored\x20", 13, "expected a time in milliseconds, found the integer -1"),
        (
            b"\xa3\x63key\x01\x66stored\x01\x65value\x1b\x80\0\0\0\0\0\0\0",
            20,
            "expected a value: a 64-bit integer, a float, a text or bytes, found the integer 9223372036854775808",
        ),
        (
            b"\xa3\x63key\x01\x66stored\x01\x65value\xf4",
            20,
            "expected a value: a 64-bit integer, a float, a text or bytes, found false",
        ),
    ];
    for (item, offset, text) in cases {
        assert_eq!(refusal(item), (offset, text.to_owned()));
    }
}

#[test]
fn chunks_of_another_kind_or_without_end_are_refused() {
    const VALUE: &[u8] = b"\xa3\x63key\x01\x66stored\x02\x65value";
    for chunks in [&b"\x7f\x41a\xff"[..], b"\x5f\x61a\xff", b"\x7f\x7f\xff\xff", b"\x7f\x01"] {
        let (offset, text) = refusal(&[VALUE, chunks].concat());
        assert_eq!(offset, VALUE.len() as u64 + 1);
        assert!(text.starts_with("expected the next chunk, or the end, of a value"), "{text}");
    }
}

#[test]
fn chunks_of_a_text_end_between_characters() {
    let item = b"\xa3\x63key\x01\x66stored\x02\x65value\x7f\x61\xc3\x61\xa4\xff";
    assert_eq!(refusal(item).1, "expected a text in UTF-8, found other bytes");
}

#[test]
fn claimed_sizes_are_refused_before_anything_is_allocated() {
    let huge = u64::MAX.to_be_bytes();
    let cases: [(&[u8], &str); 5] = [
        (b"\xa3\x63key\x7b", "the key: 18446744073709551615 of 65536"),
        (b"\xa3\x63key\x5b", "the key: 18446744073709551615 of 65536"),
        (b"\xa3\x65queue\x7b", "the name of a queue: 18446744073709551615 of 1024"),
        (b"\xa4\x63key\x01\x64tags\x9b", "the number of tags: 18446744073709551615 of 64"),
        (b"\xa4\x63key\x01\x64tags\x81\x7b", "a tag: 18446744073709551615 of 1024"),
    ];
    for (item, text) in cases {
        assert_eq!(refusal(&[item, &huge].concat()).1, text);
    }
}

#[test]
fn a_value_that_claims_to_be_huge_is_cut_short() {
    for head in [0x5b, 0x7b] {
        let item = [&b"\xa3\x63key\x01\x66stored\x02\x65value"[..], &[head], &u64::MAX.to_be_bytes()].concat();
        assert!(matches!(read(&[HEADER, &item].concat()), Err(Error::Truncated { .. })));
    }
}

#[test]
fn unknown_fields_nest_to_a_limit() {
    let nested =
        |depth| [&b"\xa4\x63key\x01\x63new"[..], &vec![0x81; depth], b"\x01\x66stored\x02\x65value\x03"].concat();
    assert!(read_one(&nested(16)).is_ok());
    for depth in [17, 1_000_000] {
        assert_eq!(refusal(&nested(depth)).1, "the nesting of an unknown field: 17 of 16");
    }
}

#[test]
fn an_unknown_field_with_endless_content_is_cut_short() {
    for head in [0x9b, 0xbb, 0x5b, 0x7b] {
        let item = [&b"\xa4\x63key\x01\x63new"[..], &[head], &u64::MAX.to_be_bytes(), &[0; 100]].concat();
        assert!(matches!(read(&[HEADER, &item].concat()), Err(Error::Truncated { .. })));
    }
}

#[test]
fn a_trailer_has_nothing_else_in_it() {
    let dump = around(b"\xa3\x63key\x01\x66stored\x02\x65value\x03");
    let start = dump.windows(5).position(|window| window == b"\xa3\x63end").unwrap();
    let mut longer = [&dump[..start], b"\xa4", &dump[start + 1..], b"\x63new\x01"].concat();
    assert!(matches!(read(&longer), Err(Error::Unexpected { expected: "the end of the trailer", .. })));
    longer.truncate(start);
    longer.extend_from_slice(b"\xa2\x63end\x01\x66sha256\x40");
    assert!(matches!(read(&longer), Err(Error::Unexpected { expected: "the field `bytes` of the trailer", .. })));
}

proptest! {
    #[test]
    fn any_bytes_after_the_header_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        let _ = read_one(&bytes).err();
        let _ = read_one(&[b"\xa3\x63key\x01\x63new", bytes.as_slice()].concat()).err();
    }
}
