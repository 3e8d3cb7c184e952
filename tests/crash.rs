//! Processes that end in the middle of what they do.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::time::Duration;

use larder::{Cache, Scan};
use larder_tests::worker::Worker;
use larder_tests::{Random, database, native_integrity_check};

const WORKER: &str = env!("CARGO_BIN_EXE_larder-worker");

/// Whether a value is what a worker stores under this key.
fn is_whole(key: &str, bytes: &[u8]) -> bool {
    bytes.iter().copied().eq(key.bytes().cycle().take(bytes.len()))
}

#[test]
fn nothing_acknowledged_is_lost_when_writers_are_killed_at_random_moments() {
    let seed = 20_261_122;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged: HashMap<String, usize> = HashMap::new();
    for round in 0..12 {
        let mut workers: Vec<Worker> = (0..2)
            .map(|index| Worker::start(WORKER, "write", directory.path(), &[&format!("round{round}.{index}")]))
            .collect();
        let lines: Vec<String> = workers.iter_mut().map(|worker| worker.line().expect("it works")).collect();
        std::thread::sleep(Duration::from_micros(random.below(30_000)));
        for worker in &mut workers {
            worker.kill();
        }
        let rest = workers.iter_mut().flat_map(Worker::rest);
        for line in lines.into_iter().chain(rest) {
            // A line that was cut acknowledges nothing.
            if let Some((key, size)) = line.split_once(' ')
                && let Ok(size @ (100 | 50_000)) = size.parse()
            {
                acknowledged.insert(key.to_owned(), size);
            }
        }
        // While nobody else has it open, and again with others, the directory is whole.
        let cache = Cache::open(directory.path()).unwrap();
        assert_eq!(cache.check().unwrap(), [], "after round {round}");
    }
    assert!(acknowledged.len() > 24, "the workers were killed before they did anything");

    let cache = Cache::open(directory.path()).unwrap();
    for (key, size) in &acknowledged {
        let value = cache.get(key).unwrap().unwrap_or_else(|| panic!("{key} was acknowledged and is lost"));
        let bytes = value.as_bytes().unwrap();
        assert!(bytes.len() == *size && is_whole(key, bytes), "{key}");
    }
    for key in cache.keys(&Scan::default()).unwrap() {
        let key = key.unwrap();
        let value = cache.get(&key).unwrap().unwrap();
        assert!(is_whole(key.as_text().unwrap(), value.as_bytes().unwrap()), "{key:?}");
    }
    drop(cache);
    // `check` has found no file without an entry; and no reservation is left of the dead.
    let connection = rusqlite::Connection::open(database(directory.path())).unwrap();
    let loose: i64 = connection.query_row("SELECT count(*) FROM loose", [], |row| row.get(0)).unwrap();
    assert_eq!(loose, 0);
    assert_eq!(native_integrity_check(&database(directory.path())), "ok");
}

#[test]
fn a_killed_sole_user_leaves_the_directory_open_for_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let mut holder = Worker::start(WORKER, "hold", directory.path(), &[]);
    holder.expect("ready");
    holder.kill();
    let cache = Cache::builder().wait(Duration::from_secs(5)).open(directory.path()).unwrap();
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn others_go_on_when_a_writer_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::builder().wait(Duration::from_secs(10)).open(directory.path()).unwrap();
    for round in 0..5 {
        let mut worker = Worker::start(WORKER, "write", directory.path(), &[&format!("round{round}")]);
        let first = worker.line().unwrap();
        let key = first.split_once(' ').unwrap().0;
        worker.kill();
        assert!(cache.contains(key).unwrap());
        cache.set("survivor", round).unwrap();
        assert_eq!(cache.get("survivor").unwrap(), Some(round.into()));
    }
    // What the dead had reserved stays until somebody opens the directory, or repairs it.
    let left = cache.repair().unwrap();
    assert!(!left.is_empty() && left.iter().all(|problem| problem.description.contains("reservation")), "{left:?}");
    assert_eq!(cache.check().unwrap(), []);
}
