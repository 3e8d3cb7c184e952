//! `larder export`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use larder::ExportReport;

use super::entries;
use super::import::{tell_details, warn_of};
use crate::cli::failure::Failure;
use crate::cli::progress::Bar;
use crate::cli::session::Session;
use crate::cli::{Outcome, output};

/// Write the entries for another cache
#[derive(Args)]
#[command(after_help = "Example:\n  larder export diskcache ~/.cache/old")]
pub(crate) struct Export {
    #[command(subcommand)]
    target: Target,
}

/// For which.
#[derive(Subcommand)]
enum Target {
    Diskcache(Diskcache),
}

/// Export to a directory of python-diskcache
///
/// Makes a new directory that it opens as a Cache: keys, values, the first tag of each, expiry, order,
/// and queues, whose keys become name-500000000000000 and following. What was imported as a pickle is
/// one again, and Python unpickles it: let only those read an export who trust what was put into the
/// cache. Others can use the cache meanwhile.
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder --dir new export diskcache old
  larder export diskcache old && python3 -c 'import diskcache; print(*diskcache.Cache(\"old\"))'")]
struct Diskcache {
    /// The directory, new or empty
    directory: PathBuf,
}

impl Export {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        match &self.target {
            Target::Diskcache(diskcache) => diskcache.run(session),
        }
    }
}

impl Diskcache {
    fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let cache = session.open_to_read_with(|builder| builder.allow_writing(&self.directory))?;
        let mut export = cache.export_diskcache(&self.directory)?;
        Bar::new("exporting").follow(|| export.step())?;
        let report = export.report()?;
        if session.json() {
            output::json(&report)?;
        } else {
            tell(session, &report)?;
        }
        Ok(Outcome::Done)
    }
}

fn tell(session: &Session, report: &ExportReport) -> Result<(), Failure> {
    session.confirm(&(), &format!("exported {}", entries(report.exported)))?;
    let details = [
        (report.queued, "from queues"),
        (report.pickled_keys, "under a key that is a pickle, as it was imported"),
        (report.pickled_values, "with a value that is a pickle, as it was imported"),
        (report.pickled_texts, "with a long text that had to be pickled to keep its carriage returns"),
        (report.sliding, "with a fixed time at which it expires, though it was sliding"),
        (report.dropped_tags, "of the tags left out: an entry has one at most there"),
        (report.expired, "passed over: expired"),
        (report.nan_values, "passed over: NaN can not be stored there"),
        (report.collisions, "passed over: of a queue whose keys would mix with others"),
        (report.damaged, "passed over: damaged"),
    ];
    tell_details(session, &details)?;
    warn_of(session, &report.problems, report.further_problems);
    Ok(())
}
