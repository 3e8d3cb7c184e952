//! Damaged databases: an error by name or the right data, never a panic, and `check` finds it.

use std::fs;

use larder_engine::{Changes, Error, Expiry, Key, Number, OpenOptions, Platform, Scan, Selection, Value};

use crate::support::{Fixture, Shared, database, existing, open, plain, put, same, tagged, tamper, text};

const ENTRIES: i64 = 60;

/// Text of different lengths, some on overflow pages, some in files.
fn value(number: i64) -> Value {
    let length = [10, 300, 6_000, 9_000][usize::try_from(number % 4).unwrap()];
    Value::Text(format!("{number} ").repeat(length / 2))
}

/// A directory with entries of all kinds, closed.
fn healthy() -> Fixture {
    let mut fixture = Fixture::with(&OpenOptions {
        changes: Changes { inline_threshold: Some(8_000), ..Changes::default() },
        ..OpenOptions::default()
    });
    for number in 0..ENTRIES {
        let options = tagged(&["all", if number % 2 == 0 { "even" } else { "odd" }]);
        fixture.cache.set(&Key::Integer(number), &value(number), &options).unwrap();
    }
    put(&mut fixture.cache, "n", 1);
    fixture.cache.close().unwrap();
    fixture
}

fn is_named(error: &Error) -> bool {
    matches!(
        error,
        Error::Corrupt(_) | Error::UnsupportedFormat(_) | Error::Io(_) | Error::TooLarge { .. } | Error::Full(_)
    )
}

/// Does everything with a directory that may be damaged. Whatever is returned must be right.
fn exercise(fixture: &Fixture, what: &str) {
    let acceptable = |error: Error| assert!(is_named(&error), "{what}: {error:?}");
    let mut cache = match open(fixture.path(), &existing(), &fixture.platform) {
        Ok(cache) => cache,
        Err(error) => return acceptable(error),
    };
    for number in 0..ENTRIES {
        match cache.get(&Key::Integer(number)) {
            Ok(Some(found)) => assert!(same(&found, &value(number)), "{what}: wrong value of {number}"),
            Ok(None) => {}
            Err(error) => acceptable(error),
        }
        cache.get_entry(&Key::Integer(number)).map_or_else(acceptable, drop);
    }
    match cache.scan(&Scan::default()) {
        Ok(mut cursor) => {
            for _ in 0..10 {
                match cursor.next(&mut cache, 100) {
                    Ok(keys) if keys.is_empty() => break,
                    Ok(_) => {}
                    Err(error) => {
                        acceptable(error);
                        break;
                    }
                }
            }
        }
        Err(error) => acceptable(error),
    }
    cache.set(&text("new"), &Value::Integer(1), &tagged(&["all"])).map_or_else(acceptable, drop);
    cache.increment(&text("n"), Number::Integer(1), None, &plain()).map_or_else(acceptable, drop);
    cache.touch(&Key::Integer(3), Expiry::After(1_000)).map_or_else(acceptable, drop);
    cache.delete(&Key::Integer(2)).map_or_else(acceptable, drop);
    cache.evict(&Selection::Tag("even".into())).map_or_else(acceptable, drop);
    cache.expire().map_or_else(acceptable, drop);
    cache.check().map_or_else(acceptable, drop);
    cache.information().map_or_else(acceptable, drop);
    cache.clear().map_or_else(acceptable, drop);
    cache.close().unwrap_or_else(acceptable);
}

#[test]
fn a_database_cut_short_is_a_named_error_or_right_data() {
    let mut fixture = healthy();
    let path = database(fixture.path(), 0);
    let whole = fs::read(&path).unwrap();
    for length in [0, 1, 15, 100, 4_095, 4_096, 5_000, 8_192, whole.len() / 2, whole.len() - 4_096, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        if length < 4_096 {
            let refused = open(fixture.path(), &existing(), &fixture.platform).err();
            let is_corrupt = matches!(&refused, Some(Error::Corrupt(what)) if what.contains("cache.db"));
            assert!(is_corrupt, "{length}: {refused:?}");
        } else {
            exercise(&fixture, &format!("cut to {length}"));
        }
        remove_logs(&path);
    }
    fs::write(&path, &whole).unwrap();
    fixture.cache = open(fixture.path(), &existing(), &fixture.platform).unwrap();
    assert_eq!(fixture.cache.count().unwrap(), 61);
}

fn remove_logs(database: &std::path::Path) {
    for suffix in ["-wal", "-shm"] {
        fs::remove_file(format!("{}{suffix}", database.display())).ok();
    }
}

