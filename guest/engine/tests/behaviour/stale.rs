//! What users leave who end without closing: found by a check, removed by a repair, and never taken for
//! such while it is in use.

use std::cell::Cell;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use larder_engine::testing::TestPlatform;
use larder_engine::{Cache, Content, Key, OpenOptions, Problem, Value};

use crate::support::{Fixture, Shared, data, database, existing, open, plain, put, text, value_files};

fn large() -> Value {
    Value::Bytes(vec![7; 40_000])
}

/// Whether one problem says this.
fn tells(problems: &[Problem], what: &str) -> bool {
    problems.iter().any(|problem| problem.description.contains(what))
}

/// Checks that so many problems are found, that a repair does something about each, and that nothing is
/// left then.
fn assert_repaired(cache: &mut Cache, count: usize) {
    let found = cache.check().unwrap();
    assert_eq!(found.len(), count, "{found:?}");
    let repaired = cache.repair().unwrap();
    assert_eq!(repaired.len(), count, "{repaired:?}");
    assert!(repaired.iter().all(|problem| problem.remedy.is_some()), "{repaired:?}");
    assert_eq!(cache.check().unwrap(), []);
}

/// What an opener finds that makes the fourth epoch, after three that did not tidy up; and something of a
/// later one, which is somebody else's.
fn litter(root: &Path) {
    for name in ["lease-00000001", "lease-00000002"] {
        fs::write(root.join(name), "larder 1\n").unwrap();
    }
    for name in ["data-00000002", "draft-00000003", "draft-00000099"] {
        fs::create_dir_all(root.join(name).join("shard-000")).unwrap();
        fs::write(root.join(name).join("shard-000/cache.db"), "x").unwrap();
    }
}

#[test]
fn what_earlier_epochs_have_left_is_found_and_removed_and_a_later_one_spared() {
    let mut fixture = Fixture::new();
    put(&mut fixture.cache, "k", 1);
    for _ in 0..3 {
        fixture.reopen(&existing());
    }
    litter(fixture.path());
    let problems = fixture.cache.check().unwrap();
    assert!(
        tells(&problems, "stale lease") && tells(&problems, "no lease names") && tells(&problems, "never completed")
    );
    assert!(problems.iter().any(|problem| problem.subject.ends_with("lease-00000002")));
    assert_repaired(&mut fixture.cache, 4);
    assert!(fixture.path().join("draft-00000099").exists());
    assert_eq!(crate::support::integer(&mut fixture.cache, "k"), Some(1));
}

#[test]
fn who_shares_a_directory_finds_it_too() {
    let shared = Shared::new();
    shared.open(1, &OpenOptions::default()).close().unwrap();
    for _ in 0..3 {
        shared.open(1, &existing()).close().unwrap();
    }
    let (mut first, mut second) = (shared.open(1, &existing()), shared.open(2, &existing()));
    put(&mut second, "k", 1);
    litter(shared.directory.path());
    assert_repaired(&mut first, 4);
    assert_eq!(second.check().unwrap(), []);
    assert_eq!(crate::support::integer(&mut second, "k"), Some(1));
}

#[test]
fn the_reservations_of_who_is_gone_are_found_and_those_of_who_lives_spared() {
    let shared = Shared::new();
    let platform = shared.platform(2);
    let mut living = shared.open(1, &OpenOptions::default());
    let mut third = shared.open(3, &existing());
    let mut dying = open(shared.directory.path(), &existing(), &platform).unwrap();
    dying.set(&text("stored"), &large(), &plain()).unwrap();
    third.set(&text("third"), &large(), &plain()).unwrap();
    let mut writer = dying.write(&text("begun"), Content::Bytes, &plain()).unwrap();
    writer.append(&mut dying, &vec![1; 600_000]).unwrap();
    assert_eq!(living.check().unwrap(), [], "all of it is in use");
    assert_eq!(living.repair().unwrap(), []);
    assert_eq!(value_files(shared.directory.path()).len(), 3);

    TestPlatform::kill(dying);
    platform.crash();
    let problems = living.check().unwrap();
    assert!(tells(&problems, "reservation of 15 value files"), "{problems:?}");
    assert_repaired(&mut living, 1);
    assert_eq!(value_files(shared.directory.path()).len(), 2, "what was begun is gone");
    // The third goes on with what it has reserved.
    third.set(&text("third"), &large(), &plain()).unwrap();
    assert_eq!(third.check().unwrap(), []);
}

