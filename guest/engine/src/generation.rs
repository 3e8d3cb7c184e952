//! Copying the data of a directory, so that an owner that was taken over can not write to it.
//!
//! The new owner of an expired lease can not know whether the old one is dead or only slow. It
//! therefore leaves the old one's files alone and goes on with copies: whatever the old owner still
//! writes goes to files that nobody reads any more.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::listing::children;
use crate::regular::{open_regular_to_read, remove_tree};
use crate::shard::DATABASE;

/// Size of a WAL header, <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.
const WAL_HEADER: usize = 32;
/// How often a database is copied anew because its owner is still at work.
const ATTEMPTS: u32 = 8;
const CHUNK: usize = 256 * 1024;

/// Copies the shards of one generation to another. `alive` is called again and again, to renew the
/// copier's own lease; its error ends the work.
pub(crate) fn copy(from: &Path, to: &Path, alive: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    let context = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| Error::from_own_file(&path, &error)
    };
    fs::create_dir_all(to).map_err(context(to))?;
    for shard in children(from).map_err(context(from))? {
        let target = to.join(shard.file_name());
        copy_shard(&shard.path(), &target, alive)?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    match remove_tree(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::from_own_file(path, &error)),
        _ => Ok(()),
    }
}

fn copy_shard(from: &Path, to: &Path, alive: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    let wal = |shard: &Path| shard.join(format!("{DATABASE}-wal"));
    for _ in 0..ATTEMPTS {
        // Nothing of an attempt before: it may have files that are gone since.
        remove(to)?;
        fs::create_dir_all(to).map_err(|error| Error::from_own_file(to, &error))?;
        // The database first and its log second: whatever a checkpoint has half moved from the log
        // to the database is then still in the log. Only a log begun anew in between would lack it;
        // and a change committed after the log was copied may remove a value file before it is
        // linked. Both write to the log, and that shows.
        let before = LogState::of(&wal(from))?;
        copy_file(&from.join(DATABASE), &to.join(DATABASE), Extent::Database, alive)?;
        copy_file(&wal(from), &wal(to), Extent::Log, alive)?;
        link_values(&from.join("values"), &to.join("values"), alive)?;
        if LogState::of(&wal(from))? == before {
            return Ok(());
        }
    }
    Err(Error::Locked(format!("{} is still being written by an owner whose lease has expired", from.display())))
}

/// What changes when a write-ahead log is written to.
#[derive(PartialEq, Eq, Default)]
struct LogState {
    header: Vec<u8>,
    length: u64,
    modified: Option<SystemTime>,
}

impl LogState {
    fn of(path: &Path) -> Result<Self> {
        let read = || -> io::Result<Self> {
            let file = open_regular_to_read(path)?;
            let metadata = file.metadata()?;
            let mut header = Vec::new();
            file.take(WAL_HEADER as u64).read_to_end(&mut header)?;
            Ok(Self { header, length: metadata.len(), modified: metadata.modified().ok() })
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            state => state.map_err(|error| Error::from_own_file(path, &error)),
        }
    }
}

/// How much of a file counts. What somebody has made longer by nothing must not fill the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    All,
    /// A database: the pages its header tells of. More than that an interrupted checkpoint may have
    /// moved, but from the log, which still has them.
    Database,
    /// A log, up to where it is nothing but zeros: every frame has the number of a page, which is not 0.
    Log,
}

/// The length of a database by its header, <https://www.sqlite.org/fileformat2.html#the_database_header>.
fn database_length(header: &[u8]) -> Option<u64> {
    let number = |at: usize| header.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    // The number of pages counts if it is of the last change.
    let pages = number(28).filter(|pages| *pages > 0 && number(24) == number(92))?;
    let size = header.get(16..18)?.try_into().ok().map(u16::from_be_bytes)?;
    let size = if size == 1 { 65_536 } else { u64::from(size) };
    (size >= 512).then(|| size.saturating_mul(u64::from(pages)))
}

