//! The five locks of a database file, on the byte ranges of SQLite's unix VFS.
//!
//! See "File Locking And Concurrency In SQLite Version 3" for what each lock means.

use crate::coordination::{Fault, LockMode, SharedFile};

/// Held exclusively by who waits for readers to leave; readers take it shared, in passing.
const PENDING_BYTE: u64 = 0x4000_0000;
/// Held exclusively by who intends to write.
const RESERVED_BYTE: u64 = PENDING_BYTE + 1;
/// Held shared by readers, exclusively by who writes.
const SHARED_FIRST: u64 = PENDING_BYTE + 2;
const SHARED_SIZE: u64 = 510;

/// How far a connection has locked its database. Each level includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing may be assumed.
    #[default]
    None,
    /// May read.
    Shared,
    /// May read, and be the next to write.
    Reserved,
    /// Waits for readers to leave, and lets none in.
    Pending,
    /// May write; nobody reads.
    Exclusive,
}

/// Why a lock was not taken or released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LockError {
    /// Others hold it.
    Busy,
    /// The steps of SQLite are such that this can not be asked for.
    Misuse,
    /// Taking a lock failed.
    Lock(Fault),
    /// Changing from exclusive to shared failed.
    Downgrade(Fault),
    /// Releasing a lock failed.
    Unlock(Fault),
}

/// The lock of one connection.
#[derive(Debug, Default)]
pub(crate) struct DatabaseLock {
    level: Level,
}

impl DatabaseLock {
    pub(crate) fn level(&self) -> Level {
        self.level
    }

    /// Raises the lock to `target`, waiting up to `wait_ms` at each step.
    ///
    /// Without a file, the caller is the only one, and every lock is free.
    pub(crate) fn raise(
        &mut self,
        file: Option<&dyn SharedFile>,
        target: Level,
        wait_ms: u32,
    ) -> Result<(), LockError> {
        if self.level >= target {
            return Ok(());
        }
        let follows = match target {
            Level::Shared => self.level == Level::None,
            Level::Reserved => self.level == Level::Shared,
            Level::Exclusive => self.level >= Level::Shared,
            // SQLite never asks for it: it is a step on the way to exclusive.
            Level::None | Level::Pending => false,
        };
        if !follows {
            return Err(LockError::Misuse);
        }
        let Some(file) = file else {
            self.level = target;
            return Ok(());
        };
        match target {
            Level::Shared => self.share(file, wait_ms),
            Level::Reserved => self.reserve(file, wait_ms),
            _ => self.exclude(file, wait_ms),
        }
    }

    /// Lowers the lock to `target`, which is `None` or `Shared`.
    pub(crate) fn lower(&mut self, file: Option<&dyn SharedFile>, target: Level) -> Result<(), LockError> {
        if self.level <= target {
            return Ok(());
        }
        if target > Level::Shared {
            return Err(LockError::Misuse);
        }
        let Some(file) = file else {
            self.level = target;
            return Ok(());
        };
        if target == Level::Shared {
            return self.downgrade(file);
        }
        // Whatever the answer: nothing can be done about a lock that does not go, and SQLite must
        // not believe that it still holds one.
        self.level = Level::None;
        file.unlock(PENDING_BYTE, 2 + SHARED_SIZE).map_err(LockError::Unlock)
    }

    /// Whether somebody intends to write, this connection included.
    pub(crate) fn is_reserved(&self, file: Option<&dyn SharedFile>) -> Result<bool, Fault> {
        match file {
            Some(file) if self.level < Level::Reserved => file.is_locked(RESERVED_BYTE, 1),
            _ => Ok(self.level >= Level::Reserved),
        }
    }

    fn share(&mut self, file: &dyn SharedFile, wait_ms: u32) -> Result<(), LockError> {
        // In passing, so that a pending writer is not starved by ever new readers.
        take(file, PENDING_BYTE, 1, LockMode::Shared, wait_ms)?;
        let shared = take(file, SHARED_FIRST, SHARED_SIZE, LockMode::Shared, wait_ms);
        let released = file.unlock(PENDING_BYTE, 1).map_err(LockError::Unlock);
        match shared.and(released) {
            Ok(()) => {
                self.level = Level::Shared;
                Ok(())
            }
            Err(error) => {
                // Level none must mean that nothing is held; the first error is the one that counts.
                let _ = file.unlock(PENDING_BYTE, 2 + SHARED_SIZE);
                Err(error)
            }
        }
    }

    fn reserve(&mut self, file: &dyn SharedFile, wait_ms: u32) -> Result<(), LockError> {
        take(file, RESERVED_BYTE, 1, LockMode::Exclusive, wait_ms)?;
        self.level = Level::Reserved;
        Ok(())
    }

    fn exclude(&mut self, file: &dyn SharedFile, wait_ms: u32) -> Result<(), LockError> {
        if self.level == Level::Reserved {
            take(file, PENDING_BYTE, 1, LockMode::Exclusive, wait_ms)?;
            // Kept when the next step finds readers, so that they leave and none follow.
            self.level = Level::Pending;
        }
        take(file, SHARED_FIRST, SHARED_SIZE, LockMode::Exclusive, wait_ms)?;
        self.level = Level::Exclusive;
        Ok(())
    }

    fn downgrade(&mut self, file: &dyn SharedFile) -> Result<(), LockError> {
        match file.lock(SHARED_FIRST, SHARED_SIZE, LockMode::Shared, 0) {
            Ok(true) => {}
            // Nobody else can hold what is held exclusively: others broke the protocol.
            Ok(false) => return Err(LockError::Downgrade(Fault::Io("lock lost".to_owned()))),
            Err(fault) => return Err(LockError::Downgrade(fault)),
        }
        file.unlock(PENDING_BYTE, 2).map_err(LockError::Unlock)?;
        self.level = Level::Shared;
        Ok(())
    }
}

fn take(file: &dyn SharedFile, start: u64, length: u64, mode: LockMode, wait_ms: u32) -> Result<(), LockError> {
    match file.lock(start, length, mode, wait_ms) {
        Ok(true) => Ok(()),
        Ok(false) => Err(LockError::Busy),
        Err(fault) => Err(LockError::Lock(fault)),
    }
}

#[cfg(test)]
mod tests;
