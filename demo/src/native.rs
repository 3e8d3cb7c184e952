//! The native `SQLite` library on the databases of a cache, in a process of its own: it locks files
//! in a way that would not keep it apart from a cache in the same process.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs, io};

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OpenFlags};

/// How long it waits for a writer.
const WAIT: Duration = Duration::from_secs(30);

/// What it has found.
pub(crate) struct Inspection {
    /// Number of databases.
    pub(crate) databases: usize,
    /// What `integrity_check` says of those that are not sound.
    pub(crate) problems: Vec<String>,
}

/// Has a process check the databases of a cache.
pub(crate) fn run(cache: &Path) -> Result<Inspection> {
    let output = Command::new(env::current_exe()?).arg("__inspect").arg(cache).output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the native SQLite: {}", error.trim());
    let text = String::from_utf8_lossy(&output.stdout);
    let problems = text.lines().filter(|line| *line != "ok").map(str::to_owned).collect();
    Ok(Inspection { databases: text.lines().count(), problems })
}

/// Checks the databases of a cache, in that process: prints a line for each.
pub(crate) fn inspect(cache: &Path) -> Result<()> {
    let databases = databases(cache).with_context(|| format!("looking for databases in {}", cache.display()))?;
    ensure!(!databases.is_empty(), "no database in {}", cache.display());
    for database in databases {
        let answer = integrity(&database).with_context(|| database.display().to_string())?;
        if answer == "ok" {
            anstream::println!("ok");
        } else {
            anstream::println!("{}: {}", database.display(), answer.replace('\n', "; "));
        }
    }
    Ok(())
}

fn integrity(database: &Path) -> Result<String> {
    // As any program would: for writing, too, because readers of a live database take part in it.
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(WAIT)?;
    let mut statement = connection.prepare("PRAGMA integrity_check")?;
    let answers = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(answers.join("\n"))
}

/// The databases: `data-*/shard-*/cache.db`.
fn databases(cache: &Path) -> io::Result<Vec<PathBuf>> {
    let mut databases = Vec::new();
    for generation in beginning_with(cache, "data-")? {
        for shard in beginning_with(&generation, "shard-")? {
            databases.extend(Some(shard.join("cache.db")).filter(|database| database.is_file()));
        }
    }
    databases.sort();
    Ok(databases)
}

fn beginning_with(directory: &Path, prefix: &str) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    let matching = entries.iter().filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    Ok(matching.map(fs::DirEntry::path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_databases_of_every_shard_are_found_and_sound() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cache");
        let cache = larder::Cache::builder().shards(3).open(&path).unwrap();
        cache.set("k", "v").unwrap();
        cache.close().unwrap();
        let databases = databases(&path).unwrap();
        assert_eq!(databases.len(), 3);
        assert!(databases.iter().all(|database| integrity(database).unwrap() == "ok"));
    }

    #[test]
    fn damage_is_reported() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("cache.db");
        fs::write(&database, "no database").unwrap();
        assert!(integrity(&database).is_err());
        assert!(inspect(directory.path()).is_err());
    }
}
