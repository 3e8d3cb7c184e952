//! Value files: values too large for the database, one file each, never changed once written.
//!
//! A file belongs to exactly one entry, or stands in the table `loose` with the owner in whose
//! charge it is: before it is written its name is reserved there; the transaction that makes an
//! entry refer to it removes the row; the transaction that lets go of it adds one, and only then
//! is the file removed. So whatever is interrupted where, an unreferenced file is always listed,
//! a referenced one never, and whoever finds rows of an owner that no longer lives removes their
//! files. Owners live as long as their lock (see [`crate::tenure`]).

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::listing;
use crate::platform::Platform;
use crate::regular::open_regular_to_read;

/// The value files of a shard.
#[derive(Debug)]
pub(crate) struct ValueFiles {
    directory: PathBuf,
    /// The directories whose names are on the disk for certain.
    named: RefCell<BTreeSet<PathBuf>>,
}

impl ValueFiles {
    /// The value files in a shard's directory.
    pub(crate) fn new(shard: &Path) -> Self {
        Self { directory: shard.join("values"), named: RefCell::default() }
    }

    /// Where all of them are.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where a file is: 256 directories by the first byte of its name.
    pub(crate) fn path(&self, file: i64) -> PathBuf {
        let name = format!("{file:016x}");
        let (directory, rest) = name.split_at(2);
        self.directory.join(directory).join(rest)
    }

    /// The number of the file with this path, as listed by [`ValueFiles::list`].
    fn number(directory: &str, name: &str) -> Option<i64> {
        if directory.len() != 2 || name.len() != 14 {
            return None;
        }
        i64::from_str_radix(&format!("{directory}{name}"), 16).ok()
    }

    /// Makes a new file.
    pub(crate) fn create(&self, file: i64) -> io::Result<File> {
        create(&self.path(file))
    }

    /// Opens a file to read it.
    pub(crate) fn open(&self, file: i64) -> io::Result<File> {
        open_regular_to_read(self.path(file))
    }

    /// Waits until a new file and its name are on the disk. The name of the directory it is in, too: once
    /// for each, since whoever made it need not have come to that.
    pub(crate) fn sync(&self, file: i64, handle: &File, platform: &dyn Platform) -> io::Result<()> {
        handle.sync_data()?;
        let path = self.path(file);
        let Some(parent) = path.parent() else { return Ok(()) };
        platform.sync_directory(parent)?;
        if !self.named.borrow().contains(parent) {
            platform.sync_directory(&self.directory)?;
            self.directory.parent().map_or(Ok(()), |shard| platform.sync_directory(shard))?;
            self.named.borrow_mut().insert(parent.to_owned());
        }
        Ok(())
    }

    /// Removes a file; one that is gone already is fine.
    pub(crate) fn remove(&self, file: i64) -> io::Result<()> {
        match fs::remove_file(self.path(file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Waits until it is on the disk that files are gone.
    pub(crate) fn sync_removed(&self, files: &[i64], platform: &dyn Platform) -> io::Result<()> {
        let paths = files.iter().map(|file| self.path(*file));
        let directories: BTreeSet<_> = paths.filter_map(|path| Some(path.parent()?.to_owned())).collect();
        directories.iter().try_for_each(|directory| match platform.sync_directory(directory) {
            // A name that was reserved need not have come to a file, nor to its directory.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            synced => synced,
        })
    }

    /// The value files in the directory where a file is.
    pub(crate) fn list_beside(&self, file: i64) -> io::Result<Vec<i64>> {
        let path = self.path(file);
        let Some(directory) = path.parent() else { return Ok(Vec::new()) };
        let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let files = children(directory)?;
        Ok(files.iter().filter_map(|file| Self::number(&name, &file.file_name().to_string_lossy())).collect())
    }

    /// Every path below the directory, with its number if it is that of a value file.
    pub(crate) fn list(&self) -> io::Result<Vec<(PathBuf, Option<i64>)>> {
        let mut found = Vec::new();
        for directory in children(&self.directory)? {
            let directory_name = directory.file_name().to_string_lossy().into_owned();
            if !directory.file_type()?.is_dir() {
                found.push((directory.path(), None));
                continue;
            }
            for file in children(&directory.path())? {
                let number = Self::number(&directory_name, &file.file_name().to_string_lossy());
                found.push((file.path(), number.filter(|_| file.file_type().is_ok_and(|kind| kind.is_file()))));
            }
        }
        Ok(found)
    }
}

/// What is in a directory that need not be there.
fn children(directory: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match listing::children(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed,
    }
}

fn create(path: &Path) -> io::Result<File> {
    let create = || OpenOptions::new().write(true).create_new(true).open(path);
    match (create(), path.parent()) {
        (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(parent)?;
            create()
        }
        (created, _) => created,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestPlatform;

    #[test]
    fn a_file_is_listed_under_its_number_and_strays_without() {
        let directory = tempfile::tempdir().unwrap();
        let files = ValueFiles::new(directory.path());
        let created = files.create(0x0123_4567_89ab_cdef).unwrap();
        files.sync(0x0123_4567_89ab_cdef, &created, &*TestPlatform::new()).unwrap();
        fs::write(files.directory().join("01").join("stray"), b"").unwrap();
        let mut numbers: Vec<_> = files.list().unwrap().into_iter().map(|(_, number)| number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [None, Some(0x0123_4567_89ab_cdef)]);
        assert_eq!(files.list_beside(0x0100_0000_0000_0000).unwrap(), [0x0123_4567_89ab_cdef]);
    }

    #[test]
    fn a_name_is_never_used_twice() {
        let directory = tempfile::tempdir().unwrap();
        let files = ValueFiles::new(directory.path());
        files.create(1).unwrap();
        assert_eq!(files.create(1).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn removing_twice_is_fine() {
        let directory = tempfile::tempdir().unwrap();
        let files = ValueFiles::new(directory.path());
        files.create(1).unwrap();
        files.remove(1).unwrap();
        files.remove(1).unwrap();
        assert!(files.open(1).is_err());
    }
}
