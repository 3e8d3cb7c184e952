//! Locks of every kind.
//!
//! A grant is a value, not a guard: it can be renewed and released through any handle. Who waits keeps a
//! place in the line and asks from time to time, which writes nothing but every third of its lease.

use super::Cache;
use super::biases::Biases;
use super::records::Patience;
use super::session::Session;
use crate::error::{Error, Result};
use crate::recipes::check_lease;
use crate::recipes::member::doubt_ms;
use crate::recipes::permits::{Grant, Holder, Permits, Request, Standing};
use crate::recipes::{Kind, Machine};
use crate::shard::{Found, Shard, record_hash};

/// How often a lock may be biased towards others while it is being claimed.
const ATTEMPTS: u32 = 100;

/// The capacity of a lock for readers and writers: a reader takes one of it, a writer all.
pub const READERS: u32 = u32::MAX;

/// A lock, by its name and what of it can be had at once. Of one name there is one lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// What it is found by.
    pub name: String,
    /// How much there is: 1 of a plain lock, [`READERS`] for readers and writers, any other number of
    /// permits of a semaphore.
    pub capacity: u32,
}

/// What is asked of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Who asks: an owner that holds it already takes it once more. None for somebody new.
    pub owner: Option<u64>,
    /// How much: none for all there is.
    pub weight: Option<u32>,
    /// How long the owner may be silent before it loses what it holds, in milliseconds.
    pub lease_ms: u32,
}

/// Who holds a lock, and how many wait.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Occupancy {
    /// Who holds it; the dead too, until somebody who waits has noticed.
    pub holders: Vec<Holder>,
    /// How many stand in line.
    pub waiting: u32,
    /// The longest lease of those who hold it or wait and have been silent for longer than that by the wall
    /// clock, in milliseconds; 0 if there are none. Whether they are dead can only tell who waits for so long.
    pub doubt_ms: u32,
}

impl Cache {
    /// Takes a lock if it can be had at once and nobody stands in line.
    pub fn try_lock(&mut self, lock: &Lock, claim: &Claim) -> Result<Option<Grant>> {
        Ok(granted(self.claim(lock, claim, false)?))
    }

    /// Takes a lock, or a place in its line.
    pub fn request_lock(&mut self, lock: &Lock, claim: &Claim) -> Result<Standing> {
        self.claim(lock, claim, true)
    }

    /// Takes a lock, waiting in line for it, at most so long unless for ever; none if the time was over.
    pub fn acquire_lock(&mut self, lock: &Lock, claim: &Claim, wait_ms: Option<u64>) -> Result<Option<Grant>> {
        let platform = std::rc::Rc::clone(&self.platform);
        let mut standing =
            if wait_ms == Some(0) { self.claim(lock, claim, false)? } else { self.request_lock(lock, claim)? };
        let mut patience = Patience::begin(&*platform, wait_ms);
        while let Standing::Waiting { owner, .. } = standing {
            let in_time = patience.pause(&*platform);
            let polled = match self.poll_lock(lock, owner) {
                // This process was paused, and its place taken from it.
                Err(Error::NotHeld(_)) => self.request_lock(lock, claim),
                polled => polled,
            };
            if !in_time && matches!(polled, Ok(Standing::Waiting { .. })) || polled.is_err() {
                // What is said of the wait is what counts; a place that is left behind lapses.
                let _ = self.withdraw_from_lock(lock, owner);
                return polled.map(|_| None);
            }
            standing = polled?;
        }
        Ok(granted(standing))
    }

    /// Where somebody stands who has taken a place in the line.
    pub fn poll_lock(&mut self, lock: &Lock, owner: u64) -> Result<Standing> {
        let Some(mut permits) = self.look_at_permits(&lock.name)? else { return Err(not_held(lock)) };
        let watch = self.watch(Kind::Permits, &lock.name, permits.members());
        match permits.standing(owner) {
            Standing::Outside => return Err(not_held(lock)),
            Standing::Waiting { .. } => {}
            granted @ Standing::Granted(_) => return Ok(granted),
        }
        let now_ms = self.platform.wall_ms();
        let due = permits.waiting(owner).is_some_and(|member| watch.is_due(member));
        if !due && !permits.has_dead(&watch) {
            return Ok(permits.standing(owner));
        }
        self.on_permits(lock, |permits| {
            permits.waiting(owner).ok_or_else(|| not_held(lock))?.renew(now_ms);
            permits.bury(&watch, now_ms);
            Ok(permits.standing(owner))
        })
        .or_else(|error| match error {
            // Handed over meanwhile.
            Error::NotHeld(_) => self.standing_in(lock, owner),
            error => Err(error),
        })
    }

    /// Gives up a place in the line, or what it has become; whether there was one.
    pub fn withdraw_from_lock(&mut self, lock: &Lock, owner: u64) -> Result<bool> {
        let now_ms = self.platform.wall_ms();
        self.change_permits(&lock.name, |found| {
            Ok(found.state.as_mut().is_some_and(|permits| permits.withdraw(owner, now_ms)))
        })
    }

