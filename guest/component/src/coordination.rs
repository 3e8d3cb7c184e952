//! The host's `coordination`, as the VFS and the engine ask for it.

#![allow(unsafe_code, reason = "makes slices of the memory the VFS gives to be mapped")]

use std::path::Path;

use larder_engine::{Error, RangeLocks};
use larder_vfs::{Coordination, Fault, LockMode, SharedFile};

use crate::bindings::larder::cache::coordination as host;

/// Locks and shared pages of the host.
pub(crate) struct HostCoordination;

impl Coordination for HostCoordination {
    fn open(&self, path: &str, create: bool, read_only: bool) -> Result<Box<dyn SharedFile>, Fault> {
        let file = host::SharedFile::open(path, create, read_only).map_err(fault)?;
        Ok(Box::new(HostFile(file)))
    }

    fn can_map(&self) -> bool {
        host::can_map()
    }

    unsafe fn barrier(&self, memory: *const u8, length: usize) -> Result<(), Fault> {
        // SAFETY: the caller vouches for a whole mapped region. Others may write to it, but this
        // program does not look into the slice: only its address and length go to the host.
        let memory = unsafe { std::slice::from_raw_parts(memory, length) };
        host::barrier(memory).map_err(fault)
    }
}

struct HostFile(host::SharedFile);

impl SharedFile for HostFile {
    fn lock(&self, start: u64, length: u64, mode: LockMode, wait_ms: u32) -> Result<bool, Fault> {
        let mode = match mode {
            LockMode::Shared => host::LockMode::Shared,
            LockMode::Exclusive => host::LockMode::Exclusive,
        };
        self.0.lock(start, length, mode, wait_ms).map_err(fault)
    }

    fn unlock(&self, start: u64, length: u64) -> Result<(), Fault> {
        release(&self.0, start, length).map_err(fault)
    }

    fn is_locked(&self, start: u64, length: u64) -> Result<bool, Fault> {
        self.0.is_locked(start, length).map_err(fault)
    }

    fn size(&self) -> Result<u64, Fault> {
        self.0.size().map_err(fault)
    }

    fn resize(&self, size: u64) -> Result<(), Fault> {
        self.0.resize(size).map_err(fault)
    }

    unsafe fn map(&self, offset: u64, memory: *mut u8, length: usize) -> Result<(), Fault> {
        // SAFETY: the caller vouches that the memory is its own and that no reference leads into
        // it. The slice is only read for its address and length.
        let memory = unsafe { std::slice::from_raw_parts(memory, length) };
        self.0.map(offset, memory).map_err(fault)
    }

    unsafe fn unmap(&self, memory: *mut u8, length: usize) -> Result<(), Fault> {
        // SAFETY: as for `map`.
        let memory = unsafe { std::slice::from_raw_parts(memory, length) };
        self.0.unmap(memory).map_err(fault)
    }
}

/// Locks on the bytes of a file, for the engine.
pub(crate) struct HostLocks {
    file: host::SharedFile,
    path: String,
}

impl HostLocks {
    /// Opens the file, creating it if need be.
    pub(crate) fn open(path: &Path) -> larder_engine::Result<Self> {
        let path = path.display().to_string();
        match host::SharedFile::open(&path, true, false) {
            Ok(file) => Ok(Self { file, path }),
            Err(reason) => Err(error(&path, reason)),
        }
    }

    fn named<T>(&self, result: Result<T, host::Fault>) -> larder_engine::Result<T> {
        result.map_err(|reason| error(&self.path, reason))
    }
}

impl RangeLocks for HostLocks {
    fn lock(&self, byte: u64, exclusive: bool, wait_ms: u32) -> larder_engine::Result<bool> {
        let mode = if exclusive { host::LockMode::Exclusive } else { host::LockMode::Shared };
        self.named(self.file.lock(byte, 1, mode, wait_ms))
    }

    fn unlock(&self, byte: u64) -> larder_engine::Result<()> {
        self.named(release(&self.file, byte, 1))
    }

    fn is_locked(&self, byte: u64) -> larder_engine::Result<bool> {
        self.named(self.file.is_locked(byte, 1))
    }
}

/// Releases a range of bytes. What the operating system refused is asked once more: a lock that stayed would keep
/// others waiting until this file is closed.
fn release(file: &host::SharedFile, start: u64, length: u64) -> Result<(), host::Fault> {
    match file.unlock(start, length) {
        Err(host::Fault::Io(_)) => file.unlock(start, length),
        done => done,
    }
}

fn error(path: &str, reason: host::Fault) -> Error {
    let fault = fault(reason);
    let text = format!("{path}: {fault}");
    match fault {
        Fault::NotFound => Error::NotFound(text),
        Fault::Denied => Error::PermissionDenied(text),
        Fault::Exhausted(_) => Error::Full(text),
        Fault::Damaged => Error::Corrupt(text),
        _ => Error::Io(text),
    }
}

fn fault(fault: host::Fault) -> Fault {
    match fault {
        host::Fault::NotFound => Fault::NotFound,
        host::Fault::Denied => Fault::Denied,
        host::Fault::Unsupported => Fault::Unsupported,
        host::Fault::Damaged => Fault::Damaged,
        host::Fault::Exhausted(what) => Fault::Exhausted(what),
        host::Fault::Invalid(what) => Fault::Invalid(what),
        host::Fault::Io(what) => Fault::Io(what),
    }
}
