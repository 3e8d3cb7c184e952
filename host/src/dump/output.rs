//! Where a dump is written to: counted and hashed as it goes.

use std::io::{self, BufWriter, Write};

use minicbor::encode;
use sha2::{Digest, Sha256};

use super::error::{Error, Result};

/// The stream behind a [`super::Writer`].
pub(super) struct Output<W: Write> {
    stream: BufWriter<W>,
    digest: Sha256,
    offset: u64,
}

impl<W: Write> Output<W> {
    pub(super) fn new(stream: W) -> Self {
        Self { stream: BufWriter::new(stream), digest: Sha256::new(), offset: 0 }
    }

    /// Bytes written so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// SHA-256 of what was written so far.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.digest.clone().finalize().into()
    }

    /// Writes bytes as they are.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).map_err(|source| Error::Write { offset: self.offset, source })?;
        self.digest.update(bytes);
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Hands everything to the system.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.stream.flush().map_err(|source| Error::Write { offset: self.offset, source })
    }
}

impl<W: Write> encode::Write for Output<W> {
    type Error = Error;

    fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        self.put(bytes)
    }
}

impl From<encode::Error<Error>> for Error {
    fn from(error: encode::Error<Error>) -> Self {
        let message = error.to_string();
        // The encoder has no errors of its own for what a dump consists of.
        error.into_write().unwrap_or_else(|| Error::Write { offset: 0, source: io::Error::other(message) })
    }
}
