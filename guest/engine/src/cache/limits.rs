//! Limits on how often something may happen.

use super::Cache;
use super::records::Patience;
use crate::error::{Error, Result};
use crate::recipes::Kind;
use crate::recipes::bucket::{Bucket, PERIOD_LIMIT_US, RATE_LIMIT};
use crate::recipes::limit::{Limit, Verdict};
use crate::recipes::window::{WINDOW_LIMIT, Window};
use crate::shard::Found;

/// How a limit is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A bucket that holds as many tokens as there are in a period and fills up evenly: bursts go
    /// through, and on average no more than the rate.
    Bucket,
    /// Never more than the number in any stretch of time as long as the period.
    Window,
}

/// How often something may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// What it is found by; each method has names of its own.
    pub name: String,
    /// How it is kept.
    pub method: Method,
    /// How often in a period.
    pub count: u32,
    /// How long that is, in microseconds.
    pub period_us: u64,
}

impl Rate {
    fn validate(&self, amount: u32) -> Result<()> {
        let most = match self.method {
            Method::Bucket => RATE_LIMIT,
            Method::Window => WINDOW_LIMIT,
        };
        if self.count == 0 || self.count > most || self.period_us == 0 || self.period_us > PERIOD_LIMIT_US {
            return Err(Error::InvalidArgument(format!(
                "the limit {:?} of {} in {} µs; possible are 1 to {most} in 1 µs to ten years",
                self.name, self.count, self.period_us
            )));
        }
        if amount > self.count {
            return Err(Error::InvalidArgument(format!(
                "{amount} at once can never be had of the limit {:?} of {}",
                self.name, self.count
            )));
        }
        Ok(())
    }
}

impl Cache {
    /// Takes some of a limit, all or nothing; with 0, only says how it stands.
    pub fn take(&mut self, rate: &Rate, amount: u32) -> Result<Verdict> {
        rate.validate(amount)?;
        match rate.method {
            Method::Bucket => self.take_of::<Bucket>(rate, amount),
            Method::Window => self.take_of::<Window>(rate, amount),
        }
    }

    /// Takes some of a limit, waiting for it, at most so long unless for ever. If the time does not
    /// suffice, that is said at once.
    pub fn take_within(&mut self, rate: &Rate, amount: u32, wait_ms: Option<u64>) -> Result<Verdict> {
        let platform = std::rc::Rc::clone(&self.platform);
        let patience = Patience::begin(&*platform, wait_ms);
        loop {
            let verdict = self.take(rate, amount)?;
            if verdict.granted || patience.left_us(&*platform).is_some_and(|left| left < verdict.retry_us) {
                return Ok(verdict);
            }
            platform.sleep_us(verdict.retry_us);
        }
    }

    /// Forgets what was taken of a limit; whether there was something.
    pub fn reset_limit(&mut self, name: &str, method: Method) -> Result<bool> {
        match method {
            Method::Bucket => self.remove_record::<Bucket>(name),
            Method::Window => self.remove_record::<Window>(name),
        }
    }

    fn take_of<L: Limit>(&mut self, rate: &Rate, amount: u32) -> Result<Verdict> {
        let platform = std::rc::Rc::clone(&self.platform);
        let kind: Kind = L::KIND;
        if amount == 0 {
            let state = self.look_at::<L>(&rate.name)?;
            let now = self.timelines.now(kind, &rate.name, platform.wall_us(), platform.monotonic_ms());
            return Ok(settle(state, rate, now.us)?.take(0, now));
        }
        let mut timelines = std::mem::take(&mut self.timelines);
        let taken = self.change_record(&rate.name, |found: &mut Found<L>| {
            // What the time is can only be said once nobody else can change the record.
            let before_ms = platform.monotonic_ms();
            let now = timelines.now(kind, &rate.name, platform.wall_us(), platform.monotonic_ms());
            let mut limit = settle(found.state.take(), rate, now.us)?;
            let verdict = limit.take(amount, now);
            let dated_us = limit.dated_us();
            found.state = Some(limit);
            Ok((verdict, dated_us, now, before_ms))
        });
        if let Ok((_, dated_us, now, before_ms)) = &taken {
            timelines.note(kind, &rate.name, *dated_us, *now, *before_ms);
        }
        self.timelines = timelines;
        taken.map(|(verdict, ..)| verdict)
    }
}

/// The limit as it is, or a new one if there is none that still counts.
fn settle<L: Limit>(state: Option<L>, rate: &Rate, now_us: i64) -> Result<L> {
    match state {
        Some(limit) if limit.terms() == (rate.count, rate.period_us) => Ok(limit),
        Some(limit) if !limit.is_idle(now_us) => {
            let ((count, period_us), what) = (limit.terms(), L::KIND.noun());
            let period = std::time::Duration::from_micros(period_us);
            Err(Error::Conflict(format!("{what} {:?} is in use with {count} in {period:?}", rate.name)))
        }
        _ => Ok(L::new(rate.count, rate.period_us, now_us)),
    }
}
