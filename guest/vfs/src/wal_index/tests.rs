#![allow(unsafe_code, reason = "stands in for a host, which maps nothing here")]

use std::sync::{Arc, Mutex};

use super::*;
use crate::coordination::{LockMode, SharedFile};
use crate::optimistic::{begin_optimistic_read, end_optimistic_read};
use crate::report::{take_damage, take_failure};

/// A host with one file, whose other users are told by the test.
#[derive(Clone, Default)]
struct Host(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    calls: Vec<String>,
    size: u64,
    /// What others hold of each range when it is asked for, in that order: none, shared or
    /// exclusive. Nothing when the list ends.
    others: Vec<Option<LockMode>>,
    /// The call that reports a fault, by the beginning of its name.
    faulty: Option<(&'static str, Fault)>,
}

impl Host {
    fn note(&self, call: String) -> std::result::Result<(), Fault> {
        let mut state = self.0.lock().unwrap();
        let fault = state.faulty.clone().filter(|(name, _)| call.starts_with(name));
        state.calls.push(call);
        fault.map_or(Ok(()), |(_, fault)| Err(fault))
    }
    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().calls)
    }
    fn others(&self, others: &[Option<LockMode>]) {
        self.0.lock().unwrap().others = others.iter().copied().rev().collect();
    }
    fn fail(&self, call: &'static str, fault: Fault) {
        self.0.lock().unwrap().faulty = Some((call, fault));
    }
    fn next_other(&self) -> Option<LockMode> {
        self.0.lock().unwrap().others.pop().flatten()
    }
}

impl Coordination for Host {
    fn open(&self, path: &str, _create: bool, _read_only: bool) -> std::result::Result<Box<dyn SharedFile>, Fault> {
        self.note(format!("open {path}"))?;
        Ok(Box::new(self.clone()))
    }
    fn can_map(&self) -> bool {
        true
    }
    unsafe fn barrier(&self, _: *const u8, length: usize) -> std::result::Result<(), Fault> {
        self.note(format!("barrier {length}"))
    }
}

impl SharedFile for Host {
    fn lock(&self, start: u64, length: u64, mode: LockMode, wait_ms: u32) -> std::result::Result<bool, Fault> {
        self.note(format!("lock {start} {length} {mode:?} {wait_ms}"))?;
        Ok(match self.next_other() {
            None => true,
            Some(LockMode::Shared) => mode == LockMode::Shared,
            Some(LockMode::Exclusive) => false,
        })
    }
    fn unlock(&self, start: u64, length: u64) -> std::result::Result<(), Fault> {
        self.note(format!("unlock {start} {length}"))
    }
    fn is_locked(&self, start: u64, length: u64) -> std::result::Result<bool, Fault> {
        self.note(format!("query {start} {length}"))?;
        Ok(self.next_other().is_some())
    }
    fn size(&self) -> std::result::Result<u64, Fault> {
        self.note("size".to_owned())?;
        Ok(self.0.lock().unwrap().size)
    }
    fn resize(&self, size: u64) -> std::result::Result<(), Fault> {
        self.note(format!("resize {size}"))?;
        self.0.lock().unwrap().size = size;
        Ok(())
    }
    unsafe fn map(&self, offset: u64, memory: *mut u8, length: usize) -> std::result::Result<(), Fault> {
        assert_eq!(memory.addr() % (64 << 10), 0, "misaligned");
        self.note(format!("map {offset} {length}"))
    }
    unsafe fn unmap(&self, _: *mut u8, length: usize) -> std::result::Result<(), Fault> {
        self.note(format!("unmap {length}"))
    }
}

const SIZE: usize = 32 << 10;

fn mapped(host: &Host) -> WalIndex {
    let mut index = WalIndex::new("x.db");
    index.map(host, 0, SIZE, true).unwrap();
    host.calls();
    index
}

