//! Operations on what is no key, each timed by itself, beside python-diskcache: pushing to and pulling
//! from a queue, taking and releasing a lock, reading the middle of a deque.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::contest::Effort;
use crate::process::{Worker, available};
use crate::samples::{Quantiles, Series};
use crate::subjects::Subject;

/// Operations in one go, and how many of those that python-diskcache takes milliseconds for.
const COUNT: u64 = 10_000;
const FEW: u64 = 20;
/// Pushing and pulling as many.
pub(crate) const QUEUES: [&str; 2] = ["push", "pull"];
/// Taking a lock and releasing it.
pub(crate) const LOCKS: [&str; 1] = ["lock"];

/// Reading the value in the middle of a deque of 20,000.
pub(crate) const DEQUES: [&str; 1] = ["middle"];

/// The outcome of one operation.
#[derive(Serialize)]
pub(crate) struct Single {
    pub(crate) operation: &'static str,
    pub(crate) results: Vec<(Subject, Quantiles)>,
}

impl Single {
    /// The figures of a subject, none if it did not take part.
    pub(crate) fn of(&self, subject: Subject) -> Option<Quantiles> {
        self.results.iter().find(|(other, _)| *other == subject).map(|(_, quantiles)| *quantiles)
    }
}

/// How often an operation is done in one go.
fn count(operation: &str, subject: Subject) -> u64 {
    let is_slow = DEQUES.contains(&operation) && subject == Subject::Diskcache;
    if is_slow { FEW } else { COUNT }
}

/// Measures operations that follow each other, all subjects in turns.
pub(crate) fn measure<const N: usize>(
    scratch: &Path,
    effort: Effort,
    operations: [&'static str; N],
) -> Result<Vec<Single>> {
    let mut teams = Vec::new();
    for subject in available(scratch) {
        let directory = scratch.join(format!("{}-{subject:?}", operations.concat()));
        let worker = Worker::start_tasks(subject, scratch, &directory)?;
        let series = operations.iter().map(|_| Series::new()).collect::<Result<Vec<_>>>()?;
        teams.push((subject, worker, series));
    }
    for round in 0..=effort.tasks {
        for (subject, worker, series) in &mut teams {
            for (operation, series) in operations.iter().zip(series) {
                let count = count(operation, *subject);
                let timed = worker.perform(operation, count, count)?;
                // The first round warms up.
                if round > 0 {
                    series.add(&timed.times)?;
                }
            }
        }
    }
    let outcome = |(place, operation): (usize, &'static str)| {
        let figures = |(subject, _, series): &(Subject, Worker, Vec<Series>)| {
            series.get(place).map(|series| (*subject, series.quantiles()))
        };
        Single { operation, results: teams.iter().filter_map(figures).collect() }
    };
    Ok(operations.into_iter().enumerate().map(outcome).collect())
}
