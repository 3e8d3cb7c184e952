//! The handle of an open cache.

mod builder;
mod keys;
mod pool;
#[cfg(test)]
mod tests;
mod typed;

use std::path::Path;
use std::sync::Arc;

pub use builder::CacheBuilder;
pub use keys::Keys;

use crate::error::Result;
use crate::options::{Entry, Expiry, Information, Problem, Scan, Selection, SetOptions, Statistics};
use crate::runtime::bindings::types;
use crate::runtime::{Answer, Call};
use crate::value::{Key, Number, Value};
use pool::Pool;

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

    /// Opens a cache in another way.
    pub fn builder() -> CacheBuilder {
        CacheBuilder::default()
    }

    /// Where the cache is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The live value under a key. A hit counts for the eviction policy.
    pub fn get<'k>(&self, key: impl Into<Key<'k>>) -> Result<Option<Value<'static>>> {
        let key = key.into();
        let value = self.call(|call| call.guest.call_get(call.store, call.cache, key.as_param()))?;
        Ok(value.map(Value::from))
    }

    /// The live entry under a key: its value with all that is known of it.
    ///
    /// ```
    /// # let cache = larder::Cache::temporary()?;
    /// cache.set_with("k", 1, &larder::SetOptions::new().tag("numbers"))?;
    /// let entry = cache.get_entry("k")?.expect("just stored");
    /// assert_eq!(entry.metadata.tags, ["numbers"]);
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn get_entry<'k>(&self, key: impl Into<Key<'k>>) -> Result<Option<Entry>> {
        let key = key.into();
        let entry = self.call(|call| call.guest.call_get_entry(call.store, call.cache, key.as_param()))?;
        Ok(entry.map(Entry::from))
    }

    /// Stores a value, whatever was there, and returns its version.
    pub fn set<'k, 'v>(&self, key: impl Into<Key<'k>>, value: impl Into<Value<'v>>) -> Result<u64> {
        self.set_with(key, value, &SetOptions::new())
    }

    /// Stores a value with a time to live or tags.
    pub fn set_with<'k, 'v>(
        &self,
        key: impl Into<Key<'k>>,
        value: impl Into<Value<'v>>,
        options: &SetOptions,
    ) -> Result<u64> {
        let (key, value, tags) = (key.into(), value.into(), options.tags());
        value.check_size()?;
        self.call(|call| {
            let options = options.as_param(&tags);
            call.guest.call_set(call.store, call.cache, key.as_param(), value.as_param(), options)
        })
    }

    /// Stores a value if the key has none that is live. Returns its version, none if the key was
    /// taken.
    pub fn add<'k, 'v>(
        &self,
        key: impl Into<Key<'k>>,
        value: impl Into<Value<'v>>,
        options: &SetOptions,
    ) -> Result<Option<u64>> {
        let (key, value, tags) = (key.into(), value.into(), options.tags());
        value.check_size()?;
        self.call(|call| {
            let options = options.as_param(&tags);
            call.guest.call_add(call.store, call.cache, key.as_param(), value.as_param(), options)
        })
    }

    /// Removes an entry. Returns whether there was one that was live.
    pub fn delete<'k>(&self, key: impl Into<Key<'k>>) -> Result<bool> {
        let key = key.into();
        self.call(|call| call.guest.call_delete(call.store, call.cache, key.as_param()))
    }

    /// Gives a live entry a new expiry, counted from now. Returns whether there was one.
    pub fn touch<'k>(&self, key: impl Into<Key<'k>>, expiry: impl Into<Expiry>) -> Result<bool> {
        let (key, expiry) = (key.into(), expiry.into());
        self.call(|call| call.guest.call_touch(call.store, call.cache, key.as_param(), expiry.into()))
    }

    /// Adds to an integer and returns the sum; an absent one counts as 0.
    ///
    /// ```
    /// # let cache = larder::Cache::temporary()?;
    /// assert_eq!(cache.increment("visits", 1)?, 1);
    /// assert_eq!(cache.increment("visits", 10)?, 11);
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn increment<'k>(&self, key: impl Into<Key<'k>>, delta: i64) -> Result<i64> {
        let key = key.into();
        match self.increment_with(&key, delta, Some(0.into()), &SetOptions::new())? {
            Some(Number::Integer(sum)) => Ok(sum),
            other => Err(crate::Error::WrongType(format!("the sum under {key:?} is no integer but {other:?}"))),
        }
    }

    /// Adds to a number and returns the sum. A live entry keeps its expiry and tags. An absent one
    /// is stored as `initial` plus `delta`, with `options`; without `initial` nothing is done and
    /// none returned.
    pub fn increment_with<'k>(
        &self,
        key: impl Into<Key<'k>>,
        delta: impl Into<Number>,
        initial: Option<Number>,
        options: &SetOptions,
    ) -> Result<Option<Number>> {
        let (key, delta, tags) = (key.into(), types::Number::from(delta.into()), options.tags());
        let sum = self.call(|call| {
            let (initial, options) = (initial.map(Into::into), options.as_param(&tags));
            call.guest.call_increment(call.store, call.cache, key.as_param(), delta, initial, options)
        })?;
        Ok(sum.map(Number::from))
    }

    /// Whether a key has a live entry. Counts neither for the policy nor for statistics.
    pub fn contains<'k>(&self, key: impl Into<Key<'k>>) -> Result<bool> {
        let key = key.into();
        self.call(|call| call.guest.call_contains(call.store, call.cache, key.as_param()))
    }

    /// Number of entries, expired ones that were not yet removed included.
    pub fn count(&self) -> Result<u64> {
        self.call(|call| call.guest.call_count(call.store, call.cache))
    }

    /// Size of these entries in bytes: keys, values and tags, and 64 for each.
    pub fn volume(&self) -> Result<u64> {
        self.call(|call| call.guest.call_volume(call.store, call.cache))
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

    /// Removes the entries of a selection, in steps between which others can work. Returns how
    /// many.
    #[allow(clippy::needless_pass_by_value, reason = "a selection is made where it is used")]
    pub fn evict(&self, selection: Selection) -> Result<u64> {
        self.call(|call| call.guest.call_evict(call.store, call.cache, selection.as_param()))
    }

    /// Removes all expired entries. Returns how many.
    pub fn expire(&self) -> Result<u64> {
        self.call(|call| call.guest.call_expire(call.store, call.cache))
    }

    /// Removes all entries. Returns how many.
    pub fn clear(&self) -> Result<u64> {
        self.call(|call| call.guest.call_clear(call.store, call.cache))
    }

    /// What this handle and its clones have counted. Reading it has no effect.
    pub fn stats(&self) -> Result<Statistics> {
        self.pool.statistics()
    }

    /// The directory's settings and totals.
    pub fn info(&self) -> Result<Information> {
        let information = self.call(|call| call.guest.call_info(call.store, call.cache))?;
        Ok(information.into())
    }

    /// Looks for damage: in the databases, the totals, and every value file, which is read whole.
    /// Others can go on meanwhile. An empty list means all is well.
    pub fn check(&self) -> Result<Vec<Problem>> {
        let problems = self.call(|call| call.guest.call_check(call.store, call.cache))?;
        Ok(problems.into_iter().map(Problem::from).collect())
    }

    /// Writes what is pending and lets go of the directory, for all clones of the handle: their
    /// calls are then the error [`crate::Error::Closed`]. Dropping the last clone does the same, but
    /// has nobody to report an error to.
    pub fn close(&self) -> Result<()> {
        self.pool.close()
    }
}
