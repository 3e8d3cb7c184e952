//! Changing the number of shards of a directory that nobody else uses.
//!
//! The entries are carried over to new shards beside the old ones, in a draft of a new epoch (see
//! [`crate::tenure`]), and the old ones are left alone. Once all is there, the draft is given its name
//! and the lease names it: until then the old data are in force, from then on the new. Whatever is
//! interrupted where, the other of the two is removed by whoever opens the directory next.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::Path;
use std::rc::Rc;

use super::session::Session;
use crate::database::Access;
use crate::error::{Error, Result};
use crate::options::{Changes, OpenOptions, SHARDS_LIMIT};
use crate::platform::Platform;
use crate::progress::Progress;
use crate::settings::{Settings, shard_of};
use crate::shard::{Counts, DATABASE, Origin, Shard, shard_path};

/// Numbers of entries read from a shard at a time.
const PAGE: u32 = 512;
/// A step ends early once its rows take so many bytes.
const STEP_SIZE: usize = 8 * 1024 * 1024;

/// A change of the number of shards that is under way. Dropped before it has finished, it has changed
/// nothing.
pub struct Resharding {
    /// None once it has ended.
    work: Option<Work>,
    done: u64,
    total: u64,
    finished: bool,
}

/// The old shards and the new ones.
struct Work {
    session: Session,
    lines: Vec<Line>,
    targets: Vec<Shard>,
    /// Of the new ones.
    settings: Settings,
    /// The number of the last entry that was carried over.
    last: i64,
    /// The greatest number that any entry bears.
    sequence: i64,
    /// Whether there is nothing to be given up any more.
    ended: bool,
}

/// The entries of an old shard.
struct Line {
    origin: Origin,
    /// The next ones.
    ids: VecDeque<i64>,
    /// The last one that was read.
    after: i64,
    ended: bool,
}

impl Resharding {
    /// Begins to give the cache in the directory `path` another number of shards. Nobody else may have
    /// it open, nor can until this has ended. Of the options only the waits count.
    pub fn begin(path: &Path, shards: u32, options: &OpenOptions, platform: &Rc<dyn Platform>) -> Result<Self> {
        if shards == 0 || shards > SHARDS_LIMIT {
            return Err(Error::InvalidArgument(format!("shards must be 1 to {SHARDS_LIMIT}")));
        }
        let options = OpenOptions {
            create: false,
            read_only: false,
            exclusive: true,
            shards: None,
            changes: Changes::default(),
            ..options.clone()
        };
        options.validate()?;
        let mut session = Session::begin(path, &options, platform)?;
        match prepare(&mut session, shards) {
            Ok(Some((settings, lines))) => Work::begin(session, lines, settings, options.wait_ms, platform),
            ended => {
                let outcome = ended.map(drop);
                // The error is the one to tell; a directory not let go of is found out.
                let released = session.end();
                outcome.and(released).map(|()| Self { work: None, done: 0, total: 0, finished: true })
            }
        }
    }

    /// Carries up to `limit` further entries over, fewer where they are large. The last step puts the
    /// new shards in force and lets go of the directory. An error ends it all, with nothing changed,
    /// and further steps are the error [`Error::Closed`].
    pub fn step(&mut self, limit: u32) -> Result<Progress> {
        if !self.finished {
            // Dropped on an error, which gives it up.
            let mut work = self.work.take().ok_or(Error::Closed)?;
            let (carried, ended) = work.step(limit.max(1))?;
            self.done = self.done.saturating_add(carried);
            if ended {
                work.finish()?;
                self.finished = true;
            } else {
                self.work = Some(work);
            }
        }
        Ok(Progress { done: self.done, total: self.total.max(self.done), finished: self.finished })
    }

    /// Ends as a process does that is killed.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn end_abruptly(mut self) {
        self.work.iter_mut().for_each(|work| work.ended = true);
    }
}

/// The settings with another number of shards, and the entries there are; none if there is nothing to
/// do. Refuses what could not be afterwards.
fn prepare(session: &mut Session, shards: u32) -> Result<Option<(Settings, Vec<Line>)>> {
    let settings = session.shards.first().map(|shard| shard.settings().clone()).ok_or(Error::Closed)?;
    if settings.shards == shards {
        return Ok(None);
    }
    let settings = settings.over(shards)?;
    // The last has the smallest share.
    let limit = settings.entry_limit(shards - 1);
    let mut lines = Vec::new();
    for shard in &mut session.shards {
        if let Some((address, size)) = shard.largest()?.filter(|(_, size)| *size > limit) {
            let what = format!("the entry of {}, for one of {shards} shards,", address.borrowed());
            return Err(Error::TooLarge { what, size, limit });
        }
        let origin = shard.origin()?;
        lines.push(Line { origin, ids: VecDeque::new(), after: i64::MIN, ended: false });
    }
    Ok(Some((settings, lines)))
}

