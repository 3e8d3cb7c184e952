//! Reads that the eviction policy is to learn of, collected so that no read writes.

use std::collections::HashMap;

use crate::sequence::Sequence;

/// Different entries that may have been read before the reads must be written, if no limit of the
/// write-ahead log demands fewer: each may cost a page of it.
pub(crate) const ENTRIES_LIMIT: u64 = 1024;
/// Reads that may pile up before they must be written.
const READS_LIMIT: u64 = 16_384;

/// What was read of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reads {
    /// How often.
    pub(crate) count: i64,
    /// When last, by the wall clock in milliseconds.
    pub(crate) last_ms: i64,
    /// Its place among the latest reads and changes of all entries.
    pub(crate) order: i64,
}

/// Reads that were not yet written.
#[derive(Debug, Default, Clone)]
pub(crate) struct Recency {
    entries: HashMap<i64, Reads>,
    reads: u64,
    /// Those that a transaction has written which is not committed.
    written: HashMap<i64, Reads>,
}

impl Recency {
    /// Notes a read of the entry with this id.
    pub(crate) fn note(&mut self, id: i64, now_us: i64, sequence: &Sequence) {
        let milliseconds = now_us / 1000;
        self.reads += 1;
        let reads = self.entries.entry(id).or_insert(Reads { count: 0, last_ms: milliseconds, order: 0 });
        reads.count = reads.count.saturating_add(1);
        reads.last_ms = milliseconds;
        if reads.order == 0 || reads.order != sequence.latest() {
            reads.order = sequence.next(0, now_us);
        }
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether it is time to write: reads of so many entries, or many of few.
    pub(crate) fn is_due(&self, entries: u64) -> bool {
        self.entries.len() as u64 >= entries || self.reads >= READS_LIMIT
    }

    /// All reads, those of the entry read longest ago first.
    pub(crate) fn in_order(&self) -> Vec<(i64, Reads)> {
        let mut reads: Vec<_> = self.entries.iter().map(|(id, reads)| (*id, *reads)).collect();
        reads.sort_unstable_by_key(|(_, reads)| reads.order);
        reads
    }

    /// Forgets what was not written.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.reads = 0;
    }

    /// Takes note that all reads are written, in a transaction that may yet be undone.
    pub(crate) fn note_written(&mut self) {
        let written = std::mem::take(&mut self.entries);
        self.reads = 0;
        add(&mut self.written, written);
    }

    /// Forgets what was written: it is committed.
    pub(crate) fn note_committed(&mut self) {
        self.written.clear();
    }

    /// Takes note that what was written is undone, and so is to be written again.
    pub(crate) fn note_undone(&mut self) {
        let undone = std::mem::take(&mut self.written);
        self.reads += undone.values().map(|reads| reads.count.unsigned_abs()).sum::<u64>();
        add(&mut self.entries, undone);
    }
}

/// Adds reads to others.
fn add(sum: &mut HashMap<i64, Reads>, more: HashMap<i64, Reads>) {
    for (id, reads) in more {
        let all = sum.entry(id).or_insert(Reads { count: 0, ..reads });
        all.count = all.count.saturating_add(reads.count);
        all.last_ms = all.last_ms.max(reads.last_ms);
        all.order = all.order.max(reads.order);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_come_out_in_the_order_of_the_latest_ones_with_their_counts() {
        let (mut recency, sequence) = (Recency::default(), Sequence::default());
        for (id, now) in [(1, 10), (2, 11), (1, 12), (3, 12), (3, 13)] {
            recency.note(id, now * 1000, &sequence);
        }
        let order: Vec<_> = recency.in_order().iter().map(|(id, reads)| (*id, reads.count, reads.last_ms)).collect();
        assert_eq!(order, [(2, 1, 11), (1, 2, 12), (3, 2, 13)]);
        recency.clear();
        assert!(recency.is_empty());
    }

    #[test]
    fn reads_that_were_written_are_kept_until_that_is_committed() {
        let (mut recency, sequence) = (Recency::default(), Sequence::default());
        let counts = |recency: &Recency| -> Vec<_> {
            recency.in_order().iter().map(|(id, reads)| (*id, reads.count, reads.last_ms)).collect()
        };
        recency.note(1, 1000, &sequence);
        recency.note_written();
        assert!(recency.is_empty());
        recency.note(2, 2000, &sequence);
        recency.note_written();
        recency.note(1, 3000, &sequence);
        recency.note_undone();
        assert_eq!(counts(&recency), [(2, 1, 2), (1, 2, 3)]);
        recency.note_written();
        recency.note(2, 4000, &sequence);
        recency.note_committed();
        recency.note_undone();
        assert_eq!(counts(&recency), [(2, 1, 4)]);
    }

    #[test]
    fn reads_are_due_after_many_entries_or_many_reads() {
        let (mut recency, sequence) = (Recency::default(), Sequence::default());
        for id in 1..1024 {
            recency.note(id, 0, &sequence);
        }
        assert!(!recency.is_due(ENTRIES_LIMIT));
        recency.note(1024, 0, &sequence);
        assert!(recency.is_due(ENTRIES_LIMIT));

        let mut recency = Recency::default();
        for _ in 0..READS_LIMIT {
            recency.note(1, 0, &sequence);
        }
        assert!(recency.is_due(ENTRIES_LIMIT));
    }
}
