//! Values that have files of their own.

use std::fs;

use larder_engine::{Cache, Changes, Error, Limit, OpenOptions, Policy, Value};
use rusqlite::Connection;

use crate::support::{Fixture, Shared, data, database, existing, open, plain, put, same, text, value_files};

fn threshold(inline_threshold: u32) -> OpenOptions {
    OpenOptions {
        changes: Changes { inline_threshold: Some(inline_threshold), ..Changes::default() },
        ..OpenOptions::default()
    }
}

fn large(byte: u8) -> Value {
    Value::Bytes(vec![byte; 200])
}

fn set(cache: &mut Cache, key: &str, value: &Value) {
    cache.set(&text(key), value, &plain()).unwrap();
}

#[test]
fn values_have_files_from_the_threshold_on() {
    let mut fixture = Fixture::with(&threshold(100));
    set(&mut fixture.cache, "below", &Value::Bytes(vec![1; 99]));
    assert_eq!(value_files(fixture.path()).len(), 0);
    set(&mut fixture.cache, "at", &Value::Bytes(vec![1; 100]));
    set(&mut fixture.cache, "text", &Value::Text("é".repeat(50)));
    assert_eq!(value_files(fixture.path()).len(), 2);
    set(&mut fixture.cache, "at", &Value::Integer(1));
    assert_eq!(value_files(fixture.path()).len(), 1);
}

#[test]
fn what_is_overwritten_deleted_or_cleared_is_gone_from_disk() {
    let mut fixture = Fixture::with(&threshold(100));
    for byte in 0..100 {
        set(&mut fixture.cache, "a", &large(byte));
        set(&mut fixture.cache, &format!("b{byte}"), &large(byte));
    }
    assert_eq!(value_files(fixture.path()).len(), 101);
    fixture.cache.delete(&text("a")).unwrap();
    assert_eq!(value_files(fixture.path()).len(), 100);
    fixture.cache.clear().unwrap();
    assert_eq!(value_files(fixture.path()).len(), 0);
    assert_eq!(fixture.cache.check().unwrap(), []);
    fixture.cache.close().unwrap();
    let loose: i64 = Connection::open(database(fixture.path(), 0))
        .unwrap()
        .query_row("SELECT count(*) FROM loose", [], |row| row.get(0))
        .unwrap();
    assert_eq!(loose, 0, "a closed directory owes nothing");
}

#[test]
fn a_store_that_fails_leaves_no_file_and_the_old_value() {
    let mut fixture = Fixture::with(&OpenOptions {
        changes: Changes { item_limit: Limit::AtMost(1), policy: Some(Policy::None), ..threshold(100).changes },
        ..threshold(100)
    });
    set(&mut fixture.cache, "a", &large(1));
    for _ in 0..40 {
        assert!(matches!(fixture.cache.set(&text("b"), &large(2), &plain()), Err(Error::Full(_))));
    }
    assert_eq!(value_files(fixture.path()).len(), 1);
    assert!(same(&fixture.cache.get(&text("a")).unwrap().unwrap(), &large(1)));
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn a_damaged_file_is_corrupt_by_path_and_key_and_concerns_no_other_key() {
    let damages: [fn(&std::path::Path); 4] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::write(path, [1; 199]).unwrap(),
        |path| fs::write(path, [1; 201]).unwrap(),
        |path| fs::write(path, [[1; 100], [2; 100]].concat()).unwrap(),
    ];
    for damage in damages {
        let mut fixture = Fixture::with(&threshold(100));
        set(&mut fixture.cache, "bad", &large(1));
        let path = value_files(fixture.path()).remove(0);
        set(&mut fixture.cache, "good", &large(1));
        damage(&path);
        let Err(Error::Corrupt(what)) = fixture.cache.get(&text("bad")) else { panic!("damage was not seen") };
        assert!(what.contains(path.to_str().unwrap()) && what.contains("\"bad\""), "{what}");
        let problems = fixture.cache.check().unwrap();
        assert!(problems.len() == 1 && problems[0].subject == path.to_str().unwrap(), "{problems:?}");
        assert!(same(&fixture.cache.get(&text("good")).unwrap().unwrap(), &large(1)));

        set(&mut fixture.cache, "bad", &large(3));
        assert!(same(&fixture.cache.get(&text("bad")).unwrap().unwrap(), &large(3)));
        assert_eq!(fixture.cache.check().unwrap(), []);
    }
}