#[test]
fn a_transaction_of_who_is_gone_is_found_and_settled() {
    const KEYS: i64 = 24;
    let shared = Shared::new();
    let platform = shared.platform(2);
    let options = OpenOptions { shards: Some(4), ..OpenOptions::default() };
    let mut living = shared.open(1, &options);
    let mut dying = open(shared.directory.path(), &existing(), &platform).unwrap();
    let commits = Cell::new(0);
    platform.on_commit(move || {
        commits.set(commits.get() + 1);
        assert!(commits.get() < 4, "the end of the process");
        Ok(())
    });
    let died = catch_unwind(AssertUnwindSafe(|| {
        let ticket = dying.begin().unwrap();
        let store = |cache: &mut Cache| {
            (0..KEYS).try_for_each(|key| cache.set(&Key::Integer(key), &Value::Integer(key), &plain()).map(drop))
        };
        dying.within(ticket, store).unwrap();
        dying.commit(ticket).unwrap();
    }));
    assert!(died.is_err());
    let undecided = living.check().unwrap();
    assert!(!tells(&undecided, "is not settled"), "its owner lives: {undecided:?}");
    TestPlatform::kill(dying);
    platform.crash();
    let problems = living.check().unwrap();
    assert!(tells(&problems, "is not settled"), "{problems:?}");
    let repaired = living.repair().unwrap();
    assert!(repaired.iter().all(|problem| problem.remedy.is_some()), "{repaired:?}");
    assert_eq!(living.check().unwrap(), []);
    assert_eq!(living.count().unwrap(), 0, "it was not decided");
}

#[test]
fn shards_that_were_mixed_up_are_told_entry_by_entry() {
    let mut fixture = Fixture::sharded(2);
    for number in 0..20 {
        put(&mut fixture.cache, &number.to_string(), number);
        fixture.cache.count_up(&number.to_string(), 1).unwrap();
    }
    fixture.cache.close().unwrap();
    let shards = data(fixture.path());
    for (from, to) in [("shard-000", "other"), ("shard-001", "shard-000"), ("other", "shard-001")] {
        fs::rename(shards.join(from), shards.join(to)).unwrap();
    }
    fixture.reopen_closed(&existing());
    let problems = fixture.cache.check().unwrap();
    let looked_for = problems.iter().filter(|problem| problem.description.contains("is looked for in shard")).count();
    assert_eq!((looked_for, problems.len()), (40, 40));
    let repaired = fixture.cache.repair().unwrap();
    assert!(tells(&problems, "the counter \"7\"") && repaired.iter().all(|problem| problem.remedy.is_some()));
    assert_eq!(fixture.cache.check().unwrap(), []);
    assert_eq!(fixture.cache.count().unwrap(), 0);
}

#[test]
fn damage_in_one_place_does_not_hide_that_in_another() {
    let mut fixture = Fixture::sharded(2);
    for number in 0..400 {
        fixture.cache.set(&Key::Integer(number), &Value::Bytes(vec![1; 1_000]), &plain()).unwrap();
    }
    fixture.cache.close().unwrap();
    let path = database(fixture.path(), 0);
    let mut pages = fs::read(&path).unwrap();
    let third = pages.len() / 3 / 4096 * 4096;
    pages[third..2 * third].fill(0xff);
    fs::write(&path, pages).unwrap();
    let connection = rusqlite::Connection::open(database(fixture.path(), 1)).unwrap();
    connection.execute_batch("UPDATE totals SET count = count + 1").unwrap();
    drop(connection);
    fs::create_dir_all(fixture.path().join("data-00000001/shard-000/values/00")).unwrap();
    fs::write(fixture.path().join("data-00000001/shard-000/values/00/stray"), "x").unwrap();
    fixture.reopen_closed(&existing());
    let problems = fixture.cache.check().unwrap();
    assert!(problems.iter().any(|problem| problem.subject.contains("shard-000/cache.db")), "{problems:?}");
    assert!(tells(&problems, "the count is recorded as"), "{problems:?}");
    assert!(tells(&problems, "belongs to no entry"), "{problems:?}");
}
