//! Transactions: all of it or nothing, in one shard and over several, whatever happens.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use larder_engine::testing::{TestPlatform, shard_of};
use larder_engine::{Cache, Draft, Error, Expiry, Key, OpenOptions, Selection, Side, Ticket, Value};

use crate::support::{Fixture, Shared, existing, integer, names, open, plain, put, same, tagged, text, value_files};

const SHARDS: u32 = 4;
/// Enough keys that each shard has some.
const KEYS: i64 = 24;
/// Queues that are empty before, in several shards.
const QUEUES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
/// As many values with files as there are keys.
const FILES: usize = 24;

fn large(byte: u8) -> Value {
    Value::Bytes(vec![byte; 40_000])
}

#[test]
fn closing_undoes_what_was_not_committed() {
    for shards in [1, SHARDS] {
        let mut fixture = Fixture::sharded(shards);
        put(&mut fixture.cache, "kept", 1);
        let ticket = fixture.cache.begin().unwrap();
        let stored = fixture.cache.within(ticket, |cache| {
            put(cache, "kept", 2);
            cache.set(&text("large"), &large(1), &plain())
        });
        stored.unwrap();
        fixture.cache.close().unwrap();
        assert_eq!(value_files(fixture.path()), Vec::<std::path::PathBuf>::new(), "{shards} shards");
        fixture.reopen_closed(&existing());
        assert_eq!(integer(&mut fixture.cache, "kept"), Some(1));
        assert_eq!(names(&mut fixture.cache), ["kept"]);
        assert_eq!(fixture.cache.check().unwrap(), []);
    }
}

#[test]
fn what_is_committed_is_there_and_what_is_rolled_back_is_not() {
    for shards in [1, SHARDS] {
        let mut fixture = Fixture::sharded(shards);
        let cache = &mut fixture.cache;
        put(cache, "kept", 1);
        for commit in [true, false] {
            let ticket = cache.begin().unwrap();
            cache
                .within(ticket, |cache| {
                    put(cache, "new", 2);
                    put(cache, "kept", 3);
                    cache.delete(&text("gone"))?;
                    cache.increment(
                        &text("sum"),
                        larder_engine::Number::Integer(5),
                        Some(larder_engine::Number::Integer(0)),
                        &plain(),
                    )?;
                    cache.push("jobs", &Value::Integer(7), Side::Back, &plain())?;
                    assert_eq!((integer(cache, "new"), integer(cache, "kept")), (Some(2), Some(3)), "it reads its own");
                    Ok(())
                })
                .unwrap();
            if commit {
                cache.commit(ticket).unwrap();
                assert_eq!(
                    (integer(cache, "new"), integer(cache, "kept"), integer(cache, "sum")),
                    (Some(2), Some(3), Some(5))
                );
                cache.clear().unwrap();
                put(cache, "kept", 1);
            } else {
                cache.rollback(ticket).unwrap();
                assert_eq!(
                    (integer(cache, "new"), integer(cache, "kept"), integer(cache, "sum")),
                    (None, Some(1), None)
                );
                assert_eq!(cache.queue_length("jobs").unwrap(), 0);
            }
            assert_eq!(cache.check().unwrap(), []);
            assert!(matches!(cache.commit(ticket), Err(Error::Closed)), "it has ended");
        }
    }
}

#[test]
fn work_beside_the_open_transaction_of_a_handle_is_refused() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let ticket = cache.begin().unwrap();
    assert_eq!(cache.set(&text("a"), &Value::Integer(1), &plain()), Err(Error::InTransaction));
    assert!(matches!(cache.get(&text("a")), Err(Error::InTransaction)));
    assert_eq!(cache.count(), Err(Error::InTransaction));
    assert_eq!(cache.begin(), Err(Error::InTransaction));
    assert!(matches!(cache.within(ticket, |cache| cache.evict(&Selection::All)), Err(Error::InTransaction)));
    cache.rollback(ticket).unwrap();
    put(cache, "a", 1);
}

