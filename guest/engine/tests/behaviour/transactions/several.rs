//! Several shards that commit as one, while others look on and whatever ends in between.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use larder_engine::testing::{TestPlatform, shard_of};
use larder_engine::{Cache, Error, Key, OpenOptions, Selection, Side, Ticket, Value};

use super::{FILES, KEYS, SHARDS, large, prepare};
use crate::support::{Fixture, Shared, existing, open, plain, tagged, text, value_files};

/// Queues that are empty before, in several shards.
const QUEUES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

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
