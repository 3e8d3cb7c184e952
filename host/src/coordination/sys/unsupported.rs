//! Platforms without open file description locks: everything is refused.
//!
//! The functions are those of the Linux mechanism, with the same meaning.

#![allow(unsafe_code, reason = "declares the same functions as the mechanism for Linux")]

use std::convert::Infallible;
use std::path::Path;

use super::Identity;
use crate::coordination::range::ByteRange;
use crate::coordination::{Fault, LockMode, OpenMode};

/// Whether files can be mapped into guest memory.
pub(in crate::coordination) const CAN_MAP: bool = false;

/// An open directory; nothing can be opened in it.
#[derive(Debug)]
pub(in crate::coordination) struct DirectoryHandle;

/// An open file, of which there are none here.
#[derive(Debug)]
pub(in crate::coordination) struct Handle(Infallible);

pub(in crate::coordination) fn open_directory(path: &Path) -> std::io::Result<DirectoryHandle> {
    std::fs::read_dir(path).map(|_| DirectoryHandle)
}

pub(in crate::coordination) fn open_beneath(
    _directory: &DirectoryHandle,
    _path: &str,
    _mode: OpenMode,
) -> Result<Handle, Fault> {
    Err(Fault::Unsupported)
}

pub(in crate::coordination) fn identity(file: &Handle) -> Result<Identity, Fault> {
    match file.0 {}
}

pub(in crate::coordination) fn is_deleted(file: &Handle) -> Result<bool, Fault> {
    match file.0 {}
}

pub(in crate::coordination) fn size(file: &Handle) -> Result<u64, Fault> {
    match file.0 {}
}

pub(in crate::coordination) fn resize(file: &Handle, _size: u64) -> Result<(), Fault> {
    match file.0 {}
}

pub(in crate::coordination) fn try_lock(file: &Handle, _range: ByteRange, _mode: LockMode) -> Result<bool, Fault> {
    match file.0 {}
}

pub(in crate::coordination) fn unlock(file: &Handle, _range: ByteRange) -> Result<(), Fault> {
    match file.0 {}
}

pub(in crate::coordination) fn unlock_all(file: &Handle) {
    match file.0 {}
}

pub(in crate::coordination) fn is_locked(file: &Handle, _range: ByteRange) -> Result<bool, Fault> {
    match file.0 {}
}

pub(in crate::coordination) fn page_size() -> usize {
    4096
}

pub(in crate::coordination) unsafe fn map_shared(
    file: &Handle,
    _offset: u64,
    _start: usize,
    _length: usize,
) -> Result<(), Fault> {
    match file.0 {}
}

pub(in crate::coordination) unsafe fn map_anonymous(_start: usize, _length: usize) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

pub(in crate::coordination) fn watch_for_faults() -> Result<(), Fault> {
    Err(Fault::Unsupported)
}
