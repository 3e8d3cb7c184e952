use proptest::prelude::*;

use super::*;
use crate::recipes::{decode, encode};

fn request(owner: u64, weight: u32) -> Request {
    Request { owner, weight, lease_ms: 100, waits: true, now_ms: 0 }
}

fn fence(standing: Standing) -> u64 {
    match standing {
        Standing::Granted(grant) => grant.fence,
        other => panic!("{other:?}"),
    }
}

fn take(permits: &mut Permits, owner: u64, weight: u32) -> Standing {
    permits.request(&request(owner, weight)).unwrap()
}

#[test]
fn one_holds_a_lock_and_the_others_follow_in_the_order_of_arrival() {
    let mut lock = Permits::new(1, 40);
    let first = Grant { owner: 1, fence: fence(take(&mut lock, 1, 1)) };
    assert_eq!(first.fence, 41);
    assert_eq!(take(&mut lock, 2, 1), Standing::Waiting { owner: 2, ahead: 0 });
    assert_eq!(take(&mut lock, 3, 1), Standing::Waiting { owner: 3, ahead: 1 });
    assert_eq!(lock.release(first, 0), Some(0));
    let second = Grant { owner: 2, fence: fence(lock.standing(2)) };
    assert_eq!(second.fence, 42);
    assert_eq!(lock.standing(3), Standing::Waiting { owner: 3, ahead: 0 });
    assert_eq!(lock.release(first, 0), None, "it is not its own any more");
    assert!(!lock.renew(first, 0));
    lock.release(second, 0);
    assert_eq!(fence(lock.standing(3)), 43);
}

#[test]
fn an_owner_takes_a_lock_again_and_gives_it_back_as_often() {
    let mut lock = Permits::new(1, 0);
    let grant = Grant { owner: 1, fence: fence(take(&mut lock, 1, 1)) };
    assert_eq!(fence(take(&mut lock, 1, 1)), grant.fence);
    take(&mut lock, 2, 1);
    assert_eq!(lock.release(grant, 0), Some(1));
    assert!(matches!(lock.standing(2), Standing::Waiting { .. }));
    assert_eq!(lock.release(grant, 0), Some(0));
    assert!(matches!(lock.standing(2), Standing::Granted(_)));
}

#[test]
fn readers_share_and_a_waiting_writer_keeps_later_readers_out() {
    let mut lock = Permits::new(u32::MAX, 0);
    let readers = [1, 2].map(|owner| Grant { owner, fence: fence(take(&mut lock, owner, 1)) });
    assert!(matches!(take(&mut lock, 3, u32::MAX), Standing::Waiting { ahead: 0, .. }));
    assert!(matches!(take(&mut lock, 4, 1), Standing::Waiting { ahead: 1, .. }));
    assert!(matches!(lock.request(&request(1, u32::MAX)), Err(Error::InvalidArgument(_))), "it would wait for itself");
    for reader in readers {
        lock.release(reader, 0);
    }
    let writer = Grant { owner: 3, fence: fence(lock.standing(3)) };
    assert!(matches!(lock.standing(4), Standing::Waiting { .. }));
    lock.release(writer, 0);
    assert!(matches!(lock.standing(4), Standing::Granted(_)));
}

#[test]
fn whoever_does_not_wait_takes_nothing_from_those_who_do() {
    let mut semaphore = Permits::new(3, 0);
    take(&mut semaphore, 1, 2);
    take(&mut semaphore, 2, 2);
    let hasty = Request { waits: false, ..request(3, 1) };
    assert_eq!(semaphore.request(&hasty).unwrap(), Standing::Outside);
    assert!(semaphore.withdraw(2, 0));
    assert!(matches!(semaphore.request(&hasty).unwrap(), Standing::Granted(_)));
}

