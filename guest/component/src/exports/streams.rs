//! The resources for values in parts.

use std::cell::RefCell;
use std::rc::Rc;

use larder_engine as engine;

use super::Handle;
use crate::bindings::exports::larder::cache::cache::{GuestValueReader, GuestValueWriter, InputStream, OutputStream};
use crate::bindings::exports::larder::cache::types::{Error, Metadata};
use crate::bindings::wasi::io::streams::StreamError;
use crate::convert::Convert;

/// Bytes taken from a stream, or given to it, at a time.
const PIECE: u32 = 256 * 1024;

/// The resource `value-writer`.
pub(crate) struct ValueWriter {
    cache: Handle,
    writer: RefCell<engine::ValueWriter>,
}

impl ValueWriter {
    /// A value of a cache.
    pub(super) fn new(cache: &Handle, writer: engine::ValueWriter) -> Self {
        Self { cache: Rc::clone(cache), writer: RefCell::new(writer) }
    }

    fn append(&self, part: &[u8]) -> Result<(), Error> {
        self.writer.borrow_mut().append(&mut self.cache.borrow_mut(), part).map_err(Convert::convert)
    }
}

impl GuestValueWriter for ValueWriter {
    fn write(&self, part: Vec<u8>) -> Result<(), Error> {
        self.append(&part)
    }

    fn receive(&self, source: &InputStream, limit: Option<u64>) -> Result<u64, Error> {
        let mut received = 0;
        // To take nothing is to learn whether anything could be added.
        self.append(&[])?;
        while let Some(piece) = next_piece(received, limit) {
            let part = match source.blocking_read(u64::from(piece)) {
                Ok(part) => part,
                Err(StreamError::Closed) => break,
                Err(failed) => return Err(stream_error(failed)),
            };
            self.append(&part)?;
            received += part.len() as u64;
        }
        Ok(received)
    }

    fn finish(&self) -> Result<u64, Error> {
        self.writer.borrow_mut().finish(&mut self.cache.borrow_mut()).map_err(Convert::convert)
    }
}

impl Drop for ValueWriter {
    fn drop(&mut self) {
        self.writer.borrow_mut().abandon(&mut self.cache.borrow_mut());
    }
}

/// The resource `value-reader`.
pub(crate) struct ValueReader(RefCell<engine::ValueReader>);

impl ValueReader {
    /// A value.
    pub(super) fn new(reader: engine::ValueReader) -> Self {
        Self(RefCell::new(reader))
    }
}

impl GuestValueReader for ValueReader {
    fn size(&self) -> u64 {
        self.0.borrow().size()
    }

    fn is_text(&self) -> bool {
        self.0.borrow().is_text()
    }

    fn metadata(&self) -> Metadata {
        self.0.borrow().metadata().clone().convert()
    }

    fn seek(&self, place: u64) -> Result<(), Error> {
        self.0.borrow_mut().seek(place).map_err(Convert::convert)
    }

    fn read(&self, limit: u32) -> Result<Vec<u8>, Error> {
        self.0.borrow_mut().read(limit).map(<[u8]>::to_vec).map_err(Convert::convert)
    }

    fn send(&self, target: &OutputStream, limit: Option<u64>) -> Result<u64, Error> {
        let mut sent = 0;
        while let Some(piece) = next_piece(sent, limit) {
            let mut reader = self.0.borrow_mut();
            let part = reader.read(piece).map_err(Convert::convert)?;
            if part.is_empty() {
                break;
            }
            write_all(target, part).map_err(stream_error)?;
            sent += part.len() as u64;
        }
        target.blocking_flush().map_err(stream_error)?;
        Ok(sent)
    }
}

/// How much to move next; none if `limit` is reached.
fn next_piece(moved: u64, limit: Option<u64>) -> Option<u32> {
    let left = limit.map_or(u64::MAX, |limit| limit.saturating_sub(moved));
    u32::try_from(left.min(u64::from(PIECE))).ok().filter(|piece| *piece > 0)
}

/// Writes bytes as the stream permits.
fn write_all(target: &OutputStream, mut bytes: &[u8]) -> Result<(), StreamError> {
    while !bytes.is_empty() {
        let permitted = target.check_write()?;
        if permitted == 0 {
            target.subscribe().block();
            continue;
        }
        let (piece, rest) = bytes.split_at(bytes.len().min(usize::try_from(permitted).unwrap_or(usize::MAX)));
        target.write(piece)?;
        bytes = rest;
    }
    Ok(())
}

fn stream_error(error: StreamError) -> Error {
    Error::Io(match error {
        StreamError::Closed => "the stream is closed".into(),
        StreamError::LastOperationFailed(error) => format!("the stream: {}", error.to_debug_string()),
    })
}
