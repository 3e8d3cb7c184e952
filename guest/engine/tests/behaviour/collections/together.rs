//! Collections in transactions, under limits, among others, and after crashes.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use larder_engine::testing::TestPlatform;
use larder_engine::{
    Cache, Changes, Deque, Error, Index, IndexScan, Limit, OpenOptions, Policy, Selection, Side, Value,
};

use super::{THRESHOLD, content, items, number, value, values};
use crate::support::{Fixture, Shared, existing, open, plain, put, text, value_files};

const NAMES: i64 = 8;

fn options(shards: u32) -> OpenOptions {
    let changes = Changes { inline_threshold: Some(THRESHOLD), ..Changes::default() };
    OpenOptions { shards: Some(shards), changes, ..OpenOptions::default() }
}

fn deque(number: i64) -> Deque {
    Deque::new(&format!("deque {number}")).unwrap()
}

fn index(number: i64) -> Index {
    Index::new(&format!("index {number}")).unwrap()
}

fn prepare(cache: &mut Cache) {
    for name in 0..NAMES {
        deque(name).push(cache, &values(0..6), Side::Back).unwrap();
        let items: Vec<_> = (0..6).map(|number| (text(&number.to_string()), value(number))).collect();
        index(name).update(cache, &items).unwrap();
    }
}

/// Changes collections of every shard in every way.
fn change_all(cache: &mut Cache) -> Result<(), Error> {
    for name in 0..NAMES {
        let (deque, index) = (deque(name), index(name));
        deque.rotate(cache, 2)?;
        deque.set(cache, 0, &value(30))?;
        deque.pull(cache, Side::Back, 2, 0)?;
        deque.insert(cache, 2, &value(33))?;
        index.set(cache, text("3"), value(36))?;
        index.pop(cache, &text("0"))?;
        index.set(cache, text("new"), value(39))?;
        index.move_to_end(cache, &text("1"), Side::Back)?;
        if name % 2 == 0 {
            index.clear(cache)?;
            Deque::new(&format!("new {name}"))?.push(cache, &values([3, 4]), Side::Front)?;
        }
    }
    Ok(())
}

type Seen = Vec<(Vec<i64>, Vec<(larder_engine::Key, i64)>, u64)>;

fn seen(cache: &mut Cache) -> Seen {
    let each = (0..NAMES).map(|name| {
        let new = Deque::new(&format!("new {name}")).unwrap().len(cache).unwrap();
        (content(cache, &deque(name)), items(cache, &index(name), &IndexScan::default()), new)
    });
    each.collect()
}

#[test]
fn a_transaction_holds_for_collections_as_for_entries() {
    for shards in [1, 3] {
        let mut fixture = Fixture::with(&options(shards));
        prepare(&mut fixture.cache);
        let (before, files) = (seen(&mut fixture.cache), value_files(fixture.path()));
        let ticket = fixture.cache.begin().unwrap();
        fixture.cache.within(ticket, change_all).unwrap();
        assert!(matches!(deque(0).len(&mut fixture.cache), Err(Error::InTransaction)));
        let inside = fixture.cache.within(ticket, |cache| Ok(seen(cache))).unwrap();
        fixture.cache.rollback(ticket).unwrap();
        assert_eq!((seen(&mut fixture.cache), value_files(fixture.path())), (before, files));
        assert_eq!(fixture.cache.check().unwrap(), []);
        let ticket = fixture.cache.begin().unwrap();
        fixture.cache.within(ticket, change_all).unwrap();
        fixture.cache.commit(ticket).unwrap();
        assert_eq!(seen(&mut fixture.cache), inside);
        assert_eq!(fixture.cache.check().unwrap(), []);
    }
}

#[test]
fn a_crash_between_the_commits_of_several_shards_leaves_all_or_nothing_of_collections() {
    let mut outcomes = Vec::new();
    for n in 1.. {
        let shared = Shared::new();
        let platform = shared.platform(1);
        let mut cache = open(shared.directory.path(), &options(3), &platform).unwrap();
        prepare(&mut cache);
        let before = seen(&mut cache);
        let mut living = shared.open(2, &OpenOptions { wait_ms: 1_000, ..existing() });
        let commits = Rc::new(Cell::new(0));
        let counted = Rc::clone(&commits);
        platform.on_commit(move || {
            counted.set(counted.get() + 1);
            assert!(counted.get() != n, "the end of the process");
            Ok(())
        });
        let mut after = None;
        let died = catch_unwind(AssertUnwindSafe(|| {
            let ticket = cache.begin().unwrap();
            cache.within(ticket, change_all).unwrap();
            after = Some(cache.within(ticket, |cache| Ok(seen(cache))).unwrap());
            cache.commit(ticket).unwrap();
        }))
        .is_err();
        TestPlatform::kill(cache);
        platform.crash();
        let first = seen(&mut living);
        let took_place = Some(&first) == after.as_ref();
        assert!(took_place || first == before, "half of a transaction before commit {n}");
        let mut next = shared.open(3, &existing());
        assert_eq!((seen(&mut next), next.check().unwrap()), (first, vec![]), "before commit {n}");
        outcomes.push(took_place);
        if !died {
            break;
        }
    }
    assert_eq!(outcomes.iter().filter(|took_place| !**took_place).count(), 3);
    assert_eq!(outcomes.len(), 7);
}

