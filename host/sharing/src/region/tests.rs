//! Mappings over memory of the test's own, and what happens when their file is cut short.

use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use rustix::mm::{MapFlags, ProtFlags};

use super::*;
use crate::testing::{Place, second_process, spawn_second_process};
use crate::{Directory, OpenMode};

/// Memory as a store would have it: made by `mmap`, and unmapped as a whole.
struct Memory {
    start: usize,
    length: usize,
}

impl Memory {
    fn new(pages: usize) -> Self {
        let length = pages * sys::page_size();
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses addresses that nobody has.
        let memory = unsafe { rustix::mm::mmap_anonymous(std::ptr::null_mut(), length, access, MapFlags::PRIVATE) };
        Self { start: memory.unwrap().expose_provenance(), length }
    }

    /// An address in it.
    fn page(&self, index: usize) -> usize {
        assert!(index * sys::page_size() < self.length);
        self.start + index * sys::page_size()
    }

    /// One byte of it, which others may change.
    fn byte(&self, offset: usize) -> &AtomicU8 {
        assert!(offset < self.length);
        let address = std::ptr::with_exposed_provenance_mut(self.start + offset);
        // SAFETY: mapped and writable as long as `self` lives, and only used as an atomic.
        unsafe { AtomicU8::from_ptr(address) }
    }

    fn read(&self, offset: usize) -> u8 {
        self.byte(offset).load(Ordering::SeqCst)
    }

    fn write(&self, offset: usize, value: u8) {
        self.byte(offset).store(value, Ordering::SeqCst);
    }

