//! Linux: open file description locks, `openat2`, shared mappings.
//!
//! Such locks belong to the open file description, that is to one handle, and not to the process
//! as traditional POSIX locks do, which any other `close` of the same file would release. They
//! exclude, and are excluded by, the POSIX locks of native `SQLite`.

#![allow(unsafe_code, reason = "rustix has no open file description locks; mapping over memory is unsafe by nature")]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FallocateFlags, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::{Errno, retry_on_intr};
use rustix::mm::{MapFlags, ProtFlags};

use super::Identity;
use crate::range::ByteRange;
use crate::{Fault, LockMode, OpenMode};

pub(crate) use crate::sigbus::watch_for_faults;

/// Whether files can be mapped into guest memory.
pub const CAN_MAP: bool = true;

/// An open directory.
#[derive(Debug)]
pub(crate) struct DirectoryHandle(OwnedFd);

/// An open regular file.
#[derive(Debug)]
pub(crate) struct Handle(OwnedFd);

/// Opens a directory of the host, to open files beneath it.
pub(crate) fn open_directory(path: &Path) -> std::io::Result<DirectoryHandle> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = retry_on_intr(|| rustix::fs::openat(CWD, path, flags, Mode::empty()))?;
    Ok(DirectoryHandle(directory))
}

/// Opens the regular file at `path`, of plain components only, never following a link.
pub(crate) fn open_beneath(directory: &DirectoryHandle, path: &str, mode: OpenMode) -> Result<Handle, Fault> {
    let access = match mode {
        OpenMode::ReadOnly => OFlags::RDONLY,
        OpenMode::ReadWrite => OFlags::RDWR,
        OpenMode::Create => OFlags::RDWR | OFlags::CREATE,
    };
    // Not to wait for the other end, should it be a pipe.
    let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let permissions = match mode {
        OpenMode::Create => Mode::from_raw_mode(0o666),
        OpenMode::ReadOnly | OpenMode::ReadWrite => Mode::empty(),
    };
    let opened = match openat2(directory.0.as_fd(), path, flags, permissions) {
        // A kernel before 5.6, or a sandbox that does not know the call.
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => {
            open_by_component(directory.0.as_fd(), path, flags, permissions)
        }
        result => result,
    };
    let file = opened.map_err(|errno| open_fault(errno, path))?;
    let status = stat(&file)?;
    if rustix::fs::FileType::from_raw_mode(status.st_mode) != rustix::fs::FileType::RegularFile {
        return Err(Fault::invalid(format!("{path:?} is not a regular file")));
    }
    Ok(Handle(file))
}

fn openat2(directory: BorrowedFd<'_>, path: &str, flags: OFlags, permissions: Mode) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
    retry_on_intr(|| rustix::fs::openat2(directory, path, flags, permissions, resolve))
}

/// Opens `path` one component at a time: as no component is a link or "..", none can lead out.
fn open_by_component(
    directory: BorrowedFd<'_>,
    path: &str,
    flags: OFlags,
    permissions: Mode,
) -> Result<OwnedFd, Errno> {
    let Some((parents, name)) = path.rsplit_once('/') else {
        return retry_on_intr(|| rustix::fs::openat(directory, path, flags, permissions));
    };
    let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut parent: Option<OwnedFd> = None;
    for component in parents.split('/') {
        let from = parent.as_ref().map_or(directory, AsFd::as_fd);
        let next = retry_on_intr(|| rustix::fs::openat(from, component, step, Mode::empty()));
        parent = Some(match next {
            Err(Errno::NOTDIR) if is_link(from, component) => return Err(Errno::LOOP),
            next => next?,
        });
    }
    let from = parent.as_ref().map_or(directory, AsFd::as_fd);
    retry_on_intr(|| rustix::fs::openat(from, name, flags, permissions))
}

/// Whether a component is a symbolic link, which a directory-only open reports as "not a
/// directory".
fn is_link(directory: BorrowedFd<'_>, component: &str) -> bool {
    rustix::fs::statat(directory, component, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|status| rustix::fs::FileType::from_raw_mode(status.st_mode).is_symlink())
}

fn stat(file: &OwnedFd) -> Result<Stat, Fault> {
    rustix::fs::fstat(file).map_err(|errno| fault(errno, "querying the file"))
}

/// Device and inode of an open file.
pub(crate) fn identity(file: &Handle) -> Result<Identity, Fault> {
    let status = stat(&file.0)?;
    Ok((status.st_dev, status.st_ino))
}

