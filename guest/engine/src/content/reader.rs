//! Reading a value file, whole or in part.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::codec::{Codec, unpack};
use super::{CHUNK, CODEC_SHIFT, LENGTH_MASK, RECORD, Seeds, chunks, directory_size, in_memory, seal};
use crate::error::Error;

/// Why nothing could be read.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The file is not what was written.
    Altered,
    /// The system's.
    Io(io::Error),
}

impl Fault {
    /// The error about something that was being read.
    pub(crate) fn into_error(self, subject: &str) -> Error {
        match self {
            Self::Altered => Error::Corrupt(format!("{subject} was altered")),
            Self::Io(error) => Error::from_own_file(Path::new(subject), &error),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        // The file is shorter than it was.
        if error.kind() == ErrorKind::UnexpectedEof { Self::Altered } else { Self::Io(error) }
    }
}

/// Reads a value file. It holds the directory and the chunk it was in last, and gives out nothing
/// it has not verified.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    file: R,
    seed: u64,
    length: u64,
    records: Vec<Record>,
    /// The chunk that was read last, and which one it is.
    current: Option<(u64, Vec<u8>)>,
}

/// A chunk's record in the directory.
#[derive(Debug, Clone, Copy)]
struct Record {
    codec: Codec,
    /// Where in the file the chunk begins.
    start: u64,
    stored: usize,
    hash: u64,
}

impl<R: Read + Seek> Reader<R> {
    /// Opens the file of a value of `length` bytes, at most [`STREAM_LIMIT`](super::STREAM_LIMIT).
    pub(crate) fn open(mut file: R, length: u64, checksum: u64, seeds: Seeds) -> Result<Self, Fault> {
        let size = file.seek(SeekFrom::End(0))?;
        let start = size.checked_sub(directory_size(length)).ok_or(Fault::Altered)?;
        file.seek(SeekFrom::Start(start))?;
        let directory = read_exactly(&mut file, usize::try_from(size - start).map_err(|_| Fault::Altered)?)?;
        if seal(&directory, length, seeds.directory) != checksum {
            return Err(Fault::Altered);
        }
        let records = parse(&directory, length, start).ok_or(Fault::Altered)?;
        Ok(Self { file, seed: seeds.chunks, length, records, current: None })
    }

    /// Bytes of the value.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes of the value from `offset` on: up to `limit`, or to the end of the chunk they are in.
    /// None at the end.
    pub(crate) fn read(&mut self, offset: u64, limit: usize) -> Result<&[u8], Fault> {
        let index = offset / CHUNK as u64;
        if offset >= self.length {
            return Ok(&[]);
        }
        if self.current.as_ref().is_none_or(|(current, _)| *current != index) {
            self.current = None;
            self.current = Some((index, self.chunk(index)?));
        }
        let chunk = self.current.as_ref().map_or(&[][..], |(_, chunk)| chunk);
        let begin = chunk.len().min(in_memory(offset % CHUNK as u64));
        let end = chunk.len().min(begin.saturating_add(limit));
        Ok(chunk.get(begin..end).unwrap_or_default())
    }

    /// Reads the whole file; what there is of it is right.
    pub(crate) fn verify(&mut self) -> Result<(), Fault> {
        (0..chunks(self.length)).try_for_each(|index| self.chunk(index).map(drop))
    }

    fn chunk(&mut self, index: u64) -> Result<Vec<u8>, Fault> {
        let record = usize::try_from(index).ok().and_then(|index| self.records.get(index)).copied();
        let record = record.ok_or(Fault::Altered)?;
        self.file.seek(SeekFrom::Start(record.start))?;
        let bytes = read_exactly(&mut self.file, record.stored)?;
        decode(record, bytes, self.seed, expected(index, self.length)).ok_or(Fault::Altered)
    }
}

/// The whole value from its file, in one read where that is possible.
pub(crate) fn read_whole<R: Read>(file: R, length: usize, checksum: u64, seeds: Seeds) -> Result<Vec<u8>, Fault> {
    let most = directory_size(length as u64).saturating_add(length as u64);
    let mut content = Vec::new();
    // One byte more, so that a longer file shows.
    content
        .try_reserve_exact(in_memory(most).saturating_add(1))
        .map_err(|_| io::Error::from(ErrorKind::OutOfMemory))?;
    file.take(most + 1).read_to_end(&mut content)?;
    whole(content, length, checksum, seeds)
}

/// The value from all of its file's bytes.
fn whole(mut content: Vec<u8>, length: usize, checksum: u64, seeds: Seeds) -> Result<Vec<u8>, Fault> {
    let start = content.len().checked_sub(in_memory(directory_size(length as u64))).ok_or(Fault::Altered)?;
    let (stored, directory) = content.split_at_checked(start).ok_or(Fault::Altered)?;
    if seal(directory, length as u64, seeds.directory) != checksum {
        return Err(Fault::Altered);
    }
    let records = parse(directory, length as u64, start as u64).ok_or(Fault::Altered)?;
    let piece = |record: &Record| {
        let start = in_memory(record.start);
        let bytes = stored.get(start..start.saturating_add(record.stored));
        bytes.filter(|bytes| xxh3_64_with_seed(bytes, seeds.chunks) == record.hash).ok_or(Fault::Altered)
    };
    if records.iter().all(|record| record.codec == Codec::Raw) {
        // They stand one after another as they are.
        records.iter().try_for_each(|record| piece(record).map(drop))?;
        content.truncate(start);
        return Ok(content);
    }
    let mut value = Vec::new();
    value.try_reserve_exact(length).map_err(|_| io::Error::from(ErrorKind::OutOfMemory))?;
    for (index, record) in (0..).zip(&records) {
        let chunk = unpack(record.codec, piece(record)?, expected(index, length as u64));
        value.extend_from_slice(&chunk.ok_or(Fault::Altered)?);
    }
    Ok(value)
}

/// Bytes of the value that are in a chunk.
fn expected(index: u64, length: u64) -> usize {
    in_memory(length.saturating_sub(index.saturating_mul(CHUNK as u64)).min(CHUNK as u64))
}

/// The value's bytes from those of a chunk.
fn decode(record: Record, bytes: Vec<u8>, seed: u64, expected: usize) -> Option<Vec<u8>> {
    if xxh3_64_with_seed(&bytes, seed) != record.hash {
        return None;
    }
    match record.codec {
        Codec::Raw => (bytes.len() == expected).then_some(bytes),
        codec => unpack(codec, &bytes, expected),
    }
}

/// The records of a directory that begins at `end` in the file; none if they do not fit the value
/// or the file.
fn parse(directory: &[u8], length: u64, end: u64) -> Option<Vec<Record>> {
    let mut records = Vec::with_capacity(directory.len() / RECORD);
    let mut start = 0;
    for (index, record) in (0..).zip(directory.chunks_exact(RECORD)) {
        let (word, hash) = record.split_at_checked(4)?;
        let word = u32::from_le_bytes(word.try_into().ok()?);
        let codec = Codec::from_number(word >> CODEC_SHIFT)?;
        let stored = word & LENGTH_MASK;
        let expected = expected(index, length);
        if stored as usize > expected || (codec == Codec::Raw && stored as usize != expected) {
            return None;
        }
        let hash = u64::from_le_bytes(hash.try_into().ok()?);
        records.push(Record { codec, start, stored: stored as usize, hash });
        start += u64::from(stored);
    }
    (start == end).then_some(records)
}

fn read_exactly(file: &mut impl Read, length: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length).map_err(|_| io::Error::from(ErrorKind::OutOfMemory))?;
    file.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() == length { Ok(bytes) } else { Err(Fault::Altered) }
}
