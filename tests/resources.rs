//! What is opened is let go of: descriptors, threads, mappings and memory of the process, and the log on
//! disk, however long somebody reads.
//!
//! `LARDER_RESOURCE_CYCLES` sets how often a cache is opened and closed (10,000 is the full number), and
//! `LARDER_RESOURCE_INSTANCES` how many instances there are at once (1,000).

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use larder::{Cache, Content, Limits, Scan, SetOptions};
use larder_tests::only_file;

/// What a process has, as the kernel counts it.
#[derive(Debug, Clone, Copy)]
struct Holdings {
    descriptors: usize,
    threads: usize,
    mappings: usize,
    /// In KiB.
    resident: usize,
}

impl Holdings {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        Self {
            descriptors: fs::read_dir("/proc/self/fd").unwrap().count(),
            threads: number("Threads:"),
            mappings: fs::read_to_string("/proc/self/maps").unwrap().lines().count(),
            resident: number("VmRSS:"),
        }
    }

    /// Asserts that no more is held than before, but for what allocators keep.
    fn assert_back_to(&self, before: &Self) {
        println!("before {before:?}\nafter  {self:?}");
        let leaks = self.leaks_since(before);
        assert!(leaks.is_empty(), "{leaks:?}");
    }

    /// Of what there is more than before.
    fn leaks_since(&self, before: &Self) -> Vec<&'static str> {
        // A leak would be one for each cycle or instance; the allocator maps and keeps some.
        let leaks = [
            ("descriptors", self.descriptors > before.descriptors),
            ("threads", self.threads > before.threads),
            ("mappings", self.mappings > before.mappings + 32),
            ("memory", self.resident > before.resident + 16 * 1024),
        ];
        leaks.into_iter().filter_map(|(what, leaks)| leaks.then_some(what)).collect()
    }
}

/// What is measured is the process's: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_leak_of_each_kind_is_noticed() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let before = Holdings::now();
    before.assert_back_to(&before);
    // The test runner may have begun another thread meanwhile, which then is noticed as well.
    let is_noticed = |what: &str| {
        let now = Holdings::now();
        let leaks = now.leaks_since(&before);
        assert!(leaks.contains(&what), "{what} in {leaks:?}: {now:?} after {before:?}");
    };
    let file = fs::File::create(directory.path().join("file")).unwrap();
    is_noticed("descriptors");
    drop(file);
    // More than the tests before can have left to be given back meanwhile.
    let memory = vec![1_u8; 256 << 20];
    is_noticed("memory");
    drop(memory);
    // Last: the kernel may count a thread a moment longer than its end is waited for.
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || ended.recv());
    is_noticed("threads");
    drop(end);
    assert!(thread.join().unwrap().is_err());
}

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |number| number.parse().unwrap())
}

/// Opens, writes, reads, enumerates and closes.
fn use_once(directory: &Path, round: usize, limits: Limits) {
    let cache = Cache::builder().limits(limits).open(directory).unwrap();
    cache
        .set(i64::try_from(round % 50).unwrap(), vec![1; if round.is_multiple_of(10) { 50_000 } else { 100 }])
        .unwrap();
    assert!(cache.get(i64::try_from(round % 50).unwrap()).unwrap().is_some());
    assert!(cache.keys(&Scan::default()).unwrap().next().is_some());
    if round.is_multiple_of(2) {
        cache.close().unwrap();
    }
}

fn open_and_close(limits: &Limits, cycles: usize) {
    let directory = tempfile::tempdir().unwrap();
    // The engine, the allocator's arenas and whatever else is made once.
    (0..60).for_each(|round| use_once(directory.path(), round, limits.clone()));
    let before = Holdings::now();
    (0..cycles).for_each(|round| use_once(directory.path(), round, limits.clone()));
    println!("{cycles} cycles");
    Holdings::now().assert_back_to(&before);
    assert_eq!(Cache::open(directory.path()).unwrap().check().unwrap(), []);
}

#[test]
fn opening_and_closing_again_and_again_leaks_nothing() {
    let _alone = alone();
    open_and_close(&Limits::new(), number("LARDER_RESOURCE_CYCLES", 400));
}

#[test]
fn the_thread_that_limits_time_ends_with_the_last_cache_that_has_a_limit() {
    let _alone = alone();
    open_and_close(&Limits::new().call(std::time::Duration::from_mins(1)), number("LARDER_RESOURCE_CYCLES", 400) / 10);
    assert!(!threads().contains(&"larder-ticker".to_owned()));
    let limits = Limits::new().call(std::time::Duration::from_mins(1));
    let caches = [0, 1].map(|_| Cache::builder().limits(limits.clone()).open_temporary().unwrap());
    assert_eq!(threads().iter().filter(|name| *name == "larder-ticker").count(), 1);
    drop(caches);
    assert!(!threads().contains(&"larder-ticker".to_owned()));
}

