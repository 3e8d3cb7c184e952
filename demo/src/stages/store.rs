//! Threads and processes store the tree at the same time.

use std::path::Path;
use std::thread;
use std::time::Instant;

use anyhow::Result;
use indicatif::ProgressBar;
use larder::Cache;

use super::joined;
use crate::demo::Demo;
use crate::latencies::Latencies;
use crate::progress;
use crate::table::Operation;
use crate::tree::SourceFile;
use crate::worker::Worker;

/// Threads that store, each with an instance of its own.
const THREADS: usize = 4;
/// Processes that store besides this one.
const PROCESSES: usize = 2;

pub(crate) fn run(demo: &mut Demo) -> Result<()> {
    let shares = shares(&demo.tree.files);
    let (for_threads, for_processes) = shares.split_at_checked(THREADS).unwrap_or_default();
    let bar = progress::bar("storing", demo.tree.bytes());
    let (root, directory) = (demo.tree.root.as_path(), demo.cache.as_path());
    let handles: Vec<_> = for_threads.iter().map(|_| demo.join()).collect::<Result<_>>()?;

    let start = Instant::now();
    let latencies = thread::scope(|scope| {
        let own = handles.iter().zip(for_threads);
        let own = own.map(|(cache, files)| scope.spawn(|| store(cache, root, files, &bar)));
        let others = for_processes.iter().map(|files| scope.spawn(|| supervise(directory, root, files, &bar)));
        let writers: Vec<_> = own.chain(others).collect();
        writers.into_iter().try_fold(Latencies::default(), |mut all, writer| {
            all.append(joined(writer)?);
            Ok::<_, anyhow::Error>(all)
        })
    })?;
    let elapsed = start.elapsed();
    bar.finish_and_clear();

    demo.measurements.operations.push(Operation { name: "set", latencies, elapsed });
    demo.entries = demo.tree.files.len() as u64;
    let information = demo.join()?.info()?;
    (demo.measurements.entries, demo.measurements.volume) = (information.count, information.volume);
    demo.checks.note(
        &format!("{THREADS} threads and {PROCESSES} processes store every file at the same time"),
        information.count == demo.entries,
        &format!("{} entries of {} files in {:.1} s", information.count, demo.entries, elapsed.as_secs_f64()),
    );
    Ok(())
}

/// Deals the files out to all writers.
fn shares(files: &[SourceFile]) -> Vec<Vec<SourceFile>> {
    let writers = THREADS + PROCESSES;
    (0..writers).map(|writer| files.iter().skip(writer).step_by(writers).cloned().collect()).collect()
}

/// Stores files from this thread.
fn store(cache: &Cache, root: &Path, files: &[SourceFile], bar: &ProgressBar) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    for file in files {
        let content = file.read(root)?;
        let (key, options) = (file.path.as_str(), file.options());
        latencies.measure(|| cache.set_with(key, content, &options))?;
        bar.inc(file.size);
    }
    Ok(latencies)
}

/// Has a process store files.
fn supervise(cache: &Path, root: &Path, files: &[SourceFile], bar: &ProgressBar) -> Result<Latencies> {
    let mut worker = Worker::start(cache, root, files, false)?;
    let mut latencies = Latencies::default();
    for file in files {
        let Some(latency) = worker.next_stored()? else { break };
        latencies.push(latency);
        bar.inc(file.size);
    }
    worker.join()?;
    Ok(latencies)
}
