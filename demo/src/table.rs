//! The table at the end.

use std::time::Duration;

use bytesize::ByteSize;

use crate::latencies::Latencies;

/// All calls of one operation.
pub(crate) struct Operation {
    /// Its name.
    pub(crate) name: &'static str,
    /// How long each call took.
    pub(crate) latencies: Latencies,
    /// How long all of them took together, side by side and with the work in between.
    pub(crate) elapsed: Duration,
}

/// What the demo has measured.
#[derive(Default)]
pub(crate) struct Measurements {
    /// Entries in the cache when it was fullest.
    pub(crate) entries: u64,
    /// Their volume in bytes.
    pub(crate) volume: u64,
    /// Reads that found something.
    pub(crate) hits: u64,
    /// Reads that found nothing.
    pub(crate) misses: u64,
    /// In the order in which they were begun.
    pub(crate) operations: Vec<Operation>,
}

impl Measurements {
    /// Counts the reads of a handle.
    pub(crate) fn count_reads(&mut self, statistics: &larder::Statistics) {
        self.hits += statistics.hits;
        self.misses += statistics.misses;
    }

    /// Prints the table.
    pub(crate) fn print(&mut self) {
        anstream::println!();
        anstream::println!("entries    {}", self.entries);
        anstream::println!("bytes      {} ({})", self.volume, ByteSize(self.volume));
        anstream::println!("hit ratio  {} ({} of {} reads)", self.hit_ratio(), self.hits, self.hits + self.misses);
        anstream::println!();
        anstream::println!("{:<12}{:>10}{:>14}{:>12}{:>12}", "operation", "calls", "per second", "p50", "p99");
        for operation in &mut self.operations {
            operation.print();
        }
        anstream::println!();
    }

    fn hit_ratio(&self) -> String {
        let tenths = (self.hits * 1000).checked_div(self.hits + self.misses);
        tenths.map_or_else(|| "-".to_owned(), |tenths| format!("{}.{} %", tenths / 10, tenths % 10))
    }
}

impl Operation {
    fn print(&mut self) {
        let (name, calls) = (self.name, self.latencies.len());
        let rate = (calls as u128 * 1_000_000).checked_div(self.elapsed.as_micros());
        let rate = rate.map_or_else(|| "-".to_owned(), |rate| rate.to_string());
        let (half, most) = (microseconds(self.latencies.percentile(50)), microseconds(self.latencies.percentile(99)));
        anstream::println!("{name:<12}{calls:>10}{rate:>14}{half:>12}{most:>12}");
    }
}

fn microseconds(duration: Duration) -> String {
    let tenths = duration.as_nanos().div_ceil(100);
    format!("{}.{} µs", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hit_ratio_is_in_tenths_of_a_percent() {
        let ratio = |hits, misses| Measurements { hits, misses, ..Measurements::default() }.hit_ratio();
        assert_eq!(ratio(0, 0), "-");
        assert_eq!(ratio(1, 2), "33.3 %");
        assert_eq!(ratio(5, 0), "100.0 %");
    }
}
