//! Locks that are biased towards a handle: entered and left without changing their record.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

use larder_engine::testing::TestPlatform;
use larder_engine::{Cache, Claim, Error, Grant, Lock, OpenOptions, Standing};

use crate::support::{Shared, database, open};

mod random;

const LEASE: u32 = 1_000;

fn lock(name: &str) -> Lock {
    Lock { name: name.into(), capacity: 1 }
}

fn claim() -> Claim {
    Claim { owner: None, weight: None, lease_ms: LEASE }
}

fn held(cache: &mut Cache, name: &str) -> Grant {
    cache.try_lock(&lock(name), &claim()).unwrap().unwrap()
}

fn biasing(shared: &Shared, seed: u64) -> (Rc<TestPlatform>, Cache) {
    shared.biasing(seed, &OpenOptions::default())
}

/// The first handle takes locks by a bias, the second does not.
fn two() -> (Shared, Cache, Cache) {
    let shared = Shared::new();
    let first = biasing(&shared, 1).1;
    let second = shared.open(2, &OpenOptions::default());
    (shared, first, second)
}

/// The files of cells in a directory.
fn cells(directory: &Path) -> usize {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("bias-")).count()
}

/// What is recorded of a lock.
fn record(shared: &Shared, name: &str) -> Vec<u8> {
    let connection = rusqlite::Connection::open(database(shared.directory.path(), 0)).unwrap();
    connection.query_row("SELECT state FROM record WHERE name = ?1", [name], |row| row.get(0)).unwrap()
}

#[test]
fn a_lock_that_is_taken_again_and_again_is_not_recorded_each_time() {
    let shared = Shared::new();
    let mut cache = shared.open(1, &OpenOptions::default());
    let (mut fence, mut states) = (0, Vec::new());
    for _ in 0..3_000 {
        let grant = held(&mut cache, "a");
        assert!(grant.fence > fence);
        fence = grant.fence;
        assert_eq!(cache.release_lock(&lock("a"), grant), Ok(0));
        states.push(record(&shared, "a"));
    }
    states.dedup();
    assert_eq!(states.len(), 8 + 3, "eight times, and whenever a thousand numbers are used up");
}

#[test]
fn somebody_else_has_a_biased_lock_at_once_when_it_is_free_and_none_when_it_is_held() {
    let (shared, mut first, mut second) = two();
    let grant = held(&mut first, "a");
    let before = record(&shared, "a");
    assert_eq!(second.try_lock(&lock("a"), &claim()).unwrap(), None);
    assert_eq!(record(&shared, "a"), before, "who does not wait changes nothing");
    first.release_lock(&lock("a"), grant).unwrap();
    let next = held(&mut second, "a");
    assert!(next.fence > grant.fence);
    assert_eq!(first.try_lock(&lock("a"), &claim()).unwrap(), None);
    second.release_lock(&lock("a"), next).unwrap();
    assert!(held(&mut first, "a").fence > next.fence);
}

#[test]
fn who_waits_for_a_biased_lock_has_it_next() {
    let (_shared, mut first, mut second) = two();
    let grant = held(&mut first, "a");
    let Standing::Waiting { owner, ahead: 0 } = second.request_lock(&lock("a"), &claim()).unwrap() else { panic!() };
    assert!(matches!(second.poll_lock(&lock("a"), owner), Ok(Standing::Waiting { .. })));
    first.release_lock(&lock("a"), grant).unwrap();
    assert_eq!(first.try_lock(&lock("a"), &claim()).unwrap(), None, "somebody stands in line");
    let Ok(Standing::Granted(next)) = second.poll_lock(&lock("a"), owner) else { panic!() };
    assert!(next.fence > grant.fence);
    assert_eq!(second.acquire_lock(&lock("a"), &claim(), Some(0)).unwrap(), None);
}

