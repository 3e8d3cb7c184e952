//! Work that is done once.

use std::sync::Arc;
use std::time::Duration;

use super::keeper::{Kept, Renewable};
use super::{DEFAULT_LEASE, lease_ms};
use crate::cache::Cache;
use crate::cache::pauses::Pauses;
use crate::error::{Error, Result};
use crate::runtime::Instance;
use crate::runtime::bindings::recipes as wit;

/// A task that one process does, and then none ever again; made by [`Cache::once`].
///
/// Whoever comes while another is at it waits. If it fails, panics or dies, the next one does it; so what
/// it does should bear being begun twice.
///
/// ```
/// # let cache = larder::Cache::temporary()?;
/// let set_up = cache.once("set up");
/// assert!(set_up.run(|| println!("setting up"))?);
/// assert!(!set_up.run(|| unreachable!("it is done"))?);
/// # Ok::<(), larder::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Once {
    cache: Cache,
    name: Arc<str>,
    lease: Duration,
}

/// The turn to do it; the next one's when dropped.
pub(super) struct Turn {
    once: Once,
    token: u64,
    kept: Option<Kept>,
}

/// What there is to do.
pub(super) enum Step {
    Done,
    Run(Turn),
    Wait,
}

impl Cache {
    /// A task that is done once.
    pub fn once(&self, name: impl AsRef<str>) -> Once {
        Once { cache: self.clone(), name: name.as_ref().into(), lease: DEFAULT_LEASE }
    }
}

impl Once {
    /// How long whoever does it may be silent before it is the next one's turn; 10 seconds unless set.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Does it, unless it is done; waits while another does. Returns whether it was done here.
    pub fn run(&self, work: impl FnOnce()) -> Result<bool> {
        self.try_run(|| {
            work();
            Ok(())
        })
    }

    /// [`Once::run`] for work that can fail: then it is the next one's.
    pub fn try_run<E: From<Error>>(&self, work: impl FnOnce() -> Result<(), E>) -> Result<bool, E> {
        let mut pauses = Pauses::begin(None);
        loop {
            match self.begin()? {
                Step::Done => return Ok(false),
                Step::Run(turn) => {
                    work()?;
                    turn.finish()?;
                    return Ok(true);
                }
                Step::Wait => std::thread::sleep(pauses.next(0).unwrap_or_default()),
            }
        }
    }

    /// Forgets that it was done; returns whether there was something to forget.
    pub fn reset(&self) -> Result<bool> {
        self.cache
            .run(|instance| instance.recipes(|guest, store, cache| guest.call_once_reset(store, cache, &self.name)))
    }

    pub(super) fn begin(&self) -> Result<Step> {
        let lease = lease_ms(self.lease);
        let turn = self.cache.run(|instance| {
            instance.recipes(|guest, store, cache| guest.call_once_begin(store, cache, &self.name, lease))
        })?;
        Ok(match turn {
            wit::Turn::Done => Step::Done,
            wit::Turn::Wait => Step::Wait,
            wit::Turn::Run(token) => {
                let running = Arc::new(Running { name: Arc::clone(&self.name), token });
                let kept = self.cache.keeper.keep(self.lease, running);
                Step::Run(Turn { once: self.clone(), token, kept: Some(kept) })
            }
        })
    }
}

impl Turn {
    /// It is done.
    pub(super) fn finish(mut self) -> Result<()> {
        self.end(true)
    }

    fn end(&mut self, done: bool) -> Result<()> {
        if self.kept.take().is_none() {
            return Ok(());
        }
        let name = &self.once.name;
        self.once.cache.run(|instance| {
            instance.recipes(|guest, store, cache| guest.call_once_end(store, cache, name, self.token, done))
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Err(error) = self.end(false) {
            tracing::warn!(%error, "a turn could not be given back; it lapses after its lease");
        }
    }
}

/// What the keeper renews.
struct Running {
    name: Arc<str>,
    token: u64,
}

impl Renewable for Running {
    fn renew(&self, instance: &mut Instance) -> Result<()> {
        instance.recipes(|guest, store, cache| guest.call_once_renew(store, cache, &self.name, self.token))
    }
}
