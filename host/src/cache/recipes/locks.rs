//! Locks of every kind.

use std::sync::Arc;
use std::time::Duration;

use super::keeper::{Kept, Renewable};
use super::{DEFAULT_LEASE, lease_ms};
use crate::cache::Cache;
use crate::cache::pauses::Pauses;
use crate::error::{Error, Result};
use crate::runtime::Instance;
use crate::runtime::bindings::locks as wit;

/// A lock that all processes respect which share the cache's directory; made by [`Cache::lock`],
/// [`Cache::read_lock`], [`Cache::write_lock`] and [`Cache::semaphore`].
///
/// Whoever holds it has a lease, which a thread of the handle renews. A process that dies blocks the
/// others for no longer than the lease. One that is paused for longer than that may lose the lock without
/// knowing: what it protects should then refuse writes with a smaller [`LockGuard::fence`] than it has
/// seen. Who waits is served in the order of arrival.
///
/// ```
/// # let cache = larder::Cache::temporary()?;
/// let lock = cache.lock("deploy");
/// {
///     let guard = lock.acquire()?; // waits
///     assert!(lock.try_acquire()?.is_none());
///     println!("holding, number {}", guard.fence());
/// } // released
/// assert!(lock.try_acquire()?.is_some());
/// # Ok::<(), larder::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lock {
    cache: Cache,
    which: Which,
    owner: Option<Owner>,
    weight: Option<u32>,
    lease: Duration,
}

/// Which lock.
#[derive(Debug, Clone)]
struct Which {
    name: Arc<str>,
    capacity: wit::Capacity,
}

/// Who holds a lock: the same owner can take it again while it holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner(u64);

/// A lock that is held; released when dropped.
#[must_use = "a lock is released when its guard is dropped"]
pub struct LockGuard {
    cache: Cache,
    which: Which,
    grant: wit::Grant,
    kept: Option<Kept>,
}

/// A place in the line; given up when dropped.
pub(super) struct Place {
    lock: Lock,
    owner: u64,
    pub(super) ahead: u32,
    settled: bool,
}

/// What has come of a request.
pub(super) enum Step {
    Granted(LockGuard),
    Waiting(Place),
}

/// Who holds a lock, and how many wait for it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Occupancy {
    /// Who holds it. Who has died is among them until somebody who waits has noticed.
    pub holders: Vec<Holder>,
    /// How many stand in line.
    pub waiting: u32,
    /// The longest lease of those who may be dead; 0 if there are none.
    #[serde(skip)]
    doubt: Duration,
}

/// Somebody who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Holder {
    /// Whose it is.
    pub owner: u64,
    /// The number of its grant: it grows with every one.
    pub fence: u64,
    /// How much it has: permits, 1 for a reader, all for a writer.
    pub weight: u32,
    /// How many times it has taken it.
    pub count: u32,
    /// How long it may be silent.
    #[serde(serialize_with = "as_milliseconds", rename = "lease_ms")]
    pub lease: Duration,
    /// How long it has been, by the wall clock. More than its lease means that it is dead or was paused, or
    /// that the clock has jumped.
    #[serde(serialize_with = "as_milliseconds", rename = "silent_ms")]
    pub silent: Duration,
}

fn as_milliseconds<S: serde::Serializer>(lease: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(crate::options::milliseconds(*lease))
}

impl Cache {
    /// A lock that one holds at a time: the same as [`Cache::write_lock`], and as `larder lock` in a shell.
    /// A semaphore of the same name is the same lock, too: to use both at once is [`Error::Conflict`].
    pub fn lock(&self, name: impl AsRef<str>) -> Lock {
        Lock::new(self, name.as_ref(), wit::Capacity::Exclusive, None)
    }

    /// The reader's side of a lock that many readers or one writer hold.
    pub fn read_lock(&self, name: impl AsRef<str>) -> Lock {
        Lock::new(self, name.as_ref(), wit::Capacity::ReadersAndWriter, Some(1))
    }

    /// The writer's side of a lock that many readers or one writer hold. While a writer waits, later
    /// readers wait, too.
    pub fn write_lock(&self, name: impl AsRef<str>) -> Lock {
        Lock::new(self, name.as_ref(), wit::Capacity::ReadersAndWriter, None)
    }

    /// A semaphore: so many permits, of which each guard has one unless [`Lock::permits`] says more.
    pub fn semaphore(&self, name: impl AsRef<str>, permits: u32) -> Lock {
        Lock::new(self, name.as_ref(), wit::Capacity::Permits(permits), Some(1))
    }

    /// Who holds the lock of a name, and how many wait for it.
    pub fn lock_holders(&self, name: &str) -> Result<Occupancy> {
        let occupancy =
            self.run(|instance| instance.locks(|guest, store, cache| guest.call_holders(store, cache, name)))?;
        let holders = occupancy.holders.into_iter().map(Holder::from).collect();
        Ok(Occupancy { holders, waiting: occupancy.waiting, doubt: Duration::from_millis(occupancy.doubt_ms.into()) })
    }
}

