//! `larder import`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use larder::ImportReport;

use super::entries;
use crate::cli::failure::Failure;
use crate::cli::progress::Bar;
use crate::cli::session::Session;
use crate::cli::{Outcome, json, output};

/// Store what another cache holds
#[derive(Args)]
#[command(after_help = "Example:\n  larder import diskcache ~/.cache/old")]
pub(crate) struct Import {
    #[command(subcommand)]
    source: Source,
}

/// From where.
#[derive(Subcommand)]
enum Source {
    Diskcache(Diskcache),
}

/// Import a directory of python-diskcache
///
/// A Cache, `FanoutCache`, Deque or Index, which is only read. Nothing in it is executed: pickled keys
/// and values are kept as bytes, with the tags diskcache:pickled-key and diskcache:pickled. It can be
/// interrupted and begun again. Exits with 1 if there was nothing to import.
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder import diskcache ~/.cache/old
  larder --dir new import diskcache old/cache/images")]
struct Diskcache {
    /// The directory with its cache.db, or with the shards of a `FanoutCache`
    directory: PathBuf,
}

impl Import {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        match &self.source {
            Source::Diskcache(diskcache) => diskcache.run(session),
        }
    }
}

impl Diskcache {
    fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let cache = session.builder().allow_reading(&self.directory).open(session.directory()?)?;
        let mut import = cache.import_diskcache(&self.directory)?;
        Bar::new("importing").follow(|| import.step())?;
        let (report, nested) = (import.report()?, import.nested()?);
        if session.json() {
            output::json(&json::ImportReport { report: &report, nested: &nested })?;
        } else {
            tell(session, &report, &nested)?;
        }
        Ok(Outcome::done(report.imported > 0))
    }
}

/// Says in detail what has become of the entries.
pub(super) fn tell_details(session: &Session, details: &[(u64, &str)]) -> Result<(), Failure> {
    let some = details.iter().filter(|(count, _)| *count > 0);
    some.copied().try_for_each(|(count, what)| session.confirm(&(), &format!("  {count} {what}")))
}

/// Says what went wrong.
pub(super) fn warn_of(session: &Session, problems: &[String], further: u64) {
    for problem in problems {
        session.warn(problem);
    }
    if further > 0 {
        session.warn(&format!("and {further} further problems"));
    }
}

fn tell(session: &Session, report: &ImportReport, nested: &[String]) -> Result<(), Failure> {
    session.confirm(&(), &format!("imported {}", entries(report.imported)))?;
    let details = [
        (report.pickled_keys, "with a pickled key, kept as bytes under the tag diskcache:pickled-key"),
        (report.pickled_values, "with a pickled value, kept as bytes under the tag diskcache:pickled"),
        (report.nan_values, "stored as NaN, because the number was lost"),
        (report.converted_tags, "with a tag that was a number and is now text"),
        (report.dropped_tags, "stored without a tag that can not be one"),
        (report.expired, "passed over: expired"),
        (report.too_large, "passed over: too large"),
        (report.collisions, "passed over: pickled key with the bytes of another key"),
        (report.damaged, "passed over: damaged"),
        (report.evicted, "evicted again: a limit was reached"),
    ];
    tell_details(session, &details)?;
    warn_of(session, &report.problems, report.further_problems);
    if !nested.is_empty() {
        session.warn(&format!("not imported, each a cache of its own: {}", nested.join(", ")));
    }
    Ok(())
}
