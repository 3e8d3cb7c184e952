//! Files whose ranges can be locked between handles, processes and native programs.

use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(feature = "component")]
use wasmtime::component::{ComponentType, Lift, Lower};

use crate::directory::components;
use crate::range::{ByteRange, HeldRanges};
use crate::wait::{Place, WaitingRoom};
use crate::{Directory, Fault, sys};

/// How a range is locked: the `lock-mode` of the WIT interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "component", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum LockMode {
    /// Together with other shared locks.
    #[cfg_attr(feature = "component", component(name = "shared"))]
    Shared,
    /// Alone.
    #[cfg_attr(feature = "component", component(name = "exclusive"))]
    Exclusive,
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// For reading and shared locks.
    ReadOnly,
    /// For everything.
    ReadWrite,
    /// For everything, and created if it is not there.
    Create,
}

/// A file opened for coordination: the `shared-file` of the WIT interface.
///
/// Locks belong to the handle: two handles on one file exclude each other like any others, in
/// whatever process. Dropping it releases them.
///
/// ```
/// use std::time::Duration;
/// use larder_sharing::{Directory, LockMode, OpenMode, SharedFile};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # if cfg!(not(target_os = "linux")) { return Ok(()) }
/// # let temporary = tempfile::tempdir()?;
/// # let path = temporary.path();
/// let directory = Directory::open(path)?;
/// let mut ours = SharedFile::open_beneath(&directory, "job.lock", OpenMode::Create)?;
/// let mut theirs = SharedFile::open_beneath(&directory, "job.lock", OpenMode::ReadWrite)?;
///
/// assert!(ours.lock(0, 1, LockMode::Exclusive, Duration::ZERO)?);
/// assert!(!theirs.lock(0, 1, LockMode::Exclusive, Duration::from_millis(5))?);
/// drop(ours);
/// assert!(theirs.lock(0, 1, LockMode::Exclusive, Duration::ZERO)?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SharedFile {
    handle: sys::Handle,
    writable: bool,
    held: HeldRanges,
    room: Arc<WaitingRoom>,
}

impl SharedFile {
    /// Opens the regular file at `path`, relative to `directory`.
    ///
    /// No component of the path may be ".." or a symbolic link (`denied`), so that it can not
    /// lead out of the directory.
    pub fn open_beneath(directory: &Directory, path: &str, mode: OpenMode) -> Result<Self, Fault> {
        let components = components(path)?;
        if components.is_empty() {
            return Err(Fault::invalid("a path that names no file"));
        }
        let handle = sys::open_beneath(directory.handle(), &components.join("/"), mode)?;
        let room = WaitingRoom::of(sys::identity(&handle)?);
        Ok(Self { handle, writable: mode != OpenMode::ReadOnly, held: HeldRanges::default(), room })
    }

    /// Locks the `length` bytes from `start` on, which need not exist, or changes the mode of
    /// what this handle holds of them. False if others held them all the time.
    ///
    /// Waits up to `wait` in order of arrival with the other handles of this process that wait
    /// for ranges with the same start; against other processes there is no order. Out of turn
    /// go: a handle that holds some of the range (the others may be waiting for it), shared locks
    /// of a handle that holds any, and shared locks that do not wait at all.
    ///
    /// `denied` for exclusive locks on a read-only file; `damaged` for exclusive locks on a file
    /// that has been deleted, since nobody else would meet them. Then nothing of the range is
    /// held if the deletion was only found after a wait, and nothing has changed otherwise.
    pub fn lock(&mut self, start: u64, length: u64, mode: LockMode, wait: Duration) -> Result<bool, Fault> {
        let range = ByteRange::new(start, length)?;
        self.held.check_lock(range)?;
        if mode == LockMode::Exclusive {
            self.check_writable()?;
            self.check_linked()?;
        }
        let place = self.place(range, mode, wait);
        let queue = place == Place::Back && self.room.has_line(start);
        let acquired = if !queue && sys::try_lock(&self.handle, range, mode)? {
            true
        } else {
            !wait.is_zero() && self.wait_for(range, mode, place, wait)?
        };
        if acquired {
            let downgrade = mode == LockMode::Shared && self.held.touches(range);
            self.held.insert(range, mode);
            if downgrade {
                self.room.announce_release();
            }
        }
        Ok(acquired)
    }

