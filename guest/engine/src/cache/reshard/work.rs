//! Carrying rows over from the old shards to the new ones, and putting these in force.

use std::fs::File;
use std::io;
use std::path::Path;
use std::rc::Rc;

use super::sources::Sources;
use crate::cache::session::Session;
use crate::database::Access;
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::regular::remove_tree;
use crate::settings::{Settings, shard_of};
use crate::shard::{Counts, DATABASE, Shard, shard_path};

/// A step ends early once its rows take so many bytes.
const STEP_SIZE: usize = 8 * 1024 * 1024;

/// The old shards and the new ones.
pub(super) struct Work {
    session: Session,
    sources: Sources,
    targets: Vec<Shard>,
    /// The greatest number that was given out.
    sequence: i64,
    /// Whether there is nothing to be given up any more.
    ended: bool,
}

impl Work {
    /// Makes the new shards.
    pub(super) fn begin(
        session: Session,
        sources: Sources,
        settings: &Settings,
        wait_ms: u32,
        platform: &Rc<dyn Platform>,
    ) -> Result<Self> {
        let sequence = sources.sequence();
        // Whole from here on, so that it lets go of the directory if it comes to nothing.
        let mut work = Self { session, sources, targets: Vec::new(), sequence, ended: false };
        work.session.tenure.begin_next_epoch()?;
        let draft = work.session.tenure.draft();
        let access = Access { read_only: false, frozen: false, exclusive: true, wait_ms };
        let numbers = Rc::default();
        for index in 0..settings.shards {
            Shard::create(index, settings, &draft, access, platform)?;
            let mut target = Shard::open_in(&draft, index, access, &work.session.tenure, &numbers, platform)?;
            target.forgo_syncs()?;
            work.targets.push(target);
            work.session.tenure.assure()?;
        }
        Ok(work)
    }

    /// Carries up to `limit` further rows over, and puts the new shards in force after the last. How many
    /// these were, and whether that was all.
    pub(super) fn step(&mut self, limit: u32) -> Result<(u64, bool)> {
        let mut advance = || {
            let (carried, ended) = self.carry(limit)?;
            if ended {
                self.finish()?;
            }
            Ok((carried, ended))
        };
        let advanced = advance();
        // If the directory was taken over, that is the error to tell, not what came of it.
        advanced.or_else(|error| self.session.tenure.confirm().and(Err(error)))
    }

    fn carry(&mut self, limit: u32) -> Result<(u64, bool)> {
        self.session.tenure.assure()?;
        self.targets.iter_mut().try_for_each(Shard::begin_receiving)?;
        let (mut carried, mut size, mut ended) = (0, 0_usize, false);
        while carried < u64::from(limit) && size < STEP_SIZE && !ended {
            match self.carry_next()? {
                Some(row) => {
                    size = size.saturating_add(row);
                    carried += 1;
                }
                None => ended = true,
            }
        }
        self.targets.iter_mut().try_for_each(Shard::commit_received)?;
        self.session.tenure.assure()?;
        Ok((carried, ended))
    }

    /// Carries the next row over; its size, none if that was all.
    fn carry_next(&mut self) -> Result<Option<usize>> {
        let Some((index, carried)) = self.sources.next(&mut self.session.shards)? else { return Ok(None) };
        self.sequence = self.sequence.max(carried.latest());
        let (size, target) = (carried.size(), shard_of(carried.hash(), self.targets.len()));
        let target = self.targets.get_mut(target).ok_or(Error::Closed)?;
        let source = self.session.shards.get(index).ok_or(Error::Closed)?;
        let tenure = &self.session.tenure;
        target.receive(carried, source.files(), &mut || tenure.assure())?;
        Ok(Some(size))
    }

    /// Puts the new shards in force.
    fn finish(&mut self) -> Result<()> {
        let mut statistics = Counts::default();
        for shard in &mut self.session.shards {
            statistics.add(shard.recorded_statistics()?);
        }
        for target in &mut self.targets {
            // All of it in the first: what is told is the sum.
            target.add_statistics(std::mem::take(&mut statistics))?;
            target.conclude_receiving(self.sequence)?;
            self.session.tenure.assure()?;
        }
        let count = self.targets.len();
        self.targets.clear();
        let draft = self.session.tenure.draft();
        for index in 0..count {
            sync(&draft, index)?;
            self.session.tenure.assure()?;
        }
        self.session.tenure.complete()?;
        // It has taken place. What can not be tidied up now is left to whoever comes next.
        self.ended = true;
        self.session.shards.clear();
        let _ = self.session.tenure.remove_leftovers(true);
        let _ = self.session.tenure.release();
        Ok(())
    }

    /// Leaves everything as it is.
    #[cfg(not(target_family = "wasm"))]
    pub(super) fn leave_behind(&mut self) {
        self.ended = true;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.targets.clear();
        self.session.shards.clear();
        if !self.ended {
            let tenure = &self.session.tenure;
            // The draft of an epoch is its own, even if somebody else has the directory by now. If it
            // stays, whoever comes next removes it.
            let _ = remove_tree(&tenure.draft());
            let _ = tenure.release();
        }
    }
}

/// Waits until a new shard is on the disk: the old ones are removed once it is in force.
fn sync(draft: &Path, index: usize) -> Result<()> {
    let shard = shard_path(draft, u32::try_from(index).unwrap_or(u32::MAX));
    let sync = |path: &Path| File::options().write(true).open(path).and_then(|file| file.sync_all());
    let log = shard.join(format!("{DATABASE}-wal"));
    match sync(&log) {
        // It has ended with the connection, as it should.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        synced => synced.map_err(|error| Error::from_io(&log, &error))?,
    }
    let database = shard.join(DATABASE);
    sync(&database).map_err(|error| Error::from_io(&database, &error))
}
