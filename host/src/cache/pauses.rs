//! Waiting between two looks.

use std::time::{Duration, Instant};

/// Shortest and longest pause between two looks.
const PAUSES: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(2));
/// How much longer those pause who have others in front of them.
const MOST_AHEAD: u32 = 8;

/// The pauses of a wait, which get longer.
#[derive(Debug)]
pub(super) struct Pauses {
    /// None for as long as it takes.
    deadline: Option<Instant>,
    next: Duration,
}

impl Pauses {
    /// A wait that begins now, at most so long; none for ever.
    pub(super) fn begin(wait: Option<Duration>) -> Self {
        let now = Instant::now();
        Self { deadline: wait.and_then(|wait| now.checked_add(wait)), next: PAUSES.0 }
    }

    /// How long to pause before the next look, with so many served first; none once the time is over.
    pub(super) fn next(&mut self, ahead: u32) -> Option<Duration> {
        let left = self.left();
        if left == Some(Duration::ZERO) {
            return None;
        }
        let pause = self.next * (ahead.min(MOST_AHEAD) + 1);
        self.next = (self.next * 2).min(PAUSES.1);
        Some(left.map_or(pause, |left| left.min(pause)))
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
        assert_eq!(Pauses::begin(Some(Duration::ZERO)).next(0), None);
    }
}
