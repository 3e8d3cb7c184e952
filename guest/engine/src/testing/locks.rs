//! Locks between the caches of one test, as an operating system keeps them between processes.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::platform::RangeLocks;

/// All locks that are held, shared by the platforms of a test.
#[derive(Default)]
pub struct LockTable {
    held: Mutex<Held>,
    released: Condvar,
    numbers: AtomicU64,
}

type Held = HashMap<(PathBuf, u64), Vec<Holder>>;

struct Holder {
    handle: u64,
    process: u64,
    exclusive: bool,
}

struct Handle {
    table: Arc<LockTable>,
    path: PathBuf,
    number: u64,
    process: u64,
}

impl LockTable {
    /// A table with no lock held.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(super) fn new_process(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn end_process(&self, process: u64) {
        self.release(|_, holder| holder.process == process);
    }

    pub(super) fn open(self: &Arc<Self>, path: &Path, process: u64) -> Result<Box<dyn RangeLocks>> {
        let opened = File::options().create(true).append(true).open(path);
        opened.map_err(|error| Error::from_io(path, &error))?;
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(Handle { table: Arc::clone(self), path: path.to_owned(), number, process }))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self, which: impl Fn(&(PathBuf, u64), &Holder) -> bool) {
        let mut held = self.held();
        for (place, holders) in &mut *held {
            holders.retain(|holder| !which(place, holder));
        }
        drop(held);
        self.released.notify_all();
    }
}

impl RangeLocks for Handle {
    fn lock(&self, byte: u64, exclusive: bool, wait_ms: u32) -> Result<bool> {
        let place = (self.path.clone(), byte);
        let conflicts = |held: &mut Held| {
            let holders = held.entry(place.clone()).or_default();
            holders.iter().any(|holder| holder.handle != self.number && (exclusive || holder.exclusive))
        };
        let wait = Duration::from_millis(u64::from(wait_ms));
        let (mut held, waited) = self
            .table
            .released
            .wait_timeout_while(self.table.held(), wait, conflicts)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Ok(false);
        }
        let holders = held.entry(place).or_default();
        holders.retain(|holder| holder.handle != self.number);
        holders.push(Holder { handle: self.number, process: self.process, exclusive });
        Ok(true)
    }

    fn unlock(&self, byte: u64) -> Result<()> {
        self.table.release(|place, holder| holder.handle == self.number && place.1 == byte);
        Ok(())
    }

    fn is_locked(&self, byte: u64) -> Result<bool> {
        let held = self.table.held();
        let holders = held.get(&(self.path.clone(), byte));
        Ok(holders.is_some_and(|holders| holders.iter().any(|holder| holder.handle != self.number)))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.table.release(|_, holder| holder.handle == self.number);
    }
}
