//! Locks of every kind, limits, averages, counters, and values that are computed once.

use super::entries::{self, MEMOS};
use super::held::Held;
use super::stage::Stage;
use super::{Content, Trouble, expect, shard_of};
use crate::Random;
use crate::component::Instance;
use crate::component::limits::{Limit, Method};
use crate::component::locks::{Capacity, Claim, Lock, Occupancy, Standing};
use crate::component::memo::{FillOptions, LookupOptions, Outcome};
use crate::component::types::Error;

/// Longer than any story.
const LEASE_MS: u32 = 3_600_000;
/// How long a vacancy lasts whose holder was told that it has none, and how long one waits for that.
const VACANCY_MS: u32 = 30;
const WAIT_MS: u64 = 5_000;
/// How many may be taken of a limit, in so long a time that nothing comes back.
const TOKENS: u32 = 100;
const PERIOD_US: u64 = 10 * 365 * 86_400 * 1_000_000;
const METHODS: [Method; 2] = [Method::TokenBucket, Method::SlidingWindow];
const LIMIT: &str = "limit";
const COUNTER: &str = "counter";
const AVERAGE: &str = "average";

/// The locks: a name, how much there is, and how much of it each owner takes.
const LOCKS: [(&str, u32, [u32; 3]); 3] =
    [("mutex", 1, [1, 1, 1]), ("pool", 3, [1, 2, 2]), ("book", u32::MAX, [1, 1, u32::MAX])];

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Take a lock if it can be had.
    Acquire(usize, usize),
    /// Take it or a place in its line.
    Request(usize, usize),
    /// Give it back once.
    Release(usize, usize),
    /// Give up lock and place.
    Withdraw(usize, usize),
    /// Show that the holder lives.
    Renew(usize, usize),
    /// Take some of a limit.
    Take(usize, u32),
    /// Forget what was taken.
    Reset(usize),
    /// Count.
    Count(i64),
    /// Add to an average.
    Average(u32),
    /// Compute a value unless it is there.
    Memoize(u64, Held),
    /// Take on to compute one, and let it be.
    Vacate(u64),
}

/// A lock: who holds how much of it and how often, and who waits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Permits {
    held: Vec<(usize, u32)>,
    line: Vec<usize>,
}

/// What is there.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Records {
    locks: [Permits; 3],
    taken: [u32; 2],
    count: i64,
    average: (f64, u64),
}

/// The last number of each lock.
pub type Fences = [u64; 3];

impl Operation {
    pub(super) fn draw(random: &mut Random, number: usize) -> Self {
        let lock = usize::try_from(random.below(3)).unwrap();
        let owner = usize::try_from(random.below(3)).unwrap();
        let key = MEMOS.start + random.below(MEMOS.end - MEMOS.start);
        let method = usize::try_from(random.below(2)).unwrap();
        match random.below(23) {
            0..=4 => Self::Acquire(lock, owner),
            5..=7 => Self::Request(lock, owner),
            8..=10 => Self::Release(lock, owner),
            11 => Self::Withdraw(lock, owner),
            12 => Self::Renew(lock, owner),
            13..=14 => Self::Take(method, 20 + u32::try_from(random.below(30)).unwrap()),
            15 => Self::Reset(method),
            16 => Self::Count(i64::try_from(random.below(9)).unwrap() - 4),
            17 => Self::Average(u32::try_from(random.below(100)).unwrap()),
            18..=20 => Self::Memoize(key, Held::new(random, number)),
            _ => Self::Vacate(key),
        }
    }

    /// Whether it is several transactions.
    pub(super) fn goes_in_steps(&self) -> bool {
        matches!(self, Self::Memoize(..) | Self::Vacate(_))
    }
}

impl Permits {
    fn holds(&self, owner: usize) -> bool {
        self.held.iter().any(|(other, _)| *other == owner)
    }

    fn request(&mut self, lock: usize, owner: usize, waits: bool) {
        if let Some((_, count)) = self.held.iter_mut().find(|(other, _)| *other == owner) {
            *count += 1;
        } else if !self.line.contains(&owner) && (waits || (self.line.is_empty() && self.fits(lock, owner))) {
            self.line.push(owner);
            self.serve(lock);
        }
    }

