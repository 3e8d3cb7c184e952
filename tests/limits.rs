//! What the instances of a cache may take: who goes beyond gets a named error, and everything else goes on.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use larder::coordination::{Directory, LockMode, OpenMode, SharedFile};
use larder::{Cache, CacheBuilder, Draft, Error, Limits, Selection};

/// More entries than can be stored, or measured, in the time that is allowed.
const MANY: i64 = 200_000;
const TIME: Duration = Duration::from_millis(100);

fn drafts(count: i64) -> impl Iterator<Item = Draft<'static>> {
    (0..count).map(|number| Draft::new(number, "value"))
}

/// A cache whose calls may take this time.
fn hasty(builder: &CacheBuilder, directory: &Path) -> Cache {
    builder.clone().limits(Limits::new().call(TIME)).open(directory).unwrap()
}

/// Runs something while nobody gets into a directory for twice the time of a call: whoever opens it holds its
/// gate, the first byte of the file `locks`.
fn while_the_gate_is_held<T>(directory: &Path, work: impl FnOnce() -> T) -> T {
    let directory = Directory::open(directory).unwrap();
    let mut locks = SharedFile::open_beneath(&directory, "locks", OpenMode::ReadWrite).unwrap();
    assert!(locks.lock(0, 1, LockMode::Exclusive, Duration::ZERO).unwrap());
    thread::scope(|scope| {
        scope.spawn(move || {
            thread::sleep(2 * TIME);
            locks.unlock(0, 1).unwrap();
        });
        work()
    })
}

#[test]
fn a_call_that_takes_too_long_ends_with_its_limit_and_has_changed_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let patient = Cache::open(directory.path()).unwrap();
    patient.set("before", 1).unwrap();
    let hasty = hasty(&Cache::builder(), directory.path());
    for _ in 0..3 {
        let begin = Instant::now();
        assert_eq!(hasty.set_many(drafts(MANY)), Err(Error::TimeLimit(TIME)));
        assert!(begin.elapsed() >= TIME);
        // Its transaction is gone with its instance, and so are its locks: nobody waits.
        patient.set("after", 2).unwrap();
        assert_eq!(patient.get("before").unwrap(), Some(1.into()));
        assert_eq!(patient.count().unwrap(), 2);
    }
    assert_eq!(patient.check().unwrap(), []);
    drop((patient, hasty));
    assert_eq!(Cache::open(directory.path()).unwrap().check().unwrap(), []);
}

#[test]
fn opening_an_instance_may_take_longer_than_a_call_so_that_a_handle_gets_on_where_that_is_slow() {
    let directory = tempfile::tempdir().unwrap();
    Cache::open(directory.path()).unwrap().set("key", 1).unwrap();
    let cache = while_the_gate_is_held(directory.path(), || hasty(&Cache::builder(), directory.path()));
    assert_eq!(cache.set_many(drafts(MANY)), Err(Error::TimeLimit(TIME)));
    // Another instance takes the place of the one that was ended.
    let read = while_the_gate_is_held(directory.path(), || cache.get("key"));
    assert_eq!(read, Ok(Some(1.into())));
    // It has an end all the same.
    let limits = Limits::new().opening(TIME);
    let opened = while_the_gate_is_held(directory.path(), || Cache::builder().limits(limits).open(directory.path()));
    assert!(matches!(opened, Err(Error::TimeLimit(TIME) | Error::Timeout(_) | Error::Locked(_))), "{opened:?}");
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn calls_of_others_go_on_while_one_is_ended() {
    let directory = tempfile::tempdir().unwrap();
    let hasty = hasty(&Cache::builder(), directory.path());
    // Without that limit: on a machine that is busy, any call may take so long.
    let patient = Cache::open(directory.path()).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for _ in 0..5 {
                assert_eq!(hasty.set_many(drafts(MANY)), Err(Error::TimeLimit(TIME)));
            }
        });
        while !writer.is_finished() {
            // The writer has the database meanwhile; a reader never waits for it.
            assert_eq!(patient.get("key").unwrap(), None);
        }
    });
    patient.set("key", "value").unwrap();
    assert_eq!(patient.check().unwrap(), []);
}

#[test]
fn a_wait_for_others_ends_with_the_limit_too() {
    let directory = tempfile::tempdir().unwrap();
    let patient = Cache::open(directory.path()).unwrap();
    let hasty = hasty(&Cache::builder().wait(Duration::from_mins(10)), directory.path());
    let refused = patient.transaction(|_| Ok(hasty.set("key", "value"))).unwrap();
    assert!(matches!(refused, Err(Error::TimeLimit(_) | Error::Timeout(_))), "{refused:?}");
    patient.set("key", "value").unwrap();
}

#[test]
fn a_call_that_is_short_enough_is_not_ended_however_many_came_before() {
    let cache = Cache::builder().limits(Limits::new().call(Duration::from_secs(10))).open_temporary().unwrap();
    let begin = Instant::now();
    let mut rounds = 0_i64;
    while begin.elapsed() < Duration::from_millis(100) {
        cache.set(rounds, "value").unwrap();
        rounds += 1;
    }
    assert_eq!(cache.measure(Selection::All, false).unwrap().count, rounds.unsigned_abs());
}

#[test]
fn a_call_that_needs_too_much_memory_says_so_and_its_place_is_taken_by_another() {
    const MEMORY: usize = 16 << 20;
    let cache = Cache::builder().limits(Limits::new().memory(MEMORY)).open_temporary().unwrap();
    cache.set("before", 1).unwrap();
    for _ in 0..3 {
        assert_eq!(cache.set("key", vec![7; 20 << 20]), Err(Error::MemoryLimit(MEMORY)));
        assert_eq!(cache.get("before").unwrap(), Some(1.into()));
    }
    assert_eq!(cache.count().unwrap(), 1);
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn a_cache_that_may_have_too_few_handles_or_pages_is_not_opened_and_one_with_enough_works() {
    let directory = tempfile::tempdir().unwrap();
    drop(Cache::builder().shards(4).open(directory.path()).unwrap());
    let enough = Limits::new().handles(16).regions(8).mapped(1 << 20);
    for too_few in [enough.clone().handles(3), enough.clone().regions(2), enough.clone().mapped(64 << 10)] {
        let opened = Cache::builder().limits(too_few.clone()).open(directory.path());
        let outcome = opened.and_then(|cache| drafts(40).try_for_each(|draft| cache.set_many([draft]).map(drop)));
        let named = matches!(&outcome, Err(Error::Io(text) | Error::Full(text)) if text.contains("a guest can have"));
        assert!(named, "{too_few:?}: {outcome:?}");
    }
    let cache = Cache::builder().limits(enough).open(directory.path()).unwrap();
    cache.set_many(drafts(1_000)).unwrap();
    assert_eq!(cache.check().unwrap(), []);
}
