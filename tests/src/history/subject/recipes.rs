//! Locks, limits, tallies, barriers, and values that are computed.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use larder::{Cache, Error, Expiry, LockGuard, MemoOptions};

use super::Client;
use crate::history::event::Outcome;
use crate::history::log::now;
use crate::history::operation::{LockAction, Mode, TallyAction};
use crate::history::plan::Plan;

/// For how long a client waits for others at a barrier.
const MEETING: Duration = Duration::from_millis(25);
/// How long computing a value takes.
const COMPUTING: Duration = Duration::from_micros(500);

pub(super) fn take(cache: &Cache, limit: u32, amount: u32) -> Result<Outcome, Error> {
    let name = format!("limit:{limit}");
    let limit = if limit.is_multiple_of(2) {
        cache.window_limit(name, Plan::TAKES, Plan::PERIOD)
    } else {
        cache.rate_limit(name, Plan::TAKES, Plan::PERIOD)
    };
    limit.try_take(amount).map(|verdict| Outcome::Flag(verdict.granted))
}

pub(super) fn on_tally(cache: &Cache, tally: u32, action: TallyAction) -> Result<Outcome, Error> {
    let name = format!("tally:{tally}");
    if tally.is_multiple_of(2) {
        let counter = cache.counter(name);
        return Ok(Outcome::Sum(match action {
            TallyAction::Add { number } => counter.add(number.into())?,
            TallyAction::Get => counter.get()?,
            TallyAction::Pop => counter.pop()?,
        }));
    }
    let averager = cache.averager(name);
    let mean = match action {
        TallyAction::Add { number } => Some(averager.add(number.into())?),
        TallyAction::Get => averager.get()?,
        TallyAction::Pop => averager.pop()?,
    };
    Ok(Outcome::Mean(mean.map(|mean| (mean.mean.to_bits(), mean.count))))
}

impl Client<'_> {
    pub(super) fn on_lock(&mut self, lock: u32, action: LockAction) -> Result<Outcome, Error> {
        let (cache, plan, name) = (&self.shared.cache, &self.shared.plan, format!("lock:{lock}"));
        let LockAction::Acquire { mode, waits } = action else {
            let Some(guard) = self.held.remove(&lock) else { return Ok(Outcome::Lapsed) };
            return guard.release().map(|()| Outcome::Done);
        };
        let lock_of = match mode {
            Mode::Exclusive => cache.lock(name),
            Mode::Read => cache.read_lock(name),
            Mode::Write => cache.write_lock(name),
            Mode::Permit => cache.semaphore(name, Mode::PERMITS),
        };
        let lock_of = lock_of.lease(self.lease());
        let guard = if waits { lock_of.acquire_within(plan.lock_wait()).map(Some) } else { lock_of.try_acquire() };
        let guard = match guard {
            Err(Error::Timeout(_)) => None,
            guard => guard?,
        };
        let fence = guard.as_ref().map(LockGuard::fence);
        self.held.extend(guard.map(|guard| (lock, guard)));
        Ok(Outcome::Fence(fence))
    }

    pub(super) fn meet(&self, barrier: u32) -> Result<Outcome, Error> {
        let barrier = self.shared.cache.barrier(format!("barrier:{barrier}"), Plan::PARTIES).lease(self.lease());
        match barrier.wait_within(MEETING) {
            Err(Error::Timeout(_)) => Ok(Outcome::Opening(None)),
            opening => Ok(Outcome::Opening(Some(opening?))),
        }
    }

    pub(super) fn memoize(&self, key: &str, stamp: u64, panics: bool, ages: bool) -> Result<Outcome, Error> {
        let options = MemoOptions::new().lease(self.lease());
        let options = if ages {
            let stale = Duration::from_millis(Plan::STALE_MS.into());
            options.ttl(Duration::from_millis(Plan::FRESH_MS.into())).stale_while_revalidate(stale)
        } else {
            options.ttl(Expiry::Never)
        };
        let mut computed = None;
        // Unwinds as a panic does, but says nothing.
        let asked = catch_unwind(AssertUnwindSafe(|| {
            self.shared.cache.memoize(key, &options, || {
                let from = now();
                std::thread::sleep(COMPUTING);
                if panics {
                    resume_unwind(Box::new("on purpose"));
                }
                computed = Some((from, now()));
                stamp
            })
        }));
        match asked {
            Ok(told) => Ok(Outcome::Memo { stamp: told?, computed }),
            Err(_) => Ok(Outcome::Abandoned),
        }
    }

    fn lease(&self) -> Duration {
        Duration::from_millis(self.shared.plan.lease_ms.into())
    }
}