fn copy_file(from: &Path, to: &Path, extent: Extent, alive: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    let mut source = match open_regular_to_read(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(|error| Error::from_own_file(from, &error))?,
    };
    let mut target = File::create(to).map_err(|error| Error::from_own_file(to, &error))?;
    let mut chunk = vec![0; CHUNK];
    let mut left = None;
    loop {
        let length = source.read(&mut chunk).map_err(|error| Error::from_own_file(from, &error))?;
        let read = chunk.get(..length).unwrap_or_default();
        let most = *left.get_or_insert_with(|| match extent {
            Extent::Database => database_length(read).unwrap_or(u64::MAX),
            Extent::All | Extent::Log => u64::MAX,
        });
        let read = read.get(..usize::try_from(most).unwrap_or(usize::MAX).min(read.len())).unwrap_or_default();
        left = Some(most - read.len() as u64);
        let is_end = read.is_empty() || (extent == Extent::Log && read.iter().all(|byte| *byte == 0));
        if is_end {
            // The original is removed once the copy is in use, so it has to survive a power loss.
            return target.sync_all().map_err(|error| Error::from_own_file(to, &error));
        }
        target.write_all(read).map_err(|error| Error::from_own_file(to, &error))?;
        alive()?;
    }
}

/// Value files never change, so the new generation gets second names for them: the old owner can
/// remove its own names only.
fn link_values(from: &Path, to: &Path, alive: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    let directories = match children(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        listed => listed.map_err(|error| Error::from_own_file(from, &error))?,
    };
    for directory in directories {
        let source = directory.path();
        let Some(name) = source.file_name() else { continue };
        let target = to.join(name);
        fs::create_dir_all(&target).map_err(|error| Error::from_own_file(&target, &error))?;
        for file in children(&source).map_err(|error| Error::from_own_file(&source, &error))? {
            link(&file.path(), &target.join(file.file_name()), alive)?;
        }
        alive()?;
    }
    Ok(())
}

/// What became of a second name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linked {
    /// The file has it.
    Yes,
    /// There is no such file.
    Missing,
    /// Another has the name.
    Taken,
}

/// Gives a file that never changes a second name, or makes a copy where there are no links. Whoever
/// links while its owner is at work may find it gone: removed after a commit that was copied, or after
/// one that makes the caller start again.
pub(crate) fn link(from: &Path, to: &Path, alive: &mut dyn FnMut() -> Result<()>) -> Result<Linked> {
    let mut linked = fs::hard_link(from, to);
    let failed = linked.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::AlreadyExists);
    if let Some(parent) = to.parent().filter(|_| failed) {
        // Perhaps for want of the directory, which a copy needs as well.
        fs::create_dir_all(parent).map_err(|error| Error::from_io(parent, &error))?;
        linked = fs::hard_link(from, to);
    }
    match linked.map_err(|error| error.kind()) {
        Ok(()) => Ok(Linked::Yes),
        Err(io::ErrorKind::NotFound) => Ok(Linked::Missing),
        Err(io::ErrorKind::AlreadyExists) => Ok(Linked::Taken),
        // A host or file system without links.
        Err(_) if fs::symlink_metadata(to).is_ok() => Ok(Linked::Taken),
        Err(_) => copy_file(from, to, Extent::All, alive).map(|()| Linked::Yes),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use rusqlite::Connection;

    use super::*;

    #[test]
    fn a_database_and_a_log_made_longer_by_nothing_are_copied_as_far_as_they_count() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let shard = from.path().join("shard-000");
        fs::create_dir(&shard).unwrap();
        let connection = Connection::open(shard.join(DATABASE)).unwrap();
        let made = "PRAGMA journal_mode = WAL; CREATE TABLE t (x); PRAGMA wal_checkpoint(TRUNCATE);
            INSERT INTO t VALUES (zeroblob(50000)), ('end')";
        connection.execute_batch(made).unwrap();
        for name in [DATABASE.to_owned(), format!("{DATABASE}-wal")] {
            OpenOptions::new().write(true).open(shard.join(name)).unwrap().set_len(1 << 40).unwrap();
        }
        let target = to.path().join("copy");
        copy(from.path(), &target, &mut || Ok(())).unwrap();
        let copied = target.join("shard-000");
        for file in children(&copied).unwrap() {
            assert!(file.metadata().unwrap().len() < 1 << 20, "{:?}", file.file_name());
        }
        let copied = Connection::open(copied.join(DATABASE)).unwrap();
        let last: String = copied.query_row("SELECT x FROM t ORDER BY rowid DESC", [], |row| row.get(0)).unwrap();
        assert_eq!(last, "end");
    }
}