#[test]
fn the_dead_are_taken_out_and_those_behind_them_served() {
    let mut lock = Permits::new(1, 0);
    for owner in 1..=3 {
        take(&mut lock, owner, 1);
    }
    let mut watch = Watch::default();
    watch.note(lock.members(), 0);
    lock.waiting(3).unwrap().renew(0);
    watch.note(lock.members(), 101);
    assert!(lock.has_dead(&watch));
    lock.bury(&watch, 0);
    assert_eq!(lock.standing(1), Standing::Outside);
    assert_eq!(lock.standing(2), Standing::Outside);
    assert_eq!(fence(lock.standing(3)), 2);
}

#[test]
fn what_can_never_be_had_is_refused() {
    let mut semaphore = Permits::new(2, 0);
    for weight in [0, 3] {
        assert!(matches!(semaphore.request(&request(1, weight)), Err(Error::InvalidArgument(_))), "{weight}");
    }
    for owner in 1..=u64::try_from(MEMBERS_LIMIT).unwrap() {
        take(&mut semaphore, owner, 1);
    }
    assert!(matches!(semaphore.request(&request(0, 1)), Err(Error::Full(_))));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Request { owner: u64, weight: u32, waits: bool },
    Release { owner: u64 },
    Withdraw { owner: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let owner = 0_u64..6;
    prop_oneof![
        4 => (owner.clone(), 1_u32..4, any::<bool>()).prop_map(|(owner, weight, waits)| Step::Request { owner, weight, waits }),
        3 => owner.clone().prop_map(|owner| Step::Release { owner }),
        1 => owner.prop_map(|owner| Step::Withdraw { owner }),
    ]
}

proptest! {
    /// Whatever is asked: no more is given than there is, in the order of arrival, with numbers that
    /// grow; and somebody who fits never waits.
    #[test]
    fn no_more_is_given_than_there_is_and_in_order(capacity in 1_u32..5, steps in prop::collection::vec(step(), 1..120)) {
        let mut permits = Permits::new(capacity, 7);
        let (mut arrivals, mut last) = (Vec::<u64>::new(), 7);
        for step in steps {
            match step {
                Step::Request { owner, weight, waits } => {
                    let before = permits.standing(owner);
                    let asked = permits.request(&Request { waits, ..request(owner, weight.min(capacity)) });
                    if before == Standing::Outside && matches!(asked, Ok(Standing::Granted(_) | Standing::Waiting { .. })) {
                        arrivals.push(owner);
                    }
                }
                Step::Release { owner } => {
                    if let Standing::Granted(grant) = permits.standing(owner) {
                        prop_assert!(permits.release(grant, 0).is_some());
                    }
                }
                Step::Withdraw { owner } => drop(permits.withdraw(owner, 0)),
            }
            arrivals.retain(|owner| permits.standing(*owner) != Standing::Outside);
            let standings: Vec<Standing> = arrivals.iter().map(|owner| permits.standing(*owner)).collect();
            let waiting: Vec<u64> = arrivals.iter().copied().filter(|owner| matches!(permits.standing(*owner), Standing::Waiting { .. })).collect();
            prop_assert_eq!(&waiting, &permits.line.iter().map(|waiting| waiting.member.token).collect::<Vec<_>>());
            let fences: Vec<u64> = standings.iter().filter_map(|standing| match standing {
                Standing::Granted(grant) => Some(grant.fence),
                _ => None,
            }).collect();
            prop_assert!(fences.is_sorted_by(|a, b| a < b), "{fences:?}");
            let newest = fences.last().copied().unwrap_or(last);
            prop_assert!(permits.latest() >= newest.max(last));
            last = permits.latest();
            prop_assert!(permits.line.first().is_none_or(|first| first.weight > permits.free()));
            prop_assert!(permits.is_sound());
            prop_assert_eq!(decode::<Permits>(&encode(&permits).unwrap()), Some(permits.clone()));
        }
    }

    /// Bytes from a directory may be anything.
    #[test]
    fn bytes_that_are_no_state_are_told(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Some(permits) = decode::<Permits>(&bytes) {
            prop_assert!(permits.is_sound());
            prop_assert!(permits.free() <= permits.capacity);
        }
    }
}
