//! The idea of SQLite's `mptest`: processes work on one database at the same time, some through the
//! component's file layer and some through SQLite's own, each checks what all do, and one of each is
//! killed in the middle of a transaction.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::panic::catch_unwind;
use std::path::Path;

use larder::Cache;
use larder_tests::parties::{ACCOUNTS, STOCK, account, assert_sums, ledger};
use larder_tests::worker::Worker;
use larder_tests::{database, native_integrity_check};

const WORKER: &str = env!("CARGO_BIN_EXE_larder-worker");

/// Makes the accounts, and leaves the directory open so that it stays in use.
fn prepare(directory: &Path) -> Cache {
    let cache = Cache::open(directory).unwrap();
    for number in 0..ACCOUNTS {
        cache.set(account(number), 0).unwrap();
        cache.set(ledger(number), "native").unwrap();
    }
    let connection = rusqlite::Connection::open(database(directory)).unwrap();
    connection.execute("UPDATE entry SET hits = ?1 WHERE key LIKE 'ledger:%'", [STOCK]).unwrap();
    cache
}

#[test]
fn component_and_native_parties_keep_every_sum_while_one_of_each_is_killed_half_way() {
    let directory = tempfile::tempdir().unwrap();
    let cache = prepare(directory.path());
    let database = database(directory.path());
    let component = |seed, times, half| Worker::start(WORKER, "party", directory.path(), &[seed, times, half]);
    let native = |seed, times, half| Worker::start(WORKER, "native-party", &database, &[seed, times, half]);
    let mut parties = [
        component("1", "150", "whole"),
        component("2", "150", "whole"),
        native("3", "150", "whole"),
        native("4", "150", "whole"),
    ];
    for party in &mut parties {
        party.expect("ready");
        party.proceed();
    }
    for mut doomed in [component("5", "20", "half"), native("6", "20", "half"), component("7", "1", "half")] {
        doomed.expect("ready");
        doomed.proceed();
        doomed.expect("half way");
        doomed.kill();
    }
    for mut party in parties {
        party.expect("done");
        party.finish();
    }
    assert_sums(&rusqlite::Connection::open(&database).unwrap());
    assert_eq!(native_integrity_check(&database), "ok");
    // What those that were killed had reserved is all there is to tell.
    let left = cache.repair().unwrap();
    assert!(left.iter().all(|problem| problem.description.contains("a user that is gone")), "{left:?}");
    assert_eq!(cache.check().unwrap(), []);
    let sum: i64 = (0..ACCOUNTS).map(|number| cache.increment(account(number), 0).unwrap()).sum();
    assert_eq!(sum, 0);
}

#[test]
fn half_a_transaction_would_be_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let cache = prepare(directory.path());
    let database = database(directory.path());
    let sees_all = || catch_unwind(|| assert_sums(&rusqlite::Connection::open(&database).unwrap())).is_ok();
    assert!(sees_all());
    cache.increment(account(3), 1).unwrap();
    assert!(!sees_all());
    cache.increment(account(4), -1).unwrap();
    assert!(sees_all());
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.execute("UPDATE entry SET hits = hits + 1 WHERE key = ?1", [ledger(2)]).unwrap();
    assert!(!sees_all());
}
