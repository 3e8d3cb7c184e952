//! Making room: what goes when a limit is reached, and writing the reads that decide it.

use super::Shard;
use super::change::{Change, Reason, Stored};
use crate::error::{Error, Result};
use crate::options::Policy;

/// Candidates looked up at a time.
const CANDIDATES: u32 = 16;

const NEXT_EXPIRED: &str = "SELECT id, size, rank, file, tags FROM entry \
    WHERE expires <= ?1 AND id <> ?2 ORDER BY expires LIMIT ?3";
const NEXT_RANKED: &str = "SELECT id, size, rank, file, tags FROM entry \
    WHERE rank IS NOT NULL AND id <> ?2 AND ?1 = ?1 ORDER BY rank LIMIT ?3";
const USED_RECENTLY: &str = "UPDATE entry SET hits = hits + ?1, accessed = max(accessed, ?2), rank = max(rank, ?3) \
    WHERE id = ?4";
const USED_OFTEN: &str = "UPDATE entry SET hits = hits + ?1, accessed = max(accessed, ?2), rank = ?3 + hits + ?1 \
    WHERE id = ?4";

impl Shard {
    /// Writes the reads that were noted, in a transaction of their own.
    pub(super) fn write_reads(&mut self) -> Result<()> {
        self.change(|change| {
            change.flush_recency()?;
            Ok(())
        })
    }
}

impl Change<'_> {
    fn is_over(&self) -> bool {
        let over = |total: i64, limit: Option<u64>| limit.is_some_and(|limit| total.max(0).cast_unsigned() > limit);
        over(self.totals.volume, self.settings.size_share(self.index))
            || over(self.totals.count, self.settings.item_share(self.index))
    }

    /// Evicts just as much as the limits demand: what has expired first, then by rank; never `keep`.
    pub(super) fn make_room(&mut self, keep: i64) -> Result<()> {
        if !self.is_over() {
            return Ok(());
        }
        // Reads that this instance knows of count, those of others from when they are written.
        self.flush_recency()?;
        for (statement, reason) in [(NEXT_EXPIRED, Reason::Expired), (NEXT_RANKED, Reason::Evicted)] {
            while self.is_over() {
                let candidates = self.candidates(statement, keep)?;
                if candidates.is_empty() {
                    break;
                }
                for stored in candidates {
                    if self.is_over() {
                        self.remove(&stored, reason)?;
                    }
                }
            }
        }
        if !self.is_over() {
            Ok(())
        } else if self.settings.policy == Policy::None {
            Err(Error::Full("the limit of the cache is reached, and its policy evicts nothing".into()))
        } else {
            Err(Error::Corrupt(format!("{}: the totals exceed what the entries add up to", self.path().display())))
        }
    }

    fn candidates(&self, statement: &'static str, keep: i64) -> Result<Vec<Stored>> {
        self.run(|connection| {
            let mut statement = connection.prepare_cached(statement)?;
            statement.query_map((self.now, keep, CANDIDATES), |row| Stored::read(row, 0))?.collect()
        })
    }

    /// Writes the reads that were noted, so that the policy takes them into account.
    pub(super) fn flush_recency(&mut self) -> Result<()> {
        let policy = self.settings.policy;
        if self.recency_flushed || !policy.tracks_reads() {
            self.recency_flushed = true;
            return Ok(());
        }
        for (id, reads) in self.recency.in_order() {
            let (statement, rank) = match policy {
                Policy::LeastFrequentlyUsed => (USED_OFTEN, self.totals.age.saturating_add(1)),
                // Another handle may have used the entry later: then its rank stays.
                _ => (USED_RECENTLY, reads.order),
            };
            self.run(|connection| {
                connection.prepare_cached(statement)?.execute((reads.count, reads.last_ms, rank, id))
            })?;
            self.totals.sequence = self.totals.sequence.max(reads.order);
        }
        self.recency_flushed = true;
        Ok(())
    }
}
