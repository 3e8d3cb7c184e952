//! Work on the whole cache.

use larder::{Cache, Error};

use crate::history::event::Outcome;
use crate::history::operation::Upkeep;

pub(super) fn perform(cache: &Cache, upkeep: Upkeep) -> Result<Outcome, Error> {
    match upkeep {
        Upkeep::Expire => cache.expire().map(drop)?,
        Upkeep::Cull => cache.cull().map(drop)?,
        Upkeep::Compact => cache.compact().map(drop)?,
        Upkeep::Check => {
            // What the dead have reserved is found as well, until somebody opens the directory anew.
            let problems = cache.check()?.into_iter();
            let damage: Vec<_> = problems.filter(|problem| !problem.description.contains("reservation")).collect();
            if !damage.is_empty() {
                return Ok(Outcome::Failed(format!("a check has found {damage:?}")));
            }
        }
    }
    Ok(Outcome::Done)
}
