//! Other instances read everything back and compare every byte.

use std::thread;
use std::time::Instant;

use anyhow::Result;
use indicatif::ProgressBar;
use larder::{Cache, Statistics};

use super::joined;
use crate::demo::Demo;
use crate::latencies::Latencies;
use crate::progress;
use crate::table::Operation;
use crate::tree::{SourceFile, SourceTree};

/// Threads that read, each with an instance of its own that has stored nothing.
const THREADS: usize = 4;

/// What a thread has seen.
struct Seen {
    latencies: Latencies,
    statistics: Statistics,
    equal: u64,
    different: Vec<String>,
}

pub(crate) fn run(demo: &mut Demo) -> Result<()> {
    let bar = progress::bar("reading back", demo.tree.bytes());
    let handles: Vec<_> = (0..THREADS).map(|_| demo.join()).collect::<Result<_>>()?;
    let start = Instant::now();
    let (tree, bar_) = (&demo.tree, &bar);
    let seen: Vec<_> = thread::scope(|scope| {
        let threads = handles.iter().enumerate();
        let threads = threads.map(|(number, cache)| scope.spawn(move || compare(cache, tree, number, bar_)));
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(joined).collect::<Result<_>>()
    })?;
    let elapsed = start.elapsed();
    bar.finish_and_clear();

    let (mut latencies, mut equal, mut different) = (Latencies::default(), 0, Vec::new());
    for seen in seen {
        demo.measurements.count_reads(&seen.statistics);
        latencies.append(seen.latencies);
        equal += seen.equal;
        different.extend(seen.different);
    }
    demo.measurements.operations.push(Operation { name: "get", latencies, elapsed });
    let seen = match different.first() {
        None => format!("{equal} bytes are equal"),
        Some(first) => format!("{} of {} files differ, the first {first}", different.len(), demo.tree.files.len()),
    };
    let held = different.is_empty() && equal == demo.tree.bytes();
    demo.checks.note("other instances read every byte of every file", held, &seen);
    Ok(())
}

/// Compares the share of one thread.
fn compare(cache: &Cache, tree: &SourceTree, number: usize, bar: &ProgressBar) -> Result<Seen> {
    let mut latencies = Latencies::default();
    let (mut equal, mut different) = (0, Vec::new());
    for file in tree.files.iter().skip(number).step_by(THREADS) {
        let value = latencies.measure(|| cache.get(&file.path))?;
        let content = file.read(&tree.root)?;
        if value.as_ref().and_then(larder::Value::as_bytes) == Some(&content) {
            equal += content.len() as u64;
        } else {
            different.push(describe(file, value.is_some()));
        }
        bar.inc(file.size);
    }
    Ok(Seen { latencies, statistics: cache.stats()?, equal, different })
}

fn describe(file: &SourceFile, there: bool) -> String {
    format!("{} ({})", file.path, if there { "other content" } else { "absent" })
}
