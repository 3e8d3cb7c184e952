//! Locks, limits and barriers whose users have died or were paused, and clocks that jump meanwhile.

use std::cell::RefCell;
use std::rc::Rc;

use larder_engine::testing::TestPlatform;
use larder_engine::{Cache, Claim, Error, Gate, Grant, Lock, Method, OpenOptions, Rate, Standing};
use proptest::prelude::*;

use crate::support::{Fixture, Shared, open, tamper};

const LEASE_MS: u32 = 1_000;

fn lock(name: &str) -> Lock {
    Lock { name: name.into(), capacity: 1 }
}

fn claim() -> Claim {
    Claim { owner: None, weight: None, lease_ms: LEASE_MS }
}

fn held(cache: &mut Cache) -> Grant {
    cache.try_lock(&lock("a"), &claim()).unwrap().unwrap()
}

/// A handle, and the clocks it goes by.
fn handle(shared: &Shared, seed: u64) -> (Cache, Rc<TestPlatform>) {
    let platform = shared.platform(seed);
    (open(shared.directory.path(), &OpenOptions::default(), &platform).unwrap(), platform)
}

#[test]
fn the_numbers_of_a_lock_grow_even_if_its_record_was_lost_and_the_clock_was_set_back() {
    let mut fixture = Fixture::new();
    let mut last = held(&mut fixture.cache);
    for _ in 0..50 {
        fixture.cache.release_lock(&lock("a"), last).unwrap();
        last = held(&mut fixture.cache);
    }
    fixture.cache.close().unwrap();
    tamper(fixture.path(), "UPDATE record SET state = x'01ff'");
    fixture.platform.set_wall_clock(-3_600_000);
    fixture.reopen_closed(&OpenOptions::default());
    assert_eq!(fixture.cache.repair().unwrap().len(), 1);
    assert!(held(&mut fixture.cache).fence > last.fence);
}

#[test]
fn the_numbers_of_a_lock_grow_even_if_a_loss_of_power_undid_the_latest_grants() {
    let mut fixture = Fixture::new();
    let take = |fixture: &mut Fixture, times: usize| {
        let mut last = 0;
        for _ in 0..times {
            let grant = held(&mut fixture.cache);
            fixture.cache.release_lock(&lock("a"), grant).unwrap();
            assert!(grant.fence > last);
            last = grant.fence;
        }
        last
    };
    take(&mut fixture, 3);
    fixture.cache.close().unwrap();
    let database = crate::support::database(fixture.path(), 0);
    let before = std::fs::read(&database).unwrap();
    fixture.reopen_closed(&OpenOptions::default());
    fixture.platform.advance(5);
    let last = take(&mut fixture, 20);
    fixture.cache.close().unwrap();
    std::fs::write(database, before).unwrap();
    fixture.platform.advance(5);
    fixture.reopen_closed(&OpenOptions::default());
    assert!(take(&mut fixture, 1) > last);
}

#[test]
fn who_loses_its_place_in_the_line_because_it_was_paused_lines_up_again() {
    let shared = Shared::new();
    let ((mut first, _), (mut second, paused), (mut third, platform)) =
        (handle(&shared, 1), handle(&shared, 2), handle(&shared, 3));
    let grant = held(&mut first);
    let others = RefCell::new((first, third.acquire_lock(&lock("b"), &claim(), None)));
    paused.on_next_sleep(move || {
        // While it sleeps, a third one finds it silent and takes it out.
        let first = &mut others.borrow_mut().0;
        let Standing::Waiting { owner, .. } = third.request_lock(&lock("a"), &claim()).unwrap() else { panic!() };
        third.poll_lock(&lock("a"), owner).unwrap();
        platform.advance(LEASE_MS + 1);
        first.renew_lock(&lock("a"), grant).unwrap();
        assert!(matches!(third.poll_lock(&lock("a"), owner), Ok(Standing::Waiting { ahead: 0, .. })));
        third.withdraw_from_lock(&lock("a"), owner).unwrap();
        first.release_lock(&lock("a"), grant).unwrap();
    });
    assert!(second.acquire_lock(&lock("a"), &claim(), None).unwrap().is_some());
}

#[test]
fn a_dead_holder_does_not_keep_a_lock_at_its_capacity_for_ever() {
    let shared = Shared::new();
    let ((mut first, _), (mut second, platform)) = (handle(&shared, 1), handle(&shared, 2));
    held(&mut first);
    let semaphore = Lock { capacity: 2, ..lock("a") };
    assert!(matches!(second.try_lock(&semaphore, &claim()), Err(Error::Conflict(_))));
    platform.advance(LEASE_MS + 1);
    assert!(second.try_lock(&semaphore, &claim()).unwrap().is_some());
}

