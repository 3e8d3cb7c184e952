//! Locks, limits and what else processes share, as two handles of one directory see it.

use larder_engine::{
    Answer, Cache, Changes, Claim, Error, Gate, Grant, Limit, Lock, LookUp, Method, OpenOptions, Rate, Selection,
    Standing, Turn, Value,
};

use crate::support::{Fixture, Shared, lasting, put, tamper, text};

fn lock(name: &str) -> Lock {
    Lock { name: name.into(), capacity: 1 }
}

fn claim() -> Claim {
    Claim { owner: None, weight: None, lease_ms: 1_000 }
}

fn rate(method: Method, count: u32) -> Rate {
    Rate { name: "api".into(), method, count, period_us: 1_000_000 }
}

fn held(cache: &mut Cache, name: &str) -> Grant {
    cache.try_lock(&lock(name), &claim()).unwrap().unwrap()
}

/// Two handles, as of two processes.
fn two() -> (Shared, Cache, Cache) {
    let shared = Shared::new();
    let (first, second) = (shared.open(1, &OpenOptions::default()), shared.open(2, &OpenOptions::default()));
    (shared, first, second)
}

#[test]
fn a_lock_excludes_and_its_numbers_grow() {
    let (_shared, mut first, mut second) = two();
    let grant = held(&mut first, "a");
    assert_eq!(second.try_lock(&lock("a"), &claim()).unwrap(), None);
    assert_eq!(second.lock_occupancy("a").unwrap().holders[0].grant, grant);
    assert_eq!(second.release_lock(&lock("a"), grant), Ok(0), "a grant is good for every handle");
    assert!(held(&mut second, "a").fence > grant.fence);
    assert!(matches!(first.release_lock(&lock("a"), grant), Err(Error::NotHeld(_))));
    assert!(matches!(first.renew_lock(&lock("a"), grant), Err(Error::NotHeld(_))));
}

#[test]
fn who_waits_is_told_when_its_turn_has_come() {
    let (_shared, mut first, mut second) = two();
    let grant = held(&mut first, "a");
    let Standing::Waiting { owner, ahead: 0 } = second.request_lock(&lock("a"), &claim()).unwrap() else { panic!() };
    assert!(matches!(second.poll_lock(&lock("a"), owner), Ok(Standing::Waiting { .. })));
    first.release_lock(&lock("a"), grant).unwrap();
    assert!(
        matches!(second.poll_lock(&lock("a"), owner), Ok(Standing::Granted(next)) if next.fence == grant.fence + 1)
    );
    assert!(second.withdraw_from_lock(&lock("a"), owner).unwrap());
    assert!(matches!(second.poll_lock(&lock("a"), owner), Err(Error::NotHeld(_))));
}

#[test]
fn a_silent_holder_loses_the_lock_to_who_waits_for_a_lease() {
    let (_shared, mut first, mut second) = two();
    let lost = held(&mut first, "a");
    assert_eq!(second.acquire_lock(&lock("a"), &claim(), Some(500)).unwrap(), None, "half a lease");
    let grant = second.acquire_lock(&lock("a"), &claim(), Some(2_000)).unwrap().unwrap();
    assert!(grant.fence > lost.fence);
    assert!(matches!(first.release_lock(&lock("a"), lost), Err(Error::NotHeld(_))));
    assert_eq!(first.try_lock(&lock("a"), &claim()).unwrap(), None);
}

#[test]
fn a_holder_that_renews_keeps_the_lock_whatever_the_wall_clock_says() {
    let shared = Shared::new();
    let platform = shared.platform(2);
    let mut first = shared.open(1, &OpenOptions::default());
    let mut second = crate::support::open(shared.directory.path(), &OpenOptions::default(), &platform).unwrap();
    let grant = held(&mut first, "a");
    let Standing::Waiting { owner, .. } = second.request_lock(&lock("a"), &claim()).unwrap() else { panic!() };
    for _ in 0..10 {
        platform.advance(900);
        platform.set_wall_clock(1_000_000);
        first.renew_lock(&lock("a"), grant).unwrap();
        assert!(matches!(second.poll_lock(&lock("a"), owner), Ok(Standing::Waiting { .. })));
    }
    platform.advance(1_001);
    assert!(matches!(second.poll_lock(&lock("a"), owner), Ok(Standing::Granted(_))));
}

