//! The interface `recipes`.

use larder_engine as engine;

use super::cache::Cache;
use crate::bindings::Component;
use crate::bindings::exports::larder::cache::cache::CacheBorrow;
use crate::bindings::exports::larder::cache::recipes::{Arrival, Barrier, Guest, Mean, Turn};
use crate::bindings::exports::larder::cache::types::Error;
use crate::convert::Convert;

impl Guest for Component {
    fn average_add(cache: CacheBorrow<'_>, name: String, number: f64) -> Result<Mean, Error> {
        cache.get::<Cache>().0.with(|cache| cache.add_to_average(&name, number))
    }

    fn average_get(cache: CacheBorrow<'_>, name: String) -> Result<Option<Mean>, Error> {
        cache.get::<Cache>().0.with(|cache| cache.average(&name))
    }

    fn average_pop(cache: CacheBorrow<'_>, name: String) -> Result<Option<Mean>, Error> {
        cache.get::<Cache>().0.with(|cache| cache.take_average(&name))
    }

    fn counter_add(cache: CacheBorrow<'_>, name: String, delta: i64) -> Result<i64, Error> {
        cache.get::<Cache>().0.plain(|cache| cache.count_up(&name, delta))
    }

    fn counter_get(cache: CacheBorrow<'_>, name: String) -> Result<i64, Error> {
        cache.get::<Cache>().0.plain(|cache| cache.counter(&name))
    }

    fn counter_pop(cache: CacheBorrow<'_>, name: String) -> Result<i64, Error> {
        cache.get::<Cache>().0.plain(|cache| cache.take_counter(&name))
    }

    fn barrier_meet(
        cache: CacheBorrow<'_>,
        barrier: Barrier,
        lease_ms: u32,
        wait_ms: Option<u64>,
    ) -> Result<u64, Error> {
        cache.get::<Cache>().0.plain(|cache| cache.meet(&barrier.convert(), lease_ms, wait_ms))
    }

    fn barrier_arrive(cache: CacheBorrow<'_>, barrier: Barrier, lease_ms: u32) -> Result<Arrival, Error> {
        cache.get::<Cache>().0.with(|cache| cache.arrive(&barrier.convert(), lease_ms))
    }

    fn barrier_poll(cache: CacheBorrow<'_>, barrier: Barrier, arrival: Arrival) -> Result<Arrival, Error> {
        cache.get::<Cache>().0.with(|cache| cache.poll_barrier(&barrier.convert(), arrival.convert()))
    }

    fn barrier_leave(cache: CacheBorrow<'_>, barrier: Barrier, arrival: Arrival) -> Result<bool, Error> {
        cache.get::<Cache>().0.plain(|cache| cache.leave_barrier(&barrier.convert(), arrival.convert()))
    }

    fn once_begin(cache: CacheBorrow<'_>, name: String, lease_ms: u32) -> Result<Turn, Error> {
        cache.get::<Cache>().0.with(|cache| cache.begin_once(&name, lease_ms))
    }

    fn once_renew(cache: CacheBorrow<'_>, name: String, token: u64) -> Result<(), Error> {
        cache.get::<Cache>().0.plain(|cache| cache.renew_once(&name, token))
    }

    fn once_end(cache: CacheBorrow<'_>, name: String, token: u64, done: bool) -> Result<(), Error> {
        cache.get::<Cache>().0.plain(|cache| cache.end_once(&name, token, done))
    }

    fn once_reset(cache: CacheBorrow<'_>, name: String) -> Result<bool, Error> {
        cache.get::<Cache>().0.plain(|cache| cache.reset_once(&name))
    }
}

impl Convert<Mean> for engine::Mean {
    fn convert(self) -> Mean {
        Mean { mean: self.mean, count: self.count }
    }
}

impl Convert<engine::Gate> for Barrier {
    fn convert(self) -> engine::Gate {
        engine::Gate { name: self.name, parties: self.parties }
    }
}

impl Convert<Arrival> for engine::Arrival {
    fn convert(self) -> Arrival {
        let Self { token, generation, open, missing } = self;
        Arrival { token, generation, open, missing }
    }
}

impl Convert<engine::Arrival> for Arrival {
    fn convert(self) -> engine::Arrival {
        let Self { token, generation, open, missing } = self;
        engine::Arrival { token, generation, open, missing }
    }
}

impl Convert<Turn> for engine::Turn {
    fn convert(self) -> Turn {
        match self {
            Self::Done => Turn::Done,
            Self::Run(token) => Turn::Run(token),
            Self::Wait => Turn::Wait,
        }
    }
}
