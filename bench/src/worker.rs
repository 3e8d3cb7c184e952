//! A process that does operations on one subject, directed line by line: `populate` stores every
//! key, `run N` does the next N operations. Each line is answered by the times it took.
//! `diskcache_worker.py` does the same.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::samples::{Samples, Tally};
use crate::subjects::{Store, Subject};
use crate::workload::{KEYS, Kind, Workload, key};

/// Works until standard input ends.
pub(crate) fn run(subject: Subject, directory: &Path, seed: u64) -> Result<()> {
    let mut store = subject.open(directory)?;
    let mut workload = Workload::new(seed);
    answer(&Tally::default())?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let tally = match line.split_once(' ') {
            None if line == "populate" => populate(store.as_mut())?,
            Some(("run", count)) => operate(store.as_mut(), &mut workload, count.parse().context("no number")?)?,
            _ => bail!("not understood: {line}"),
        };
        answer(&tally)?;
    }
    Ok(())
}

fn answer(tally: &Tally) -> Result<()> {
    let mut output = std::io::stdout().lock();
    serde_json::to_writer(&mut output, tally)?;
    output.write_all(b"\n")?;
    Ok(output.flush()?)
}

fn populate(store: &mut dyn Store) -> Result<Tally> {
    for number in 0..KEYS {
        store.set(&key(number), &key(number))?;
    }
    Ok(Tally::default())
}

fn operate(store: &mut dyn Store, workload: &mut Workload, count: usize) -> Result<Tally> {
    let mut samples = Samples::new()?;
    for operation in workload.take(count) {
        let start = Instant::now();
        match operation.kind {
            Kind::Get => drop(store.get(&operation.key)?),
            Kind::Set => store.set(&operation.key, &operation.value)?,
            Kind::Delete => drop(store.delete(&operation.key)?),
        }
        let time = start.elapsed();
        samples.record(operation.kind, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))?;
    }
    Ok(samples.tally())
}
