//! Damaged collections: an error by name, `check` finds it, and `repair` loses no more than it must.

use larder_engine::{Changes, Deque, Error, Index, IndexScan, OpenOptions, Side};

use super::{THRESHOLD, content, items, value, values};
use crate::support::{Fixture, existing, tamper, text, value_files};

fn healthy() -> Fixture {
    let changes = Changes { inline_threshold: Some(THRESHOLD), ..Changes::default() };
    let mut fixture = Fixture::with(&OpenOptions { changes, ..OpenOptions::default() });
    let cache = &mut fixture.cache;
    deque().push(cache, &values(0..6), Side::Back).unwrap();
    deque().rotate(cache, 2).unwrap();
    let items: Vec<_> = (0..6).map(|number| (text(&number.to_string()), value(number))).collect();
    index().update(cache, &items).unwrap();
    fixture.cache.close().unwrap();
    fixture
}

fn deque() -> Deque {
    Deque::new("line").unwrap()
}

fn index() -> Index {
    Index::new("map").unwrap()
}

#[allow(clippy::needless_pass_by_value, reason = "so that a call can be handed in")]
fn is_corrupt<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Corrupt(_)))
}

/// Repairs, and returns how many problems there were; afterwards there are none.
fn repaired(fixture: &mut Fixture) -> usize {
    let problems = fixture.cache.repair().unwrap();
    assert!(problems.iter().all(|problem| problem.remedy.is_some()), "{problems:?}");
    assert_eq!(fixture.cache.check().unwrap(), []);
    problems.len()
}

#[test]
fn an_altered_value_costs_itself_alone() {
    let mut fixture = healthy();
    tamper(fixture.path(), "UPDATE member SET value = 77 WHERE value IN (1, 2)");
    fixture.reopen_closed(&existing());
    let cache = &mut fixture.cache;
    // 4, 5, 0, 1, 2, 3
    assert!(is_corrupt(deque().get(cache, 3)) && is_corrupt(index().get(cache, &text("2"))));
    assert!(deque().get(cache, 0).is_ok() && index().get(cache, &text("0")).is_ok());
    assert_eq!(deque().pull(cache, Side::Front, 10, 0).unwrap().len(), 3, "those before it");
    assert!(is_corrupt(deque().pull(cache, Side::Front, 10, 0)), "and then the damage is told");
    assert_eq!(deque().len(cache).unwrap(), 3, "it costs nothing");
    assert_eq!(repaired(&mut fixture), 4);
    let cache = &mut fixture.cache;
    assert_eq!(content(cache, &deque()), [3]);
    assert_eq!(items(cache, &index(), &IndexScan::default()).len(), 4);
}

#[test]
fn a_missing_value_file_costs_its_value_alone() {
    let mut fixture = healthy();
    for file in value_files(fixture.path()) {
        std::fs::remove_file(file).unwrap();
    }
    fixture.reopen_closed(&existing());
    let cache = &mut fixture.cache;
    assert!(is_corrupt(deque().get(cache, 2)) && is_corrupt(index().get(cache, &text("3"))));
    let mut cursor = index().scan(cache, &IndexScan::default()).unwrap();
    assert!(is_corrupt(cursor.next_items(cache, 10)), "told once");
    assert_eq!(cursor.next_items(cache, 10).unwrap().len(), 2, "and then the rest, up to the next");
    assert_eq!(repaired(&mut fixture), 4);
    assert_eq!(content(&mut fixture.cache, &deque()), [4, 5, 1, 2]);
}

#[test]
fn an_order_that_was_altered_is_made_anew_from_the_values() {
    for (statement, expected) in [
        ("UPDATE collection SET layout = x'0102' WHERE name = 'line'", vec![0, 1, 2, 3, 4, 5]),
        ("UPDATE collection SET layout = x'' WHERE name = 'line'", vec![0, 1, 2, 3, 4, 5]),
        ("UPDATE collection SET length = 9 WHERE name = 'line'", vec![0, 1, 2, 3, 4, 5]),
        ("UPDATE collection SET bound = -1 WHERE name = 'line'", vec![0, 1, 2, 3, 4, 5]),
        ("DELETE FROM member WHERE value = 5 AND key IS NULL", vec![4, 0, 1, 2, 3]),
    ] {
        let mut fixture = healthy();
        tamper(fixture.path(), statement);
        fixture.reopen_closed(&existing());
        let cache = &mut fixture.cache;
        if expected.len() == 6 {
            assert!(
                is_corrupt(deque().len(cache)) && is_corrupt(deque().push(cache, &values([1]), Side::Back)),
                "{statement}"
            );
        } else {
            assert!(is_corrupt(deque().get(cache, 1)), "{statement}");
        }
        assert_eq!(repaired(&mut fixture), 1, "{statement}");
        let cache = &mut fixture.cache;
        assert_eq!(content(cache, &deque()), expected, "{statement}");
        deque().push(cache, &values([6]), Side::Back).unwrap();
        assert_eq!(content(cache, &deque()).last(), Some(&6));
        assert_eq!(items(cache, &index(), &IndexScan::default()).len(), 6);
    }
}

#[test]
fn lengths_and_values_without_a_collection_are_found() {
    let mut fixture = healthy();
    tamper(
        fixture.path(),
        "UPDATE collection SET length = 2 WHERE name = 'map'; DELETE FROM collection WHERE name = 'line'",
    );
    fixture.reopen_closed(&existing());
    assert_eq!(repaired(&mut fixture), 2);
    let cache = &mut fixture.cache;
    assert_eq!((index().len(cache).unwrap(), deque().len(cache).unwrap()), (6, 0));
    deque().push(cache, &values(0..3), Side::Back).unwrap();
    assert_eq!(content(cache, &deque()), [0, 1, 2]);
}
