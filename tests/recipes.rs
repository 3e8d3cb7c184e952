//! Locks, limits and values that are computed once, among processes that die, sleep and crowd.
//!
//! How much is done can be raised: `LARDER_SECTIONS` critical sections for each process,
//! `LARDER_KILLS` holders that are killed, `LARDER_LIMITED_MS` milliseconds of crowding at a limit.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use larder::{Cache, Error, MemoOptions};
use larder_tests::Random;
use larder_tests::worker::Worker;

const WORKER: &str = env!("CARGO_BIN_EXE_larder-worker");
const PROCESSES: usize = 8;

/// A number from the environment.
fn amount(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Processes that are ready, and told to go at once.
fn start_all(job: &str, directory: &Path, arguments: &[&str]) -> Vec<Worker> {
    let mut workers: Vec<Worker> = (0..PROCESSES).map(|_| Worker::start(WORKER, job, directory, arguments)).collect();
    for worker in &mut workers {
        worker.expect("ready");
    }
    workers.iter_mut().for_each(Worker::proceed);
    workers
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

#[test]
fn critical_sections_of_many_processes_add_up_exactly() {
    let directory = tempfile::tempdir().unwrap();
    let counter = directory.path().join("counter");
    fs::write(&counter, "0").unwrap();
    let times = amount("LARDER_SECTIONS", 500);
    for worker in start_all("critical-sections", directory.path(), &[&times.to_string()]) {
        worker.finish();
    }
    let total = u32::try_from(PROCESSES).unwrap() * times;
    assert_eq!(fs::read_to_string(&counter).unwrap(), total.to_string());
    let cache = Cache::open(directory.path().join("cache")).unwrap();
    assert_eq!(cache.lock_holders("counter").unwrap().holders, []);
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn holders_that_are_killed_are_followed_by_one_within_two_leases() {
    const LEASE: Duration = Duration::from_millis(500);
    let seed = 20_261_125;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("resource"), "0").unwrap();
    fs::write(directory.path().join("inside"), "").unwrap();
    let last_fence = || fs::read_to_string(directory.path().join("resource")).unwrap().parse::<u64>().unwrap();
    let lease = LEASE.as_millis().to_string();
    let start = || Worker::start(WORKER, "fenced-sections", directory.path(), &[&lease]);
    let mut workers: Vec<Worker> = (0..3).map(|_| start()).collect();
    let (mut last, mut sections) = (0_u64, 0);
    for _ in 0..amount("LARDER_KILLS", 4) {
        // Whichever prints next is in a section.
        let place = usize::try_from(random.below(3)).unwrap();
        let line = workers[place].line().expect("it goes on");
        let fence: u64 = line.strip_prefix("in ").unwrap().parse().unwrap();
        last = last.max(fence);
        std::thread::sleep(Duration::from_micros(random.below(8_000)));
        workers[place].kill();
        let killed = Instant::now();
        workers[place] = start();
        // Somebody enters after the kill: with a number above all that the resource has seen by then.
        let before = last_fence();
        while last_fence() <= before {
            assert!(killed.elapsed() < 2 * LEASE, "nobody entered within two leases");
            std::thread::sleep(Duration::from_millis(1));
        }
        sections += 1;
    }
    assert!(sections > 0 && last > 0);
    for mut worker in workers {
        assert!(worker.line().is_some(), "none has seen another in its section, or an old number");
        worker.kill();
    }
}

#[test]
fn a_lock_biased_now_towards_one_process_and_now_towards_another_is_never_held_by_two() {
    const PROCESSES: u32 = 3;
    let seed = 20_261_126;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("resource"), "0").unwrap();
    fs::write(directory.path().join("inside"), "").unwrap();
    // So long that a busy machine keeps no process from renewing it.
    let start = |seed: u32| Worker::start(WORKER, "bursts", directory.path(), &["2000", &seed.to_string()]);
    let mut workers: Vec<Worker> = (0..PROCESSES).map(start).collect();
    for kill in 0..amount("LARDER_KILLS", 4) {
        for worker in &mut workers {
            worker.expect("burst");
        }
        let place = usize::try_from(random.below(PROCESSES.into())).unwrap();
        std::thread::sleep(Duration::from_micros(random.below(30_000)));
        workers[place].kill();
        workers[place] = start(PROCESSES + kill);
    }
    for mut worker in workers {
        worker.expect("burst");
        worker.kill();
    }
    let cache = Cache::open(directory.path().join("cache")).unwrap();
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn a_holder_that_is_paused_past_its_lease_learns_that_it_lost_the_lock() {
    let directory = tempfile::tempdir().unwrap();
    let mut holder = Worker::start(WORKER, "hold-lock", directory.path(), &["300"]);
    let fence: u64 = holder.line().unwrap().parse().unwrap();
    let cache = Cache::open(directory.path().join("cache")).unwrap();
    let lock = cache.lock("paused").lease(Duration::from_millis(300));
    assert!(matches!(lock.acquire_within(Duration::from_millis(600)), Err(Error::Timeout(_))), "it renews");
    assert_eq!(lock.holders().unwrap().holders[0].fence, fence);
    holder.pause();
    let guard = lock.acquire_within(Duration::from_secs(5)).unwrap();
    assert!(guard.fence() > fence);
    holder.resume();
    holder.proceed();
    holder.expect("lost");
    assert!(guard.is_held());
    guard.release().unwrap();
    holder.finish();
}

/// Waits until a lock's holder has been silent for longer than its lease.
fn await_silence(cache: &Cache, name: &str) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while cache.lock_holders(name).unwrap().holders.iter().all(|holder| holder.silent <= holder.lease) {
        assert!(Instant::now() < deadline, "it is still renewed");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_process_that_only_tries_follows_a_dead_holder_that_it_has_never_seen() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Cache::open(directory.path().join("cache")).unwrap();
    // Also if it wants the lock to have another capacity.
    for capacity in [None, Some(4)] {
        let mut holder = Worker::start(WORKER, "hold-lock", directory.path(), &["200"]);
        holder.line().unwrap();
        let lock = |cache: &Cache| match capacity {
            None => cache.lock("paused"),
            Some(permits) => cache.semaphore("paused", permits),
        };
        let tried = lock(&open()).try_acquire();
        assert!(matches!(tried, Ok(None) | Err(Error::Conflict(_))), "{tried:?}");
        holder.kill();
        await_silence(&open(), "paused");
        let began = Instant::now();
        let guard = lock(&open()).try_acquire().unwrap().expect("the lock of the dead");
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        guard.release().unwrap();
    }
}

#[test]
fn a_process_that_waits_shortly_follows_one_that_died_computing() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Worker::start(WORKER, "stampede", directory.path(), &["1", "60000"]);
    first.expect("ready");
    first.proceed();
    first.expect("computing");
    let options = MemoOptions::new().ttl(Duration::from_mins(10)).wait(Duration::from_millis(1));
    let value = || Cache::open(directory.path().join("cache")).unwrap().memoize("key", &options, || "mine".to_owned());
    assert!(matches!(value(), Err(Error::Timeout(_))), "another computes");
    first.kill();
    let deadline = Instant::now() + Duration::from_secs(30);
    while value().is_err() {
        assert!(Instant::now() < deadline, "nobody ever computes");
    }
    assert_eq!(value().unwrap(), "mine");
}

#[test]
fn whatever_the_killed_have_held_is_had_by_others_within_two_leases() {
    const LEASE: Duration = Duration::from_millis(500);
    let seed = 4_711;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let directory = tempfile::tempdir().unwrap();
    let lease = LEASE.as_millis().to_string();
    let mut longest = Duration::ZERO;
    for round in 0..amount("LARDER_KILLS", 4) {
        let mut workers: Vec<Worker> =
            (0..3).map(|_| Worker::start(WORKER, "everything", directory.path(), &[&lease])).collect();
        for worker in &mut workers {
            worker.expect("ready");
        }
        std::thread::sleep(Duration::from_micros(random.below(60_000)));
        for worker in &mut workers {
            worker.kill();
        }
        let (killed, cache) = (Instant::now(), Cache::open(directory.path().join("cache")).unwrap());
        // Each of the dead may have held one of these, so they are asked for at the same time.
        let options = MemoOptions::new().ttl(Duration::from_millis(1));
        std::thread::scope(|scope| {
            scope.spawn(|| drop(cache.semaphore("permits", 3).permits(3).acquire().unwrap()));
            scope.spawn(|| drop(cache.write_lock("data").acquire().unwrap()));
            scope.spawn(|| assert!(cache.once("task").run(|| ()).is_ok()));
            scope.spawn(|| assert_eq!(cache.memoize("value", &options, || 7).unwrap(), 7));
        });
        let took = killed.elapsed();
        assert!(took < 2 * LEASE, "round {round}: {took:?}");
        longest = longest.max(took);
        for name in ["permits", "data"] {
            assert_eq!(cache.lock_holders(name).unwrap().holders, [], "{name}");
        }
        assert_eq!(cache.check().unwrap(), []);
    }
    println!("at most {longest:?} after the kill, with a lease of {LEASE:?}");
}

#[test]
fn a_value_that_many_processes_want_is_computed_once() {
    let directory = tempfile::tempdir().unwrap();
    // 56 who wait, in 8 processes.
    let workers = start_all("stampede", directory.path(), &["7", "200"]);
    for worker in workers {
        worker.finish();
    }
    assert_eq!(lines(&directory.path().join("runs")), 1);
}

#[test]
fn when_the_one_who_computes_is_killed_exactly_one_other_does() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Worker::start(WORKER, "stampede", directory.path(), &["1", "60000"]);
    first.expect("ready");
    first.proceed();
    first.expect("computing");
    let workers = start_all("stampede", directory.path(), &["7", "200"]);
    first.kill();
    for worker in workers {
        worker.finish();
    }
    assert_eq!(lines(&directory.path().join("runs")), 2);
}