#[test]
fn an_operation_that_fails_has_done_nothing_and_the_transaction_goes_on() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    cache.set(&text("word"), &Value::Text("x".into()), &plain()).unwrap();
    let ticket = cache.begin().unwrap();
    cache
        .within(ticket, |cache| {
            put(cache, "a", 1);
            let one = larder_engine::Number::Integer(1);
            assert!(matches!(cache.increment(&text("word"), one, None, &plain()), Err(Error::WrongType(_))));
            let endless = larder_engine::SetOptions { ttl: Expiry::After(u64::MAX), ..plain() };
            assert!(matches!(cache.set(&text("b"), &large(1), &endless), Err(Error::Overflow(_))));
            put(cache, "c", 3);
            Ok(())
        })
        .unwrap();
    cache.commit(ticket).unwrap();
    assert_eq!(names(cache), ["word", "a", "c"]);
    assert!(value_files(fixture.path()).is_empty());
}

#[test]
fn value_files_follow_the_outcome() {
    for shards in [1, SHARDS] {
        let mut fixture = Fixture::sharded(shards);
        for key in 0..KEYS {
            fixture.cache.set(&Key::Integer(key), &large(1), &plain()).unwrap();
        }
        let before = value_files(fixture.path());
        for commit in [false, true] {
            let cache = &mut fixture.cache;
            let ticket = cache.begin().unwrap();
            let work = |cache: &mut Cache| {
                for key in 0..KEYS {
                    cache.set(&Key::Integer(key), &large(2), &plain())?;
                    cache.set(&Key::Integer(key), &large(3), &plain())?;
                    cache.set(&Key::Integer(KEYS + key), &large(4), &plain())?;
                    cache.delete(&Key::Integer(KEYS + key)).map(drop)?;
                }
                Ok(())
            };
            cache.within(ticket, work).unwrap();
            let ended = if commit { cache.commit(ticket) } else { cache.rollback(ticket) };
            ended.unwrap();
            assert_eq!(cache.check().unwrap(), []);
            let expected = if commit { 3 } else { 1 };
            for key in 0..KEYS {
                let Some(Value::Bytes(bytes)) = cache.get(&Key::Integer(key)).unwrap() else { panic!("{key} is gone") };
                assert!(bytes.iter().all(|byte| *byte == expected));
            }
            assert_eq!(value_files(fixture.path()).len(), before.len());
            assert_eq!(value_files(fixture.path()) == before, !commit);
        }
        fixture.reopen(&existing());
        assert_eq!(fixture.cache.check().unwrap(), []);
    }
}

#[test]
fn others_see_nothing_before_the_commit_and_wait_no_longer_than_they_would() {
    let shared = Shared::new();
    let mut writer = shared.open(1, &OpenOptions { shards: Some(SHARDS), ..OpenOptions::default() });
    let mut other = shared.open(2, &OpenOptions { wait_ms: 20, ..existing() });
    let ticket = writer.begin().unwrap();
    writer.within(ticket, |cache| set_all(cache, 1)).unwrap();
    assert_eq!(seen(&mut other), Seen::Nothing);
    assert!(matches!(other.set(&Key::Integer(0), &Value::Integer(9), &plain()), Err(Error::Timeout(_))));
    assert!(matches!(other.begin(), Err(Error::Timeout(_))));
    writer.commit(ticket).unwrap();
    assert_eq!(seen(&mut other), Seen::All);
}

#[test]
fn bulk_operations_are_all_or_nothing_over_shards_and_keep_the_order_of_results() {
    let mut fixture = Fixture::sharded(SHARDS);
    let cache = &mut fixture.cache;
    let draft = |key: i64, value: Value| Draft { key: Key::Integer(key), value, options: plain() };
    let drafts: Vec<_> = (0..KEYS).map(|key| draft(key, Value::Integer(key * 10))).collect();
    let versions = cache.set_many(&drafts).unwrap();
    for (key, version) in (0..KEYS).zip(&versions) {
        assert_eq!(cache.get_entry(&Key::Integer(key)).unwrap().unwrap().metadata.version, *version);
    }
    let asked: Vec<_> = [5, 99, 0, 5].map(Key::Integer).to_vec();
    let values: Vec<_> = cache.get_many(&asked).unwrap();
    let expected = [Some(50), None, Some(0), Some(50)];
    for (value, expected) in values.iter().zip(expected) {
        assert!(
            matches!((value, expected), (Some(Value::Integer(a)), Some(b)) if *a == b)
                || (value.is_none() && expected.is_none())
        );
    }
    assert_eq!(cache.touch_many(&asked, Expiry::After(5)).unwrap(), [true, false, true, true]);
    assert_eq!(cache.delete_many(&asked).unwrap(), [true, false, true, false], "the second 5 is gone already");

    // The last one can not be stored: nothing is.
    let mut failing: Vec<_> = (0..KEYS).map(|key| draft(1_000 + key, large(7))).collect();
    failing.push(Draft {
        options: larder_engine::SetOptions { ttl: Expiry::After(u64::MAX), ..plain() },
        ..draft(7, large(1))
    });
    assert!(matches!(cache.set_many(&failing), Err(Error::Overflow(_))));
    assert!(!cache.contains(&Key::Integer(1_000)).unwrap());
    assert_eq!(cache.check().unwrap(), []);
    assert!(value_files(fixture.path()).is_empty());
}

