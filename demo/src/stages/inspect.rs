//! The native `SQLite` library checks the databases while they are written to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::Result;
use larder::Cache;

use super::joined;
use crate::demo::Demo;
use crate::latencies::Latencies;
use crate::native;
use crate::table::Operation;

/// Numbers that are counted up meanwhile, so many that every shard has some.
const COUNTERS: i64 = 64;

pub(crate) fn run(demo: &mut Demo) -> Result<()> {
    let cache = demo.join()?;
    let ended = AtomicBool::new(false);
    let start = Instant::now();
    let (inspection, latencies) = thread::scope(|scope| {
        let writer = scope.spawn(|| count_up(&cache, &ended));
        let inspection = native::run(&demo.cache);
        ended.store(true, Ordering::Release);
        (inspection, joined(writer))
    });
    let (inspection, latencies, elapsed) = (inspection?, latencies?, start.elapsed());

    let seen = match inspection.problems.first() {
        None => format!("{} databases, all ok", inspection.databases),
        Some(first) => format!("{} of {} are not, the first: {first}", inspection.problems.len(), inspection.databases),
    };
    demo.checks.note("the native SQLite finds the live databases sound", inspection.problems.is_empty(), &seen);

    let mut sum = 0;
    for counter in 0..COUNTERS {
        sum += cache.increment(counter, 0)?;
    }
    let held = usize::try_from(sum).is_ok_and(|sum| sum == latencies.len()) && sum > 0;
    let seen = format!("{} additions, the sum is {sum}", latencies.len());
    demo.checks.note("not one addition was lost meanwhile", held, &seen);
    demo.measurements.operations.push(Operation { name: "increment", latencies, elapsed });
    Ok(())
}

/// Counts up until told to end, at least once each.
fn count_up(cache: &Cache, ended: &AtomicBool) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    for counter in (0..COUNTERS).cycle() {
        if counter == 0 && latencies.len() > 0 && ended.load(Ordering::Acquire) {
            break;
        }
        latencies.measure(|| cache.increment(counter, 1))?;
    }
    Ok(latencies)
}
