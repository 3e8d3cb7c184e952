//! The interface `limits`.

use larder_engine as engine;

use super::cache::Cache;
use crate::bindings::Component;
use crate::bindings::exports::larder::cache::cache::CacheBorrow;
use crate::bindings::exports::larder::cache::limits::{Guest, Limit, Method, Verdict};
use crate::bindings::exports::larder::cache::types::Error;
use crate::convert::Convert;

impl Guest for Component {
    fn take(cache: CacheBorrow<'_>, limit: Limit, amount: u32, wait_ms: Option<u64>) -> Result<Verdict, Error> {
        cache.get::<Cache>().0.with(|cache| cache.take_within(&limit.convert(), amount, wait_ms))
    }

    fn look(cache: CacheBorrow<'_>, limit: Limit) -> Result<Verdict, Error> {
        cache.get::<Cache>().0.with(|cache| cache.take(&limit.convert(), 0))
    }

    fn reset(cache: CacheBorrow<'_>, name: String, method: Method) -> Result<bool, Error> {
        cache.get::<Cache>().0.plain(|cache| cache.reset_limit(&name, method.convert()))
    }
}

impl Convert<engine::Rate> for Limit {
    fn convert(self) -> engine::Rate {
        let Self { name, method, count, period_us } = self;
        engine::Rate { name, method: method.convert(), count, period_us }
    }
}

impl Convert<engine::Method> for Method {
    fn convert(self) -> engine::Method {
        match self {
            Self::TokenBucket => engine::Method::Bucket,
            Self::SlidingWindow => engine::Method::Window,
        }
    }
}

impl Convert<Verdict> for engine::Verdict {
    fn convert(self) -> Verdict {
        let Self { granted, remaining, retry_us, reset_us } = self;
        Verdict { granted, remaining, retry_us, reset_us }
    }
}
