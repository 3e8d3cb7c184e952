//! Cutting a value into chunks to be written.

use std::io::Read;

use super::CHUNK;
use super::error::{Error, Result};

/// The two kinds of strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text.
    Text,
    /// Bytes.
    Bytes,
}

/// A text or bytes cut into chunks; those of a text end between characters.
pub(super) struct Chunks<'a> {
    pub(super) kind: Kind,
    stream: &'a mut dyn Read,
    /// What was read, beginning with the present chunk. One byte more than a chunk shows whether more
    /// will follow.
    ahead: Vec<u8>,
    /// Length of the present chunk.
    length: usize,
}

impl<'a> Chunks<'a> {
    /// Reads the first chunk; `offset` is where the dump is.
    pub(super) fn begin(kind: Kind, stream: &'a mut dyn Read, offset: u64) -> Result<Self> {
        let mut chunks = Self { kind, stream, ahead: Vec::new(), length: 0 };
        chunks.advance(offset)?;
        Ok(chunks)
    }

    /// The present chunk; empty at the end.
    pub(super) fn chunk(&self) -> &[u8] {
        self.ahead.get(..self.length).unwrap_or_default()
    }

    /// Whether nothing comes after the present chunk.
    pub(super) fn is_last(&self) -> bool {
        self.length == self.ahead.len()
    }

    /// Goes on to the next chunk.
    pub(super) fn advance(&mut self, offset: u64) -> Result<()> {
        self.ahead.drain(..self.length);
        let room = CHUNK + 1 - self.ahead.len();
        let mut stream = (&mut *self.stream).take(room as u64);
        stream.read_to_end(&mut self.ahead).map_err(|source| Error::Source { offset, source })?;
        let most = self.ahead.len().min(CHUNK);
        self.length = match self.kind {
            Kind::Bytes => most,
            Kind::Text => whole_characters(self.ahead.get(..most).unwrap_or_default(), self.ahead.len() > CHUNK)
                .ok_or_else(|| Error::unexpected(offset, "a text in UTF-8", "other bytes"))?,
        };
        Ok(())
    }
}

/// Bytes of the characters that are whole, or nothing if this is no UTF-8. Only if more is to come may
/// the last character be cut.
fn whole_characters(bytes: &[u8], more: bool) -> Option<usize> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Some(bytes.len()),
        Err(error) if more && error.error_len().is_none() => Some(error.valid_up_to()),
        Err(_) => None,
    }
}
