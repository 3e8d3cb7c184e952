//! Ranges of bytes, and those a handle has locked.

use crate::{Fault, LockMode};

/// How many separate ranges one handle may hold. `SQLite` needs fewer than twenty; the kernel
/// keeps memory for each, so a guest must not have any number of them.
const MOST_HELD: usize = 256;

/// The end of what file offsets can express: 2^63 - 1, the largest `off_t`.
const LAST: u64 = i64::MAX as u64;

/// The bytes from `start` up to, not including, `end`. Never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByteRange {
    start: u64,
    end: u64,
}

impl ByteRange {
    /// The `length` bytes from `start` on; `invalid` if there are none or if they pass 2^63 - 1.
    pub(crate) fn new(start: u64, length: u64) -> Result<Self, Fault> {
        if length == 0 {
            // To the kernel a length of zero means "to the end, however far".
            return Err(Fault::invalid("a range of no bytes"));
        }
        match start.checked_add(length) {
            Some(end) if end <= LAST => Ok(Self { start, end }),
            _ => Err(Fault::invalid(format!("the range of {length} bytes from {start} on ends beyond 2^63"))),
        }
    }

    pub(crate) fn start(self) -> u64 {
        self.start
    }

    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "used where there are mechanisms"))]
    pub(crate) fn length(self) -> u64 {
        self.end - self.start
    }

    fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// What is left of it without `cut`: nothing, one piece or two.
    fn without(self, cut: Self) -> impl Iterator<Item = Self> {
        let before = Self { start: self.start, end: self.end.min(cut.start) };
        let after = Self { start: self.start.max(cut.end), end: self.end };
        [before, after].into_iter().filter(|piece| piece.start < piece.end)
    }
}

/// The ranges one handle holds, as the kernel has them: a later lock replaces what it covers.
#[derive(Debug, Default)]
pub(crate) struct HeldRanges {
    ranges: Vec<(ByteRange, LockMode)>,
}

impl HeldRanges {
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether any byte of `range` is held.
    pub(crate) fn touches(&self, range: ByteRange) -> bool {
        self.ranges.iter().any(|(held, _)| held.overlaps(range))
    }

    /// Whether `range` can be locked as well.
    pub(crate) fn check_lock(&self, range: ByteRange) -> Result<(), Fault> {
        // Locking inside of a held range leaves three in the place of one.
        if self.ranges.len() + 2 <= MOST_HELD || self.holds_exactly(range) { Ok(()) } else { Err(too_many()) }
    }

    /// Whether `range` can be unlocked: in the middle of a held range, that leaves two.
    pub(crate) fn check_unlock(&self, range: ByteRange) -> Result<(), Fault> {
        let splits = |held: ByteRange| held.start < range.start && range.end < held.end;
        if self.ranges.len() < MOST_HELD || !self.ranges.iter().any(|&(held, _)| splits(held)) {
            Ok(())
        } else {
            Err(too_many())
        }
    }

    fn holds_exactly(&self, range: ByteRange) -> bool {
        self.ranges.iter().any(|&(held, _)| held == range)
    }

    /// Records that `range` is held in `mode`.
    pub(crate) fn insert(&mut self, range: ByteRange, mode: LockMode) {
        // The same range in another mode is the usual upgrade: no need to rebuild the list.
        if let Some(held) = self.ranges.iter_mut().find(|(held, _)| *held == range) {
            held.1 = mode;
            return;
        }
        self.remove(range);
        self.ranges.push((range, mode));
    }

    /// Records that nothing of `range` is held.
    pub(crate) fn remove(&mut self, range: ByteRange) {
        if let Some(position) = self.ranges.iter().position(|(held, _)| *held == range) {
            self.ranges.swap_remove(position);
        } else if self.touches(range) {
            let split = self.ranges.iter().flat_map(|&(held, mode)| {
                let pieces = held.without(range);
                pieces.map(move |piece| (piece, mode))
            });
            self.ranges = split.collect();
        }
    }
}

fn too_many() -> Fault {
    Fault::exhausted(format!("a handle can hold {MOST_HELD} locked ranges"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u64, length: u64) -> ByteRange {
        ByteRange::new(start, length).unwrap()
    }

    #[test]
    fn ranges_that_are_empty_or_pass_the_largest_offset_are_invalid() {
        for (start, length) in [(0, 0), (LAST, 1), (u64::MAX, 1), (1, u64::MAX), (LAST, LAST)] {
            assert!(matches!(ByteRange::new(start, length), Err(Fault::Invalid(_))));
        }
        assert_eq!(range(LAST - 1, 1).length(), 1);
        assert_eq!(range(0, LAST).start(), 0);
    }

    #[test]
    fn unlocking_the_middle_keeps_both_sides() {
        let mut held = HeldRanges::default();
        held.insert(range(10, 10), LockMode::Shared);
        held.remove(range(13, 2));
        assert!(held.touches(range(10, 3)));
        assert!(!held.touches(range(13, 2)));
        assert!(held.touches(range(15, 5)));
        held.remove(range(0, 100));
        assert!(held.is_empty());
    }

    #[test]
    fn a_range_next_to_a_held_one_is_not_held() {
        let mut held = HeldRanges::default();
        held.insert(range(10, 10), LockMode::Exclusive);
        assert!(!held.touches(range(0, 10)));
        assert!(!held.touches(range(20, 1)));
        assert!(held.touches(range(19, 1)));
    }

    #[test]
    fn locking_again_replaces_what_it_covers() {
        let mut held = HeldRanges::default();
        held.insert(range(0, 10), LockMode::Shared);
        held.insert(range(0, 10), LockMode::Exclusive);
        held.insert(range(5, 10), LockMode::Shared);
        assert_eq!(held.ranges, [(range(0, 5), LockMode::Exclusive), (range(5, 10), LockMode::Shared)]);
    }

    #[test]
    fn the_number_of_ranges_is_bounded_and_all_can_be_released() {
        let mut held = HeldRanges::default();
        let mut next = range(0, 3);
        while held.check_lock(next).is_ok() {
            held.insert(next, LockMode::Shared);
            next = range(next.start + 4, 3);
        }
        held.insert(next, LockMode::Shared);
        assert_eq!(held.ranges.len(), MOST_HELD);
        assert!(held.check_unlock(range(1, 1)).is_err());
        for start in (0..=next.start).step_by(4) {
            assert_eq!(held.check_unlock(range(start, 3)), Ok(()));
            held.remove(range(start, 3));
        }
        assert!(held.is_empty());
    }
}
