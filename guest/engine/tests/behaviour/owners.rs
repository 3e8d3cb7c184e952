//! One owner after the other, by lease.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use larder_engine::testing::TestPlatform;
use larder_engine::{Cache, Changes, Error, OpenOptions, Platform, Value};

use crate::support::{Fixture, Shared, existing, integer, names, open, plain, put, same, text, value_files};

const LEASE: u32 = 1_000;

fn leasing() -> OpenOptions {
    OpenOptions {
        lease_ms: LEASE,
        changes: Changes { inline_threshold: Some(100), ..Changes::default() },
        ..OpenOptions::default()
    }
}

fn large(byte: u8) -> Value {
    Value::Bytes(vec![byte; 500])
}

/// The lease files of a directory.
fn leases(root: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|child| child.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("lease-"))
        .collect();
    names.sort();
    names
}

/// How long a second owner had to wait, by its clock.
fn open_and_time(root: &Path, seed: u64) -> (Cache, Rc<TestPlatform>, u64) {
    let platform = TestPlatform::seeded(seed);
    let began = platform.monotonic_ms();
    let cache = open(root, &OpenOptions { lease_ms: LEASE, ..existing() }, &platform).unwrap();
    let waited = platform.monotonic_ms() - began;
    (cache, platform, waited)
}

#[test]
fn a_second_owner_waits_and_is_refused_when_its_time_is_up() {
    let fixture = Fixture::with(&leasing());
    let platform = TestPlatform::seeded(2);
    let began = platform.monotonic_ms();
    let refused = open(fixture.path(), &OpenOptions { wait_ms: 500, ..existing() }, &platform).err();
    assert!(matches!(refused, Some(Error::Locked(what)) if what.contains(fixture.path().to_str().unwrap())));
    assert_eq!(platform.monotonic_ms() - began, 500);
}

#[test]
fn a_second_owner_gets_in_as_soon_as_the_first_closes() {
    let Fixture { directory, mut cache, .. } = Fixture::with(&leasing());
    put(&mut cache, "a", 1);
    let platform = TestPlatform::seeded(2);
    platform.on_next_sleep(move || cache.close().unwrap());
    let began = platform.monotonic_ms();
    let mut second = open(directory.path(), &existing(), &platform).unwrap();
    assert!(platform.monotonic_ms() - began < 100);
    assert_eq!(integer(&mut second, "a"), Some(1));
}

#[test]
fn after_a_crash_the_next_owner_gets_in_after_the_lease_with_everything_committed() {
    let Fixture { directory, mut cache, .. } = Fixture::with(&leasing());
    for number in 0..50_u8 {
        cache.set(&text(&number.to_string()), &large(number), &plain()).unwrap();
        put(&mut cache, &format!("n{number}"), number.into());
    }
    std::mem::forget(cache);
    let (mut second, _, waited) = open_and_time(directory.path(), 2);
    assert_eq!(waited, LEASE.into());
    for number in 0..50_u8 {
        assert!(same(&second.get(&text(&number.to_string())).unwrap().unwrap(), &large(number)));
        assert_eq!(integer(&mut second, &format!("n{number}")), Some(number.into()));
    }
    assert_eq!(second.check().unwrap(), []);
    assert_eq!(leases(directory.path()), ["lease-00000002"]);
    second.close().unwrap();
    let (_third, _, waited) = open_and_time(directory.path(), 3);
    assert_eq!(waited, 0);
}

