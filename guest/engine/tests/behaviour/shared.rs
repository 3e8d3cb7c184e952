//! Several caches open on one directory at once, by locks.

use std::rc::Rc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use larder_engine::testing::TestPlatform;
use larder_engine::{Cache, Changes, Error, Limit, Number, OpenOptions, Order, Policy, Scan, Selection, Side, Value};

use crate::support::{Shared, existing, integer, keys, lasting, names, open, plain, put, same, scan, text};

/// Runs `work` on threads, each with a cache of its own on the directory.
fn on_threads(shared: &Shared, count: u64, options: &OpenOptions, work: impl Fn(u64, &mut Cache) + Sync) {
    let (barrier, path) = (Barrier::new(usize::try_from(count).unwrap()), shared.directory.path());
    std::thread::scope(|scope| {
        for number in 0..count {
            let (work, barrier, table) = (&work, &barrier, &shared.table);
            scope.spawn(move || {
                barrier.wait();
                let platform = TestPlatform::sharing(table, number + 100, true);
                let mut cache = open(path, options, &platform).unwrap();
                work(number, &mut cache);
                cache.close().unwrap();
            });
        }
    });
}

#[test]
fn what_one_stores_every_other_sees_at_once() {
    let shared = Shared::new();
    let (mut first, mut second) = (shared.open(1, &OpenOptions::default()), shared.open(2, &existing()));
    put(&mut first, "a", 1);
    assert_eq!(integer(&mut second, "a"), Some(1));
    second.set(&text("a"), &Value::Bytes(vec![1; 50_000]), &plain()).unwrap();
    assert!(same(&first.get(&text("a")).unwrap().unwrap(), &Value::Bytes(vec![1; 50_000])));
    first.delete(&text("a")).unwrap();
    assert!(second.get(&text("a")).unwrap().is_none());
    assert_eq!(second.count().unwrap(), 0);
}

#[test]
fn a_cursor_goes_on_while_another_handle_changes_the_directory() {
    let shared = Shared::new();
    let (mut first, mut second) = (shared.open(1, &OpenOptions::default()), shared.open(2, &existing()));
    for number in 0..1_000 {
        put(&mut first, &format!("{number:04}"), number);
    }
    let mut cursor = first.scan(&Scan::default()).unwrap();
    let mut seen = cursor.next(&mut first, 100).unwrap().len();
    second.clear().unwrap();
    put(&mut second, "new", 1);
    loop {
        let more = cursor.next(&mut first, 100).unwrap().len();
        if more == 0 {
            break;
        }
        seen += more;
    }
    assert!((100..=512).contains(&seen), "at most what was read ahead: {seen}");
}

