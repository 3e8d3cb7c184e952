//! A sliding window: never more than so many in any stretch of time as long as the window.

use serde::{Deserialize, Serialize};

use super::bucket::PERIOD_LIMIT_US;
use super::limit::{Limit, Verdict};
use super::timeline::Now;
use super::{Kind, Machine};

/// Most grants of a window: each is remembered for as long as it counts.
pub const WINDOW_LIMIT: u32 = 10_000;

/// The grants that still count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    count: u32,
    period_us: u64,
    /// When the latest was granted.
    latest_us: i64,
    /// Of each grant, oldest first, how long before the latest it was.
    ages: Vec<u64>,
}

impl Window {
    fn room(&self) -> u32 {
        self.count.saturating_sub(u32::try_from(self.ages.len()).unwrap_or(u32::MAX))
    }

    fn left(&self, age: u64) -> u64 {
        self.period_us.saturating_sub(age)
    }

    /// Lets time pass and forgets what no longer counts. A clock that was set back has stood still.
    fn move_to(&mut self, now_us: i64) {
        let passed = u64::try_from(now_us.saturating_sub(self.latest_us)).unwrap_or(0);
        self.ages.iter_mut().for_each(|age| *age = age.saturating_add(passed));
        let over = self.ages.iter().take_while(|age| **age >= self.period_us).count();
        self.ages.drain(..over);
        self.latest_us = now_us;
    }
}

impl Limit for Window {
    fn new(count: u32, period_us: u64, now_us: i64) -> Self {
        Self { count, period_us, latest_us: now_us, ages: Vec::new() }
    }

    fn terms(&self) -> (u32, u64) {
        (self.count, self.period_us)
    }

    fn dated_us(&self) -> i64 {
        self.latest_us
    }

    fn take(&mut self, amount: u32, now: Now) -> Verdict {
        let now_us = now.us;
        self.latest_us = now.of_change(self.latest_us);
        let mut moved = self.clone();
        moved.move_to(now_us);
        let room = moved.room();
        let granted = amount <= room;
        // Once the one that is in the way is out of the window, it can be had.
        let in_the_way = (amount - room.min(amount)) as usize;
        let obstacle = in_the_way.checked_sub(1).and_then(|place| moved.ages.get(place));
        let retry_us = obstacle.map_or(0, |age| moved.left(*age));
        if granted {
            moved.ages.resize(moved.ages.len() + amount as usize, 0);
        }
        let reset_us = moved.ages.last().map_or(0, |age| moved.left(*age));
        let verdict = Verdict { granted, remaining: moved.room(), retry_us, reset_us };
        if granted || now_us < self.latest_us {
            *self = moved;
        }
        verdict
    }
}

impl Machine for Window {
    const KIND: Kind = Kind::Window;

    fn is_sound(&self) -> bool {
        (1..=WINDOW_LIMIT).contains(&self.count)
            && (1..=PERIOD_LIMIT_US).contains(&self.period_us)
            && self.ages.len() <= self.count as usize
            && self.ages.is_sorted_by(|older, newer| older >= newer)
    }

    fn is_idle(&self, now_us: i64) -> bool {
        let passed = u64::try_from(now_us.saturating_sub(self.latest_us)).unwrap_or(0);
        self.ages.last().is_none_or(|age| age.saturating_add(passed) >= self.period_us)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_granted_counts_for_a_whole_window() {
        let mut window = Window::new(2, 1_000, 0);
        assert!(window.take(1, Now::at(0)).granted);
        assert!(window.take(1, Now::at(400)).granted);
        assert_eq!(
            window.take(1, Now::at(500)),
            Verdict { granted: false, remaining: 0, retry_us: 500, reset_us: 900 }
        );
        assert!(!window.take(1, Now::at(999)).granted);
        assert!(window.take(1, Now::at(1_000)).granted);
        assert_eq!(window.take(2, Now::at(1_000)).retry_us, 1_000, "for two, the last one has to be out, too");
    }

    #[test]
    fn a_clock_that_is_set_back_gives_nothing_and_starves_nobody() {
        let mut window = Window::new(1, 1_000, 1_000_000);
        assert!(window.take(1, Now::at(1_000_000)).granted);
        assert_eq!(window.take(1, Now::at(10)).retry_us, 1_000);
        assert!(window.take(1, Now::at(1_010)).granted);
    }

    proptest! {
        #[test]
        fn no_window_ever_has_more_than_the_limit(
            count in 1_u32..8, period in 1_u64..3_000,
            steps in prop::collection::vec((-300_i64..900, 1_u32..3), 1..300)
        ) {
            let mut window = Window::new(count, period, 0);
            // The wall clock goes back now and then; the true time does not.
            let (mut wall, mut time, mut granted) = (0_i64, 0_i64, Vec::new());
            for (step, amount) in steps {
                wall += step;
                time += step.max(0);
                let amount = amount.min(count);
                let verdict = window.take(amount, Now::at(wall));
                if verdict.granted {
                    granted.extend(std::iter::repeat_n(time, amount as usize));
                } else {
                    let retry = i64::try_from(verdict.retry_us).unwrap();
                    prop_assert!(!window.clone().take(amount, Now::at(wall + retry - 1)).granted);
                    prop_assert!(window.clone().take(amount, Now::at(wall + retry)).granted);
                }
                prop_assert!(window.is_sound());
            }
            for pair in granted.windows(count as usize + 1) {
                prop_assert!(pair[count as usize] - pair[0] >= i64::try_from(period).unwrap(), "{pair:?}");
            }
        }
    }
}