#[test]
fn a_killed_owner_leaves_no_files_of_values_that_were_not_stored() {
    let shared = Shared::new();
    let platform = shared.platform(1);
    let mut cache = open(shared.directory.path(), &options(1), &platform).unwrap();
    prepare(&mut cache);
    let files = value_files(shared.directory.path()).len();
    let ticket = cache.begin().unwrap();
    cache.within(ticket, change_all).unwrap();
    TestPlatform::kill(cache);
    platform.crash();
    let mut next = shared.open(2, &existing());
    assert_eq!((next.check().unwrap(), value_files(shared.directory.path()).len()), (vec![], files));
}

#[test]
fn nothing_that_concerns_entries_touches_collections() {
    let changes = Changes { item_limit: Limit::AtMost(5), ..Changes::default() };
    let mut fixture = Fixture::with(&OpenOptions { changes, ..OpenOptions::default() });
    let cache = &mut fixture.cache;
    prepare(cache);
    let before = seen(cache);
    for number in 0..20 {
        put(cache, &number.to_string(), number);
    }
    fixture.platform.advance(1_000_000);
    cache.expire().unwrap();
    cache.cull().unwrap();
    cache.evict(&Selection::All).unwrap();
    cache.clear().unwrap();
    assert_eq!((cache.count().unwrap(), seen(cache)), (0, before));
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn entries_make_room_for_collections_and_when_none_are_left_the_limit_is_an_error() {
    for policy in [Policy::LeastRecentlyStored, Policy::None] {
        let changes = Changes {
            size_limit: Limit::AtMost(2_000_000),
            inline_threshold: Some(100_000),
            policy: Some(policy),
            ..Changes::default()
        };
        let mut fixture = Fixture::with(&OpenOptions { changes, ..OpenOptions::default() });
        let cache = &mut fixture.cache;
        if policy != Policy::None {
            for number in 0..200 {
                cache.set(&larder_engine::Key::Integer(number), &Value::Bytes(vec![0; 10_000]), &plain()).unwrap();
            }
        }
        let line = Deque::new("line").unwrap();
        let mut pushed = 0;
        let error = loop {
            match line.push(cache, &[Value::Bytes(vec![1; 10_000])], Side::Back) {
                Ok(length) => pushed = length,
                Err(error) => break error,
            }
            assert!(cache.volume().unwrap() <= 2_000_000);
        };
        assert!(matches!(error, Error::Full(_)), "{error:?}");
        assert!(pushed > 100, "{pushed}");
        // What would have gone in vain for the last one is still there.
        assert!(line.len(cache).unwrap() == pushed && cache.count().unwrap() <= 1);
        line.pull(cache, Side::Front, 50, 0).unwrap();
        line.push(cache, &values(0..10), Side::Back).unwrap();
        assert_eq!(cache.check().unwrap(), []);
    }
}

#[test]
fn what_could_never_fit_is_refused() {
    let changes = Changes { size_limit: Limit::AtMost(1_000_000), ..Changes::default() };
    let mut fixture = Fixture::with(&OpenOptions { changes, ..OpenOptions::default() });
    let cache = &mut fixture.cache;
    let large = Value::Bytes(vec![0; 2_000_000]);
    let refused = |result: Result<(), Error>| assert!(matches!(result, Err(Error::TooLarge { .. })), "{result:?}");
    refused(Deque::new("d").unwrap().push(cache, &[value(1), large.clone()], Side::Back).map(drop));
    refused(Index::new("i").unwrap().set(cache, text("k"), large.clone()).map(drop));
    assert_eq!((cache.deques().unwrap(), cache.indexes().unwrap()), (vec![], vec![]));
    assert_eq!((cache.check().unwrap(), value_files(fixture.path()).len()), (vec![], 0));
}

#[test]
fn many_handles_pull_each_value_once_and_lose_none() {
    let shared = Shared::new();
    let line = Deque::new("line").unwrap();
    let mut handles: Vec<_> =
        (1..5).map(|seed| shared.open(seed, &if seed == 1 { options(1) } else { existing() })).collect();
    let (mut next, mut seen) = (0, Vec::new());
    for round in 0..400_usize {
        let count = handles.len();
        let cache = &mut handles[round % count];
        if round % 3 < 2 {
            line.push(cache, &values([next, next + 1]), Side::Back).unwrap();
            next += 2;
        } else {
            seen.extend(line.pull(cache, Side::Front, 3, 0).unwrap().iter().map(number));
        }
    }
    seen.extend(content(&mut handles[2], &line));
    assert_eq!(seen, (0..next).collect::<Vec<_>>());
}

#[test]
fn a_handle_that_only_reads_says_so() {
    let mut fixture = Fixture::with(&options(2));
    prepare(&mut fixture.cache);
    let before = seen(&mut fixture.cache);
    fixture.reopen(&OpenOptions { read_only: true, ..existing() });
    let cache = &mut fixture.cache;
    assert_eq!(seen(cache), before);
    let refused = |result: Result<(), Error>| assert!(matches!(result, Err(Error::ReadOnly(_))), "{result:?}");
    refused(deque(0).push(cache, &values([1]), Side::Back).map(drop));
    refused(deque(0).pull(cache, Side::Back, 1, 0).map(drop));
    refused(Deque::new("none").unwrap().pull(cache, Side::Back, 1, 10).map(drop));
    refused(deque(0).copy_to(cache, &deque(1)).map(drop));
    refused(index(0).set(cache, text("k"), value(1)).map(drop));
    refused(index(0).set_default(cache, &text("none"), &value(1)).map(drop));
    refused(index(0).pop_item(cache, Side::Back).map(drop));
    assert!(deque(0).compare(cache, &deque(1)).unwrap().is_eq());
    assert!(index(0).equals(cache, &index(1), true).unwrap());
}
