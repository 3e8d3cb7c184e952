//! The interface `memo`.

use larder_engine as engine;

use super::cache::Cache;
use crate::bindings::Component;
use crate::bindings::exports::larder::cache::cache::CacheBorrow;
use crate::bindings::exports::larder::cache::memo::{FillOptions, Guest, LookupOptions, Outcome, Stale, Vacant};
use crate::bindings::exports::larder::cache::types::{Error, Key, Value};
use crate::convert::Convert;

impl Guest for Component {
    fn find(cache: CacheBorrow<'_>, key: Key, options: LookupOptions) -> Result<Outcome, Error> {
        cache.get::<Cache>().0.with(|cache| cache.look_up(&key.convert(), &options.convert()))
    }

    fn find_within(
        cache: CacheBorrow<'_>,
        key: Key,
        options: LookupOptions,
        wait_ms: Option<u64>,
    ) -> Result<Outcome, Error> {
        cache.get::<Cache>().0.with(|cache| cache.look_up_within(&key.convert(), &options.convert(), wait_ms))
    }

    fn fill(cache: CacheBorrow<'_>, key: Key, vacancy: u64, value: Value, options: FillOptions) -> Result<u64, Error> {
        let (key, value, filling) = (key.convert(), value.convert(), options.convert());
        cache.get::<Cache>().0.plain(|cache| cache.fill(&key, vacancy, &value, &filling))
    }

    fn renew(cache: CacheBorrow<'_>, key: Key, vacancy: u64) -> Result<(), Error> {
        cache.get::<Cache>().0.plain(|cache| cache.renew_vacancy(&key.convert(), vacancy))
    }

    fn vacate(cache: CacheBorrow<'_>, key: Key, vacancy: u64) -> Result<(), Error> {
        cache.get::<Cache>().0.plain(|cache| cache.drop_vacancy(&key.convert(), vacancy))
    }

    fn fail(cache: CacheBorrow<'_>, key: Key, vacancy: u64, reason: String, for_ms: u64) -> Result<(), Error> {
        cache.get::<Cache>().0.plain(|cache| cache.fail_vacancy(&key.convert(), vacancy, &reason, for_ms))
    }
}

impl Convert<engine::LookUp> for LookupOptions {
    fn convert(self) -> engine::LookUp {
        engine::LookUp { lease_ms: self.lease_ms, eagerness: self.eagerness }
    }
}

impl Convert<engine::Filling> for FillOptions {
    fn convert(self) -> engine::Filling {
        let Self { options, stale_ms, stale_if_error_ms, cost_ms } = self;
        engine::Filling { options: options.convert(), stale_ms, stale_if_error_ms, cost_ms }
    }
}

impl Convert<Outcome> for engine::Answer {
    fn convert(self) -> Outcome {
        match self {
            Self::Hit(value) => Outcome::Hit(value.convert()),
            Self::Stale(value, vacancy) => Outcome::Stale(Stale { value: value.convert(), vacancy }),
            Self::Vacant(vacancy, last) => Outcome::Vacancy(Vacant { vacancy, last: last.convert() }),
            Self::Wait(doubt_ms) => Outcome::Wait(doubt_ms),
            Self::Failed(reason) => Outcome::Failed(reason),
        }
    }
}
