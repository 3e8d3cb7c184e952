//! Barriers: parties that wait for each other.

use std::sync::Arc;
use std::time::Duration;

use super::{DEFAULT_LEASE, lease_ms};
use crate::cache::Cache;
use crate::cache::pauses::Pauses;
use crate::error::{Error, Result};
use crate::runtime::bindings::recipes as wit;

/// Where parties of any processes wait until all have come; made by [`Cache::barrier`]. Then it can be
/// used anew.
///
/// ```
/// # let cache = larder::Cache::temporary()?;
/// let barrier = cache.barrier("start", 2);
/// std::thread::scope(|scope| {
///     let other = scope.spawn(|| barrier.wait());
///     assert_eq!(barrier.wait()?, other.join().unwrap()?);
///     Ok::<(), larder::Error>(())
/// })?;
/// # Ok::<(), larder::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Barrier {
    cache: Cache,
    name: Arc<str>,
    parties: u32,
    lease: Duration,
}

/// A party that has arrived; leaves when dropped.
pub(super) struct Party {
    barrier: Barrier,
    pub(super) arrival: wit::Arrival,
}

impl Cache {
    /// A barrier for so many parties.
    pub fn barrier(&self, name: impl AsRef<str>, parties: u32) -> Barrier {
        Barrier { cache: self.clone(), name: name.as_ref().into(), parties, lease: DEFAULT_LEASE }
    }
}

impl Barrier {
    /// How long a party that waits may be silent before it is not counted any more; 10 seconds unless
    /// set.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Waits for the others; returns the number of the opening, which is the same for all and grows.
    pub fn wait(&self) -> Result<u64> {
        self.meet(None)
    }

    /// Waits for the others, at most so long: then it leaves, and it is [`Error::Timeout`].
    pub fn wait_within(&self, wait: Duration) -> Result<u64> {
        self.meet(Some(wait))
    }

    fn meet(&self, wait: Option<Duration>) -> Result<u64> {
        let mut pauses = self.pauses(wait);
        let mut party = self.arrive()?;
        while !party.arrival.open {
            let Some(pause) = pauses.next(0) else { return party.give_up() };
            std::thread::sleep(pause);
            party = party.poll()?;
        }
        Ok(party.arrival.generation)
    }

    pub(super) fn pauses(&self, wait: Option<Duration>) -> Pauses {
        Pauses::begin(wait).within_lease(self.lease)
    }

    pub(super) fn arrive(&self) -> Result<Party> {
        let arrival = self.cache.run(|instance| {
            instance.recipes(|guest, store, cache| {
                guest.call_barrier_arrive(store, cache, self.as_param(), lease_ms(self.lease))
            })
        })?;
        Ok(Party { barrier: self.clone(), arrival })
    }

    fn as_param(&self) -> wit::Barrier<'_> {
        wit::Barrier { name: &self.name, parties: self.parties }
    }
}

impl Party {
    /// Looks whether all have come.
    pub(super) fn poll(mut self) -> Result<Self> {
        let barrier = self.barrier.as_param();
        self.arrival = self.barrier.cache.run(|instance| {
            instance.recipes(|guest, store, cache| guest.call_barrier_poll(store, cache, barrier, self.arrival))
        })?;
        Ok(self)
    }

    /// Leaves, unless all have come in the last moment.
    pub(super) fn give_up(mut self) -> Result<u64> {
        let left = self.leave()?;
        let (missing, generation) = (self.arrival.missing, self.arrival.generation);
        // Nothing is left to be given up.
        self.arrival.open = true;
        if left {
            let name = &self.barrier.name;
            return Err(Error::Timeout(format!("{missing} more parties at the barrier {name:?}")));
        }
        Ok(generation)
    }

    fn leave(&self) -> Result<bool> {
        let barrier = self.barrier.as_param();
        self.barrier.cache.run(|instance| {
            instance.recipes(|guest, store, cache| guest.call_barrier_leave(store, cache, barrier, self.arrival))
        })
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        if !self.arrival.open
            && let Err(error) = self.leave()
        {
            tracing::warn!(%error, "a party could not leave a barrier; it is not counted after its lease");
        }
    }
}