#[test]
fn an_owner_that_only_paused_harms_nobody_and_comes_back_later() {
    let Fixture { directory, platform, mut cache } = Fixture::with(&leasing());
    cache.set(&text("shared"), &large(1), &plain()).unwrap();
    let (mut second, _, _) = open_and_time(directory.path(), 2);
    second.set(&text("shared"), &large(2), &plain()).unwrap();
    put(&mut second, "second", 2);

    platform.advance(3 * LEASE);
    let lost = cache.set(&text("first"), &large(3), &plain());
    assert!(matches!(lost, Err(Error::Locked(_))), "{lost:?}");
    assert_eq!(names(&mut second), ["shared", "second"]);
    assert!(same(&second.get(&text("shared")).unwrap().unwrap(), &large(2)));
    assert_eq!(second.check().unwrap(), []);

    second.close().unwrap();
    put(&mut cache, "first", 1);
    assert_eq!(names(&mut cache), ["shared", "second", "first"]);
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn an_owner_taken_over_in_the_middle_of_an_operation_is_told_so() {
    let Fixture { directory, platform, mut cache } = Fixture::with(&leasing());
    cache.set(&text("a"), &large(1), &plain()).unwrap();
    // Its lease looks fresh to it, so it writes without a look, to files that nobody reads any more.
    let (mut second, _, _) = open_and_time(directory.path(), 2);
    cache.set(&text("late"), &large(9), &plain()).unwrap();
    cache.delete(&text("a")).unwrap();
    assert_eq!(names(&mut second), ["a"]);
    assert!(same(&second.get(&text("a")).unwrap().unwrap(), &large(1)));
    // What it wrote is in nobody's way, and told.
    let left = second.repair().unwrap();
    assert!(left.len() == 1 && left[0].subject.ends_with("data-00000001"), "{left:?}");
    assert_eq!(second.check().unwrap(), []);
    platform.advance(LEASE);
    assert!(matches!(cache.get(&text("a")), Err(Error::Locked(_))));
    drop(cache);
    assert_eq!(second.check().unwrap(), []);
    second.close().unwrap();
    let (mut third, _, waited) = open_and_time(directory.path(), 3);
    assert_eq!((waited, names(&mut third)), (0, vec!["a".to_owned()]));
    assert_eq!(value_files(directory.path()).len(), 1);
}

#[test]
fn closing_after_a_takeover_is_locked_and_changes_nothing() {
    let Fixture { directory, platform, mut cache } = Fixture::with(&leasing());
    put(&mut cache, "a", 1);
    let (mut second, _, _) = open_and_time(directory.path(), 2);
    platform.advance(LEASE);
    assert!(matches!(cache.close(), Err(Error::Locked(_))));
    put(&mut second, "b", 1);
    let refused = open(directory.path(), &OpenOptions { wait_ms: 10, ..existing() }, &TestPlatform::seeded(3));
    assert!(matches!(refused, Err(Error::Locked(_))), "the second still owns it");
    assert_eq!(names(&mut second), ["a", "b"]);
}

#[test]
fn an_owner_that_works_keeps_its_lease_for_hours() {
    let Fixture { directory, platform, mut cache } = Fixture::with(&leasing());
    let owner = Rc::new(RefCell::new(cache));
    let waiting = TestPlatform::seeded(2);
    for _ in 0..20 {
        // The owner works once in a lease, the other waits for the best part of one.
        let (working, clock) = (Rc::clone(&owner), Rc::clone(&platform));
        waiting.on_next_sleep(move || {
            clock.advance(LEASE / 2);
            put(&mut working.borrow_mut(), "a", 1);
        });
        let wait = OpenOptions { wait_ms: LEASE - 100, ..existing() };
        assert!(matches!(open(directory.path(), &wait, &waiting), Err(Error::Locked(_))));
    }
    for number in 0..10_000 {
        platform.advance(LEASE);
        put(&mut owner.borrow_mut(), "a", number);
    }
    assert_eq!(leases(directory.path()), ["lease-00000001"]);
    cache = Rc::try_unwrap(owner).ok().unwrap().into_inner();
    assert_eq!(integer(&mut cache, "a"), Some(9_999));
}

/// The text of a lease file.
fn record(holder: &str, data: u32, state: &str) -> String {
    let text =
        format!("larder 1\nowner 00000000000000aa\nholder {holder}\nlease {LEASE}\ndata {data}\nstate {state}\nbeat 7");
    format!("{text:<255}\n")
}

#[test]
fn a_claimant_that_crashed_while_taking_over_costs_a_lease_and_no_data() {
    for (claim, draft) in
        [(record("lease", 0, "held"), true), (String::new(), false), (record("lease", 0, "held")[..99].into(), true)]
    {
        let Fixture { directory, mut cache, .. } = Fixture::with(&leasing());
        cache.set(&text("a"), &large(1), &plain()).unwrap();
        std::mem::forget(cache);
        fs::write(directory.path().join("lease-00000002"), claim).unwrap();
        if draft {
            fs::create_dir_all(directory.path().join("draft-00000002/shard-000")).unwrap();
            fs::write(directory.path().join("draft-00000002/shard-000/cache.db"), "half a copy").unwrap();
        }
        let (mut second, _, waited) = open_and_time(directory.path(), 2);
        assert_eq!(waited, LEASE.into());
        assert!(same(&second.get(&text("a")).unwrap().unwrap(), &large(1)));
        assert_eq!(second.check().unwrap(), []);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "leftovers are gone");
    }
}

#[test]
fn a_claimant_that_failed_to_take_over_leaves_the_old_owners_data_to_a_copy() {
    // The last lease says released, but the data are those of an owner that may still be at work.
    let Fixture { directory, mut cache, .. } = Fixture::with(&leasing());
    put(&mut cache, "a", 1);
    fs::write(directory.path().join("lease-00000002"), record("lease", 0, "released")).unwrap();
    let (mut second, _, _) = open_and_time(directory.path(), 2);
    put(&mut cache, "late", 1);
    assert_eq!(names(&mut second), ["a"]);
    put(&mut second, "b", 1);
    assert_eq!(second.check().unwrap(), []);
    std::mem::forget(cache);
}

