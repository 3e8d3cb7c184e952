//! One at a time, for each command.

use std::path::Path;
use std::time::Duration;

use larder::coordination::{Directory, Fault, LockMode, OpenMode, SharedFile};

use super::identity::Identity;

/// The file whose bytes are locked, as the cache itself does: it uses those below 2^62.
const LOCKS: &str = "locks";
const FIRST: u64 = 1 << 62;
const COUNT: u64 = 1 << 61;

/// The turn of a command: nobody else has it until this is dropped, or the process ends in
/// whatever way.
pub(super) struct Turn {
    _locked: SharedFile,
}

/// Why a turn could not be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// Others had it all the time.
    #[error("others still run the same command")]
    Busy,
    /// It can not be locked.
    #[error("locking: {0}")]
    Fault(#[from] Fault),
}

impl Turn {
    /// Waits for the turn, for ever unless told otherwise.
    ///
    /// Commands with the same number, which is next to impossible, only wait for each other.
    pub(super) fn take(directory: &Path, identity: &Identity, wait: Option<Duration>) -> Result<Self, Refusal> {
        let directory = Directory::open(directory).map_err(|error| Fault::Io(error.to_string()))?;
        let mut file = SharedFile::open_beneath(&directory, LOCKS, OpenMode::ReadWrite)?;
        let byte = FIRST + identity.number() % COUNT;
        let taken = file.lock(byte, 1, LockMode::Exclusive, wait.unwrap_or(Duration::MAX))?;
        if taken { Ok(Self { _locked: file }) } else { Err(Refusal::Busy) }
    }
}
