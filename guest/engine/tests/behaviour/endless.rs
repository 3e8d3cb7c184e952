//! Damage that would lead work round in circles: each call ends, by an error that names it.

use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use larder_engine::testing::{TestPlatform, disorder};
use larder_engine::{Cache, Changes, Deque, Error, Limit, OpenOptions, Order, Result, Selection, Side, Value};
use rusqlite::Connection;

use crate::support::{Fixture, database, existing, open, put, scan, tamper};

/// Far longer than any of it takes.
const LONGEST: Duration = Duration::from_secs(20);

/// Does something with the cache in a damaged directory that might never end.
fn with<T: Send + 'static>(root: &Path, work: impl FnOnce(&mut Cache) -> Result<T> + Send + 'static) -> Result<T> {
    let (sender, receiver) = channel();
    let root = root.to_owned();
    thread::spawn(move || {
        let done = open(&root, &existing(), &TestPlatform::new()).and_then(|mut cache| work(&mut cache));
        // Nobody is there to hear it if it took too long.
        let _ = sender.send(done);
    });
    receiver.recv_timeout(LONGEST).unwrap_or_else(|error| panic!("no end: {error}"))
}

fn is_corrupt<T: std::fmt::Debug>(result: &Result<T>, sign: &str) {
    assert!(matches!(result, Err(Error::Corrupt(what)) if what.contains(sign)), "{sign}: {result:?}");
}

/// A closed cache in which the `nth` entry stands where it came in, under a number before all others.
fn disordered(entries: usize, nth: usize) -> Fixture {
    let mut fixture = Fixture::new();
    for number in 0..entries {
        put(&mut fixture.cache, &format!("{number}"), 1);
    }
    fixture.cache.close().unwrap();
    let path = database(fixture.path(), 0);
    let connection = Connection::open(&path).unwrap();
    let mut statement = connection.prepare("SELECT id FROM entry ORDER BY id").unwrap();
    let ids: Vec<i64> = statement.query_map([], |row| row.get(0)).unwrap().map(std::result::Result::unwrap).collect();
    drop(statement);
    drop(connection);
    assert!(disorder(&path, ids[nth - 1], ids[0] - 1));
    fixture
}

#[test]
fn entries_out_of_order_do_not_lead_a_check_round_in_circles() {
    let fixture = disordered(20, 20);
    for repair in [false, true] {
        let problems = with(fixture.path(), move |cache| if repair { cache.repair() } else { cache.check() });
        let problems = problems.unwrap();
        assert!(problems.iter().any(|problem| problem.description.contains("out of order")), "{problems:?}");
    }
}

#[test]
fn entries_out_of_order_end_an_enumeration_that_would_begin_anew() {
    // The last of the first page.
    let fixture = disordered(600, 512);
    let ended = with(fixture.path(), |cache| {
        let mut cursor = cache.scan(&scan(Selection::All, Order::Insertion))?;
        while !cursor.next(cache, 100)?.is_empty() {}
        Ok(())
    });
    is_corrupt(&ended, "out of order");
}

#[test]
fn an_entry_that_can_not_be_removed_is_an_error_and_not_tried_for_ever() {
    let fixture = disordered(20, 4);
    is_corrupt(&with(fixture.path(), |cache| cache.evict(&Selection::All)), "not found by its number");
}

#[test]
fn a_database_that_gives_no_pages_back_does_not_keep_compacting_from_ending() {
    let mut fixture = Fixture::with(&OpenOptions {
        changes: Changes { inline_threshold: Some(1 << 20), ..Changes::default() },
        ..OpenOptions::default()
    });
    for number in 0..40 {
        let value = Value::Bytes(vec![1; 50_000]);
        fixture.cache.set(&crate::support::text(&format!("{number}")), &value, &crate::support::plain()).unwrap();
    }
    fixture.cache.close().unwrap();
    tamper(fixture.path(), "DELETE FROM entry; UPDATE totals SET count = 0; PRAGMA wal_checkpoint(TRUNCATE)");
    let path = database(fixture.path(), 0);
    let mut bytes = std::fs::read(&path).unwrap();
    assert!(bytes[36..40].iter().any(|byte| *byte != 0), "there are pages without content");
    // <https://www.sqlite.org/fileformat2.html#the_database_header>: no auto-vacuum.
    bytes[52..56].fill(0);
    std::fs::write(&path, bytes).unwrap();
    with(fixture.path(), Cache::compact).map_or_else(|error| is_corrupt::<()>(&Err(error), ""), drop);
    let culled = with(fixture.path(), |cache| {
        cache.configure(&Changes { size_limit: Limit::AtMost(1 << 20), ..Changes::default() })?;
        cache.cull()
    });
    culled.map_or_else(|error| is_corrupt::<()>(&Err(error), ""), drop);
}

#[test]
fn a_deque_said_to_hold_more_than_there_is_room_for_is_an_error_and_not_walked_along() {
    const LENGTH: i64 = 1 << 50;
    let deque = || Deque::new("line").unwrap();
    let mut fixture = Fixture::new();
    deque().push(&mut fixture.cache, &[Value::Integer(1), Value::Integer(2)], Side::Back).unwrap();
    fixture.cache.close().unwrap();
    // One piece of so many numbers from 0 on, in the form in which the order of a deque is kept.
    let varint = |number: u64| {
        let sevens = (0..9).map(|place| (number >> (7 * place) & 0x7f).to_le_bytes()[0]);
        let mut bytes: Vec<u8> = sevens.map(|seven| seven | 0x80).collect();
        *bytes.last_mut().unwrap() &= 0x7f;
        bytes
    };
    let length = LENGTH.cast_unsigned();
    let pieces = [vec![1, 1, 0], varint(length), vec![0], varint(length << 1), vec![0]].concat();
    Connection::open(database(fixture.path(), 0))
        .unwrap()
        .execute("UPDATE collection SET length = ?1, layout = ?2", (LENGTH, pieces))
        .unwrap();
    is_corrupt(&with(fixture.path(), move |cache| deque().scan(cache, 0, false).map(drop)), "no room");
    is_corrupt(&with(fixture.path(), move |cache| deque().copy_to(cache, &Deque::new("other")?)), "no room");
    is_corrupt(&with(fixture.path(), move |cache| deque().set_bound(cache, Some(1))), "missing");
    let repaired = with(fixture.path(), Cache::repair);
    assert!(repaired.unwrap().iter().any(|problem| problem.description.contains("length or order")));
    assert_eq!(with(fixture.path(), move |cache| deque().len(cache)), Ok(2));
}
