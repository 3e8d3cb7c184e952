//! What operations are done to: a cache, by one session for each client.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use larder::{
    Cache, Draft, Error, Expiry, LockGuard, MemoOptions, Number, Order, Scan, Selection, SetOptions, Side, Transaction,
    Value,
};

use super::content::{decode, encode, member_content};
use super::event::{Content, End, GroupAction, ItemAction, LineAction, LockAction, Mode, Operation, Outcome, Upkeep};
use super::log::now;
use super::plan::{ITEM_PREFIX, MEMBERS, Plan, item_key, member_key, tag_name, tag_of};

/// For how long a client waits for a lock.
const LOCK_WAIT: Duration = Duration::from_secs(10);

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
        let cache = &self.shared.cache;
        let done = match operation {
            Operation::Item(item, action) => on_item(cache, item, action),
            Operation::Group(group, action) => on_group(cache, group, action),
            Operation::Line(line, action) if line.is_multiple_of(2) => on_queue(cache, line, action),
            Operation::Line(line, action) => on_deque(cache, line, action),
            Operation::Lock(lock, action) => self.on_lock(lock, action),
            Operation::Memoize { memo, stamp } => self.memoize(memo, stamp),
            Operation::Take => {
                let limit = cache.window_limit("takes", self.shared.plan.takes.unwrap_or(1), Plan::PERIOD);
                limit.try_take(1).map(|verdict| Outcome::Flag(verdict.granted))
            }
            Operation::Scan { by_key, reverse } => scan(cache, by_key, reverse),
            Operation::Evict { tag } => cache.evict(Selection::tag(tag_name(tag))).map(Outcome::Count),
            Operation::Count => cache.count().map(Outcome::Count),
            Operation::Upkeep(upkeep) => keep_up(cache, upkeep),
            Operation::Leap { milliseconds } => {
                self.shared.leaps.leap(milliseconds);
                Ok(Outcome::Done)
            }
        };
        done.unwrap_or_else(|error| match error {
            Error::WrongType(_) => Outcome::WrongType,
            Error::NotHeld(_) => Outcome::Lapsed,
            Error::Failed(_) => Outcome::Unknown(error.to_string()),
            // With the patience that clients have, nobody is ever too late.
            error => Outcome::Failed(error.to_string()),
        })
    }
}

/// How an entry is stored.
fn options(item: u32, ttl_ms: Option<u32>) -> SetOptions {
    SetOptions::new().tag(tag_name(tag_of(item))).ttl(expiry(ttl_ms))
}

fn expiry(ttl_ms: Option<u32>) -> Expiry {
    ttl_ms.map_or(Expiry::Never, |ttl| Expiry::After(Duration::from_millis(ttl.into())))
}

fn seen(value: Option<Value<'static>>) -> Option<Content> {
    value.map(|value| decode(&value))
}

fn on_item(cache: &Cache, item: u32, action: ItemAction) -> Result<Outcome, Error> {
    let key = item_key(item);
    let entry = |entry: Option<larder::Entry>| entry.map(|entry| (decode(&entry.value), entry.metadata.version));
    Ok(match action {
        ItemAction::Get => Outcome::Value(seen(cache.get(&key)?)),
        ItemAction::GetEntry | ItemAction::Observe => Outcome::Entry(entry(cache.get_entry(&key)?)),
        ItemAction::Contains => Outcome::Flag(cache.contains(&key)?),
        ItemAction::Set { content, ttl_ms } => {
            Outcome::Version(Some(cache.set_with(&key, encode(content), &options(item, ttl_ms))?))
        }
        ItemAction::Add { content, ttl_ms } => {
            Outcome::Version(cache.add(&key, encode(content), &options(item, ttl_ms))?)
        }
        ItemAction::CompareAndSet { expected, content, ttl_ms } => {
            Outcome::Version(cache.compare_and_set(&key, expected, encode(content), &options(item, ttl_ms))?)
        }
        ItemAction::CompareAndDelete { expected } => Outcome::Flag(cache.compare_and_delete(&key, expected)?),
        ItemAction::Delete => Outcome::Flag(cache.delete(&key)?),
        ItemAction::Pop => Outcome::Entry(entry(cache.pop(&key)?)),
        ItemAction::Touch { ttl_ms } => Outcome::Flag(cache.touch(&key, expiry(ttl_ms))?),
        ItemAction::Increment { delta } => {
            match cache.increment_with(&key, delta, Some(0.into()), &options(item, None))? {
                Some(Number::Integer(sum)) => Outcome::Sum(sum),
                other => Outcome::Failed(format!("the sum is {other:?}")),
            }
        }
        ItemAction::Evict => Outcome::Count(cache.evict(Selection::tag(tag_name(tag_of(item))))?),
    })
}

