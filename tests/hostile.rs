//! Somebody with rights to a directory does harm to what others share in it while they are at work. What
//! the directory holds is then his to spoil, but not the processes: each call ends, with an answer or a
//! named error, within the time that it may wait for others, and other directories are not affected.
//!
//! `LARDER_HOSTILE_ROUNDS` sets how long (15 unless set), `LARDER_SEED` other ways to spoil it.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use larder::{Cache, Error, Limits, Scan, Selection};
use larder_tests::{Random, files};

/// How long a call waits for others.
const WAIT: Duration = Duration::from_millis(200);
/// How long it may take: it may have to wait several times, where two cores are shared by many. SQLite
/// alone would go on for ten seconds each time.
const LONGEST: Duration = Duration::from_secs(8);
/// When a call that has no end is ended, so that the test is.
const NEVER: Duration = Duration::from_mins(1);

fn rounds() -> u64 {
    std::env::var("LARDER_HOSTILE_ROUNDS").map_or(15, |rounds| rounds.parse().unwrap())
}

fn open(directory: &Path) -> Result<Cache, Error> {
    Cache::builder().wait(WAIT).limits(Limits::new().call(NEVER).memory(256 << 20)).open(directory)
}

/// Counts what calls came to, by name, and how long the longest took.
#[derive(Debug, Default)]
struct Tally {
    calls: BTreeMap<&'static str, u32>,
    longest: Duration,
}

impl Tally {
    fn add<T>(&mut self, begin: Instant, outcome: Result<T, Error>) {
        let took = begin.elapsed();
        assert!(took < LONGEST, "a call took {took:?}");
        self.longest = self.longest.max(took);
        let name = match outcome {
            Ok(_) => "right or void",
            Err(Error::Corrupt(_)) => "corrupt",
            Err(Error::Io(_)) => "io",
            Err(Error::Locked(_)) => "locked",
            Err(Error::Timeout(_)) => "timeout",
            Err(Error::Full(_)) => "full",
            Err(Error::UnsupportedFormat(_)) => "unsupported format",
            Err(Error::NotFound(_)) => "not found",
            Err(other) => panic!("{other:?}"),
        };
        *self.calls.entry(name).or_default() += 1;
    }

    fn join(&mut self, other: Self) {
        self.longest = self.longest.max(other.longest);
        for (name, count) in other.calls {
            *self.calls.entry(name).or_default() += count;
        }
    }
}

/// Uses a cache in many ways.
fn use_it(cache: &Cache, random: &mut Random, tally: &mut Tally) {
    let key = random.below(300).cast_signed();
    let begin = Instant::now();
    match random.below(15) {
        0 => tally.add(begin, cache.set(key, vec![1; 40_000])),
        1 | 2 => tally.add(begin, cache.set(key, "value")),
        3 => tally.add(begin, cache.delete(key)),
        4 => tally.add(begin, cache.keys(&Scan::default()).map(|keys| keys.take(50).all(|key| key.is_ok()))),
        5 => tally.add(begin, cache.measure(Selection::All, true)),
        6 => tally.add(begin, cache.check()),
        7 => tally.add(begin, cache.repair()),
        8 => tally.add(begin, cache.deque::<i64>("line").push_back(&key)),
        9 => tally.add(begin, cache.deque::<i64>("line").pop_front()),
        10 => tally.add(begin, cache.transaction(|open| open.set(key, "value").and_then(|_| open.set(-key, "value")))),
        _ => tally.add(begin, cache.get(key)),
    }
}

/// Spoils files again and again until it is over.
fn spoil(targets: &[File], over: &AtomicBool, mut random: Random, harm: &impl Fn(&File, u64, &mut Random)) {
    while !over.load(Ordering::Relaxed) {
        for target in targets {
            let length = target.metadata().unwrap().len().max(1);
            harm(target, length, &mut random);
        }
        thread::yield_now();
    }
}

/// Uses a directory through a handle of its own, opened anew when that is refused.
fn take_part(directory: &Path, mut random: Random) -> Tally {
    let (mut tally, mut cache) = (Tally::default(), None);
    for _ in 0..75 {
        let begin = Instant::now();
        match &cache {
            Some(open) => use_it(open, &mut random, &mut tally),
            None => match open(directory) {
                Ok(opened) => cache = Some(opened),
                Err(error) => tally.add::<()>(begin, Err(error)),
            },
        }
    }
    tally
}