fn slots(first: c_int, mode: LockMode) -> Slots {
    Slots::new(first, 1, mode).unwrap()
}

#[test]
fn the_first_user_empties_the_file_before_it_is_shared() {
    let host = Host::default();
    let mut index = WalIndex::new("x.db");
    let mapping = index.map(&host, 0, SIZE, true).unwrap();
    assert!(!mapping.address.is_null());
    assert_eq!(
        host.calls(),
        [
            "open x.db-shm",
            "lock 128 1 Exclusive 0",
            "resize 3",
            "lock 128 1 Shared 0",
            "size",
            "resize 32768",
            "map 0 32768",
        ]
    );
    index.detach(false);
    assert_eq!(host.calls(), ["unmap 32768"]);
}

#[test]
fn only_a_file_that_may_not_be_written_is_opened_for_reading() {
    let tried = |fault: Fault| {
        let host = Host::default();
        host.fail("open", fault);
        assert_eq!(WalIndex::new("x.db").map(&host, 0, SIZE, true), Err(Code(ffi::SQLITE_CANTOPEN)));
        host.calls().len()
    };
    assert_eq!(tried(Fault::Denied), 2);
    for fault in [Fault::Exhausted("disk".to_owned()), Fault::Io("disk".to_owned()), Fault::NotFound] {
        assert_eq!(tried(fault.clone()), 1, "{fault}");
    }
}

#[test]
fn later_users_leave_the_file_as_it_is() {
    let host = Host::default();
    host.0.lock().unwrap().size = 3 << 15;
    let others = Some(LockMode::Shared);
    host.others(&[others, others, others]);
    let mut index = WalIndex::new("x.db");
    index.set_wait_ms(70);
    index.map(&host, 1, SIZE, false).unwrap();
    assert_eq!(
        host.calls(),
        [
            "open x.db-shm",
            "lock 128 1 Exclusive 0",
            "lock 128 1 Shared 70",
            "query 128 1",
            "size",
            "map 0 32768",
            "map 32768 32768",
        ]
    );
}

#[test]
fn one_who_is_emptying_the_file_is_waited_for() {
    let host = Host::default();
    host.others(&[Some(LockMode::Exclusive), Some(LockMode::Exclusive)]);
    let mut index = WalIndex::new("x.db");
    assert_eq!(index.map(&host, 0, SIZE, true), Err(Code(ffi::SQLITE_BUSY)));
    // The next attempt begins anew.
    host.calls();
    index.map(&host, 0, SIZE, true).unwrap();
    assert_eq!(host.calls().first().map(String::as_str), Some("open x.db-shm"));
}

#[test]
fn one_killed_while_emptying_the_file_is_noticed() {
    let host = Host::default();
    // Held exclusively when first asked, free from then on.
    host.others(&[Some(LockMode::Exclusive), None, None]);
    let mut index = WalIndex::new("x.db");
    assert_eq!(index.map(&host, 0, SIZE, true), Err(Code(ffi::SQLITE_BUSY)));
    assert_eq!(host.calls().last().map(String::as_str), Some("unlock 128 1"));
}

#[test]
fn a_region_is_not_made_without_being_asked_for() {
    let host = Host::default();
    let mut index = WalIndex::new("x.db");
    let mapping = index.map(&host, 0, SIZE, false).unwrap();
    assert!(mapping.address.is_null());
    assert!(!host.calls().iter().any(|call| call.starts_with("map")));
}

#[test]
fn a_lock_waited_for_in_vain_says_so() {
    let host = Host::default();
    let mut index = mapped(&host);
    let others = Some(LockMode::Exclusive);
    host.others(&[others, others]);
    let write = slots(0, LockMode::Exclusive);
    assert_eq!(index.lock(write), Err(Code(ffi::SQLITE_BUSY)));
    assert_eq!(index.set_wait_ms(40), 0);
    assert_eq!(index.lock(write), Err(Code(ffi::SQLITE_BUSY_TIMEOUT)));
    assert_eq!(host.calls(), ["lock 120 1 Exclusive 0", "lock 120 1 Exclusive 40"]);
    // What is not held is not released.
    index.unlock(write).unwrap();
    assert_eq!(host.calls(), Vec::<String>::new());
}