fn member_keys(group: u32) -> Vec<String> {
    (0..MEMBERS).map(|member| member_key(group, member)).collect()
}

fn on_group(cache: &Cache, group: u32, action: GroupAction) -> Result<Outcome, Error> {
    let keys = member_keys(group);
    Ok(match action {
        GroupAction::SetMany { content } => {
            let content = |member| encode(member_content(content, member));
            cache.set_many((0_u32..).zip(&keys).map(|(member, key)| Draft::new(key, content(member))))?;
            Outcome::Done
        }
        GroupAction::DeleteMany => Outcome::Flags(cache.delete_many(&keys)?),
        GroupAction::Read => {
            let values = cache.transaction(|transaction| transaction.get_many(&keys))?;
            Outcome::Values(values.into_iter().map(seen).collect())
        }
        GroupAction::GetMany => Outcome::Values(cache.get_many(&keys)?.into_iter().map(seen).collect()),
        GroupAction::ReadOne { member } => Outcome::Value(seen(cache.get(&keys[member as usize])?)),
        GroupAction::Swap { from, to } => {
            Outcome::Values(cache.transaction(|transaction| swap(transaction, &keys, from, to))?)
        }
        GroupAction::Abandon { from, to, panics: false } => {
            let mut transaction = cache.begin()?;
            let seen = swap(&mut transaction, &keys, from, to)?;
            transaction.rollback()?;
            Outcome::Values(seen)
        }
        GroupAction::Abandon { from, to, panics: true } => {
            let mut begun = Ok(Vec::new());
            // Unwinds as a panic does, but says nothing.
            let ended = catch_unwind(AssertUnwindSafe(|| {
                cache.transaction(|transaction| {
                    begun = swap(transaction, &keys, from, to);
                    resume_unwind(Box::new("on purpose"))
                })
            }));
            // If it has not come so far, that is an error like others.
            ended.unwrap_or(Ok(()))?;
            Outcome::Values(begun?)
        }
    })
}

/// Reads a group, exchanges two of its members, and tells what was there.
fn swap(transaction: &mut Transaction, keys: &[String], from: u32, to: u32) -> Result<Vec<Option<Content>>, Error> {
    let values = transaction.get_many(keys)?;
    for (key, value) in [(from, to), (to, from)] {
        let key = &keys[key as usize];
        match &values[value as usize] {
            Some(value) => drop(transaction.set(key, value)?),
            None => drop(transaction.delete(key)?),
        }
    }
    Ok(values.into_iter().map(seen).collect())
}

fn on_queue(cache: &Cache, line: u32, action: LineAction) -> Result<Outcome, Error> {
    let queue = format!("queue:{line}");
    let side = |end| if end == End::Front { Side::Front } else { Side::Back };
    let queued = |queued: Option<larder::Queued>| Outcome::Value(seen(queued.map(|queued| queued.entry.value)));
    Ok(match action {
        LineAction::Push { end, content } => {
            cache.push(&queue, encode(content), side(end), &SetOptions::new())?;
            Outcome::Done
        }
        LineAction::Pull { end } => queued(cache.pull(&queue, side(end))?),
        LineAction::Peek { end } => queued(cache.peek(&queue, side(end))?),
        LineAction::Length => Outcome::Count(cache.queue_length(&queue)?),
    })
}

