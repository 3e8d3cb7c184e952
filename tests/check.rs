//! Checks and repairs of whole directories, while others work in them.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use larder::{Cache, Policy, SetOptions, Side};
use larder_tests::component::types::Value;
use larder_tests::component::wit::OpenOptions;
use larder_tests::component::{Host, World, options, plain, text_key};

const ENTRIES: u32 = 3_000;

/// Everything that comes and goes: rows, value files, tags, queues, transactions over several shards.
fn work(cache: &Cache, round: u32) {
    let key = round % ENTRIES;
    cache
        .set_with(key, vec![1; if key.is_multiple_of(3) { 40_000 } else { 500 }], &SetOptions::new().tag("t"))
        .unwrap();
    cache.push("jobs", round, Side::Back, &SetOptions::new()).unwrap();
    cache.pull("jobs", Side::Front).unwrap();
    cache.counter("rounds").add(1).unwrap();
    cache.delete(key + 1).unwrap();
    if round.is_multiple_of(20) {
        cache
            .transaction(|transaction| {
                (0..6).try_for_each(|part| transaction.set(format!("{round}:{part}"), vec![2; 40_000]).map(drop))
            })
            .unwrap();
    }
}

#[test]
fn a_check_finds_nothing_wrong_and_keeps_no_writer_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Cache::builder().wait(Duration::from_secs(20)).open(directory.path()).unwrap();
    let builder = Cache::builder().shards(3).size_limit(64 << 20).policy(Policy::LeastRecentlyUsed);
    let cache = builder.open(directory.path()).unwrap();
    (0..ENTRIES).for_each(|round| work(&cache, round));
    let (done, ended) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for writer in 0..2 {
            let (cache, done, ended) = (open(), &done, &ended);
            scope.spawn(move || {
                for round in (writer * 1_000..).take_while(|_| !ended.load(Ordering::Relaxed)) {
                    work(&cache, round);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let check = |_| {
            let before = done.load(Ordering::Relaxed);
            let found = (cache.check(), cache.repair());
            (found, done.load(Ordering::Relaxed) - before)
        };
        let checks: Vec<_> = (0..4).map(check).collect();
        ended.store(true, Ordering::Relaxed);
        for ((checked, repaired), meanwhile) in checks {
            assert_eq!((checked.unwrap(), repaired.unwrap()), (vec![], vec![]));
            // It reads tens of megabytes: writers that waited for it would get nothing done.
            assert!(meanwhile > 10, "{meanwhile} rounds of work while it was checked");
        }
    });
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn what_earlier_users_have_left_is_told_and_removed_by_either_component() {
    for world in [World::Shared, World::Standalone] {
        let directory = tempfile::tempdir().unwrap();
        let mut cache = Host::of(world).open(directory.path(), options()).unwrap();
        cache.set(&text_key("k"), &Value::Bytes(vec![1; 50_000]), &plain()).unwrap();
        cache.close().unwrap();
        let mut cache = Host::of(world).open(directory.path(), OpenOptions { create: false, ..options() }).unwrap();
        fs::write(directory.path().join("lease-00000001"), "larder 1\n").unwrap();
        for name in ["draft-00000001", "draft-00000002"] {
            fs::create_dir_all(directory.path().join(name).join("shard-000/values/00")).unwrap();
            fs::write(directory.path().join(name).join("shard-000/values/00/0123456789abcd"), "x").unwrap();
        }
        let problems = cache.check().unwrap();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].subject.ends_with("lease-00000001") && problems[0].description.contains("stale lease"));
        assert!(cache.repair().unwrap().iter().all(|problem| problem.remedy.is_some()));
        assert_eq!(cache.check().unwrap(), []);
        assert_eq!(cache.get(&text_key("k")).unwrap(), Some(Value::Bytes(vec![1; 50_000])));
    }
}
