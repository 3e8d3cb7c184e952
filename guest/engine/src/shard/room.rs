//! Making room: what goes when a limit is reached, and writing the reads that decide it.
//!
//! Entries stand in line for eviction by their `place`, which is indexed. An entry that is stored
//! again or read gets a higher `rank`, but keeps its place: moving it each time would cost every
//! store another page. When its turn comes, it goes to where its rank belongs instead of being
//! evicted. Ranks only grow, so no place is ever above its rank, and whoever is first in line with
//! place and rank equal has the lowest rank of all: the order of eviction is exact.

use rusqlite::Row;

use super::Shard;
use super::change::Change;
use super::parts::Stored;
use super::store::Reason;
use crate::error::{Error, Result};
use crate::options::Policy;

/// Candidates looked up at a time.
const CANDIDATES: u32 = 16;
/// Entries at the head of the line that a store moves to where they belong, once a limit is near:
/// so that few are left to move when it is reached.
const MOVED_AHEAD: u32 = 8;

const NEXT_EXPIRED: &str = "SELECT id, size, rank, file, occupied, tags FROM entry \
    WHERE expires <= ?1 AND id <> ?2 ORDER BY expires LIMIT ?3";
const NEXT_IN_LINE: &str = "SELECT id, size, rank, file, occupied, tags, place FROM entry \
    WHERE place IS NOT NULL AND id <> ?1 ORDER BY place LIMIT ?2";
const REQUEUE: &str = "UPDATE entry SET place = rank WHERE id = ?1";
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

/// An entry in line for eviction.
struct Candidate {
    stored: Stored,
    place: i64,
}

impl Candidate {
    /// The rank, if the entry was stored again or read since it took its place.
    fn outranks_its_place(&self) -> Option<i64> {
        self.stored.rank.filter(|rank| *rank > self.place)
    }
}

impl Change<'_> {
    fn is_over(&self) -> bool {
        self.exceeds(|limit| limit)
    }

    /// Whether seven eighths of a limit are used.
    fn is_near(&self) -> bool {
        self.exceeds(|limit| limit - limit / 8)
    }

    fn exceeds(&self, share: impl Fn(u64) -> u64) -> bool {
        let over =
            |total: i64, limit: Option<u64>| limit.is_some_and(|limit| total.max(0).cast_unsigned() > share(limit));
        over(self.totals.volume, self.settings.size_share(self.index))
            || over(self.totals.count, self.settings.item_share(self.index))
    }

    /// Evicts just as much as the limits demand: what has expired first, then by rank; never `keep`.
    pub(super) fn make_room(&mut self, keep: i64) -> Result<()> {
        if !self.is_near() {
            return Ok(());
        }
        if !self.is_over() {
            return self.move_ahead();
        }
        // Reads that this instance knows of count, those of others from when they are written.
        self.flush_recency()?;
        self.evict_expired(keep)?;
        self.evict_in_line(keep)?;
        if !self.is_over() {
            Ok(())
        } else if self.settings.policy == Policy::None {
            Err(Error::Full(format!("{}: a limit is reached, and the policy evicts nothing", self.path().display())))
        } else {
            Err(Error::Corrupt(format!("{}: the totals exceed what the entries add up to", self.path().display())))
        }
    }

    fn evict_expired(&mut self, keep: i64) -> Result<()> {
        while self.is_over() {
            let expired: Vec<Stored> = self.run(|connection| {
                let mut statement = connection.prepare_cached(NEXT_EXPIRED)?;
                statement.query_map((self.now, keep, CANDIDATES), |row| Stored::read(row, 0))?.collect()
            })?;
            if expired.is_empty() {
                return Ok(());
            }
            for stored in expired {
                if self.is_over() {
                    self.remove(&stored, Reason::Expired)?;
                }
            }
        }
        Ok(())
    }

    fn evict_in_line(&mut self, keep: i64) -> Result<()> {
        while self.is_over() {
            let line = self.line(keep, CANDIDATES)?;
            if line.is_empty() {
                return Ok(());
            }
            // Where the first of those that were moved now stands.
            let mut moved_to = i64::MAX;
            for candidate in line {
                if !self.is_over() || candidate.place > moved_to {
                    break;
                }
                match candidate.outranks_its_place() {
                    Some(rank) => {
                        self.requeue(&candidate.stored)?;
                        moved_to = moved_to.min(rank);
                    }
                    None => self.remove(&candidate.stored, Reason::Evicted)?,
                }
            }
        }
        Ok(())
    }

    /// Moves entries at the head of the line to where they belong.
    fn move_ahead(&self) -> Result<()> {
        let line = self.line(0, MOVED_AHEAD)?;
        let mut late = line.iter().filter(|candidate| candidate.outranks_its_place().is_some());
        late.try_for_each(|candidate| self.requeue(&candidate.stored))
    }

    fn requeue(&self, stored: &Stored) -> Result<()> {
        self.run(|connection| connection.prepare_cached(REQUEUE)?.execute([stored.id]).map(drop))
    }

    /// The first in line, but for `keep`.
    fn line(&self, keep: i64, count: u32) -> Result<Vec<Candidate>> {
        self.run(|connection| {
            let mut statement = connection.prepare_cached(NEXT_IN_LINE)?;
            let read = |row: &Row<'_>| Ok(Candidate { stored: Stored::read(row, 0)?, place: row.get(6)? });
            statement.query_map((keep, count), read)?.collect()
        })
    }

    /// Writes the reads that were noted, so that the policy takes them into account.
    pub(super) fn flush_recency(&mut self) -> Result<()> {
        let policy = self.settings.policy;
        if self.effects.recency_flushed || !policy.tracks_reads() {
            self.effects.recency_flushed = true;
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
        self.effects.recency_flushed = true;
        Ok(())
    }
}
