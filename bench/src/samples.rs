//! How long operations took, in nanoseconds.

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::workload::Kind;

/// Times of many operations of each kind.
pub(crate) struct Samples {
    get: Histogram<u64>,
    set: Histogram<u64>,
    delete: Histogram<u64>,
}

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

impl Samples {
    /// None yet.
    pub(crate) fn new() -> Result<Self> {
        // Three digits tell differences of a thousandth apart.
        let empty = || Histogram::new(3).context("a histogram can not be made");
        Ok(Self { get: empty()?, set: empty()?, delete: empty()? })
    }

    /// Adds one.
    pub(crate) fn record(&mut self, kind: Kind, nanoseconds: u64) -> Result<()> {
        self.histogram_mut(kind).record(nanoseconds.max(1)).context("a time can not be recorded")
    }

    /// Adds all that a worker has measured.
    pub(crate) fn add(&mut self, tally: &Tally) -> Result<()> {
        for (kind, times) in Kind::ALL.into_iter().zip([&tally.get, &tally.set, &tally.delete]) {
            for (nanoseconds, count) in times {
                self.histogram_mut(kind).record_n((*nanoseconds).max(1), *count)?;
            }
        }
        Ok(())
    }

    /// What is printed of it.
    pub(crate) fn tally(&self) -> Tally {
        let times = |histogram: &Histogram<u64>| {
            histogram.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
        };
        Tally { get: times(&self.get), set: times(&self.set), delete: times(&self.delete) }
    }

    /// The figures of one kind of operation.
    pub(crate) fn quantiles(&self, kind: Kind) -> Quantiles {
        let histogram = match kind {
            Kind::Get => &self.get,
            Kind::Set => &self.set,
            Kind::Delete => &self.delete,
        };
        Quantiles {
            p50: histogram.value_at_quantile(0.5),
            p90: histogram.value_at_quantile(0.9),
            p99: histogram.value_at_quantile(0.99),
            max: histogram.max(),
        }
    }

    fn histogram_mut(&mut self, kind: Kind) -> &mut Histogram<u64> {
        match kind {
            Kind::Get => &mut self.get,
            Kind::Set => &mut self.set,
            Kind::Delete => &mut self.delete,
        }
    }
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
