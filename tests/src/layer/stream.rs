//! Streams of files, each read and write judged first.

use std::path::PathBuf;

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult,
};

use super::{Call, Layer, Verdict};

/// How much a stream takes at once of which only some is written.
const LITTLE: usize = 1_000;

fn broken() -> StreamError {
    StreamError::LastOperationFailed(wasmtime::Error::new(std::io::Error::from_raw_os_error(libc::EIO)))
}

fn full() -> StreamError {
    StreamError::LastOperationFailed(wasmtime::Error::new(std::io::Error::from_raw_os_error(libc::ENOSPC)))
}

/// A file that is read from a place on.
pub(super) struct LayeredInput {
    pub(super) beneath: DynInputStream,
    pub(super) layer: Layer,
}

#[wasmtime_wasi::async_trait]
impl Pollable for LayeredInput {
    async fn ready(&mut self) {
        self.beneath.ready().await;
    }
}

impl InputStream for LayeredInput {
    fn read(&mut self, size: usize) -> StreamResult<bytes::Bytes> {
        match self.layer.judge(Call::Read) {
            Verdict::Proceed => self.beneath.read(size),
            Verdict::Short => self.beneath.read(size.div_ceil(2)),
            Verdict::Fail(_) => Err(broken()),
        }
    }
}

/// A file that is written from a place on.
pub(super) struct LayeredOutput {
    pub(super) beneath: DynOutputStream,
    pub(super) layer: Layer,
    pub(super) path: PathBuf,
    pub(super) offset: u64,
}

#[wasmtime_wasi::async_trait]
impl Pollable for LayeredOutput {
    async fn ready(&mut self) {
        self.beneath.ready().await;
    }
}

impl OutputStream for LayeredOutput {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        let failed = match self.layer.judge(Call::Write) {
            // A stream takes all it has permitted.
            Verdict::Proceed | Verdict::Short => return self.pass_on(&bytes),
            Verdict::Fail(ErrorCode::InsufficientSpace) => full(),
            Verdict::Fail(_) => broken(),
        };
        // What fails need not have done nothing.
        let half = bytes.len() / 2;
        self.pass_on(&bytes.slice(..half))?;
        Err(failed)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.beneath.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let permitted = self.beneath.check_write()?;
        Ok(if self.layer.would_be_short(Call::Write) { permitted.min(LITTLE) } else { permitted })
    }
}

impl LayeredOutput {
    fn pass_on(&mut self, bytes: &bytes::Bytes) -> StreamResult<()> {
        self.beneath.write(bytes.clone())?;
        self.layer.note(|journal| journal.wrote(&self.path, self.offset, bytes));
        self.offset += bytes.len() as u64;
        Ok(())
    }
}
