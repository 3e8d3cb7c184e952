//! Many instances in many threads and processes on one directory.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use larder::{Cache, Value};
use larder_tests::worker::Worker;
use larder_tests::{database, files, native_integrity_check};

const WORKER: &str = env!("CARGO_BIN_EXE_larder-worker");

#[test]
fn counters_are_exact_over_threads_and_processes() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::builder().instances(4).open(directory.path()).unwrap();
    let mut workers: Vec<Worker> =
        (0..3).map(|_| Worker::start(WORKER, "increment", directory.path(), &["3", "400"])).collect();
    for worker in &mut workers {
        worker.expect("ready");
        worker.proceed();
    }
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..400).for_each(|_| assert!(cache.increment("counter", 1).unwrap() > 0)));
        }
    });
    workers.into_iter().for_each(Worker::finish);
    assert_eq!(cache.get("counter").unwrap(), Some(Value::Integer(4 * 400 + 3 * 3 * 400)));
    assert_eq!(native_integrity_check(&database(directory.path())), "ok");
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn a_value_is_never_torn_and_never_missing_while_it_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let caches: Vec<Cache> = (0..2).map(|_| Cache::open(directory.path()).unwrap()).collect();
    // One value in the database and one in a file; each consists of one byte, repeated.
    let sizes = [("small", 1000), ("large", 60_000)];
    for (key, size) in sizes {
        caches[0].set(key, vec![0; size]).unwrap();
    }
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for cache in &caches {
            scope.spawn(|| {
                let mut reads = 0;
                while !over.load(Ordering::Relaxed) || reads < 100 {
                    for (key, size) in sizes {
                        let value = cache.get(key).unwrap().expect("always there");
                        let bytes = value.as_bytes().unwrap();
                        assert_eq!(bytes.len(), size);
                        assert!(bytes.iter().all(|byte| *byte == bytes[0]), "{key} is torn");
                    }
                    reads += 1;
                }
            });
        }
        let writers: Vec<_> = caches
            .iter()
            .map(|cache| {
                scope.spawn(|| {
                    for round in 0..=255 {
                        for (key, size) in sizes {
                            cache.set(key, vec![round; size]).unwrap();
                        }
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(caches[0].check().unwrap(), []);
    assert_eq!(larder_tests::value_files(directory.path()).len(), 1);
}

#[test]
fn readers_go_on_while_a_writer_is_in_the_middle_of_a_transaction() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::builder().wait(Duration::from_millis(100)).open(directory.path()).unwrap();
    cache.set("key", "value").unwrap();
    let writer = rusqlite::Connection::open(database(directory.path())).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE; UPDATE entry SET hits = 7").unwrap();
    for _ in 0..1000 {
        assert_eq!(cache.get("key").unwrap(), Some("value".into()));
    }
    assert_eq!(cache.get_entry("key").unwrap().unwrap().metadata.hits, 0);
    // Writers wait, as long as they were told.
    let since = Instant::now();
    assert!(matches!(cache.set("key", "other"), Err(larder::Error::Timeout(_))));
    assert!(since.elapsed() >= Duration::from_millis(100));
    writer.execute_batch("COMMIT").unwrap();
    cache.set("key", "other").unwrap();
}

#[test]
fn sixteen_instances_open_a_new_directory_at_once() {
    for shards in [1, 4] {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("new");
        let start = Barrier::new(16);
        thread::scope(|scope| {
            for index in 0..16 {
                let (start, directory) = (&start, &directory);
                scope.spawn(move || {
                    start.wait();
                    let cache = Cache::builder().shards(shards).open(directory).unwrap();
                    cache.set(index, index).unwrap();
                });
            }
        });
        let cache = Cache::open(&directory).unwrap();
        assert_eq!(cache.count().unwrap(), 16);
        assert_eq!(cache.info().unwrap().shards, shards);
        assert_eq!(cache.check().unwrap(), []);
    }
}

#[test]
fn processes_open_a_new_directory_at_once() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("new");
    let workers: Vec<Worker> = (0..8).map(|_| Worker::start(WORKER, "open", &directory, &[])).collect();
    workers.into_iter().for_each(Worker::finish);
    assert_eq!(Cache::open(&directory).unwrap().check().unwrap(), []);
}

#[test]
fn opening_and_closing_never_fails_while_others_do_the_same() {
    let directory = tempfile::tempdir().unwrap();
    thread::scope(|scope| {
        for thread in 0..4 {
            let directory = directory.path();
            scope.spawn(move || {
                for round in 0..40 {
                    let cache = Cache::open(directory).unwrap();
                    cache.set(thread * 1000 + round, vec![1; 40_000]).unwrap();
                    assert_eq!(cache.check().unwrap(), []);
                    cache.close().unwrap();
                }
            });
        }
    });
    let cache = Cache::open(directory.path()).unwrap();
    assert_eq!(cache.count().unwrap(), 160);
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn native_sqlite_and_the_component_write_at_the_same_time() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::open(directory.path()).unwrap();
    cache.set("native", "x").unwrap();
    let database = database(directory.path());
    let mut native: Vec<Worker> = (0..2).map(|_| Worker::start(WORKER, "native-update", &database, &["500"])).collect();
    for worker in &mut native {
        worker.expect("ready");
        worker.proceed();
    }
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..500).for_each(|_| assert!(cache.increment("component", 1).unwrap() > 0)));
        }
    });
    native.into_iter().for_each(Worker::finish);
    assert_eq!(cache.get("component").unwrap(), Some(Value::Integer(1000)));
    assert_eq!(cache.get_entry("native").unwrap().unwrap().metadata.hits, 1000);
    assert_eq!(native_integrity_check(&database), "ok");
}

