//! What the logic needs of the world around it: clocks, randomness, locks.

use std::path::Path;

use crate::error::{Error, Result};

/// The surroundings of an engine. The component implements it over WASI and `coordination`; tests
/// with clocks they can set.
pub trait Platform {
    /// Microseconds since the Unix epoch. May jump.
    fn wall_us(&self) -> i64;

    /// Milliseconds since the Unix epoch. May jump.
    fn wall_ms(&self) -> i64 {
        self.wall_us() / 1000
    }

    /// Milliseconds since some moment. Never goes back.
    fn monotonic_ms(&self) -> u64;

    /// Unpredictable bits.
    fn random(&self) -> u64;

    /// Lets time pass.
    fn sleep_ms(&self, milliseconds: u64);

    /// Lets a shorter time pass, or a little more.
    fn sleep_us(&self, microseconds: u64) {
        self.sleep_ms(microseconds.div_ceil(1000));
    }

    /// Name of the SQLite VFS to open databases with; none for SQLite's default.
    fn vfs(&self) -> Option<&str>;

    /// How instances that use the same directory are kept apart.
    fn sharing(&self) -> Sharing;

    /// Opens a file whose bytes can be locked, creating it if need be. Only called under
    /// [`Sharing::Locks`].
    fn open_locks(&self, path: &Path) -> Result<Box<dyn RangeLocks>>;

    /// Comes before each operation on a database: how long it may wait until others leave at rest what they
    /// share, where the file layer can be told.
    fn begin_operation(&self, _wait_ms: u32) {}

    /// Lets reads go without locks until [`Platform::end_optimistic_read`], where the file layer
    /// can do that.
    fn begin_optimistic_read(&self) {}

    /// Ends that. True if what was read meanwhile is void and has to be read again.
    fn end_optimistic_read(&self) -> bool {
        false
    }

    /// Comes before each commit of a transaction over several shards, and before each that tidies up
    /// after it; before each step by which a directory gets other data, and before each that puts them in
    /// force. An error makes the commit or step fail.
    fn before_commit(&self) -> Result<()> {
        Ok(())
    }

    /// From how many entries on evicting by tag leaves a tombstone and removes their rows bit by bit.
    /// Fewer are removed as fast at once.
    fn tombstone_from(&self) -> u64 {
        512
    }

    /// How often in a row, with nobody else in between, a handle takes a lock before that is biased towards it.
    fn bias_from(&self) -> u32 {
        8
    }

    /// Writes to a file from an offset on, in one step.
    fn write_at(&self, file: &std::fs::File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        use std::io::{Seek, SeekFrom, Write};
        let mut file = file;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)
    }

    /// Waits until the names in a directory are on the disk.
    fn sync_directory(&self, path: &Path) -> std::io::Result<()> {
        std::fs::File::open(path)?.sync_all()
    }

    /// What was found damaged under an open database since the last call. Results obtained in
    /// between are void.
    fn take_damage(&self) -> Option<String>;

    /// The last failure of the file layer since the last call, which knows more than SQLite's code.
    fn take_failure(&self) -> Option<Error>;
}

/// How instances that use the same directory are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// By locks of the operating system; many may use the directory at the same time if
    /// `databases` is true, else one after the other.
    Locks {
        /// Whether databases can be open several times at once (shared memory works).
        databases: bool,
    },
    /// By a lease: one owner at a time.
    Lease,
}

/// Locks on byte ranges of a file, which end with their holder.
pub trait RangeLocks {
    /// Locks one byte, or changes how it is locked, waiting up to `wait_ms`. False if others held
    /// it all that time.
    fn lock(&self, byte: u64, exclusive: bool, wait_ms: u32) -> Result<bool>;

    /// Releases one byte.
    fn unlock(&self, byte: u64) -> Result<()>;

    /// Whether somebody else has locked the byte.
    fn is_locked(&self, byte: u64) -> Result<bool>;
}
