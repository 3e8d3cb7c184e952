//! Values that are streams, on either side.

use std::io::{self, Read, Write};

use minicbor::data::Type;

use super::{Owned, pattern, read, write};
use crate::dump::{CHUNK, Entry, Error, Header, Key, Place, Reader, Source, Value, Writer};

fn entry() -> Entry {
    Entry::new(Place::Key(Key::Text("k".into())), 1)
}

/// Zeros without end, or until an error.
struct Zeros {
    left: u64,
    fails: bool,
}

impl Read for Zeros {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && self.fails {
            return Err(io::Error::other("the disk is gone"));
        }
        let count = buffer.len().min(usize::try_from(self.left).unwrap());
        buffer[..count].fill(0);
        self.left -= count as u64;
        Ok(count)
    }
}

/// Fails once so many bytes were written.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Gives one byte at a time, and is interrupted before each.
struct Trickle<'a>(&'a [u8], bool);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = buffer.len().min(1);
        self.0.read(&mut buffer[..count])
    }
}

#[test]
fn a_stream_is_dumped_as_the_same_value_in_memory_is() {
    for length in [0, 10, CHUNK, CHUNK + 1, 3 * CHUNK] {
        let bytes = pattern(length);
        let mut dump = Vec::new();
        let mut writer = Writer::new(&mut dump, &Header::created(1)).unwrap();
        writer.entry(&entry(), Source::BytesFrom(&mut Trickle(&bytes, false))).unwrap();
        writer.finish().unwrap();
        assert!(dump == write(&Header::created(1), &[(entry(), Owned::Bytes(bytes))]), "{length} bytes");
    }
}

#[test]
fn chunks_of_a_large_value_are_bounded_and_a_text_is_cut_between_characters() {
    let text = "xx".to_owned() + &"€".repeat(CHUNK);
    let dump = write(&Header::created(1), &[(entry(), Owned::Text(text.clone()))]);
    let mut decoder = minicbor::Decoder::new(&dump);
    decoder.skip().unwrap();
    assert_eq!(decoder.map().unwrap(), Some(3));
    for _ in 0..5 {
        decoder.skip().unwrap();
    }
    assert_eq!(decoder.datatype().unwrap(), Type::StringIndef);
    let chunks: Vec<&str> = decoder.str_iter().unwrap().map(Result::unwrap).collect();
    let (last, full) = chunks.split_last().unwrap();
    assert_eq!(full.len(), 3);
    assert!(full.iter().all(|chunk| (CHUNK - 2..=CHUNK).contains(&chunk.len())));
    assert!(!last.is_empty());
    assert!(chunks.concat() == text);
}

#[test]
fn a_dump_that_trickles_in_is_read() {
    let dump = write(&Header::created(1), &[(entry(), Owned::Bytes(pattern(1000)))]);
    assert_eq!(Reader::new(Trickle(&dump, false)).unwrap().verify().unwrap().entries, 1);
}

#[test]
fn a_value_is_read_in_pieces_or_left_unread() {
    let entries = [(entry(), Owned::Bytes(pattern(CHUNK + 5))), (entry(), Owned::Text("next".into()))];
    let dump = write(&Header::created(1), &entries);
    let mut reader = Reader::new(dump.as_slice()).unwrap();
    let Some((_, Value::Bytes(mut stream))) = reader.next_entry().unwrap() else { panic!("bytes were written") };
    assert_eq!(stream.size(), None);
    let mut piece = [0; 10];
    stream.read_exact(&mut piece).unwrap();
    assert_eq!(piece, pattern(10)[..]);
    let Some((_, Value::Text(stream))) = reader.next_entry().unwrap() else { panic!("a text was written") };
    assert_eq!(stream.size(), Some(4));
    assert!(reader.next_entry().unwrap().is_none());
    assert!(reader.next_entry().unwrap().is_none());
    assert_eq!(reader.totals().bytes, dump.len() as u64);
}

#[test]
fn a_value_larger_than_the_reader_wants_is_passed_over() {
    let entries = [(entry(), Owned::Bytes(pattern(CHUNK + 5))), (entry(), Owned::Text("12345".into()))];
    let dump = write(&Header::created(1), &entries);
    let mut reader = Reader::new(dump.as_slice()).unwrap();
    for _ in 0..2 {
        let (_, value) = reader.next_entry().unwrap().unwrap();
        let (Value::Bytes(stream) | Value::Text(stream)) = value else { panic!("a stream was written") };
        assert!(matches!(stream.into_bytes(4), Err(Error::TooLarge { limit: 4, .. })));
    }
    assert!(reader.next_entry().unwrap().is_none());
}

