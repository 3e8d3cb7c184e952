//! The WAL-index: a `-shm` file that all connections to a database map, and the locks on it.
//!
//! Protocol and byte positions are those of SQLite's unix VFS, with one difference: every
//! connection has a handle and mappings of its own, where the unix VFS shares them in a process.
//!
//! An index that turns out damaged stays so: every later call but `unlock` and `detach` fails,
//! until the connection is closed and opened again.

mod attached;
mod header;
mod region;
mod slots;

use std::ffi::{c_int, c_void};
use std::fs;
use std::sync::atomic::{Ordering, fence};

use rusqlite::ffi;

use self::attached::{Attached, Problem};
use self::header::Progress;
pub(crate) use self::slots::Slots;
use crate::code::{Code, Result, from_fault};
use crate::coordination::{Coordination, Fault};
use crate::optimistic;
use crate::patience;
use crate::report::record_damage;

/// A region as SQLite sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// Where it begins; null if the file is too short to have it.
    pub(crate) address: *mut c_void,
    /// Whether SQLite must not write to it.
    pub(crate) read_only: bool,
}

/// One connection's use of the WAL-index of its database.
pub(crate) struct WalIndex {
    path: String,
    attached: Option<Attached>,
    /// How long locks may wait for others, in milliseconds.
    wait_ms: u32,
    /// How far the index had come when the current read transaction began.
    seen: Option<Progress>,
    /// The header when the current read transaction began, if that went without a lock.
    glance: Option<header::Snapshot>,
    damaged: bool,
}

impl WalIndex {
    /// For the database at a path. Nothing is opened before it is needed.
    pub(crate) fn new(database_path: &str) -> Self {
        Self {
            path: format!("{database_path}-shm"),
            attached: None,
            wait_ms: 0,
            seen: None,
            glance: None,
            damaged: false,
        }
    }

    pub(crate) fn wait_ms(&self) -> u32 {
        self.wait_ms
    }

    /// Sets how long locks may wait for others, and returns how long it was.
    pub(crate) fn set_wait_ms(&mut self, wait_ms: u32) -> u32 {
        std::mem::replace(&mut self.wait_ms, wait_ms)
    }

    /// Maps a region of `size` bytes, and makes the file long enough if `grow` is set.
    pub(crate) fn map(
        &mut self,
        coordination: &dyn Coordination,
        region: usize,
        size: usize,
        grow: bool,
    ) -> Result<Mapping> {
        patience::check()?;
        self.check_undamaged(ffi::SQLITE_IOERR_SHMMAP)?;
        let before = self.attached.as_ref().map_or(0, |attached| attached.regions().len());
        let result = self.try_map(coordination, region, size, grow);
        let after = self.attached.as_ref().map_or(0, |attached| attached.regions().len());
        if before > 0 && after > before {
            // Frames of a region that others made long ago are seen here for the first time.
            self.check_whole()?;
        }
        result.map_err(|problem| {
            // One that waits for a writer to attach keeps its handle, as SQLite requires.
            if problem != Problem::Code(ffi::SQLITE_READONLY_CANTINIT) {
                self.attached.take_if(|attached| attached.regions().is_empty());
            }
            self.settle(problem)
        })
    }

    fn try_map(
        &mut self,
        coordination: &dyn Coordination,
        region: usize,
        size: usize,
        grow: bool,
    ) -> std::result::Result<Mapping, Problem> {
        let attached = match &mut self.attached {
            Some(attached) => attached,
            none => none.insert(Attached::open(coordination, &self.path)?),
        };
        attached.prove_alive(self.wait_ms)?;
        attached.map(region, size, grow)?;
        Ok(Mapping { address: attached.address(region), read_only: attached.is_read_only() })
    }

    /// Takes lock slots.
    pub(crate) fn lock(&mut self, slots: Slots) -> Result<()> {
        patience::check()?;
        self.check_undamaged(ffi::SQLITE_IOERR_SHMLOCK)?;
        let Some(attached) = &mut self.attached else {
            return Err(Code(ffi::SQLITE_IOERR_SHMLOCK));
        };
        if slots.is_mark_lock() && !attached.holds(Slots::CHECKPOINT) && has_recent_mark(attached) {
            // SQLite goes on with the mark there is, as if others were using this one.
            return Err(Code(ffi::SQLITE_BUSY));
        }
        let writes = attached.holds(Slots::WRITE);
        let glance = (slots.is_read_lock() && !writes && optimistic::is_allowed())
            .then(|| attached.regions().first().and_then(header::snapshot))
            .flatten();
        if let Some(header) = glance {
            attached.go_without(slots);
            optimistic::look(header);
            self.glance = glance;
        } else if let Err(problem) = attached.lock(slots, self.wait_ms) {
            return Err(self.settle(problem));
        }
        if slots.is_read_lock() {
            let progress = attached.regions().first().and_then(header::progress);
            self.seen = if slots.ignores_log() { progress.map(Progress::without_frames) } else { progress };
        }
        if slots.is_checkpoint_lock()
            && let Err(code) = self.check_whole()
        {
            // SQLite takes the lock for not taken. Its release can add nothing to the error.
            let _ = self.unlock(slots);
            return Err(code);
        }
        Ok(())
    }