#[test]
fn a_bulk_operation_that_fails_in_one_shard_has_done_nothing_in_the_others_and_the_transaction_goes_on() {
    let mut fixture = Fixture::sharded(SHARDS);
    let cache = &mut fixture.cache;
    prepare(cache);
    let draft = |key: i64, byte: u8, ttl: Expiry| Draft {
        key: Key::Integer(key),
        value: large(byte),
        options: larder_engine::SetOptions { ttl, ..plain() },
    };
    let mut failing: Vec<_> = (0..KEYS).map(|key| draft(key, 7, Expiry::Never)).collect();
    failing.push(draft(KEYS, 7, Expiry::After(u64::MAX)));
    let ticket = cache.begin().unwrap();
    cache
        .within(ticket, |cache| {
            put(cache, "before", 1);
            cache.set(&Key::Integer(0), &large(3), &plain())?;
            assert!(matches!(cache.set_many(&failing), Err(Error::Overflow(_))));
            assert!(matches!(cache.get(&Key::Integer(0)), Ok(Some(value)) if same(&value, &large(3))));
            put(cache, "after", 1);
            Ok(())
        })
        .unwrap();
    cache.commit(ticket).unwrap();
    for key in 1..KEYS {
        assert!(!cache.contains(&Key::Integer(key)).unwrap(), "{key} was stored");
    }
    assert!(matches!(cache.get(&Key::Integer(0)), Ok(Some(value)) if same(&value, &large(3))));
    assert_eq!([integer(cache, "before"), integer(cache, "after")], [Some(1); 2]);
    assert_eq!(cache.check().unwrap(), []);
    assert_eq!(value_files(fixture.path()).len(), FILES + 1);
}

/// Whether a transaction has taken place, as seen by a handle.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    All,
}

/// Stores under all keys, replaces values with files, and removes one that is tagged.
fn set_all(cache: &mut Cache, value: i64) -> Result<(), Error> {
    for key in 0..KEYS {
        cache.set(&Key::Integer(key), &Value::Integer(value), &tagged(&["all"]))?;
        cache.set(&Key::Integer(100 + key), &large(2), &plain())?;
        cache.delete(&Key::Integer(200 + key))?;
    }
    Ok(())
}

fn prepare(cache: &mut Cache) {
    for key in 0..KEYS {
        cache.set(&Key::Integer(100 + key), &large(1), &tagged(&["large"])).unwrap();
        cache.set(&Key::Integer(200 + key), &Value::Integer(0), &tagged(&["old"])).unwrap();
    }
}

/// What a handle sees; fails if it is half of a transaction.
fn seen(cache: &mut Cache) -> Seen {
    let present: Vec<_> = (0..KEYS).map(|key| cache.contains(&Key::Integer(key)).unwrap()).collect();
    assert!(present.iter().all(|there| *there == present[0]), "half of a transaction: {present:?}");
    for key in 0..KEYS {
        if let Some(Value::Bytes(bytes)) = cache.get(&Key::Integer(100 + key)).unwrap() {
            assert_eq!(bytes[0], if present[0] { 2 } else { 1 });
        }
        if let Some(Value::Integer(_)) = cache.get(&Key::Integer(200 + key)).unwrap() {
            assert!(!present[0]);
        }
    }
    if present[0] { Seen::All } else { Seen::Nothing }
}

