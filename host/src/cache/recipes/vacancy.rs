//! The right to compute a value that is missing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::keeper::{Kept, Renewable};
use super::memo::MemoOptions;
use crate::cache::Cache;
use crate::error::Result;
use crate::options::milliseconds;
use crate::runtime::Instance;
use crate::runtime::bindings::memo as wit;
use crate::value::{Key, Value};

/// The right to compute the value of a key, which nobody else has in any process; made by
/// [`Cache::lookup`]. While it is there, a thread of the handle renews it. Dropped, it is given to the
/// next one who asks.
#[must_use = "whoever has a vacancy keeps others waiting until it is filled or dropped"]
pub struct Vacancy {
    cache: Cache,
    key: Key<'static>,
    token: u64,
    kept: Option<Kept>,
    began: Instant,
    last: Option<Value<'static>>,
}

impl Vacancy {
    pub(super) fn new(
        cache: &Cache,
        key: Key<'static>,
        token: u64,
        lease: Duration,
        last: Option<Value<'static>>,
    ) -> Self {
        let kept = cache.keeper.keep(lease, Arc::new(Computing { key: key.clone(), token }));
        Self { cache: cache.clone(), key, token, kept: Some(kept), began: Instant::now(), last }
    }

    /// The key whose value is to be computed.
    pub fn key(&self) -> &Key<'static> {
        &self.key
    }

    /// The value there was, if it may be handed out should computing fail: within
    /// [`MemoOptions::stale_if_error`].
    pub fn last(&self) -> Option<&Value<'static>> {
        self.last.as_ref()
    }

    /// Stores the value; returns the entry's version. What it cost is the time since the vacancy was
    /// given. [`crate::Error::NotHeld`], and nothing stored, if the vacancy was lost meanwhile.
    pub fn fill<'v>(mut self, value: impl Into<Value<'v>>, options: &MemoOptions) -> Result<u64> {
        let value = value.into();
        value.check_size()?;
        let tags = options.entry.tags();
        let cost = if options.eagerness > 0.0 { milliseconds(self.began.elapsed()).max(1) } else { 0 };
        let filling = wit::FillOptions {
            options: options.entry.as_param(&tags),
            stale_ms: milliseconds(options.stale),
            stale_if_error_ms: milliseconds(options.stale_if_error),
            cost_ms: cost,
        };
        let filled = self.cache.run(|instance| {
            instance.memo(|guest, store, cache| {
                guest.call_fill(store, cache, self.key.as_param(), self.token, value.as_param(), filling)
            })
        });
        if filled.is_ok() {
            self.kept = None;
        }
        filled
    }

    /// Says that it could not be computed, and that nobody is to try again for a while: meanwhile all
    /// get the value there was, as far as [`MemoOptions::stale_if_error`] permits, or the reason.
    pub fn fail(mut self, reason: &str, retry_after: Duration) -> Result<()> {
        self.kept = None;
        self.cache.run(|instance| {
            instance.memo(|guest, store, cache| {
                let pause = milliseconds(retry_after);
                guest.call_fail(store, cache, self.key.as_param(), self.token, reason, pause)
            })
        })
    }

    /// False if the vacancy is known to be lost, because this process was silent for longer than its
    /// lease.
    pub fn is_held(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| !kept.is_lost())
    }
}

impl std::fmt::Debug for Vacancy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Vacancy").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Drop for Vacancy {
    fn drop(&mut self) {
        if self.kept.take().is_none() {
            return;
        }
        let vacated = self.cache.run(|instance| {
            instance.memo(|guest, store, cache| guest.call_vacate(store, cache, self.key.as_param(), self.token))
        });
        if let Err(error) = vacated {
            tracing::warn!(%error, "a vacancy could not be given back; it lapses after its lease");
        }
    }
}

/// What the keeper renews.
struct Computing {
    key: Key<'static>,
    token: u64,
}

impl Renewable for Computing {
    fn renew(&self, instance: &mut Instance) -> Result<()> {
        instance.memo(|guest, store, cache| guest.call_renew(store, cache, self.key.as_param(), self.token))
    }
}