impl From<wit::Holder> for Holder {
    fn from(holder: wit::Holder) -> Self {
        let wit::Holder { grant, weight, count, lease_ms, silent_ms } = holder;
        let (lease, silent) = (Duration::from_millis(lease_ms.into()), Duration::from_millis(silent_ms));
        Self { owner: grant.owner, fence: grant.fence, weight, count, lease, silent }
    }
}

impl Owner {
    /// Somebody new.
    pub fn new() -> Self {
        use std::hash::{BuildHasher, RandomState};
        // Seeded anew by the system for each thread, and different for each call.
        Self(RandomState::new().hash_one(std::thread::current().id()))
    }

    /// This thread: with it a lock is re-entrant.
    pub fn this_thread() -> Self {
        thread_local! {
            static OWNER: Owner = Owner::new();
        }
        OWNER.with(|owner| *owner)
    }
}

impl Default for Owner {
    fn default() -> Self {
        Self::new()
    }
}

impl Lock {
    fn new(cache: &Cache, name: &str, capacity: wit::Capacity, weight: Option<u32>) -> Self {
        let which = Which { name: name.into(), capacity };
        Self { cache: cache.clone(), which, owner: None, weight, lease: DEFAULT_LEASE }
    }

    /// How long a holder may be silent before it loses the lock to somebody who waits; 10 seconds
    /// unless set, 1 millisecond to a day. Who holds it renews it every third of that.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Whose the lock is to be: who holds it already takes it once more, and has to release it as many
    /// times. Unless set, every guard has an owner of its own.
    ///
    /// ```
    /// # let cache = larder::Cache::temporary()?;
    /// let lock = cache.lock("tree").owner(larder::Owner::this_thread());
    /// let outer = lock.acquire()?;
    /// let inner = lock.acquire()?;
    /// assert_eq!(outer.fence(), inner.fence());
    /// # Ok::<(), larder::Error>(())
    /// ```
    #[must_use]
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// How many permits of a semaphore each guard has.
    #[must_use]
    pub fn permits(mut self, permits: u32) -> Self {
        self.weight = Some(permits);
        self
    }

    /// Waits for the lock.
    pub fn acquire(&self) -> Result<LockGuard> {
        self.wait(None)
    }

    /// Waits for the lock, at most so long: then it is [`Error::Timeout`]. Only if whoever is in the way has
    /// been silent for longer than its lease, by the wall clock, it takes longer: to be sure that it is dead,
    /// and then the lock is had.
    pub fn acquire_within(&self, wait: Duration) -> Result<LockGuard> {
        self.wait(Some(wait))
    }

    /// Takes the lock if it is free and nobody stands in line. Returns at once, unless whoever is in the way
    /// may be dead, as in [`Lock::acquire_within`].
    pub fn try_acquire(&self) -> Result<Option<LockGuard>> {
        let granted = self.cache.run(|instance| {
            instance.locks(|guest, store, cache| {
                guest.call_acquire(store, cache, self.which.as_param(), self.claim(), Some(0))
            })
        });
        match granted {
            Ok(Some(grant)) => Ok(Some(self.guard(grant))),
            Ok(None) | Err(Error::Conflict(_)) if !self.doubt()?.is_zero() => match self.wait(Some(Duration::ZERO)) {
                Err(Error::Timeout(_)) => Ok(None),
                acquired => acquired.map(Some),
            },
            refused => refused.map(|_| None),
        }
    }

    /// Who holds it, and how many wait.
    pub fn holders(&self) -> Result<Occupancy> {
        self.cache.lock_holders(&self.which.name)
    }

    fn wait(&self, wait: Option<Duration>) -> Result<LockGuard> {
        let mut pauses = self.pauses(wait);
        let mut step = self.enter(&mut pauses)?;
        loop {
            let place = match step {
                Step::Granted(guard) => return Ok(guard),
                Step::Waiting(place) => place,
            };
            let Some(pause) = self.pause(&mut pauses, place.ahead)? else { return Err(self.timeout()) };
            std::thread::sleep(pause);
            step = place.poll()?;
        }
    }

    pub(super) fn pauses(&self, wait: Option<Duration>) -> Pauses {
        Pauses::begin(wait).within_lease(self.lease)
    }

    /// How long to pause before the next look; none once the time is over, and nobody in the way is dead.
    pub(super) fn pause(&self, pauses: &mut Pauses, ahead: u32) -> Result<Option<Duration>> {
        match pauses.next(ahead) {
            None => Ok(pauses.resume(self.doubt()?, ahead)),
            pause => Ok(pause),
        }
    }

    /// The lease of those in the way who may be dead; zero if there are none.
    pub(super) fn doubt(&self) -> Result<Duration> {
        Ok(self.holders()?.doubt)
    }

