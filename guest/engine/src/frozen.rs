//! Databases that are read as if nobody could change them.
//!
//! SQLite then takes no locks and makes no files, so it works where nothing can be written. That
//! nobody changes the file meanwhile is for its reader to find out: by its size and the time of its
//! last change, before and after.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::error::{Error, Result};

/// What shows that a file was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    length: u64,
    modified: Option<SystemTime>,
}

impl State {
    /// The state of a file.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(|error| Error::from_own_file(path, &error))?;
        Ok(Self { length: metadata.len(), modified: metadata.modified().ok() })
    }
}

/// Whether a log or a journal stands beside a database, with content that would not be seen.
pub(crate) fn has_log(path: &Path) -> bool {
    ["-wal", "-journal"].iter().any(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        fs::symlink_metadata(name).is_ok_and(|metadata| metadata.len() > 0 || !metadata.is_file())
    })
}

/// The address of a database for SQLite, in which no character of the path means anything.
pub(crate) fn address(path: &Path, frozen: bool) -> Result<String> {
    let text =
        path.to_str().ok_or_else(|| Error::InvalidArgument(format!("{}: the path is not UTF-8", path.display())))?;
    let mut address = String::from(if text.starts_with('/') { "file://" } else { "file:" });
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            address.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(address, "%{byte:02x}");
        }
    }
    address.push_str(if frozen { "?mode=ro&immutable=1" } else { "?mode=ro" });
    Ok(address)
}