    /// Whether to stand in line for a lock. See [`SharedFile::lock`].
    fn place(&self, range: ByteRange, mode: LockMode, wait: Duration) -> Place {
        let sharing = mode == LockMode::Shared && (wait.is_zero() || !self.held.is_empty());
        if sharing || self.held.touches(range) { Place::Front } else { Place::Back }
    }

    #[cold]
    fn wait_for(&mut self, range: ByteRange, mode: LockMode, place: Place, wait: Duration) -> Result<bool, Fault> {
        // A deadline beyond what the clock can express is never.
        let deadline = Instant::now().checked_add(wait);
        let attempt = || sys::try_lock(&self.handle, range, mode);
        let acquired = self.room.wait(range.start(), place, deadline, attempt)?;
        if acquired && mode == LockMode::Exclusive {
            // The holder that was waited for may have deleted the file.
            if let Err(fault) = self.check_linked() {
                self.release(range)?;
                return Err(fault);
            }
        }
        Ok(acquired)
    }

    /// Releases what this handle holds of the `length` bytes from `start` on, if anything.
    pub fn unlock(&mut self, start: u64, length: u64) -> Result<(), Fault> {
        let range = ByteRange::new(start, length)?;
        self.held.check_unlock(range)?;
        self.release(range)
    }

    fn release(&mut self, range: ByteRange) -> Result<(), Fault> {
        sys::unlock(&self.handle, range)?;
        self.held.remove(range);
        self.room.announce_release();
        Ok(())
    }

    /// Whether another handle holds a lock that keeps this one from locking the `length` bytes
    /// from `start` on exclusively.
    pub fn is_locked(&self, start: u64, length: u64) -> Result<bool, Fault> {
        sys::is_locked(&self.handle, ByteRange::new(start, length)?)
    }

    /// Size of the file in bytes.
    pub fn size(&self) -> Result<u64, Fault> {
        sys::size(&self.handle)
    }

    /// Cuts the file to `size` bytes, or extends it by zeros that the disk has room for.
    pub fn resize(&self, size: u64) -> Result<(), Fault> {
        self.resize_if(size, |_| Ok(()))
    }

    /// Resizes the file if `allow` does not refuse, which is told its size until then; what `allow` says.
    /// No other handle of the process resizes the file meanwhile.
    pub fn resize_if<T>(&self, size: u64, allow: impl FnOnce(u64) -> Result<T, Fault>) -> Result<T, Fault> {
        self.check_writable()?;
        if i64::try_from(size).is_err() {
            return Err(Fault::invalid("a size beyond 2^63"));
        }
        let _alone = self.room.resize_alone();
        let allowed = allow(self.size()?)?;
        sys::resize(&self.handle, size)?;
        Ok(allowed)
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.writable
    }

    pub(crate) fn handle(&self) -> &sys::Handle {
        &self.handle
    }

    fn check_writable(&self) -> Result<(), Fault> {
        if self.writable { Ok(()) } else { Err(Fault::Denied) }
    }

    fn check_linked(&self) -> Result<(), Fault> {
        if sys::is_deleted(&self.handle)? { Err(Fault::Damaged) } else { Ok(()) }
    }

    /// How many handles of this process wait for a lock on the file.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.room.len()
    }
}

impl Drop for SharedFile {
    fn drop(&mut self) {
        // Closing is not enough while a mapping or a child process has the file as well.
        if !self.held.is_empty() {
            sys::unlock_all(&self.handle);
            self.room.announce_release();
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
