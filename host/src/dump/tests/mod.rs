//! What a dump promises: the same entries back, or an error.

mod damage;
mod fixture;
mod hostile;
mod round_trip;
mod sources;

use super::{Entry, Header, Reader, Result, Setting, Source, Totals, Value, Writer};

/// A value in memory. Reals are bits, for NaN must compare.
#[derive(Debug, Clone, PartialEq)]
enum Owned {
    Integer(i64),
    Real(u64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Owned {
    fn as_source(&self) -> Source<'_> {
        match self {
            Self::Integer(integer) => Source::Integer(*integer),
            Self::Real(bits) => Source::Real(f64::from_bits(*bits)),
            Self::Text(text) => Source::Text(text),
            Self::Bytes(bytes) => Source::Bytes(bytes),
        }
    }
}

fn write(header: &Header, entries: &[(Entry, Owned)]) -> Vec<u8> {
    let mut dump = Vec::new();
    let mut writer = Writer::new(&mut dump, header).unwrap();
    for (entry, value) in entries {
        writer.entry(entry, value.as_source()).unwrap();
    }
    let totals = writer.finish().unwrap();
    assert_eq!(totals, Totals { entries: entries.len() as u64, bytes: dump.len() as u64 });
    dump
}

/// All of a dump that its trailer confirms.
fn read(dump: &[u8]) -> Result<(Header, Vec<(Entry, Owned)>)> {
    let mut reader = Reader::new(dump)?;
    let mut entries = Vec::new();
    while let Some((entry, value)) = reader.next_entry()? {
        let value = match value {
            Value::Integer(integer) => Owned::Integer(integer),
            Value::Real(real) => Owned::Real(real.to_bits()),
            Value::Text(stream) => Owned::Text(stream.into_text(usize::MAX)?),
            Value::Bytes(stream) => Owned::Bytes(stream.into_bytes(usize::MAX)?),
        };
        entries.push((entry, value));
    }
    Ok((reader.header().clone(), entries))
}

/// A header with every kind of setting.
fn header() -> Header {
    Header {
        created_ms: 1_767_225_600_000,
        shards: Some(4),
        settings: [
            ("policy", Setting::Text("least-recently-used".into())),
            ("shared", Setting::Flag(true)),
            ("size-limit", Setting::Number(1 << 30)),
        ]
        .map(|(name, setting)| (name.to_owned(), setting))
        .into(),
    }
}

/// Bytes that differ from their neighbours.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from(index % 251).unwrap()).collect()
}
