//! The job that does what a plan says and writes down what comes of it.

use std::path::Path;

use larder_tests::history::client;
use larder_tests::history::log::Log;
use larder_tests::history::plan::Plan;
use larder_tests::history::subject::{Leaps, Shared};

use super::say;

/// Runs the clients of a plan, of which the first has this number, and logs to a file.
pub(crate) fn run(directory: &Path, log: &str, plan: &str, first: u32) {
    // Nobody else ends it if whoever watches it is killed.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).unwrap();
    let plan: Plan = serde_json::from_str(plan).unwrap();
    let cache = plan.open(directory).unwrap();
    let log = Log::create(Path::new(log)).unwrap();
    say("ready");
    client::run(&Shared::new(cache, &plan, Leaps::default()), &plan, first, &log).unwrap();
}
