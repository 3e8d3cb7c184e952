use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// A file that records what is asked of it and answers as it is told.
#[derive(Default)]
struct Script {
    calls: Mutex<Vec<String>>,
    /// The ranges, by their first byte, that others hold.
    held_by_others: Mutex<Vec<u64>>,
    faulty: AtomicBool,
}

impl Script {
    fn hold(&self, start: u64) {
        self.held_by_others.lock().unwrap().push(start);
    }
    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
    fn note(&self, call: &str, start: u64, length: u64) -> Result<(), Fault> {
        let name = match start {
            PENDING_BYTE => "pending",
            RESERVED_BYTE => "reserved",
            SHARED_FIRST => "shared",
            _ => "elsewhere",
        };
        self.calls.lock().unwrap().push(format!("{call} {name} {length}"));
        if self.faulty.load(Ordering::Relaxed) { Err(Fault::Denied) } else { Ok(()) }
    }
}

#[allow(unsafe_code, reason = "implements a trait with unsafe calls, which are not used here")]
impl SharedFile for Script {
    fn lock(&self, start: u64, length: u64, mode: LockMode, _: u32) -> Result<bool, Fault> {
        self.note(if mode == LockMode::Shared { "share" } else { "exclude" }, start, length)?;
        Ok(!self.held_by_others.lock().unwrap().contains(&start))
    }
    fn unlock(&self, start: u64, length: u64) -> Result<(), Fault> {
        self.note("unlock", start, length)
    }
    fn is_locked(&self, start: u64, length: u64) -> Result<bool, Fault> {
        self.note("query", start, length)?;
        Ok(self.held_by_others.lock().unwrap().contains(&start))
    }
    fn size(&self) -> Result<u64, Fault> {
        Err(Fault::Unsupported)
    }
    fn resize(&self, _: u64) -> Result<(), Fault> {
        Err(Fault::Unsupported)
    }
    unsafe fn map(&self, _: u64, _: *mut u8, _: usize) -> Result<(), Fault> {
        Err(Fault::Unsupported)
    }
    unsafe fn unmap(&self, _: *mut u8, _: usize) -> Result<(), Fault> {
        Err(Fault::Unsupported)
    }
}

fn raised(file: &Script, levels: &[Level]) -> DatabaseLock {
    let mut lock = DatabaseLock::default();
    for &level in levels {
        lock.raise(Some(file), level, 0).unwrap();
    }
    file.calls();
    lock
}

#[test]
fn a_reader_passes_the_pending_byte() {
    let file = Script::default();
    let mut lock = DatabaseLock::default();
    lock.raise(Some(&file), Level::Shared, 0).unwrap();
    assert_eq!(file.calls(), ["share pending 1", "share shared 510", "unlock pending 1"]);
    assert_eq!(lock.level(), Level::Shared);
}

#[test]
fn a_writer_reserves_then_waits_for_readers_to_leave() {
    let file = Script::default();
    let mut lock = raised(&file, &[Level::Shared, Level::Reserved]);
    file.hold(SHARED_FIRST);
    assert_eq!(lock.raise(Some(&file), Level::Exclusive, 0), Err(LockError::Busy));
    assert_eq!(lock.level(), Level::Pending);
    file.held_by_others.lock().unwrap().clear();
    file.calls();
    lock.raise(Some(&file), Level::Exclusive, 0).unwrap();
    assert_eq!(file.calls(), ["exclude shared 510"]);
    assert_eq!(lock.level(), Level::Exclusive);
}

#[test]
fn recovery_goes_from_shared_to_exclusive_without_pending() {
    let file = Script::default();
    let mut lock = raised(&file, &[Level::Shared]);
    lock.raise(Some(&file), Level::Exclusive, 0).unwrap();
    assert_eq!(file.calls(), ["exclude shared 510"]);
}

#[test]
fn lowering_to_shared_shares_before_it_releases() {
    let file = Script::default();
    let mut lock = raised(&file, &[Level::Shared, Level::Reserved, Level::Exclusive]);
    lock.lower(Some(&file), Level::Shared).unwrap();
    assert_eq!(file.calls(), ["share shared 510", "unlock pending 2"]);
    lock.lower(Some(&file), Level::None).unwrap();
    assert_eq!(file.calls(), ["unlock pending 512"]);
    assert_eq!(lock.level(), Level::None);
}

#[test]
fn a_level_that_is_held_or_higher_costs_nothing() {
    let file = Script::default();
    let mut lock = raised(&file, &[Level::Shared, Level::Reserved]);
    lock.raise(Some(&file), Level::Shared, 0).unwrap();
    lock.lower(Some(&file), Level::Reserved).unwrap();
    assert_eq!(file.calls(), Vec::<String>::new());
    assert!(lock.is_reserved(Some(&file)).unwrap());
}

#[test]
fn a_busy_reader_is_left_with_nothing() {
    for byte in [PENDING_BYTE, SHARED_FIRST] {
        let file = Script::default();
        file.hold(byte);
        let mut lock = DatabaseLock::default();
        assert_eq!(lock.raise(Some(&file), Level::Shared, 0), Err(LockError::Busy));
        assert_eq!(lock.level(), Level::None);
    }
}

#[test]
fn steps_sqlite_never_takes_are_refused() {
    let file = Script::default();
    let mut lock = DatabaseLock::default();
    for level in [Level::Reserved, Level::Pending, Level::Exclusive] {
        assert_eq!(lock.raise(Some(&file), level, 0), Err(LockError::Misuse));
    }
    let mut lock = raised(&file, &[Level::Shared, Level::Exclusive]);
    assert_eq!(lock.lower(Some(&file), Level::Reserved), Err(LockError::Misuse));
    assert_eq!(file.calls(), Vec::<String>::new());
}

#[test]
fn faults_are_told_apart_by_step() {
    let file = Script::default();
    let mut lock = raised(&file, &[Level::Shared, Level::Exclusive]);
    file.faulty.store(true, Ordering::Relaxed);
    assert_eq!(lock.lower(Some(&file), Level::Shared), Err(LockError::Downgrade(Fault::Denied)));
    assert_eq!(lock.lower(Some(&file), Level::None), Err(LockError::Unlock(Fault::Denied)));
    assert_eq!(lock.level(), Level::None);
    assert_eq!(lock.raise(Some(&file), Level::Shared, 0), Err(LockError::Lock(Fault::Denied)));
}

#[test]
fn a_sole_owner_gets_every_lock() {
    let mut lock = DatabaseLock::default();
    assert!(!lock.is_reserved(None).unwrap());
    for level in [Level::Shared, Level::Reserved, Level::Exclusive] {
        lock.raise(None, level, 0).unwrap();
        assert_eq!(lock.level(), level);
    }
    lock.lower(None, Level::None).unwrap();
    assert_eq!(lock.level(), Level::None);
}
