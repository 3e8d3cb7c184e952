//! What operations are done to: a cache, by one session for each client.

mod collections;
mod groups;
mod items;
mod recipes;
mod upkeep;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use larder::{Cache, Error, Expiry, LockGuard, Side, Value};

use super::content::decode;
use super::event::Outcome;
use super::operation::{Content, End, ItemAction, Operation};
use super::plan::Plan;

/// Something that clients work on.
pub trait Subject: Sync {
    /// Begins a session for one client.
    fn session(&self) -> Box<dyn Session + '_>;
}

/// Something that does operations one after the other.
pub trait Session {
    /// Does one.
    fn perform(&mut self, operation: Operation) -> Outcome;
}

/// A clock that runs as the system's does, but can be set.
#[derive(Debug, Clone, Default)]
pub struct Leaps(Arc<AtomicI64>);

impl Leaps {
    /// The time since the Unix epoch.
    pub fn now(&self) -> Duration {
        let real = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let ahead = self.0.load(Ordering::SeqCst);
        let milliseconds = Duration::from_millis(ahead.unsigned_abs());
        if ahead < 0 { real.saturating_sub(milliseconds) } else { real + milliseconds }
    }

    /// Sets it ahead, or back.
    pub fn leap(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

/// A cache that clients share.
#[derive(Debug)]
pub struct Shared {
    cache: Cache,
    plan: Plan,
    leaps: Leaps,
}

impl Shared {
    /// Work on a handle, as a plan says. Whoever is to leap needs the clock by which the cache was opened.
    pub fn new(cache: Cache, plan: &Plan, leaps: Leaps) -> Self {
        Self { cache, plan: plan.clone(), leaps }
    }
}

impl Subject for Shared {
    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(Client { shared: self, held: HashMap::new() })
    }
}

struct Client<'s> {
    shared: &'s Shared,
    held: HashMap<u32, LockGuard>,
}

impl Session for Client<'_> {
    fn perform(&mut self, operation: Operation) -> Outcome {
        self.attempt(operation).unwrap_or_else(|error| self.shared.failure(operation, error))
    }
}

impl Client<'_> {
    fn attempt(&mut self, operation: Operation) -> Result<Outcome, Error> {
        let cache = &self.shared.cache;
        match operation {
            Operation::Item(item, action) => items::perform(cache, item, action),
            Operation::Group(group, action) => groups::perform(cache, group, action),
            Operation::Line(line, action) if line.is_multiple_of(2) => collections::on_queue(cache, line, action),
            Operation::Line(line, action) => collections::on_deque(cache, line, action),
            Operation::Index(index, action) => collections::on_index(cache, index, action),
            Operation::Lock(lock, action) => self.on_lock(lock, action),
            Operation::Tally(tally, action) => recipes::on_tally(cache, tally, action),
            Operation::Memoize { memo, stamp, panics } => self.memoize(&format!("memo:{memo}"), stamp, panics, false),
            Operation::Refresh { memo, stamp, panics } => self.memoize(&format!("refresh:{memo}"), stamp, panics, true),
            Operation::Take { limit, amount } => recipes::take(cache, limit, amount),
            Operation::Meet { barrier } => self.meet(barrier),
            Operation::Scan { by_key, reverse } => items::scan(cache, by_key, reverse),
            Operation::TouchMany { tag, ttl_ms } => items::touch_many(cache, &self.shared.plan, tag, ttl_ms),
            Operation::Crowd { tag } => items::crowd(cache, &self.shared.plan, tag),
            Operation::Evict { tag } => items::evict(cache, tag),
            Operation::Clear => cache.clear().map(Outcome::Count),
            Operation::Count => cache.count().map(Outcome::Count),
            Operation::Volume => cache.volume().map(Outcome::Count),
            Operation::Upkeep(upkeep) => upkeep::perform(cache, upkeep),
            Operation::Leap { milliseconds } => {
                self.shared.leaps.leap(milliseconds);
                Ok(Outcome::Done)
            }
        }
    }
}

impl Shared {
    /// What it means that an operation has ended in an error.
    fn failure(&self, operation: Operation, error: Error) -> Outcome {
        match error {
            Error::WrongType(_) => Outcome::WrongType,
            Error::NotHeld(_) => Outcome::Lapsed,
            Error::Failed(_) | Error::TimeLimit(_) | Error::MemoryLimit(_) => Outcome::Unknown(error.to_string()),
            // What the component makes of too little memory where it can do something about it.
            Error::Io(text) if self.plan.call_ms.is_some() && text.contains("out of memory") => Outcome::Unknown(text),
            // Where calls are ended, their waits for others are, too, and those of an instance to be let in.
            Error::Timeout(_) | Error::Locked(_) if self.plan.call_ms.is_some() => match operation {
                // What goes in steps may have done some.
                Operation::Evict { .. } | Operation::Clear | Operation::Item(_, ItemAction::Evict) => {
                    Outcome::Unknown(error.to_string())
                }
                _ => Outcome::Refused(error.to_string()),
            },
            // With the patience that clients have otherwise, nobody is ever too late.
            error => Outcome::Failed(error.to_string()),
        }
    }
}

fn expiry(ttl_ms: Option<u32>) -> Expiry {
    ttl_ms.map_or(Expiry::Never, |ttl| Expiry::After(Duration::from_millis(ttl.into())))
}

fn seen(value: Option<Value<'static>>) -> Option<Content> {
    value.map(|value| decode(&value))
}

fn side(end: End) -> Side {
    if end == End::Front { Side::Front } else { Side::Back }
}
