//! `larder touch`.

use clap::Args;
use larder::Expiry;

use crate::cli::failure::Failure;
use crate::cli::key::KeyArgument;
use crate::cli::session::Session;
use crate::cli::{Outcome, json, units};

/// Give an entry a new time to live, from now on
///
/// Exits with 1 if there is none.
#[derive(Args)]
#[command(after_help = "Example:\n  larder touch greeting --ttl 1h")]
pub(crate) struct Touch {
    #[command(flatten)]
    key: KeyArgument,

    /// How long, such as 90s, 10m or 7d, or `never` [default: what the cache says]
    #[arg(long, value_parser = units::expiry, value_name = "DURATION")]
    ttl: Option<Expiry>,
}

impl Touch {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let key = self.key.key()?;
        let touched = session.open()?.touch(key, self.ttl.unwrap_or_default())?;
        session.confirm_json(&json::Touched { touched })?;
        Ok(Outcome::done(touched))
    }
}
