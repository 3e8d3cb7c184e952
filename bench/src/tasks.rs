//! A process that does tasks, directed line by line, each with a number: `fill N` stores N entries, one
//! of ten with a tag; `keys`, `evict`, `expire` and `clear` (with any number) enumerate all keys in
//! their order, evict what is tagged, remove what has expired, clear; `push N`, `pull N` and `lock N` push
//! to and pull from a queue, or take and release a lock, N times; `middle N` reads the value in the middle
//! of a deque N times. Each line is answered by a [`Timed`]. `diskcache_tasks.py` does the same.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use larder::{Cache, Deque, Draft, Order, Plain, Scan, Selection, SetOptions, Side, Value};
use serde::{Deserialize, Serialize};

use crate::samples::Series;

const TAG: &str = "page";
const QUEUE: &str = "jobs";
const LOCK: &str = "deploy";
const DEQUE: &str = "line";
const DEQUE_LENGTH: u32 = 20_000;
const VALUE: [u8; 100] = [0; 100];
/// Entries stored in one transaction.
const BATCH: u64 = 1000;

/// What a task has come to.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Timed {
    /// Entries stored, seen, removed, pushed or pulled, or locks taken and released.
    pub(crate) count: u64,
    /// How often which time was measured, in nanoseconds: once for the whole, or for each entry.
    pub(crate) times: Vec<(u64, u64)>,
}

/// Works until standard input ends.
pub(crate) fn run(directory: &Path) -> Result<()> {
    let cache = Cache::open(directory)?;
    answer(&Timed::default())?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (task, number) = line.split_once(' ').context("no number")?;
        answer(&perform(&cache, task, number.parse().context("no number")?)?)?;
    }
    Ok(())
}

fn answer(timed: &Timed) -> Result<()> {
    let mut output = std::io::stdout().lock();
    serde_json::to_writer(&mut output, timed)?;
    output.write_all(b"\n")?;
    Ok(output.flush()?)
}

fn perform(cache: &Cache, task: &str, number: u64) -> Result<Timed> {
    match task {
        "fill" => whole(|| fill(cache, number)),
        "keys" => whole(|| count_keys(cache)),
        "evict" => whole(|| Ok(cache.evict(Selection::tag(TAG))?)),
        "expire" => whole(|| Ok(cache.expire()?)),
        "clear" => whole(|| Ok(cache.clear()?)),
        "push" => each(number, || Ok(cache.push(QUEUE, &VALUE, Side::Back, &SetOptions::new()).map(|_| true)?)),
        "pull" => each(number, || Ok(cache.pull(QUEUE, Side::Front)?.is_some())),
        "lock" => {
            let lock = cache.lock(LOCK);
            each(number, || lock.acquire()?.release().map(|()| true).map_err(Into::into))
        }
        "middle" => {
            let deque = cache.deque_plain(DEQUE);
            fill_deque(&deque)?;
            each(number, || Ok(deque.get(i64::from(DEQUE_LENGTH / 2))?.is_some()))
        }
        _ => bail!("not understood: {task}"),
    }
}

/// Times a task as a whole.
fn whole(task: impl FnOnce() -> Result<u64>) -> Result<Timed> {
    let start = Instant::now();
    let count = task()?;
    Ok(Timed { count, times: vec![(nanoseconds(start), 1)] })
}

/// Times each of many.
fn each(number: u64, mut task: impl FnMut() -> Result<bool>) -> Result<Timed> {
    let (mut series, mut count) = (Series::new()?, 0);
    for _ in 0..number {
        let start = Instant::now();
        let done = task()?;
        series.record(nanoseconds(start))?;
        count += u64::from(done);
    }
    Ok(Timed { count, times: series.tally() })
}

fn nanoseconds(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn fill(cache: &Cache, count: u64) -> Result<u64> {
    for start in (0..count).step_by(usize::try_from(BATCH)?) {
        cache.set_many((start..count.min(start + BATCH)).map(|number| draft(number, count)))?;
    }
    Ok(count)
}

/// Puts values into a deque until it has its length.
fn fill_deque(deque: &Deque<Value<'static>, Plain>) -> Result<()> {
    let missing = u64::from(DEQUE_LENGTH).saturating_sub(deque.len()?);
    let values = vec![Value::from(VALUE.as_slice()); usize::try_from(missing)?];
    deque.extend_back(&values)?;
    Ok(())
}

/// An entry. Keys come in in another order than their own.
fn draft(number: u64, count: u64) -> Draft<'static> {
    let options = if number.is_multiple_of(10) { SetOptions::new().tag(TAG) } else { SetOptions::new() };
    Draft { options, ..Draft::new(format!("key-{:07}", number * 7919 % count), &VALUE) }
}

fn count_keys(cache: &Cache) -> Result<u64> {
    let scan = Scan { order: Order::Key, ..Scan::default() };
    let mut count = 0;
    for key in cache.keys(&scan)? {
        key?;
        count += 1;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_does_what_it_is_called() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(directory.path()).unwrap();
        for (task, number, count) in [
            ("fill", 2_500, 2_500),
            ("keys", 0, 2_500),
            ("evict", 0, 250),
            ("expire", 0, 0),
            ("fill", 2_500, 2_500),
            ("clear", 0, 2_500),
            ("push", 10, 10),
            ("pull", 11, 10),
            ("lock", 10, 10),
            ("middle", 10, 10),
        ] {
            let timed = perform(&cache, task, number).unwrap();
            let measured: u64 = timed.times.iter().map(|(_, times)| times).sum();
            let times = if ["push", "pull", "lock", "middle"].contains(&task) { number } else { 1 };
            assert_eq!((timed.count, measured), (count, times), "{task}");
        }
        assert!(perform(&cache, "dance", 1).is_err());
    }
}
