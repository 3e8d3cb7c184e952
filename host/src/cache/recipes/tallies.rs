//! Averages and counters that are never evicted.

use std::sync::Arc;

use crate::cache::Cache;
use crate::error::Result;
use crate::runtime::bindings::recipes as wit;

/// An average of numbers from all processes; made by [`Cache::averager`].
///
/// ```
/// # let cache = larder::Cache::temporary()?;
/// let latency = cache.averager("latency");
/// latency.add(1.0)?;
/// assert_eq!(latency.add(2.0)?.mean, 1.5);
/// assert_eq!(latency.pop()?.map(|mean| mean.count), Some(2));
/// assert_eq!(latency.get()?, None);
/// # Ok::<(), larder::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Averager {
    cache: Cache,
    name: Arc<str>,
}

/// What is known of some numbers.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Mean {
    /// Their sum divided by their number.
    pub mean: f64,
    /// How many they are.
    pub count: u64,
}

/// A number that all processes add to; made by [`Cache::counter`]. Unlike an entry under
/// [`Cache::increment`] it is never evicted, does not expire, and is no entry.
#[derive(Debug, Clone)]
pub struct Counter {
    cache: Cache,
    name: Arc<str>,
}

impl Cache {
    /// An average.
    pub fn averager(&self, name: impl AsRef<str>) -> Averager {
        Averager { cache: self.clone(), name: name.as_ref().into() }
    }

    /// A counter.
    pub fn counter(&self, name: impl AsRef<str>) -> Counter {
        Counter { cache: self.clone(), name: name.as_ref().into() }
    }
}

impl Averager {
    /// Adds a finite number; returns the average with it.
    pub fn add(&self, number: f64) -> Result<Mean> {
        let add = self.cache.run(|instance| {
            instance.recipes(|guest, store, cache| guest.call_average_add(store, cache, &self.name, number))
        });
        add.map(Mean::from)
    }

    /// The average; none of no numbers.
    pub fn get(&self) -> Result<Option<Mean>> {
        let mean = self
            .cache
            .run(|instance| instance.recipes(|guest, store, cache| guest.call_average_get(store, cache, &self.name)))?;
        Ok(mean.map(Mean::from))
    }

    /// Returns the average and begins it anew.
    pub fn pop(&self) -> Result<Option<Mean>> {
        let mean = self
            .cache
            .run(|instance| instance.recipes(|guest, store, cache| guest.call_average_pop(store, cache, &self.name)))?;
        Ok(mean.map(Mean::from))
    }
}

impl From<wit::Mean> for Mean {
    fn from(mean: wit::Mean) -> Self {
        Self { mean: mean.mean, count: mean.count }
    }
}

impl Counter {
    /// Adds to it; returns the sum.
    pub fn add(&self, delta: i64) -> Result<i64> {
        self.cache.run(|instance| {
            instance.recipes(|guest, store, cache| guest.call_counter_add(store, cache, &self.name, delta))
        })
    }

    /// What it is at.
    pub fn get(&self) -> Result<i64> {
        self.cache
            .run(|instance| instance.recipes(|guest, store, cache| guest.call_counter_get(store, cache, &self.name)))
    }

    /// Returns what it is at and begins it anew.
    pub fn pop(&self) -> Result<i64> {
        self.cache
            .run(|instance| instance.recipes(|guest, store, cache| guest.call_counter_pop(store, cache, &self.name)))
    }
}
