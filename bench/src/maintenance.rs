//! Work on a whole cache, beside python-diskcache with its tag index: enumerating keys, evicting a tag,
//! clearing.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::contest::Effort;
use crate::process::{Worker, available, settle};
use crate::samples::median;
use crate::subjects::Subject;
use crate::tasks::Timed;

/// Entries in the cache that the one with many is compared with.
const FEW: u64 = 10_000;

/// The outcome of tasks on a whole cache.
#[derive(Serialize)]
pub(crate) struct Maintenance {
    /// Entries that were cleared; a tenth of them bears the tag.
    pub(crate) entries: u64,
    pub(crate) results: Vec<Upkeep>,
}

/// The outcome of one subject.
#[derive(Serialize)]
pub(crate) struct Upkeep {
    pub(crate) subject: Subject,
    /// How many keys were enumerated in their order, and the nanoseconds for each.
    pub(crate) keys: Vec<(u64, f64)>,
    /// Nanoseconds for evicting the tag: the median.
    pub(crate) evict: u64,
    /// The same with the removal of what evicting leaves to later changes.
    pub(crate) evict_and_sweep: u64,
    /// Nanoseconds for clearing: the median.
    pub(crate) clear: u64,
}

/// Measures enumerating, evicting and clearing.
pub(crate) fn measure(scratch: &Path, effort: Effort) -> Result<Maintenance> {
    let mut results = Vec::new();
    for subject in available(scratch) {
        let keys = enumerate(scratch, subject, effort)?;
        results.push(Upkeep { subject, keys, evict: 0, evict_and_sweep: 0, clear: 0 });
    }
    let mut times: Vec<[Vec<u64>; 3]> = results.iter().map(|_| Default::default()).collect();
    for round in 0..effort.tasks {
        for (upkeep, [evict, evict_and_sweep, clear]) in results.iter().zip(&mut times) {
            let directory = scratch.join(format!("upkeep-{:?}-{round}", upkeep.subject));
            let mut worker = Worker::start_tasks(upkeep.subject, scratch, &directory)?;
            fill(&mut worker, effort)?;
            let evicted = whole(&worker.perform("evict", 0, effort.entries / 10)?)?;
            evict.push(evicted);
            // Nothing has expired, so this removes what evicting has left.
            evict_and_sweep.push(evicted + whole(&worker.perform("expire", 0, 0)?)?);
            fill(&mut worker, effort)?;
            clear.push(whole(&worker.perform("clear", 0, effort.entries)?)?);
        }
    }
    for (upkeep, [evict, evict_and_sweep, clear]) in results.iter_mut().zip(times) {
        upkeep.evict = median(evict)?;
        upkeep.evict_and_sweep = median(evict_and_sweep)?;
        upkeep.clear = median(clear)?;
    }
    Ok(Maintenance { entries: effort.entries, results })
}

fn fill(worker: &mut Worker, effort: Effort) -> Result<()> {
    worker.perform("fill", effort.entries, effort.entries)?;
    settle()
}

/// Nanoseconds for each key of a cache with few entries and of one with many, which for python-diskcache,
/// where the time grows with the square, are not quite as many.
fn enumerate(scratch: &Path, subject: Subject, effort: Effort) -> Result<Vec<(u64, f64)>> {
    let many = if subject == Subject::Diskcache { effort.entries } else { effort.entries * 10 };
    let mut workers = Vec::new();
    for count in [FEW, many] {
        let mut worker = Worker::start_tasks(subject, scratch, &scratch.join(format!("keys-{subject:?}-{count}")))?;
        worker.perform("fill", count, count)?;
        workers.push((count, worker, Vec::new()));
    }
    settle()?;
    for _ in 0..effort.tasks {
        for (count, worker, times) in &mut workers {
            // As many keys of both, so that what else the machine does hits both alike.
            let repetitions = if subject == Subject::Diskcache { 1 } else { many / *count };
            for _ in 0..repetitions {
                times.push(whole(&worker.perform("keys", 0, *count)?)?);
            }
        }
    }
    workers.into_iter().map(|(count, _, times)| Ok((count, per_entry(median(times)?, count)))).collect()
}

/// The time of a task that was measured as a whole.
fn whole(timed: &Timed) -> Result<u64> {
    timed.times.first().map(|(nanoseconds, _)| *nanoseconds).context("nothing was measured")
}

#[expect(clippy::cast_precision_loss, reason = "figures of three digits are shown")]
fn per_entry(nanoseconds: u64, count: u64) -> f64 {
    nanoseconds as f64 / count as f64
}
