//! All mapped regions of the process, in a form that a signal handler can read.
//!
//! A handler may interrupt any code at any moment, so it can neither lock nor allocate. The
//! registry is a fixed table of atomics; changes are serialised by a mutex that the handler never
//! takes. Each slot is a sequence lock: its sequence only grows and is odd while the slot changes, so
//! a reader that sees the same even sequence before and after has both addresses from one
//! registration. (The addresses themselves could not serve as the sequence: they come back.)

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::Fault;

/// How many regions all stores of the process may have mapped at once. A region of `SQLite`'s
/// WAL-index is 32 KiB, so this is 256 MiB of it.
const CAPACITY: usize = 8192;

static SLOTS: [Slot; CAPACITY] = [const { Slot::new() }; CAPACITY];

/// Slots from here on have never been used: what keeps searches short.
static USED: AtomicUsize = AtomicUsize::new(0);

/// Whether any region has ever faulted: what keeps the check before each call to one load.
static ANY_FAULT: AtomicBool = AtomicBool::new(false);

static CHANGES: Mutex<()> = Mutex::new(());

struct Slot {
    /// Odd while the addresses change.
    sequence: AtomicUsize,
    start: AtomicUsize,
    /// Address after the last byte; 0 while the slot is free.
    end: AtomicUsize,
    faulted: AtomicBool,
}

impl Slot {
    const fn new() -> Self {
        Self {
            sequence: AtomicUsize::new(0),
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            faulted: AtomicBool::new(false),
        }
    }

    /// Its range, if it holds one and does not change right now.
    fn range(&self) -> Option<(usize, usize)> {
        let sequence = self.sequence.load(Ordering::Acquire);
        let start = self.start.load(Ordering::Acquire);
        let end = self.end.load(Ordering::Acquire);
        let unchanged = self.sequence.load(Ordering::Acquire) == sequence && sequence.is_multiple_of(2);
        (unchanged && end != 0).then_some((start, end))
    }

    /// Gives it other addresses. The caller holds `CHANGES`.
    ///
    /// Each store releases the ones before it: who sees a new address also sees the odd sequence,
    /// and who sees the even one at the end sees both new addresses.
    fn change(&self, start: usize, end: usize) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(sequence.wrapping_add(1), Ordering::Release);
        self.start.store(start, Ordering::Release);
        self.end.store(end, Ordering::Release);
        self.sequence.store(sequence.wrapping_add(2), Ordering::Release);
    }
}

/// The part of the table that may be in use.
fn used() -> &'static [Slot] {
    SLOTS.get(..USED.load(Ordering::Acquire)).unwrap_or_default()
}

/// Addresses reserved for one region. Dropping it gives them free, and touches no memory.
#[derive(Debug)]
pub(crate) struct Registration {
    slot: &'static Slot,
    start: usize,
    length: usize,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Slot")
    }
}

impl Registration {
    /// Reserves addresses; `invalid` if any of them is reserved, `exhausted` if the table is full.
    pub(crate) fn new(start: usize, length: usize) -> Result<Self, Fault> {
        let end = start
            .checked_add(length)
            .filter(|_| length > 0)
            .ok_or_else(|| Fault::invalid("no memory, or memory beyond the address space"))?;
        let _changes = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = |slot: &Slot| slot.range().is_some_and(|(s, e)| start < e && s < end);
        if used().iter().any(taken) {
            return Err(Fault::invalid("memory that overlaps a mapped region"));
        }
        let slot = free_slot()?;
        slot.faulted.store(false, Ordering::Release);
        slot.change(start, end);
        Ok(Self { slot, start, length })
    }

    /// Address of its first byte.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// Number of its bytes.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Whether a page of it could not be had from its file and was replaced by zeros.
    pub(crate) fn has_faulted(&self) -> bool {
        self.slot.faulted.load(Ordering::Acquire)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let _changes = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
        self.slot.change(0, 0);
    }
}

/// A slot that holds nothing. The caller holds `CHANGES`.
fn free_slot() -> Result<&'static Slot, Fault> {
    let used = used();
    if let Some(slot) = used.iter().find(|slot| slot.end.load(Ordering::Relaxed) == 0) {
        return Ok(slot);
    }
    let slot = SLOTS
        .get(used.len())
        .ok_or_else(|| Fault::exhausted(format!("a process can have {CAPACITY} regions mapped")))?;
    USED.store(used.len() + 1, Ordering::Release);
    Ok(slot)
}

/// Whether no region of the process has ever faulted.
pub fn none_has_faulted() -> bool {
    !ANY_FAULT.load(Ordering::Acquire)
}

/// Marks the region that holds `address` as faulted, and returns where that region ends; `None` if
/// there is no such region. Safe to call from a signal handler.
///
/// The region that the interrupted thread itself was using can not be changing: it belongs to a
/// store, which one thread at a time uses. So a slot in the midst of a change is never the one
/// looked for.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "used where there are mechanisms"))]
pub(crate) fn mark_faulted(address: usize) -> Option<usize> {
    let end_if_it_holds = |slot: &Slot| slot.range().filter(|&(start, end)| start <= address && address < end);
    let (slot, (_, end)) = used().iter().find_map(|slot| Some((slot, end_if_it_holds(slot)?)))?;
    slot.faulted.store(true, Ordering::Release);
    ANY_FAULT.store(true, Ordering::Release);
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Addresses no allocation has, and each test its own, as the registry is the process's.
    const BASE: usize = 0x1000;

    #[test]
    fn overlapping_addresses_are_refused_until_given_free() {
        let first = Registration::new(BASE, 0x100).unwrap();
        for (start, length) in [(BASE, 0x100), (BASE + 0xff, 1), (BASE - 1, 2), (BASE - 1, 0x200)] {
            assert!(matches!(Registration::new(start, length), Err(Fault::Invalid(_))));
        }
        let after = Registration::new(BASE + 0x100, 1).unwrap();
        drop(first);
        assert!(Registration::new(BASE, 0x100).is_ok());
        drop(after);
    }

    #[test]
    fn empty_and_overflowing_addresses_are_refused() {
        assert!(Registration::new(BASE, 0).is_err());
        assert!(Registration::new(usize::MAX, 2).is_err());
    }

    #[test]
    fn a_fault_marks_the_region_that_holds_the_address_and_no_other() {
        let base = BASE * 3;
        let hit = Registration::new(base, 0x10).unwrap();
        let next = Registration::new(base + 0x10, 0x10).unwrap();
        assert_eq!(mark_faulted(base + 0xf), Some(base + 0x10));
        assert!(hit.has_faulted());
        assert!(!next.has_faulted());
        assert_eq!(mark_faulted(base + 0x20), None);
        assert!(!none_has_faulted());
        drop(hit);
        assert_eq!(mark_faulted(base), None);
        assert!(!Registration::new(base, 0x10).unwrap().has_faulted());
    }

    #[test]
    fn a_slot_is_never_seen_half_changed() {
        // Two regions take turns in the table while another thread, as the handler would, looks
        // for an address that lies between them and must never be found.
        let base = BASE * 5;
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let changer = scope.spawn(|| {
                // Often enough that a reader which trusts addresses that come back is caught.
                for _ in 0..200_000 {
                    drop(Registration::new(base, 0x10).unwrap());
                    drop(Registration::new(base + 0x100, 0x10).unwrap());
                }
                done.store(true, Ordering::Release);
            });
            while !done.load(Ordering::Acquire) {
                assert_eq!(mark_faulted(base + 0x80), None);
            }
            changer.join().unwrap();
        });
    }
}
