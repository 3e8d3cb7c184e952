//! A dump of any bytes.
//!
//! Reading it ends with an error or with its trailer, and never holds more in memory than it has read; all that it
//! gives can be written again, and reads back as the same.

use larder::dump::{Entry, Error, Header, Place, Reader, Setting, Source, Value, Writer};

use crate::draw::Draw;

/// A value in memory. Reals are bits, for NaN must compare.
#[derive(Debug, PartialEq)]
enum Owned {
    Integer(i64),
    Real(u64),
    Text(String),
    Bytes(Vec<u8>),
}

/// Reads an input as a dump.
pub fn run(input: &[u8]) {
    let Ok(reader) = Reader::new(input) else { return };
    let header = reader.header().clone();
    let (entries, whole) = read(reader, usize::MAX);
    let bytes: usize = entries.iter().map(|(_, value)| size(value)).sum();
    assert!(bytes <= input.len(), "{bytes} bytes came of {}", input.len());
    assert_eq!(
        Reader::new(input).and_then(Reader::verify).is_ok(),
        whole,
        "one way of reading sees what another does not"
    );
    // Values may be passed over, or be too large for who reads.
    assert_eq!(read(Reader::new(input).expect("it could be read before"), 3).1, whole);
    round_trip(&header, &entries);
}

/// All entries before the first error; whether there was none.
fn read(mut reader: Reader<&[u8]>, limit: usize) -> (Vec<(Entry, Owned)>, bool) {
    let mut entries = Vec::new();
    loop {
        match next(&mut reader, limit) {
            Ok(Some(entry)) => entries.push(entry),
            Ok(None) => return (entries, true),
            Err(Error::TooLarge { what: "a value", .. }) => {}
            Err(_) => {
                let again = reader.next_entry();
                assert!(again.is_err(), "it goes on after an error");
                return (entries, false);
            }
        }
    }
}

fn next(reader: &mut Reader<&[u8]>, limit: usize) -> Result<Option<(Entry, Owned)>, Error> {
    let Some((entry, value)) = reader.next_entry()? else { return Ok(None) };
    let value = match value {
        Value::Integer(integer) => Owned::Integer(integer),
        Value::Real(real) => Owned::Real(real.to_bits()),
        Value::Text(stream) => Owned::Text(stream.into_text(limit)?),
        Value::Bytes(stream) => Owned::Bytes(stream.into_bytes(limit)?),
    };
    Ok(Some((entry, value)))
}

fn size(value: &Owned) -> usize {
    match value {
        Owned::Integer(_) | Owned::Real(_) => 0,
        Owned::Text(text) => text.len(),
        Owned::Bytes(bytes) => bytes.len(),
    }
}

fn write(header: &Header, entries: &[(Entry, Owned)]) -> Vec<u8> {
    let mut dump = Vec::new();
    let mut writer = Writer::new(&mut dump, header).expect("it was read");
    for (entry, value) in entries {
        let source = match value {
            Owned::Integer(integer) => Source::Integer(*integer),
            Owned::Real(bits) => Source::Real(f64::from_bits(*bits)),
            Owned::Text(text) => Source::Text(text),
            Owned::Bytes(bytes) => Source::Bytes(bytes),
        };
        writer.entry(entry, source).expect("it was read");
    }
    writer.finish().expect("it is written to memory");
    dump
}

fn round_trip(header: &Header, entries: &[(Entry, Owned)]) {
    let dump = write(header, entries);
    let reader = Reader::new(dump.as_slice()).expect("what was written can be read");
    assert_eq!(reader.header(), header);
    let (again, whole) = read(reader, usize::MAX);
    assert!(whole, "what was written is no whole dump");
    assert_eq!(again, entries);
}

/// Dumps to begin with, some of them whole: no search finds a checksum.
pub fn seeds() -> Vec<Vec<u8>> {
    (0..32).map(seed).collect()
}

/// The one with this number.
pub(crate) fn seed(number: u8) -> Vec<u8> {
    seed_from(&[number; 64].map(|byte| byte.wrapping_mul(37)))
}

fn seed_from(choices: &[u8]) -> Vec<u8> {
    let mut draw = Draw::new(choices);
    let mut header = Header::created(draw.natural());
    header.shards = draw.perhaps(Draw::small);
    header.settings.insert("policy".into(), Setting::Text("none".into()));
    header.settings.insert("statistics".into(), Setting::Flag(draw.flag()));
    header.settings.insert("size-limit".into(), Setting::Number(draw.natural()));
    let places = [
        Place::Key(larder::dump::Key::Integer(draw.integer())),
        Place::Key(larder::dump::Key::Bytes(vec![0, 255])),
        Place::Queue { name: "jobs".into(), position: draw.integer() },
        Place::Deque { name: "recent".into(), bound: draw.perhaps(Draw::natural) },
        Place::Index { name: "names".into(), key: larder::dump::Key::Real(-0.5) },
        Place::IndexQueue { index: "names".into(), name: "jobs".into(), bound: None },
    ];
    let entries: Vec<_> = places
        .into_iter()
        .map(|place| {
            let mut entry = Entry::new(place, 1);
            entry.expires_ms = draw.perhaps(Draw::natural);
            entry.ttl_ms = draw.perhaps(Draw::natural);
            entry.sliding = draw.flag();
            entry.tags = draw.several(2, |_| "tag".to_owned());
            entry.version = draw.perhaps(Draw::natural);
            let value = match draw.below(4) {
                0 => Owned::Integer(draw.integer()),
                1 => Owned::Real(draw.word()),
                2 => Owned::Text("text é".repeat(draw.below(20))),
                _ => Owned::Bytes(vec![draw.byte(); draw.below(60)]),
            };
            (entry, value)
        })
        .collect();
    write(&header, &entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_whole_dumps() {
        for seed in seeds() {
            assert_eq!(Reader::new(seed.as_slice()).and_then(Reader::verify).unwrap().entries, 6);
            run(&seed);
        }
    }
}