#[test]
fn the_numbers_grow_when_a_lock_was_forgotten_and_the_clock_was_set_back() {
    let mut fixture = Fixture::new();
    let before = held(&mut fixture.cache, "a1");
    fixture.cache.release_lock(&lock("a1"), before).unwrap();
    fixture.platform.set_wall_clock(-3_600_000);
    // Another one is made, so what is idle is removed in passing.
    held(&mut fixture.cache, "a0");
    fixture.cache.close().unwrap();
    let rows: i64 = rusqlite::Connection::open(crate::support::database(fixture.path(), 0))
        .unwrap()
        .query_row("SELECT count(*) FROM record", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 1);
    fixture.reopen_closed(&OpenOptions::default());
    assert!(held(&mut fixture.cache, "a1").fence > before.fence);
}

#[test]
fn a_lock_in_use_has_the_capacity_it_was_made_with() {
    let mut fixture = Fixture::new();
    let grant = held(&mut fixture.cache, "a");
    let semaphore = Lock { capacity: 2, ..lock("a") };
    assert!(matches!(fixture.cache.try_lock(&semaphore, &claim()), Err(Error::Conflict(_))));
    fixture.cache.release_lock(&lock("a"), grant).unwrap();
    let one = Claim { weight: Some(1), ..claim() };
    assert!((0..2).all(|_| fixture.cache.try_lock(&semaphore, &one).unwrap().is_some()));
    assert_eq!(fixture.cache.try_lock(&semaphore, &one).unwrap(), None);
}

#[test]
fn nonsense_is_refused_by_name() {
    let mut cache = Fixture::new().cache;
    let nothing = Lock { capacity: 0, ..lock("a") };
    assert!(matches!(cache.try_lock(&nothing, &claim()), Err(Error::InvalidArgument(_))));
    assert!(matches!(cache.try_lock(&lock(""), &claim()), Err(Error::InvalidArgument(_))));
    assert!(matches!(cache.try_lock(&lock("a\0b"), &claim()), Err(Error::InvalidArgument(_))));
    assert!(matches!(cache.try_lock(&lock(&"n".repeat(1025)), &claim()), Err(Error::TooLarge { .. })));
    assert!(matches!(cache.try_lock(&lock("a"), &Claim { lease_ms: 0, ..claim() }), Err(Error::InvalidArgument(_))));
    for method in [Method::Bucket, Method::Window] {
        assert!(matches!(cache.take(&rate(method, 0), 0), Err(Error::InvalidArgument(_))), "{method:?}");
        assert!(matches!(cache.take(&rate(method, 3), 4), Err(Error::InvalidArgument(_))), "{method:?}");
        assert!(matches!(cache.take(&Rate { period_us: 0, ..rate(method, 1) }, 1), Err(Error::InvalidArgument(_))));
    }
    assert!(matches!(cache.arrive(&Gate { name: "g".into(), parties: 0 }, 100), Err(Error::InvalidArgument(_))));
    assert!(matches!(cache.add_to_average("m", f64::NAN), Err(Error::InvalidArgument(_))));
    assert!(matches!(cache.end_once("o", 1, true), Err(Error::NotHeld(_))));
}

#[test]
fn records_are_apart_from_entries_and_transactions() {
    let mut fixture = Fixture::new();
    let grant = held(&mut fixture.cache, "a");
    assert_eq!(fixture.cache.count().unwrap(), 0);
    assert_eq!(fixture.cache.clear().unwrap(), 0);
    let ticket = fixture.cache.begin().unwrap();
    assert!(matches!(fixture.cache.renew_lock(&lock("a"), grant), Err(Error::InTransaction)));
    fixture.cache.rollback(ticket).unwrap();
    fixture.reopen(&OpenOptions::default());
    fixture.cache.renew_lock(&lock("a"), grant).unwrap();
}

#[test]
fn records_outlive_what_removes_entries() {
    let limits = Changes { item_limit: Limit::AtMost(1), ..Changes::default() };
    let mut fixture = Fixture::with(&OpenOptions { changes: limits, ..OpenOptions::default() });
    let cache = &mut fixture.cache;
    let grant = held(cache, "a");
    cache.add_to_average("latency", 2.0).unwrap();
    assert!(cache.take(&rate(Method::Window, 1), 1).unwrap().granted);
    for key in ["x", "y", "z"] {
        cache.set(&text(key), &Value::Integer(1), &lasting(5)).unwrap();
    }
    fixture.platform.advance(10);
    cache.expire().unwrap();
    cache.cull().unwrap();
    cache.evict(&Selection::All).unwrap();
    cache.clear().unwrap();
    cache.compact().unwrap();
    assert_eq!((cache.check().unwrap(), cache.repair().unwrap()), (vec![], vec![]));
    cache.renew_lock(&lock("a"), grant).unwrap();
    assert_eq!(cache.average("latency").unwrap().map(|mean| mean.count), Some(1));
    assert!(!cache.take(&rate(Method::Window, 1), 1).unwrap().granted);
}