    fn fits(&self, lock: usize, owner: usize) -> bool {
        let (_, capacity, weights) = LOCKS[lock];
        let taken: u64 = self.held.iter().map(|(holder, _)| u64::from(weights[*holder])).sum();
        taken + u64::from(weights[owner]) <= u64::from(capacity)
    }

    fn serve(&mut self, lock: usize) {
        while self.line.first().is_some_and(|owner| self.fits(lock, *owner)) {
            self.held.push((self.line.remove(0), 1));
        }
    }

    fn release(&mut self, lock: usize, owner: usize) {
        if let Some((_, count)) = self.held.iter_mut().find(|(other, _)| *other == owner) {
            *count -= 1;
        }
        self.held.retain(|(_, count)| *count > 0);
        self.serve(lock);
    }

    fn withdraw(&mut self, lock: usize, owner: usize) {
        self.held.retain(|(other, _)| *other != owner);
        self.line.retain(|other| *other != owner);
        self.serve(lock);
    }
}

impl Records {
    pub(super) fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Acquire(lock, owner) => self.locks[*lock].request(*lock, *owner, false),
            Operation::Request(lock, owner) => self.locks[*lock].request(*lock, *owner, true),
            Operation::Release(lock, owner) => self.locks[*lock].release(*lock, *owner),
            Operation::Withdraw(lock, owner) => self.locks[*lock].withdraw(*lock, *owner),
            Operation::Take(method, amount) if self.taken[*method] + amount <= TOKENS => self.taken[*method] += amount,
            Operation::Reset(method) => self.taken[*method] = 0,
            Operation::Count(delta) => self.count += delta,
            Operation::Average(number) => {
                self.average = (self.average.0 + f64::from(*number), self.average.1 + 1);
            }
            Operation::Take(..) | Operation::Renew(..) | Operation::Memoize(..) | Operation::Vacate(_) => {}
        }
    }

    /// What of it lies in one of several shards.
    pub(super) fn of_shard(&self, shard: u32, shards: u32) -> Self {
        let lies = |name: &str| shard_of(name, 6, shards) == shard;
        let mut part = self.clone();
        for (permits, (name, _, _)) in part.locks.iter_mut().zip(LOCKS) {
            if !lies(name) {
                *permits = Permits::default();
            }
        }
        if !lies(LIMIT) {
            part.taken = Default::default();
        }
        if !lies(COUNTER) {
            part.count = 0;
        }
        if !lies(AVERAGE) {
            part.average = Default::default();
        }
        part
    }
}

fn lock(number: usize) -> Lock {
    let (name, capacity, _) = LOCKS[number];
    let capacity = match capacity {
        1 => Capacity::Exclusive,
        u32::MAX => Capacity::ReadersAndWriter,
        permits => Capacity::Permits(permits),
    };
    Lock { name: name.to_owned(), capacity }
}

/// Owners are known from their numbers, whatever becomes of a call.
fn token(owner: usize) -> u64 {
    1_000 + owner as u64
}

fn claim(number: usize, owner: usize) -> Claim {
    let weight = LOCKS[number].2[owner];
    Claim { owner: Some(token(owner)), weight: (weight != u32::MAX).then_some(weight), lease_ms: LEASE_MS }
}

fn limit(method: usize) -> Limit {
    Limit { name: LIMIT.to_owned(), method: METHODS[method], count: TOKENS, period_us: PERIOD_US }
}

pub(super) fn perform(stage: &mut Stage, before: &Content, operation: &Operation) -> Result<(), Trouble> {
    let (records, mut fences) = (&before.records, stage.fences);
    let done = match operation {
        Operation::Acquire(..)
        | Operation::Request(..)
        | Operation::Release(..)
        | Operation::Withdraw(..)
        | Operation::Renew(..) => on_lock(stage.cache(), records, operation, &mut fences),
        Operation::Memoize(key, held) => memoize(stage.cache(), before, *key, *held),
        Operation::Vacate(key) => vacate(stage.cache(), *key),
        _ => on_numbers(stage.cache(), records, operation),
    };
    stage.fences = fences;
    done
}