    fn map(&self, file: &SharedFile, offset: u64, pages: usize) -> Result<Region, Fault> {
        let length = pages * sys::page_size();
        assert!(length <= self.length);
        // SAFETY: the memory is this value's, mapped, and only its atomics are ever accessed.
        unsafe { Region::map(file, offset, self.start, length) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let start = std::ptr::with_exposed_provenance_mut(self.start);
        // SAFETY: nothing is borrowed any more.
        unsafe { rustix::mm::munmap(start, self.length) }.unwrap();
    }
}

fn unmap(region: Region) {
    // SAFETY: every test keeps the memory until its region is gone.
    unsafe { region.unmap() }.unwrap();
    drop(region);
}

fn page() -> u64 {
    sys::page_size() as u64
}

#[test]
fn two_regions_of_one_file_are_the_same_memory() {
    let place = Place::new();
    let file = place.sized(2 * page());
    let (a, b) = (Memory::new(2), Memory::new(2));
    let region_a = a.map(&file, 0, 2).unwrap();
    let region_b = b.map(&place.file(), page(), 1).unwrap();
    a.write(sys::page_size() + 3, 42);
    assert_eq!(b.read(3), 42);
    b.write(4, 43);
    assert_eq!(a.read(sys::page_size() + 4), 43);
    unmap(region_b);
    assert_eq!(b.read(3), 0);
    b.write(3, 1);
    assert_eq!(a.read(sys::page_size() + 3), 42);
    drop(region_a);
}

#[test]
fn a_forgotten_region_leaves_the_memory_as_it_is() {
    let place = Place::new();
    let file = place.sized(page());
    let memory = Memory::new(1);
    drop(memory.map(&file, 0, 1).unwrap());
    memory.write(0, 7);
    drop(file);
    let bytes = std::fs::read(place.temporary.path().join("file")).unwrap();
    assert_eq!(bytes.first(), Some(&7));
}

#[test]
fn memory_that_can_not_be_mapped_is_refused_and_stays() {
    let place = Place::new();
    let file = place.sized(2 * page());
    let memory = Memory::new(4);
    memory.write(0, 9);
    let page_size = sys::page_size();
    let map = |offset, start, length| {
        // SAFETY: the memory is the test's, mapped, and only its atomics are ever accessed.
        unsafe { Region::map(&file, offset, start, length) }
    };
    for (offset, start, length) in [
        (0, memory.start, 0),
        (0, memory.start + 1, page_size),
        (0, memory.start, page_size - 1),
        (1, memory.start, page_size),
        (page(), memory.start, 2 * page_size),
        (0, memory.start, 3 * page_size),
        (u64::MAX - page() + 1, memory.start, page_size),
        (0, usize::MAX - page_size + 1, page_size),
    ] {
        let refused = map(offset, start, length).unwrap_err();
        assert!(matches!(refused, Fault::Invalid(_)), "{refused}");
    }
    let region = map(0, memory.page(1), 2 * page_size).unwrap();
    for (start, pages) in [(1, 1), (2, 1), (1, 2), (0, 2), (2, 2)] {
        let overlapping = map(0, memory.page(start), pages * page_size).unwrap_err();
        assert!(matches!(overlapping, Fault::Invalid(_)), "{overlapping}");
    }
    assert_eq!(memory.read(0), 9);
    unmap(region);
}

#[test]
fn a_read_only_file_is_not_mapped() {
    let place = Place::new();
    drop(place.sized(page()));
    let file = SharedFile::open_beneath(&place.directory, "file", OpenMode::ReadOnly).unwrap();
    assert_eq!(Memory::new(1).map(&file, 0, 1).unwrap_err(), Fault::Denied);
}

#[test]
fn a_file_cut_under_its_region_reads_as_zeros_and_is_noticed() {
    let place = Place::new();
    let file = place.sized(3 * page());
    let memory = Memory::new(3);
    let region = memory.map(&file, 0, 3).unwrap();
    let (first, last) = (0, 2 * sys::page_size());
    memory.write(first, 1);
    memory.write(last, 2);
    file.resize(page()).unwrap();
    assert!(!region.has_faulted());
    assert_eq!(memory.read(last), 0);
    assert!(region.has_faulted());
    // What the file still has is still there, and what was lost can be written to in vain.
    assert_eq!(memory.read(first), 1);
    memory.write(last, 3);
    assert_eq!(memory.read(last), 3);
    memory.write(sys::page_size(), 4);

    unmap(region);
    file.resize(3 * page()).unwrap();
    let region = memory.map(&file, 0, 3).unwrap();
    assert!(!region.has_faulted());
    assert_eq!((memory.read(first), memory.read(last)), (1, 0));
    unmap(region);
}

/// The kernel allows a process some 65,000 stretches of memory that differ from their neighbours.
#[test]
fn lost_pages_touched_here_and_there_do_not_use_up_the_stretches_of_memory_a_process_has() {
    const PAGES: usize = 20_000;
    let place = Place::new();
    let file = place.file();
    let length = u64::try_from(PAGES).unwrap() * page();
    // Sparse: no block of it is ever needed.
    std::fs::File::options()
        .write(true)
        .open(place.temporary.path().join("file"))
        .and_then(|native| native.set_len(length))
        .unwrap();
    let memory = Memory::new(PAGES);
    let region = memory.map(&file, 0, PAGES).unwrap();
    file.resize(0).unwrap();
    let before = stretches(&memory);
    for number in (0..PAGES).rev().step_by(2) {
        assert_eq!(memory.read(number * sys::page_size()), 0);
    }
    assert_eq!(before, 1);
    assert_eq!(stretches(&memory), 2);
    memory.read(0);
    assert!(region.has_faulted());
    unmap(region);
}

/// Stretches of memory that the kernel tells apart, among those that a test's memory is made of.
fn stretches(memory: &Memory) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let starts = maps.lines().filter_map(|line| usize::from_str_radix(line.split('-').next()?, 16).ok());
    starts.filter(|start| (memory.start..memory.start + memory.length).contains(start)).count()
}

#[test]
fn a_fault_in_one_thread_is_seen_in_all() {
    let place = Place::new();
    let file = place.sized(page());
    let memory = Memory::new(1);
    let region = memory.map(&file, 0, 1).unwrap();
    file.resize(0).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                memory.read(0);
                assert!(region.has_faulted());
            });
        }
    });
    unmap(region);
}

#[test]
fn locks_end_with_their_handle_although_its_region_is_still_mapped() {
    let place = Place::new();
    let memory = Memory::new(1);
    let mut file = place.sized(page());
    let region = memory.map(&file, 0, 1).unwrap();
    let lock = |file: &mut SharedFile| file.lock(0, 1, crate::LockMode::Exclusive, std::time::Duration::ZERO);
    assert_eq!(lock(&mut file), Ok(true));
    drop(file);
    assert_eq!(lock(&mut place.file()), Ok(true));
    unmap(region);
}

