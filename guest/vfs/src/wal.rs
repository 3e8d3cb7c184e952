//! The write-ahead log, written with one call per commit.
//!
//! SQLite writes a frame in two pieces, a header of 24 bytes and a page, and a commit as many
//! frames, the last of which names the size of the database. Appended frames are collected here
//! and written together.
//!
//! # When a write must be done
//!
//! After the last frame of a commit SQLite publishes it in the WAL-index, for all others to read.
//! A frame must be in the file by then. The barrier in the middle of publishing is too late to
//! find out that the disk is full: it can not fail, and the second half of the header follows
//! whatever it does. The last call that can fail is the write of the commit frame's page, or,
//! where SQLite overwrote frames of its own transaction, the rewriting of their checksums after
//! that. So:
//!
//! - the page of a commit frame is written, with all before it, before its `write` returns;
//! - what overwrites bytes of the current run of frames is written at once.
//!
//! Hence what is pending never contains a commit. Pending frames lost to a failed write leave a
//! *hole*: until a frame is written over its beginning, or the transaction is over, everything
//! that depends on the bytes in it fails, in particular the commit.

use std::io;
use std::ops::Range;

use crate::disk::Storage;

const FILE_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// How much is collected at most, so that huge transactions need no more memory than others.
const PENDING_MAX: usize = 1 << 20;
/// How much memory is kept for the next transaction.
const PENDING_KEPT: usize = 128 << 10;

/// A page that is to follow its frame header.
#[derive(Clone, Copy, Debug)]
struct ExpectedPage {
    offset: u64,
    commits: bool,
}

/// Bytes that SQLite takes for written and are not.
#[derive(Clone, Debug)]
struct Hole {
    start: u64,
    kind: io::ErrorKind,
    message: String,
}

impl Hole {
    fn error(&self) -> io::Error {
        io::Error::new(self.kind, self.message.clone())
    }
}

/// A log and what is still to be written to it.
#[derive(Debug)]
pub(crate) struct WalLog<S> {
    storage: S,
    pending: Vec<u8>,
    /// The frames appended by the current transaction, those pending included.
    run: Range<u64>,
    expected: Option<ExpectedPage>,
    hole: Option<Hole>,
}

impl<S: Storage> WalLog<S> {
    pub(crate) fn new(storage: S) -> Self {
        Self { storage, pending: Vec::new(), run: 0..0, expected: None, hole: None }
    }

    pub(crate) fn storage(&self) -> &S {
        &self.storage
    }

    pub(crate) fn write(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let expected = self.expected.take().filter(|page| page.offset == offset);
        let starts_run = bytes.len() == FILE_HEADER && offset == 0;
        let starts_frame = bytes.len() == FRAME_HEADER && !self.run.contains(&offset);
        if starts_run || starts_frame {
            self.fill_hole_from(offset);
        }
        self.check_hole(offset + bytes.len() as u64)?;
        if starts_run || (starts_frame && offset != self.run.end) {
            self.flush()?;
            self.run = offset..offset;
        }
        if starts_run || starts_frame {
            self.append(bytes);
            self.expected = starts_frame
                .then(|| ExpectedPage { offset: offset + FRAME_HEADER as u64, commits: is_commit_header(bytes) });
            return Ok(());
        }
        if let Some(page) = expected {
            self.append(bytes);
            if page.commits || self.pending.len() >= PENDING_MAX {
                return self.flush();
            }
            return Ok(());
        }
        // A page or a checksum of the current transaction once more. SQLite is told when it fails.
        self.flush()?;
        self.storage.write(bytes, offset)
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let end = offset + buffer.len() as u64;
        if end > self.pending_start() {
            self.flush()?;
        }
        self.check_hole(end)?;
        self.storage.read(buffer, offset)
    }

    pub(crate) fn size(&mut self) -> io::Result<u64> {
        self.flush()?;
        self.storage.size()
    }

    pub(crate) fn resize(&mut self, size: u64) -> io::Result<()> {
        self.flush()?;
        self.storage.resize(size)
    }

    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        self.check_hole(u64::MAX)?;
        self.storage.sync()
    }

    /// Writes what is pending.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let start = self.pending_start();
        let result = self.storage.write(&self.pending, start);
        self.pending.clear();
        self.pending.shrink_to(PENDING_KEPT);
        result.inspect_err(|error| self.dig_hole(start, error))
    }

    /// To be called when the write lock is released: others may append from now on, where this
    /// transaction left off or, if it was rolled back, over its frames.
    pub(crate) fn end_transaction(&mut self) -> io::Result<()> {
        let result = self.flush();
        self.run = 0..0;
        self.expected = None;
        // No commit is among what was lost, so nobody will ever ask for it.
        self.hole = None;
        result
    }

    fn append(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        self.run.end += bytes.len() as u64;
    }

    /// Where the pending bytes belong; the end of everything if there are none.
    fn pending_start(&self) -> u64 {
        match self.pending.len() {
            0 => u64::MAX,
            length => self.run.end - length as u64,
        }
    }

    fn dig_hole(&mut self, start: u64, error: &io::Error) {
        let start = self.hole.as_ref().map_or(start, |hole| hole.start.min(start));
        self.hole = Some(Hole { start, kind: error.kind(), message: error.to_string() });
        self.run.end = start.max(self.run.start);
    }

    fn fill_hole_from(&mut self, offset: u64) {
        self.hole.take_if(|hole| offset <= hole.start);
    }

    fn check_hole(&self, end: u64) -> io::Result<()> {
        match &self.hole {
            Some(hole) if end > hole.start => Err(hole.error()),
            _ => Ok(()),
        }
    }
}

/// Whether these bytes are the header of a frame that ends a commit.
pub(crate) fn is_commit_header(bytes: &[u8]) -> bool {
    // Bytes 4 to 8: size of the database after the commit, 0 in all frames but the last.
    bytes.len() == FRAME_HEADER && bytes.iter().skip(4).take(4).any(|&byte| byte != 0)
}

#[cfg(test)]
mod tests;
