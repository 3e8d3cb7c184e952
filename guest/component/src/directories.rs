//! What WASI 0.2 can do with directories, and the functions of WASI preview 1 behind `std` can not: sync
//! them, and say that something is wrong with what was granted.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::bindings::wasi::filesystem::preopens::get_directories;
use crate::bindings::wasi::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};

/// Waits until the names in a directory are on the disk.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    let (granted, path) = (get_directories(), from_the_root(path));
    let holder = granted.iter().filter_map(|(directory, name)| {
        let rest = path.strip_prefix(from_the_root(Path::new(name))).ok()?;
        Some((directory, rest.to_str()?))
    });
    // Of grants within each other the innermost.
    let (directory, rest) = holder.min_by_key(|(_, rest)| rest.len()).ok_or(io::ErrorKind::NotFound)?;
    match sync_beneath(directory, rest) {
        // Systems that can not sync directories say so in many ways; SQLite puts up with all of them, too.
        Ok(())
        | Err(
            ErrorCode::Unsupported
            | ErrorCode::Invalid
            | ErrorCode::BadDescriptor
            | ErrorCode::IsDirectory
            | ErrorCode::Access
            | ErrorCode::NotPermitted,
        ) => Ok(()),
        Err(ErrorCode::NoEntry) => Err(io::ErrorKind::NotFound.into()),
        Err(ErrorCode::InsufficientSpace | ErrorCode::Quota) => Err(io::ErrorKind::StorageFull.into()),
        Err(code) => Err(io::Error::other(code.message())),
    }
}

/// Looks at what is granted, as the functions behind `std` do when the first of them is called: but they trap
/// where that fails.
pub(crate) fn look() -> Result<(), String> {
    get_directories().iter().try_for_each(|(directory, name)| match directory.get_type() {
        Ok(_) => Ok(()),
        Err(code) => Err(format!("{name}, which was granted: {}", code.message())),
    })
}

/// A path without `.` and `..`. A relative one begins at the root, as it does for `std`.
fn from_the_root(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => normal.push(name),
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    normal
}

fn sync_beneath(granted: &Descriptor, path: &str) -> Result<(), ErrorCode> {
    if path.is_empty() {
        return granted.sync();
    }
    granted.open_at(PathFlags::empty(), path, OpenFlags::DIRECTORY, DescriptorFlags::READ)?.sync()
}
