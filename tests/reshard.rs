//! Another number of shards, through either component and the crate.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use larder::{Cache, Error, Scan, SetOptions, Side};
use larder_tests::component::types::{Error as WitError, Key, Side as WitSide, Value};
use larder_tests::component::wit::{Limit, OpenOptions};
use larder_tests::component::{Host, World, changes, everything, options, plain, tagged, text, text_key, with};
use larder_tests::worker::Worker;
use larder_tests::{Random, files, native_integrity_check};

const WORKER: &str = env!("CARGO_BIN_EXE_larder-worker");
const WORLDS: [World; 2] = [World::Shared, World::Standalone];

/// How many files and directories stand in a directory itself.
fn names(directory: &Path) -> usize {
    fs::read_dir(directory).unwrap().count()
}

#[test]
fn either_component_carries_everything_over() {
    for world in WORLDS {
        let (host, directory) = (Host::of(world), tempfile::tempdir().unwrap());
        let mut cache = host.open(directory.path(), OpenOptions { shards: Some(2), ..options() }).unwrap();
        for number in 0..1_000 {
            let value = if number % 100 == 0 { Value::Bytes(vec![1; 50_000]) } else { Value::Integer(number) };
            cache.set(&Key::Integer(number), &value, &tagged(&["t"])).unwrap();
        }
        for job in ["one", "two"] {
            cache.push("jobs", &text(job), WitSide::Back, &plain()).unwrap();
        }
        let before = cache.items(&everything(), 100).unwrap();
        cache.close().unwrap();
        let kept = names(directory.path());
        for shards in [5, 1] {
            assert!(host.reshard(directory.path(), shards, None).unwrap() > 1, "more than one step");
            let mut cache = host.open(directory.path(), OpenOptions { shards: Some(shards), ..options() }).unwrap();
            assert_eq!(cache.items(&everything(), 100).unwrap(), before, "{world:?}");
            assert_eq!(cache.peek("jobs", WitSide::Back).unwrap().unwrap().entry.value, text("two"));
            assert_eq!(cache.check().unwrap(), []);
            cache.close().unwrap();
            assert_eq!(names(directory.path()), kept, "nothing is left of the old shards");
        }
    }
}

#[test]
fn as_many_shards_as_there_may_be_work_and_can_be_left_again() {
    // A component has 128 descriptors, a shard takes two, and resharding has old and new ones open.
    for world in WORLDS {
        let (host, directory) = (Host::of(world), tempfile::tempdir().unwrap());
        let mut cache = host.open(directory.path(), OpenOptions { shards: Some(30), ..options() }).unwrap();
        cache.begin().unwrap();
        for number in 0..200 {
            cache.set(&Key::Integer(number), &Value::Bytes(vec![1; 40_000]), &plain()).unwrap();
        }
        cache.end(true).unwrap();
        assert_eq!((cache.count(), cache.check()), (Ok(200), Ok(vec![])));
        cache.close().unwrap();
        host.reshard(directory.path(), 29, None).unwrap();
        let mut cache = host.open(directory.path(), options()).unwrap();
        assert_eq!((cache.count(), cache.check()), (Ok(200), Ok(vec![])));
    }
}

#[test]
fn what_can_not_be_is_refused_by_name_and_changes_nothing() {
    for world in WORLDS {
        let (host, directory) = (Host::of(world), tempfile::tempdir().unwrap());
        let reshard = |shards| host.reshard(directory.path(), shards, None);
        assert!(matches!(reshard(2), Err(WitError::NotFound(_))));
        assert_eq!(names(directory.path()), 0);

        let limits = larder_tests::component::wit::Changes { size_limit: Limit::AtMost(1 << 20), ..changes() };
        let mut cache = host.open(directory.path(), with(limits)).unwrap();
        cache.set(&text_key("large"), &Value::Bytes(vec![1; 600_000]), &plain()).unwrap();
        assert!(matches!(reshard(2), Err(WitError::Locked(_))), "in use");
        cache.close().unwrap();
        for impossible in [0, 31, u32::MAX] {
            assert!(matches!(reshard(impossible), Err(WitError::InvalidArgument(what)) if what.contains("1 to 30")));
        }
        assert!(matches!(reshard(20), Err(WitError::InvalidArgument(what)) if what.contains("size limit")));
        let too_large = reshard(2);
        assert!(
            matches!(&too_large, Err(WitError::TooLarge(excess)) if excess.what.contains("large")),
            "{too_large:?}"
        );
        assert_eq!(reshard(1), Ok(1), "nothing to do");
        let mut cache = host.open(directory.path(), options()).unwrap();
        assert_eq!(cache.get(&text_key("large")).unwrap(), Some(Value::Bytes(vec![1; 600_000])));
        assert_eq!(cache.info().unwrap().shards, 1);
    }
}