/// Runs several handles in a directory that `harm` works on meanwhile, beside a cache in another.
fn under(seed: u64, harm: impl Fn(&File, u64, &mut Random) + Sync, ending: &str) {
    let seed = std::env::var("LARDER_SEED").map_or(seed, |other| seed * 1_000_003 + other.parse::<u64>().unwrap());
    println!("seed {seed}");
    let quiet = Cache::temporary().unwrap();
    quiet.set("key", "value").unwrap();
    let mut tally = Tally::default();
    for round in 0..rounds() {
        let mut random = Random::new(seed + round);
        let directory = tempfile::tempdir().unwrap();
        let cache = open(directory.path()).unwrap();
        (0..300_i64).for_each(|key| assert!(cache.set(key, "value").is_ok()));
        let over = AtomicBool::new(false);
        let targets: Vec<File> = files(directory.path(), ending)
            .into_iter()
            .filter_map(|path| OpenOptions::new().read(true).write(true).open(path).ok())
            .collect();
        assert!(!targets.is_empty());
        let path = directory.path();
        thread::scope(|scope| {
            scope.spawn(|| spoil(&targets, &over, Random::new(seed * 31 + round), &harm));
            let seeds = [1, 2].map(|part| seed * 77 + round * 2 + part);
            let others = seeds.map(|seed| scope.spawn(move || take_part(path, Random::new(seed))));
            let ended = others.map(thread::ScopedJoinHandle::join);
            over.store(true, Ordering::Relaxed);
            for ended in ended {
                tally.join(ended.unwrap());
            }
        });
        // Whoever comes next meets what is left.
        let begin = Instant::now();
        drop(cache);
        match open(directory.path()) {
            Ok(next) => (0..20).for_each(|_| use_it(&next, &mut random, &mut tally)),
            Err(error) => tally.add::<()>(begin, Err(error)),
        }
        assert_eq!(quiet.get("key").unwrap(), Some("value".into()));
    }
    println!("{tally:?}");
    assert_eq!(quiet.check().unwrap(), []);
}

/// Eight bytes anywhere.
fn scribble(file: &File, length: u64, random: &mut Random) {
    file.write_all_at(&random.number().to_le_bytes(), random.below(length)).unwrap();
}

#[test]
fn bytes_written_into_the_shared_index_at_random_end_no_process_and_no_call_for_good() {
    under(71, scribble, "-shm");
}

#[test]
fn a_header_of_the_shared_index_that_never_rests_ends_no_process_and_no_call_for_good() {
    // The two copies of the header, and what follows: how far checkpoints are, and the read marks.
    let harm = |file: &File, _: u64, random: &mut Random| {
        let word = random.below(34) * 4;
        let wild = [0, 1, u32::MAX, 0x7fff_ffff, 3_007_000, 4096];
        let value = wild
            .get(usize::try_from(random.below(8)).unwrap())
            .copied()
            .unwrap_or_else(|| u32::try_from(random.below(5_000)).unwrap());
        file.write_all_at(&value.to_ne_bytes(), word).unwrap();
        if random.below(2) == 0 {
            // Both copies the same, as if they were right but for the checksum.
            let mut copy = [0; 48];
            if file.read_exact_at(&mut copy, 0).is_ok() {
                file.write_all_at(&copy, 48).unwrap();
            }
        }
    };
    under(72, harm, "-shm");
}

#[test]
fn page_numbers_and_hashes_of_the_shared_index_that_change_end_no_process_and_no_call_for_good() {
    // Others' pages are found in place of those that are looked for, by whoever reads and by whoever writes.
    let harm = |file: &File, length: u64, random: &mut Random| {
        let place = 136 + random.below(length.min(32 << 10).saturating_sub(140).max(1));
        let number = u16::try_from(random.below(100)).unwrap();
        file.write_all_at(&number.to_ne_bytes(), place).unwrap();
    };
    under(75, harm, "-shm");
}

#[test]
fn a_log_written_to_at_random_ends_no_process_and_no_call_for_good() {
    under(73, scribble, "-wal");
}

#[test]
fn a_database_written_to_at_random_ends_no_process_and_no_call_for_good() {
    under(74, scribble, "cache.db");
}
