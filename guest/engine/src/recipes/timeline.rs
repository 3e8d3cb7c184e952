//! A clock for limits: it goes on where the wall clock jumps.
//!
//! Limits are counted in wall time, since nothing else is common to all processes and outlives them.
//! A wall clock that was set back is taken to have stood still since the record was last changed, so
//! nothing is granted twice. One that was set forward is not believed by a handle that has used the
//! record before: its own monotonic clock says how much time can have passed at most.

use std::collections::HashMap;

use super::Kind;

/// Most names a handle remembers the time of.
const KNOWN: usize = 1024;
/// How much later than the monotonic clock tells it may be, since that counts whole milliseconds.
const GRAIN_US: i64 = 1_000;

/// What a handle knows of the time.
#[derive(Debug, Default)]
pub(crate) struct Timelines(HashMap<(Kind, String), Known>);

/// Wall and monotonic time of one moment.
#[derive(Debug, Clone, Copy)]
struct Known {
    wall_us: i64,
    monotonic_ms: u64,
}

impl Timelines {
    /// The time for a record, in microseconds since the Unix epoch.
    pub(crate) fn now(&mut self, kind: Kind, name: &str, wall_us: i64, monotonic_ms: u64) -> i64 {
        let place = (kind, name.to_owned());
        if self.0.len() >= KNOWN && !self.0.contains_key(&place) {
            self.0.clear();
        }
        let this = Known { wall_us, monotonic_ms };
        let known = self.0.entry(place).or_insert(this);
        if wall_us < known.wall_us {
            *known = this;
        }
        let passed = i64::try_from(monotonic_ms.saturating_sub(known.monotonic_ms)).unwrap_or(i64::MAX);
        wall_us.min(known.wall_us.saturating_add(passed.saturating_mul(1_000)).saturating_add(GRAIN_US))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_forward_is_not_believed_and_one_that_is_set_back_is_followed() {
        let mut times = Timelines::default();
        let mut now = |wall_ms: i64, monotonic| times.now(Kind::Bucket, "a", wall_ms * 1_000, monotonic);
        assert_eq!(now(10_000, 500), 10_000_000);
        assert_eq!(now(10_020, 520), 10_020_000);
        assert_eq!(now(99_000, 540), 10_041_000, "20 ms later and one of grain");
        assert_eq!(now(8_000, 560), 8_000_000);
        assert_eq!(now(8_010, 570), 8_010_000);
    }
}
