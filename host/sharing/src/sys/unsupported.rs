//! Platforms without open file description locks: everything is refused.
//!
//! The functions are those of the Linux mechanism, with the same meaning.

#![allow(unsafe_code, reason = "declares the same functions as the mechanism for Linux")]

use std::convert::Infallible;
use std::path::Path;

use super::Identity;
use crate::range::ByteRange;
use crate::{Fault, LockMode, OpenMode};

/// Whether files can be mapped into guest memory.
pub const CAN_MAP: bool = false;

/// An open directory; nothing can be opened in it.
#[derive(Debug)]
pub(crate) struct DirectoryHandle;

/// An open file, of which there are none here.
#[derive(Debug)]
pub(crate) struct Handle(Infallible);

pub(crate) fn open_directory(path: &Path) -> std::io::Result<DirectoryHandle> {
    std::fs::read_dir(path).map(|_| DirectoryHandle)
}

pub(crate) fn open_beneath(_directory: &DirectoryHandle, _path: &str, _mode: OpenMode) -> Result<Handle, Fault> {
    Err(Fault::Unsupported)
}

pub(crate) fn identity(file: &Handle) -> Result<Identity, Fault> {
    match file.0 {}
}

pub(crate) fn is_deleted(file: &Handle) -> Result<bool, Fault> {
    match file.0 {}
}

pub(crate) fn size(file: &Handle) -> Result<u64, Fault> {
    match file.0 {}
}

pub(crate) fn resize(file: &Handle, _size: u64) -> Result<(), Fault> {
    match file.0 {}
}

pub(crate) fn try_lock(file: &Handle, _range: ByteRange, _mode: LockMode) -> Result<bool, Fault> {
    match file.0 {}
}

pub(crate) fn unlock(file: &Handle, _range: ByteRange) -> Result<(), Fault> {
    match file.0 {}
}

pub(crate) fn unlock_all(file: &Handle) {
    match file.0 {}
}

pub(crate) fn is_locked(file: &Handle, _range: ByteRange) -> Result<bool, Fault> {
    match file.0 {}
}

pub(crate) fn page_size() -> usize {
    4096
}

pub(crate) unsafe fn map_shared(file: &Handle, _offset: u64, _start: usize, _length: usize) -> Result<(), Fault> {
    match file.0 {}
}

pub(crate) unsafe fn map_anonymous(_start: usize, _length: usize) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

pub(crate) fn watch_for_faults() -> Result<(), Fault> {
    Err(Fault::Unsupported)
}
