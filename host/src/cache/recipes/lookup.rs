//! Looking a value up, or taking on to compute it.

use std::time::Duration;

use super::lease_ms;
use super::memo::MemoOptions;
use super::vacancy::Vacancy;
use crate::cache::Cache;
use crate::cache::pauses::Pauses;
use crate::error::Result;
use crate::runtime::bindings::memo as wit;
use crate::value::{Key, Value};

/// What a look-up comes to.
#[derive(Debug)]
pub enum Lookup {
    /// The value.
    Hit(Value<'static>),
    /// The value, past its time to live or about to be, and perhaps the task to compute it anew, which
    /// one caller at a time gets.
    Stale(Value<'static>, Option<Vacancy>),
    /// There is none, and the caller is to compute it.
    Vacant(Vacancy),
    /// There is none yet: another computes it.
    Wait,
    /// There is none, since computing it has failed a while ago, for this reason.
    Failed(String),
}

impl Cache {
    /// Looks a value up, or takes on to compute it, and returns at once. [`Cache::memoize`] does the
    /// rest, too.
    ///
    /// ```
    /// use larder::{Lookup, MemoOptions};
    ///
    /// # let cache = larder::Cache::temporary()?;
    /// let options = MemoOptions::new().ttl(std::time::Duration::from_secs(60));
    /// if let Lookup::Vacant(vacancy) = cache.lookup("page", &options)? {
    ///     assert!(matches!(cache.lookup("page", &options)?, Lookup::Wait));
    ///     vacancy.fill("<html>", &options)?;
    /// }
    /// assert!(matches!(cache.lookup("page", &options)?, Lookup::Hit(_)));
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn lookup<'k>(&self, key: impl Into<Key<'k>>, options: &MemoOptions) -> Result<Lookup> {
        self.find(&key.into(), options).map(|(outcome, _)| outcome)
    }

    /// What a look-up comes to; if another computes, with its lease if it may be dead.
    pub(super) fn find(&self, key: &Key<'_>, options: &MemoOptions) -> Result<(Lookup, Duration)> {
        let how = wit::LookupOptions { lease_ms: lease_ms(options.lease), eagerness: options.eagerness };
        let outcome = self
            .run(|instance| instance.memo(|guest, store, cache| guest.call_find(store, cache, key.as_param(), how)))?;
        let vacancy = |token, last| Vacancy::new(self, key.clone().into_owned(), token, options.lease, last);
        let mut doubt = Duration::ZERO;
        let outcome = match outcome {
            wit::Outcome::Hit(value) => Lookup::Hit(value.into()),
            wit::Outcome::Stale(stale) => {
                Lookup::Stale(stale.value.into(), stale.vacancy.map(|token| vacancy(token, None)))
            }
            wit::Outcome::Vacancy(vacant) => Lookup::Vacant(vacancy(vacant.vacancy, vacant.last.map(Value::from))),
            wit::Outcome::Wait(doubt_ms) => {
                doubt = Duration::from_millis(doubt_ms.into());
                Lookup::Wait
            }
            wit::Outcome::Failed(reason) => Lookup::Failed(reason),
        };
        Ok((outcome, doubt))
    }

    /// [`Cache::lookup`], waiting while another computes, at most so long; none waits for ever.
    /// [`Lookup::Wait`] if the time was over; that takes longer only if whoever computes has been silent for
    /// longer than its lease, by the wall clock: to be sure that it is dead, and then to take its place.
    pub fn lookup_within<'k>(
        &self,
        key: impl Into<Key<'k>>,
        options: &MemoOptions,
        wait: Option<Duration>,
    ) -> Result<Lookup> {
        let key = key.into();
        let mut pauses = Pauses::begin(wait);
        loop {
            let (outcome, doubt) = self.find(&key, options)?;
            if !matches!(outcome, Lookup::Wait) {
                return Ok(outcome);
            }
            let Some(pause) = pauses.next(1).or_else(|| pauses.resume(doubt, 1)) else { return Ok(outcome) };
            std::thread::sleep(pause);
        }
    }
}
