//! Values that are computed once.

use std::convert::Infallible;
use std::thread;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::DEFAULT_LEASE;
use super::lookup::Lookup;
use super::vacancy::Vacancy;
use crate::cache::Cache;
use crate::cache::typed::{decode, encode};
use crate::error::{Error, Result};
use crate::options::{Expiry, SetOptions};
use crate::value::Key;

/// How a computed value is kept, and what others do while one computes it.
///
/// A duration alone is a time to live.
#[derive(Debug, Clone)]
pub struct MemoOptions {
    pub(super) entry: SetOptions,
    pub(super) stale: Duration,
    pub(super) stale_if_error: Duration,
    pub(super) negative: Option<Duration>,
    pub(super) eagerness: f64,
    pub(super) lease: Duration,
    pub(super) wait: Option<Duration>,
}

/// Why there is no value.
#[derive(Debug, thiserror::Error)]
pub enum MemoError<E> {
    /// Computing it has failed.
    #[error(transparent)]
    Compute(E),
    /// Computing it has failed a while ago, and is not tried again yet; this is why it did.
    #[error("it failed a while ago: {0}")]
    Remembered(String),
    /// The cache could not be asked.
    #[error(transparent)]
    Cache(Error),
}

impl Default for MemoOptions {
    fn default() -> Self {
        Self {
            entry: SetOptions::new(),
            stale: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            negative: None,
            eagerness: 0.0,
            lease: DEFAULT_LEASE,
            wait: None,
        }
    }
}

impl From<Duration> for MemoOptions {
    fn from(ttl: Duration) -> Self {
        Self::new().ttl(ttl)
    }
}

impl From<&Self> for MemoOptions {
    fn from(options: &Self) -> Self {
        options.clone()
    }
}

impl MemoOptions {
    /// The directory's default time to live, and nothing else.
    pub fn new() -> Self {
        Self::default()
    }

    /// How the value is stored: how long it is fresh, and its labels. It can slide only if it is never
    /// handed out stale, nor computed early.
    #[must_use]
    pub fn entry(mut self, options: SetOptions) -> Self {
        self.entry = options;
        self
    }

    /// How long the value is fresh.
    #[must_use]
    pub fn ttl(mut self, expiry: impl Into<Expiry>) -> Self {
        self.entry = self.entry.ttl(expiry);
        self
    }

    /// One more label to list and evict the entry by.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.entry = self.entry.tag(tag);
        self
    }

    /// How long after its time to live the value may be handed out while one computes it anew.
    #[must_use]
    pub fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.stale = window;
        self
    }

    /// How long after its time to live the value may be handed out if computing it fails.
    #[must_use]
    pub fn stale_if_error(mut self, window: Duration) -> Self {
        self.stale_if_error = window;
        self
    }

    /// How long a failure is remembered: meanwhile it is not tried again. Unless set, the next one who
    /// asks tries.
    #[must_use]
    pub fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.negative = Some(ttl);
        self
    }

    /// Computes the value anew before it ends: at random, the nearer the end and the dearer the value,
    /// the likelier, so that one does it before all miss it. 1 is what theory says, more is earlier, 0
    /// is never.
    #[must_use]
    pub fn refresh_early(mut self, eagerness: f64) -> Self {
        self.eagerness = eagerness;
        self
    }

    /// How long whoever computes may be silent before the next one does; 10 seconds unless set. It is
    /// renewed by a thread of the handle, so computing may take longer.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How long to wait for another who computes: then it is [`Error::Timeout`], unless that other may be
    /// dead, as in [`Cache::lookup_within`]. As long as it takes unless set.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }
}

/// What is to be done for a value.
pub(super) enum Task<T> {
    /// Nothing.
    Have(T),
    /// Compute it.
    Compute {
        vacancy: Vacancy,
        /// What there was, to fall back upon.
        old: Option<T>,
        /// Whether that may be handed out meanwhile.
        is_good: bool,
    },
}