#[test]
fn a_handle_that_only_reads_looks_and_is_refused_by_name() {
    let (shared, mut cache, _other) = two();
    let grant = held(&mut cache, "a");
    cache.take(&rate(Method::Bucket, 3), 1).unwrap();
    put(&mut cache, "k", 5);
    let reading = OpenOptions { read_only: true, create: false, ..OpenOptions::default() };
    let mut reader = shared.open(7, &reading);
    assert_eq!(reader.lock_occupancy("a").unwrap().holders[0].grant, grant);
    assert_eq!(reader.take(&rate(Method::Bucket, 3), 0).unwrap().remaining, 2);
    let lookup = LookUp { lease_ms: 1_000, eagerness: 0.0 };
    assert!(matches!(reader.look_up(&text("k"), &lookup), Ok(Answer::Hit(Value::Integer(5)))));
    let refused = [
        reader.try_lock(&lock("a"), &claim()).map(drop),
        reader.release_lock(&lock("a"), grant).map(drop),
        reader.take(&rate(Method::Bucket, 3), 1).map(drop),
        reader.take(&rate(Method::Window, 3), 1).map(drop),
        reader.count_up("seen", 1).map(drop),
        reader.add_to_average("latency", 1.0).map(drop),
        reader.arrive(&Gate { name: "g".into(), parties: 2 }, 100).map(drop),
        reader.begin_once("o", 100).map(drop),
        reader.look_up(&text("none"), &lookup).map(drop),
    ];
    for (place, refused) in refused.into_iter().enumerate() {
        assert!(matches!(refused, Err(Error::ReadOnly(_))), "{place}: {refused:?}");
    }
}

#[test]
fn a_limit_holds_for_all_handles_and_survives_them() {
    for method in [Method::Bucket, Method::Window] {
        let (shared, mut first, mut second) = two();
        let rate = rate(method, 3);
        assert!(first.take(&rate, 2).unwrap().granted);
        assert!(second.take(&rate, 1).unwrap().granted);
        let refused = first.take(&rate, 1).unwrap();
        assert!(!refused.granted && refused.remaining == 0 && refused.retry_us > 0);
        first.close().unwrap();
        second.close().unwrap();
        let mut third = shared.open(3, &OpenOptions::default());
        assert!(!third.take(&rate, 1).unwrap().granted, "{method:?}");
        assert!(matches!(third.take(&Rate { count: 4, ..rate.clone() }, 1), Err(Error::Conflict(_))));
        let waited = third.take_within(&rate, 1, Some(2_000)).unwrap();
        assert!(waited.granted, "{method:?}");
        assert!(!third.take_within(&rate, 3, Some(100)).unwrap().granted, "it would take longer");
        assert!(third.reset_limit("api", method).unwrap());
        assert_eq!(third.take(&rate, 0).unwrap().remaining, 3);
    }
}

#[test]
fn a_wall_clock_that_jumps_gives_no_more_than_the_limit() {
    for method in [Method::Bucket, Method::Window] {
        let mut fixture = Fixture::new();
        let rate = rate(method, 2);
        assert!(fixture.cache.take(&rate, 2).unwrap().granted);
        fixture.platform.set_wall_clock(5_000);
        assert!(!fixture.cache.take(&rate, 2).unwrap().granted, "{method:?} forward");
        fixture.platform.set_wall_clock(-9_000);
        assert!(!fixture.cache.take(&rate, 2).unwrap().granted, "{method:?} back");
        fixture.platform.advance(1_001);
        assert!(fixture.cache.take(&rate, 2).unwrap().granted, "{method:?} a second later");
    }
}

#[test]
fn averages_and_counters_add_up_over_handles() {
    let (_shared, mut first, mut second) = two();
    first.add_to_average("latency", 2.0).unwrap();
    let mean = second.add_to_average("latency", 4.0).unwrap();
    assert!((mean.mean - 3.0).abs() < f64::EPSILON && mean.count == 2);
    assert_eq!(first.take_average("latency").unwrap(), Some(mean));
    assert_eq!(second.average("latency").unwrap(), None);
    assert_eq!(first.count_up("seen", 5).unwrap(), 5);
    assert_eq!(second.count_up("seen", -2).unwrap(), 3);
    assert!(matches!(second.count_up("seen", i64::MAX), Err(Error::Overflow(_))));
    assert_eq!((first.counter("seen").unwrap(), first.take_counter("seen").unwrap()), (3, 3));
    assert_eq!(second.counter("seen").unwrap(), 0);
}

