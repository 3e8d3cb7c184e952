//! Making room: what goes when a limit is reached, and writing the reads that decide it.
//!
//! Entries stand in line for eviction by their `place`. An entry that is stored
//! again or read gets a higher `rank`, but keeps its place: moving it each time would cost every
//! store another page. When its turn comes, it goes to where its rank belongs instead of being
//! evicted. Ranks only grow, so no place is ever above its rank, and whoever is first in line with
//! place and rank equal has the lowest rank of all: the order of eviction is exact.
//!
//! Under the policies of recency an entry comes in with its `id` for a rank. As long as it stands there,
//! its place is not written, and the table itself, which is in the order of the ids, is the line; only
//! those that were moved have a place, which is indexed. So to store and to remove an entry
//! touches no page of that index. Moved entries lie between the others; so that they are not looked
//! at again and again, `totals.passed` is below the first that stands by its id. New ids are greater,
//! and nobody loses a place; only undoing a transaction, or another policy, puts it back to nothing.

use rusqlite::Row;

use super::Shard;
use super::change::Change;
use super::onward::assure_found;
use super::parts::{Stored, stored};
use super::store::Reason;
use super::volume::SHRINK_STEP;
use crate::error::{Error, Result};
use crate::options::Policy;

/// Candidates looked up at a time.
const CANDIDATES: u32 = 16;
/// Entries at the head of the line that a store moves to where they belong, once a limit is near:
/// so that few are left to move when it is reached.
const MOVED_AHEAD: u32 = 8;

/// An id that no entry has.
pub(super) const NOTHING: i64 = i64::MIN;

const NEXT_EXPIRED: &str =
    concat!("SELECT ", stored!(), " FROM entry WHERE expires <= ?1 AND id <> ?2 ORDER BY expires LIMIT ?3");
const NEXT_BY_PLACE: &str =
    concat!("SELECT ", stored!(), ", place FROM entry WHERE place IS NOT NULL AND id <> ?1 ORDER BY place LIMIT ?2");
const NEXT_BY_ID: &str =
    concat!("SELECT ", stored!(), ", id FROM entry WHERE id > ?3 AND place IS NULL AND id <> ?1 ORDER BY id LIMIT ?2");
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

    /// About how many entries exceed the limits.
    pub(super) fn excess_entries(&mut self) -> Result<u64> {
        let (count, volume) = (self.count()?, self.volume()?);
        let by_count = self.settings.item_share(self.index).map_or(0, |limit| count.saturating_sub(limit));
        let by_size = self.settings.size_share(self.index).map_or(0, |limit| {
            let share = u128::from(count) * u128::from(volume.saturating_sub(limit)) / u128::from(volume.max(1));
            u64::try_from(share).unwrap_or(count)
        });
        Ok(by_count.max(by_size))
    }
}

/// How a shard stands to its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Excess {
    /// There is room.
    None,
    /// More than seven eighths of a limit are used.
    Near,
    /// A limit is exceeded.
    Over,
}

impl Excess {
    fn of(total: u64, limit: Option<u64>) -> Self {
        match limit {
            Some(limit) if total > limit => Self::Over,
            Some(limit) if total > limit - limit / 8 => Self::Near,
            _ => Self::None,
        }
    }
}

/// An entry in line for eviction.
struct Candidate {
    stored: Stored,
    place: i64,
}

impl Candidate {
    /// The columns of [`Stored`], then the place.
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { stored: Stored::read(row, 0)?, place: row.get(Stored::WIDTH)? })
    }

    /// The rank, if the entry was stored again or read since it took its place.
    fn outranks_its_place(&self) -> Option<i64> {
        self.stored.rank.filter(|rank| *rank > self.place)
    }
}