#[test]
fn the_same_new_directory_is_opened_by_many_at_once() {
    let shared = Shared::new();
    let options = OpenOptions { shards: Some(3), ..OpenOptions::default() };
    on_threads(&shared, 8, &options, |number, cache| {
        put(cache, &number.to_string(), 1);
    });
    let mut cache = shared.open(1, &existing());
    assert_eq!(cache.count().unwrap(), 8);
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn no_increment_is_lost() {
    let shared = Shared::new();
    on_threads(&shared, 4, &OpenOptions::default(), |_, cache| {
        for _ in 0..100 {
            cache.increment(&text("n"), Number::Integer(1), Some(Number::Integer(0)), &plain()).unwrap();
        }
    });
    assert_eq!(integer(&mut shared.open(1, &existing()), "n"), Some(400));
}

#[test]
fn a_value_that_is_always_there_is_always_found_whole() {
    let shared = Shared::new();
    let value = |byte: u8| Value::Bytes(vec![byte; 40_000]);
    let mut cache = shared.open(1, &OpenOptions::default());
    cache.set(&text("k"), &value(0), &plain()).unwrap();
    on_threads(&shared, 3, &existing(), |number, cache| {
        for round in 0..150 {
            if number == 0 {
                cache.set(&text("k"), &value(round), &plain()).unwrap();
            } else {
                let Some(Value::Bytes(bytes)) = cache.get(&text("k")).unwrap() else { panic!("missed") };
                assert!(bytes.len() == 40_000 && bytes.iter().all(|byte| *byte == bytes[0]));
            }
        }
    });
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn check_is_quiet_while_another_handle_writes() {
    let shared = Shared::new();
    drop(shared.open(
        1,
        &OpenOptions {
            changes: Changes { inline_threshold: Some(50), ..Changes::default() },
            ..OpenOptions::default()
        },
    ));
    let done = AtomicBool::new(false);
    on_threads(&shared, 2, &existing(), |number, cache| {
        if number == 0 {
            for round in 0..600_u16 {
                let options = crate::support::tagged(&[&format!("t{}", round % 5), "all"]);
                let value = Value::Bytes(vec![1; usize::from(round % 100)]);
                cache.set(&text(&(round % 40).to_string()), &value, &options).unwrap();
                if round % 3 == 0 {
                    cache.delete(&text(&(round % 7).to_string())).unwrap();
                }
            }
            done.store(true, Ordering::Release);
        } else {
            while !done.load(Ordering::Acquire) {
                assert_eq!(cache.check().unwrap(), []);
            }
        }
    });
}

#[test]
fn a_sole_user_keeps_others_out_until_it_closes() {
    let shared = Shared::new();
    let mut sole = shared.open(1, &OpenOptions { exclusive: true, ..OpenOptions::default() });
    put(&mut sole, "a", 1);
    assert!(!sole.information().unwrap().shared);
    let at_once = OpenOptions { wait_ms: 0, ..existing() };
    let platform = shared.platform(2);
    assert!(matches!(open(shared.directory.path(), &at_once, &platform), Err(Error::Locked(_))));
    sole.close().unwrap();
    let mut other = open(shared.directory.path(), &at_once, &platform).unwrap();
    assert_eq!(names(&mut other), ["a"]);
    let exclusive = OpenOptions { exclusive: true, ..at_once };
    assert!(matches!(open(shared.directory.path(), &exclusive, &shared.platform(3)), Err(Error::Locked(_))));
}

#[test]
fn where_databases_can_not_be_shared_one_comes_after_the_other() {
    let shared = Shared::new();
    let platform = |seed| TestPlatform::sharing(&shared.table, seed, false);
    let mut first = open(shared.directory.path(), &OpenOptions::default(), &platform(1)).unwrap();
    put(&mut first, "a", 1);
    let at_once = OpenOptions { wait_ms: 0, ..existing() };
    assert!(matches!(open(shared.directory.path(), &at_once, &platform(2)), Err(Error::Locked(_))));
    drop(first);
    assert_eq!(names(&mut open(shared.directory.path(), &at_once, &platform(2)).unwrap()), ["a"]);
}

#[test]
fn a_crash_keeps_nobody_out() {
    let shared = Shared::new();
    let platform = shared.platform(1);
    let mut dying = open(shared.directory.path(), &OpenOptions::default(), &platform).unwrap();
    put(&mut dying, "a", 1);
    platform.crash();
    std::mem::forget(dying);
    let at_once = OpenOptions { wait_ms: 0, ..existing() };
    assert_eq!(names(&mut open(shared.directory.path(), &at_once, &shared.platform(2)).unwrap()), ["a"]);
}

#[test]
fn what_was_stored_after_a_leap_of_the_clock_is_found_by_who_began_before_it() {
    // By the time at which the call began the entry came from the future, as if the clock had been set back.
    let looks: [fn(&mut Cache) -> u64; 3] = [
        |cache| keys(cache, &scan(Selection::All, Order::Key)).len() as u64,
        |cache| cache.measure(&Selection::All, false).unwrap().0,
        |cache| u64::from(cache.peek("q", Side::Front).unwrap().is_some()),
    ];
    for look in looks {
        let shared = Shared::new();
        let [clock, other_clock] = [1, 2].map(|seed| shared.platform(seed));
        let [mut first, mut second] = [&clock, &other_clock]
            .map(|platform| open(shared.directory.path(), &OpenOptions::default(), platform).unwrap());
        let leaping = Rc::clone(&clock);
        clock.on_next_read(move || {
            for clock in [&leaping, &other_clock] {
                clock.set_wall_clock(10_800_000);
            }
            second.set(&text("a"), &Value::Integer(1), &lasting(50)).unwrap();
            second.push("q", &Value::Integer(1), Side::Back, &lasting(50)).unwrap();
        });
        assert!(look(&mut first) > 0);
    }
}

#[test]
fn settings_changed_at_once_by_many_all_hold() {
    for _ in 0..5 {
        let shared = Shared::new();
        drop(shared.open(1, &OpenOptions { shards: Some(2), ..OpenOptions::default() }));
        let (barrier, path) = (Barrier::new(3), shared.directory.path());
        let asked = [
            OpenOptions { changes: Changes { item_limit: Limit::AtMost(10), ..Changes::default() }, ..existing() },
            OpenOptions {
                changes: Changes { policy: Some(Policy::LeastRecentlyUsed), ..Changes::default() },
                ..existing()
            },
            OpenOptions { changes: Changes { inline_threshold: Some(99), ..Changes::default() }, ..existing() },
        ];
        std::thread::scope(|scope| {
            for (number, options) in (2..).zip(&asked) {
                let (barrier, table) = (&barrier, &shared.table);
                scope.spawn(move || {
                    barrier.wait();
                    drop(open(path, options, &TestPlatform::sharing(table, number, true)).unwrap());
                });
            }
        });
        let settings = shared.open(9, &existing()).information().unwrap().settings;
        assert_eq!(
            (settings.item_limit, settings.policy, settings.inline_threshold),
            (Some(10), Policy::LeastRecentlyUsed, 99)
        );
    }
}
