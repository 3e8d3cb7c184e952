//! A token bucket: so many per period on average, and as many at once.
//!
//! The level is counted in parts of a token, one for each microsecond of the period, so that refilling
//! never rounds: a microsecond brings as many parts as there are tokens in a period.

use serde::{Deserialize, Serialize};

use super::limit::{Limit, Verdict};
use super::timeline::Now;
use super::{Kind, Machine};

/// Most tokens of a bucket.
pub const RATE_LIMIT: u32 = 1_000_000_000;
/// Longest period in microseconds: ten years.
pub(crate) const PERIOD_LIMIT_US: u64 = 10 * 365 * 24 * 60 * 60 * 1_000_000;

/// How full a bucket was at some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bucket {
    count: u32,
    period_us: u64,
    /// Parts of tokens; a token has as many as the period has microseconds.
    level: u128,
    at_us: i64,
}

impl Bucket {
    /// How long it takes until so many parts have come.
    fn time_for(&self, parts: u128) -> u64 {
        u64::try_from(parts.div_ceil(u128::from(self.count))).unwrap_or(u64::MAX)
    }

    /// A clock that was set back has stood still.
    fn level_at(&self, now_us: i64) -> u128 {
        let passed = u64::try_from(now_us.saturating_sub(self.at_us)).unwrap_or(0);
        (self.level + u128::from(passed) * u128::from(self.count)).min(self.full())
    }

    fn full(&self) -> u128 {
        u128::from(self.count) * u128::from(self.period_us)
    }
}

impl Limit for Bucket {
    fn new(count: u32, period_us: u64, now_us: i64) -> Self {
        Self { count, period_us, level: u128::from(count) * u128::from(period_us), at_us: now_us }
    }

    fn terms(&self) -> (u32, u64) {
        (self.count, self.period_us)
    }

    fn dated_us(&self) -> i64 {
        self.at_us
    }

    fn take(&mut self, amount: u32, now: Now) -> Verdict {
        let now_us = now.us;
        self.at_us = now.of_change(self.at_us);
        let level = self.level_at(now_us);
        let wanted = u128::from(amount) * u128::from(self.period_us);
        let granted = wanted <= level;
        let left = if granted { level - wanted } else { level };
        if granted || now_us < self.at_us {
            (self.level, self.at_us) = (left, now_us);
        }
        Verdict {
            granted,
            remaining: u32::try_from(left / u128::from(self.period_us)).unwrap_or(u32::MAX),
            retry_us: self.time_for(wanted.saturating_sub(level)),
            reset_us: self.time_for(self.full() - left),
        }
    }
}

impl Machine for Bucket {
    const KIND: Kind = Kind::Bucket;

    fn is_sound(&self) -> bool {
        (1..=RATE_LIMIT).contains(&self.count)
            && (1..=PERIOD_LIMIT_US).contains(&self.period_us)
            && self.level <= self.full()
    }

    fn is_idle(&self, now_us: i64) -> bool {
        self.level_at(now_us) == self.full()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn a_full_bucket_gives_all_at_once_and_then_one_by_one() {
        let mut bucket = Bucket::new(10, SECOND, 0);
        assert!((0..10).all(|_| bucket.take(1, Now::at(0)).granted));
        let refused = bucket.take(1, Now::at(0));
        assert_eq!(refused, Verdict { granted: false, remaining: 0, retry_us: 100_000, reset_us: 1_000_000 });
        assert!(!bucket.take(1, Now::at(99_999)).granted);
        assert!(bucket.take(1, Now::at(100_000)).granted);
        assert!(!bucket.take(2, Now::at(299_999)).granted);
        assert!(bucket.take(2, Now::at(300_000)).granted);
    }

    #[test]
    fn a_clock_that_is_set_back_gives_nothing_and_starves_nobody() {
        let mut bucket = Bucket::new(1, SECOND, 1_000_000_000);
        assert!(bucket.take(1, Now::at(1_000_000_000)).granted);
        assert!(!bucket.take(1, Now::at(5)).granted);
        assert_eq!(bucket.take(1, Now::at(5)).retry_us, SECOND);
        assert!(bucket.take(1, Now::at(5 + 1_000_000)).granted, "a second later by the new time");
    }

    #[test]
    fn a_bucket_that_has_filled_up_is_as_good_as_none() {
        let mut bucket = Bucket::new(3, SECOND, 0);
        assert!(bucket.is_idle(0));
        bucket.take(1, Now::at(0));
        assert!(!bucket.is_idle(333_333));
        assert!(bucket.is_idle(333_334));
    }

    proptest! {
        /// In a stretch of time as many can be had as the bucket holds and as flow in, however it is
        /// asked for.
        #[test]
        fn never_more_than_the_bucket_and_what_flows_in(
            count in 1_u32..20, period in 1_u64..5_000, steps in prop::collection::vec((0_u16..2_000, 1_u32..4), 1..200)
        ) {
            let mut bucket = Bucket::new(count, period, 0);
            let (mut now, mut granted) = (0_i64, Vec::new());
            for (wait, amount) in steps {
                now += i64::from(wait);
                let amount = amount.min(count);
                let verdict = bucket.take(amount, Now::at(now));
                if verdict.granted {
                    granted.push((now, amount));
                } else {
                    let mut earlier = bucket.clone();
                    let retry = i64::try_from(verdict.retry_us).unwrap();
                    prop_assert!(!earlier.take(amount, Now::at(now + retry - 1)).granted);
                    prop_assert!(bucket.clone().take(amount, Now::at(now + retry)).granted);
                }
                prop_assert!(bucket.is_sound());
            }
            for (place, (start, _)) in granted.iter().enumerate() {
                let mut sum = 0_u64;
                for (at, amount) in &granted[place..] {
                    sum += u64::from(*amount);
                    let flowed = u64::try_from(at - start).unwrap() * u64::from(count) / period;
                    prop_assert!(sum <= u64::from(count) + flowed + 1, "{sum} from {start} to {at}");
                }
            }
        }
    }
}