fn on_lock(cache: &mut Instance, records: &Records, operation: &Operation, fences: &mut Fences) -> Result<(), Trouble> {
    let (number, owner) = match operation {
        Operation::Acquire(lock, owner)
        | Operation::Request(lock, owner)
        | Operation::Release(lock, owner)
        | Operation::Withdraw(lock, owner)
        | Operation::Renew(lock, owner) => (*lock, *owner),
        _ => return Ok(()),
    };
    let (lock, claim) = (lock(number), claim(number, owner));
    let granted = match operation {
        Operation::Acquire(..) => cache
            .ask(|guest, store, cache| guest.larder_cache_locks().call_acquire(store, cache, &lock, claim, Some(0)))?,
        Operation::Request(..) => {
            let standing =
                cache.ask(|guest, store, cache| guest.larder_cache_locks().call_request(store, cache, &lock, claim))?;
            match standing {
                Standing::Granted(grant) => Some(grant),
                Standing::Waiting(_) => None,
            }
        }
        Operation::Withdraw(..) => {
            let token = token(owner);
            cache.ask(|guest, store, cache| guest.larder_cache_locks().call_withdraw(store, cache, &lock, token))?;
            None
        }
        _ => {
            let occupancy = occupancy(cache, number)?;
            let Some(holder) = occupancy.holders.iter().find(|holder| holder.grant.owner == token(owner)) else {
                return expect("held", false, records.locks[number].holds(owner));
            };
            let grant = holder.grant;
            if matches!(operation, Operation::Renew(..)) {
                cache.ask(|guest, store, cache| guest.larder_cache_locks().call_renew(store, cache, &lock, grant))?;
            } else {
                cache.ask(|guest, store, cache| guest.larder_cache_locks().call_release(store, cache, &lock, grant))?;
            }
            None
        }
    };
    let mut after = records.clone();
    after.apply(operation);
    // Whoever waits may be served by a release of another: then it has its number from that.
    if let Some(grant) = granted {
        expect("granted", true, after.locks[number].holds(owner))?;
        let is_new = !records.locks[number].holds(owner);
        if is_new && grant.fence <= fences[number] {
            return Err(Trouble::Wrong(format!("{} of {lock:?} after {}", grant.fence, fences[number])));
        }
    }
    let occupancy = occupancy(cache, number)?;
    let latest = occupancy.holders.iter().map(|holder| holder.grant.fence).max();
    fences[number] = fences[number].max(latest.unwrap_or(0));
    Ok(())
}

fn occupancy(cache: &mut Instance, number: usize) -> Result<Occupancy, Error> {
    cache.ask(|guest, store, cache| guest.larder_cache_locks().call_holders(store, cache, LOCKS[number].0))
}

/// Takes each lock once it is free, and tells its number.
pub(super) fn next_fences(cache: &mut Instance) -> Result<Fences, Error> {
    let mut fences = Fences::default();
    for (number, fence) in fences.iter_mut().enumerate() {
        let lock = lock(number);
        for owner in 0..3 {
            let token = token(owner);
            cache.ask(|guest, store, cache| guest.larder_cache_locks().call_withdraw(store, cache, &lock, token))?;
        }
        let claim = Claim { owner: None, weight: None, lease_ms: LEASE_MS };
        let grant = cache
            .ask(|guest, store, cache| guest.larder_cache_locks().call_acquire(store, cache, &lock, claim, Some(0)))?;
        *fence = grant.map_or(0, |grant| grant.fence);
    }
    Ok(fences)
}

fn on_numbers(cache: &mut Instance, records: &Records, operation: &Operation) -> Result<(), Trouble> {
    match operation {
        Operation::Take(method, amount) => {
            let (limit, amount) = (limit(*method), *amount);
            let verdict = cache.ask(|guest, store, cache| {
                guest.larder_cache_limits().call_take(store, cache, &limit, amount, Some(0))
            })?;
            expect("take", verdict.granted, records.taken[*method] + amount <= TOKENS)
        }
        Operation::Reset(method) => {
            let method = METHODS[*method];
            cache.ask(|guest, store, cache| guest.larder_cache_limits().call_reset(store, cache, LIMIT, method))?;
            Ok(())
        }
        Operation::Count(delta) => {
            let delta = *delta;
            let count = cache.ask(|guest, store, cache| {
                guest.larder_cache_recipes().call_counter_add(store, cache, COUNTER, delta)
            })?;
            expect("count", count, records.count + delta)
        }
        Operation::Average(number) => {
            let number = f64::from(*number);
            let mean = cache.ask(|guest, store, cache| {
                guest.larder_cache_recipes().call_average_add(store, cache, AVERAGE, number)
            })?;
            expect("average", mean.count, records.average.1 + 1)
        }
        _ => Ok(()),
    }
}

