//! What becomes of a transaction if it can not be told whose the directory is: the lease fails to be looked at,
//! at each look in turn.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use larder_engine::testing::TestPlatform;
use larder_engine::{Cache, Error, Key, OpenOptions, Value};

use crate::support::{Fixture, existing, open, plain};

const SHARDS: u32 = 3;
/// So many that every shard has some.
const KEYS: i64 = 12;

/// A lease at which nobody can look from one look on, until this is dropped.
struct Unsure {
    lease: PathBuf,
    platform: Rc<TestPlatform>,
}

fn lease_of(directory: &Path) -> PathBuf {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let is_lease = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("lease-");
    names.into_iter().find(is_lease).unwrap()
}

fn aside(lease: &Path) -> PathBuf {
    lease.with_file_name("aside")
}

impl Unsure {
    /// From the look of this number on, counted from 0.
    fn from(fixture: &Fixture, look: u32) -> Self {
        let (lease, looks) = (lease_of(fixture.path()), Cell::new(0));
        let (path, clock) = (lease.clone(), Rc::clone(&fixture.platform));
        fixture.platform.on_look(move || {
            if looks.get() == look {
                std::fs::rename(&path, aside(&path)).unwrap();
                std::fs::create_dir(&path).unwrap();
                // The lease has to be looked at again, but nobody else has it.
                clock.advance(OpenOptions::default().lease_ms / 2);
            }
            looks.set(looks.get() + 1);
        });
        Self { lease, platform: Rc::clone(&fixture.platform) }
    }
}

impl Drop for Unsure {
    fn drop(&mut self) {
        self.platform.on_look(|| {});
        if self.lease.is_dir() {
            std::fs::remove_dir(&self.lease).unwrap();
            std::fs::rename(aside(&self.lease), &self.lease).unwrap();
        }
    }
}

fn set_all(cache: &mut Cache, value: i64) -> Result<(), Error> {
    (0..KEYS).try_for_each(|key| set(cache, key, value))
}

fn set(cache: &mut Cache, key: i64, value: i64) -> Result<(), Error> {
    cache.set(&Key::Integer(key), &Value::Integer(value), &plain()).map(drop)
}

fn value(cache: &mut Cache, key: i64) -> i64 {
    match cache.get(&Key::Integer(key)).unwrap() {
        Some(Value::Integer(value)) => value,
        other => panic!("{other:?}"),
    }
}

/// The values of all keys.
fn values(cache: &mut Cache) -> Vec<i64> {
    (0..KEYS).map(|key| value(cache, key)).collect()
}

/// Tries something whose lease can not be looked at from the first look on, from the second, and so on, until that
/// makes no difference. It tells whether it has ended in an error. What is left then stays, and what is stored
/// after it is kept.
fn at_each_look(attempt: impl Fn(&mut Fixture, u32) -> bool) {
    for look in 0.. {
        let mut fixture = Fixture::sharded(SHARDS);
        set_all(&mut fixture.cache, 1).unwrap();
        let has_failed = attempt(&mut fixture, look);
        let found = values(&mut fixture.cache);
        set(&mut fixture.cache, KEYS, 9).unwrap();
        // Nothing is written any more that was not.
        TestPlatform::kill(fixture.cache);
        fixture.cache = open(fixture.directory.path(), &existing(), &fixture.platform).unwrap();
        assert_eq!(values(&mut fixture.cache), found, "look {look}");
        assert_eq!(value(&mut fixture.cache, KEYS), 9, "look {look}");
        assert_eq!(fixture.cache.check().unwrap(), []);
        if !has_failed {
            assert!(look > 0, "a lease is looked at");
            return;
        }
    }
}

fn all(value: i64) -> Vec<i64> {
    vec![value; usize::try_from(KEYS).unwrap()]
}

#[test]
fn a_transaction_that_could_not_be_begun_is_not_open() {
    at_each_look(|fixture, look| {
        let unsure = Unsure::from(fixture, look);
        let begun = fixture.cache.begin();
        drop(unsure);
        match begun {
            Ok(ticket) => fixture.cache.rollback(ticket).unwrap(),
            // What comes next is no part of it.
            Err(_) => set_all(&mut fixture.cache, 2).unwrap(),
        }
        begun.is_err()
    });
}

#[test]
fn a_rollback_undoes_everything_even_if_it_is_an_error() {
    at_each_look(|fixture, look| {
        let ticket = fixture.cache.begin().unwrap();
        fixture.cache.within(ticket, |cache| set_all(cache, 2)).unwrap();
        let unsure = Unsure::from(fixture, look);
        let undone = fixture.cache.rollback(ticket);
        drop(unsure);
        assert_eq!(values(&mut fixture.cache), all(1), "look {look}: {undone:?}");
        undone.is_err()
    });
}

#[test]
fn a_commit_that_is_an_error_has_done_all_or_nothing_and_nothing_is_open_any_more() {
    at_each_look(|fixture, look| {
        let ticket = fixture.cache.begin().unwrap();
        fixture.cache.within(ticket, |cache| set_all(cache, 2)).unwrap();
        let unsure = Unsure::from(fixture, look);
        let committed = fixture.cache.commit(ticket);
        drop(unsure);
        let found = values(&mut fixture.cache);
        let expected = committed.is_err() && found == all(1) || found == all(2);
        assert!(expected, "look {look}: {committed:?} left {found:?}");
        committed.is_err()
    });
}

#[test]
fn an_operation_that_is_an_error_is_no_part_of_its_transaction() {
    at_each_look(|fixture, look| {
        let ticket = fixture.cache.begin().unwrap();
        fixture.cache.within(ticket, |cache| set(cache, 0, 2)).unwrap();
        let unsure = Unsure::from(fixture, look);
        let done = fixture.cache.within(ticket, |cache| set(cache, 1, 2));
        drop(unsure);
        let committed = fixture.cache.commit(ticket);
        let mut expected = all(1);
        if committed.is_ok() {
            expected[0] = 2;
            expected[1] = if done.is_ok() { 2 } else { 1 };
        }
        assert_eq!(values(&mut fixture.cache), expected, "look {look}: {done:?}, {committed:?}");
        done.is_err()
    });
}