/// Writes a word of the index, as SQLite does in its memory.
fn write_word(index: &WalIndex, word: usize, value: u32) {
    let address = index.attached.as_ref().unwrap().address(0).cast::<u32>();
    // SAFETY: the region has `SIZE` bytes, and nothing else uses it meanwhile.
    let place = unsafe { address.add(word) };
    // SAFETY: aligned and valid, as above.
    unsafe { place.write(value) };
}

#[test]
fn a_read_mark_is_moved_only_when_all_stand_far_behind() {
    const FRAMES: usize = 4;
    const FIRST_MARK: usize = 26;
    let host = Host::default();
    let mut index = mapped(&host);
    let mark = slots(4, LockMode::Exclusive);
    for (frames, first_mark, moved) in
        [(10, 0, true), (10, u32::MAX, true), (10, 11, true), (10, 10, false), (73, 10, false), (74, 10, true)]
    {
        write_word(&index, FRAMES, frames);
        write_word(&index, FIRST_MARK, first_mark);
        let locked = index.lock(mark);
        assert_eq!(locked.is_ok(), moved, "mark {first_mark} of {frames} frames");
        assert_eq!(host.calls().is_empty(), !moved);
        index.unlock(mark).unwrap();
        host.calls();
    }
    // Whoever copies the log has to know whether a mark is in use.
    write_word(&index, FIRST_MARK, 74);
    index.attached.as_mut().unwrap().lock(Slots::CHECKPOINT, 0).unwrap();
    index.lock(mark).unwrap();
    index.unlock(mark).unwrap();
    // So has whoever begins the log anew, and asks for all of them.
    index.attached.as_mut().unwrap().unlock(Slots::CHECKPOINT).unwrap();
    index.lock(Slots::new(4, 4, LockMode::Exclusive).unwrap()).unwrap();
}

#[test]
fn the_read_slot_of_a_writer_is_covered_by_the_write_lock() {
    let host = Host::default();
    let mut index = mapped(&host);
    let (write, read) = (slots(0, LockMode::Exclusive), slots(4, LockMode::Shared));
    // As SQLite does for a transaction that writes: the write lock first, and released first.
    index.lock(write).unwrap();
    index.lock(read).unwrap();
    assert_eq!(host.calls(), ["lock 120 1 Exclusive 0"]);
    index.unlock(write).unwrap();
    assert_eq!(host.calls(), Vec::<String>::new(), "the slot still needs it");
    index.unlock(read).unwrap();
    assert_eq!(host.calls(), ["unlock 120 1"]);

    // Writing again while a statement still reads takes up the lock that was kept.
    index.lock(write).unwrap();
    index.lock(read).unwrap();
    index.unlock(write).unwrap();
    index.lock(write).unwrap();
    index.unlock(read).unwrap();
    index.unlock(write).unwrap();
    assert_eq!(host.calls(), ["lock 120 1 Exclusive 0", "unlock 120 1"]);

    // A slot that was taken before the write lock is not covered.
    index.lock(read).unwrap();
    index.lock(write).unwrap();
    index.unlock(write).unwrap();
    index.unlock(read).unwrap();
    assert_eq!(host.calls(), ["lock 124 1 Shared 0", "lock 120 1 Exclusive 0", "unlock 120 1", "unlock 124 1"]);
}

/// An index whose header says that it is initialised and was changed so often.
fn changed(host: &Host, changes: u32) -> WalIndex {
    let index = mapped(host);
    write_word(&index, 3, u32::from_ne_bytes([1, 0, 0, 0]));
    write_word(&index, 2, changes);
    index
}

