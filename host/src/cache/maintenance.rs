//! Work on the whole cache: removing entries, giving space back.

use super::Cache;
use super::held::Held;
use crate::error::Result;
use crate::options::{Progress, Selection, Task};
use crate::runtime::Call;

/// Work that is under way; made by [`Cache::maintain`]. Dropped before it has finished, it leaves what
/// it has done.
pub struct Maintenance(Held);

impl Cache {
    /// Removes the entries of a selection. Returns how many.
    ///
    /// Like all work on the whole cache it goes in steps between which others can work, and keeps what
    /// it has done when it ends in an error; [`Cache::maintain`] tells how much that is.
    ///
    /// By tag, even many thousand entries are gone within about a millisecond. The space they take is
    /// used again bit by bit, or given back by [`Cache::compact`]; that of value files at once.
    #[allow(clippy::needless_pass_by_value, reason = "a selection is made where it is used")]
    pub fn evict(&self, selection: Selection) -> Result<u64> {
        self.call(|call| call.guest.call_evict(call.store, call.resource, selection.as_param()))
    }

    /// Removes all expired entries. Returns how many.
    pub fn expire(&self) -> Result<u64> {
        self.call(|call| call.guest.call_expire(call.store, call.resource))
    }

    /// Removes expired entries, then others until the limits are kept. Returns how many.
    pub fn cull(&self) -> Result<u64> {
        self.call(|call| call.guest.call_cull(call.store, call.resource))
    }

    /// Removes all entries. Returns how many.
    pub fn clear(&self) -> Result<u64> {
        self.call(|call| call.guest.call_clear(call.store, call.resource))
    }

    /// Gives space that is no longer used back to the file system. Returns how many bytes.
    pub fn compact(&self) -> Result<u64> {
        self.call(|call| call.guest.call_compact(call.store, call.resource))
    }

    /// Begins work of which the caller takes one step after the other, so that it can be watched and
    /// given up. It occupies one of the handle's instances until it is dropped.
    ///
    /// Entries that come in after it has begun stay, unless they have expired or exceed a limit; an
    /// entry that was there goes even if it is stored again before its turn has come.
    ///
    /// ```
    /// use larder::{Selection, Task};
    /// # let cache = larder::Cache::temporary()?;
    /// # cache.set("page:1", "text")?;
    /// let mut work = cache.maintain(&Task::Evict(Selection::prefix("page:")))?;
    /// loop {
    ///     let progress = work.step()?;
    ///     println!("{} of {} entries removed", progress.done, progress.total);
    ///     if progress.finished {
    ///         break;
    ///     }
    /// }
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn maintain(&self, task: &Task) -> Result<Maintenance> {
        let begin = |call: Call<'_>| call.guest.call_maintain(call.store, call.resource, task.as_param());
        Held::open(&self.pool, begin).map(Maintenance)
    }
}

impl Maintenance {
    /// Does some more: what one transaction of some milliseconds can do. Returns what is done in all.
    /// After an error, such as a wait in vain, the step has done nothing, and the next one tries the
    /// same again.
    pub fn step(&mut self) -> Result<Progress> {
        self.0.call(|guest, store, work| guest.maintenance().call_step(store, work)).map(Progress::from)
    }
}

impl std::fmt::Debug for Maintenance {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Maintenance").finish_non_exhaustive()
    }
}