#[test]
fn whoever_wants_the_lock_between_writing_the_cell_and_reading_the_record_is_seen() {
    for waits in [false, true] {
        let shared = Shared::new();
        let (platform, mut first) = biasing(&shared, 1);
        let grant = held(&mut first, "a");
        first.release_lock(&lock("a"), grant).unwrap();
        let other = Rc::new(std::cell::RefCell::new(shared.open(2, &OpenOptions::default())));
        let (contender, begun) = (Rc::clone(&other), Rc::new(Cell::new(None)));
        let standing = Rc::clone(&begun);
        let mut once = true;
        platform.on_write(move || {
            if std::mem::take(&mut once) {
                let mut other = contender.borrow_mut();
                standing.set(Some(if waits {
                    other.request_lock(&lock("a"), &claim()).unwrap()
                } else {
                    other.try_lock(&lock("a"), &claim()).unwrap().map_or(Standing::Outside, Standing::Granted)
                }));
            }
        });
        let entered = first.try_lock(&lock("a"), &claim()).unwrap();
        match begun.get().unwrap() {
            Standing::Outside => assert!(entered.is_some(), "it was told that the lock is held"),
            Standing::Waiting { owner, .. } => {
                assert_eq!(entered, None, "somebody waits for it");
                assert!(matches!(other.borrow_mut().poll_lock(&lock("a"), owner), Ok(Standing::Granted(_))));
            }
            Standing::Granted(_) => panic!("the cell says that it is held"),
        }
    }
}

#[test]
fn a_holder_that_dies_is_followed_after_its_lease_and_a_free_lock_at_once() {
    for dies_holding in [false, true] {
        let shared = Shared::new();
        let (platform, mut first) = biasing(&shared, 1);
        let mut second = shared.open(2, &OpenOptions::default());
        let grant = held(&mut first, "a");
        if !dies_holding {
            first.release_lock(&lock("a"), grant).unwrap();
        }
        TestPlatform::kill(first);
        platform.crash();
        if dies_holding {
            assert_eq!(second.acquire_lock(&lock("a"), &claim(), Some(u64::from(LEASE / 2))).unwrap(), None);
            let next = second.acquire_lock(&lock("a"), &claim(), Some(u64::from(LEASE) * 2)).unwrap().unwrap();
            assert!(next.fence > grant.fence);
            assert!(matches!(second.release_lock(&lock("a"), grant), Err(Error::NotHeld(_))));
        } else {
            assert!(held(&mut second, "a").fence > grant.fence);
        }
        assert_eq!(cells(shared.directory.path()), 1, "others may still look at it");
        second.close().unwrap();
        let mut third = shared.open(3, &OpenOptions::default());
        assert_eq!(cells(shared.directory.path()), 0, "who comes first tidies up");
        assert_eq!(third.check().unwrap(), []);
    }
}

#[test]
fn a_holder_that_is_silent_for_its_lease_loses_the_lock_and_learns_of_it() {
    let (_shared, mut first, mut second) = two();
    let lost = held(&mut first, "a");
    let grant = second.acquire_lock(&lock("a"), &claim(), Some(u64::from(LEASE) * 2)).unwrap().unwrap();
    assert!(grant.fence > lost.fence);
    assert!(matches!(first.renew_lock(&lock("a"), lost), Err(Error::NotHeld(_))));
    assert!(matches!(first.release_lock(&lock("a"), lost), Err(Error::NotHeld(_))));
    assert_eq!(first.try_lock(&lock("a"), &claim()).unwrap(), None);
    second.release_lock(&lock("a"), grant).unwrap();
    assert!(held(&mut first, "a").fence > grant.fence);
}

#[test]
fn each_grant_is_watched_by_itself() {
    // A lock that was idle for longer than its lease is not taken from who has just entered.
    let shared = Shared::new();
    let (_, mut first) = biasing(&shared, 1);
    let platform = shared.platform(2);
    let mut second = open(shared.directory.path(), &OpenOptions::default(), &platform).unwrap();
    for _ in 0..3 {
        let grant = held(&mut first, "a");
        assert_eq!(second.try_lock(&lock("a"), &claim()).unwrap(), None);
        platform.advance(LEASE * 2 / 3);
        first.release_lock(&lock("a"), grant).unwrap();
    }
    let grant = held(&mut first, "a");
    let Standing::Waiting { owner, .. } = second.request_lock(&lock("a"), &claim()).unwrap() else { panic!() };
    platform.advance(LEASE / 2);
    assert!(matches!(second.poll_lock(&lock("a"), owner), Ok(Standing::Waiting { .. })));
    first.renew_lock(&lock("a"), grant).unwrap();
    platform.advance(LEASE - 1);
    assert!(matches!(second.poll_lock(&lock("a"), owner), Ok(Standing::Waiting { .. })));
    platform.advance(LEASE + 1);
    assert!(matches!(second.poll_lock(&lock("a"), owner), Ok(Standing::Granted(_))));
}