#[test]
fn a_damaged_value_can_be_deleted_and_added() {
    let mut fixture = Fixture::with(&threshold(100));
    set(&mut fixture.cache, "a", &large(1));
    fs::remove_file(value_files(fixture.path()).remove(0)).unwrap();
    assert!(fixture.cache.delete(&text("a")).unwrap());
    assert!(fixture.cache.add(&text("a"), &large(2), &plain()).unwrap().is_some());
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn a_file_of_another_entry_is_not_taken_for_the_value() {
    let mut fixture = Fixture::with(&threshold(100));
    set(&mut fixture.cache, "a", &large(1));
    set(&mut fixture.cache, "b", &large(2));
    fixture.cache.close().unwrap();
    crate::support::tamper(
        fixture.path(),
        "UPDATE entry SET file = (SELECT file FROM entry WHERE key = 'b') WHERE key = 'a'",
    );
    fixture.cache = open(fixture.path(), &existing(), &fixture.platform).unwrap();
    assert!(matches!(fixture.cache.get(&text("a")), Err(Error::Corrupt(_))));
    assert!(fixture.cache.get(&text("b")).unwrap().is_some());
}

#[test]
fn orphans_of_a_dead_owner_go_when_the_directory_is_opened_and_those_of_a_live_one_stay() {
    let shared = Shared::new();
    let (dying, living) = (shared.platform(1), shared.platform(2));
    let mut dead = open(shared.directory.path(), &threshold(100), &dying).unwrap();
    let mut live = open(shared.directory.path(), &existing(), &living).unwrap();
    set(&mut dead, "dead", &large(1));
    set(&mut live, "live", &large(2));
    // Each owner has reserved more names than it has used: write files under one name of each.
    let reserved: Vec<(i64, i64)> = {
        let connection = Connection::open(database(shared.directory.path(), 0)).unwrap();
        let mut statement = connection.prepare("SELECT owner, min(file) FROM loose GROUP BY owner").unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(reserved.len(), 2);
    for (_, file) in &reserved {
        let name = format!("{file:016x}");
        let directory = data(shared.directory.path()).join("shard-000/values").join(&name[..2]);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(&name[2..]), b"half a val").unwrap();
    }
    assert_eq!(value_files(shared.directory.path()).len(), 4);
    dying.crash();
    std::mem::forget(dead);

    let mut third = shared.open(3, &existing());
    assert_eq!(value_files(shared.directory.path()).len(), 3);
    assert!(same(&third.get(&text("dead")).unwrap().unwrap(), &large(1)));
    assert_eq!(third.check().unwrap(), []);
    live.close().unwrap();
    third.close().unwrap();
}

#[test]
fn orphans_under_a_lease_go_when_the_next_owner_comes() {
    let mut fixture = Fixture::with(&threshold(100));
    set(&mut fixture.cache, "a", &large(1));
    fixture.cache.close().unwrap();
    let stray = data(fixture.path()).join("shard-000/values/00");
    fs::create_dir_all(&stray).unwrap();
    fs::write(stray.join("000000000000ff"), b"x").unwrap();
    crate::support::tamper(fixture.path(), "INSERT INTO loose VALUES (255, 77, 1), (256, -1, 1)");
    fixture.cache = open(fixture.path(), &existing(), &fixture.platform).unwrap();
    assert_eq!(value_files(fixture.path()).len(), 1);
    assert!(same(&fixture.cache.get(&text("a")).unwrap().unwrap(), &large(1)));
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn an_orphan_that_can_not_be_removed_does_not_keep_the_directory_from_opening() {
    let mut fixture = Fixture::with(&threshold(100));
    put(&mut fixture.cache, "a", 1);
    fixture.cache.close().unwrap();
    // A directory in the place of the file.
    fs::create_dir_all(data(fixture.path()).join("shard-000/values/00/000000000000ff/x")).unwrap();
    crate::support::tamper(fixture.path(), "INSERT INTO loose VALUES (255, 77, 1)");
    fixture.cache = open(fixture.path(), &existing(), &fixture.platform).unwrap();
    assert_eq!(crate::support::integer(&mut fixture.cache, "a"), Some(1));
}

#[test]
fn a_name_that_is_taken_is_not_overwritten_or_removed() {
    let mut fixture = Fixture::with(&threshold(100));
    set(&mut fixture.cache, "a", &large(1));
    fixture.cache.close().unwrap();
    // The same random numbers again: the names are those that were used before.
    let again = larder_engine::testing::TestPlatform::new();
    fixture.cache = open(fixture.path(), &existing(), &again).unwrap();
    let outcomes: Vec<_> = (0..20).map(|_| fixture.cache.set(&text("b"), &large(2), &plain()).is_ok()).collect();
    assert!(outcomes.contains(&true));
    assert!(same(&fixture.cache.get(&text("a")).unwrap().unwrap(), &large(1)));
    fixture.reopen(&existing());
    assert!(same(&fixture.cache.get(&text("a")).unwrap().unwrap(), &large(1)));
}

#[test]
fn a_file_in_place_of_a_directory_is_damage_and_no_wrong_argument() {
    let mut fixture = Fixture::new();
    fixture.cache.set(&text("a"), &Value::Bytes(vec![1; 100_000]), &plain()).unwrap();
    let values = value_files(fixture.path())[0].parent().unwrap().to_owned();
    let corrupt = |error: Error| assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
    std::fs::remove_dir_all(&values).unwrap();
    std::fs::write(&values, "").unwrap();
    corrupt(fixture.cache.get(&text("a")).unwrap_err());
    fixture.cache.close().unwrap();
    let shard = database(fixture.path(), 0).parent().unwrap().to_owned();
    std::fs::remove_dir_all(&shard).unwrap();
    std::fs::write(&shard, "").unwrap();
    corrupt(open(fixture.path(), &existing(), &fixture.platform).map(drop).unwrap_err());
}