#[test]
fn parties_wait_at_a_barrier_until_all_have_come() {
    let (_shared, mut first, mut second) = two();
    let gate = Gate { name: "start".into(), parties: 2 };
    let early = first.arrive(&gate, 60_000).unwrap();
    assert!(!early.open && early.missing == 1);
    let other = Gate { parties: 3, ..gate.clone() };
    assert!(matches!(second.arrive(&other, 60_000), Err(Error::Conflict(_))));
    assert!(second.arrive(&gate, 60_000).unwrap().open);
    assert!(first.poll_barrier(&gate, early).unwrap().open);
    assert!(matches!(first.meet(&gate, 60_000, Some(20)), Err(Error::Timeout(_))), "nobody comes");
    assert!(!second.arrive(&gate, 60_000).unwrap().open, "who gave up is not counted");
}

#[test]
fn a_task_is_done_once_and_by_the_next_if_it_fails_or_dies() {
    let (shared, mut first, mut second) = two();
    let Turn::Run(token) = first.begin_once("set up", 1_000).unwrap() else { panic!() };
    assert_eq!(second.begin_once("set up", 1_000).unwrap(), Turn::Wait);
    first.end_once("set up", token, false).unwrap();
    assert!(matches!(second.begin_once("set up", 1_000).unwrap(), Turn::Run(_)));
    let platform = shared.platform(3);
    let mut third = crate::support::open(shared.directory.path(), &OpenOptions::default(), &platform).unwrap();
    assert_eq!(third.begin_once("set up", 1_000).unwrap(), Turn::Wait);
    platform.advance(1_001);
    let Turn::Run(token) = third.begin_once("set up", 1_000).unwrap() else { panic!() };
    third.end_once("set up", token, true).unwrap();
    assert_eq!(first.begin_once("set up", 1_000).unwrap(), Turn::Done);
    assert!(first.reset_once("set up").unwrap());
    assert!(matches!(second.begin_once("set up", 1_000).unwrap(), Turn::Run(_)));
}

#[test]
fn what_is_as_if_it_had_never_been_is_nothing_to_forget() {
    let mut fixture = Fixture::new();
    let Turn::Run(token) = fixture.cache.begin_once("set up", 1_000).unwrap() else { panic!() };
    fixture.cache.end_once("set up", token, false).unwrap();
    assert!(!fixture.cache.reset_once("set up").unwrap(), "it was given up");
    for method in [Method::Bucket, Method::Window] {
        let rate = rate(method, 3);
        assert!(fixture.cache.take(&rate, 2).unwrap().granted);
        fixture.platform.advance(60_000);
        assert!(!fixture.cache.reset_limit("api", method).unwrap(), "{method:?}: all can be had again");
        assert!(!fixture.cache.reset_limit("gone", method).unwrap());
    }
}

#[test]
fn idle_records_do_not_pile_up() {
    let mut fixture = Fixture::new();
    for round in 0..300 {
        let name = format!("job:{round:03}");
        let grant = held(&mut fixture.cache, &name);
        fixture.cache.release_lock(&lock(&name), grant).unwrap();
    }
    fixture.cache.close().unwrap();
    let rows: i64 = rusqlite::Connection::open(crate::support::database(fixture.path(), 0))
        .unwrap()
        .query_row("SELECT count(*) FROM record", [], |row| row.get(0))
        .unwrap();
    assert!(rows < 10, "{rows}");
}

#[test]
fn altered_records_are_named_found_and_removed() {
    let (shared, mut cache, _other) = two();
    held(&mut cache, "a");
    cache.take(&rate(Method::Window, 3), 1).unwrap();
    for bytes in ["x'01ff'", "x''", "x'020000'", "zeroblob(100)"] {
        tamper(shared.directory.path(), &format!("UPDATE record SET state = {bytes}"));
        let refused = cache.try_lock(&lock("a"), &claim());
        assert!(matches!(&refused, Err(Error::Corrupt(what)) if what.contains("the lock \"a\"")), "{refused:?}");
        assert!(matches!(cache.take(&rate(Method::Window, 3), 1), Err(Error::Corrupt(_))));
        assert_eq!(cache.check().unwrap().len(), 2);
    }
    tamper(shared.directory.path(), "INSERT INTO record VALUES (99, 'new', x'01')");
    let repaired = cache.repair().unwrap();
    assert_eq!(repaired.len(), 3);
    assert!(repaired.iter().all(|problem| problem.remedy.is_some()), "{repaired:?}");
    assert_eq!(cache.check().unwrap(), []);
    held(&mut cache, "a");
}
