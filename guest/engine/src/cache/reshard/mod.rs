//! Changing the number of shards of a directory that nobody else uses.
//!
//! All rows are carried over to new shards beside the old ones, in a draft of a new epoch (see
//! [`crate::tenure`]), and the old ones are left alone. Once all is there, the draft is given its name
//! and the lease names it: until then the old data are in force, from then on the new. Whatever is
//! interrupted where, the other of the two is removed by whoever opens the directory next.
//!
//! | file | what is in it |
//! |---|---|
//! | `sources` | what is carried over, in order |
//! | `work` | carrying it over, and putting it in force |

mod sources;
mod work;

use std::path::Path;
use std::rc::Rc;

use super::session::Session;
use crate::error::{Error, Result};
use crate::options::{Changes, OpenOptions, SHARDS_LIMIT};
use crate::platform::Platform;
use crate::progress::Progress;
use crate::settings::Settings;
use sources::Sources;
use work::Work;

/// A change of the number of shards that is under way. Dropped before it has finished, it has changed
/// nothing.
pub struct Resharding {
    /// None once it has ended.
    work: Option<Work>,
    before: u32,
    done: u64,
    total: u64,
    finished: bool,
}

impl Resharding {
    /// Begins to give the cache in the directory `path` another number of shards. Nobody else may have
    /// it open, nor can until this has ended. Of the options only the waits count.
    pub fn begin(path: &Path, shards: u32, options: &OpenOptions, platform: &Rc<dyn Platform>) -> Result<Self> {
        if shards == 0 || shards > SHARDS_LIMIT {
            return Err(Error::InvalidArgument(format!("shards must be 1 to {SHARDS_LIMIT}, not {shards}")));
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
        let before = u32::try_from(session.shards.len()).unwrap_or(u32::MAX);
        match prepare(&mut session, shards) {
            Ok(Some((settings, sources))) => {
                let total = sources.total();
                let work = Work::begin(session, sources, &settings, options.wait_ms, platform)?;
                Ok(Self { work: Some(work), before, done: 0, total, finished: false })
            }
            ended => {
                let outcome = ended.map(drop);
                // The error is the one to tell; a directory not let go of is found out.
                let released = session.end();
                outcome.and(released).map(|()| Self { work: None, before, done: 0, total: 0, finished: true })
            }
        }
    }

    /// How many shards there were when it began.
    pub fn shards_before(&self) -> u32 {
        self.before
    }

    /// Carries up to `limit` further rows over, fewer where they are large. The last step puts the
    /// new shards in force and lets go of the directory. An error ends it all, with nothing changed,
    /// and further steps are the error [`Error::Closed`].
    pub fn step(&mut self, limit: u32) -> Result<Progress> {
        if !self.finished {
            // Dropped on an error, which gives it up.
            let mut work = self.work.take().ok_or(Error::Closed)?;
            let (carried, ended) = work.step(limit.max(1))?;
            self.done = self.done.saturating_add(carried);
            self.finished = ended;
            self.work = (!ended).then_some(work);
        }
        Ok(Progress { done: self.done, total: self.total.max(self.done), finished: self.finished })
    }

    /// Ends as a process does that is killed.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn end_abruptly(mut self) {
        self.work.iter_mut().for_each(Work::leave_behind);
    }
}

/// The settings with another number of shards, and what there is; none if there is nothing to do.
/// Refuses what could not be afterwards.
fn prepare(session: &mut Session, shards: u32) -> Result<Option<(Settings, Sources)>> {
    let settings = session.shards.first().map(|shard| shard.settings().clone()).ok_or(Error::Closed)?;
    if settings.shards == shards {
        return Ok(None);
    }
    let settings = settings.over(shards)?;
    // The last has the smallest share.
    let limit = settings.entry_limit(shards - 1);
    for shard in &mut session.shards {
        if let Some((address, size)) = shard.largest()?.filter(|(_, size)| *size > limit) {
            let what = format!("the entry of {}, for one of {shards} shards,", address.borrowed());
            return Err(Error::TooLarge { what, size, limit });
        }
        if let Some((collection, size)) = shard.largest_collection()?.filter(|(_, size)| *size > limit) {
            return Err(Error::TooLarge { what: format!("{collection}, for one of {shards} shards,"), size, limit });
        }
    }
    Ok(Some((settings, Sources::of(&mut session.shards)?)))
}