/// Whether the file no longer has a name.
pub(crate) fn is_deleted(file: &Handle) -> Result<bool, Fault> {
    Ok(stat(&file.0)?.st_nlink == 0)
}

/// Size in bytes.
pub(crate) fn size(file: &Handle) -> Result<u64, Fault> {
    u64::try_from(stat(&file.0)?.st_size).map_err(|_| Fault::Io("querying the file: a negative size".into()))
}

/// Cuts the file, or extends it by zeros for which the disk has room.
pub(crate) fn resize(file: &Handle, size: u64) -> Result<(), Fault> {
    let now = self::size(file)?;
    if size > now {
        check_free_space(file, size - now)?;
        // Blocks that a mapped page has no room for would fault when the page is written.
        let extend = FallocateFlags::empty();
        match retry_on_intr(|| rustix::fs::fallocate(&file.0, extend, now, size - now)) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
            result => return result.map_err(|errno| fault(errno, "extending the file")),
        }
    }
    if size == now {
        return Ok(());
    }
    retry_on_intr(|| rustix::fs::ftruncate(&file.0, size)).map_err(|errno| fault(errno, "resizing the file"))
}

/// `exhausted` if the file system has no room for so many bytes. Asked before they are allocated, since
/// a file system that runs out of them on the way keeps those that the file has got until then.
fn check_free_space(file: &Handle, bytes: u64) -> Result<(), Fault> {
    let Ok(status) = rustix::fs::fstatvfs(&file.0) else {
        return Ok(());
    };
    let free = status.f_bavail.saturating_mul(status.f_frsize);
    // One without blocks does not say.
    if status.f_blocks > 0 && free < bytes {
        return Err(Fault::exhausted(format!("the file system has room for {free} bytes, not for {bytes}")));
    }
    Ok(())
}

/// Locks a range, or changes the mode of what is held of it, without waiting. False if others
/// hold it.
pub(crate) fn try_lock(file: &Handle, range: ByteRange, mode: LockMode) -> Result<bool, Fault> {
    let kind = match mode {
        LockMode::Shared => libc::F_RDLCK,
        LockMode::Exclusive => libc::F_WRLCK,
    };
    match lock_call(file, libc::F_OFD_SETLK, &mut request(kind, range)?) {
        Ok(()) => Ok(true),
        Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
        Err(errno) => Err(lock_fault(errno, "locking")),
    }
}

/// Releases what is held of a range.
pub(crate) fn unlock(file: &Handle, range: ByteRange) -> Result<(), Fault> {
    lock_call(file, libc::F_OFD_SETLK, &mut request(libc::F_UNLCK, range)?)
        .map_err(|errno| lock_fault(errno, "unlocking"))
}

/// Releases all that the handle holds. A mapping keeps the open file description, and with it
/// its locks, alive beyond `close`; so does a child process between `fork` and `exec`.
pub(crate) fn unlock_all(file: &Handle) {
    let mut everything = flock(libc::F_UNLCK, 0, 0);
    // Releasing can only fail on a bad descriptor or in want of memory to split a range.
    let _ = lock_call(file, libc::F_OFD_SETLK, &mut everything);
}

/// Whether another handle holds any lock in the range.
pub(crate) fn is_locked(file: &Handle, range: ByteRange) -> Result<bool, Fault> {
    let mut probe = request(libc::F_WRLCK, range)?;
    lock_call(file, libc::F_OFD_GETLK, &mut probe).map_err(|errno| lock_fault(errno, "querying a lock"))?;
    Ok(i32::from(probe.l_type) != libc::F_UNLCK)
}

fn request(kind: libc::c_int, range: ByteRange) -> Result<libc::flock, Fault> {
    let offset = |value: u64| {
        libc::off_t::try_from(value).map_err(|_| Fault::invalid("a range beyond what this platform's files can have"))
    };
    Ok(flock(kind, offset(range.start())?, offset(range.length())?))
}

#[allow(clippy::cast_possible_truncation, reason = "the constants are declared wider than the field they are for")]
fn flock(kind: libc::c_int, start: libc::off_t, length: libc::off_t) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start,
        l_len: length,
        // Must be zero for locks of open file descriptions.
        l_pid: 0,
    }
}