/// Runs a transaction over all shards whose owner dies before its `n`-th commit; whether it got
/// there.
fn crash_before(cache: Cache, platform: &Rc<TestPlatform>, n: u32) -> bool {
    let mut cache = cache;
    let commits = Rc::new(Cell::new(0));
    let counted = Rc::clone(&commits);
    platform.on_commit(move || {
        counted.set(counted.get() + 1);
        assert!(counted.get() != n, "the end of the process");
        Ok(())
    });
    let died = catch_unwind(AssertUnwindSafe(|| {
        let ticket: Ticket = cache.begin().unwrap();
        cache.within(ticket, |cache| set_all(cache, 1)).unwrap();
        for queue in QUEUES {
            let push = |cache: &mut Cache| cache.push(queue, &Value::Integer(1), Side::Back, &plain());
            cache.within(ticket, push).unwrap();
        }
        cache.commit(ticket).unwrap();
    }))
    .is_err();
    TestPlatform::kill(cache);
    platform.crash();
    died
}

/// A directory in which such an owner has died, and a handle on it that was there before; whether it got
/// there.
fn after_crash_before(n: u32) -> (Shared, Cache, bool) {
    let shared = Shared::new();
    let platform = shared.platform(1);
    let options = OpenOptions { shards: Some(SHARDS), ..OpenOptions::default() };
    let mut cache = open(shared.directory.path(), &options, &platform).unwrap();
    prepare(&mut cache);
    let living = shared.open(2, &OpenOptions { wait_ms: 1_000, ..existing() });
    let died = crash_before(cache, &platform, n);
    (shared, living, died)
}

#[test]
fn a_crash_between_the_commits_of_several_shards_leaves_all_or_nothing() {
    let mut outcomes = Vec::new();
    for n in 1.. {
        // One that is there all the time, and one that comes afterwards.
        let (shared, mut living, died) = after_crash_before(n);
        let first = seen(&mut living);
        let mut next = shared.open(3, &existing());
        assert_eq!(seen(&mut next), first, "before commit {n}");
        assert_eq!(next.check().unwrap(), [], "before commit {n}");
        let tagged = next.measure(&Selection::Tag("all".into()), true).unwrap().0;
        assert_eq!(tagged, if first == Seen::All { FILES as u64 } else { 0 });
        assert_eq!(value_files(shared.directory.path()).len(), FILES);
        set_all(&mut living, 2).unwrap();
        outcomes.push(first);
        if !died {
            break;
        }
    }
    // Before the first three commits and the deciding one nothing, afterwards all.
    assert_eq!(outcomes.iter().filter(|seen| **seen == Seen::Nothing).count(), SHARDS as usize);
    assert_eq!(outcomes.len(), 2 * SHARDS as usize + 1);
}

#[test]
fn what_is_read_of_many_keys_at_once_is_not_undone_afterwards() {
    for n in 1.. {
        let (_shared, mut living, died) = after_crash_before(n);
        let keys: Vec<Key> = (0..KEYS).map(Key::Integer).collect();
        let there: Vec<bool> = living.get_many(&keys).unwrap().iter().map(Option::is_some).collect();
        let all = seen(&mut living) == Seen::All;
        assert!(there.iter().all(|there| *there == all), "before commit {n}: {there:?}");
        if !died {
            break;
        }
    }
}

#[test]
fn what_is_seen_of_a_queue_is_not_undone_afterwards() {
    for n in 1..=2 * SHARDS + 1 {
        let looks: [fn(&mut Cache) -> usize; 3] = [
            |cache| QUEUES.iter().filter(|queue| cache.peek(queue, Side::Back).unwrap().is_some()).count(),
            |cache| QUEUES.iter().filter(|queue| cache.queue_length(queue).unwrap() > 0).count(),
            |cache| cache.queues().unwrap().len(),
        ];
        for look in looks {
            let (_shared, mut living, _) = after_crash_before(n);
            let there = look(&mut living);
            let all = if seen(&mut living) == Seen::All { QUEUES.len() } else { 0 };
            assert_eq!(there, all, "before commit {n}");
        }
    }
}

