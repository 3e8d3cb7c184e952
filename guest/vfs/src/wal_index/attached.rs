//! The open `-shm` file of one connection: who may empty it, its mappings, its lock slots.

use std::ffi::{c_int, c_void};
use std::ptr;

use rusqlite::ffi;

use super::region::Region;
use super::slots::{SLOTS_END, Slots};
use crate::coordination::{Coordination, Fault, LockMode, SharedFile};

/// The dead man's switch: held shared by all who use the file. Who gets it exclusively knows that
/// nobody uses the file, whose content may then be from before a crash.
const DEAD_MAN_SWITCH: u64 = SLOTS_END;
/// The first user cuts the file to this length: not 0, so that one can tell it was done here.
const EMPTIED: u64 = 3;

/// Why something was not done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// As SQLite expects it to happen.
    Code(c_int),
    /// By a fault: what was tried, and the code it is passed on with.
    Fault(&'static str, Fault, c_int),
}

/// The open file.
pub(super) struct Attached {
    file: Box<dyn SharedFile>,
    read_only: bool,
    /// Whether the dead man's switch is held.
    alive: bool,
    regions: Vec<Region>,
    shared: u16,
    exclusive: u16,
    /// Of the shared slots, those that stand in nobody's way but ours; see [`Attached::lock`].
    covered: u16,
    /// Of the shared slots, those that are not locked; see [`crate::begin_optimistic_read`].
    unlocked: u16,
    /// Whether SQLite has released the write lock, but covered slots still need it.
    write_released: bool,
}

impl Attached {
    /// Opens the file, for reading only if it may not be written.
    pub(super) fn open(coordination: &dyn Coordination, path: &str) -> Result<Self, Problem> {
        let failed = |fault| Problem::Fault("open", fault, ffi::SQLITE_CANTOPEN);
        let (file, read_only) = match coordination.open(path, true, false) {
            Ok(file) => (file, false),
            // The first fault is the reason, a second only says that there is no way round.
            Err(Fault::Denied) => (coordination.open(path, false, true).map_err(|_| failed(Fault::Denied))?, true),
            Err(fault) => return Err(failed(fault)),
        };
        Ok(Self {
            file,
            read_only,
            alive: false,
            regions: Vec::new(),
            shared: 0,
            exclusive: 0,
            covered: 0,
            unlocked: 0,
            write_released: false,
        })
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.read_only
    }

    pub(super) fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// The address of a region; null if it is not mapped.
    pub(super) fn address(&self, region: usize) -> *mut c_void {
        self.regions.get(region).map_or(ptr::null_mut(), Region::address)
    }

    /// Takes the dead man's switch, and empties the file if nobody else holds it.
    pub(super) fn prove_alive(&mut self, wait_ms: u32) -> Result<(), Problem> {
        if self.alive {
            return Ok(());
        }
        if self.read_only {
            if !self.is_used_by_others()? {
                // Nobody there to tell an index in use from one left by a crash.
                return Err(Problem::Code(ffi::SQLITE_READONLY_CANTINIT));
            }
            return self.join(wait_ms);
        }
        // Without waiting: whoever is emptying the file will keep the switch, shared.
        let first = self.lock_switch(LockMode::Exclusive, 0)?;
        if !first {
            return self.join(wait_ms);
        }
        self.file.resize(EMPTIED).map_err(|fault| Problem::Fault("truncate", fault, ffi::SQLITE_IOERR_SHMOPEN))?;
        if !self.lock_switch(LockMode::Shared, 0)? {
            return Err(Problem::Code(ffi::SQLITE_BUSY));
        }
        self.alive = true;
        Ok(())
    }

    /// Takes the switch together with others.
    fn join(&mut self, wait_ms: u32) -> Result<(), Problem> {
        if !self.lock_switch(LockMode::Shared, wait_ms)? {
            return Err(Problem::Code(ffi::SQLITE_BUSY));
        }
        // If all others are gone by now, one of them may have been killed just before it could
        // empty the file. SQLite begins anew when told that the file is busy.
        if !self.is_used_by_others()? {
            let _ = self.file.unlock(DEAD_MAN_SWITCH, 1);
            return Err(Problem::Code(ffi::SQLITE_BUSY));
        }
        self.alive = true;
        Ok(())
    }

    fn lock_switch(&self, mode: LockMode, wait_ms: u32) -> Result<bool, Problem> {
        self.file
            .lock(DEAD_MAN_SWITCH, 1, mode, wait_ms)
            .map_err(|fault| Problem::Fault("lock", fault, ffi::SQLITE_IOERR_LOCK))
    }

    /// Whether other connections have the file open.
    pub(super) fn is_used_by_others(&self) -> Result<bool, Problem> {
        self.is_locked(DEAD_MAN_SWITCH, 1)
    }

    /// Whether others hold read locks.
    pub(super) fn has_other_readers(&self) -> Result<bool, Problem> {
        let start = Slots::readers_start();
        self.is_locked(start, SLOTS_END - start)
    }

