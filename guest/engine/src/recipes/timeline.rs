//! Time for limits: that of the wall clock, as far as it can be believed.
//!
//! Limits are counted in wall time, since nothing else is common to all processes and outlives them.
//! A wall clock that was set back is taken to have stood still since the record was last changed, so
//! nothing is granted twice. One that was set forward is not believed by a handle that has used the
//! record before: no more time can have passed since then than its own monotonic clock tells. It then
//! dates the record anew, so that all other handles, too, find as much time passed as there was.

use std::collections::HashMap;

use super::Kind;

/// Most names a handle remembers the time of.
const KNOWN: usize = 1024;
/// How much later than the monotonic clock tells it may be, since that counts whole milliseconds.
const GRAIN_US: i64 = 1_000;
/// How long after the date it is given a change may be seen by others, at most: whoever makes it may be kept
/// from it for a moment once it knows the time.
const DELAY_US: i64 = 1_000_000;

/// What a handle knows of the time.
#[derive(Debug, Default)]
pub(crate) struct Timelines(HashMap<(Kind, String), Known>);

/// How a record was dated when this handle last used it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    /// The date of the record.
    dated_us: i64,
    /// What the time was then, by both clocks.
    wall_us: i64,
    monotonic_ms: u64,
}

/// What the time is for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    /// By the wall clock, in microseconds since the Unix epoch.
    pub(crate) us: i64,
    known: Option<Known>,
    passed_us: i64,
}

impl Now {
    /// The time by the wall clock, which is believed.
    #[cfg(test)]
    pub(crate) fn at(us: i64) -> Self {
        Self { us, known: None, passed_us: 0 }
    }

    /// When a record was changed that bears a date, by what the clock says now.
    pub(crate) fn of_change(self, dated_us: i64) -> i64 {
        let Some(known) = self.known else { return dated_us };
        let before_us = known.wall_us.saturating_sub(dated_us).max(0);
        // If the date is another, it was changed since, or was about to be.
        let before_us = if dated_us == known.dated_us { before_us } else { before_us.min(DELAY_US) };
        let most_us = self.passed_us.saturating_add(before_us).saturating_add(GRAIN_US);
        dated_us.max(self.us.saturating_sub(most_us))
    }
}

impl Timelines {
    /// The time for a record. The monotonic clock is to be looked at after the wall clock.
    pub(crate) fn now(&self, kind: Kind, name: &str, wall_us: i64, monotonic_ms: u64) -> Now {
        let known = self.0.get(&(kind, name.to_owned())).copied();
        let passed = known.map_or(0, |known| monotonic_ms.saturating_sub(known.monotonic_ms));
        let passed_us = i64::try_from(passed).unwrap_or(i64::MAX).saturating_mul(1_000);
        Now { us: wall_us, known, passed_us }
    }

    /// Takes note of the date that a record has, now that this handle has used it. The monotonic clock is
    /// to have been looked at before the wall clock.
    pub(crate) fn note(&mut self, kind: Kind, name: &str, dated_us: i64, now: Now, monotonic_ms: u64) {
        let place = (kind, name.to_owned());
        if self.0.len() >= KNOWN && !self.0.contains_key(&place) {
            self.0.clear();
        }
        self.0.insert(place, Known { dated_us, wall_us: now.us, monotonic_ms });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_time_has_passed_than_the_monotonic_clock_tells() {
        let mut times = Timelines::default();
        let now = |times: &Timelines, wall_ms: i64, monotonic| times.now(Kind::Bucket, "a", wall_ms * 1_000, monotonic);
        let first = now(&times, 10_000, 500);
        assert_eq!(first.of_change(4_000_000), 4_000_000, "nothing is known");
        times.note(Kind::Bucket, "a", 4_000_000, first, 500);
        let second = now(&times, 10_020, 520);
        assert_eq!(second.of_change(4_000_000), 4_000_000);
        assert_eq!(second.of_change(10_015_000), 10_015_000, "by somebody else, 5 ms ago");
        let leapt = now(&times, 99_000, 520);
        assert_eq!(leapt.of_change(4_000_000), 99_000_000 - 6_021_000, "6 s before, 20 ms since, one of grain");
        assert_eq!(leapt.of_change(8_000_000), 99_000_000 - 1_021_000, "by somebody else, since");
        assert_eq!(leapt.of_change(98_999_000), 98_999_000, "after the leap");
        assert_eq!(now(&times, 1_000, 520).of_change(4_000_000), 4_000_000, "the future is not for this to judge");
    }

    #[test]
    fn what_is_granted_by_one_who_is_kept_waiting_costs_nobody_time() {
        let mut times = Timelines::default();
        let now = |times: &Timelines, wall_ms: i64, monotonic| times.now(Kind::Window, "a", wall_ms * 1_000, monotonic);
        // Another was about to change it, and had looked at the clock 30 ms ago.
        times.note(Kind::Window, "a", 9_800_000, now(&times, 10_000, 500), 500);
        let next = now(&times, 10_015, 515);
        assert_eq!(next.of_change(9_970_000), 9_970_000);
    }
}
