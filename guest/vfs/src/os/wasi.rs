//! WASI preview 1, whose positioned reads and writes `std` has only in its unstable part.

#![allow(unsafe_code, reason = "the bindings of WASI take raw descriptors and pointers")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

use crate::disk::refuse_irregular;

fn descriptor(file: &File) -> wasip1::Fd {
    file.as_raw_fd().cast_unsigned()
}

fn error(errno: wasip1::Errno) -> io::Error {
    io::Error::from_raw_os_error(i32::from(errno.raw()))
}

pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let vectors = [wasip1::Iovec { buf: buffer.as_mut_ptr(), buf_len: buffer.len() }];
    // SAFETY: the descriptor is open as long as `file` is borrowed, and the vector describes
    // exactly the bytes of `buffer`, which is borrowed alone during the call.
    unsafe { wasip1::fd_pread(descriptor(file), &vectors, offset) }.map_err(error)
}

pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    let vectors = [wasip1::Ciovec { buf: bytes.as_ptr(), buf_len: bytes.len() }];
    // SAFETY: the descriptor is open as long as `file` is borrowed, and the vector describes
    // exactly the bytes of `bytes`, which are only read.
    unsafe { wasip1::fd_pwrite(descriptor(file), &vectors, offset) }.map_err(error)
}

/// Whether `path` still leads to the open `file`.
pub(crate) fn is_file_at(file: &File, path: &str) -> io::Result<bool> {
    let other = match refuse_irregular(path).and_then(|()| File::open(path)) {
        Ok(other) => other,
        // Something else has its place.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let (here, there) = (identity(file)?, identity(&other)?);
    Ok(here == there)
}

fn identity(file: &File) -> io::Result<(u64, u64)> {
    // SAFETY: the descriptor is open as long as `file` is borrowed.
    let status = unsafe { wasip1::fd_filestat_get(descriptor(file)) }.map_err(error)?;
    Ok((status.dev, status.ino))
}

pub(crate) fn fill_random(buffer: &mut [u8]) -> io::Result<()> {
    // SAFETY: pointer and length are those of `buffer`, borrowed alone during the call.
    unsafe { wasip1::random_get(buffer.as_mut_ptr(), buffer.len()) }.map_err(error)
}