    /// Ends a read transaction that went without a lock on these slots: what was read in it is void
    /// if the header has changed. False if there was no such transaction.
    pub(crate) fn end_glance(&mut self, slots: Slots, coordination: &dyn Coordination) -> Result<bool> {
        let Some(attached) = self.attached.as_mut().filter(|attached| attached.goes_without(slots)) else {
            return Ok(false);
        };
        // It was not locked, so nothing can fail.
        let _ = attached.unlock(slots);
        let regions = self.attached.as_ref().map(Attached::regions).unwrap_or_default();
        let lost = self.seen.take().and_then(|seen| header::damage_since(seen, regions));
        // After all that was read, and before the header is looked at. It also asks the host
        // whether any of the index was cut off meanwhile.
        self.barrier(coordination);
        let regions = self.attached.as_ref().map(Attached::regions).unwrap_or_default();
        if regions.first().and_then(header::snapshot) != self.glance.take() {
            // This comes first: a log that was begun anew looks as if frames had been lost.
            optimistic::overtake();
        } else if let Some(reason) = lost {
            return Err(self.condemn(reason));
        }
        Ok(true)
    }

    /// Releases lock slots, and checks at the end of a read transaction that what was read in it
    /// can be trusted.
    pub(crate) fn unlock(&mut self, slots: Slots) -> Result<()> {
        let checked = if slots.is_read_lock() { self.check_intact() } else { Ok(()) };
        if slots.is_read_lock() {
            self.seen = None;
        }
        let Some(attached) = &mut self.attached else {
            return checked;
        };
        match attached.unlock(slots) {
            Ok(()) => checked,
            Err(problem) => Err(self.settle(problem)),
        }
    }

    /// Fails if the index was erased or reset since the current read transaction began.
    pub(crate) fn check_intact(&mut self) -> Result<()> {
        self.check_undamaged(ffi::SQLITE_IOERR_SHMMAP)?;
        let (Some(attached), Some(seen)) = (&self.attached, self.seen) else {
            return Ok(());
        };
        match header::damage_since(seen, attached.regions()) {
            None => Ok(()),
            Some(reason) => Err(self.condemn(reason)),
        }
    }

    /// Fails if the index lost any frame: by such an index the log must not be copied into the
    /// database, and then thrown away.
    pub(crate) fn check_whole(&mut self) -> Result<()> {
        self.check_undamaged(ffi::SQLITE_IOERR_SHMMAP)?;
        let regions = self.attached.as_ref().map(Attached::regions).unwrap_or_default();
        if header::is_damaged_now(regions) {
            return Err(self.condemn("part of the WAL-index was erased"));
        }
        Ok(())
    }

    /// Gives up the index, and makes others give it up, too: they find it erased, and when they
    /// open it again, or if they just began, SQLite makes it anew from the log.
    fn condemn(&mut self, reason: &str) -> Code {
        let writable = self.attached.as_ref().filter(|attached| !attached.is_read_only());
        if let Some(first) = writable.and_then(|attached| attached.regions().first()) {
            header::invalidate(first);
        }
        record_damage(&self.path, reason);
        self.damaged = true;
        Code(ffi::SQLITE_IOERR_SHMMAP)
    }

    /// Orders all accesses to shared memory.
    pub(crate) fn barrier(&mut self, coordination: &dyn Coordination) {
        let first = self.attached.as_ref().and_then(|attached| attached.regions().first());
        let Some(first) = first else {
            fence(Ordering::SeqCst);
            return;
        };
        if let Err(fault) = first.barrier(coordination) {
            // SQLite can not be told, and goes on as if memory were ordered and shared.
            record_damage(&self.path, &fault.to_string());
            self.damaged = true;
        }
    }

    /// Unmaps and closes the file, and deletes it if asked.
    pub(crate) fn detach(&mut self, delete: bool) {
        self.seen = None;
        let Some(attached) = self.attached.take() else {
            return;
        };
        if delete {
            // Before the dead man's switch is let go, so that nobody can begin to use the file.
            // One that stays is emptied by the next user.
            let _ = fs::remove_file(&self.path);
        }
        drop(attached);
    }

    /// Whether other connections use the index.
    pub(crate) fn is_used_by_others(&mut self) -> Result<bool> {
        self.ask(Attached::is_used_by_others)
    }

    /// Whether other connections read.
    pub(crate) fn has_other_readers(&mut self) -> Result<bool> {
        self.ask(Attached::has_other_readers)
    }

    fn ask(&mut self, question: impl Fn(&Attached) -> std::result::Result<bool, Problem>) -> Result<bool> {
        match self.attached.as_ref().map_or(Ok(false), question) {
            Ok(answer) => Ok(answer),
            Err(problem) => Err(self.settle(problem)),
        }
    }

    fn check_undamaged(&self, code: c_int) -> Result<()> {
        if self.damaged {
            record_damage(&self.path, "the WAL-index was damaged; the database must be reopened");
            return Err(Code(code));
        }
        Ok(())
    }

    fn settle(&mut self, problem: Problem) -> Code {
        match problem {
            Problem::Code(code) => Code(code),
            Problem::Fault(operation, fault, code) => {
                self.damaged |= fault == Fault::Damaged;
                from_fault(&self.path, operation, &fault, code)
            }
        }
    }
}

fn has_recent_mark(attached: &Attached) -> bool {
    attached.regions().first().is_some_and(header::has_recent_mark)
}

#[cfg(test)]
mod tests;
