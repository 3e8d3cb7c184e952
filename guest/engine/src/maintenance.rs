//! Work on the whole cache, in steps between which others get in.

use std::collections::VecDeque;

use crate::cache::Cache;
use crate::error::Result;
use crate::progress::Progress;
use crate::selection::Selection;
use crate::shard::{Next, Stage};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Remove the entries of a selection.
    Evict(Selection),
    /// Remove all expired entries.
    Expire,
    /// Remove expired entries, then others until the limits are kept.
    Cull,
    /// Remove all entries.
    Clear,
    /// Give space that is no longer used back to the file system.
    Compact,
}

/// Work that is under way. It can be given up at any time: what is done stays done.
///
/// Each step is a transaction of bounded length. Entries that come in after the work has begun stay,
/// unless they have expired or exceed a limit; an entry that was there goes even if it is stored again
/// before its turn has come. Many entries with a tag go in one step, which leaves a tombstone.
pub struct Maintenance {
    /// What is left to do, and in which shard.
    left: VecDeque<(usize, Stage)>,
    done: u64,
    total: u64,
}

impl Cache {
    /// Begins work in steps, and looks how much there is to do.
    pub fn maintain(&mut self, task: &Task) -> Result<Maintenance> {
        let mut work = self.plan(task)?;
        // To learn of settings that somebody else has changed.
        self.count()?;
        for (index, stage) in &work.left {
            work.total = work.total.saturating_add(self.on_index(*index, |shard| shard.amount(stage))?);
        }
        Ok(work)
    }

    /// Removes entries; returns how many.
    pub fn evict(&mut self, selection: &Selection) -> Result<u64> {
        self.complete(&Task::Evict(selection.clone()))
    }

    /// Removes all expired entries; returns how many.
    pub fn expire(&mut self) -> Result<u64> {
        self.complete(&Task::Expire)
    }

    /// Removes expired entries, then others until the limits are kept; returns how many.
    pub fn cull(&mut self) -> Result<u64> {
        self.complete(&Task::Cull)
    }

    /// Removes all entries; returns how many.
    pub fn clear(&mut self) -> Result<u64> {
        self.complete(&Task::Clear)
    }

    /// Gives space that is no longer used back to the file system; returns how many bytes.
    pub fn compact(&mut self) -> Result<u64> {
        self.complete(&Task::Compact)
    }

    fn complete(&mut self, task: &Task) -> Result<u64> {
        let mut work = self.plan(task)?;
        while !work.step(self)?.finished {}
        Ok(work.done)
    }

    fn plan(&mut self, task: &Task) -> Result<Maintenance> {
        let each = self.on_all(|shard| {
            shard.refuse_if_read_only()?;
            Ok(match task {
                Task::Evict(selection) => vec![Stage::evicting(selection.span()?, shard.last_id()?)],
                Task::Expire => Stage::EXPIRING.to_vec(),
                Task::Cull => Stage::CULLING.to_vec(),
                Task::Clear => Stage::clearing(shard.last_id()?),
                Task::Compact => vec![Stage::Dead, Stage::Pages, Stage::Log { before: shard.log_size() }],
            })
        })?;
        let numbered = each.into_iter().enumerate();
        let left = numbered.flat_map(|(index, stages)| stages.into_iter().map(move |stage| (index, stage))).collect();
        Ok(Maintenance { left, done: 0, total: 0 })
    }
}

impl Maintenance {
    /// Does some more: what one short transaction can do. After an error it has done nothing more,
    /// and the next step tries the same again.
    pub fn step(&mut self, cache: &mut Cache) -> Result<Progress> {
        let before = self.done;
        while self.done == before
            && let Some((index, stage)) = self.left.front_mut()
        {
            let advance = cache.on_index(*index, |shard| shard.advance(stage))?;
            self.done = self.done.saturating_add(advance.done);
            match advance.next {
                Next::Again(rest) => {
                    *stage = rest;
                    break;
                }
                Next::Onward => drop(self.left.pop_front()),
                Next::Through => {
                    let through = *index;
                    self.left.retain(|(index, _)| *index != through);
                }
            }
        }
        let finished = self.left.is_empty();
        Ok(Progress { done: self.done, total: if finished { self.done } else { self.total.max(self.done) }, finished })
    }
}
