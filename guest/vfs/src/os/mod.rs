//! The few system calls `std` does not offer on both platforms, under the same names.

use std::fs::File;
use std::io;

#[cfg(unix)]
mod unix;
#[cfg(target_os = "wasi")]
mod wasi;

#[cfg(unix)]
pub(crate) use unix::{fill_random, is_file_at, read_at, write_at};
#[cfg(target_os = "wasi")]
pub(crate) use wasi::{fill_random, is_file_at, read_at, write_at};

/// Fills `buffer` from `offset` on. Returns how much there was before the end of the file.
pub(crate) fn read_fully(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match read_at(file, rest, offset + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Writes all `bytes` to a file from `offset` on, wherever it stands: where `std` has that only in its
/// unstable part, too.
pub fn write_fully(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        match write_at(file, rest, offset + done as u64) {
            // The next attempt after a partial write says why; this one said nothing at all.
            Ok(0) => return Err(io::ErrorKind::StorageFull.into()),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