#[test]
fn a_party_that_died_long_ago_opens_no_barrier() {
    let gate = Gate { name: "start".into(), parties: 2 };
    let shared = Shared::new();
    let ((mut first, _), (mut second, platform)) = (handle(&shared, 1), handle(&shared, 2));
    first.arrive(&gate, LEASE_MS).unwrap();
    platform.advance(86_400_000);
    let arrival = second.arrive(&gate, LEASE_MS).unwrap();
    assert!(!arrival.open && arrival.missing == 1, "{arrival:?}");
    let (mut third, later) = handle(&shared, 3);
    later.advance(86_400_000);
    assert!(third.arrive(&gate, LEASE_MS).unwrap().open);
    assert!(second.poll_barrier(&gate, arrival).unwrap().open);
}

#[test]
fn a_party_that_lives_is_counted_whatever_the_wall_clock_says() {
    let gate = Gate { name: "start".into(), parties: 2 };
    let shared = Shared::new();
    let ((mut first, early), (mut second, late)) = (handle(&shared, 1), handle(&shared, 2));
    let arrival = first.arrive(&gate, LEASE_MS).unwrap();
    first.poll_barrier(&gate, arrival).unwrap();
    for platform in [&early, &late] {
        platform.set_wall_clock(86_400_000);
    }
    let other = second.arrive(&gate, LEASE_MS).unwrap();
    early.advance(LEASE_MS / 2);
    assert!(first.poll_barrier(&gate, arrival).unwrap().open);
    assert!(second.poll_barrier(&gate, other).unwrap().open);
}

#[test]
fn a_wall_clock_that_is_set_forward_lets_no_handle_take_more_than_the_limit() {
    for method in [Method::Bucket, Method::Window] {
        let shared = Shared::new();
        let rate = Rate { name: "api".into(), method, count: 10, period_us: 60_000_000 };
        let (mut old, clock) = handle(&shared, 1);
        assert_eq!((0..20).filter(|_| old.take(&rate, 1).unwrap().granted).count(), 10);
        clock.set_wall_clock(3_600_000);
        assert!(!old.take(&rate, 1).unwrap().granted, "{method:?}");
        // One that begins after the jump knows no other time, and must agree with the old one.
        let (mut new, platform) = handle(&shared, 2);
        platform.set_wall_clock(3_600_000);
        let mut granted = 0;
        for _ in 0..20 {
            for (cache, clock) in [(&mut old, &clock), (&mut new, &platform)] {
                granted += u32::from(cache.take(&rate, 1).unwrap().granted);
                clock.advance(1);
            }
        }
        assert_eq!(granted, 0, "{method:?}");
        for clock in [&clock, &platform] {
            clock.advance(60_000);
        }
        assert!(new.take(&rate, 1).unwrap().granted && old.take(&rate, 1).unwrap().granted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whoever of two takes: no window has more than the limit, and one in which the wall clock jumps not more
    /// than once more for each jump.
    #[test]
    fn a_jump_of_the_wall_clock_gives_no_more_than_the_limit_once(
        steps in prop::collection::vec((0_u8..2, 0_u32..400, prop_oneof![5 => Just(0_i64), 1 => -9_000_i64..9_000]), 1..80)
    ) {
        let shared = Shared::new();
        let mut handles = [handle(&shared, 1), handle(&shared, 2)];
        let rate = Rate { name: "api".into(), method: Method::Window, count: 3, period_us: 1_000_000 };
        let (mut time, mut granted, mut jumps) = (0_u64, Vec::new(), Vec::new());
        for (who, wait, jump) in steps {
            time += u64::from(wait);
            jumps.extend((jump != 0).then_some(time));
            for (_, clock) in &handles {
                clock.advance(wait);
                clock.set_wall_clock(jump);
            }
            let (cache, _) = &mut handles[usize::from(who)];
            granted.extend(cache.take(&rate, 1).unwrap().granted.then_some(time));
        }
        for start in &granted {
            let window = *start..start + 1_000;
            let inside = |times: &[u64]| times.iter().filter(|time| window.contains(time)).count();
            prop_assert!(inside(&granted) <= 3 * (1 + inside(&jumps)), "{granted:?} with jumps at {jumps:?}");
        }
    }
}