impl Change<'_> {
    /// Evicts just as much as the limits demand, never `keep`. Fails if that is not enough.
    pub(super) fn make_room(&mut self, keep: i64) -> Result<()> {
        if self.fit(keep)? {
            return Ok(());
        }
        let why = match self.settings.policy {
            Policy::None => "a limit is reached, and the policy evicts nothing",
            _ => "the write-ahead log leaves no room for the entry",
        };
        Err(Error::Full(format!("{}: {why}", self.path().display())))
    }

    /// Evicts just as much as the limits demand: what has expired first, then by rank; never `keep`. Whether
    /// that was enough.
    pub(super) fn fit(&mut self, keep: i64) -> Result<bool> {
        match self.excess()? {
            Excess::None => return Ok(true),
            Excess::Near => return self.move_ahead().map(|()| true),
            Excess::Over => {}
        }
        self.evict_excess(keep, &mut { u64::MAX })?;
        Ok(self.excess()? != Excess::Over)
    }

    /// Evicts what exceeds the limits, never `keep`; returns how many entries. No more than `left` are
    /// removed or moved, of which it takes off those that were.
    pub(super) fn evict_excess(&mut self, keep: i64, left: &mut u64) -> Result<u64> {
        // Reads that this instance knows of count, those of others from when they are written.
        self.flush_recency()?;
        self.sweep_excess(left)?;
        Ok(self.evict_expired(keep, left)? + self.evict_in_line(keep, left)?)
    }

    /// Removes dead rows as long as the size limit is exceeded; none is in the way of the other.
    fn sweep_excess(&mut self, left: &mut u64) -> Result<()> {
        while *left > 0 && self.totals.tombstones > 0 && self.excess_of_size()? == Excess::Over {
            self.sweep(CANDIDATES)?;
            *left = left.saturating_sub(CANDIDATES.into());
        }
        Ok(())
    }

    /// Gives back some of the pages without content if the size limit is exceeded; whether more are to
    /// be given back before anything is evicted. A damaged database may give back none.
    pub(super) fn give_back_excess(&self) -> Result<bool> {
        let Some(limit) = self.settings.size_share(self.index) else { return Ok(false) };
        let before = self.unused()?;
        let unused = self.taken()?.saturating_sub(self.room(limit)).min(before);
        self.shrink(unused.min(SHRINK_STEP))?;
        Ok(unused > SHRINK_STEP && self.unused()? < before)
    }

    /// How the shard stands to its limits.
    fn excess(&self) -> Result<Excess> {
        let count = self.totals.count.max(0).cast_unsigned();
        match Excess::of(count, self.settings.item_share(self.index)) {
            Excess::Over => Ok(Excess::Over),
            items => Ok(items.max(self.excess_of_size()?)),
        }
    }

    /// How the shard stands to the limit of its size. Pages without content are given back first if it is
    /// over.
    fn excess_of_size(&self) -> Result<Excess> {
        let Some(limit) = self.settings.size_share(self.index) else { return Ok(Excess::None) };
        // The log takes no more than half; how long it is, the file system must be asked.
        let enough = limit / 4;
        if self.surely_takes_less(enough) {
            return Ok(Excess::None);
        }
        let taken = self.taken()?;
        if taken < enough {
            return Ok(Excess::None);
        }
        let room = self.room(limit);
        let mut size = Excess::of(taken, Some(room));
        let unused = if size == Excess::Over { self.unused()? } else { 0 };
        if unused > 0 {
            self.shrink((taken - room).min(unused))?;
            size = Excess::of(self.taken()?, Some(room));
        }
        Ok(size)
    }

    fn evict_expired(&mut self, keep: i64, left: &mut u64) -> Result<u64> {
        let mut removed = 0;
        loop {
            let expired: Vec<Stored> = self.run(|connection| {
                let mut statement = connection.prepare_cached(NEXT_EXPIRED)?;
                statement.query_map((self.now, keep, CANDIDATES), |row| Stored::read(row, 0))?.collect()
            })?;
            if expired.is_empty() {
                return Ok(removed);
            }
            for stored in expired {
                if *left == 0 || self.excess()? != Excess::Over {
                    return Ok(removed);
                }
                removed += self.remove(&stored, Reason::Expired)?;
                *left -= 1;
            }
        }
    }

    fn evict_in_line(&mut self, keep: i64, left: &mut u64) -> Result<u64> {
        let mut removed = 0;
        loop {
            let line = self.line(keep, CANDIDATES)?;
            if line.is_empty() {
                return Ok(removed);
            }
            // Where the first of those that were moved now stands.
            let mut moved_to = i64::MAX;
            for candidate in line {
                if *left == 0 || self.excess()? != Excess::Over {
                    return Ok(removed);
                }
                if candidate.place > moved_to {
                    break;
                }
                *left -= 1;
                if let Some(rank) = candidate.outranks_its_place() {
                    self.requeue(&candidate.stored)?;
                    moved_to = moved_to.min(rank);
                } else {
                    removed += self.remove(&candidate.stored, Reason::Evicted)?;
                }
            }
        }
    }

    /// Moves entries at the head of the line to where they belong.
    fn move_ahead(&mut self) -> Result<()> {
        let line = self.line(NOTHING, MOVED_AHEAD)?;
        let mut late = line.iter().filter(|candidate| candidate.outranks_its_place().is_some());
        late.try_for_each(|candidate| self.requeue(&candidate.stored))
    }

    fn requeue(&self, stored: &Stored) -> Result<()> {
        let moved = self.run(|connection| connection.prepare_cached(REQUEUE)?.execute([stored.id]))?;
        assure_found(self.path(), moved)
    }

    /// The first in line, but for `keep`.
    fn line(&mut self, keep: i64, count: u32) -> Result<Vec<Candidate>> {
        let mut line = self.run(|connection| {
            connection.prepare_cached(NEXT_BY_PLACE)?.query_map((keep, count), Candidate::read)?.collect()
        })?;
        if self.settings.policy.lines_up_by_id() {
            self.line_up_by_id(&mut line, keep, count)?;
        }
        Ok(line)
    }

    /// Adds those that stand in line by their id.
    fn line_up_by_id(&mut self, line: &mut Vec<Candidate>, keep: i64, count: u32) -> Result<()> {
        let passed = self.totals.passed;
        let by_id: Vec<Candidate> = self.run(|connection| {
            connection.prepare_cached(NEXT_BY_ID)?.query_map((keep, count, passed), Candidate::read)?.collect()
        })?;
        if let Some(first) = by_id.first() {
            let kept = if keep > passed { keep } else { i64::MAX };
            self.totals.passed = first.place.min(kept) - 1;
        }
        line.extend(by_id);
        line.sort_by_key(|candidate| candidate.place);
        line.truncate(count as usize);
        Ok(())
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
            // Written after whatever else a closing handle records: so it is recorded with them.
            self.outlive(reads.order);
        }
        self.effects.recency_flushed = true;
        Ok(())
    }
}
