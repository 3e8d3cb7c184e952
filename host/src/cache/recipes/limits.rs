//! Limits on how often something may happen.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;
use crate::cache::pauses::Pauses;
use crate::error::{Error, Result};
use crate::runtime::bindings::limits as wit;

/// A limit that holds for all processes together which share the cache's directory; made by
/// [`Cache::rate_limit`] and [`Cache::window_limit`]. What was taken is remembered across restarts.
///
/// ```
/// use std::time::Duration;
///
/// # let cache = larder::Cache::temporary()?;
/// let limit = cache.rate_limit("api", 10, Duration::from_secs(60));
/// if limit.try_take(1)?.granted {
///     println!("calling");
/// }
/// assert_eq!(limit.look()?.remaining, 9);
/// # Ok::<(), larder::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RateLimit {
    cache: Cache,
    name: Arc<str>,
    method: wit::Method,
    count: u32,
    period: Duration,
}

/// What has come of a request, and how things stand after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Verdict {
    /// Whether it was granted.
    pub granted: bool,
    /// How many could be had at once now.
    pub remaining: u32,
    /// If it was refused: when it can be granted, if nobody else comes first.
    pub retry_after: Duration,
    /// When all can be had at once, if nobody takes any.
    pub reset_after: Duration,
}

impl Cache {
    /// A token bucket: so many at once, and as many per period on average.
    pub fn rate_limit(&self, name: impl AsRef<str>, count: u32, period: Duration) -> RateLimit {
        self.limit(name.as_ref(), wit::Method::TokenBucket, count, period)
    }

    /// A sliding window: never more than so many, at most 10,000, in any stretch of time as long as the
    /// period.
    pub fn window_limit(&self, name: impl AsRef<str>, count: u32, period: Duration) -> RateLimit {
        self.limit(name.as_ref(), wit::Method::SlidingWindow, count, period)
    }

    fn limit(&self, name: &str, method: wit::Method, count: u32, period: Duration) -> RateLimit {
        RateLimit { cache: self.clone(), name: name.into(), method, count, period }
    }
}

impl RateLimit {
    /// Takes some, all or nothing. More than there ever are is [`Error::InvalidArgument`].
    pub fn try_take(&self, amount: u32) -> Result<Verdict> {
        self.call(|guest, store, cache| guest.call_take(store, cache, self.as_param(), amount, Some(0)))
    }

    /// Takes some, waiting as long as it takes.
    pub fn take(&self, amount: u32) -> Result<Verdict> {
        self.wait(amount, None)
    }

    /// Takes some, waiting at most so long. If that does not suffice, it is [`Error::Timeout`] at
    /// once.
    pub fn take_within(&self, amount: u32, wait: Duration) -> Result<Verdict> {
        self.wait(amount, Some(wait))
    }

    /// How things stand.
    pub fn look(&self) -> Result<Verdict> {
        self.call(|guest, store, cache| guest.call_look(store, cache, self.as_param()))
    }

    /// Forgets what was taken; returns whether there was something to forget.
    pub fn reset(&self) -> Result<bool> {
        self.cache.run(|instance| {
            instance.limits(|guest, store, cache| guest.call_reset(store, cache, &self.name, self.method))
        })
    }

    fn wait(&self, amount: u32, wait: Option<Duration>) -> Result<Verdict> {
        let pauses = Pauses::begin(wait);
        loop {
            let verdict = self.try_take(amount)?;
            if verdict.granted {
                return Ok(verdict);
            }
            std::thread::sleep(self.pause(&verdict, &pauses)?);
        }
    }

    /// How long to wait after a refusal, if there is so much time.
    pub(super) fn pause(&self, verdict: &Verdict, pauses: &Pauses) -> Result<Duration> {
        if pauses.left().is_some_and(|left| left < verdict.retry_after) {
            let (name, after) = (&self.name, verdict.retry_after);
            return Err(Error::Timeout(format!("the limit {name:?}, which is free in {after:?}")));
        }
        Ok(verdict.retry_after)
    }

    fn as_param(&self) -> wit::Limit<'_> {
        let period_us = u64::try_from(self.period.as_micros()).unwrap_or(u64::MAX);
        wit::Limit { name: &self.name, method: self.method, count: self.count, period_us }
    }

    fn call(
        &self,
        call: impl FnOnce(
            &wit::Guest,
            &mut wasmtime::Store<crate::runtime::State>,
            wasmtime::component::ResourceAny,
        ) -> crate::runtime::Answer<wit::Verdict>,
    ) -> Result<Verdict> {
        self.cache.run(|instance| instance.limits(call)).map(Verdict::from)
    }
}

impl From<wit::Verdict> for Verdict {
    fn from(verdict: wit::Verdict) -> Self {
        let wit::Verdict { granted, remaining, retry_us, reset_us } = verdict;
        let (retry_after, reset_after) = (Duration::from_micros(retry_us), Duration::from_micros(reset_us));
        Self { granted, remaining, retry_after, reset_after }
    }
}
