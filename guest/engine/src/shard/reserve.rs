//! Room that is kept on disk so that entries can be removed when it is full.
//!
//! To remove an entry is to write: to the log, and with the next checkpoint to the database. So each
//! shard keeps a file of zeros beside them. A removal that finds the disk full cuts it to nothing, is
//! done in the room that this leaves, and gives back what it has freed; then the file is made again.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Shard;
use crate::error::{Error, Result};
use crate::regular::open_regular;

/// Its name.
const FILE: &str = "reserve";
/// How much is written at a time.
const PART: usize = 64 * 1024;

impl Shard {
    /// What the reserve takes, in bytes.
    pub(super) fn reserve_size(&self) -> u64 {
        super::volume::size(&reserve_in(&self.directory))
    }

    /// Makes the reserve as large as it is to be, as far as there is room.
    pub(super) fn keep_reserve(&self) {
        if !self.access.read_only {
            // Without it all works, but removals from a full disk; and whoever comes next tries again.
            let _ = fill(&reserve_in(&self.directory), self.settings.reserve(self.index));
        }
    }

    /// Removes something. If the disk is too full for that, it is done once more in the room that is
    /// kept for it.
    pub(super) fn freeing<T>(&mut self, mut remove: impl FnMut(&mut Self) -> Result<T>) -> Result<T> {
        let removed = remove(self);
        // A transaction that is open has failed as a whole.
        if !matches!(removed, Err(Error::Full(_))) || self.open.is_some() || self.reserve_size() == 0 {
            return removed;
        }
        let _ = fill(&reserve_in(&self.directory), 0);
        // As far as it can be, which the next attempt tells.
        let _ = self.guard(|shard| shard.database()?.empty_log());
        self.is_cramped = true;
        let removed = remove(self);
        self.is_cramped = false;
        let _ = self.guard(Self::give_back);
        self.keep_reserve();
        removed
    }

    /// Gives back what has no content any more, then the log.
    fn give_back(&mut self) -> Result<()> {
        let shrunk = self.change(|change| change.shrink(change.unused()?));
        self.database()?.empty_log().and(shrunk)
    }
}

impl super::change::Change<'_> {
    /// What the reserve of its shard takes, in bytes.
    pub(super) fn reserve_size(&self) -> u64 {
        self.path().parent().map_or(0, |directory| super::volume::size(&reserve_in(directory)))
    }
}

/// Where the reserve of a shard is.
fn reserve_in(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

/// Gives a file this length, of zeros that take their room.
fn fill(path: &Path, length: u64) -> io::Result<()> {
    let mut present = super::volume::size(path);
    if present == length {
        return Ok(());
    }
    let mut file = open_regular(path, OpenOptions::new().append(true).create(true))?;
    if present > length {
        return file.set_len(length);
    }
    let zeros = vec![0; PART];
    while present < length {
        let missing = usize::try_from(length - present).unwrap_or(PART).min(PART);
        file.write_all(zeros.get(..missing).unwrap_or(&zeros))?;
        present += missing as u64;
    }
    Ok(())
}
