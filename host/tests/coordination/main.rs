//! `larder:cache/coordination` as a guest meets it, through a small component that passes every
//! call on.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "these are tests, though not each function is one")]

mod guest;
mod hostile;
mod isolation;
mod limits;

use std::process::Command;

use larder::coordination::{Access, Fault, LockMode};
use wasmtime::{InstanceAllocationStrategy, Store};

use guest::{BLOCK, Guest, SIZE, State, engine, grants, is_invalid};

#[test]
fn two_guests_share_pages_and_exclude_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let mut one = Guest::in_directory(directory.path());
    // With an engine that handles concurrency and one that does not.
    let plain = engine(|config| {
        config.concurrency_support(false);
    });
    let mut other = Guest::new(&plain, &grants(directory.path()));
    assert!(one.call::<_, bool>("can-map", ()));
    assert!(other.call::<_, bool>("can-map", ()));

    let (file, same) = (one.open_sized(2), other.open());
    one.map(file, 0, BLOCK, 2 * BLOCK).unwrap();
    other.map(same, SIZE, 3 * BLOCK, BLOCK).unwrap();
    one.store(2 * BLOCK + 5, 77);
    one.barrier(BLOCK).unwrap();
    other.barrier(3 * BLOCK).unwrap();
    assert_eq!(other.load(3 * BLOCK + 5), 77);

    assert_eq!(one.lock(file, 120, 1), Ok(true));
    assert_eq!(other.lock(same, 120, 1), Ok(false));
    let patiently: Result<bool, Fault> = other.call("lock", (same, 120_u64, 1_u64, LockMode::Shared, 5_u32));
    assert_eq!(patiently, Ok(false));
    assert_eq!(other.call::<_, Result<bool, Fault>>("is-locked", (same, 120_u64, 1_u64)), Ok(true));
    one.unlock(file, 120, 1).unwrap();
    assert_eq!(other.lock(same, 120, 1), Ok(true));
    other.run("close", (same,));
    assert_eq!(one.lock(file, 120, 1), Ok(true));

    one.unmap(file, BLOCK, 2 * BLOCK).unwrap();
    assert_eq!(one.load(2 * BLOCK + 5), 0);
    assert_eq!(other.load(3 * BLOCK + 5), 77);
}

#[test]
fn memory_that_can_not_be_mapped_is_invalid() {
    let directory = tempfile::tempdir().unwrap();
    let mut guest = Guest::in_directory(directory.path());
    let file = guest.open_sized(2);
    for (offset, address, length) in [
        (0, BLOCK, 0),
        (0, BLOCK + 8, BLOCK),
        (0, BLOCK, BLOCK - 8),
        (8, BLOCK, BLOCK),
        (SIZE, BLOCK, 2 * BLOCK),
        (u64::MAX - SIZE + 1, BLOCK, BLOCK),
    ] {
        assert!(is_invalid(&guest.map(file, offset, address, length)));
    }
    guest.map(file, 0, 2 * BLOCK, BLOCK).unwrap();
    assert!(is_invalid(&guest.map(file, 0, 2 * BLOCK, BLOCK)));
    assert!(is_invalid(&guest.map(file, 0, BLOCK, 2 * BLOCK)));
    for (address, length) in [(BLOCK, BLOCK), (2 * BLOCK, 2 * BLOCK), (2 * BLOCK, 0)] {
        assert!(is_invalid(&guest.unmap(file, address, length)));
    }
    let other = guest.open();
    assert!(is_invalid(&guest.unmap(other, 2 * BLOCK, BLOCK)));
    guest.unmap(file, 2 * BLOCK, BLOCK).unwrap();
    assert!(is_invalid(&guest.unmap(file, 2 * BLOCK, BLOCK)));
}

#[test]
fn a_barrier_needs_a_region() {
    let directory = tempfile::tempdir().unwrap();
    let mut guest = Guest::in_directory(directory.path());
    let file = guest.open_sized(1);
    assert_eq!(guest.barrier(BLOCK), Err(Fault::Damaged));
    guest.map(file, 0, BLOCK, BLOCK).unwrap();
    assert_eq!(guest.barrier(BLOCK), Ok(()));
    assert_eq!(guest.barrier(BLOCK + 4096), Err(Fault::Damaged));
    // Growing leaves the region where it is.
    assert!(guest.call::<_, i32>("grow", (64_u32,)) > 0);
    assert_eq!(guest.barrier(BLOCK), Ok(()));
    guest.unmap(file, BLOCK, BLOCK).unwrap();
    assert_eq!(guest.barrier(BLOCK), Err(Fault::Damaged));
}

