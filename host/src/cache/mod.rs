//! The handle of an open cache.

mod builder;
mod collections;
mod cursor;
mod exchange;
mod held;
mod items;
mod maintenance;
mod pauses;
mod pool;
mod recipes;
mod reshard;
mod stream;
#[cfg(test)]
mod tests;
mod transaction;
mod typed;

use std::path::Path;
use std::sync::Arc;

pub use builder::CacheBuilder;
pub use collections::{
    Codec, Deque, DequeValues, FromKey, InTransaction, Index, IndexItems, IndexKeys, IndexScan, Json, Plain, Postcard,
    Scope,
};
pub use cursor::{Cursor, Items, Keys, Values};
pub use exchange::{DiskcacheExport, DiskcacheImport};
pub use items::Draft;
pub use maintenance::Maintenance;
#[doc(hidden)]
pub use recipes::__memoize;
#[cfg(feature = "async")]
pub use recipes::AsyncLockGuard;
pub use recipes::{
    Averager, Barrier, Counter, Holder, Lock, LockGuard, Lookup, Mean, MemoError, MemoOptions, Occupancy, Once, Owner,
    RateLimit, Vacancy, Verdict,
};
pub use reshard::Resharding;
pub use stream::{ValueReader, ValueWriter};
pub use transaction::Transaction;

use crate::error::Result;
use crate::options::{Changes, Information, Item, Problem, Scan, Selection, Statistics, Tally};
use crate::runtime::{Answer, Call, Instance};
use pool::Pool;
use recipes::Keeper;

