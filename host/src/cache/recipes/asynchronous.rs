//! Locks, limits, barriers and memoization for asynchronous programs, on any executor.
//!
//! Calls of the component block for microseconds, or while another process writes; so they run on
//! threads of their own, never on one of the executor. Whatever a future has obtained when it is dropped
//! before its end, it gives back.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use blocking::unblock;
use futures_timer::Delay;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Lookup;
use super::barrier::Barrier;
use super::limits::{RateLimit, Verdict};
use super::locks::{Lock, LockGuard, Step};
use super::memo::{MemoError, MemoOptions, Task, settle, task};
use super::once::{self, Once};
use super::vacancy::Vacancy;
use crate::cache::Cache;
use crate::cache::pauses::Pauses;
use crate::error::{Error, Result};
use crate::value::Key;

/// A [`LockGuard`] of an asynchronous program: dropping it releases the lock without blocking the
/// executor.
#[derive(Debug)]
#[must_use = "a lock is released when its guard is dropped"]
pub struct AsyncLockGuard(Later<LockGuard>);

impl AsyncLockGuard {
    fn new(guard: LockGuard) -> Self {
        Self(Later(Some(guard)))
    }

    /// See [`LockGuard::fence`].
    pub fn fence(&self) -> u64 {
        self.0.0.as_ref().map_or(0, LockGuard::fence)
    }

    /// See [`LockGuard::is_held`].
    pub fn is_held(&self) -> bool {
        self.0.0.as_ref().is_some_and(LockGuard::is_held)
    }

    /// Releases the lock and waits until that is done; [`Error::NotHeld`] if it was lost meanwhile.
    pub async fn release(mut self) -> Result<()> {
        let Some(guard) = self.0.take() else { return Ok(()) };
        unblock(|| guard.release()).await
    }
}

/// Something whose end writes to the cache: dropped on a thread of its own.
#[derive(Debug)]
pub(super) struct Later<T: Send + 'static>(pub(super) Option<T>);

impl<T: Send + 'static> Later<T> {
    pub(super) fn take(&mut self) -> Option<T> {
        self.0.take()
    }
}

/// Does something on a thread of its own. If nobody awaits its outcome any more, that is dropped there,
/// too.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let mut outcome = unblock(move || work().map(|outcome| Later(Some(outcome)))).await?;
    outcome.take().ok_or(Error::Closed)
}

impl<T: Send + 'static> Drop for Later<T> {
    fn drop(&mut self) {
        if let Some(inner) = self.0.take() {
            unblock(move || drop(inner)).detach();
        }
    }
}

impl Lock {
    /// [`Lock::acquire`] without blocking.
    pub async fn acquire_async(&self) -> Result<AsyncLockGuard> {
        self.wait_async(None).await
    }

    /// [`Lock::acquire_within`] without blocking.
    pub async fn acquire_within_async(&self, wait: Duration) -> Result<AsyncLockGuard> {
        self.wait_async(Some(wait)).await
    }

    /// [`Lock::try_acquire`] without blocking.
    pub async fn try_acquire_async(&self) -> Result<Option<AsyncLockGuard>> {
        let lock = self.clone();
        Ok(apart(move || lock.try_acquire()).await?.map(AsyncLockGuard::new))
    }

    async fn wait_async(&self, wait: Option<Duration>) -> Result<AsyncLockGuard> {
        let (lock, mut pauses) = (self.clone(), self.pauses(wait));
        let (mut step, mut pauses) = apart(move || Ok((lock.enter(&mut pauses)?, pauses))).await?;
        loop {
            let place = match step {
                Step::Granted(guard) => return Ok(AsyncLockGuard::new(guard)),
                Step::Waiting(place) => place,
            };
            let (ahead, mut place) = (place.ahead, Later(Some(place)));
            let pause = match pauses.next(ahead) {
                None => {
                    let lock = self.clone();
                    pauses.resume(unblock(move || lock.doubt()).await?, ahead)
                }
                pause => pause,
            };
            let Some(pause) = pause else {
                unblock(move || drop(place.take())).await;
                return Err(self.timeout());
            };
            Delay::new(pause).await;
            let Some(place) = place.take() else { return Err(self.timeout()) };
            step = apart(move || place.poll()).await?;
        }
    }
}

impl RateLimit {
    /// [`RateLimit::try_take`] without blocking. What was taken by a future that is dropped meanwhile
    /// stays taken.
    pub async fn try_take_async(&self, amount: u32) -> Result<Verdict> {
        let limit = self.clone();
        unblock(move || limit.try_take(amount)).await
    }

    /// [`RateLimit::take`] without blocking.
    pub async fn take_async(&self, amount: u32) -> Result<Verdict> {
        self.wait_async(amount, None).await
    }

