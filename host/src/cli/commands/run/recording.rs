//! What a command has put out, as it is stored and replayed.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::cli::Outcome;
use crate::cli::failure::Failure;

/// What a stored recording begins with; the digit is the version of what follows.
const MAGIC: &[u8] = b"larder-run\x01";

/// Where output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stream {
    Output,
    Error,
}

/// What a command has put out, and how it ended.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recording {
    code: u8,
    /// In which order the streams were written to, and how many bytes each time.
    order: Vec<(Stream, u64)>,
    #[serde(with = "serde_bytes")]
    output: Vec<u8>,
    #[serde(with = "serde_bytes")]
    error: Vec<u8>,
}

impl Recording {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self { code: 0, order: Vec::new(), output: Vec::new(), error: Vec::new() }
    }

    /// Adds what was written to a stream.
    pub(super) fn push(&mut self, stream: Stream, bytes: &[u8]) {
        match stream {
            Stream::Output => self.output.extend_from_slice(bytes),
            Stream::Error => self.error.extend_from_slice(bytes),
        }
        match self.order.last_mut() {
            Some((last, length)) if *last == stream => *length += bytes.len() as u64,
            _ => self.order.push((stream, bytes.len() as u64)),
        }
    }

    /// How large it is when stored, in bytes, or a little less.
    pub(super) fn size(&self) -> usize {
        MAGIC.len() + self.output.len() + self.error.len() + self.order.len() * size_of::<(Stream, u64)>()
    }

    /// Adds how the command ended.
    pub(super) fn finish(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// Whether the command exited with 0.
    pub(super) fn succeeded(&self) -> bool {
        self.code == 0
    }

    /// As it is stored.
    pub(super) fn encode(&self) -> larder::Result<Vec<u8>> {
        postcard::to_extend(self, MAGIC.to_vec()).map_err(|error| larder::Error::Encoding(error.to_string()))
    }

    /// A stored recording; none if the bytes are something else.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (recording, rest) = postcard::take_from_bytes::<Self>(bytes.strip_prefix(MAGIC)?).ok()?;
        (rest.is_empty() && recording.is_consistent()).then_some(recording)
    }

    fn is_consistent(&self) -> bool {
        let length = |stream| {
            let lengths = self.order.iter().filter(|(of, _)| *of == stream).map(|(_, length)| *length);
            lengths.fold(0, u64::saturating_add)
        };
        length(Stream::Output) == self.output.len() as u64 && length(Stream::Error) == self.error.len() as u64
    }

    /// Puts it out again, in the order in which it was put out.
    pub(super) fn replay(&self) -> Result<Outcome, Failure> {
        self.write(&mut io::stdout(), &mut io::stderr()).map_err(Failure::Output)?;
        Ok(Outcome::Code(self.code))
    }

    fn write(&self, output: &mut impl Write, error: &mut impl Write) -> io::Result<()> {
        let (mut outputs, mut errors) = (self.output.as_slice(), self.error.as_slice());
        for (stream, length) in &self.order {
            let length = usize::try_from(*length).unwrap_or(usize::MAX);
            match stream {
                Stream::Output => write_first(&mut outputs, length, output)?,
                Stream::Error => write_first(&mut errors, length, error)?,
            }
        }
        Ok(())
    }
}

fn write_first(bytes: &mut &[u8], length: usize, sink: &mut impl Write) -> io::Result<()> {
    let (first, rest) = bytes.split_at(length.min(bytes.len()));
    *bytes = rest;
    sink.write_all(first)?;
    sink.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording() -> Recording {
        let mut recording = Recording::new();
        recording.push(Stream::Output, b"one\n");
        recording.push(Stream::Error, b"\xff\x00");
        recording.push(Stream::Output, b"two");
        recording.push(Stream::Output, b" three");
        recording.finish(3)
    }

    #[test]
    fn what_is_stored_is_what_is_read() {
        assert_eq!(Recording::decode(&recording().encode().unwrap()), Some(recording()));
    }

    #[test]
    fn the_order_of_writes_is_kept_and_adjacent_ones_are_joined() {
        let recording = recording();
        assert_eq!(recording.order, [(Stream::Output, 4), (Stream::Error, 2), (Stream::Output, 9)]);
        let (mut output, mut error) = (Vec::new(), Vec::new());
        recording.write(&mut output, &mut error).unwrap();
        assert_eq!((output.as_slice(), error.as_slice()), (&b"one\ntwo three"[..], &b"\xff\x00"[..]));
    }

    #[test]
    fn anything_else_is_no_recording() {
        let stored = recording().encode().unwrap();
        for length in 0..stored.len() {
            assert_eq!(Recording::decode(&stored[..length]), None, "the first {length} bytes");
        }
        assert_eq!(Recording::decode(&[stored.as_slice(), b"x"].concat()), None);
        let mut inconsistent = recording();
        inconsistent.order.push((Stream::Error, u64::MAX));
        assert_eq!(Recording::decode(&inconsistent.encode().unwrap()), None);
    }
}