/// A closed cache over two shards.
fn filled(directory: &Path) {
    let cache = Cache::builder().shards(2).open(directory).unwrap();
    for number in 0..2_000 {
        let large = if number % 50 == 0 { vec![7; 40_000] } else { vec![7; 40] };
        cache.set_with(number, large, &SetOptions::new().tag("t")).unwrap();
    }
    cache.push("jobs", "one", Side::Back, &SetOptions::new()).unwrap();
    cache.counter("visits").add(7).unwrap();
    cache.close().unwrap();
}

/// Asserts that a cache holds what [`filled`] has put there.
fn assert_filled(cache: &Cache) {
    assert_eq!(cache.check().unwrap(), []);
    let keys: Vec<_> = cache.keys(&Scan::default()).unwrap().map(Result::unwrap).collect();
    assert!(keys.iter().cloned().eq((0..2_000).map(larder::Key::from)), "in the order they came in");
    assert_eq!(cache.get(50).unwrap(), Some(vec![7; 40_000].into()));
    assert_eq!(cache.queue_length("jobs").unwrap(), 1);
    assert_eq!(cache.counter("visits").get().unwrap(), 7);
}

#[test]
fn one_that_is_dropped_or_refused_has_changed_nothing() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    let before = names(directory.path());
    let mut resharding = Cache::builder().reshard(directory.path(), 3).unwrap();
    assert_eq!(resharding.shards_before(), 2);
    let progress = resharding.step().unwrap();
    assert!(progress.done > 0 && progress.total > progress.done && !progress.finished);
    let brief = || Cache::builder().wait(Duration::from_millis(20));
    assert!(matches!(brief().open(directory.path()), Err(Error::Locked(_))));
    drop(resharding);
    assert_eq!(names(directory.path()), before);
    let cache = Cache::open(directory.path()).unwrap();
    assert_filled(&cache);
    assert_eq!(cache.info().unwrap().shards, 2);
    assert!(matches!(brief().reshard(directory.path(), 3).map(drop), Err(Error::Locked(_))));
    cache.set("meanwhile", 1).unwrap();
}

#[test]
fn one_without_room_in_memory_ends_in_an_error_and_leaves_the_old_shards() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    // Little more than what an instance takes.
    let refused = Cache::builder().memory_limit(4 << 20).reshard(directory.path(), 200).and_then(|mut resharding| {
        while !resharding.step()?.finished {}
        Ok(())
    });
    assert!(refused.is_err());
    let cache = Cache::open(directory.path()).unwrap();
    assert_eq!(cache.info().unwrap().shards, 2);
    assert_filled(&cache);
}

#[test]
fn a_full_disk_ends_it_and_leaves_the_old_shards() {
    let directory = tempfile::tempdir().unwrap();
    let mut worker = Worker::start(WORKER, "reshard-full", directory.path(), &[]);
    worker.expect("done");
    worker.finish();
}

#[test]
fn whoever_is_killed_at_whatever_moment_leaves_the_old_shards_or_the_new() {
    let seed = 20_261_125;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    for round in 0..25 {
        let mut worker = Worker::start(WORKER, "reshard", directory.path(), &[]);
        let first = worker.line().unwrap();
        std::thread::sleep(Duration::from_micros(random.below(300_000)));
        worker.kill();
        let said = worker.rest().pop().unwrap_or(first);
        let cache = Cache::open(directory.path()).unwrap();
        assert_filled(&cache);
        let shards = cache.info().unwrap().shards;
        let next = match said.as_str() {
            "3" => 1,
            "1" => 4,
            _ => 3,
        };
        assert!(shards.to_string() == said || shards == next, "{shards} shards after {said}, round {round}");
        cache.close().unwrap();
        assert_eq!(names(directory.path()), 3, "round {round}");
    }
    for database in files(directory.path(), "cache.db") {
        assert_eq!(native_integrity_check(&database), "ok");
    }
}

#[test]
fn a_sole_owner_that_is_killed_meanwhile_is_followed_after_its_lease() {
    const LEASE_MS: u32 = 300;
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    let mut random = Random::new(7);
    for _ in 0..2 {
        let mut worker = Worker::start(WORKER, "standalone-reshard", directory.path(), &[&LEASE_MS.to_string()]);
        worker.line().unwrap();
        std::thread::sleep(Duration::from_micros(random.below(500_000)));
        worker.kill();
        let own = OpenOptions { lease_ms: Some(LEASE_MS), ..options() };
        let mut cache = Host::of(World::Standalone).open(directory.path(), own).unwrap();
        assert_eq!(cache.check().unwrap(), []);
        assert_eq!(cache.count().unwrap(), 2_001);
        cache.close().unwrap();
        assert_eq!(names(directory.path()), 3, "locks, a lease and data");
    }
    assert_filled(&Cache::open(directory.path()).unwrap());
}