#[test]
fn what_is_not_a_database_is_corrupt() {
    let fixture = healthy();
    fs::write(database(fixture.path(), 0), vec![b'x'; 10_000]).unwrap();
    let refused = open(fixture.path(), &existing(), &fixture.platform).err();
    assert!(matches!(refused, Some(Error::Corrupt(what)) if what.contains("cache.db")));
}

#[test]
fn flipped_bytes_are_a_named_error_or_right_data() {
    let fixture = healthy();
    let path = database(fixture.path(), 0);
    let whole = fs::read(&path).unwrap();
    let files: Vec<_> =
        crate::support::value_files(fixture.path()).into_iter().map(|file| (fs::read(&file).unwrap(), file)).collect();
    for round in 0..250 {
        let mut damaged = whole.clone();
        let random = fixture.platform.random();
        // Half of them where a flip tells most: in the headers and the first pages.
        let range = if round % 2 == 0 { 12_288 } else { damaged.len() };
        let place = usize::try_from(random >> 16).unwrap() % range;
        damaged[place] ^= 1 << (random % 8);
        fs::write(&path, damaged).unwrap();
        exercise(&fixture, &format!("bit {} of byte {place}", random % 8));
        remove_logs(&path);
        for (content, file) in &files {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
    }
}

#[test]
fn hostile_numbers_are_named_errors() {
    let extremes = ["-9223372036854775808", "9223372036854775807", "-1"];
    let columns = [
        "entry SET size",
        "entry SET rank",
        "entry SET place",
        "entry SET expires",
        "entry SET ttl",
        "entry SET hits",
        "entry SET version",
        "entry SET length",
        "entry SET file",
        "entry SET form",
        "entry SET stored",
        "totals SET count",
        "totals SET files",
        "totals SET sequence",
        "totals SET age",
        "totals SET settings",
    ];
    for (column, extreme) in columns.iter().flat_map(|column| extremes.map(|extreme| (column, extreme))) {
        let fixture = healthy();
        tamper(fixture.path(), &format!("UPDATE {column} = {extreme}"));
        exercise(&fixture, &format!("{column} = {extreme}"));
    }
}

#[test]
fn check_finds_every_kind_of_damage() {
    for (statement, sign) in [
        ("UPDATE totals SET count = count + 1", "count"),
        ("UPDATE totals SET files = files - 1", "size of files"),
        ("UPDATE entry SET size = size + 1 WHERE key = 4", "size"),
        ("UPDATE entry SET value = 'other' WHERE key = 4", "altered"),
        ("UPDATE entry SET value = NULL WHERE key = 4", "missing"),
        ("UPDATE entry SET form = 9 WHERE key = 4", "form"),
        ("UPDATE entry SET checksum = checksum + 1 WHERE key = 4", "altered"),
        ("UPDATE entry SET checksum = checksum + 1 WHERE key = 3", "does not hold"),
        ("UPDATE entry SET file = 5 WHERE key = 3", "missing"),
        ("INSERT INTO tag VALUES ('x', 1)", "tag"),
        ("INSERT INTO tag SELECT 'x', id FROM entry WHERE key = 4", "tag"),
        ("DELETE FROM tag WHERE tag = 'all' AND entry = (SELECT id FROM entry WHERE key = 4)", "tag"),
        ("DELETE FROM entry WHERE key = 3", "belongs to no entry"),
    ] {
        let mut fixture = healthy();
        tamper(fixture.path(), statement);
        fixture.cache = open(fixture.path(), &existing(), &fixture.platform).unwrap();
        let problems = fixture.cache.check().unwrap();
        assert!(problems.iter().any(|problem| problem.description.contains(sign)), "{statement}: {problems:?}");
    }
    let mut fixture = healthy();
    fixture.cache = open(fixture.path(), &existing(), &fixture.platform).unwrap();
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn after_damage_was_met_the_same_handle_goes_on() {
    let shared = Shared::new();
    let mut cache = shared.open(1, &OpenOptions::default());
    put(&mut cache, "a", 1);
    put(&mut cache, "b", 2);
    tamper(shared.directory.path(), "UPDATE entry SET checksum = 0 WHERE key = 'a'");
    for _ in 0..3 {
        assert!(matches!(cache.get(&text("a")), Err(Error::Corrupt(what)) if what.contains("\"a\"")));
        let sum = cache.increment(&text("a"), Number::Integer(1), None, &plain());
        assert!(matches!(sum, Err(Error::Corrupt(what)) if what.contains("\"a\"")));
        assert_eq!(crate::support::integer(&mut cache, "b"), Some(2));
    }
    put(&mut cache, "a", 3);
    assert_eq!(crate::support::integer(&mut cache, "a"), Some(3));
}
