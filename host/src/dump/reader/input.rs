//! Where a dump is read from: counted and hashed as it goes.

use std::io::{self, BufReader, Read};

use sha2::{Digest, Sha256};

use super::head::{Head, argument_length};
use crate::dump::error::{Error, Result};

/// How deep a field that is not known may be nested.
const DEPTH_LIMIT: u32 = 16;

/// The stream behind a [`super::Reader`].
pub(super) struct Input<R> {
    stream: BufReader<R>,
    digest: Sha256,
    offset: u64,
}

impl<R: Read> Input<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream: BufReader::new(stream), digest: Sha256::new(), offset: 0 }
    }

    /// Bytes read so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The state of SHA-256 after what was read so far.
    pub(super) fn digest(&self) -> Sha256 {
        self.digest.clone()
    }

    /// Reads into `buffer` what comes at once; 0 bytes are the end.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = loop {
            match self.stream.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::Read { offset: self.offset, source }),
                Ok(count) => break count,
            }
        };
        self.digest.update(buffer.get(..count).unwrap_or_default());
        self.offset += count as u64;
        Ok(count)
    }

    /// Reads at least one byte into a buffer that is not empty.
    pub(super) fn some(&mut self, buffer: &mut [u8], expected: &'static str) -> Result<usize> {
        match self.read(buffer)? {
            0 => Err(Error::Truncated { offset: self.offset, expected }),
            count => Ok(count),
        }
    }

    /// Fills the buffer.
    pub(super) fn exact(&mut self, mut buffer: &mut [u8], expected: &'static str) -> Result<()> {
        while !buffer.is_empty() {
            let count = self.some(buffer, expected)?;
            buffer = buffer.get_mut(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// The head of the next item and where it begins.
    pub(super) fn head(&mut self, expected: &'static str) -> Result<(u64, Head)> {
        let offset = self.offset;
        let mut initial = [0];
        self.exact(&mut initial, expected)?;
        let [initial] = initial;
        let mut argument = [0; 8];
        let following = argument_length(initial).and_then(|length| argument.get_mut(8 - length..));
        let Some(following) = following else {
            return Err(Error::unexpected(offset, expected, format!("the byte {initial:#04x}, which is no CBOR")));
        };
        self.exact(following, expected)?;
        Ok((offset, Head::new(initial, u64::from_be_bytes(argument))))
    }

    /// Refuses anything after the end.
    pub(super) fn end(&mut self) -> Result<()> {
        let offset = self.offset;
        match self.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(Error::unexpected(offset, "the end of the dump", "more bytes")),
        }
    }

    pub(super) fn unsigned(&mut self, expected: &'static str) -> Result<u64> {
        match self.head(expected)? {
            (_, Head::Unsigned(number)) => Ok(number),
            (offset, other) => Err(Error::unexpected(offset, expected, other.describe())),
        }
    }

    pub(super) fn integer(&mut self, expected: &'static str) -> Result<i64> {
        let (offset, head) = self.head(expected)?;
        signed(head).ok_or_else(|| Error::unexpected(offset, expected, head.describe()))
    }

    pub(super) fn flag(&mut self, expected: &'static str) -> Result<bool> {
        match self.head(expected)? {
            (_, Head::Flag(flag)) => Ok(flag),
            (offset, other) => Err(Error::unexpected(offset, expected, other.describe())),
        }
    }

    /// A text of at most `limit` bytes, in one piece.
    pub(super) fn text(&mut self, what: &'static str, limit: usize) -> Result<String> {
        match self.head(what)? {
            (offset, Head::Text(Some(size))) => self.text_content(offset, size, what, limit),
            (offset, other) => Err(Error::unexpected(offset, what, other.describe())),
        }
    }

    /// What follows the head of a text at `offset`.
    pub(super) fn text_content(&mut self, offset: u64, size: u64, what: &'static str, limit: usize) -> Result<String> {
        let bytes = self.bytes_content(offset, size, what, limit)?;
        String::from_utf8(bytes).map_err(|_| Error::unexpected(offset, what, "a text that is not UTF-8"))
    }

    /// What follows the head of a byte string at `offset`.
    pub(super) fn bytes_content(
        &mut self,
        offset: u64,
        size: u64,
        what: &'static str,
        limit: usize,
    ) -> Result<Vec<u8>> {
        let length = usize::try_from(size).ok().filter(|length| *length <= limit);
        let Some(length) = length else {
            return Err(Error::TooLarge { offset, what, size, limit: limit as u64 });
        };
        let mut bytes = vec![0; length];
        self.exact(&mut bytes, what)?;
        Ok(bytes)
    }

    /// Passes over one item, whatever it is.
    pub(super) fn skip(&mut self) -> Result<()> {
        match self.skip_item(0)? {
            Skipped::Item => Ok(()),
            Skipped::Break(offset) => Err(Error::unexpected(offset, SKIPPED, Head::Break.describe())),
        }
    }

    fn skip_item(&mut self, depth: u32) -> Result<Skipped> {
        let (offset, head) = self.head(SKIPPED)?;
        if depth > DEPTH_LIMIT {
            let (what, limit) = ("the nesting of an unknown field", u64::from(DEPTH_LIMIT));
            return Err(Error::TooLarge { offset, what, size: u64::from(depth), limit });
        }
        match head {
            Head::Bytes(Some(size)) | Head::Text(Some(size)) => self.skip_bytes(size)?,
            Head::Array(Some(count)) => self.skip_items(count, depth)?,
            Head::Map(Some(count)) => {
                self.skip_items(count, depth)?;
                self.skip_items(count, depth)?;
            }
            Head::Tag(_) => self.skip_items(1, depth)?,
            Head::Bytes(None) | Head::Text(None) | Head::Array(None) | Head::Map(None) => {
                while matches!(self.skip_item(depth + 1)?, Skipped::Item) {}
            }
            Head::Break => return Ok(Skipped::Break(offset)),
            Head::Unsigned(_) | Head::Negative(_) | Head::Flag(_) | Head::Real(_) | Head::Other(_) => {}
        }
        Ok(Skipped::Item)
    }

    fn skip_items(&mut self, count: u64, depth: u32) -> Result<()> {
        for _ in 0..count {
            if let Skipped::Break(offset) = self.skip_item(depth + 1)? {
                return Err(Error::unexpected(offset, SKIPPED, Head::Break.describe()));
            }
        }
        Ok(())
    }

    fn skip_bytes(&mut self, mut left: u64) -> Result<()> {
        let mut scratch = [0; 4096];
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(scratch.len());
            left -= self.some(scratch.get_mut(..most).unwrap_or_default(), SKIPPED)? as u64;
        }
        Ok(())
    }
}

/// What was passed over.
enum Skipped {
    /// A whole item.
    Item,
    /// The end of an item of indefinite length, at this byte.
    Break(u64),
}

const SKIPPED: &str = "the content of an unknown field";

/// The integer, if it is one of 64 bits.
pub(super) fn signed(head: Head) -> Option<i64> {
    match head {
        Head::Unsigned(number) => i64::try_from(number).ok(),
        Head::Negative(number) => i64::try_from(number).ok().map(|number| -1 - number),
        _ => None,
    }
}