impl Work {
    fn begin(
        session: Session,
        lines: Vec<Line>,
        settings: Settings,
        wait_ms: u32,
        platform: &Rc<dyn Platform>,
    ) -> Result<Resharding> {
        let total = lines.iter().fold(0_u64, |sum, line| sum.saturating_add(line.origin.count));
        let sequence = lines.iter().map(|line| line.origin.sequence).max().unwrap_or(0);
        // Whole from here on, so that it lets go of the directory if it comes to nothing.
        let targets = Vec::new();
        let mut work = Self { session, lines, targets, settings, last: 0, sequence, ended: false };
        work.session.tenure.begin_next_epoch()?;
        let draft = work.session.tenure.draft();
        let access = Access { read_only: false, frozen: false, exclusive: true, wait_ms };
        let numbers = Rc::default();
        for index in 0..work.settings.shards {
            Shard::create(index, &work.settings, &draft, access, platform)?;
            let mut target = Shard::open_in(&draft, index, access, &work.session.tenure, &numbers, platform)?;
            target.forgo_syncs()?;
            work.targets.push(target);
            work.session.tenure.assure()?;
        }
        Ok(Resharding { work: Some(work), done: 0, total, finished: false })
    }

    /// Carries entries over; how many, and whether they were the last.
    fn step(&mut self, limit: u32) -> Result<(u64, bool)> {
        self.session.tenure.assure()?;
        self.targets.iter_mut().try_for_each(Shard::begin_receiving)?;
        let (mut carried, mut size, mut ended) = (0, 0_usize, false);
        while carried < u64::from(limit) && size < STEP_SIZE && !ended {
            match self.next()? {
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

    /// Carries the next entry over, in order of their numbers; the size of its row, none if that was all.
    fn next(&mut self) -> Result<Option<usize>> {
        for (line, shard) in self.lines.iter_mut().zip(&mut self.session.shards) {
            line.fill(shard)?;
        }
        let heads = self.lines.iter().enumerate().filter_map(|(index, line)| Some((*line.ids.front()?, index)));
        // Of equal ones that of the first shard, as in an enumeration.
        let Some((id, index)) = heads.min() else { return Ok(None) };
        let (Some(line), Some(source)) = (self.lines.get_mut(index), self.session.shards.get_mut(index)) else {
            return Err(Error::Closed);
        };
        line.ids.pop_front();
        let carried = source.carry(id, &line.origin)?;
        self.sequence = self.sequence.max(carried.latest());
        let next = self.last.checked_add(1).ok_or_else(|| Error::Overflow("the number of an entry".into()))?;
        self.last = id.max(next);
        let (size, index) = (carried.size(), shard_of(carried.hash(), self.targets.len()));
        let target = self.targets.get_mut(index).ok_or(Error::Closed)?;
        let tenure = &self.session.tenure;
        target.receive(carried, self.last, source.files(), &mut || tenure.assure())?;
        Ok(Some(size))
    }

    /// Puts the new shards in force.
    fn finish(mut self) -> Result<()> {
        let mut statistics = Counts::default();
        for shard in &mut self.session.shards {
            statistics.add(shard.recorded_statistics()?);
        }
        let sequence = self.sequence.max(self.last);
        for target in &mut self.targets {
            // All of it in the first: what is told is the sum.
            target.add_statistics(std::mem::take(&mut statistics))?;
            target.conclude_receiving(sequence)?;
            self.session.tenure.assure()?;
        }
        let count = self.targets.len();
        self.targets.clear();
        let draft = self.session.tenure.draft();
        (0..count).try_for_each(|index| sync(&draft, index))?;
        self.session.tenure.assure()?;
        self.session.tenure.complete()?;
        // It has taken place. What can not be tidied up now is left to whoever comes next.
        self.ended = true;
        self.session.shards.clear();
        let _ = self.session.tenure.remove_leftovers();
        let _ = self.session.tenure.release();
        Ok(())
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.targets.clear();
        self.session.shards.clear();
        let tenure = &self.session.tenure;
        // The draft of an epoch is its own, even if somebody else has the directory by now.
        if !self.ended && fs::remove_dir_all(tenure.draft()).is_ok() {
            let _ = tenure.release();
        }
    }
}

impl Line {
    /// Reads further numbers if there are none.
    fn fill(&mut self, shard: &mut Shard) -> Result<()> {
        if self.ids.is_empty() && !self.ended {
            self.ids = shard.ids_after(self.after, PAGE)?.into();
            self.ended = self.ids.len() < PAGE as usize;
            self.after = self.ids.back().copied().unwrap_or(self.after);
        }
        Ok(())
    }
}

/// Waits until a new shard is on the disk: the old ones are removed once it is in force.
fn sync(draft: &Path, index: usize) -> Result<()> {
    let path = shard_path(draft, u32::try_from(index).unwrap_or(u32::MAX)).join(DATABASE);
    let synced = File::options().write(true).open(&path).and_then(|file| file.sync_all());
    synced.map_err(|error| Error::from_io(&path, &error))
}