impl Cache {
    /// The value under a key, computed if there is none: once, however many ask at the same time in
    /// whatever process, while the others wait. It is stored in the form of [`Cache::set_as`].
    ///
    /// A value that is stale, or to be refreshed early, is computed by one of those who ask, who waits
    /// for it; the others have the old one at once.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let cache = larder::Cache::temporary()?;
    /// let square = |n: u64| cache.memoize(format!("square:{n}"), Duration::from_secs(60), || n * n);
    /// assert_eq!(square(12)?, 144);
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn memoize<'k, T: Serialize + DeserializeOwned>(
        &self,
        key: impl Into<Key<'k>>,
        options: impl Into<MemoOptions>,
        compute: impl FnOnce() -> T,
    ) -> Result<T> {
        self.try_memoize(key, options, || Ok::<T, Infallible>(compute())).map_err(Error::from)
    }

    /// [`Cache::memoize`] for what can fail. A failure is not stored, but may be remembered for
    /// [`MemoOptions::negative_ttl`]; if there is an old value that may be handed out, that is the result.
    pub fn try_memoize<'k, T: Serialize + DeserializeOwned, E: std::fmt::Display>(
        &self,
        key: impl Into<Key<'k>>,
        options: impl Into<MemoOptions>,
        compute: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, MemoError<E>> {
        let options = options.into();
        match self.task(&key.into(), &options)? {
            Task::Have(value) => Ok(value),
            Task::Compute { vacancy, old, .. } => settle(vacancy, &options, compute(), old),
        }
    }

    /// [`Cache::memoize`] that never waits for a value while there is an old one: that is computed anew
    /// by a thread of its own.
    pub fn memoize_in_background<'k, T: Serialize + DeserializeOwned>(
        &self,
        key: impl Into<Key<'k>>,
        options: impl Into<MemoOptions>,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let options = options.into();
        match self.task::<T, Infallible>(&key.into(), &options).map_err(Error::from)? {
            Task::Have(value) => Ok(value),
            Task::Compute { vacancy, old: Some(old), is_good: true } => {
                let refresh = move || {
                    let done = keep(vacancy, &options, &compute());
                    if let Err(error) = done {
                        tracing::warn!(%error, "a value that was computed anew was not kept");
                    }
                };
                thread::Builder::new()
                    .name("larder-refresh".to_owned())
                    .spawn(refresh)
                    .map_err(|error| Error::Io(format!("starting a thread: {error}")))?;
                Ok(old)
            }
            Task::Compute { vacancy, .. } => {
                settle(vacancy, &options, Ok::<T, Infallible>(compute()), None).map_err(Error::from)
            }
        }
    }

    pub(super) fn task<T: DeserializeOwned, E>(
        &self,
        key: &Key<'_>,
        options: &MemoOptions,
    ) -> Result<Task<T>, MemoError<E>> {
        let outcome = self.lookup_within(key, options, options.wait).map_err(MemoError::Cache)?;
        task(key, outcome)
    }
}

/// What a look-up asks for.
pub(super) fn task<T: DeserializeOwned, E>(key: &Key<'_>, outcome: Lookup) -> Result<Task<T>, MemoError<E>> {
    match outcome {
        Lookup::Hit(value) | Lookup::Stale(value, None) => {
            decode(key, &value).map(Task::Have).map_err(MemoError::Cache)
        }
        // One that can not be read is replaced.
        Lookup::Stale(value, Some(vacancy)) => {
            Ok(Task::Compute { vacancy, old: decode(key, &value).ok(), is_good: true })
        }
        Lookup::Vacant(vacancy) => {
            let old = vacancy.last().and_then(|value| decode(key, value).ok());
            Ok(Task::Compute { vacancy, old, is_good: false })
        }
        Lookup::Failed(reason) => Err(MemoError::Remembered(reason)),
        Lookup::Wait => {
            Err(MemoError::Cache(Error::Timeout(format!("the value of {key:?}, which another is computing"))))
        }
    }
}

/// Keeps what was computed, or falls back upon what there was.
pub(super) fn settle<T: Serialize, E: std::fmt::Display>(
    vacancy: Vacancy,
    options: &MemoOptions,
    computed: Result<T, E>,
    old: Option<T>,
) -> Result<T, MemoError<E>> {
    match computed {
        Ok(value) => keep(vacancy, options, &value).map(|()| value).map_err(MemoError::Cache),
        Err(error) => {
            let remembered = match options.negative {
                Some(ttl) => vacancy.fail(&error.to_string(), ttl),
                None => Ok(()),
            };
            if let Err(problem) = remembered {
                tracing::warn!(error = %problem, "that a value could not be computed was not remembered");
            }
            old.ok_or(MemoError::Compute(error))
        }
    }
}

/// Stores what was computed. What can not be stored is of use all the same, to who has computed it.
pub(super) fn keep<T: Serialize>(vacancy: Vacancy, options: &MemoOptions, value: &T) -> Result<()> {
    let bytes = encode(value)?;
    match vacancy.fill(bytes, options) {
        Ok(_) => Ok(()),
        Err(error @ (Error::NotHeld(_) | Error::TooLarge { .. } | Error::Full(_))) => {
            tracing::warn!(%error, "a value that was computed was not kept");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

impl From<MemoError<Infallible>> for Error {
    fn from(error: MemoError<Infallible>) -> Self {
        match error {
            MemoError::Compute(never) => match never {},
            MemoError::Remembered(reason) => Self::Failed(reason),
            MemoError::Cache(error) => error,
        }
    }
}