#[test]
fn a_writer_in_one_shard_keeps_nobody_from_writing_in_another() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::builder().shards(4).wait(Duration::from_millis(5)).open(directory.path()).unwrap();
    let mut waited = [0; 40];
    let databases = files(directory.path(), "cache.db");
    assert_eq!(databases.len(), 4);
    for database in databases {
        let writer = rusqlite::Connection::open(database).unwrap();
        writer.execute_batch("BEGIN IMMEDIATE").unwrap();
        let waiting = (0_i64..).zip(&mut waited).filter_map(|(key, waited)| match cache.set(key, "meanwhile") {
            Ok(_) => None,
            Err(larder::Error::Timeout(_)) => {
                *waited += 1;
                Some(key)
            }
            Err(error) => panic!("{error}"),
        });
        let waiting = waiting.count();
        assert!((1..30).contains(&waiting), "{waiting} keys wait for a writer in one of four shards");
        writer.execute_batch("ROLLBACK").unwrap();
    }
    assert_eq!(waited, [1; 40], "each waits for the writer in its shard alone");
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn a_sole_user_keeps_others_out_until_it_closes() {
    let directory = tempfile::tempdir().unwrap();
    let mut holder = Worker::start(WORKER, "hold", directory.path(), &[]);
    holder.expect("ready");
    let impatient = Cache::builder().wait(Duration::from_millis(50)).open(directory.path());
    assert!(matches!(impatient, Err(larder::Error::Locked(_))), "{impatient:?}");
    let patient = thread::scope(|scope| {
        let patient = scope.spawn(|| Cache::open(directory.path()));
        holder.proceed();
        patient.join().unwrap()
    });
    patient.unwrap().set("key", "value").unwrap();
    holder.finish();
}

#[test]
fn settings_changed_by_one_handle_hold_for_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let first = Cache::open(directory.path()).unwrap();
    for index in 0..10 {
        first.set(index, "x").unwrap();
    }
    let second = Cache::builder().item_limit(5).open(directory.path()).unwrap();
    first.set(10, "x").unwrap();
    assert_eq!(second.count().unwrap(), 5);
    assert_eq!(first.info().unwrap().item_limit, Some(5));
}