#[test]
fn while_several_shards_commit_nobody_sees_half_of_it() {
    let shared = Shared::new();
    let platform = shared.platform(1);
    let options = OpenOptions { shards: Some(SHARDS), ..OpenOptions::default() };
    let mut cache = open(shared.directory.path(), &options, &platform).unwrap();
    prepare(&mut cache);
    let mut other = shared.open(2, &OpenOptions { wait_ms: 5, ..existing() });
    let waits = Rc::new(Cell::new(0));
    let counted = Rc::clone(&waits);
    platform.on_commit(move || {
        for key in 0..KEYS {
            match other.contains(&Key::Integer(key)) {
                // Not decided: nobody is told either way.
                Err(Error::Timeout(_)) => counted.set(counted.get() + 1),
                seen => assert!(!seen.unwrap() || counted.get() > 0, "seen before it was decided"),
            }
        }
        Ok(())
    });
    let ticket = cache.begin().unwrap();
    cache.within(ticket, |cache| set_all(cache, 1)).unwrap();
    cache.commit(ticket).unwrap();
    assert!(waits.get() > 0);
    assert_eq!(seen(&mut cache), Seen::All);
}

#[test]
fn no_lock_is_held_while_what_was_committed_is_tidied_up() {
    // Else it could wait for one that is held by whoever waits for this one.
    let shared = Shared::new();
    let platform = shared.platform(1);
    let options = OpenOptions { shards: Some(SHARDS), ..OpenOptions::default() };
    let mut cache = open(shared.directory.path(), &options, &platform).unwrap();
    let mut other = shared.open(2, &OpenOptions { wait_ms: 5, ..existing() });
    // Keys of two shards, so that one is locked and not changed.
    let keys: Vec<_> = (0..KEYS).map(Key::Integer).collect();
    let begun = Rc::new(Cell::new(0));
    let counted = Rc::clone(&begun);
    platform.on_commit(move || {
        match other.begin() {
            Ok(ticket) => {
                other.rollback(ticket).unwrap();
                counted.set(counted.get() + 1);
            }
            Err(error) => assert!(matches!(error, Error::Timeout(_)), "{error:?}"),
        }
        Ok(())
    });
    let ticket = cache.begin().unwrap();
    cache.within(ticket, |cache| cache.set(&keys[0], &Value::Integer(1), &plain())).unwrap();
    let mut place = 1;
    while shard_of(&keys[0], SHARDS as usize) == shard_of(&keys[place], SHARDS as usize) {
        place += 1;
    }
    cache.within(ticket, |cache| cache.set(&keys[place], &Value::Integer(1), &plain())).unwrap();
    cache.commit(ticket).unwrap();
    assert_eq!(begun.get(), 2, "while each of the two that have changed was tidied up");
}

#[test]
fn a_commit_that_fails_in_one_shard_is_undone_in_all() {
    for n in 1..=SHARDS {
        let mut fixture = Fixture::sharded(SHARDS);
        prepare(&mut fixture.cache);
        let commits = Cell::new(0);
        fixture.platform.on_commit(move || {
            commits.set(commits.get() + 1);
            if commits.get() == n { Err(Error::Full("the disk".into())) } else { Ok(()) }
        });
        let ticket = fixture.cache.begin().unwrap();
        fixture.cache.within(ticket, |cache| set_all(cache, 1)).unwrap();
        assert!(matches!(fixture.cache.commit(ticket), Err(Error::Full(_))));
        assert_eq!(seen(&mut fixture.cache), Seen::Nothing);
        assert_eq!(fixture.cache.check().unwrap(), []);
        assert_eq!(value_files(fixture.path()).len(), FILES);
        set_all(&mut fixture.cache, 2).unwrap();
        fixture.reopen(&existing());
        assert_eq!(fixture.cache.check().unwrap(), []);
    }
}

