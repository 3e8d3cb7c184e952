//! Another number of shards.

use crate::error::Result;
use crate::options::Progress;
use crate::runtime::{Instance, Opening};

/// A change of the number of shards that is under way; made by [`crate::CacheBuilder::reshard`]. Dropped
/// before it has finished, it has changed nothing.
pub struct Resharding {
    instance: Instance,
    before: u32,
}

impl Resharding {
    pub(super) fn begin(opening: &Opening, shards: u32, wait_ms: u32) -> Result<Self> {
        let mut instance = Instance::start(opening, |guest, store, path| {
            guest.resharding().call_begin(store, path, shards, Some(wait_ms), None)
        })?;
        let before =
            instance.advance(|guest, store, work| guest.resharding().call_shards_before(store, work).map(Ok))?;
        Ok(Self { instance, before })
    }

    /// How many shards the directory had when it began.
    pub fn shards_before(&self) -> u32 {
        self.before
    }

    /// Carries some more over. Progress is in rows: entries, values of deques and indexes, locks and the
    /// like. After an error it is over, with nothing changed, and further steps are [`crate::Error::Closed`].
    pub fn step(&mut self) -> Result<Progress> {
        self.instance.advance(|guest, store, work| guest.resharding().call_step(store, work)).map(Progress::from)
    }
}

impl Drop for Resharding {
    fn drop(&mut self) {
        // So that what it has written goes now, and not when somebody opens the directory.
        self.instance.give_up();
    }
}

impl std::fmt::Debug for Resharding {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Resharding").finish_non_exhaustive()
    }
}
