//! Work on the whole cache, step by step: it shows how far it is, and Ctrl-C ends it between two steps.

use larder::{Cache, Task};
use serde::Serialize;

use crate::cli::commands::entries;
use crate::cli::failure::Failure;
use crate::cli::interrupt::{INTERRUPTED, Interrupt};
use crate::cli::progress::Bar;
use crate::cli::session::Session;
use crate::cli::{Outcome, json};

/// Work that has come to an end.
pub(crate) struct Work {
    /// Entries that were removed, or bytes that were given back.
    pub(crate) done: u64,
    /// Whether it was ended by Ctrl-C.
    pub(crate) interrupted: bool,
}

impl Work {
    /// Does it. `words` tell what is done when an error ends it.
    pub(crate) fn run(cache: &Cache, task: &Task, bar: &Bar, words: fn(u64) -> String) -> Result<Self, Failure> {
        let interrupt = Interrupt::watch();
        let mut steps = cache.maintain(task)?;
        let mut work = Self { done: 0, interrupted: false };
        loop {
            let progress = match steps.step() {
                Ok(progress) => progress,
                Err(error) if work.done == 0 => return Err(error.into()),
                Err(source) => return Err(Failure::Partly { done: words(work.done), source }),
            };
            work.done = progress.done;
            bar.show(progress.done, progress.total);
            work.interrupted = !progress.finished && interrupt.is_pressed();
            if progress.finished || work.interrupted {
                bar.finish();
                return Ok(work);
            }
        }
    }

    /// Says what was done, as data and in words, and how the command ends.
    pub(crate) fn confirm(&self, session: &Session, done: impl Serialize, words: &str) -> Result<Outcome, Failure> {
        session.confirm(&json::Ended { done, interrupted: self.interrupted }, words)?;
        if self.interrupted {
            session.warn("interrupted: there may be more to do");
            return Ok(Outcome::Code(INTERRUPTED));
        }
        Ok(Outcome::done(self.done > 0))
    }
}

/// Removes entries and says how many.
pub(crate) fn remove(session: &Session, cache: &Cache, task: &Task) -> Result<Outcome, Failure> {
    let words = |removed| format!("removed {}", entries(removed));
    let work = Work::run(cache, task, &Bar::new("removing"), words)?;
    work.confirm(session, json::Removed { removed: work.done }, &words(work.done))
}
