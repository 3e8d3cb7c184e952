//! Rounds of tests under fire. Each is drawn from a seed, short, and shows by itself what is wrong; the
//! tests run one of each kind, a soak as many as there is time for.

mod files;
mod histories;
mod round;

use std::collections::BTreeMap;
use std::path::Path;

use crate::history::check;
use crate::history::client;
use crate::history::event::Outcome;
use crate::history::log::{self, Log};
use crate::history::plan::Plan;
use crate::history::subject::Subject;

/// What was done, by name.
pub type Tally = BTreeMap<&'static str, u64>;

/// A kind of round: its name, and how to run it with a worker program and a seed.
pub type Kind = (&'static str, fn(&Path, u64) -> Result<Tally, String>);

/// All kinds.
pub const KINDS: &[Kind] = &[
    ("histories", histories::histories),
    ("clears", histories::clears),
    ("limits", histories::limits),
    ("queues", histories::queues),
    ("kills", histories::kills),
    ("traps", histories::traps),
    ("clocks", histories::clocks),
    ("losses", files::losses),
    ("faults", files::faults),
];

/// What a subject does that is wrong comes to light: clients on it, and what the check says.
pub fn expose(subject: &dyn Subject, plan: &Plan) -> Result<check::Checked, String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let log = Log::create(&directory.path().join("1")).map_err(|error| error.to_string())?;
    client::run(subject, plan, round::NUMBERS, &log).map_err(|error| error.to_string())?;
    let calls = log::read(directory.path()).map_err(|error| error.to_string())?;
    if calls.iter().any(|call| matches!(call.outcome, Some(Outcome::Failed(_)))) {
        return Err("a call has failed".into());
    }
    check::check(&calls, plan)
}