    /// Takes the lock or a place in its line, once nobody who is dead holds it at another capacity.
    pub(super) fn enter(&self, pauses: &mut Pauses) -> Result<Step> {
        loop {
            match self.request() {
                Err(conflict @ Error::Conflict(_)) => {
                    let doubt = self.doubt()?;
                    let pause = if doubt.is_zero() { None } else { self.pause(pauses, 0)? };
                    std::thread::sleep(pause.ok_or(conflict)?);
                }
                step => return step,
            }
        }
    }

    pub(super) fn timeout(&self) -> Error {
        Error::Timeout(format!("the lock {:?}", self.which.name))
    }

    /// Takes the lock or a place in its line.
    pub(super) fn request(&self) -> Result<Step> {
        let standing = self.cache.run(|instance| {
            instance.locks(|guest, store, cache| guest.call_request(store, cache, self.which.as_param(), self.claim()))
        })?;
        Ok(match standing {
            wit::Standing::Granted(grant) => Step::Granted(self.guard(grant)),
            wit::Standing::Waiting(wit::Place { owner, ahead }) => {
                Step::Waiting(Place { lock: self.clone(), owner, ahead, settled: false })
            }
        })
    }

    fn claim(&self) -> wit::Claim {
        wit::Claim { owner: self.owner.map(|owner| owner.0), weight: self.weight, lease_ms: lease_ms(self.lease) }
    }

    fn guard(&self, grant: wit::Grant) -> LockGuard {
        let (cache, which) = (self.cache.clone(), self.which.clone());
        let kept = self.cache.keeper.keep(self.lease, Arc::new(Held { which: which.clone(), grant }));
        LockGuard { cache, which, grant, kept: Some(kept) }
    }
}

impl Which {
    fn as_param(&self) -> wit::Lock<'_> {
        wit::Lock { name: &self.name, capacity: self.capacity }
    }
}

impl Place {
    /// Looks whether its turn has come.
    pub(super) fn poll(mut self) -> Result<Step> {
        let which = self.lock.which.as_param();
        let standing = self
            .lock
            .cache
            .run(|instance| instance.locks(|guest, store, cache| guest.call_poll(store, cache, which, self.owner)));
        match standing {
            Ok(wit::Standing::Granted(grant)) => {
                self.settled = true;
                Ok(Step::Granted(self.lock.guard(grant)))
            }
            Ok(wit::Standing::Waiting(place)) => {
                self.ahead = place.ahead;
                Ok(Step::Waiting(self))
            }
            // This process was paused, and its place taken from it.
            Err(Error::NotHeld(_)) => {
                self.settled = true;
                self.lock.request()
            }
            Err(error) => Err(error),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let which = self.lock.which.as_param();
        let withdrawn = self
            .lock
            .cache
            .run(|instance| instance.locks(|guest, store, cache| guest.call_withdraw(store, cache, which, self.owner)));
        if let Err(error) = withdrawn {
            tracing::warn!(%error, "a place in a line could not be given up; it lapses after its lease");
        }
    }
}

/// What the keeper renews.
struct Held {
    which: Which,
    grant: wit::Grant,
}

impl Renewable for Held {
    fn renew(&self, instance: &mut Instance) -> Result<()> {
        instance.locks(|guest, store, cache| guest.call_renew(store, cache, self.which.as_param(), self.grant))
    }
}

impl LockGuard {
    /// The number of the grant: greater than that of everybody who held the lock before. What the lock
    /// protects can refuse whoever comes with a smaller one than it has seen.
    pub fn fence(&self) -> u64 {
        self.grant.fence
    }

    /// False if the lock is known to be lost, because this process was silent for longer than its
    /// lease. What is true now may not be in a moment: [`LockGuard::fence`] is what can be relied on.
    pub fn is_held(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| !kept.is_lost())
    }

    /// Makes sure that the lock is still held, and renews it: else [`Error::NotHeld`].
    pub fn renew(&self) -> Result<()> {
        let held = Held { which: self.which.clone(), grant: self.grant };
        self.cache.run(|instance| held.renew(instance))
    }

    /// Releases the lock; [`Error::NotHeld`] if it was lost meanwhile.
    pub fn release(mut self) -> Result<()> {
        self.give_back()
    }

    fn give_back(&mut self) -> Result<()> {
        if self.kept.take().is_none() {
            return Ok(());
        }
        let (which, grant) = (self.which.as_param(), self.grant);
        let release = |instance: &mut Instance| {
            instance.locks(|guest, store, cache| guest.call_release(store, cache, which, grant))
        };
        self.cache.run(release).map(drop)
    }
}

impl std::fmt::Debug for LockGuard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("LockGuard")
            .field("name", &self.which.name)
            .field("fence", &self.fence())
            .finish_non_exhaustive()
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        match self.give_back() {
            Ok(()) => {}
            Err(Error::NotHeld(what)) => tracing::warn!(what, "a lock was lost before it was released"),
            Err(error) => tracing::warn!(%error, "a lock could not be released; it lapses after its lease"),
        }
    }
}
