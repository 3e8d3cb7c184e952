//! The idea of SQLite's `mptest`: processes work on one database at the same time, some through the
//! component's file layer and some through SQLite's own, each checks what all do, and one of each is
//! killed in the middle of a transaction. What they do is written here, or in [scripts](parties).

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::path::Path;

use larder::Cache;
use larder_tests::parties::script::{self, SCRIPTS, Step};
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

/// The parties of a script that are at work.
struct Play<'a> {
    name: &'a str,
    directory: &'a Path,
    /// Each with how many tasks it has not done.
    parties: BTreeMap<u32, (Worker, u32)>,
    /// How many tasks each was given.
    given: BTreeMap<u32, u32>,
    wrong: Vec<String>,
}

impl<'a> Play<'a> {
    /// Plays a script in a directory of one shard; what was not as it should be.
    fn all_of(name: &'a str, directory: &'a Path) -> Vec<String> {
        let (parties, given) = (BTreeMap::new(), BTreeMap::new());
        let mut play = Self { name, directory, parties, given, wrong: Vec::new() };
        for step in script::named(name) {
            match step {
                Step::Task(party, _) => play.give(party),
                Step::Wait(Some(party)) => play.wait_for(party),
                Step::Wait(None) => play.wait_for_all(),
                Step::Finish(party) => {
                    play.wait_for(party);
                    play.parties.remove(&party).unwrap().0.finish();
                }
            }
        }
        play.wait_for_all();
        for (worker, _) in std::mem::take(&mut play.parties).into_values() {
            worker.finish();
        }
        play.wrong
    }

    /// Gives a party its next task. One that is not there, or has ended in the middle of one, comes first.
    fn give(&mut self, party: u32) {
        let given = self.given.entry(party).or_default();
        let arguments = [self.name, &party.to_string(), &given.to_string()];
        let (worker, left) = self
            .parties
            .entry(party)
            .or_insert_with(|| (Worker::start(WORKER, "scripted-party", self.directory, &arguments), 0));
        worker.proceed();
        (*left, *given) = (*left + 1, *given + 1);
    }

    fn wait_for(&mut self, party: u32) {
        while let Some((worker, left)) = self.parties.get_mut(&party).filter(|(_, left)| *left > 0) {
            *left -= 1;
            match worker.line().as_deref() {
                Some("done") => {}
                Some("exit") => drop(self.parties.remove(&party)),
                Some(wrong) => self.wrong.push(wrong.to_owned()),
                None => {
                    self.wrong.push(format!("{}, party {party} has ended", self.name));
                    self.parties.remove(&party);
                }
            }
        }
    }

    fn wait_for_all(&mut self) {
        let parties: Vec<u32> = self.parties.keys().copied().collect();
        for party in parties {
            self.wait_for(party);
        }
    }
}

#[test]
fn what_scripts_say_of_parties_of_both_kinds_comes_to_pass() {
    for (name, _) in SCRIPTS.iter().filter(|(name, _)| *name != "wrong") {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(directory.path()).unwrap();
        assert_eq!(Play::all_of(name, directory.path()), Vec::<String>::new());
        assert_eq!(native_integrity_check(&database(directory.path())), "ok");
        assert_eq!(cache.check().unwrap(), [], "{name}");
    }
}

#[test]
fn a_wrong_expectation_of_a_script_is_told_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let _cache = Cache::open(directory.path()).unwrap();
    let told = Play::all_of("wrong", directory.path());
    let expected = ["wrong, party 1, line 5: \"1\" is not \"2\"", "wrong, party 3, line 9: \"3\" is not like \"[45]\""];
    assert_eq!(told, expected);
}
