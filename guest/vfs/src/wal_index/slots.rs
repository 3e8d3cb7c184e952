//! The eight lock slots of the WAL-index.

use std::ffi::c_int;

use crate::coordination::LockMode;

const COUNT: u8 = 8;
/// The byte of slot 0.
pub(super) const SLOTS_FIRST: u64 = 120;
/// The byte after the last slot.
pub(super) const SLOTS_END: u64 = SLOTS_FIRST + COUNT as u64;
/// The slot of readers that ignore the log, because all of it is in the database.
const READ_WITHOUT_LOG: u8 = 3;

/// A request for slots, as SQLite makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slots {
    first: u8,
    count: u8,
    mode: LockMode,
}

impl Slots {
    /// The slot of the writer.
    pub(super) const WRITE: Self = Self { first: 0, count: 1, mode: LockMode::Exclusive };

    /// The slot of whoever copies the log into the database, or makes the index anew.
    pub(super) const CHECKPOINT: Self = Self { first: 1, count: 1, mode: LockMode::Exclusive };

    /// Checks a request. Several slots at once are only ever locked exclusively.
    pub(crate) fn new(first: c_int, count: c_int, mode: LockMode) -> Option<Self> {
        let (first, count) = (u8::try_from(first).ok()?, u8::try_from(count).ok()?);
        let end = first.checked_add(count)?;
        let sound = count > 0 && end <= COUNT && (count == 1 || mode == LockMode::Exclusive);
        sound.then_some(Self { first, count, mode })
    }

    /// Whether this is the lock of the one connection that writes.
    pub(crate) fn is_write_lock(self) -> bool {
        self.first == 0 && self.mode == LockMode::Exclusive
    }

    /// Whether this is the lock of the one connection that copies the log into the database.
    pub(super) fn is_checkpoint_lock(self) -> bool {
        self.first == 1 && self.mode == LockMode::Exclusive
    }

    /// Whether this is the lock of a reader.
    pub(crate) fn is_read_lock(self) -> bool {
        self.first >= READ_WITHOUT_LOG && self.mode == LockMode::Shared
    }

    /// Whether this is the lock of a reader that ignores the log.
    pub(super) fn ignores_log(self) -> bool {
        self.first == READ_WITHOUT_LOG
    }

    /// Whether this is how SQLite asks to move a read mark, other than that of readers without log.
    pub(super) fn is_mark_lock(self) -> bool {
        self.first > READ_WITHOUT_LOG && self.count == 1 && self.mode == LockMode::Exclusive
    }

    /// The byte of the first slot for readers.
    pub(super) fn readers_start() -> u64 {
        SLOTS_FIRST + u64::from(READ_WITHOUT_LOG)
    }

    pub(super) fn mode(self) -> LockMode {
        self.mode
    }

    pub(super) fn mask(self) -> u16 {
        ((1 << self.count) - 1) << self.first
    }

    pub(super) fn start(self) -> u64 {
        SLOTS_FIRST + u64::from(self.first)
    }

    pub(super) fn length(self) -> u64 {
        u64::from(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_beyond_the_slots_or_for_several_shared_ones_are_refused() {
        for (first, count, mode) in [
            (-1, 1, LockMode::Shared),
            (0, 0, LockMode::Shared),
            (8, 1, LockMode::Shared),
            (7, 2, LockMode::Exclusive),
            (255, 1, LockMode::Exclusive),
            (1, 255, LockMode::Exclusive),
            (3, 2, LockMode::Shared),
        ] {
            assert_eq!(Slots::new(first, count, mode), None, "{first} {count} {mode:?}");
        }
    }

    #[test]
    fn slots_lie_on_the_bytes_of_the_unix_vfs() {
        let slots = Slots::new(4, 4, LockMode::Exclusive).unwrap();
        assert_eq!((slots.start(), slots.length(), slots.mask()), (124, 4, 0b1111_0000));
        assert_eq!(SLOTS_END, 128);
    }
}