    fn is_locked(&self, start: u64, length: u64) -> Result<bool, Problem> {
        self.file.is_locked(start, length).map_err(|fault| Problem::Fault("query lock", fault, ffi::SQLITE_IOERR_LOCK))
    }

    /// Maps all regions up to one, each of `size` bytes. Leaves it at those there are when the
    /// file is too short and shall not grow.
    pub(super) fn map(&mut self, region: usize, size: usize, grow: bool) -> Result<(), Problem> {
        let wanted = region + 1;
        if self.regions.len() >= wanted {
            return Ok(());
        }
        let needed = (wanted as u64).saturating_mul(size as u64);
        let available = self.file.size().map_err(|fault| Problem::Fault("size", fault, ffi::SQLITE_IOERR_SHMSIZE))?;
        if available < needed {
            if !grow {
                return Ok(());
            }
            self.file.resize(needed).map_err(|fault| Problem::Fault("extend", fault, ffi::SQLITE_IOERR_SHMSIZE))?;
        }
        while self.regions.len() < wanted {
            let offset = self.regions.len() as u64 * size as u64;
            let region = Region::map(self.file.as_ref(), offset, size)
                .map_err(|fault| Problem::Fault("map", fault, ffi::SQLITE_IOERR_SHMMAP))?;
            self.regions.push(region);
        }
        Ok(())
    }

    /// Takes lock slots.
    ///
    /// A reader's slot keeps others from copying frames over pages it still needs, and from
    /// beginning the log anew. While this connection holds the write lock it needs neither: no
    /// frames come after those it sees, and beginning anew takes the write lock. So the slot of a
    /// writer is only noted, or *covered*, and if SQLite releases the write lock first, it is kept
    /// until the slot is released, too, which follows at once unless another statement of the
    /// connection is still reading. That halves the lock calls of a write.
    pub(super) fn lock(&mut self, slots: Slots, wait_ms: u32) -> Result<(), Problem> {
        let shared = slots.mode() == LockMode::Shared;
        if shared && self.shared & slots.mask() != 0 {
            return Ok(());
        }
        if slots == Slots::WRITE && self.write_released {
            self.write_released = false;
            return Ok(());
        }
        if slots.is_read_lock() && self.holds(Slots::WRITE) && !self.write_released {
            self.shared |= slots.mask();
            self.covered |= slots.mask();
            return Ok(());
        }
        let locked = self
            .file
            .lock(slots.start(), slots.length(), slots.mode(), wait_ms)
            .map_err(|fault| Problem::Fault("lock", fault, ffi::SQLITE_IOERR_SHMLOCK))?;
        if !locked {
            // SQLite asks its busy handler only where the VFS has not waited already.
            let code = if wait_ms > 0 { ffi::SQLITE_BUSY_TIMEOUT } else { ffi::SQLITE_BUSY };
            return Err(Problem::Code(code));
        }
        if shared {
            self.shared |= slots.mask();
        } else {
            self.exclusive |= slots.mask();
        }
        Ok(())
    }

    /// Notes slots as taken that are not locked.
    pub(super) fn go_without(&mut self, slots: Slots) {
        self.shared |= slots.mask();
        self.unlocked |= slots.mask();
    }

    /// Whether slots were taken without being locked.
    pub(super) fn goes_without(&self, slots: Slots) -> bool {
        self.unlocked & slots.mask() != 0
    }

    /// Whether this connection has all the slots of a request exclusively.
    pub(super) fn holds(&self, slots: Slots) -> bool {
        self.exclusive & slots.mask() == slots.mask()
    }

    /// Releases lock slots, if they are held.
    pub(super) fn unlock(&mut self, slots: Slots) -> Result<(), Problem> {
        if self.goes_without(slots) {
            self.shared &= !slots.mask();
            self.unlocked &= !slots.mask();
            return Ok(());
        }
        if slots == Slots::WRITE && self.covered != 0 {
            self.write_released = true;
            return Ok(());
        }
        if self.covered & slots.mask() != 0 {
            self.shared &= !slots.mask();
            self.covered &= !slots.mask();
            let last = self.covered == 0 && std::mem::take(&mut self.write_released);
            return if last { self.release(Slots::WRITE) } else { Ok(()) };
        }
        if (self.shared | self.exclusive) & slots.mask() == 0 { Ok(()) } else { self.release(slots) }
    }

    fn release(&mut self, slots: Slots) -> Result<(), Problem> {
        self.shared &= !slots.mask();
        self.exclusive &= !slots.mask();
        self.file
            .unlock(slots.start(), slots.length())
            .map_err(|fault| Problem::Fault("unlock", fault, ffi::SQLITE_IOERR_SHMLOCK))
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        for region in self.regions.drain(..) {
            // A region that does not go stays allocated: nothing else can be done, or is needed.
            let _ = region.unmap(self.file.as_ref());
        }
    }
}