    /// [`RateLimit::take_within`] without blocking.
    pub async fn take_within_async(&self, amount: u32, wait: Duration) -> Result<Verdict> {
        self.wait_async(amount, Some(wait)).await
    }

    async fn wait_async(&self, amount: u32, wait: Option<Duration>) -> Result<Verdict> {
        let pauses = Pauses::begin(wait);
        loop {
            let verdict = self.try_take_async(amount).await?;
            if verdict.granted {
                return Ok(verdict);
            }
            Delay::new(self.pause(&verdict, &pauses)?).await;
        }
    }
}

impl Barrier {
    /// [`Barrier::wait`] without blocking. Dropped before its end, it leaves.
    pub async fn wait_async(&self) -> Result<u64> {
        self.meet_async(None).await
    }

    /// [`Barrier::wait_within`] without blocking.
    pub async fn wait_within_async(&self, wait: Duration) -> Result<u64> {
        self.meet_async(Some(wait)).await
    }

    async fn meet_async(&self, wait: Option<Duration>) -> Result<u64> {
        let (barrier, mut pauses) = (self.clone(), self.pauses(wait));
        let mut party = apart(move || barrier.arrive()).await?;
        while !party.arrival.open {
            let Some(pause) = pauses.next(0) else { return unblock(move || party.give_up()).await };
            let mut waiting = Later(Some(party));
            Delay::new(pause).await;
            let Some(waiting) = waiting.take() else { return Err(Error::Closed) };
            party = apart(move || waiting.poll()).await?;
        }
        Ok(party.arrival.generation)
    }
}

impl Once {
    /// [`Once::try_run`] for asynchronous work. Dropped before its end, it is the next one's turn.
    pub async fn run_async<E: From<Error>, F: Future<Output = Result<(), E>>>(
        &self,
        work: impl FnOnce() -> F,
    ) -> Result<bool, E> {
        let mut pauses = Pauses::begin(None);
        loop {
            let once = self.clone();
            match apart(move || once.begin()).await? {
                once::Step::Done => return Ok(false),
                once::Step::Run(turn) => {
                    let mut turn = Later(Some(turn));
                    work().await?;
                    if let Some(turn) = turn.take() {
                        unblock(move || turn.finish()).await?;
                    }
                    return Ok(true);
                }
                once::Step::Wait => Delay::new(pauses.next(0).unwrap_or_default()).await,
            }
        }
    }
}

impl Cache {
    /// [`Cache::memoize`] for an asynchronous computation. Dropped before its end, it is the next
    /// one's.
    pub async fn memoize_async<'k, T, F>(
        &self,
        key: impl Into<Key<'k>>,
        options: impl Into<MemoOptions>,
        compute: impl FnOnce() -> F,
    ) -> Result<T>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: Future<Output = T>,
    {
        let compute = || async { Ok::<T, Infallible>(compute().await) };
        self.try_memoize_async(key, options, compute).await.map_err(Error::from)
    }

    /// [`Cache::try_memoize`] for an asynchronous computation.
    pub async fn try_memoize_async<'k, T, E, F>(
        &self,
        key: impl Into<Key<'k>>,
        options: impl Into<MemoOptions>,
        compute: impl FnOnce() -> F,
    ) -> Result<T, MemoError<E>>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        E: std::fmt::Display + Send + 'static,
        F: Future<Output = Result<T, E>>,
    {
        let (key, options) = (key.into().into_owned(), options.into());
        let outcome = self.lookup_async(&key, &options).await.map_err(MemoError::Cache)?;
        match task(&key, outcome)? {
            Task::Have(value) => Ok(value),
            Task::Compute { vacancy, old, .. } => {
                let mut vacancy: Later<Vacancy> = Later(Some(vacancy));
                let computed = compute().await;
                match vacancy.take() {
                    Some(vacancy) => unblock(move || settle(vacancy, &options, computed, old)).await,
                    None => computed.map_err(MemoError::Compute),
                }
            }
        }
    }

    pub(super) async fn lookup_async(&self, key: &Key<'static>, options: &MemoOptions) -> Result<Lookup> {
        let mut pauses = Pauses::begin(options.wait);
        loop {
            let (cache, key, options) = (self.clone(), key.clone(), options.clone());
            let (outcome, doubt) = apart(move || cache.find(&key, &options)).await?;
            if !matches!(outcome, Lookup::Wait) {
                return Ok(outcome);
            }
            let Some(pause) = pauses.next(1).or_else(|| pauses.resume(doubt, 1)) else { return Ok(outcome) };
            Delay::new(pause).await;
        }
    }
}
