//! What has happened in a shard, counted in memory and, if the setting `statistics` is on, added up
//! in the directory: in batches, as a part of changes that are written anyway, and on closing.

use super::Shard;
use super::change::Change;
use crate::error::Result;

/// After so many events what was counted is recorded with the next change.
const BATCH: u64 = 1024;

/// What has happened in a shard since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Reads that found an entry.
    pub(crate) hits: u64,
    /// Reads that found none.
    pub(crate) misses: u64,
    /// Entries stored.
    pub(crate) sets: u64,
    /// Entries deleted by key, popped or pulled.
    pub(crate) deletes: u64,
    /// Entries removed because of a limit.
    pub(crate) evictions: u64,
    /// Entries removed by selection.
    pub(crate) removals: u64,
    /// Entries removed because they had expired.
    pub(crate) expirations: u64,
}

impl Counts {
    /// Adds what has happened elsewhere or since.
    pub(crate) fn add(&mut self, other: Self) {
        for (sum, more) in self.each_mut().into_iter().zip(other.each()) {
            *sum = sum.saturating_add(more);
        }
    }

    /// What has happened since `earlier`.
    fn since(mut self, earlier: Self) -> Self {
        for (count, before) in self.each_mut().into_iter().zip(earlier.each()) {
            *count = count.saturating_sub(before);
        }
        self
    }

    fn total(self) -> u64 {
        self.each().into_iter().fold(0, u64::saturating_add)
    }

    /// In the order of the columns of `statistic`.
    fn each(self) -> [u64; 7] {
        [self.hits, self.misses, self.sets, self.deletes, self.evictions, self.removals, self.expirations]
    }

    fn each_mut(&mut self) -> [&mut u64; 7] {
        let Self { hits, misses, sets, deletes, evictions, removals, expirations } = self;
        [hits, misses, sets, deletes, evictions, removals, expirations]
    }
}

impl Shard {
    /// What was counted and not recorded.
    pub(super) fn unrecorded(&self) -> Counts {
        self.counts.since(self.recorded)
    }

    /// Records what was counted.
    pub(super) fn record_statistics(&mut self) -> Result<()> {
        self.change(|change| {
            change.record_statistics()?;
            Ok(())
        })
    }

    /// What all handles have recorded.
    pub(crate) fn recorded_statistics(&mut self) -> Result<Counts> {
        self.guard(|shard| {
            shard.database()?.run(|connection| {
                connection
                    .prepare_cached(
                        "SELECT hits, misses, sets, deletes, evictions, removals, expirations FROM statistic",
                    )?
                    .query_row([], |row| {
                        let mut counts = Counts::default();
                        for (column, count) in counts.each_mut().into_iter().enumerate() {
                            *count = row.get::<_, i64>(column)?.max(0).cast_unsigned();
                        }
                        Ok(counts)
                    })
            })
        })
    }

    /// Adds to what is recorded.
    pub(crate) fn add_statistics(&mut self, counts: Counts) -> Result<()> {
        self.guard(|shard| {
            shard.change(|change| {
                change.unrecorded = counts;
                change.record_statistics()
            })
        })
    }

    /// Sets what is recorded back to zero.
    pub(crate) fn reset_statistics(&mut self) -> Result<()> {
        self.guard(|shard| {
            shard.change(|change| {
                change.run(|connection| {
                    connection
                        .prepare_cached(
                            "UPDATE statistic SET hits = 0, misses = 0, sets = 0, deletes = 0, evictions = 0, \
                             removals = 0, expirations = 0",
                        )?
                        .execute([])
                        .map(drop)
                })
            })
        })
    }
}

impl Change<'_> {
    /// Records what was counted if there is enough of it.
    pub(super) fn record_if_due(&mut self) -> Result<()> {
        let is_due = self.settings().statistics && self.unrecorded.total() >= BATCH;
        if is_due { self.record_statistics() } else { Ok(()) }
    }

    fn record_statistics(&mut self) -> Result<()> {
        let counts = self.unrecorded;
        self.run(|connection| {
            connection
                .prepare_cached(
                    "UPDATE statistic SET hits = hits + ?1, misses = misses + ?2, sets = sets + ?3, \
                     deletes = deletes + ?4, evictions = evictions + ?5, removals = removals + ?6, \
                     expirations = expirations + ?7",
                )?
                .execute(counts.each().map(u64::cast_signed))
                .map(drop)
        })?;
        self.unrecorded = Counts::default();
        self.effects.recorded.add(counts);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_added_and_subtracted_field_by_field() {
        let one = Counts { hits: 1, misses: 2, sets: 3, deletes: 4, evictions: 5, removals: 6, expirations: 7 };
        let mut two = one;
        two.add(one);
        assert_eq!((two.total(), two.since(one)), (56, one));
        assert_eq!(two.removals, 12);
    }
}