/// When each call that was granted began and ended, in microseconds.
fn grants(method: &str, duration_ms: u32) -> Vec<(i64, i64)> {
    let directory = tempfile::tempdir().unwrap();
    let workers = start_all("limited", directory.path(), &[method, &duration_ms.to_string()]);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for mut worker in workers {
            let sender = sender.clone();
            scope.spawn(move || {
                while let Some(line) = worker.line().filter(|line| line != "end") {
                    let (began, ended) = line.split_once(' ').unwrap();
                    sender.send((began.parse().unwrap(), ended.parse().unwrap())).unwrap();
                }
                worker.finish();
            });
        }
    });
    drop(sender);
    receiver.into_iter().collect()
}

#[test]
fn no_window_ever_has_more_than_its_limit_however_many_processes_crowd() {
    let duration_ms = amount("LARDER_LIMITED_MS", 1_500);
    let grants = grants("window", duration_ms);
    for (_, end) in &grants {
        // Those that were granted for certain in the window that ends here.
        let inside = grants.iter().filter(|(began, ended)| ended <= end && end - began < 200_000).count();
        assert!(inside <= 20, "{inside} in 200 ms");
    }
    let most = usize::try_from(duration_ms / 200).unwrap() * 20;
    assert!(grants.len() > most / 2, "{} of about {most}", grants.len());
}