#[test]
fn a_stale_claim_of_an_old_epoch_is_passed_over() {
    let mut fixture = Fixture::with(&leasing());
    put(&mut fixture.cache, "a", 1);
    fixture.cache.close().unwrap();
    for _ in 0..3 {
        fixture.cache = open(fixture.path(), &existing(), &fixture.platform).unwrap();
        fixture.cache.close().unwrap();
    }
    fs::write(fixture.path().join("lease-00000001"), record("lease", 0, "held")).unwrap();
    let (mut second, _, waited) = open_and_time(fixture.path(), 2);
    assert_eq!((waited, integer(&mut second, "a")), (0, Some(1)));
    assert_eq!(leases(fixture.path()).len(), 1);
}

#[test]
fn a_lease_file_cut_short_or_damaged_costs_a_lease_and_no_data() {
    for damage in [0, 1, 60, 255].map(|cut| record("lease", 1, "held").as_bytes()[..cut].to_vec()).into_iter().chain([
        vec![0xff; 256],
        vec![0; 256],
        vec![b'x'; 4_000],
    ]) {
        let Fixture { directory, mut cache, .. } = Fixture::with(&leasing());
        cache.set(&text("a"), &large(1), &plain()).unwrap();
        std::mem::forget(cache);
        fs::write(directory.path().join("lease-00000001"), &damage).unwrap();
        let (mut second, _, waited) = open_and_time(directory.path(), 2);
        assert_eq!(waited, LEASE.into());
        assert!(same(&second.get(&text("a")).unwrap().unwrap(), &large(1)), "{damage:?}");
    }
}

#[test]
fn data_whose_leases_were_deleted_are_found_again() {
    let mut fixture = Fixture::with(&leasing());
    put(&mut fixture.cache, "a", 1);
    fixture.cache.close().unwrap();
    for options in [existing(), OpenOptions::default()] {
        for lease in leases(fixture.path()) {
            fs::remove_file(fixture.path().join(lease)).unwrap();
        }
        fixture.cache = open(fixture.path(), &options, &fixture.platform).unwrap();
        assert_eq!(integer(&mut fixture.cache, "a"), Some(1));
        fixture.cache.close().unwrap();
    }
}

#[test]
fn an_owner_whose_lease_file_is_lost_is_told_and_finds_its_data_again() {
    let mut fixture = Fixture::with(&leasing());
    put(&mut fixture.cache, "a", 1);
    fs::remove_file(fixture.path().join("lease-00000001")).unwrap();
    fixture.platform.advance(LEASE);
    assert!(matches!(fixture.cache.get(&text("a")), Err(Error::Locked(_))));
    assert_eq!(integer(&mut fixture.cache, "a"), Some(1));
}

#[test]
#[cfg(unix)]
fn a_lease_that_can_not_be_read_is_an_error_in_time() {
    let mut fixture = Fixture::with(&leasing());
    fixture.cache.close().unwrap();
    std::os::unix::fs::symlink("nowhere", fixture.path().join("lease-00000009")).unwrap();
    let refused = open(fixture.path(), &OpenOptions { wait_ms: 200, ..existing() }, &fixture.platform).err();
    assert!(matches!(refused, Some(Error::Locked(what)) if what.contains("lease-00000009")));
}

#[test]
fn an_owner_by_lease_is_refused_where_instances_share_by_locks_until_they_close() {
    let shared = Shared::new();
    let mut cache = shared.open(1, &OpenOptions::default());
    put(&mut cache, "a", 1);
    let platform = TestPlatform::seeded(2);
    let brief = OpenOptions { wait_ms: 60_000, ..existing() };
    assert!(matches!(open(shared.directory.path(), &brief, &platform), Err(Error::Locked(_))));
    put(&mut cache, "b", 1);
    cache.close().unwrap();
    let mut second = open(shared.directory.path(), &brief, &platform).unwrap();
    assert_eq!(names(&mut second), ["a", "b"]);
}

#[test]
fn instances_that_share_by_locks_take_over_from_a_crashed_owner_by_lease() {
    let Fixture { directory, mut cache, .. } = Fixture::with(&leasing());
    put(&mut cache, "a", 1);
    std::mem::forget(cache);
    let shared = Shared { directory, table: larder_engine::testing::LockTable::new() };
    let platform = shared.platform(2);
    let refused = open(shared.directory.path(), &OpenOptions { wait_ms: 500, ..existing() }, &platform).err();
    assert!(matches!(refused, Some(Error::Locked(_))));
    let (mut first, mut second) = (shared.open(3, &existing()), shared.open(4, &existing()));
    put(&mut first, "b", 1);
    assert_eq!(names(&mut second), ["a", "b"]);
    assert!(second.information().unwrap().shared);
}
