//! Journals: what a handle has done with a queue that is biased towards it and is not in the database yet.
//! See [`crate::shard::biased`] for the protocol.
//!
//! Each has a file of its own in the directory, which one handle alone writes, note by note, each in one step.
//! A note is a head of [`HEAD`] bytes, little endian, and the bytes of a value that was pushed:
//!
//! | bytes | hold |
//! |---|---|
//! | 8 | checksum: XXH3-64 of the rest of the note, seeded with the claim and the place of the note in it |
//! | 8 | the position in the queue |
//! | 8 | milliseconds since the epoch at which it was pushed |
//! | 8, 8 | its expiry and its time to live in milliseconds; [`NONE`] for none |
//! | 4 | length of the value |
//! | 4 | form of the value, or [`PULLED`] |
//!
//! Notes follow each other from the beginning of the file; the first that has not its checksum is
//! none, nor is what follows: it is of an earlier claim, is just being written, or was never finished. Like a
//! log, a journal that is damaged ends before the damage. It is not waited for until it is on the disk: a loss
//! of power may take what was not folded, as it may take the last commits under the same setting.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::error::{Error, Result};
use crate::lifetime::Lifetime;
use crate::platform::Platform;
use crate::regular::{open_regular, open_regular_to_read};
use crate::value::{Form, Value};

/// How the names of the files begin.
const PREFIX: &str = "journal-";
/// Bytes of a note besides its value.
const HEAD: usize = 48;
/// Stands for no expiry.
const NONE: i64 = i64::MIN;
/// Stands in the place of a form for a value that was pulled.
const PULLED: u32 = u32::MAX;
/// Most bytes of a journal.
pub(crate) const CAPACITY: u64 = 32 * 1024;
/// Most bytes of a value in a journal.
pub(crate) const VALUE_LIMIT: usize = 1024;

/// Whose journal it is, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    /// The handle.
    pub(crate) owner: i64,
    /// The shard of the queue.
    pub(crate) shard: u32,
    /// Which of the handle's in this shard.
    pub(crate) number: i64,
}

/// Something done with a queue.
#[derive(Debug, Clone)]
pub(crate) enum Note {
    /// A value was added at a position.
    Pushed(Pushed),
    /// The value at a position was removed.
    Pulled(i64),
}

/// A value that was added to a queue.
#[derive(Debug, Clone)]
pub(crate) struct Pushed {
    pub(crate) position: i64,
    pub(crate) value: Value,
    pub(crate) lifetime: Lifetime,
    pub(crate) stored_ms: i64,
}

