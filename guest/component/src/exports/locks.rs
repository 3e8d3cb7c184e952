//! The interface `locks`.

use larder_engine as engine;

use super::cache::Cache;
use crate::bindings::Component;
use crate::bindings::exports::larder::cache::cache::CacheBorrow;
use crate::bindings::exports::larder::cache::locks::{
    Capacity, Claim, Grant, Guest, Holder, Lock, Occupancy, Place, Standing,
};
use crate::bindings::exports::larder::cache::types::Error;
use crate::convert::Convert;

impl Guest for Component {
    fn acquire(cache: CacheBorrow<'_>, lock: Lock, claim: Claim, wait_ms: Option<u64>) -> Result<Option<Grant>, Error> {
        let claim = claim.on(&lock);
        cache.get::<Cache>().0.with(|cache| cache.acquire_lock(&lock.convert(), &claim, wait_ms))
    }

    fn request(cache: CacheBorrow<'_>, lock: Lock, claim: Claim) -> Result<Standing, Error> {
        let claim = claim.on(&lock);
        let standing = cache.get::<Cache>().0.plain(|cache| cache.request_lock(&lock.convert(), &claim))?;
        known(standing)
    }

    fn poll(cache: CacheBorrow<'_>, lock: Lock, owner: u64) -> Result<Standing, Error> {
        let standing = cache.get::<Cache>().0.plain(|cache| cache.poll_lock(&lock.convert(), owner))?;
        known(standing)
    }

    fn withdraw(cache: CacheBorrow<'_>, lock: Lock, owner: u64) -> Result<bool, Error> {
        cache.get::<Cache>().0.plain(|cache| cache.withdraw_from_lock(&lock.convert(), owner))
    }

    fn renew(cache: CacheBorrow<'_>, lock: Lock, grant: Grant) -> Result<(), Error> {
        cache.get::<Cache>().0.plain(|cache| cache.renew_lock(&lock.convert(), grant.convert()))
    }

    fn release(cache: CacheBorrow<'_>, lock: Lock, grant: Grant) -> Result<u32, Error> {
        cache.get::<Cache>().0.plain(|cache| cache.release_lock(&lock.convert(), grant.convert()))
    }

    fn holders(cache: CacheBorrow<'_>, name: String) -> Result<Occupancy, Error> {
        cache.get::<Cache>().0.with(|cache| cache.lock_occupancy(&name))
    }
}

/// Where an owner stands that holds or waits, as all do who are told.
fn known(standing: engine::Standing) -> Result<Standing, Error> {
    match standing {
        engine::Standing::Granted(grant) => Ok(Standing::Granted(grant.convert())),
        engine::Standing::Waiting { owner, ahead } => Ok(Standing::Waiting(Place { owner, ahead })),
        engine::Standing::Outside => Err(Error::NotHeld("a place in the line".into())),
    }
}

impl Convert<engine::Lock> for Lock {
    fn convert(self) -> engine::Lock {
        let capacity = match self.capacity {
            Capacity::Exclusive | Capacity::ReadersAndWriter => engine::READERS,
            Capacity::Permits(permits) => permits,
        };
        engine::Lock { name: self.name, capacity }
    }
}

impl Claim {
    /// What is claimed of a lock.
    fn on(self, lock: &Lock) -> engine::Claim {
        let weight = self.weight.filter(|_| !matches!(lock.capacity, Capacity::Exclusive));
        engine::Claim { owner: self.owner, weight, lease_ms: self.lease_ms }
    }
}

impl Convert<engine::Grant> for Grant {
    fn convert(self) -> engine::Grant {
        engine::Grant { owner: self.owner, fence: self.fence }
    }
}

impl Convert<Grant> for engine::Grant {
    fn convert(self) -> Grant {
        Grant { owner: self.owner, fence: self.fence }
    }
}

impl Convert<Holder> for engine::Holder {
    fn convert(self) -> Holder {
        let Self { grant, weight, count, lease_ms, silent_ms } = self;
        Holder { grant: grant.convert(), weight, count, lease_ms, silent_ms }
    }
}

impl Convert<Occupancy> for engine::Occupancy {
    fn convert(self) -> Occupancy {
        Occupancy { holders: self.holders.convert(), waiting: self.waiting, doubt_ms: self.doubt_ms }
    }
}