#[test]
fn what_a_transaction_of_one_shard_has_changed_is_not_put_back_with_a_later_one() {
    let mut fixture = Fixture::sharded(SHARDS);
    prepare(&mut fixture.cache);
    for number in 0..20 {
        let key = text(&format!("gone {number}"));
        fixture.cache.set(&key, &large(1), &plain()).unwrap();
        let ticket = fixture.cache.begin().unwrap();
        fixture.cache.within(ticket, |cache| cache.delete(&key).map(drop)).unwrap();
        fixture.cache.commit(ticket).unwrap();
    }
    let commits = Cell::new(0);
    fixture.platform.on_commit(move || {
        commits.set(commits.get() + 1);
        if commits.get() == SHARDS { Err(Error::Full("the disk".into())) } else { Ok(()) }
    });
    let ticket = fixture.cache.begin().unwrap();
    fixture.cache.within(ticket, |cache| set_all(cache, 1)).unwrap();
    assert!(matches!(fixture.cache.commit(ticket), Err(Error::Full(_))));
    for number in 0..20 {
        assert!(!fixture.cache.contains(&text(&format!("gone {number}"))).unwrap());
    }
    assert_eq!(seen(&mut fixture.cache), Seen::Nothing);
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn a_commit_that_is_decided_stands_even_if_tidying_up_fails() {
    for n in SHARDS + 1..=2 * SHARDS {
        let mut fixture = Fixture::sharded(SHARDS);
        prepare(&mut fixture.cache);
        let commits = Cell::new(0);
        fixture.platform.on_commit(move || {
            commits.set(commits.get() + 1);
            if commits.get() == n { Err(Error::Full("the disk".into())) } else { Ok(()) }
        });
        let ticket = fixture.cache.begin().unwrap();
        fixture.cache.within(ticket, |cache| set_all(cache, 1)).unwrap();
        fixture.cache.commit(ticket).unwrap();
        assert_eq!(seen(&mut fixture.cache), Seen::All);
        assert_eq!(fixture.cache.check().unwrap(), []);
        assert_eq!(value_files(fixture.path()).len(), FILES);
        fixture.reopen(&existing());
        assert_eq!(seen(&mut fixture.cache), Seen::All);
        assert_eq!(fixture.cache.check().unwrap(), []);
    }
}

/// A cache of at most three entries.
fn of_three(policy: larder_engine::Policy) -> Fixture {
    Fixture::with(&OpenOptions {
        changes: larder_engine::Changes {
            item_limit: larder_engine::Limit::AtMost(3),
            policy: Some(policy),
            ..larder_engine::Changes::default()
        },
        ..OpenOptions::default()
    })
}

#[test]
fn reads_are_written_once_however_often_a_transaction_evicts() {
    let mut fixture = of_three(larder_engine::Policy::LeastFrequentlyUsed);
    let cache = &mut fixture.cache;
    put(cache, "read", 1);
    for _ in 0..5 {
        integer(cache, "read");
    }
    for commit in [false, true] {
        let ticket = cache.begin().unwrap();
        cache
            .within(ticket, |cache| {
                for number in 0..10 {
                    put(cache, &number.to_string(), number);
                }
                Ok(())
            })
            .unwrap();
        if commit { cache.commit(ticket).unwrap() } else { cache.rollback(ticket).unwrap() }
    }
    assert_eq!(cache.get_entry(&text("read")).unwrap().unwrap().metadata.hits, 5);
}

#[test]
fn what_a_transaction_reads_after_it_has_evicted_counts() {
    for commit in [true, false] {
        let mut fixture = of_three(larder_engine::Policy::LeastRecentlyUsed);
        let cache = &mut fixture.cache;
        for key in ["first", "a", "b"] {
            put(cache, key, 1);
        }
        let ticket = cache.begin().unwrap();
        cache
            .within(ticket, |cache| {
                put(cache, "c", 1);
                integer(cache, "a");
                put(cache, "d", 1);
                assert_eq!(cache.contains(&text("a")), Ok(true), "b was used longest ago");
                integer(cache, "a");
                Ok(())
            })
            .unwrap();
        if commit {
            cache.commit(ticket).unwrap();
        } else {
            cache.rollback(ticket).unwrap();
        }
        put(cache, "e", 1);
        put(cache, "f", 1);
        assert_eq!(names(cache), ["a", "e", "f"], "committed: {commit}");
        fixture.reopen(&existing());
        assert_eq!(fixture.cache.get_entry(&text("a")).unwrap().unwrap().metadata.hits, 2, "committed: {commit}");
    }
}
