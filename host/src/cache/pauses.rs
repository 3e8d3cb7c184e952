//! Waiting between two looks.

use std::time::{Duration, Instant};

/// Shortest and longest pause between two looks.
const PAUSES: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(2));
/// How much longer those pause who have others in front of them.
const MOST_AHEAD: u32 = 8;
/// How often a wait goes on after its end, to find out whether those are dead who are in the way: each time
/// for a third of their lease, in which they show it if they live.
const EXTENSIONS: u32 = 5;

/// The pauses of a wait, which get longer.
#[derive(Debug)]
pub(super) struct Pauses {
    /// None for as long as it takes.
    deadline: Option<Instant>,
    next: Duration,
    longest: Duration,
    extensions: u32,
    /// How many were served first when it was last asked.
    ahead: u32,
}

impl Pauses {
    /// A wait that begins now, at most so long; none for ever.
    pub(super) fn begin(wait: Option<Duration>) -> Self {
        let now = Instant::now();
        let deadline = wait.and_then(|wait| now.checked_add(wait));
        Self { deadline, next: PAUSES.0, longest: PAUSES.1 * (MOST_AHEAD + 1), extensions: 0, ahead: 0 }
    }

    /// With pauses that are short beside a lease, which looking renews.
    pub(super) fn within_lease(mut self, lease: Duration) -> Self {
        self.longest = self.longest.min(lease / 4);
        self
    }

    /// How long to pause before the next look, with so many served first; none once the time is over.
    pub(super) fn next(&mut self, ahead: u32) -> Option<Duration> {
        let left = self.left();
        if left == Some(Duration::ZERO) {
            return None;
        }
        if ahead < self.ahead {
            // The line moves: its turn comes soon.
            self.next = PAUSES.0;
        }
        self.ahead = ahead;
        let pause = (self.next * (ahead.min(MOST_AHEAD) + 1)).min(self.longest);
        self.next = (self.next * 2).min(PAUSES.1);
        Some(left.map_or(pause, |left| left.min(pause)))
    }

    /// How long to pause although the time is over, because somebody with this lease may be dead; none if
    /// nobody is suspected of it, or that should be known by now.
    pub(super) fn resume(&mut self, doubt: Duration, ahead: u32) -> Option<Duration> {
        if doubt.is_zero() || self.extensions >= EXTENSIONS {
            return None;
        }
        self.extensions += 1;
        self.deadline = Instant::now().checked_add(doubt / 3);
        self.next(ahead)
    }

    /// How much time is left; none if it has no end.
    pub(super) fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_end_with_the_wait() {
        let mut pauses = Pauses::begin(None);
        let all: Vec<Duration> = (0..10).filter_map(|_| pauses.next(0)).collect();
        assert_eq!(all.first(), Some(&PAUSES.0));
        assert_eq!(all.last(), Some(&PAUSES.1));
        assert!(all.is_sorted());
        assert_eq!(pauses.next(1_000), Some(PAUSES.1 * (MOST_AHEAD + 1)));
        assert_eq!(pauses.next(0), Some(PAUSES.0), "the line moves");
        assert_eq!(Pauses::begin(Some(Duration::ZERO)).next(0), None);
        let mut short = Pauses::begin(None).within_lease(Duration::from_millis(4));
        assert!((0..10).all(|_| short.next(9).is_some_and(|pause| pause <= Duration::from_millis(1))));
    }

    #[test]
    fn a_wait_goes_on_as_long_as_it_takes_to_find_out_who_is_dead() {
        let mut pauses = Pauses::begin(Some(Duration::ZERO));
        assert_eq!(pauses.resume(Duration::ZERO, 0), None);
        for _ in 0..EXTENSIONS {
            assert!(pauses.resume(Duration::from_mins(1), 0).is_some());
        }
        assert_eq!(pauses.resume(Duration::from_mins(1), 0), None);
    }
}
