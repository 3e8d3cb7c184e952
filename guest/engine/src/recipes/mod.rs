//! Locks, limits and other small things that processes share, each as a pure state machine.
//!
//! A machine is a value. Its functions take what is asked for and what was observed, change the value
//! and say what has come of it; they look at no clock and no database. The value is stored as a
//! *record* (see `shard::record`), and each change of it is one write transaction, so whatever
//! a machine promises holds across all processes.
//!
//! | file | machine |
//! |---|---|
//! | `bias` | whom a lock is lent to until somebody else wants it |
//! | `permits` | locks of every kind: plain, re-entrant, for readers and writers, counting |
//! | `bucket` | a rate limit that lets bursts through |
//! | `window` | a limit that is exact in every window |
//! | `limit` | what these two have in common |
//! | `tally` | an average and a counter |
//! | `barrier` | parties that wait for each other |
//! | `once` | work that is done once |
//! | `vacancy` | the right to compute a value that is missing |
//! | `member` | whoever holds or waits, and how its death is noticed |
//! | `timeline` | a clock that goes on where the wall clock jumps |

pub(crate) mod barrier;
pub(crate) mod bias;
pub(crate) mod bucket;
pub(crate) mod limit;
pub(crate) mod member;
pub(crate) mod once;
pub(crate) mod permits;
pub(crate) mod tally;
pub(crate) mod timeline;
pub(crate) mod vacancy;
pub(crate) mod window;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// Version of the encoding of records: their first byte.
const VERSION: u8 = 1;
/// Longest name of a record that callers choose, in bytes.
pub const NAME_LIMIT: usize = 1024;
/// Longest lease in milliseconds: a day.
pub const LEASE_LIMIT_MS: u32 = 24 * 60 * 60 * 1000;

/// Which machine a record is of. The numbers are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Permits = 1,
    Bucket = 2,
    Window = 3,
    Average = 4,
    Counter = 5,
    Barrier = 6,
    Once = 7,
    Vacancy = 8,
}

impl Kind {
    /// The kind with a number.
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        const ALL: [Kind; 8] = [
            Kind::Permits,
            Kind::Bucket,
            Kind::Window,
            Kind::Average,
            Kind::Counter,
            Kind::Barrier,
            Kind::Once,
            Kind::Vacancy,
        ];
        ALL.into_iter().find(|kind| *kind as i64 == number)
    }

    /// What it is called in messages.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Permits => "the lock",
            Self::Bucket => "the rate limit",
            Self::Window => "the window limit",
            Self::Average => "the average",
            Self::Counter => "the counter",
            Self::Barrier => "the barrier",
            Self::Once => "the task",
            Self::Vacancy => "the vacancy of",
        }
    }
}

/// A state that is stored as a record.
pub(crate) trait Machine: Serialize + DeserializeOwned {
    const KIND: Kind;

    /// Whether it is a state that can come about. Bytes from a directory may be anything.
    fn is_sound(&self) -> bool;

    /// Whether it says no more than no record at all would, so that it need not be kept.
    fn is_idle(&self, now_us: i64) -> bool;

    /// The largest number it has given out: no later record of the name gives it out again.
    fn latest(&self) -> u64 {
        0
    }
}

/// A state as it is stored.
pub(crate) fn encode<M: Machine>(state: &M) -> Result<Vec<u8>> {
    postcard::to_extend(state, vec![VERSION]).map_err(|error| Error::Io(format!("encoding a record: {error}")))
}

/// A stored state; none if the bytes are something else.
pub(crate) fn decode<M: Machine>(bytes: &[u8]) -> Option<M> {
    let (VERSION, encoded) = bytes.split_first().map(|(version, rest)| (*version, rest))? else { return None };
    let (state, rest) = postcard::take_from_bytes::<M>(encoded).ok()?;
    (rest.is_empty() && state.is_sound()).then_some(state)
}

/// What of a stored state matters to whoever tidies up: whether it is idle and its latest number; none
/// if it can not be read.
pub(crate) fn examine(kind: Kind, bytes: &[u8], now_us: i64) -> Option<(bool, u64)> {
    fn of<M: Machine>(bytes: &[u8], now_us: i64) -> Option<(bool, u64)> {
        decode::<M>(bytes).map(|state| (state.is_idle(now_us), state.latest()))
    }
    match kind {
        Kind::Permits => of::<permits::Permits>(bytes, now_us),
        Kind::Bucket => of::<bucket::Bucket>(bytes, now_us),
        Kind::Window => of::<window::Window>(bytes, now_us),
        Kind::Average => of::<tally::Average>(bytes, now_us),
        Kind::Counter => of::<tally::Counter>(bytes, now_us),
        Kind::Barrier => of::<barrier::Barrier>(bytes, now_us),
        Kind::Once => of::<once::Once>(bytes, now_us),
        Kind::Vacancy => of::<vacancy::Vacancy>(bytes, now_us),
    }
}

/// Refuses a name that can not be.
pub(crate) fn check_name(kind: Kind, name: &str) -> Result<()> {
    if name.is_empty() || name.contains('\0') {
        return Err(Error::InvalidArgument(format!("{} needs a name that is not empty and has no NUL", kind.noun())));
    }
    if name.len() > NAME_LIMIT {
        let what = format!("the name of {}", kind.noun());
        return Err(Error::TooLarge { what, size: name.len() as u64, limit: NAME_LIMIT as u64 });
    }
    Ok(())
}

/// Refuses a lease that can not be.
pub(crate) fn check_lease(lease_ms: u32) -> Result<()> {
    if lease_ms == 0 || lease_ms > LEASE_LIMIT_MS {
        return Err(Error::InvalidArgument(format!(
            "a lease of {lease_ms} ms; it lasts at least 1 ms and at most {LEASE_LIMIT_MS}"
        )));
    }
    Ok(())
}
