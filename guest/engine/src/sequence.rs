//! Numbers in the order of what one handle does.

use std::cell::Cell;

/// Gives out numbers that grow: one more than any before, and the time in microseconds as long as
/// the clock does not go back, so that the numbers of different handles compare, too.
///
/// One for all shards of a handle, so that an enumeration across shards is in the order in which
/// its keys came in, and for reads as well as changes, so that least recently used is exact.
#[derive(Debug, Default)]
pub(crate) struct Sequence(Cell<i64>);

impl Sequence {
    /// The next number, greater than `floor` too.
    pub(crate) fn next(&self, floor: i64, now_us: i64) -> i64 {
        let next = self.latest().max(floor).saturating_add(1).max(now_us);
        self.0.set(next);
        next
    }

    /// Takes note of a number given out before, by this handle or another.
    pub(crate) fn observe(&self, number: i64) {
        self.0.set(self.latest().max(number));
    }

    /// The last number given out.
    pub(crate) fn latest(&self) -> i64 {
        self.0.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_whatever_clock_and_floor_do() {
        let sequence = Sequence::default();
        assert_eq!(sequence.next(0, 5_000), 5_000);
        assert_eq!(sequence.next(0, 4_000), 5_001);
        assert_eq!(sequence.next(9_000, 4_000), 9_001);
        assert_eq!(sequence.next(0, 10_000), 10_000);
        sequence.observe(10_500);
        sequence.observe(10_400);
        assert_eq!(sequence.next(0, 10_000), 10_501);
        assert_eq!(sequence.next(i64::MAX, 0), i64::MAX);
    }
}
