//! When entries are live.

use crate::error::{Error, Result};
use crate::options::Expiry;

/// How far the wall clock may step back without entries being taken for expired, in milliseconds.
pub(crate) const CLOCK_TOLERANCE_MS: i64 = 1_000;

/// SQL condition for a row of `entry` that is live at the wall time `?1`; [`Lifetime::is_live`].
pub(crate) const LIVE: &str = "(expires IS NULL OR (expires > ?1 AND expires - ?1 <= ttl + 1000))";

/// The columns that say when an entry ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Lifetime {
    /// The first millisecond since the epoch at which it is no longer live.
    pub(crate) expires: Option<i64>,
    /// The time to live `expires` was computed from, in milliseconds.
    pub(crate) ttl: Option<i64>,
    /// Whether a hit starts it anew.
    pub(crate) sliding: bool,
}

impl Lifetime {
    /// The lifetime of an entry stored at `now`.
    pub(crate) fn starting(now: i64, expiry: Expiry, default_ttl: Option<u64>, sliding: bool) -> Result<Self> {
        let ttl = match expiry {
            Expiry::Never => None,
            Expiry::Default => default_ttl,
            Expiry::After(ttl) => Some(ttl),
        };
        let Some(ttl) = ttl else { return Ok(Self::default()) };
        let overflow = || Error::Overflow(format!("a time to live of {ttl} ms ends beyond the calendar"));
        let ttl = i64::try_from(ttl).map_err(|_| overflow())?;
        let expires = now.checked_add(ttl).ok_or_else(overflow)?;
        Ok(Self { expires: Some(expires), ttl: Some(ttl), sliding })
    }

    /// Whether the entry is found at `now`.
    ///
    /// The time that is left can never exceed the time to live. If it does, the clock was set
    /// back since, nobody knows by how much, and the entry counts as expired.
    pub(crate) fn is_live(&self, now: i64) -> bool {
        match (self.expires, self.ttl) {
            (None, _) => true,
            (Some(expires), ttl) => {
                let left = expires.saturating_sub(now);
                left > 0 && left <= ttl.unwrap_or(0).saturating_add(CLOCK_TOLERANCE_MS)
            }
        }
    }

    /// The new expiry time after a hit at `now`, if the entry slides and it is worth a write: an
    /// eighth of the time to live has passed since it was last written.
    pub(crate) fn slide(&self, now: i64) -> Option<i64> {
        let (true, Some(expires), Some(ttl)) = (self.sliding, self.expires, self.ttl) else { return None };
        let slid = now.checked_add(ttl)?;
        (slid.saturating_sub(expires) > ttl / 8).then_some(slid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(now: i64, ttl: u64) -> Lifetime {
        Lifetime::starting(now, Expiry::After(ttl), None, false).unwrap()
    }

    #[test]
    fn an_entry_is_absent_from_its_expiry_time_on() {
        let lifetime = after(1_000, 50);
        assert!(lifetime.is_live(1_049));
        assert!(!lifetime.is_live(1_050));
        assert!(!after(1_000, 0).is_live(1_000));
    }

    #[test]
    fn an_entry_without_expiry_outlives_every_clock() {
        let lifetime = Lifetime::starting(1_000, Expiry::Default, None, false).unwrap();
        assert!(lifetime.is_live(i64::MAX) && lifetime.is_live(0));
    }

    #[test]
    fn a_clock_set_back_never_prolongs_a_life() {
        let lifetime = after(100_000, 50);
        assert!(lifetime.is_live(100_000 - CLOCK_TOLERANCE_MS));
        assert!(!lifetime.is_live(100_000 - CLOCK_TOLERANCE_MS - 1));
    }

    #[test]
    fn endless_times_to_live_are_refused() {
        assert!(matches!(Lifetime::starting(1, Expiry::After(u64::MAX), None, false), Err(Error::Overflow(_))));
        assert!(matches!(Lifetime::starting(1, Expiry::After(i64::MAX as u64), None, false), Err(Error::Overflow(_))));
    }

    #[test]
    fn sliding_writes_only_after_an_eighth_of_the_time_to_live() {
        let lifetime = Lifetime { sliding: true, ..after(0, 800) };
        assert_eq!(lifetime.slide(100), None);
        assert_eq!(lifetime.slide(101), Some(901));
        assert_eq!(after(0, 800).slide(700), None);
    }

    #[test]
    fn the_sql_condition_carries_the_same_tolerance() {
        assert!(LIVE.contains(&format!("ttl + {CLOCK_TOLERANCE_MS})")));
    }
}