#[test]
fn a_file_cut_under_its_pages_is_damaged_until_they_are_unmapped() {
    let directory = tempfile::tempdir().unwrap();
    let mut guest = Guest::in_directory(directory.path());
    let file = guest.open_sized(2);
    guest.map(file, 0, BLOCK, BLOCK).unwrap();
    guest.map(file, SIZE, 2 * BLOCK, BLOCK).unwrap();
    let bystander = guest.open();
    guest.store(2 * BLOCK, 5);
    assert_eq!(guest.lock(file, 0, 1), Ok(true));

    let path = directory.path().join("file");
    let native = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    native.set_len(SIZE).unwrap();
    assert_eq!(guest.load(2 * BLOCK), 0);

    assert_eq!(guest.barrier(BLOCK), Err(Fault::Damaged));
    assert_eq!(guest.barrier(2 * BLOCK), Err(Fault::Damaged));
    assert_eq!(guest.lock(file, 1, 1), Err(Fault::Damaged));
    assert_eq!(guest.resize(file, 0), Err(Fault::Damaged));
    assert_eq!(guest.map(file, 0, 3 * BLOCK, BLOCK), Err(Fault::Damaged));
    let size: Result<u64, Fault> = guest.call("size", (file,));
    assert_eq!(size, Err(Fault::Damaged));
    // Another handle is not affected, and gets the lock that was released none the less.
    assert_eq!(guest.lock(bystander, 0, 1), Ok(false));
    assert_eq!(guest.unlock(file, 0, 1), Err(Fault::Damaged));
    assert_eq!(guest.lock(bystander, 0, 1), Ok(true));

    guest.unmap(file, 2 * BLOCK, BLOCK).unwrap();
    assert_eq!(guest.barrier(BLOCK), Ok(()));
    guest.resize(file, 2 * SIZE).unwrap();
    guest.map(file, SIZE, 2 * BLOCK, BLOCK).unwrap();
    assert_eq!(guest.barrier(2 * BLOCK), Ok(()));
    assert_eq!(guest.load(2 * BLOCK), 0);
}

/// Maps, writes and locks from one store after another, each of which ends in its own way.
fn end_stores(end: impl Fn(Store<State>)) {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let mut guest = Guest::in_directory(directory.path());
        let file = guest.open_sized(1);
        guest.map(file, 0, BLOCK, BLOCK).unwrap();
        assert_eq!(guest.load(BLOCK), round);
        guest.store(BLOCK, round + 1);
        assert_eq!(guest.lock(file, 0, 1), Ok(true));
        end(guest.store);
    }
}

#[test]
fn a_store_can_be_dropped_with_regions_mapped() {
    end_stores(drop);
}

#[test]
fn a_store_can_be_taken_apart_with_regions_mapped() {
    const ALONE: &str = "LARDER_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        // The memories go first here, and the context after them.
        end_stores(|store| drop(store.into_data()));
        return;
    }
    // In a process of its own: the addresses stay reserved until the context is dropped, while
    // another test could already have new memory there.
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_store_can_be_taken_apart_with_regions_mapped"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}

#[test]
fn a_closed_file_leaves_its_pages_and_no_damage_to_its_successor() {
    let directory = tempfile::tempdir().unwrap();
    let mut guest = Guest::in_directory(directory.path());
    let file = guest.open_sized(1);
    guest.map(file, 0, BLOCK, BLOCK).unwrap();
    guest.resize(file, 0).unwrap();
    assert_eq!(guest.load(BLOCK), 0);
    guest.run("close", (file,));
    // The next handle has the same number.
    let next = guest.open_sized(1);
    assert_eq!(next, file);
    assert_eq!(guest.lock(next, 0, 1), Ok(true));
    assert!(is_invalid(&guest.map(next, 0, BLOCK, BLOCK)));
    guest.map(next, 0, 2 * BLOCK, BLOCK).unwrap();
    assert_eq!(guest.barrier(2 * BLOCK), Ok(()));
}

#[test]
fn only_granted_files_can_be_reached() {
    let directory = tempfile::tempdir().unwrap();
    let mut grants = grants(directory.path());
    grants.preopened_dir(directory.path(), "/read", Access::ReadOnly).unwrap();
    let mut guest = Guest::new(&engine(|_| {}), &grants);
    assert!(guest.try_open("/cache/file", true, false).is_ok());
    assert!(guest.try_open("read/file", false, true).is_ok());
    let denied = Err(Fault::Denied);
    assert_eq!(guest.try_open("/read/file", false, false), denied);
    assert_eq!(guest.try_open("/read/new", true, false), denied);
    assert_eq!(guest.try_open("/etc/passwd", false, true), denied);
    assert_eq!(guest.try_open("/cache/../etc/passwd", false, true), denied);
    assert_eq!(guest.try_open("/cache/no", false, false), Err(Fault::NotFound));
    assert!(is_invalid(&guest.try_open("/cache/new", true, true)));
    assert!(is_invalid(&guest.try_open("/cache", false, true)));
    assert!(is_invalid(&guest.try_open("/cache/a\0b", false, true)));
}

#[test]
fn ranges_that_can_not_be_are_invalid() {
    let directory = tempfile::tempdir().unwrap();
    let mut guest = Guest::in_directory(directory.path());
    let file = guest.open();
    for (start, length) in [(0, 0), (u64::MAX, u64::MAX), (1 << 63, 1)] {
        assert!(is_invalid(&guest.lock(file, start, length)));
        assert!(is_invalid(&guest.unlock(file, start, length)));
    }
    assert!(is_invalid(&guest.resize(file, u64::MAX)));
}

#[test]
fn engines_with_unsuitable_memories_can_not_map() {
    let directory = tempfile::tempdir().unwrap();
    let pooling = engine(|config| {
        config.allocation_strategy(InstanceAllocationStrategy::pooling());
    });
    let moving = engine(|config| {
        config.memory_may_move(true).memory_reservation(1 << 20);
    });
    let switched_off = {
        let mut grants = grants(directory.path());
        grants.allow_mapping(false);
        grants
    };
    for (engine, grants) in
        [(pooling, grants(directory.path())), (moving, grants(directory.path())), (engine(|_| {}), switched_off)]
    {
        let mut guest = Guest::new(&engine, &grants);
        assert!(!guest.call::<_, bool>("can-map", ()));
        let file = guest.open_sized(1);
        assert_eq!(guest.map(file, 0, BLOCK, BLOCK), Err(Fault::Unsupported));
        assert_eq!(guest.lock(file, 0, 1), Ok(true));
    }
}
