//! Values that are written and read in parts.

use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};

use super::entries::{self, Entries, PARTS};
use super::held::{Held, LOST};
use super::stage::Stage;
use super::{Content, Trouble, expect};
use crate::Random;
use crate::component::types::Error;
use crate::component::wit::Content as Kind;
use crate::component::{Instance, Part};

/// How much is written at once, and read.
const PIECE: usize = 90_000;

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Write a value in parts.
    Write(u64, Held),
    /// Write one that comes from a stream.
    Receive(u64, Held),
    /// Write some of one, and let it be.
    Abandon(u64, Held),
    /// Read ranges of one, from the last to the first.
    Read(u64),
    /// Let a stream have one.
    Send(u64),
    /// Read the beginning of one, replace it, and read the rest.
    Replace(u64, Held),
    /// Remove one.
    Delete(u64),
}

impl Operation {
    pub(super) fn draw(random: &mut Random, number: usize) -> Self {
        let (key, held) = (PARTS.start + random.below(PARTS.end - PARTS.start), Held::huge(number));
        match random.below(12) {
            0..=2 => Self::Write(key, held),
            3..=4 => Self::Receive(key, held),
            5 => Self::Abandon(key, held),
            6..=7 => Self::Read(key),
            8 => Self::Send(key),
            9..=10 => Self::Replace(key, held),
            _ => Self::Delete(key),
        }
    }
}

pub(super) fn apply(content: &mut Entries, operation: &Operation) {
    match operation {
        Operation::Write(key, held) | Operation::Receive(key, held) | Operation::Replace(key, held) => {
            content.put(*key, *held);
        }
        Operation::Delete(key) => drop(content.by_key.remove(key)),
        Operation::Abandon(..) | Operation::Read(_) | Operation::Send(_) => {}
    }
}

pub(super) fn perform(stage: &mut Stage, before: &Content, operation: &Operation) -> Result<(), Trouble> {
    let held = |key: &u64| before.entries.by_key.get(key).map(|entry| entry.held);
    let cache = stage.cache();
    match operation {
        Operation::Write(key, held) => write(cache, *key, *held)?,
        Operation::Receive(key, held) => with_writer(cache, *key, |cache, writer| {
            cache.receive(writer, MemoryInputPipe::new(held.bytes()), None)?;
            cache.finish(writer).map(drop)
        })?,
        Operation::Abandon(key, held) => with_writer(cache, *key, |cache, writer| {
            cache.append(writer, &held.bytes()[..PIECE])?;
            cache.append(writer, &held.bytes()[PIECE..])
        })?,
        Operation::Read(key) => expect("read", read_parts(cache, *key)?, held(key))?,
        Operation::Send(key) => expect("send", send(cache, *key)?, held(key))?,
        Operation::Replace(key, next) => replace(cache, *key, *next, held(key))?,
        Operation::Delete(key) => {
            expect("delete", cache.delete(&entries::key(*key))?, held(key).is_some())?;
        }
    }
    Ok(())
}

fn with_writer(
    cache: &mut Instance,
    key: u64,
    work: impl FnOnce(&mut Instance, &Part) -> Result<(), Error>,
) -> Result<(), Error> {
    let writer = cache.write(&entries::key(key), Kind::Bytes, &entries::lasting())?;
    let done = work(cache, &writer);
    cache.drop_part(&writer);
    done
}

fn write(cache: &mut Instance, key: u64, held: Held) -> Result<(), Error> {
    with_writer(cache, key, |cache, writer| {
        held.bytes().chunks(PIECE).try_for_each(|part| cache.append(writer, part))?;
        cache.finish(writer).map(drop)
    })
}

/// Does something with a reader, if there is a value.
fn with_reader<T>(
    cache: &mut Instance,
    key: u64,
    work: impl FnOnce(&mut Instance, &Part) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let Some(reader) = cache.read(&entries::key(key))? else { return Ok(None) };
    let done = work(cache, &reader);
    cache.drop_part(&reader);
    done.map(Some)
}

/// The bytes from a place on to the end of a piece.
fn range(cache: &mut Instance, reader: &Part, mut place: usize, end: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while place < end {
        let part = cache.read_at(reader, place as u64, u32::try_from(end - place).unwrap())?;
        assert!(!part.is_empty(), "it ends at {place} and not at {end}");
        place += part.len();
        bytes.extend(part);
    }
    Ok(bytes)
}

fn read_parts(cache: &mut Instance, key: u64) -> Result<Option<Held>, Error> {
    with_reader(cache, key, |cache, reader| {
        let size = usize::try_from(cache.about(reader).0).unwrap();
        let mut parts = Vec::new();
        for place in (0..size).step_by(PIECE).rev() {
            parts.push(range(cache, reader, place, size.min(place + PIECE))?);
        }
        parts.reverse();
        Ok(Held::of_bytes(&parts.concat()))
    })
}

fn send(cache: &mut Instance, key: u64) -> Result<Option<Held>, Error> {
    with_reader(cache, key, |cache, reader| {
        let pipe = MemoryOutputPipe::new(usize::MAX);
        cache.send(reader, 0, pipe.clone(), None)?;
        Ok(Held::of_bytes(&pipe.contents()))
    })
}

/// What is being read stays whole, whatever becomes of its entry.
fn replace(cache: &mut Instance, key: u64, next: Held, held: Option<Held>) -> Result<(), Trouble> {
    let read = with_reader(cache, key, |cache, reader| {
        let size = usize::try_from(cache.about(reader).0).unwrap();
        let mut bytes = range(cache, reader, 0, PIECE)?;
        write(cache, key, next)?;
        bytes.extend(range(cache, reader, PIECE, size)?);
        Ok(Held::of_bytes(&bytes))
    })?;
    if read.is_none() {
        write(cache, key, next)?;
    }
    expect("read on", read, held)
}

/// What is in a cache.
pub(super) fn read(cache: &mut Instance, found: &mut Entries) -> Result<(), Error> {
    for number in PARTS {
        match read_parts(cache, number) {
            Ok(None) => {}
            Ok(Some(held)) => found.put(number, held),
            Err(Error::Corrupt(_)) => found.put(number, LOST),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
