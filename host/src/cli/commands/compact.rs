//! `larder compact`.

use clap::Args;
use larder::Task;

use crate::cli::failure::Failure;
use crate::cli::progress::Bar;
use crate::cli::session::Session;
use crate::cli::work::Work;
use crate::cli::{Outcome, json, units};

/// Give space that is no longer used back to the file system
///
/// Works in steps between which others can use the cache; Ctrl-C ends it between two. Exits with 1 if there was none.
#[derive(Args)]
#[command(after_help = "Examples:\n  larder compact\n  larder clear; larder compact")]
pub(crate) struct Compact {}

impl Compact {
    #[expect(clippy::unused_self, reason = "as every command is called")]
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let words = |freed| format!("gave back {}", units::show_size(freed));
        let work = Work::run(&session.open()?, &Task::Compact, &Bar::of_bytes("giving back"), words)?;
        work.confirm(session, json::Freed { freed: work.done }, &words(work.done))
    }
}
