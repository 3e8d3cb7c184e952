//! A round of clients: its directories, its processes, and what is to be found when they have ended.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use super::Tally;
use crate::history::check::{self, Checked};
use crate::history::client::Client;
use crate::history::event::{Call, Outcome};
use crate::history::log::{self, Log};
use crate::history::plan::Plan;
use crate::history::subject::{Leaps, Shared};
use crate::worker::Worker;

/// Clients of each process have numbers from a multiple of this on.
pub(super) const NUMBERS: u32 = 100;
/// The process that runs the others.
const PARENT: u32 = 0;

/// The directories of a round.
pub(super) struct Round {
    directory: TempDir,
    pub(super) plan: Plan,
}

impl Round {
    pub(super) fn new(plan: Plan) -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        std::fs::create_dir(directory.path().join("log")).map_err(|error| error.to_string())?;
        Ok(Self { directory, plan })
    }

    pub(super) fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    pub(super) fn log(&self, process: u32) -> Result<Log, String> {
        Log::create(&self.log_path(process)).map_err(|error| error.to_string())
    }

    fn log_path(&self, process: u32) -> PathBuf {
        self.directory.path().join(format!("log/{process}"))
    }

    /// Starts a process that has clients.
    pub(super) fn start(&self, worker: &Path, process: u32) -> Worker {
        self.start_with(worker, process, &self.plan)
    }

    /// The same by another plan.
    pub(super) fn start_with(&self, worker: &Path, process: u32, plan: &Plan) -> Worker {
        let plan = serde_json::to_string(plan).unwrap();
        let (log, first) = (self.log_path(process), (process * NUMBERS).to_string());
        let arguments = [log.to_str().unwrap(), &plan, &first];
        Worker::start(worker.to_str().unwrap(), "history", &self.cache(), &arguments)
    }

    /// Looks at everything, checks what was written down, and keeps it if anything is wrong.
    pub(super) fn conclude(self, mut tally: Tally) -> Result<Tally, String> {
        match self.verdict() {
            Ok((checked, ended)) => {
                let counts = [
                    ("operations", checked.calls),
                    ("histories checked", checked.histories),
                    ("histories undecided", checked.undecided),
                    ("calls with an unknown end", ended),
                ];
                for (name, count) in counts {
                    *tally.entry(name).or_default() += count;
                }
                Ok(tally)
            }
            Err(reason) => {
                let kept = self.directory.keep();
                Err(format!("{reason}\nThe history and the cache are in {}", kept.display()))
            }
        }
    }

    /// What was checked, and how many calls nobody knows the outcome of.
    fn verdict(&self) -> Result<(Checked, u64), String> {
        let failed = |error: std::io::Error| error.to_string();
        let cache = self.plan.builder().open(self.cache()).map_err(|error| error.to_string())?;
        let subject = Shared::new(cache.clone(), &self.plan, Leaps::default());
        let log = self.log(PARENT)?;
        Client::new(&subject, PARENT, &log).conclude(&self.plan).map_err(failed)?;
        let calls = log::read(&self.directory.path().join("log")).map_err(failed)?;
        let checked = check::check(&calls, &self.plan)?;
        let problems = cache.check().map_err(|error| error.to_string())?;
        if !problems.is_empty() {
            return Err(format!("a check has found {problems:?}"));
        }
        crate::native_integrity(&self.cache())?;
        drop((subject, cache));
        no_orphans(&self.cache())?;
        let is_unknown = |call: &&Call| call.outcome.is_none() || matches!(call.outcome, Some(Outcome::Refused(_)));
        Ok((checked, calls.iter().filter(is_unknown).count() as u64))
    }
}

/// That a directory nobody uses has the value files that its rows name and no others, and none that is to be
/// removed. Asks SQLite itself, not the cache's own check.
fn no_orphans(directory: &Path) -> Result<(), String> {
    for database in crate::files(directory, "cache.db") {
        let shard = database.parent().unwrap();
        let named = named_files(&database).map_err(|error| format!("{}: {error}", database.display()))?;
        let there: BTreeSet<PathBuf> = crate::value_files(shard).into_iter().collect();
        let expected: BTreeSet<PathBuf> = named
            .into_iter()
            .map(|file| {
                let name = format!("{file:016x}");
                shard.join("values").join(&name[..2]).join(&name[2..])
            })
            .collect();
        if let Some(wrong) = there.symmetric_difference(&expected).next() {
            return Err(format!("{} is an orphan or missing", wrong.display()));
        }
    }
    Ok(())
}

/// The files that entries and collections refer to; an error if any is listed that is to be removed.
fn named_files(database: &Path) -> Result<Vec<i64>, String> {
    let ask = || -> rusqlite::Result<(i64, Vec<i64>)> {
        let connection = Connection::open(database)?;
        let loose = connection.query_row("SELECT count(*) FROM loose", [], |row| row.get(0))?;
        let files =
            "SELECT file FROM entry WHERE file IS NOT NULL UNION ALL SELECT file FROM member WHERE file IS NOT NULL";
        let files = connection.prepare(files)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        Ok((loose, files))
    };
    let (loose, files) = ask().map_err(|error| error.to_string())?;
    if loose > 0 {
        return Err(format!("{loose} rows are left of files that nobody writes"));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use larder::Cache;

    #[test]
    fn a_file_too_many_or_too_few_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::builder().inline_threshold(1_000).open(directory.path()).unwrap();
        cache.set("key", vec![7; 5_000]).unwrap();
        cache.index_plain::<i64>("index").set(1, &vec![7; 5_000].into()).unwrap();
        drop(cache);
        no_orphans(directory.path()).unwrap();
        let file = crate::value_files(directory.path()).remove(0);
        let orphan = file.with_file_name("00000000000001");
        std::fs::copy(&file, &orphan).unwrap();
        no_orphans(directory.path()).unwrap_err();
        std::fs::remove_file(orphan).unwrap();
        no_orphans(directory.path()).unwrap();
        std::fs::remove_file(file).unwrap();
        no_orphans(directory.path()).unwrap_err();
    }

    #[test]
    fn a_row_of_a_file_that_nobody_writes_is_found() {
        let directory = tempfile::tempdir().unwrap();
        drop(Cache::open(directory.path()).unwrap());
        let connection = Connection::open(crate::database(directory.path())).unwrap();
        connection.execute("INSERT INTO loose VALUES (1, 1, 1)", []).unwrap();
        drop(connection);
        no_orphans(directory.path()).unwrap_err();
    }
}
