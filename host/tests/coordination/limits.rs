//! What a guest can take is bounded, and the bound is what the builder was told.

use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use larder::coordination::{Fault, LockMode};
use wasmtime::Trap;

use crate::guest::{BLOCK, Guest, SIZE, engine, grants, is_exhausted, is_invalid};

#[test]
fn handles_and_regions_are_limited() {
    let directory = tempfile::tempdir().unwrap();
    let mut grants = grants(directory.path());
    grants.max_handles(2).max_regions(1);
    let mut guest = Guest::new(&engine(|_| {}), &grants);
    let file = guest.open_sized(2);
    let second = guest.open();
    assert!(is_exhausted(&guest.try_open("/cache/file", false, false)));
    guest.run("close", (second,));
    guest.open();
    guest.map(file, 0, BLOCK, BLOCK).unwrap();
    assert!(is_exhausted(&guest.map(file, SIZE, 2 * BLOCK, BLOCK)));
    guest.unmap(file, BLOCK, BLOCK).unwrap();
    guest.map(file, SIZE, 2 * BLOCK, BLOCK).unwrap();
}

#[test]
fn a_guest_that_opens_thousands_of_handles_gets_as_many_as_the_limit_and_leaves_none() {
    let directory = tempfile::tempdir().unwrap();
    let mut guest = Guest::in_directory(directory.path());
    let opened = (0..5_000).filter(|_| guest.try_open("/cache/file", true, false).is_ok()).count();
    assert_eq!(opened, 256);
    assert_eq!(descriptors_below(directory.path()), 256);
    drop(guest);
    assert_eq!(descriptors_below(directory.path()), 0);
}

/// How many files in a directory this process has open.
fn descriptors_below(directory: &std::path::Path) -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| entry.ok()?.path().read_link().ok());
    open.filter(|path| path.starts_with(directory) && path != directory).count()
}

#[test]
fn bytes_that_are_mapped_are_limited_and_given_back_by_unmapping() {
    let directory = tempfile::tempdir().unwrap();
    let mut grants = grants(directory.path());
    grants.max_mapped(3 * BLOCK as usize);
    let mut guest = Guest::new(&engine(|_| {}), &grants);
    let file = guest.open_sized(4);
    assert!(is_exhausted(&guest.map(file, 0, BLOCK, 4 * BLOCK)));
    guest.map(file, 0, BLOCK, 2 * BLOCK).unwrap();
    assert!(is_exhausted(&guest.map(file, 0, 4 * BLOCK, 2 * BLOCK)));
    // What is refused for another reason takes nothing.
    assert!(is_invalid(&guest.map(file, 4 * SIZE, 4 * BLOCK, BLOCK)));
    guest.map(file, 0, 4 * BLOCK, BLOCK).unwrap();
    guest.unmap(file, BLOCK, 2 * BLOCK).unwrap();
    guest.map(file, 0, BLOCK, 2 * BLOCK).unwrap();
}

#[test]
fn files_grow_by_no_more_than_the_limit_and_what_is_cut_off_is_given_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut grants = grants(directory.path());
    grants.max_growth(4 * SIZE);
    let mut guest = Guest::new(&engine(|_| {}), &grants);
    let file = guest.open_sized(3);
    let other = guest.try_open("/cache/other", true, false).unwrap();
    assert!(is_exhausted(&guest.resize(other, 2 * SIZE)));
    assert!(is_exhausted(&guest.resize(file, (1 << 63) - 1)));
    guest.resize(other, SIZE).unwrap();
    assert!(is_exhausted(&guest.resize(other, SIZE + 1)));
    guest.resize(file, SIZE).unwrap();
    guest.resize(other, 3 * SIZE).unwrap();
    // What another has written is no credit.
    std::fs::write(directory.path().join("foreign"), vec![1; 10 * BLOCK as usize]).unwrap();
    let foreign = guest.try_open("/cache/foreign", false, false).unwrap();
    guest.resize(foreign, 0).unwrap();
    assert!(is_exhausted(&guest.resize(foreign, 5 * SIZE)));
    let blocks = |name: &str| std::fs::metadata(directory.path().join(name)).unwrap().blocks() * 512;
    assert!(blocks("file") + blocks("other") + blocks("foreign") <= 4 * SIZE);
}

#[test]
fn a_wait_that_would_never_end_ends_with_the_limit() {
    const LIMIT: Duration = Duration::from_millis(20);
    let directory = tempfile::tempdir().unwrap();
    let mut holder = Guest::in_directory(directory.path());
    let held = holder.open();
    assert_eq!(holder.lock(held, 0, 1), Ok(true));
    let mut grants = grants(directory.path());
    grants.max_wait(LIMIT);
    let mut guest = Guest::new(&engine(|_| {}), &grants);
    let file = guest.open();
    let begin = Instant::now();
    let waited: Result<bool, Fault> = guest.call("lock", (file, 0_u64, 1_u64, LockMode::Exclusive, u32::MAX));
    assert_eq!(waited, Ok(false));
    assert!(begin.elapsed() >= LIMIT);
}

#[test]
fn a_guest_that_never_returns_is_ended_by_an_epoch_and_its_locks_and_pages_go_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let timed = engine(|config| {
        config.epoch_interruption(true);
    });
    let mut guest = Guest::new(&timed, &grants(directory.path()));
    let file = guest.open_sized(1);
    guest.map(file, 0, BLOCK, BLOCK).unwrap();
    assert_eq!(guest.lock(file, 0, 1), Ok(true));
    let mut other = Guest::in_directory(directory.path());
    let same = other.open();
    assert_eq!(other.lock(same, 0, 1), Ok(false));

    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(1));
                timed.increment_epoch();
            }
        });
        guest.store.set_epoch_deadline(5);
        let ended = guest.try_call::<_, u32>("spin", (0_u32,)).unwrap_err();
        assert_eq!(ended.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
        over.store(true, Ordering::Relaxed);
    });
    drop(guest);
    assert_eq!(other.lock(same, 0, 1), Ok(true));
    other.map(same, 0, BLOCK, BLOCK).unwrap();
}