#[test]
fn the_limit_holds_for_the_rest_of_a_value() {
    let dump = write(&Header::created(1), &[(entry(), Owned::Text("123456".into()))]);
    let mut reader = Reader::new(dump.as_slice()).unwrap();
    let Some((_, Value::Text(mut stream))) = reader.next_entry().unwrap() else { panic!("a text was written") };
    stream.read_exact(&mut [0; 2]).unwrap();
    assert_eq!(stream.into_text(4).unwrap(), "3456");
}

#[test]
fn a_source_that_fails_at_once_leaves_the_dump_as_it_was() {
    let mut dump = Vec::new();
    let mut writer = Writer::new(&mut dump, &Header::created(1)).unwrap();
    let refused = writer.entry(&entry(), Source::BytesFrom(&mut Zeros { left: 10, fails: true }));
    assert!(matches!(refused, Err(Error::Source { .. })));
    writer.entry(&entry(), Source::Integer(1)).unwrap();
    writer.finish().unwrap();
    assert_eq!(read(&dump).unwrap().1, [(entry(), Owned::Integer(1))]);
}

#[test]
fn a_source_that_fails_later_leaves_no_dump_that_could_be_taken_for_whole() {
    let mut dump = Vec::new();
    let mut writer = Writer::new(&mut dump, &Header::created(1)).unwrap();
    let left = 3 * CHUNK as u64;
    assert!(matches!(
        writer.entry(&entry(), Source::BytesFrom(&mut Zeros { left, fails: true })),
        Err(Error::Source { .. })
    ));
    assert!(matches!(writer.entry(&entry(), Source::Integer(1)), Err(Error::Broken)));
    assert!(matches!(writer.finish(), Err(Error::Broken)));
    assert!(matches!(read(&dump), Err(Error::Truncated { .. })));
}

#[test]
fn bytes_that_are_no_text_are_refused_as_text() {
    let mut writer = Writer::new(io::sink(), &Header::created(1)).unwrap();
    for bytes in [&b"\xff"[..], b"cut \xe2\x82"] {
        let mut stream = bytes;
        let refused = writer.entry(&entry(), Source::TextFrom(&mut stream));
        assert!(matches!(refused, Err(Error::Unexpected { expected: "a text in UTF-8", .. })), "{refused:?}");
    }
    writer.entry(&entry(), Source::Integer(1)).unwrap();
}

#[test]
fn a_full_disk_is_reported_with_the_place() {
    let mut writer = Writer::new(Full(100_000), &Header::created(1)).unwrap();
    let error = writer.entry(&entry(), Source::Bytes(&pattern(200_000))).unwrap_err();
    let Error::Write { offset, source } = error else { panic!("{error}") };
    assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    assert!(offset > 0);
    assert!(matches!(writer.finish(), Err(Error::Broken)));
}

#[test]
fn entries_beyond_a_limit_are_refused_and_leave_the_dump_as_it_was() {
    let mut dump = Vec::new();
    let mut writer = Writer::new(&mut dump, &Header::created(1)).unwrap();
    let tagged = |tags| Entry { tags, ..entry() };
    for refused in [
        Entry::new(Place::Key(Key::Text("k".repeat(65_537))), 1),
        Entry::new(Place::Key(Key::Bytes(pattern(65_537))), 1),
        Entry::new(Place::Queue { name: "q".repeat(1025), position: 1 }, 1),
        tagged(vec!["t".repeat(1025)]),
        tagged(vec!["t".to_owned(); 65]),
    ] {
        assert!(matches!(writer.entry(&refused, Source::Integer(1)), Err(Error::TooLarge { .. })));
    }
    let nan = Entry::new(Place::Key(Key::Real(f64::NAN)), 1);
    assert!(matches!(writer.entry(&nan, Source::Integer(1)), Err(Error::Unexpected { .. })));
    assert_eq!(writer.finish().unwrap().entries, 0);
    assert_eq!(read(&dump).unwrap().1, []);
}