/// A journal that is written.
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// An empty one.
    pub(crate) fn create(root: &Path, name: Name) -> Result<Self> {
        let path = path(root, name);
        let file = open_regular(&path, OpenOptions::new().write(true).create(true).truncate(true));
        Ok(Self { file: file.map_err(|error| Error::from_io(&path, &error))?, path })
    }

    /// Writes a note that is the `place`th of a claim, from an offset on; returns where the next one begins.
    pub(crate) fn write(
        &self,
        platform: &dyn Platform,
        claim: i64,
        place: usize,
        offset: u64,
        note: &Note,
    ) -> Result<u64> {
        let bytes = encode(claim, place, note);
        let written = platform.write_at(&self.file, &bytes, offset);
        written.map_err(|error| Error::from_io(&self.path, &error))?;
        Ok(offset + bytes.len() as u64)
    }

    /// Removes the file, once the database says nothing of it any more.
    pub(crate) fn remove(self) {
        // What stays is removed by whoever comes next as the first.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Bytes that a push of a value takes in a journal; none if it has no place in one.
pub(crate) fn length_of(value: &Value) -> Option<u64> {
    let size = value.size();
    (size <= VALUE_LIMIT).then_some((HEAD + size) as u64)
}

/// Bytes that a pull takes.
pub(crate) const PULL_LENGTH: u64 = HEAD as u64;

/// The notes of a claim in a journal, in their order: none if there is no file.
pub(crate) fn read(root: &Path, name: Name, claim: i64) -> Result<Vec<Note>> {
    let path = path(root, name);
    let mut bytes = Vec::new();
    let read = open_regular_to_read(&path).and_then(|file| file.take(CAPACITY).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(decode(&bytes, claim)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        // Not a file any more: damage, of which nothing can be read.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Vec::new()),
        Err(error) => Err(Error::from_io(&path, &error)),
    }
}

/// Removes the file of somebody who is gone.
pub(crate) fn remove(root: &Path, name: Name) {
    let _ = std::fs::remove_file(path(root, name));
}

/// The journal whose file has a name; none if it is something else.
pub(crate) fn name_of(file: &str) -> Option<Name> {
    let mut parts = file.strip_prefix(PREFIX)?.split('-');
    let (owner, shard, number) = (parts.next()?, parts.next()?, parts.next()?);
    let owner = i64::from_str_radix(owner, 16).ok().filter(|owner| *owner >= 0)?;
    let name = Name { owner, shard: shard.parse().ok()?, number: number.parse().ok()? };
    (file_name(name) == file).then_some(name)
}

/// Where the file is.
pub(crate) fn path(root: &Path, name: Name) -> PathBuf {
    root.join(file_name(name))
}

fn file_name(Name { owner, shard, number }: Name) -> String {
    format!("{PREFIX}{owner:012x}-{shard:03}-{number:02}")
}

fn encode(claim: i64, place: usize, note: &Note) -> Vec<u8> {
    let numbers = |position: i64, stored: i64, lifetime: Lifetime| {
        [position, stored, lifetime.expires.unwrap_or(NONE), lifetime.ttl.unwrap_or(NONE)].map(i64::to_le_bytes)
    };
    let number_bytes: [u8; 8];
    let (numbers, form, value): (_, _, &[u8]) = match note {
        Note::Pulled(position) => (numbers(*position, 0, Lifetime::default()), PULLED, &[]),
        Note::Pushed(pushed) => {
            let value = match &pushed.value {
                Value::Integer(integer) => {
                    number_bytes = integer.to_le_bytes();
                    &number_bytes
                }
                Value::Real(real) => {
                    number_bytes = real.to_bits().to_le_bytes();
                    &number_bytes
                }
                other => other.file_content(),
            };
            let form = pushed.value.form(u32::MAX) as u32;
            (numbers(pushed.position, pushed.stored_ms, pushed.lifetime), form, value)
        }
    };
    let mut bytes = Vec::with_capacity(HEAD + value.len());
    bytes.extend([0; 8]);
    bytes.extend(numbers.as_flattened());
    bytes.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(form.to_le_bytes());
    bytes.extend(value);
    let sum = checksum(claim, place, bytes.get(8..).unwrap_or_default());
    bytes.splice(..8, sum.to_le_bytes());
    bytes
}

fn decode(mut bytes: &[u8], claim: i64) -> Vec<Note> {
    let mut notes = Vec::new();
    while let Some((note, rest)) = decode_one(bytes, claim, notes.len()) {
        notes.push(note);
        bytes = rest;
    }
    notes
}

/// The note that bytes begin with, and what follows it.
fn decode_one(bytes: &[u8], claim: i64, place: usize) -> Option<(Note, &[u8])> {
    let (sum, said) = bytes.split_first_chunk::<8>()?;
    let (numbers, rest) = said.split_first_chunk::<32>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (form, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (value, rest) = rest.split_at_checked(length)?;
    if checksum(claim, place, said.get(..HEAD - 8 + length)?) != u64::from_le_bytes(*sum) {
        return None;
    }
    let (numbers, _) = numbers.as_chunks::<8>();
    let [position, stored_ms, expires, ttl] = numbers else { return None };
    let number = |bytes: &[u8; 8]| i64::from_le_bytes(*bytes);
    let some = |bytes| Some(number(bytes)).filter(|number| *number != NONE);
    let form = u32::from_le_bytes(*form);
    if form == PULLED {
        return Some((Note::Pulled(number(position)), rest));
    }
    let lifetime = Lifetime { expires: some(expires), ttl: some(ttl), sliding: false };
    let value = decode_value(Form::from_number(i64::from(form))?, value)?;
    let pushed = Pushed { position: number(position), value, lifetime, stored_ms: number(stored_ms) };
    Some((Note::Pushed(pushed), rest))
}

fn decode_value(form: Form, bytes: &[u8]) -> Option<Value> {
    Some(match form {
        Form::Integer => Value::Integer(i64::from_le_bytes(bytes.try_into().ok()?)),
        Form::Real => Value::Real(f64::from_bits(u64::from_le_bytes(bytes.try_into().ok()?))),
        Form::Text => Value::Text(str::from_utf8(bytes).ok()?.to_owned()),
        Form::Bytes => Value::Bytes(bytes.to_vec()),
        _ => return None,
    })
}

fn checksum(claim: i64, place: usize, bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, claim.cast_unsigned() ^ (place as u64).rotate_right(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(position: i64, value: Value) -> Note {
        let lifetime = Lifetime { expires: Some(position / 2), ttl: None, sliding: false };
        Note::Pushed(Pushed { position, value, lifetime, stored_ms: 1_795_000_000_000 })
    }

    /// One of each kind.
    fn notes() -> Vec<Note> {
        vec![
            pushed(0, Value::Integer(-7)),
            pushed(1, Value::Real(-0.0)),
            Note::Pulled(0),
            pushed(-1, Value::Text("Maß".into())),
            pushed(i64::MAX, Value::Bytes(vec![0; VALUE_LIMIT])),
            pushed(i64::MIN, Value::Text(String::new())),
            Note::Pulled(i64::MIN),
        ]
    }

    fn bytes_of(claim: i64, notes: &[Note]) -> Vec<u8> {
        notes.iter().enumerate().flat_map(|(place, note)| encode(claim, place, note)).collect()
    }

    /// That notes are the first of those that were written.
    fn assert_first(found: &[Note], written: &[Note], what: &str) {
        assert_eq!(format!("{found:?}"), format!("{:?}", &written[..found.len()]), "{what}");
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = bytes_of(3, &notes());
        assert_eq!(format!("{:?}", decode(&bytes, 3)), format!("{:?}", notes()));
    }

    #[test]
    fn notes_take_as_much_as_they_are_said_to() {
        for note in notes() {
            let length = encode(1, 0, &note).len() as u64;
            match &note {
                Note::Pulled(_) => assert_eq!(length, PULL_LENGTH),
                Note::Pushed(pushed) => assert_eq!(Some(length), length_of(&pushed.value), "{note:?}"),
            }
        }
        assert_eq!(length_of(&Value::Bytes(vec![0; VALUE_LIMIT + 1])), None);
    }

    #[test]
    fn a_journal_that_was_altered_or_cut_ends_before_it() {
        let (notes, bytes) = (notes(), bytes_of(3, &notes()));
        let lengths: Vec<usize> = notes.iter().enumerate().map(|(place, note)| encode(3, place, note).len()).collect();
        let whole_before = |at: usize| {
            let ends = lengths.iter().scan(0, |end, length| {
                *end += length;
                Some(*end)
            });
            ends.filter(|end| *end <= at).count()
        };
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << (at % 8);
            for (what, bytes) in [("altered", &altered[..]), ("cut", &bytes[..at])] {
                let found = decode(bytes, 3);
                assert_eq!(found.len(), whole_before(at), "{what} at {at}");
                assert_first(&found, &notes, what);
            }
        }
    }

    #[test]
    fn notes_of_another_claim_or_in_another_place_are_none() {
        let (old, new) = (bytes_of(3, &notes()), bytes_of(4, &notes()[..2]));
        assert_eq!(decode(&old, 4).len(), 0);
        let over = [&new[..], &old[new.len()..]].concat();
        assert_first(&decode(&over, 4), &notes(), "what follows is of the claim before");
        assert_eq!((decode(&over, 4).len(), decode(&over, 3).len()), (2, 0));
        let twice = [encode(3, 0, &Note::Pulled(1)), encode(3, 0, &Note::Pulled(1))].concat();
        assert_eq!(decode(&twice, 3).len(), 1);
    }

    #[test]
    fn only_names_as_they_are_made_are_names_of_journals() {
        for name in [Name { owner: 0, shard: 0, number: 0 }, Name { owner: (1 << 48) - 1, shard: 255, number: 3 }] {
            assert_eq!(name_of(&file_name(name)), Some(name));
        }
        for file in
            ["journal-", "journal-1-000-00", "journal-00000000000A-000-00", "journal-000000000001-+00-00", "journal"]
        {
            assert_eq!(name_of(file), None, "{file}");
        }
    }
}