#[test]
fn a_bucket_never_gives_more_than_it_holds_and_what_flows_in() {
    let grants = grants("bucket", amount("LARDER_LIMITED_MS", 1_500));
    let mut by_end = grants.clone();
    by_end.sort_unstable_by_key(|(_, ended)| *ended);
    for (first, _) in &grants {
        // Those that were granted for certain between the two.
        let since = by_end.iter().filter(|(began, _)| began >= first);
        for (inside, (_, end)) in (1..).zip(since) {
            let allowed = 20 + (end - first).max(0) * 20 / 200_000 + 1;
            assert!(inside <= allowed, "{inside} from {first} to {end}");
        }
    }
    assert!(grants.len() > 80, "{}", grants.len());
}

#[test]
fn processes_meet_and_one_works_for_all() {
    let directory = tempfile::tempdir().unwrap();
    let mut workers: Vec<Worker> =
        (0..PROCESSES).map(|_| Worker::start(WORKER, "meet", directory.path(), &["8"])).collect();
    let said: Vec<String> = workers.iter_mut().map(|worker| worker.line().unwrap()).collect();
    assert_eq!(said.iter().filter(|line| *line == "did it").count(), 1, "{said:?}");
    workers.into_iter().for_each(Worker::finish);
    let cache = Cache::open(directory.path().join("cache")).unwrap();
    assert_eq!(cache.counter("work").get().unwrap(), 1);
    let alone = cache.barrier("lonely", 2).wait_within(Duration::from_millis(50));
    assert!(matches!(alone, Err(Error::Timeout(_))), "{alone:?}");
}