    /// Shows that the holder of a grant lives.
    pub fn renew_lock(&mut self, lock: &Lock, grant: Grant) -> Result<()> {
        let now_ms = self.platform.wall_ms();
        self.on_permits(lock, |permits| if permits.renew(grant, now_ms) { Ok(()) } else { Err(not_held(lock)) })
    }

    /// Gives back what was taken once; returns how often the owner still holds it.
    pub fn release_lock(&mut self, lock: &Lock, grant: Grant) -> Result<u32> {
        self.on_record(Kind::Permits, &lock.name, |shard, biases| {
            let by_bias = biases.holds(lock, grant);
            if by_bias && leave_by_bias(shard, biases, lock)? {
                return Ok(0);
            }
            let now_ms = biases.now_ms();
            let release = |permits: &mut Permits| permits.release(grant, now_ms).ok_or_else(|| not_held(lock));
            let left = on_permits(shard, biases, lock, release);
            if by_bias && matches!(left, Ok(_) | Err(Error::NotHeld(_))) {
                biases.drop_lost(&lock.name);
            }
            left
        })
    }

    /// Who holds a lock, and how many wait.
    pub fn lock_occupancy(&mut self, name: &str) -> Result<Occupancy> {
        let permits = self.look_at_permits(name)?;
        let now_ms = self.platform.wall_ms();
        Ok(permits.map_or_else(Occupancy::default, |permits| Occupancy {
            holders: permits.holders(now_ms),
            waiting: permits.waiters(),
            doubt_ms: doubt_ms(permits.members(), now_ms),
        }))
    }

    fn claim(&mut self, lock: &Lock, claim: &Claim, waits: bool) -> Result<Standing> {
        check_lease(claim.lease_ms)?;
        if lock.capacity == 0 {
            return Err(Error::InvalidArgument(format!("the lock {:?} with nothing to be had", lock.name)));
        }
        if let Some(grant) = self.enter_by_bias(lock, claim)? {
            return Ok(Standing::Granted(grant));
        }
        let request = Request {
            owner: claim.owner.unwrap_or_else(|| self.new_token()),
            weight: claim.weight.unwrap_or(lock.capacity),
            lease_ms: claim.lease_ms,
            waits,
            now_ms: self.platform.wall_ms(),
        };
        for _ in 0..ATTEMPTS {
            if let Some(standing) = self.claim_recorded(lock, claim, &request)? {
                return Ok(standing);
            }
        }
        Err(Error::Timeout(format!("a moment in which the lock {:?} is not being biased", lock.name)))
    }

    /// Claims a lock in its record. None if it was biased towards somebody else, who is told by it now: then
    /// it has to be seen, after that, whether it is held.
    fn claim_recorded(&mut self, lock: &Lock, claim: &Claim, request: &Request) -> Result<Option<Standing>> {
        let mut watches = std::mem::take(&mut self.watches);
        let monotonic_ms = self.platform.monotonic_ms();
        let standing = self.on_record(Kind::Permits, &lock.name, |shard, biases| {
            let unused = biases.forget(&lock.name);
            let cell = biases.prepare(lock, claim);
            let (mut leaning, mut before, mut last) = (None, 0, 0);
            let claimed = shard.change_record(&lock.name, |found: &mut Found<Permits>| {
                leaning = None;
                let permits = found.state.get_or_insert_with(|| Permits::new(lock.capacity, found.first));
                if let Some(token) = unused {
                    permits.give_back(token, request.now_ms);
                }
                biases.see(&lock.name, permits);
                let watch = watches.look(Kind::Permits, &lock.name, permits.members(), monotonic_ms);
                permits.bury(&watch, request.now_ms);
                if permits.revoke_for(request) {
                    return Ok(None);
                }
                if permits.capacity() != lock.capacity && permits.is_idle(0) {
                    *permits = Permits::new(lock.capacity, permits.latest());
                }
                assure_capacity(lock, permits)?;
                before = permits.last_fence();
                if permits.is_idle(0) {
                    leaning = cell.and_then(|cell| biases.lean(lock, request, cell, permits));
                }
                let standing = if leaning.is_some() { Standing::Outside } else { permits.request(request)? };
                last = permits.last_fence();
                Ok(Some(standing))
            });
            match (&claimed, leaning) {
                (Ok(_), Some(leaning)) => {
                    biases.count(lock, claim, before, last);
                    return Ok(Some(Standing::Granted(biases.keep(lock, leaning))));
                }
                (Ok(Some(Standing::Granted(_))), None) => biases.count(lock, claim, before, last),
                // Perhaps it is in the record all the same.
                (Err(_), _) => {
                    cell.map(|cell| biases.clear(cell));
                }
                _ => {}
            }
            claimed
        });
        self.watches = watches;
        standing
    }

