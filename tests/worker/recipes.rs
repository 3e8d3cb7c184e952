//! The jobs about locks, limits and values that are computed once.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use larder::{Cache, Error, Lock, MemoOptions};
use larder_tests::Random;
use rustix::fs::{FlockOperation, flock};
use rustix::time::{ClockId, clock_gettime};

use super::{number, say, wait_for_go};

/// The job of this name.
pub(crate) fn run(job: &str, directory: &Path, arguments: &[&str]) {
    let cache = Cache::builder().instances(4).open(directory.join("cache")).unwrap();
    match job {
        "critical-sections" => critical_sections(&cache, directory, number(arguments[0])),
        "fenced-sections" => fenced_sections(&cache, directory, number(arguments[0])),
        "bursts" => bursts(&cache, directory, number(arguments[0]), number(arguments[1])),
        "hold-lock" => hold_lock(&cache, number(arguments[0])),
        "stampede" => stampede(&cache, directory, number(arguments[0]), number(arguments[1])),
        "limited" => limited(&cache, arguments[0], number(arguments[1])),
        "meet" => meet(&cache, number(arguments[0])),
        "everything" => everything(&cache, number(arguments[0])),
        other => panic!("no job {other}"),
    }
}

/// Adds to a number in a file, which is no more atomic than reading and writing are.
fn critical_sections(cache: &Cache, directory: &Path, times: u32) {
    let counter = directory.join("counter");
    say("ready");
    wait_for_go();
    let lock = cache.lock("counter");
    for _ in 0..times {
        let guard = lock.acquire().unwrap();
        let count: u64 = fs::read_to_string(&counter).unwrap().parse().unwrap();
        fs::write(&counter, (count + 1).to_string()).unwrap();
        guard.release().unwrap();
    }
}

/// Enters critical sections for ever, of a resource that notices whoever else is in and refuses who
/// comes with an old number.
fn fenced_sections(cache: &Cache, directory: &Path, lease_ms: u32) {
    let lock = cache.lock("resource").lease(Duration::from_millis(lease_ms.into()));
    loop {
        fenced_section(&lock, directory, |fence| {
            say(&format!("in {fence}"));
            thread::sleep(Duration::from_millis(10));
        });
    }
}

/// Enters such sections for ever, many in a row, so that the lock is biased towards this process until
/// another one wants it.
fn bursts(cache: &Cache, directory: &Path, lease_ms: u32, seed: u32) {
    let mut random = Random::new(seed.into());
    let lock = cache.lock("resource").lease(Duration::from_millis(lease_ms.into()));
    loop {
        for _ in 0..10 + random.below(50) {
            fenced_section(&lock, directory, |_| {});
        }
        say("burst");
        thread::sleep(Duration::from_micros(random.below(20_000)));
    }
}

/// A section of a resource that notices whoever else is in and refuses who comes with an old number.
fn fenced_section(lock: &Lock, directory: &Path, work: impl FnOnce(u64)) {
    let (resource, inside) = (directory.join("resource"), directory.join("inside"));
    let draft = directory.join(format!("resource.{}", std::process::id()));
    let guard = lock.acquire().unwrap();
    let file = File::open(&inside).unwrap();
    flock(&file, FlockOperation::NonBlockingLockExclusive).expect("nobody else is in");
    let last: u64 = fs::read_to_string(&resource).unwrap().parse().unwrap();
    assert!(guard.fence() > last, "{} after {last}", guard.fence());
    // Whole or not at all, whenever this process is killed.
    fs::write(&draft, guard.fence().to_string()).unwrap();
    fs::rename(&draft, &resource).unwrap();
    work(guard.fence());
    drop(file);
    guard.release().unwrap();
}

/// Holds a lock, is paused by the test for longer than its lease, and then wants to go on.
fn hold_lock(cache: &Cache, lease_ms: u32) {
    let guard = cache.lock("paused").lease(Duration::from_millis(lease_ms.into())).acquire().unwrap();
    say(&guard.fence().to_string());
    wait_for_go();
    assert!(matches!(guard.renew(), Err(Error::NotHeld(_))));
    assert!(matches!(guard.release(), Err(Error::NotHeld(_))));
    say("lost");
}

/// Asks for one value from several threads.
fn stampede(cache: &Cache, directory: &Path, threads: u32, cost_ms: u32) {
    let options = MemoOptions::new().ttl(Duration::from_mins(10)).lease(Duration::from_millis(500));
    let compute = || {
        let mut runs = OpenOptions::new().append(true).create(true).open(directory.join("runs")).unwrap();
        writeln!(runs, "run").unwrap();
        say("computing");
        thread::sleep(Duration::from_millis(cost_ms.into()));
        "the value".to_owned()
    };
    say("ready");
    wait_for_go();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| assert_eq!(cache.memoize("key", &options, compute).unwrap(), "the value"));
        }
    });
    say("done");
}

/// Takes of a limit for a while; prints when each call that was granted began and ended.
fn limited(cache: &Cache, method: &str, duration_ms: u32) {
    let (count, period) = (20, Duration::from_millis(200));
    let limit = match method {
        "window" => cache.window_limit("limit", count, period),
        _ => cache.rate_limit("limit", count, period),
    };
    say("ready");
    wait_for_go();
    let deadline = Instant::now() + Duration::from_millis(duration_ms.into());
    while Instant::now() < deadline {
        let began = now_us();
        let verdict = limit.try_take(1).unwrap();
        if verdict.granted {
            say(&format!("{began} {}", now_us()));
        } else {
            thread::sleep(verdict.retry_after.min(Duration::from_millis(5)));
        }
    }
    say("end");
}

/// The time by a clock that all processes of the machine have in common.
fn now_us() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

/// Meets the others, does something that one of them does, and meets them again.
fn meet(cache: &Cache, parties: u32) {
    let barrier = cache.barrier("meeting", parties);
    let first = barrier.wait().unwrap();
    let ran = cache.once("work").run(|| assert_eq!(cache.counter("work").add(1).unwrap(), 1)).unwrap();
    assert!(barrier.wait().unwrap() > first);
    say(if ran { "did it" } else { "had it done" });
}

/// Holds now this and now that, for ever.
fn everything(cache: &Cache, lease_ms: u32) {
    let lease = Duration::from_millis(lease_ms.into());
    let permits = cache.semaphore("permits", 3).lease(lease);
    let (read, write) = (cache.read_lock("data").lease(lease), cache.write_lock("data").lease(lease));
    let once = cache.once("task").lease(lease);
    let options = MemoOptions::new().ttl(Duration::from_millis(1)).lease(lease);
    say("ready");
    loop {
        let _permit = permits.acquire().unwrap();
        drop(read.acquire().unwrap());
        drop(write.acquire().unwrap());
        let ran = once.run(|| ());
        // Others forget it at any time, even while it is done here.
        assert!(matches!(ran, Ok(_) | Err(Error::NotHeld(_))), "{ran:?}");
        once.reset().unwrap();
        let value = cache.memoize("value", &options, || 7);
        assert!(value == Ok(7), "{value:?}");
    }
}