/// Looks a value up. Whoever was told of an error may hold the vacancy without knowing its number, so one
/// has to wait for its lease.
fn find(cache: &mut Instance, key: u64) -> Result<Outcome, Error> {
    let (key, options) = (entries::key(key), LookupOptions { lease_ms: VACANCY_MS, eagerness: 0.0 });
    cache.ask(|guest, store, cache| {
        guest.larder_cache_memo().call_find_within(store, cache, &key, options, Some(WAIT_MS))
    })
}

fn memoize(cache: &mut Instance, before: &Content, number: u64, held: Held) -> Result<(), Trouble> {
    let there = before.entries.by_key.get(&number).map(|entry| entry.held);
    match find(cache, number)? {
        Outcome::Hit(value) => expect("find", Some(Held::of(&value)), there),
        Outcome::Vacancy(vacant) => {
            expect("find", None, there)?;
            let options = FillOptions { options: entries::lasting(), stale_ms: 0, stale_if_error_ms: 0, cost_ms: 0 };
            let (key, value) = (entries::key(number), held.value());
            cache.ask(|guest, store, cache| {
                guest.larder_cache_memo().call_fill(store, cache, &key, vacant.vacancy, &value, &options)
            })?;
            Ok(())
        }
        other => Err(Trouble::Wrong(format!("a look-up came to {other:?}"))),
    }
}

fn vacate(cache: &mut Instance, number: u64) -> Result<(), Trouble> {
    let key = entries::key(number);
    match find(cache, number)? {
        Outcome::Hit(_) => {}
        Outcome::Vacancy(vacant) => {
            cache
                .ask(|guest, store, cache| guest.larder_cache_memo().call_vacate(store, cache, &key, vacant.vacancy))?;
        }
        other => return Err(Trouble::Wrong(format!("a look-up came to {other:?}"))),
    }
    Ok(())
}

/// What is in a cache.
pub(super) fn read(cache: &mut Instance) -> Result<Records, Error> {
    let mut found = Records::default();
    for (number, permits) in found.locks.iter_mut().enumerate() {
        let occupancy = occupancy(cache, number)?;
        let owner = |token: u64| usize::try_from(token - 1_000).unwrap();
        permits.held = occupancy.holders.iter().map(|holder| (owner(holder.grant.owner), holder.count)).collect();
        permits.line = in_line(cache, number, occupancy.waiting)?;
    }
    for (method, taken) in found.taken.iter_mut().enumerate() {
        let limit = limit(method);
        let verdict = cache.ask(|guest, store, cache| guest.larder_cache_limits().call_look(store, cache, &limit))?;
        *taken = TOKENS - verdict.remaining;
    }
    found.count =
        cache.ask(|guest, store, cache| guest.larder_cache_recipes().call_counter_get(store, cache, COUNTER))?;
    let mean = cache.ask(|guest, store, cache| guest.larder_cache_recipes().call_average_get(store, cache, AVERAGE))?;
    #[allow(clippy::cast_precision_loss, reason = "a few numbers")]
    let average = mean.map(|mean| ((mean.mean * mean.count as f64).round(), mean.count));
    found.average = average.unwrap_or_default();
    Ok(found)
}

/// Who waits for a lock, in order.
fn in_line(cache: &mut Instance, number: usize, waiting: u32) -> Result<Vec<usize>, Error> {
    let mut line = vec![None; usize::try_from(waiting).unwrap()];
    for owner in 0..3 {
        let (lock, token) = (lock(number), token(owner));
        let standing =
            cache.ask(|guest, store, cache| guest.larder_cache_locks().call_poll(store, cache, &lock, token));
        match standing {
            Ok(Standing::Waiting(place)) => line[usize::try_from(place.ahead).unwrap()] = Some(owner),
            Ok(Standing::Granted(_)) | Err(Error::NotHeld(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(line.into_iter().map(|owner| owner.expect("nobody else waits")).collect())
}