    /// Takes a lock that is biased towards this handle without changing its record.
    fn enter_by_bias(&mut self, lock: &Lock, claim: &Claim) -> Result<Option<Grant>> {
        self.on_record(Kind::Permits, &lock.name, |shard, biases| {
            let Some(grant) = biases.enter(lock, claim) else { return Ok(None) };
            let recorded = shard.record::<Permits>(&lock.name);
            if matches!(&recorded, Ok(permits) if biases.is_in_force(&lock.name, permits.as_ref())) {
                return Ok(Some(grant));
            }
            biases.leave(&lock.name);
            recorded.map(|_| None)
        })
    }

    /// The state of a lock as it was a moment ago.
    fn look_at_permits(&mut self, name: &str) -> Result<Option<Permits>> {
        self.on_record(Kind::Permits, name, |shard, biases| {
            let mut permits = shard.record::<Permits>(name)?;
            if let Some(permits) = &mut permits {
                biases.see(name, permits);
            }
            Ok(permits)
        })
    }

    /// Changes the state of a lock: all of it happens, or on an error nothing.
    fn change_permits<T>(&mut self, name: &str, change: impl FnMut(&mut Found<Permits>) -> Result<T>) -> Result<T> {
        self.on_record(Kind::Permits, name, |shard, biases| change_permits(shard, biases, name, change))
    }

    fn standing_in(&mut self, lock: &Lock, owner: u64) -> Result<Standing> {
        let permits = self.look_at_permits(&lock.name)?;
        match permits.map(|permits| permits.standing(owner)) {
            Some(standing) if standing != Standing::Outside => Ok(standing),
            _ => Err(not_held(lock)),
        }
    }

    /// Changes a lock that somebody holds or waits for.
    fn on_permits<T>(&mut self, lock: &Lock, change: impl FnMut(&mut Permits) -> Result<T>) -> Result<T> {
        self.on_record(Kind::Permits, &lock.name, |shard, biases| on_permits(shard, biases, lock, change))
    }
}

impl Session {
    /// Gives back all biases towards this handle. What is held by them is recorded as it is of others: a grant
    /// is worth the same for who closes the handle and goes on with another.
    pub(super) fn give_back_biases(&mut self) -> Result<()> {
        let (now_ms, mut given) = (self.biases.now_ms(), Ok(()));
        for (name, token, held) in self.biases.all() {
            let index = self.index_of(record_hash(&name));
            let Some(shard) = self.shards.get_mut(index) else { continue };
            let recorded = change_permits(shard, &self.biases, &name, |found| {
                if let Some(permits) = &mut found.state {
                    permits.record_holder(token);
                    permits.give_back(token, now_ms);
                }
                Ok(())
            });
            if recorded.is_ok() || !held {
                self.biases.drop_lost(&name);
            }
            given = given.and(recorded);
        }
        given
    }
}

fn change_permits<T>(
    shard: &mut Shard,
    biases: &Biases,
    name: &str,
    mut change: impl FnMut(&mut Found<Permits>) -> Result<T>,
) -> Result<T> {
    shard.change_record(name, |found: &mut Found<Permits>| {
        if let Some(permits) = &mut found.state {
            biases.see(name, permits);
        }
        change(found)
    })
}

/// [`Cache::on_permits`], in its shard.
fn on_permits<T>(
    shard: &mut Shard,
    biases: &Biases,
    lock: &Lock,
    mut change: impl FnMut(&mut Permits) -> Result<T>,
) -> Result<T> {
    change_permits(shard, biases, &lock.name, |found| {
        let permits = found.state.as_mut().ok_or_else(|| not_held(lock))?;
        assure_capacity(lock, permits)?;
        change(permits)
    })
}

/// Releases a lock that is biased towards this handle without changing its record, if nobody else wants it;
/// whether it did.
fn leave_by_bias(shard: &mut Shard, biases: &mut Biases, lock: &Lock) -> Result<bool> {
    let permits = shard.record::<Permits>(&lock.name)?;
    // Whoever revokes it from now on looks at the cell.
    Ok(biases.is_in_force(&lock.name, permits.as_ref()) && biases.leave(&lock.name))
}

fn granted(standing: Standing) -> Option<Grant> {
    match standing {
        Standing::Granted(grant) => Some(grant),
        Standing::Waiting { .. } | Standing::Outside => None,
    }
}

fn assure_capacity(lock: &Lock, permits: &Permits) -> Result<()> {
    let (asked, recorded) = (lock.capacity, permits.capacity());
    if asked == recorded {
        return Ok(());
    }
    let name = &lock.name;
    Err(Error::Conflict(format!("the lock {name:?} is in use with a capacity of {recorded}, not {asked}")))
}

fn not_held(lock: &Lock) -> Error {
    Error::NotHeld(format!("the lock {:?}: released, or silent for longer than its lease", lock.name))
}
