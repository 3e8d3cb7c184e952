//! Limits on how often something may happen.

use super::Cache;
use super::records::Patience;
use crate::error::{Error, Result};
use crate::recipes::bucket::{Bucket, PERIOD_LIMIT_US, RATE_LIMIT, Verdict};
use crate::recipes::timeline::Now;
use crate::recipes::window::{WINDOW_LIMIT, Window};
use crate::recipes::{Kind, Machine};
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

/// What both kinds of limits can do.
trait Limiter: Machine + PartialEq + Clone {
    fn fresh(rate: &Rate, now_us: i64) -> Self;
    fn fits(&self, rate: &Rate) -> bool;
    fn ask(&mut self, amount: u32, now: Now) -> Verdict;
    fn dated_us(&self) -> i64;
}

impl Limiter for Bucket {
    fn fresh(rate: &Rate, now_us: i64) -> Self {
        Self::new(rate.count, rate.period_us, now_us)
    }

    fn fits(&self, rate: &Rate) -> bool {
        self.allows(rate.count, rate.period_us)
    }

    fn ask(&mut self, amount: u32, now: Now) -> Verdict {
        self.take(amount, now)
    }

    fn dated_us(&self) -> i64 {
        self.dated_us()
    }
}

impl Limiter for Window {
    fn fresh(rate: &Rate, now_us: i64) -> Self {
        Self::new(rate.count, rate.period_us, now_us)
    }

    fn fits(&self, rate: &Rate) -> bool {
        self.allows(rate.count, rate.period_us)
    }

    fn ask(&mut self, amount: u32, now: Now) -> Verdict {
        self.take(amount, now)
    }

    fn dated_us(&self) -> i64 {
        self.dated_us()
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

    fn take_of<L: Limiter>(&mut self, rate: &Rate, amount: u32) -> Result<Verdict> {
        let platform = std::rc::Rc::clone(&self.platform);
        let kind: Kind = L::KIND;
        if amount == 0 {
            let state = self.look_at::<L>(&rate.name)?;
            let now = self.timelines.now(kind, &rate.name, platform.wall_us(), platform.monotonic_ms());
            return Ok(settle(state, rate, now.us)?.ask(0, now));
        }
        let mut timelines = std::mem::take(&mut self.timelines);
        let taken = self.change_record(&rate.name, |found: &mut Found<L>| {
            // What the time is can only be said once nobody else can change the record.
            let before_ms = platform.monotonic_ms();
            let now = timelines.now(kind, &rate.name, platform.wall_us(), platform.monotonic_ms());
            let mut limit = settle(found.state.take(), rate, now.us)?;
            let verdict = limit.ask(amount, now);
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
fn settle<L: Limiter>(state: Option<L>, rate: &Rate, now_us: i64) -> Result<L> {
    match state {
        Some(limit) if limit.fits(rate) => Ok(limit),
        Some(limit) if !limit.is_idle(now_us) => {
            Err(Error::Conflict(format!("{} {:?} is in use with another rate", L::KIND.noun(), rate.name)))
        }
        _ => Ok(L::fresh(rate, now_us)),
    }
}
