//! Writing a value file.

use std::io::{self, Write};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::codec::{Codec, pack};
use super::{CHUNK, CODEC_SHIFT, LENGTH_MASK, RECORD, STREAM_LIMIT, seal};
use crate::options::Compression;

/// What there is to remember of a written file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Bytes of the value.
    pub(crate) length: u64,
    /// What vouches for the file.
    pub(crate) checksum: u64,
    /// Bytes of the file.
    pub(crate) stored: u64,
}

/// Writes a value whose length nobody needs to know before its end. It holds one chunk, and the
/// directory.
///
/// After an error the file is worth nothing.
#[derive(Debug)]
pub(crate) struct Writer<W> {
    file: W,
    compression: Compression,
    seed: u64,
    /// The chunk that is not complete.
    open: Vec<u8>,
    directory: Vec<u8>,
    length: u64,
    stored: u64,
}

impl<W: Write> Writer<W> {
    /// A writer into an empty file. The seed is [`Seeds::chunks`](super::Seeds).
    pub(crate) fn new(file: W, seed: u64, compression: Compression) -> Self {
        Self { file, compression, seed, open: Vec::new(), directory: Vec::new(), length: 0, stored: 0 }
    }

    /// Adds the next bytes of the value. Beyond [`STREAM_LIMIT`] this is the error
    /// [`FileTooLarge`](io::ErrorKind::FileTooLarge).
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.length = self.length.saturating_add(bytes.len() as u64);
        if self.length > STREAM_LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        while !bytes.is_empty() {
            if self.open.is_empty()
                && let Some((chunk, rest)) = bytes.split_at_checked(CHUNK)
            {
                self.store(chunk)?;
                bytes = rest;
                continue;
            }
            let (taken, rest) = bytes.split_at(bytes.len().min(CHUNK - self.open.len()));
            // Room for the directory too, so that the end is written at once.
            self.open.try_reserve(taken.len() + RECORD).map_err(|_| io::ErrorKind::OutOfMemory)?;
            self.open.extend_from_slice(taken);
            bytes = rest;
            if self.open.len() == CHUNK {
                let chunk = std::mem::take(&mut self.open);
                self.store(&chunk)?;
                self.open = chunk;
                self.open.clear();
            }
        }
        Ok(())
    }

    /// Completes the file, without waiting for the disk. The seed is [`Seeds::directory`](super::Seeds).
    pub(crate) fn finish(mut self, directory_seed: u64) -> io::Result<(W, Summary)> {
        let mut end = std::mem::take(&mut self.open);
        if !end.is_empty() {
            let (codec, packed) = self.encode(&end);
            end = packed.unwrap_or(end);
            self.record(codec, &end);
        }
        let checksum = seal(&self.directory, self.length, directory_seed);
        end.extend_from_slice(&self.directory);
        self.write(&end)?;
        Ok((self.file, Summary { length: self.length, checksum, stored: self.stored }))
    }

    fn store(&mut self, chunk: &[u8]) -> io::Result<()> {
        let (codec, packed) = self.encode(chunk);
        let bytes = packed.as_deref().unwrap_or(chunk);
        self.record(codec, bytes);
        self.write(bytes)
    }

    /// A chunk as it is to be kept; none as it is.
    fn encode(&self, chunk: &[u8]) -> (Codec, Option<Vec<u8>>) {
        pack(chunk, self.compression).map_or((Codec::Raw, None), |(codec, packed)| (codec, Some(packed)))
    }

    fn record(&mut self, codec: Codec, bytes: &[u8]) {
        // At most `CHUNK`: compressed ones are smaller than they were.
        let length = u32::try_from(bytes.len()).unwrap_or(LENGTH_MASK);
        let word = length | (codec as u32) << CODEC_SHIFT;
        self.directory.extend_from_slice(&word.to_le_bytes());
        self.directory.extend_from_slice(&xxh3_64_with_seed(bytes, self.seed).to_le_bytes());
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.stored += bytes.len() as u64;
        Ok(())
    }
}
