//! What processes share beside entries: locks, limits, barriers, and values that are computed once.
//!
//! | file | holds |
//! |---|---|
//! | `locks` | locks of every kind and their guards |
//! | `limits` | rate limits |
//! | `tallies` | averages and counters |
//! | `barrier`, `once` | meeting, and doing things once |
//! | `lookup`, `vacancy`, `memo` | values that are computed once |
//! | `asynchronous` | all of it for asynchronous programs |
//! | `attribute` | what the attribute `memoize` calls |
//! | `keeper` | the thread that renews what a handle holds |
//!
//! Waiting is done here, between calls of a few microseconds: so nobody who waits keeps an instance of
//! the component from others.

#[path = "attribute.rs"]
pub mod __memoize;
#[cfg(feature = "async")]
mod asynchronous;
mod barrier;
mod keeper;
mod limits;
mod locks;
mod lookup;
mod memo;
mod once;
mod tallies;
mod vacancy;

use std::time::Duration;

#[cfg(feature = "async")]
pub use asynchronous::AsyncLockGuard;
pub use barrier::Barrier;
pub(super) use keeper::Keeper;
pub use limits::{RateLimit, Verdict};
pub use locks::{Holder, Lock, LockGuard, Occupancy, Owner};
pub use lookup::Lookup;
pub use memo::{MemoError, MemoOptions};
pub use once::Once;
pub use tallies::{Averager, Counter, Mean};
pub use vacancy::Vacancy;

use crate::options::milliseconds;

/// How long whoever holds something may be silent unless told otherwise.
const DEFAULT_LEASE: Duration = Duration::from_secs(10);

/// A lease in the terms of the WIT package.
fn lease_ms(lease: Duration) -> u32 {
    u32::try_from(milliseconds(lease)).unwrap_or(u32::MAX)
}
