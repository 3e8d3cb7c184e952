//! How long calls took.

use std::time::{Duration, Instant};

/// How long each of many calls took.
#[derive(Default)]
pub(crate) struct Latencies {
    calls: Vec<Duration>,
}

impl Latencies {
    /// Runs a call and notes how long it took.
    pub(crate) fn measure<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let outcome = call();
        self.push(start.elapsed());
        outcome
    }

    /// Notes how long a call took.
    pub(crate) fn push(&mut self, call: Duration) {
        self.calls.push(call);
    }

    /// Adds those of another thread or process.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.calls.append(&mut other.calls);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// What `percent` of the calls took at most.
    pub(crate) fn percentile(&mut self, percent: usize) -> Duration {
        self.calls.sort_unstable();
        let rank = (self.calls.len() * percent).div_ceil(100).saturating_sub(1);
        self.calls.get(rank).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_calls_that_were_made() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile(50), Duration::ZERO);
        for milliseconds in (1..=200).rev() {
            latencies.push(Duration::from_millis(milliseconds));
        }
        assert_eq!(latencies.percentile(50), Duration::from_millis(100));
        assert_eq!(latencies.percentile(99), Duration::from_millis(198));
        assert_eq!(latencies.percentile(100), Duration::from_millis(200));
    }
}