fn on_deque(cache: &Cache, line: u32, action: LineAction) -> Result<Outcome, Error> {
    let deque = cache.deque_plain(format!("deque:{line}"));
    Ok(match action {
        LineAction::Push { end: End::Front, content } => Outcome::Count(deque.push_front(&encode(content))?),
        LineAction::Push { end: End::Back, content } => Outcome::Count(deque.push_back(&encode(content))?),
        LineAction::Pull { end: End::Front } => Outcome::Value(seen(deque.pop_front()?)),
        LineAction::Pull { end: End::Back } => Outcome::Value(seen(deque.pop_back()?)),
        LineAction::Peek { end: End::Front } => Outcome::Value(seen(deque.front()?)),
        LineAction::Peek { end: End::Back } => Outcome::Value(seen(deque.back()?)),
        LineAction::Length => Outcome::Count(deque.len()?),
    })
}

fn scan(cache: &Cache, by_key: bool, reverse: bool) -> Result<Outcome, Error> {
    let order = if by_key { Order::Key } else { Order::Insertion };
    let selection = Selection::prefix(ITEM_PREFIX);
    let mut seen = Vec::new();
    for item in cache.items(&Scan { selection, order, reverse, ..Scan::default() })? {
        let item = item?;
        let number = item.key.as_text().and_then(|key| key.strip_prefix(ITEM_PREFIX)?.parse().ok());
        match number {
            Some(number) => seen.push((number, decode(&item.entry.value), item.entry.metadata.version)),
            None => return Ok(Outcome::Failed(format!("nobody has stored {:?}", item.key))),
        }
    }
    Ok(Outcome::Items(seen))
}

fn keep_up(cache: &Cache, upkeep: Upkeep) -> Result<Outcome, Error> {
    match upkeep {
        Upkeep::Expire => cache.expire().map(drop)?,
        Upkeep::Cull => cache.cull().map(drop)?,
        Upkeep::Compact => cache.compact().map(drop)?,
        Upkeep::Check => {
            // What the dead have reserved is found as well, until somebody opens the directory anew.
            let problems = cache.check()?.into_iter();
            let damage: Vec<_> = problems.filter(|problem| !problem.description.contains("reservation")).collect();
            if !damage.is_empty() {
                return Ok(Outcome::Failed(format!("a check has found {damage:?}")));
            }
        }
    }
    Ok(Outcome::Done)
}

impl Client<'_> {
    fn on_lock(&mut self, lock: u32, action: LockAction) -> Result<Outcome, Error> {
        let (cache, name) = (&self.shared.cache, format!("lock:{lock}"));
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
        let lock_of = lock_of.lease(Duration::from_millis(self.shared.plan.lease_ms.into()));
        let guard = if waits { lock_of.acquire_within(LOCK_WAIT).map(Some) } else { lock_of.try_acquire() };
        let guard = match guard {
            Err(Error::Timeout(_)) => None,
            guard => guard?,
        };
        let fence = guard.as_ref().map(LockGuard::fence);
        self.held.extend(guard.map(|guard| (lock, guard)));
        Ok(Outcome::Fence(fence))
    }

    fn memoize(&self, memo: u32, stamp: u64) -> Result<Outcome, Error> {
        let options = MemoOptions::new().ttl(Expiry::Never);
        let options = options.lease(Duration::from_millis(self.shared.plan.lease_ms.into()));
        let mut computed = None;
        let stamp = self.shared.cache.memoize(format!("memo:{memo}"), &options, || {
            let from = now();
            std::thread::sleep(Duration::from_micros(500));
            computed = Some((from, now()));
            stamp
        })?;
        Ok(Outcome::Memo { stamp, computed })
    }
}