/// An open cache: a directory in which entries are found by key until they expire or are evicted.
///
/// A handle is cheap to clone and can be used from any number of threads; all clones are the same
/// cache. Any number of other handles and processes may have the same directory open.
///
/// Every operation on one key is atomic: a reader sees a value wholly or not at all, and what one
/// call has stored every later call sees, in whatever process. What was stored survives the crash
/// of any process.
///
/// Calls block: while another writer commits (microseconds), at most as long as
/// [`CacheBuilder::wait`] says.
///
/// ```
/// use std::time::Duration;
/// use larder::{Cache, SetOptions};
///
/// let cache = Cache::temporary()?;
/// cache.set("greeting", "hello")?;
/// assert_eq!(cache.get("greeting")?, Some("hello".into()));
///
/// cache.set_with("page:1", b"<html>", &SetOptions::new().ttl(Duration::from_secs(60)).tag("pages"))?;
/// assert_eq!(cache.evict(larder::Selection::tag("pages"))?, 1);
/// # Ok::<(), larder::Error>(())
/// ```
#[derive(Clone)]
pub struct Cache {
    pool: Arc<Pool>,
    directory: Arc<Path>,
    /// Renews what the handle holds.
    keeper: Arc<Keeper>,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Cache").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Cache {
    /// Opens the cache in a directory, making both if they are not there.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self> {
        Self::builder().open(directory)
    }

    /// Opens a new cache in a temporary directory, which is removed when the last clone of the
    /// handle is dropped.
    pub fn temporary() -> Result<Self> {
        Self::builder().open_temporary()
    }

    /// Calls the component on an instance of this thread's own.
    fn call<T>(&self, call: impl FnOnce(Call<'_>) -> Answer<T>) -> Result<T> {
        self.pool.run(|instance| instance.call(call))
    }

    /// Works on an instance of this thread's own.
    fn run<T>(&self, operation: impl FnOnce(&mut Instance) -> Result<T>) -> Result<T> {
        self.pool.run(operation)
    }

    /// Opens a cache in another way.
    pub fn builder() -> CacheBuilder {
        CacheBuilder::default()
    }

    /// Where the cache is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Number of entries, expired ones that were not yet removed included.
    pub fn count(&self) -> Result<u64> {
        self.call(|call| call.guest.call_count(call.store, call.resource))
    }

    /// Bytes on disk, which the size limit bounds: the databases, their write-ahead logs, the journals of queues,
    /// the value files, and what is kept so that entries can be removed when the disk is full.
    pub fn volume(&self) -> Result<u64> {
        self.call(|call| call.guest.call_volume(call.store, call.resource))
    }

    /// How many entries a selection has, and their size, with or without expired ones. Takes time in
    /// proportion to their number; of all entries with expired ones, none.
    #[allow(clippy::needless_pass_by_value, reason = "a selection is made where it is used")]
    pub fn measure(&self, selection: Selection, expired: bool) -> Result<Tally> {
        let tally =
            self.call(|call| call.guest.call_measure(call.store, call.resource, selection.as_param(), expired))?;
        Ok(Tally { count: tally.count, size: tally.size })
    }

    /// Enumerates keys. An entry that is there throughout is returned exactly once; the cost is in
    /// proportion to what is returned.
    ///
    /// ```
    /// # let cache = larder::Cache::temporary()?;
    /// for number in [3, 1, 2] {
    ///     cache.set(number, "x")?;
    /// }
    /// let scan = larder::Scan { order: larder::Order::Key, ..Default::default() };
    /// let keys: Vec<_> = cache.keys(&scan)?.collect::<Result<_, _>>()?;
    /// assert_eq!(keys, [1.into(), 2.into(), 3.into()]);
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn keys(&self, scan: &Scan) -> Result<Keys> {
        Keys::begin(&self.pool, scan)
    }

    /// Enumerates values, otherwise as [`Cache::keys`].
    pub fn values(&self, scan: &Scan) -> Result<Values> {
        Values::begin(&self.pool, scan)
    }

    /// Enumerates keys with their entries, otherwise as [`Cache::keys`]. Reading them so counts
    /// neither for the policy nor for statistics.
    ///
    /// ```
    /// # let cache = larder::Cache::temporary()?;
    /// cache.set("a", 1)?;
    /// for item in cache.items(&larder::Scan::default())? {
    ///     let item = item?;
    ///     println!("{:?} holds {:?}", item.key, item.entry.value);
    /// }
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn items(&self, scan: &Scan) -> Result<Items> {
        Items::begin(&self.pool, scan)
    }

    /// The first item of a scan; with [`Scan::reverse`] the last.
    pub fn first(&self, scan: &Scan) -> Result<Option<Item>> {
        let item = self.call(|call| call.guest.call_first(call.store, call.resource, scan.as_param()))?;
        Ok(item.map(Item::from))
    }

    /// The names of the queues that are not empty, in order.
    pub fn queues(&self) -> Result<Vec<String>> {
        self.call(|call| call.guest.call_queues(call.store, call.resource))
    }

    /// What this handle and its clones have counted. Reading it has no effect.
    pub fn stats(&self) -> Result<Statistics> {
        self.pool.statistics()
    }

    /// What all handles of all programs together have counted as far as it was written, if the
    /// directory records that ([`Changes::statistics`]); none if not. Reading it has no effect.
    pub fn recorded_stats(&self) -> Result<Option<Statistics>> {
        let recorded = self.call(|call| call.guest.call_recorded_stats(call.store, call.resource))?;
        Ok(recorded.map(Statistics::from))
    }

    /// Sets what the directory has recorded of statistics back to zero.
    pub fn reset_stats(&self) -> Result<()> {
        self.call(|call| call.guest.call_reset_stats(call.store, call.resource))
    }

    /// The directory's settings and totals.
    pub fn info(&self) -> Result<Information> {
        let information = self.call(|call| call.guest.call_info(call.store, call.resource))?;
        Ok(information.into())
    }

    /// Changes what the directory records, for all its users: all of it or, on an error, nothing. A
    /// limit that is lowered takes effect with the next [`Cache::cull`], or whatever stores next.
    pub fn configure(&self, changes: &Changes) -> Result<()> {
        self.call(|call| call.guest.call_configure(call.store, call.resource, changes.as_param()))
    }

    /// Looks for damage: in the databases, the totals, and every value file, which is read whole; and
    /// for what users have left that ended without closing and nobody has tidied up after since: leases
    /// and data of earlier epochs, reservations of value files, a transaction that is not settled. (A
    /// lock whose holder is gone is no damage: it goes to the next one after its lease.) Others can go
    /// on meanwhile, writers too. An empty list means all is well.
    pub fn check(&self) -> Result<Vec<Problem>> {
        let problems = self.call(|call| call.guest.call_check(call.store, call.resource))?;
        Ok(problems.into_iter().map(Problem::from).collect())
    }

    /// Checks, and sets right what can be: says what it did and what is lost. What others are just
    /// writing, or have reserved, is not touched.
    pub fn repair(&self) -> Result<Vec<Problem>> {
        let problems = self.call(|call| call.guest.call_repair(call.store, call.resource))?;
        Ok(problems.into_iter().map(Problem::from).collect())
    }

    /// Writes what is pending and lets go of the directory, for all clones of the handle: their
    /// calls are then the error [`crate::Error::Closed`]. Dropping the last clone does the same, but
    /// has nobody to report an error to.
    pub fn close(&self) -> Result<()> {
        self.pool.close()
    }
}