#[test]
fn a_grant_by_a_bias_is_good_for_every_handle() {
    let (_shared, mut first, mut second) = two();
    let stale = held(&mut first, "a");
    first.release_lock(&lock("a"), stale).unwrap();
    let grant = held(&mut first, "a");
    for cache in [&mut first, &mut second] {
        assert!(matches!(cache.release_lock(&lock("a"), stale), Err(Error::NotHeld(_))));
        assert!(matches!(cache.renew_lock(&lock("a"), stale), Err(Error::NotHeld(_))));
        cache.renew_lock(&lock("a"), grant).unwrap();
        assert_eq!(cache.lock_occupancy("a").unwrap().holders[0].grant, grant);
        assert_eq!(cache.lock_occupancy("a").unwrap().doubt_ms, 0);
    }
    second.release_lock(&lock("a"), grant).unwrap();
    for cache in [&mut first, &mut second] {
        assert!(matches!(cache.release_lock(&lock("a"), grant), Err(Error::NotHeld(_))));
        assert_eq!(cache.lock_occupancy("a").unwrap().holders, []);
    }
    assert!(held(&mut first, "a").fence > grant.fence);
}

#[test]
fn who_closes_a_handle_leaves_a_grant_like_any_other_and_no_file() {
    let (shared, mut first, mut second) = two();
    let (kept, released) = (held(&mut first, "kept"), held(&mut first, "released"));
    first.release_lock(&lock("released"), released).unwrap();
    assert_eq!(cells(shared.directory.path()), 1);
    first.close().unwrap();
    assert_eq!(cells(shared.directory.path()), 0);
    assert!(held(&mut second, "released").fence > released.fence);
    assert_eq!(second.try_lock(&lock("kept"), &claim()).unwrap(), None);
    second.renew_lock(&lock("kept"), kept).unwrap();
    assert_eq!(second.release_lock(&lock("kept"), kept), Ok(0));
}

#[test]
fn the_owner_of_a_biased_grant_takes_it_once_more() {
    let (_shared, mut first, mut second) = two();
    let grant = held(&mut first, "a");
    let again = Claim { owner: Some(grant.owner), ..claim() };
    assert_eq!(second.try_lock(&lock("a"), &again).unwrap(), Some(grant));
    assert_eq!(first.release_lock(&lock("a"), grant), Ok(1));
    assert_eq!(second.try_lock(&lock("a"), &claim()).unwrap(), None);
    assert_eq!(first.release_lock(&lock("a"), grant), Ok(0));
    held(&mut second, "a");
}

#[test]
fn a_biased_lock_that_is_free_takes_another_capacity_and_one_that_is_held_does_not() {
    let (_shared, mut first, mut second) = two();
    let semaphore = Lock { capacity: 2, ..lock("a") };
    let one = Claim { weight: Some(1), ..claim() };
    let grant = held(&mut first, "a");
    assert!(matches!(second.try_lock(&semaphore, &one), Err(Error::Conflict(_))));
    assert!(matches!(first.try_lock(&semaphore, &one), Err(Error::Conflict(_))));
    first.release_lock(&lock("a"), grant).unwrap();
    assert!(second.try_lock(&semaphore, &one).unwrap().is_some());
    assert!(first.try_lock(&semaphore, &one).unwrap().is_some());
    assert!(matches!(first.try_lock(&lock("a"), &claim()), Err(Error::Conflict(_))));
}

#[test]
fn cells_that_were_altered_cost_a_wait_for_the_lease_and_never_give_a_lock_to_two() {
    let directory_of = |shared: &Shared| {
        let entries = std::fs::read_dir(shared.directory.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.into_iter().find(|path| path.to_string_lossy().contains("bias-")).unwrap()
    };
    for content in [&b"x"[..], &[0; 1536], &[255; 1536]] {
        let (shared, mut first, mut second) = two();
        let grant = held(&mut first, "a");
        std::fs::write(directory_of(&shared), content).unwrap();
        assert_eq!(second.acquire_lock(&lock("a"), &claim(), Some(u64::from(LEASE / 2))).unwrap(), None);
        // Of its own it knows without looking.
        first.renew_lock(&lock("a"), grant).unwrap();
        assert_eq!(first.release_lock(&lock("a"), grant), Ok(0));
        held(&mut second, "a");
    }
}