#[test]
fn an_optimistic_reader_takes_no_lock_and_learns_whether_it_was_overtaken() {
    let host = Host::default();
    let mut index = changed(&host, 7);
    let read = slots(4, LockMode::Shared);
    for (changes, overtaken) in [(7, false), (8, true), (8, false), (9, true)] {
        begin_optimistic_read();
        index.lock(read).unwrap();
        write_word(&index, 2, changes);
        assert!(index.end_glance(read, &host).unwrap());
        assert_eq!(host.calls(), ["barrier 32768"], "no lock is taken or released");
        assert_eq!(end_optimistic_read(), overtaken, "change {changes}");
    }
    // Afterwards locks are taken again.
    index.lock(read).unwrap();
    assert!(!index.end_glance(read, &host).unwrap());
    index.unlock(read).unwrap();
    assert_eq!(host.calls(), ["lock 124 1 Shared 0", "unlock 124 1"]);
}

#[test]
fn an_optimistic_reader_of_several_statements_is_overtaken_between_two_of_them() {
    let host = Host::default();
    let mut index = changed(&host, 7);
    let read = slots(4, LockMode::Shared);
    for (changes, overtaken) in [(7, false), (8, true), (8, false)] {
        begin_optimistic_read();
        index.lock(read).unwrap();
        assert!(index.end_glance(read, &host).unwrap());
        write_word(&index, 2, changes);
        index.lock(read).unwrap();
        assert!(index.end_glance(read, &host).unwrap());
        assert_eq!(end_optimistic_read(), overtaken, "change {changes}");
    }
}

#[test]
fn an_optimistic_reader_whose_index_is_erased_is_overtaken_and_finds_out_under_a_lock() {
    let host = Host::default();
    let mut index = changed(&host, 7);
    let read = slots(4, LockMode::Shared);
    begin_optimistic_read();
    index.lock(read).unwrap();
    write_word(&index, 3, 0);
    assert!(index.end_glance(read, &host).unwrap());
    assert!(end_optimistic_read());
    assert_eq!(take_damage(), None);

    // Frames that are lost while the header stays are damage at once.
    let mut index = changed(&host, 7);
    write_word(&index, 4, 1);
    begin_optimistic_read();
    index.lock(read).unwrap();
    assert!(index.end_glance(read, &host).is_err());
    assert!(!end_optimistic_read());
    assert!(take_damage().is_some());
}

#[test]
fn damage_that_the_host_saw_ends_an_optimistic_read_as_any_other() {
    let host = Host::default();
    let mut index = changed(&host, 7);
    let read = slots(4, LockMode::Shared);
    begin_optimistic_read();
    index.lock(read).unwrap();
    host.fail("barrier", Fault::Damaged);
    assert!(index.end_glance(read, &host).unwrap());
    assert!(!end_optimistic_read());
    assert!(take_damage().is_some());
}

#[test]
fn a_writer_and_an_index_that_is_not_initialised_are_never_read_without_a_lock() {
    let host = Host::default();
    let mut index = mapped(&host);
    let (write, read) = (slots(0, LockMode::Exclusive), slots(4, LockMode::Shared));
    begin_optimistic_read();
    index.lock(read).unwrap();
    index.unlock(read).unwrap();
    assert_eq!(host.calls(), ["lock 124 1 Shared 0", "unlock 124 1"]);
    let mut index = changed(&host, 7);
    index.lock(write).unwrap();
    index.lock(read).unwrap();
    assert!(!index.end_glance(read, &host).unwrap());
    index.unlock(read).unwrap();
    index.unlock(write).unwrap();
    assert!(!end_optimistic_read());
}

