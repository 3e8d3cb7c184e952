//! How long operations took, in nanoseconds.

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::workload::Kind;

/// Times of one kind of operation.
pub(crate) struct Series(Histogram<u64>);

/// Times of many operations of each kind.
pub(crate) struct Samples([Series; 3]);

/// The same as a worker prints it: how often each time was measured.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) get: Vec<(u64, u64)>,
    pub(crate) set: Vec<(u64, u64)>,
    pub(crate) delete: Vec<(u64, u64)>,
}

/// The figures that are shown, in nanoseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
}

impl Series {
    /// None yet.
    pub(crate) fn new() -> Result<Self> {
        // Three digits tell differences of a thousandth apart.
        Histogram::new(3).map(Self).context("a histogram can not be made")
    }

    /// Adds one.
    pub(crate) fn record(&mut self, nanoseconds: u64) -> Result<()> {
        self.0.record(nanoseconds.max(1)).context("a time can not be recorded")
    }

    /// Adds all that a worker has measured.
    pub(crate) fn add(&mut self, times: &[(u64, u64)]) -> Result<()> {
        for (nanoseconds, count) in times {
            self.0.record_n((*nanoseconds).max(1), *count)?;
        }
        Ok(())
    }

    /// What is printed of it.
    pub(crate) fn tally(&self) -> Vec<(u64, u64)> {
        self.0.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
    }

    /// The figures.
    pub(crate) fn quantiles(&self) -> Quantiles {
        let at = |quantile| self.0.value_at_quantile(quantile);
        Quantiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: self.0.max() }
    }
}

impl Samples {
    /// None yet.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self([Series::new()?, Series::new()?, Series::new()?]))
    }

    /// Adds one.
    pub(crate) fn record(&mut self, kind: Kind, nanoseconds: u64) -> Result<()> {
        self.series_mut(kind).record(nanoseconds)
    }

    /// Adds all that a worker has measured.
    pub(crate) fn add(&mut self, tally: &Tally) -> Result<()> {
        for (kind, times) in Kind::ALL.into_iter().zip([&tally.get, &tally.set, &tally.delete]) {
            self.series_mut(kind).add(times)?;
        }
        Ok(())
    }

    /// What is printed of it.
    pub(crate) fn tally(&self) -> Tally {
        let [get, set, delete] = &self.0;
        Tally { get: get.tally(), set: set.tally(), delete: delete.tally() }
    }

    /// The figures of one kind of operation.
    pub(crate) fn quantiles(&self, kind: Kind) -> Quantiles {
        let [get, set, delete] = &self.0;
        match kind {
            Kind::Get => get,
            Kind::Set => set,
            Kind::Delete => delete,
        }
        .quantiles()
    }

    fn series_mut(&mut self, kind: Kind) -> &mut Series {
        let [get, set, delete] = &mut self.0;
        match kind {
            Kind::Get => get,
            Kind::Set => set,
            Kind::Delete => delete,
        }
    }
}

/// The one in the middle.
pub(crate) fn median<T: Copy + Ord>(mut times: Vec<T>) -> Result<T> {
    times.sort_unstable();
    times.get(times.len() / 2).copied().context("nothing was measured")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_worker_prints_gives_the_same_figures() {
        let mut measured = Samples::new().unwrap();
        for nanoseconds in 1..=1000 {
            measured.record(Kind::Set, nanoseconds * 100).unwrap();
        }
        let printed = serde_json::to_string(&measured.tally()).unwrap();
        let mut read = Samples::new().unwrap();
        read.add(&serde_json::from_str(&printed).unwrap()).unwrap();

        let quantiles = read.quantiles(Kind::Set);
        assert!(quantiles.p50.abs_diff(50_000) < 100, "{quantiles:?}");
        assert!(quantiles.p99.abs_diff(99_000) < 200, "{quantiles:?}");
        assert_eq!(quantiles.max, measured.quantiles(Kind::Set).max);
    }
}
