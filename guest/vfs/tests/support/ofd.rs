//! Coordination by open file description locks and `mmap`.

#![allow(unsafe_code, reason = "system calls")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};
use std::time::{Duration, Instant};

use larder_vfs::{Coordination, Fault, LockMode, SharedFile};

/// The host, in this process.
#[derive(Default)]
pub(crate) struct OfdCoordination {
    /// Makes barriers report damage.
    pub(crate) damaged: Arc<AtomicBool>,
    /// Changes the header of the WAL-index whenever somebody is in the middle of reading it.
    pub(crate) restless: Arc<AtomicBool>,
    /// Lets no WAL-index be written.
    pub(crate) read_only_index: bool,
    /// Makes it a host that can not map.
    pub(crate) unmappable: bool,
}

/// A file, and whether it can only be read.
struct OfdFile(File, bool);

fn fault(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::NotFound => Fault::NotFound,
        io::ErrorKind::PermissionDenied => Fault::Denied,
        io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge => Fault::Exhausted(error.to_string()),
        _ => Fault::Io(error.to_string()),
    }
}

impl Coordination for OfdCoordination {
    fn open(&self, path: &str, create: bool, read_only: bool) -> Result<Box<dyn SharedFile>, Fault> {
        if self.read_only_index && !read_only && path.ends_with("-shm") {
            return Err(Fault::Denied);
        }
        let file = OpenOptions::new()
            .read(true)
            .write(!read_only)
            .create(create && !read_only)
            .open(path)
            .map_err(|error| fault(&error))?;
        Ok(Box::new(OfdFile(file, read_only)))
    }

    fn can_map(&self) -> bool {
        !self.unmappable
    }

    unsafe fn barrier(&self, memory: *const u8, length: usize) -> Result<(), Fault> {
        assert!(!memory.is_null() && length > 0);
        fence(Ordering::SeqCst);
        if self.restless.load(Ordering::Relaxed) {
            // SAFETY: a word of the region, which is mapped and which others may write to.
            unsafe { AtomicU32::from_ptr(memory.cast_mut().cast()) }.fetch_add(1, Ordering::Relaxed);
        }
        if self.damaged.load(Ordering::Relaxed) { Err(Fault::Damaged) } else { Ok(()) }
    }
}

impl OfdFile {
    fn control(&self, command: i32, kind: i32, start: u64, length: u64) -> io::Result<i32> {
        let mut range = libc::flock {
            l_type: i16::try_from(kind).unwrap(),
            l_whence: i16::try_from(libc::SEEK_SET).unwrap(),
            l_start: start.try_into().unwrap(),
            l_len: length.try_into().unwrap(),
            l_pid: 0,
        };
        // SAFETY: the descriptor is open and `range` is a valid lock description.
        let result = unsafe { libc::fcntl(self.0.as_raw_fd(), command, &raw mut range) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(range.l_type.into()) }
    }
}

impl SharedFile for OfdFile {
    fn lock(&self, start: u64, length: u64, mode: LockMode, wait_ms: u32) -> Result<bool, Fault> {
        let kind = if mode == LockMode::Shared { libc::F_RDLCK } else { libc::F_WRLCK };
        let deadline = Instant::now() + Duration::from_millis(wait_ms.into());
        loop {
            match self.control(libc::F_OFD_SETLK, kind, start, length) {
                Ok(_) => return Ok(true),
                Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => {
                    if Instant::now() >= deadline {
                        return Ok(false);
                    }
                    std::thread::sleep(Duration::from_micros(100));
                }
                Err(error) => return Err(fault(&error)),
            }
        }
    }

    fn unlock(&self, start: u64, length: u64) -> Result<(), Fault> {
        let result = self.control(libc::F_OFD_SETLK, libc::F_UNLCK, start, length);
        result.map(|_| ()).map_err(|error| fault(&error))
    }

    fn is_locked(&self, start: u64, length: u64) -> Result<bool, Fault> {
        let result = self.control(libc::F_OFD_GETLK, libc::F_WRLCK, start, length);
        result.map(|kind| kind != libc::F_UNLCK).map_err(|error| fault(&error))
    }

    fn size(&self) -> Result<u64, Fault> {
        self.0.metadata().map(|metadata| metadata.len()).map_err(|error| fault(&error))
    }

    fn resize(&self, size: u64) -> Result<(), Fault> {
        self.0.set_len(size).map_err(|error| fault(&error))
    }

    unsafe fn map(&self, offset: u64, memory: *mut u8, length: usize) -> Result<(), Fault> {
        assert_eq!(memory.addr() % (64 << 10), 0, "misaligned");
        let writable = if self.1 { 0 } else { libc::PROT_WRITE };
        let protection = libc::PROT_READ | writable;
        let flags = libc::MAP_SHARED | libc::MAP_FIXED;
        let offset = offset.try_into().unwrap();
        let file = self.0.as_raw_fd();
        // SAFETY: the caller owns the memory and lends it until `unmap`.
        let mapped = unsafe { libc::mmap(memory.cast(), length, protection, flags, file, offset) };
        check(mapped)
    }

    unsafe fn unmap(&self, memory: *mut u8, length: usize) -> Result<(), Fault> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_FIXED | libc::MAP_ANONYMOUS;
        // SAFETY: the memory was mapped by `map`, and nothing refers to it any more.
        let mapped = unsafe { libc::mmap(memory.cast(), length, protection, flags, -1, 0) };
        check(mapped)
    }
}

fn check(mapped: *mut libc::c_void) -> Result<(), Fault> {
    if mapped == libc::MAP_FAILED { Err(fault(&io::Error::last_os_error())) } else { Ok(()) }
}
