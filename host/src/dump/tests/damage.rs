//! Truncation and damage never pass.

use super::{Owned, header, pattern, read, write};
use crate::dump::{CHUNK, Entry, Error, Key, Place, Reader};

/// A small dump with everything in it.
fn dump() -> Vec<u8> {
    let mut full = Entry::new(Place::Key(Key::Text("user:1".into())), 1_767_225_500_000);
    full.expires_ms = Some(1_767_225_700_000);
    full.ttl_ms = Some(200_000);
    full.sliding = true;
    full.tags = vec!["a".into(), "b".into()];
    full.version = Some(1_767_225_500_000_001);
    let at = |place| Entry::new(place, 1_767_225_500_000);
    let entries = [
        (full, Owned::Text("Adä".into())),
        (at(Place::Key(Key::Bytes(vec![0, 255]))), Owned::Bytes(pattern(30))),
        (at(Place::Key(Key::Real(0.5))), Owned::Real(f64::NAN.to_bits())),
        (at(Place::Queue { name: "jobs".into(), position: -1 }), Owned::Integer(-7)),
    ];
    write(&header(), &entries)
}

#[test]
fn a_dump_cut_anywhere_is_an_error_that_says_where() {
    let dump = dump();
    assert_eq!(read(&dump).unwrap().1.len(), 4);
    for length in 0..dump.len() {
        match read(&dump[..length]) {
            Err(Error::Truncated { offset, .. }) => assert_eq!(offset, length as u64),
            other => panic!("cut at {length}: {other:?}"),
        }
    }
}

#[test]
fn a_dump_cut_inside_or_between_chunks_is_an_error() {
    let entry = Entry::new(Place::Key(Key::Integer(1)), 1);
    let dump = write(&header(), &[(entry, Owned::Bytes(pattern(CHUNK + 10)))]);
    for length in (dump.len() - 200..dump.len()).chain((0..dump.len()).step_by(9973)) {
        assert!(matches!(read(&dump[..length]), Err(Error::Truncated { .. })), "cut at {length}");
    }
}

#[test]
fn no_flipped_bit_passes() {
    let dump = dump();
    for index in 0..dump.len() {
        for bit in 0..8 {
            let mut damaged = dump.clone();
            damaged[index] ^= 1 << bit;
            assert!(read(&damaged).is_err(), "bit {bit} of byte {index}");
            assert!(verify(&damaged).is_err(), "bit {bit} of byte {index}, values not looked at");
        }
    }
}

#[test]
fn no_altered_byte_passes() {
    let dump = dump();
    for index in 0..dump.len() {
        for other in (0..=u8::MAX).filter(|other| *other != dump[index]) {
            let mut damaged = dump.clone();
            damaged[index] = other;
            assert!(read(&damaged).is_err(), "byte {index} as {other:#04x}");
        }
    }
}

fn verify(dump: &[u8]) -> crate::dump::Result<()> {
    Reader::new(dump)?.verify().map(drop)
}

#[test]
fn altered_content_shows_at_the_trailer() {
    let mut dump = dump();
    let place = dump.windows(6).position(|window| window == b"user:1").unwrap();
    dump[place] = b'U';
    let error = read(&dump).unwrap_err();
    assert!(matches!(error, Error::Damaged { what: "the SHA-256", .. }), "{error}");
}

#[test]
fn a_lost_entry_shows_at_the_trailer() {
    let entry = |key| (Entry::new(Place::Key(Key::Integer(key)), 1), Owned::Integer(0));
    let (one, two) = (write(&header(), &[entry(1)]), write(&header(), &[entry(1), entry(2)]));
    let trailer = |dump: &[u8]| dump.windows(5).position(|window| window == b"\xa3\x63end").unwrap();
    let forged = [&one[..trailer(&one)], &two[trailer(&two)..]].concat();
    assert!(matches!(read(&forged), Err(Error::Damaged { what: "the size before the trailer", .. })));
}

#[test]
fn anything_after_the_trailer_is_an_error() {
    let whole = dump();
    for more in [&b"\n"[..], &whole] {
        let error = read(&[&whole, more].concat()).unwrap_err();
        let Error::Unexpected { offset, expected, .. } = error else { panic!("{error}") };
        assert_eq!((offset, expected), (whole.len() as u64, "the end of the dump"));
    }
}

#[test]
fn after_an_error_a_dump_is_not_read_on() {
    let dump = dump();
    let mut reader = Reader::new(&dump[..dump.len() - 1]).unwrap();
    let error = loop {
        match reader.next_entry() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the dump is cut"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Truncated { .. }));
    assert!(matches!(reader.next_entry(), Err(Error::Broken)));
}