/// Maps a page of the test's file, cuts the file, and reads: a fault that is handled.
fn survive_a_fault(directory: &Directory) {
    let file = SharedFile::open_beneath(directory, "file", OpenMode::Create).unwrap();
    file.resize(page()).unwrap();
    let memory = Memory::new(1);
    let region = memory.map(&file, 0, 1).unwrap();
    file.resize(0).unwrap();
    assert_eq!(memory.read(0), 0);
    assert!(region.has_faulted());
    unmap(region);
}

/// Memory over which a file without that page is mapped behind the registry's back.
fn foreign_fault(directory: &Directory) -> Memory {
    let file = SharedFile::open_beneath(directory, "foreign", OpenMode::Create).unwrap();
    let memory = Memory::new(1);
    // SAFETY: the memory is the test's, and only its atomics are ever accessed.
    unsafe { sys::map_shared(file.handle(), 0, memory.start, memory.length) }.unwrap();
    memory
}

fn run_second_process(test: &str) -> std::process::ExitStatus {
    let place = Place::new();
    let test = format!("region::tests::{test}");
    let child = spawn_second_process(&place, &test);
    // Its output is read, so that it never waits for a reader.
    child.wait_with_output().unwrap().status
}

#[test]
fn a_fault_elsewhere_goes_to_the_previous_handler() {
    static FAULT: AtomicUsize = AtomicUsize::new(0);

    extern "C" fn previous(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        // SAFETY: the kernel passes valid information.
        let info = unsafe { &*info };
        // SAFETY: a fault has an address.
        let address = unsafe { info.si_addr() }.addr();
        FAULT.store(address, Ordering::SeqCst);
        // SAFETY: the page of the test's memory that faulted.
        let replaced = unsafe { sys::map_anonymous(address, sys::page_size()) };
        if replaced.is_err() {
            // SAFETY: ends the process, which may be done in a handler.
            unsafe { libc::abort() };
        }
    }

    let Some(directory) = second_process() else {
        let status = run_second_process("a_fault_elsewhere_goes_to_the_previous_handler");
        assert!(status.success(), "{status}");
        return;
    };
    // SAFETY: all zeros is a valid action.
    let mut action = unsafe { std::mem::zeroed::<libc::sigaction>() };
    action.sa_flags = libc::SA_SIGINFO;
    action.sa_sigaction = previous as *const () as usize;
    // SAFETY: the handler has the signature for SA_SIGINFO.
    let installed = unsafe { libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut()) };
    assert_eq!(installed, 0);
    survive_a_fault(&directory);
    assert_eq!(FAULT.load(Ordering::SeqCst), 0);
    let memory = foreign_fault(&directory);
    assert_eq!(memory.read(0), 0);
    assert_eq!(FAULT.load(Ordering::SeqCst), memory.start);
}

#[test]
fn a_fault_elsewhere_without_a_previous_handler_ends_the_process() {
    if let Some(directory) = second_process() {
        restore_default_action();
        survive_a_fault(&directory);
        foreign_fault(&directory).read(0);
        unreachable!("the read faults");
    }
    let status = run_second_process("a_fault_elsewhere_without_a_previous_handler_ends_the_process");
    assert_eq!(status.signal(), Some(libc::SIGBUS), "{status}");
}

#[test]
fn a_sent_signal_ends_the_process_as_ever() {
    if let Some(directory) = second_process() {
        restore_default_action();
        survive_a_fault(&directory);
        // SAFETY: no memory is involved.
        unsafe { libc::raise(libc::SIGBUS) };
        unreachable!("the signal ends the process");
    }
    let status = run_second_process("a_sent_signal_ends_the_process_as_ever");
    assert_eq!(status.signal(), Some(libc::SIGBUS), "{status}");
}

/// Rust's own runtime has a handler for SIGBUS, too.
fn restore_default_action() {
    // SAFETY: the default action is a valid one.
    let previous = unsafe { libc::signal(libc::SIGBUS, libc::SIG_DFL) };
    assert_ne!(previous, libc::SIG_ERR);
}