/// The names of this process's threads.
fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .map(|name| name.trim().into())
        .collect()
}

#[test]
fn many_instances_at_once_leak_nothing_when_they_are_gone() {
    let _alone = alone();
    let count = number("LARDER_RESOURCE_INSTANCES", 60);
    let directory = tempfile::tempdir().unwrap();
    let together = |count: usize| {
        let caches: Vec<Cache> = (0..count).map(|_| Cache::open(directory.path()).unwrap()).collect();
        for (number, cache) in (0_i64..).zip(&caches) {
            cache.set(number, number).unwrap();
            assert_eq!(caches.first().unwrap().get(number).unwrap(), Some(number.into()));
        }
        Holdings::now()
    };
    // What the allocator keeps of so many is no leak: that would be more after each round.
    together(count);
    let before = Holdings::now();
    let during = together(count);
    println!("{count} instances: {during:?}");
    assert!(during.descriptors >= before.descriptors + count, "what is counted is what they hold");
    assert!(during.mappings >= before.mappings + count, "what is counted is what they hold");
    Holdings::now().assert_back_to(&before);
}

/// Writes as much as many logs hold; how large the log became.
fn write_much(cache: &Cache, directory: &Path) -> u64 {
    write(cache, directory, 8_000)
}

fn write(cache: &Cache, directory: &Path, times: i64) -> u64 {
    let mut largest = 0;
    for round in 0..times {
        cache.set(round % 200, vec![7; 8_000]).unwrap();
        if round % 100 == 0 {
            largest = largest.max(fs::metadata(only_file(directory, "cache.db-wal")).unwrap().len());
        }
    }
    largest
}

#[test]
fn the_log_stays_bounded_while_readers_of_every_kind_never_end() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::open(directory.path()).unwrap();
    for key in 1_000..3_000_i64 {
        cache.set(key, "x").unwrap();
    }
    cache.set("large", vec![3; 3_000_000]).unwrap();
    let alone = write_much(&cache, directory.path());

    let reader = Cache::open(directory.path()).unwrap();
    let mut keys = reader.keys(&Scan::default()).unwrap();
    let mut items = reader.items(&Scan::default()).unwrap();
    let mut value = reader.read("large").unwrap().unwrap();
    let mut writer = reader.write("draft", Content::Bytes, &SetOptions::new()).unwrap();
    assert!(keys.next().is_some() && items.next().is_some());
    std::io::Read::read_exact(&mut value, &mut [0; 10]).unwrap();
    std::io::Write::write_all(&mut writer, &vec![0; 300_000]).unwrap();
    let meanwhile = write_much(&cache, directory.path());
    println!("log: {alone} bytes without readers, {meanwhile} with");
    assert!(meanwhile <= alone.max(8 << 20) + (1 << 20), "{meanwhile}");

    // None has lost its place.
    assert!(keys.count() > 2_000);
    assert!(items.count() > 2_000);
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut value, &mut rest).unwrap();
    assert_eq!(rest.len(), 3_000_000 - 10);
    writer.finish().unwrap();
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn a_log_that_a_native_reader_keeps_is_begun_anew_and_cut_once_that_has_ended() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::open(directory.path()).unwrap();
    let usual = write(&cache, directory.path(), 2_000);
    let native = rusqlite::Connection::open(larder_tests::database(directory.path())).unwrap();
    native.execute_batch("BEGIN; SELECT count(*) FROM entry").unwrap();
    let count = |native: &rusqlite::Connection| -> i64 {
        native.query_row("SELECT count(*) FROM entry", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(&native), 200);
    cache.set("new", "unseen").unwrap();
    let kept = write(&cache, directory.path(), 2_000);
    assert_eq!(count(&native), 200, "it reads what was there when it began");
    assert!(kept > 2 * usual, "{kept} {usual}: nobody may overwrite what it reads");
    native.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&native), 201);
    write(&cache, directory.path(), 2_000);
    let log = only_file(directory.path(), "cache.db-wal");
    let after = fs::metadata(&log).unwrap().len();
    println!("log: {usual} bytes as usual, {kept} kept for a native reader, {after} after that");
    assert!(after <= usual, "{after}");
    assert_eq!(cache.check().unwrap(), []);
}