#[test]
fn a_slot_that_is_no_reader_s_is_never_covered() {
    let host = Host::default();
    let mut index = mapped(&host);
    index.lock(slots(0, LockMode::Exclusive)).unwrap();
    index.lock(Slots::new(4, 4, LockMode::Exclusive).unwrap()).unwrap();
    index.unlock(Slots::new(4, 4, LockMode::Exclusive).unwrap()).unwrap();
    index.unlock(slots(0, LockMode::Exclusive)).unwrap();
    assert_eq!(host.calls(), ["lock 120 1 Exclusive 0", "lock 124 4 Exclusive 0", "unlock 124 4", "unlock 120 1"]);
}

#[test]
fn damage_reported_by_a_lock_ends_all_use_but_releases_what_is_held() {
    let host = Host::default();
    let mut index = mapped(&host);
    let write = slots(0, LockMode::Exclusive);
    index.lock(write).unwrap();
    host.fail("lock", Fault::Damaged);
    let failed = index.lock(slots(2, LockMode::Exclusive));
    assert_eq!(failed, Err(Code(ffi::SQLITE_IOERR_SHMLOCK)));
    assert_eq!(take_damage().unwrap().path, "x.db-shm");
    assert_eq!(take_failure().unwrap().operation, "lock");
    host.calls();
    assert_eq!(index.map(&host, 0, SIZE, false), Err(Code(ffi::SQLITE_IOERR_SHMMAP)));
    assert!(index.check_whole().is_err());
    assert!(index.lock(slots(4, LockMode::Shared)).is_err());
    index.unlock(write).unwrap();
    assert_eq!(host.calls(), ["unlock 120 1"]);
}

#[test]
fn damage_reported_by_an_unlock_is_recorded() {
    let host = Host::default();
    let mut index = mapped(&host);
    let read = slots(4, LockMode::Shared);
    index.lock(read).unwrap();
    host.fail("unlock", Fault::Damaged);
    assert_eq!(index.unlock(read), Err(Code(ffi::SQLITE_IOERR_SHMLOCK)));
    assert!(take_damage().is_some());
    assert!(index.lock(read).is_err());
}

#[test]
fn a_barrier_that_fails_for_any_reason_is_damage() {
    for fault in [Fault::Damaged, Fault::Invalid("moved".to_owned())] {
        let host = Host::default();
        let mut index = mapped(&host);
        index.barrier(&host);
        assert_eq!((host.calls(), take_damage()), (vec!["barrier 32768".to_owned()], None));
        host.fail("barrier", fault);
        index.barrier(&host);
        assert!(take_damage().is_some());
        assert!(index.lock(slots(3, LockMode::Shared)).is_err());
        assert!(take_damage().is_some());
    }
}

#[test]
fn a_region_that_can_not_be_mapped_or_unmapped_is_survived() {
    let host = Host::default();
    host.fail("map", Fault::Exhausted("regions".to_owned()));
    let mut index = WalIndex::new("x.db");
    assert_eq!(index.map(&host, 0, SIZE, true), Err(Code(ffi::SQLITE_IOERR_SHMMAP)));
    assert!(take_failure().unwrap().message.contains("regions"));
    host.fail("unmap", Fault::Damaged);
    index.map(&host, 0, SIZE, true).unwrap();
    index.detach(false);
    assert!(index.lock(slots(3, LockMode::Shared)).is_err());
}

#[test]
fn sizes_that_can_not_be_are_faults() {
    let host = Host::default();
    for size in [0, usize::MAX, isize::MAX as usize] {
        let file: &dyn SharedFile = &host;
        assert!(matches!(region::Region::map(file, 0, size), Err(Fault::Invalid(_))), "{size}");
    }
}

#[test]
fn words_beyond_a_region_read_as_zero() {
    let host = Host::default();
    let region = region::Region::map(&host, 0, SIZE).unwrap();
    assert_eq!(region.word(SIZE / 4 - 1), 0);
    assert_eq!((region.word(SIZE / 4), region.word(usize::MAX)), (0, 0));
    region.clear_word(usize::MAX);
    region.unmap(&host).unwrap();
}
