//! Work on a whole shard, in steps of bounded length, so that others get in between.

use rusqlite::Params;

use super::Shard;
use super::change::{Change, Subject};
use super::tombstone::{COUNT_TAGGED, dead};
use super::volume::PAGE;
use crate::error::Result;
use crate::selection::{Bound, Span};

const ENDED: &str = concat!("SELECT count(*) FROM entry WHERE expires <= ?1 AND NOT ", dead!("entry"));

/// A part of the work, with the place it has come to. `last` is the last id that counts: entries that
/// come in later stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Removing the entries with a tag.
    Tagged { tag: String, last: i64 },
    /// Removing the entries of a queue, behind a position.
    Queued { queue: String, after: i64, last: i64 },
    /// Removing the entries between two keys.
    Between { start: Bound, end: Bound, last: i64 },
    /// Removing the entries that have value files, behind a file.
    WithFiles { after: i64, last: i64 },
    /// Removing all entries in one step where that is quick.
    AtOnce { last: i64 },
    /// Removing all entries.
    All { last: i64 },
    /// Removing the entries that have reached their expiry.
    Ended,
    /// Removing the entries that would live longer than their time to live, behind an expiry and an id.
    Outlived { after: (i64, i64) },
    /// Removing the rows of dead entries.
    Dead,
    /// Removing entries until the limits are kept.
    Excess,
    /// Giving back pages without content.
    Pages,
    /// Giving back the log, which took so many bytes before the work.
    Log { before: u64 },
}

/// What one step has come to.
pub(crate) struct Advance {
    /// Entries that were removed, or bytes that were given back.
    pub(crate) done: u64,
    /// What comes next.
    pub(crate) next: Next,
}

/// What comes after a step.
pub(crate) enum Next {
    /// The rest of the stage.
    Again(Stage),
    /// The next stage.
    Onward,
    /// Nothing more in this shard.
    Through,
}

impl Advance {
    /// A step of a stage that goes on if there is a rest of it.
    pub(super) fn with_rest(done: u64, rest: Option<Stage>) -> Self {
        Self { done, next: rest.map_or(Next::Onward, Next::Again) }
    }
}

impl Stage {
    /// What has expired.
    pub(crate) const EXPIRING: [Self; 3] = [Self::Ended, Self::OUTLIVED, Self::Dead];
    /// What has expired, then what exceeds the limits.
    pub(crate) const CULLING: [Self; 4] = [Self::Ended, Self::OUTLIVED, Self::Dead, Self::Excess];

    const OUTLIVED: Self = Self::Outlived { after: (i64::MIN, i64::MIN) };

    /// The entries of a span.
    pub(crate) fn evicting(span: Span, last: i64) -> Self {
        match span {
            Span::Tag(tag) => Self::Tagged { tag, last },
            Span::Queue(queue) => Self::Queued { queue, after: i64::MIN, last },
            Span::Keys(Bound::Unbounded, Bound::Unbounded) => Self::All { last },
            Span::Keys(start, end) => Self::Between { start, end, last },
        }
    }

    /// All entries. Those with value files go in steps. The rest of a database of moderate size goes
    /// at once, which takes less time than a step of the other kind; only that of a large one does not.
    pub(crate) fn clearing(last: i64) -> Vec<Self> {
        vec![Self::WithFiles { after: i64::MIN, last }, Self::AtOnce { last }, Self::All { last }, Self::Dead]
    }
}

impl Shard {
    /// Does one step of a stage.
    pub(crate) fn advance(&mut self, stage: &Stage) -> Result<Advance> {
        let advance = self.freeing(|shard| {
            shard.guard(|shard| match stage {
                Stage::Log { before } => shard.give_back_log(*before),
                other => shard.with_long_log(|shard| shard.change_entry(Subject::All, |change| change.advance(other))),
            })
        })?;
        if let Next::Again(rest) = &advance.next {
            self.assure_rest_is_behind(stage, rest)?;
        }
        Ok(advance)
    }

    /// Does work during which the log may become longer.
    fn with_long_log<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.is_cramped {
            return work(self);
        }
        let frames = self.settings.work_frames(self.index, self.taken()?);
        self.database()?.empty_log_after(frames)?;
        let done = work(self);
        let restored = self.database()?.empty_log_after(self.settings.checkpoint_frames(self.index));
        done.and_then(|done| restored.map(|()| done))
    }

    /// About how much there is to do in a stage, as far as that is quickly found out. What several
    /// stages do counts in one of them.
    pub(crate) fn amount(&mut self, stage: &Stage) -> Result<u64> {
        let now = self.platform.wall_ms();
        match stage {
            Stage::Tagged { tag, last } => self.number(COUNT_TAGGED, (tag, last)),
            Stage::Queued { queue, .. } => self.queue_length(queue),
            Stage::Between { start, end, .. } => self.count_between(start, end),
            Stage::All { .. } => self.number("SELECT count FROM totals", []),
            Stage::Ended => self.number(ENDED, [now]),
            Stage::Excess => Ok(self.excess_entries()?.saturating_sub(self.amount(&Stage::Ended)?)),
            Stage::Pages => Ok(self.number("PRAGMA freelist_count", [])?.saturating_mul(PAGE)),
            Stage::Log { before } => Ok(*before),
            Stage::WithFiles { .. } | Stage::AtOnce { .. } | Stage::Outlived { .. } | Stage::Dead => Ok(0),
        }
    }

    fn number(&mut self, statement: &str, parameters: impl Params) -> Result<u64> {
        self.guard(|shard| {
            let number: i64 =
                shard.database()?.run(|connection| connection.query_row(statement, parameters, |row| row.get(0)))?;
            Ok(number.max(0).cast_unsigned())
        })
    }
}

impl Change<'_> {
    fn advance(&mut self, stage: &Stage) -> Result<Advance> {
        match stage {
            Stage::Tagged { tag, last } => self.remove_tagged(tag, *last),
            Stage::Queued { queue, after, last } => self.remove_queued(queue, *after, *last),
            Stage::Between { start, end, last } => self.remove_between(start, end, *last),
            Stage::WithFiles { after, last } => self.remove_with_files(*after, *last),
            Stage::AtOnce { last } => self.remove_at_once(*last),
            Stage::All { last } => self.remove_any(*last),
            Stage::Ended => self.remove_ended(),
            Stage::Outlived { after } => self.remove_outlived(*after),
            Stage::Dead => self.sweep_step(),
            Stage::Excess => self.remove_excess(),
            Stage::Pages => self.give_back_pages(),
            // No part of a transaction.
            Stage::Log { .. } => Ok(Advance { done: 0, next: Next::Onward }),
        }
    }
}
