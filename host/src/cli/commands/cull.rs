//! `larder cull`.

use clap::Args;
use larder::Task;

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::{Outcome, work};

/// Remove expired entries, then others until the limits are kept
///
/// Whatever is stored does the same as far as it has to. Exits with 1 if there was nothing to remove.
#[derive(Args)]
#[command(after_help = "Examples:\n  larder cull\n  larder config size-limit 100MiB && larder cull")]
pub(crate) struct Cull {}

impl Cull {
    #[expect(clippy::unused_self, reason = "as every command is called")]
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        work::remove(session, &session.open()?, &Task::Cull)
    }
}
