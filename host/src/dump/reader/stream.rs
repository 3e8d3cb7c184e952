//! A text or bytes value, piece by piece.

use std::io::{self, Read};

use super::head::Head;
use super::input::Input;
use super::utf8::Utf8;
use crate::dump::error::{Error, Result};

/// How far the reading of a text or bytes value has come.
#[derive(Debug)]
pub(super) struct Position {
    /// Whether it is a text, and then what was seen of it.
    text: Option<Utf8>,
    /// Whether more chunks follow the present one.
    chunked: bool,
    /// Bytes left of the present chunk.
    left: u64,
}

impl Position {
    /// At the beginning of a text of this size in bytes, or in chunks.
    pub(super) fn text(size: Option<u64>) -> Self {
        Self { text: Some(Utf8::default()), ..Self::bytes(size) }
    }

    /// At the beginning of a byte string of this size, or in chunks.
    pub(super) fn bytes(size: Option<u64>) -> Self {
        Self { text: None, chunked: size.is_none(), left: size.unwrap_or(0) }
    }

    /// Reads some more bytes; 0 only at the end, or into an empty buffer.
    pub(super) fn read<R: Read>(&mut self, input: &mut Input<R>, buffer: &mut [u8]) -> Result<usize> {
        while self.left == 0 {
            if !self.chunked {
                return Ok(0);
            }
            self.next_chunk(input)?;
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(room) = buffer.get_mut(..most).filter(|room| !room.is_empty()) else { return Ok(0) };
        let offset = input.offset();
        let count = input.some(room, "the rest of a value")?;
        self.left -= count as u64;
        self.check(offset, room.get(..count).unwrap_or_default())?;
        Ok(count)
    }

    fn next_chunk<R: Read>(&mut self, input: &mut Input<R>) -> Result<()> {
        const EXPECTED: &str = "the next chunk, or the end, of a value";
        match (input.head(EXPECTED)?, &self.text) {
            ((_, Head::Break), _) => self.chunked = false,
            ((_, Head::Text(Some(size))), Some(_)) | ((_, Head::Bytes(Some(size))), None) => self.left = size,
            ((offset, other), _) => return Err(Error::unexpected(offset, EXPECTED, other.describe())),
        }
        Ok(())
    }

    /// Refuses what is not UTF-8 in a text. A chunk does not end inside a character.
    fn check(&mut self, offset: u64, piece: &[u8]) -> Result<()> {
        let Some(utf8) = &mut self.text else { return Ok(()) };
        if utf8.accepts(piece) && (self.left > 0 || utf8.is_whole()) {
            return Ok(());
        }
        Err(Error::unexpected(offset, "a text in UTF-8", "other bytes"))
    }
}

/// A text or bytes value that is yet to be read, wholly or in part: the next entry can be read at any
/// time.
pub struct ValueStream<'r, R> {
    pub(super) input: &'r mut Input<R>,
    pub(super) position: &'r mut Option<Position>,
    pub(super) broken: &'r mut bool,
    pub(super) size: Option<u64>,
}

impl<R> std::fmt::Debug for ValueStream<'_, R> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ValueStream").field("size", &self.size).finish_non_exhaustive()
    }
}

impl<R: Read> ValueStream<'_, R> {
    /// Size of the whole value in bytes. Not known in advance of a value in chunks, which a
    /// [`Writer`](crate::dump::Writer) makes only of one larger than [`CHUNK`](crate::dump::CHUNK).
    /// The dump may claim anything: nothing should be allocated by this size.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Reads some more of the value; 0 bytes are its end. The pieces of a text may end inside a
    /// character, but all together are UTF-8.
    pub fn read_piece(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if *self.broken {
            return Err(Error::Broken);
        }
        let Some(position) = self.position.as_mut() else { return Ok(0) };
        let read = position.read(self.input, buffer);
        *self.broken = read.is_err();
        read
    }

    /// The rest of the value, at most `limit` bytes. The error that it is larger leaves the reader
    /// able to go on with the next entry.
    pub fn into_bytes(mut self, limit: usize) -> Result<Vec<u8>> {
        let offset = self.input.offset();
        let too_large = |size: u64| Error::TooLarge { offset, what: "a value", size, limit: limit as u64 };
        // Known to be too large, it need not be read to find that out.
        let rest = self.position.as_ref().map_or(0, |position| position.left);
        if rest > limit as u64 {
            return Err(too_large(rest));
        }
        let mut bytes = Vec::new();
        let mut piece = vec![0; PIECE];
        loop {
            let count = self.read_piece(&mut piece)?;
            if count == 0 {
                return Ok(bytes);
            }
            bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
            if bytes.len() > limit {
                return Err(too_large(bytes.len() as u64));
            }
        }
    }

    /// The rest of a text value, at most `limit` bytes. It is an error if that is not UTF-8: the value
    /// is bytes, or was read up to the middle of a character.
    pub fn into_text(self, limit: usize) -> Result<String> {
        let offset = self.input.offset();
        String::from_utf8(self.into_bytes(limit)?)
            .map_err(|_| Error::unexpected(offset, "a text in UTF-8", "other bytes"))
    }
}

/// Bytes that are read at once.
const PIECE: usize = 8 * 1024;

impl<R: Read> Read for ValueStream<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.read_piece(buffer)?)
    }
}
