//! Two tenants on one engine, each with a directory of its own, do not meet: not by names, not by locks,
//! not by pages, and not by memory that is used again.

use larder::coordination::{Access, CoordinationCtx, Fault};
use wasmtime::InstanceAllocationStrategy;

use crate::guest::{BLOCK, Guest, SIZE, engine, grants};

#[test]
fn tenants_with_the_same_names_for_their_files_share_neither_locks_nor_pages() {
    let (mine, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = engine(|_| {});
    let mut tenant = Guest::new(&engine, &grants(mine.path()));
    let mut neighbour = Guest::new(&engine, &grants(theirs.path()));
    let (file, same) = (tenant.open_sized(1), neighbour.open_sized(1));
    tenant.map(file, 0, BLOCK, BLOCK).unwrap();
    neighbour.map(same, 0, BLOCK, BLOCK).unwrap();
    tenant.store(BLOCK + 7, 42);
    tenant.barrier(BLOCK).unwrap();
    neighbour.barrier(BLOCK).unwrap();
    assert_eq!(neighbour.load(BLOCK + 7), 0);
    assert_eq!(tenant.lock(file, 0, 100), Ok(true));
    assert_eq!(neighbour.call::<_, Result<bool, Fault>>("is-locked", (same, 0_u64, 100_u64)), Ok(false));
    assert_eq!(neighbour.lock(same, 0, 100), Ok(true));
    // One that is cut is damaged for its tenant alone.
    neighbour.resize(same, 0).unwrap();
    assert_eq!(neighbour.load(BLOCK), 0);
    assert_eq!(neighbour.barrier(BLOCK), Err(Fault::Damaged));
    assert_eq!((tenant.barrier(BLOCK), tenant.load(BLOCK + 7)), (Ok(()), 42));
}

#[test]
fn no_name_leads_from_one_tenant_to_the_other() {
    let parent = tempfile::tempdir().unwrap();
    let (mine, theirs) = (parent.path().join("mine"), parent.path().join("theirs"));
    for directory in [&mine, &theirs] {
        std::fs::create_dir(directory).unwrap();
        std::fs::write(directory.join("file"), "").unwrap();
    }
    std::os::unix::fs::symlink("../theirs", mine.join("linked")).unwrap();
    std::os::unix::fs::symlink("../theirs/file", mine.join("link")).unwrap();
    let mut granted = CoordinationCtx::builder();
    granted.preopened_dir(&mine, "/tenant/mine", Access::ReadWrite).unwrap();
    let mut tenant = Guest::new(&engine(|_| {}), &granted);
    assert!(tenant.try_open("/tenant/mine/file", false, false).is_ok());
    let real = theirs.join("file");
    for path in [
        real.to_str().unwrap(),
        "/tenant/theirs/file",
        "/tenant/mine/../theirs/file",
        "/tenant/mine/linked/file",
        "/tenant/mine/link",
        "/tenant/mine/./linked/../linked/file",
        "/tenant/minefile",
    ] {
        for (create, read_only) in [(false, true), (false, false), (true, false)] {
            assert_eq!(tenant.try_open(path, create, read_only), Err(Fault::Denied), "{path}");
        }
    }
    assert_eq!(std::fs::read_dir(&theirs).unwrap().count(), 1);
}

/// Fills the pages of a file with ones from one store after another, and looks for them in memory that
/// the next store gets.
fn look_for_what_others_have_left(strategy: fn() -> InstanceAllocationStrategy) {
    let (mine, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = engine(|config| {
        config.allocation_strategy(strategy());
    });
    for _ in 0..50 {
        let mut tenant = Guest::new(&engine, &grants(mine.path()));
        let file = tenant.open_sized(4);
        if tenant.call::<_, bool>("can-map", ()) {
            tenant.map(file, 0, BLOCK, 4 * BLOCK).unwrap();
        }
        (1..16).for_each(|block| tenant.store(block * BLOCK + 9, 1));
        drop(tenant);
        let mut neighbour = Guest::new(&engine, &grants(theirs.path()));
        let memory = neighbour.call::<_, i32>("grow", (4_u32,)).unsigned_abs() + 4;
        let end = memory * BLOCK;
        assert_eq!(neighbour.call::<_, u32>("first-set", (BLOCK,)), end);
        // It is its own memory: what it writes reaches no file.
        (1..20).for_each(|block| neighbour.store(block * BLOCK + 9, 2));
        drop(neighbour);
        let kept = std::fs::read(mine.path().join("file")).unwrap();
        assert_eq!(kept.len() as u64, 4 * SIZE);
        assert!(!kept.contains(&2));
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(!maps.contains(mine.path().to_str().unwrap()), "still mapped");
    }
}

#[test]
fn memory_that_had_pages_of_a_tenant_is_zeros_for_the_next() {
    look_for_what_others_have_left(|| InstanceAllocationStrategy::OnDemand);
}

#[test]
fn memory_of_a_pool_is_never_mapped_and_zeros_for_the_next() {
    look_for_what_others_have_left(InstanceAllocationStrategy::pooling);
}

#[test]
fn pages_given_back_by_unmapping_are_zeros_and_no_longer_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let mut guest = Guest::in_directory(directory.path());
    let file = guest.open_sized(1);
    guest.map(file, 0, 2 * BLOCK, BLOCK).unwrap();
    guest.store(2 * BLOCK, 5);
    guest.unmap(file, 2 * BLOCK, BLOCK).unwrap();
    assert_eq!(guest.call::<_, u32>("first-set", (BLOCK,)), 16 * BLOCK);
    guest.store(2 * BLOCK + 1, 6);
    let kept = std::fs::read(directory.path().join("file")).unwrap();
    assert_eq!(kept.get(..2), Some([5, 0].as_slice()));
}