fn lock_call(file: &Handle, command: libc::c_int, request: &mut libc::flock) -> Result<(), Errno> {
    retry_on_intr(|| {
        // SAFETY: the descriptor is open as long as `file` is borrowed, and both commands take a
        // pointer to a `flock`, which the kernel uses during the call only.
        let result = unsafe { libc::fcntl(file.0.as_raw_fd(), command, &raw mut *request) };
        if result == -1 {
            let error = std::io::Error::last_os_error();
            return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO));
        }
        Ok(())
    })
}

/// Size of a page of memory in bytes.
pub(crate) fn page_size() -> usize {
    rustix::param::page_size()
}

/// Puts pages of a file in place of memory.
///
/// # Safety
///
/// `start` and `length` must be whole pages of memory that is the caller's to replace, mapped by
/// `mmap`, and of whose content nothing is borrowed.
pub(crate) unsafe fn map_shared(file: &Handle, offset: u64, start: usize, length: usize) -> Result<(), Fault> {
    let address = std::ptr::with_exposed_provenance_mut(start);
    let access = ProtFlags::READ | ProtFlags::WRITE;
    let flags = MapFlags::SHARED | MapFlags::FIXED;
    // SAFETY: the caller vouches for the memory; the kernel checks the file and the offset.
    unsafe { rustix::mm::mmap(address, length, access, flags, &file.0, offset) }
        .map(drop)
        .map_err(|errno| fault(errno, "mapping the file"))
}

/// Puts fresh memory, all zeros, in place of memory. Safe to call from a signal handler: no
/// allocation, no lock, one system call that leaves `errno` alone.
///
/// # Safety
///
/// As for [`map_shared`].
pub(crate) unsafe fn map_anonymous(start: usize, length: usize) -> std::io::Result<()> {
    let address = std::ptr::with_exposed_provenance_mut(start);
    let access = ProtFlags::READ | ProtFlags::WRITE;
    let flags = MapFlags::PRIVATE | MapFlags::FIXED;
    // SAFETY: the caller vouches for the memory.
    unsafe { rustix::mm::mmap_anonymous(address, length, access, flags) }?;
    Ok(())
}

/// The fault for what an operation reported.
fn fault(errno: Errno, doing: &str) -> Fault {
    match errno {
        Errno::NOENT => Fault::NotFound,
        Errno::ACCESS | Errno::PERM | Errno::ROFS => Fault::Denied,
        Errno::OPNOTSUPP | Errno::NOSYS | Errno::NODEV => Fault::Unsupported,
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG | Errno::NOMEM | Errno::MFILE | Errno::NFILE | Errno::NOLCK => {
            Fault::exhausted(format!("{doing}: {errno}"))
        }
        _ => Fault::Io(format!("{doing}: {errno}")),
    }
}

fn open_fault(errno: Errno, path: &str) -> Fault {
    match errno {
        // A link, or a way out of the directory.
        Errno::LOOP | Errno::XDEV => Fault::Denied,
        Errno::NOTDIR => Fault::NotFound,
        Errno::ISDIR | Errno::NXIO => Fault::invalid(format!("{path:?} is not a regular file")),
        Errno::NAMETOOLONG => Fault::invalid("a name that is too long"),
        _ => fault(errno, &format!("opening {path:?}")),
    }
}

fn lock_fault(errno: Errno, doing: &str) -> Fault {
    match errno {
        // The kernel or the file system does not know these locks.
        Errno::INVAL => Fault::Unsupported,
        Errno::BADF => Fault::Denied,
        _ => fault(errno, doing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `openat2` does for all other tests is done by hand on old kernels.
    #[test]
    fn opening_by_component_stays_beneath_the_directory() {
        let temporary = tempfile::tempdir().unwrap();
        let inside = temporary.path();
        std::fs::create_dir_all(inside.join("a/b")).unwrap();
        std::fs::write(inside.join("a/b/file"), "").unwrap();
        std::os::unix::fs::symlink("/etc", inside.join("a/linked")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", inside.join("a/link")).unwrap();
        let directory = open_directory(inside).unwrap();
        let open = |path: &str| {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            open_by_component(directory.0.as_fd(), path, flags, Mode::empty()).map(drop)
        };
        assert_eq!(open("a/b/file"), Ok(()));
        assert_eq!(open("a/linked/passwd"), Err(Errno::LOOP));
        assert_eq!(open("a/link"), Err(Errno::LOOP));
        assert_eq!(open("a/b/file/file"), Err(Errno::NOTDIR));
        assert_eq!(open("a/c/file"), Err(Errno::NOENT));
    }
}
