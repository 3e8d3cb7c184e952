//! Whether the figures are what was set out to be reached.

use serde::Serialize;

use super::{Report, as_float, mebibytes, microseconds};
use crate::maintenance::Maintenance;
use crate::samples::Quantiles;
use crate::singles::Single;
use crate::start::Starts;
use crate::subjects::Subject;
use crate::workload::Kind;

/// Something to be reached.
#[derive(Debug, Serialize)]
pub(super) struct Target {
    pub(super) what: String,
    pub(super) unit: &'static str,
    pub(super) at_most: f64,
    /// None if it could not be measured.
    pub(super) measured: Option<f64>,
    pub(super) verdict: &'static str,
}

fn target(what: impl Into<String>, unit: &'static str, at_most: f64, measured: Option<f64>) -> Target {
    let verdict = match measured {
        None => "not measured",
        Some(measured) if measured <= at_most => "reached",
        Some(_) => "missed",
    };
    Target { what: what.into(), unit, at_most, measured, verdict }
}

impl Report {
    /// The targets of all parts that were measured.
    pub(super) fn targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        if !self.contests.is_empty() {
            targets.extend(self.operation_targets());
        }
        if let Some(starts) = &self.starts {
            targets.extend(start_targets(starts));
        }
        if let Some(idle_bytes) = self.idle_bytes {
            targets.push(target("memory of an idle instance", "MiB", 8.0, Some(mebibytes(idle_bytes))));
        }
        if let Some(maintenance) = &self.maintenance {
            targets.extend(maintenance_targets(maintenance));
        }
        targets.extend(self.queues.iter().map(|single| single_target(single, 1.0 / 3.0)));
        targets.extend(self.locks.iter().map(|single| single_target(single, 0.2)));
        targets.extend(self.deques.iter().map(|single| single_target(single, 0.01)));
        targets
    }

    fn operation_targets(&self) -> Vec<Target> {
        let figure = |processes, subject, kind, of: fn(Quantiles) -> u64| {
            Some(microseconds(of(self.outcome(processes, subject)?.quantiles(kind))))
        };
        let p50 = |subject, kind| figure(1, subject, kind, |quantiles| quantiles.p50);
        let p99 = |processes, subject, kind| figure(processes, subject, kind, |quantiles| quantiles.p99);
        let ratio = |kind| Some(p50(Subject::Larder, kind)? / p50(Subject::Diskcache, kind)?);
        let crowded = || Some(p99(2, Subject::Larder, Kind::Set)? / p99(2, Subject::Diskcache, Kind::Set)?);
        vec![
            target("get, p50", "µs", 4.5, p50(Subject::Larder, Kind::Get)),
            target("set, p50", "µs", 8.0, p50(Subject::Larder, Kind::Set)),
            target("delete, p50", "µs", 8.0, p50(Subject::Larder, Kind::Delete)),
            target("set, p99", "µs", 60.0, p99(1, Subject::Larder, Kind::Set)),
            target("delete, p99", "µs", 60.0, p99(1, Subject::Larder, Kind::Delete)),
            target("get, of python-diskcache's", "×", 1.0, ratio(Kind::Get)),
            target("set, of python-diskcache's", "×", 0.5, ratio(Kind::Set)),
            target("set, p99 of 2 processes, of python-diskcache's", "×", 0.1, crowded()),
            target("get, p50, exclusive", "µs", 0.5, p50(Subject::LarderExclusive, Kind::Get)),
            target("set, p50, exclusive", "µs", 3.0, p50(Subject::LarderExclusive, Kind::Set)),
        ]
    }
}

fn start_targets(starts: &Starts) -> [Target; 2] {
    let milliseconds = |microseconds| as_float(microseconds) / 1e3;
    let command = starts.command.map(|(_, median)| milliseconds(median));
    [
        target("from opening to the first value, median", "ms", 3.0, Some(milliseconds(starts.later_us))),
        target("`larder get`, median", "ms", 25.0, command),
    ]
}

fn maintenance_targets(maintenance: &Maintenance) -> [Target; 3] {
    let of = |subject| maintenance.results.iter().find(|upkeep| upkeep.subject == subject);
    let (larder, reference) = (of(Subject::Larder), of(Subject::Diskcache));
    let growth = larder.and_then(|upkeep| match upkeep.keys.as_slice() {
        [(_, few), (_, many)] => Some(many / few),
        _ => None,
    });
    let pair = larder.zip(reference);
    let ratio = |ours: u64, theirs: u64| microseconds(ours) / microseconds(theirs);
    [
        target("a key of many, of one of few", "×", 1.5, growth),
        target("evict, of python-diskcache's", "×", 0.2, pair.map(|(ours, theirs)| ratio(ours.evict, theirs.evict))),
        target("clear, of python-diskcache's", "×", 0.2, pair.map(|(ours, theirs)| ratio(ours.clear, theirs.clear))),
    ]
}

/// That an operation takes no more than this part of what it takes python-diskcache.
fn single_target(single: &Single, at_most: f64) -> Target {
    let p50 = |subject| single.of(subject).map(|quantiles| microseconds(quantiles.p50));
    let ratio = p50(Subject::Larder).zip(p50(Subject::Diskcache)).map(|(ours, theirs)| ours / theirs);
    target(format!("{}, of python-diskcache's", single.operation), "×", at_most, ratio)
}
