//! Files on disk, and the operations on them that the layers above can be tested against.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use crate::os;

/// A file that is read and written at offsets.
pub(crate) trait Storage {
    /// Fills `buffer` from `offset` on. Returns how much there was before the end of the file.
    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all `bytes` from `offset` on.
    fn write(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts or extends the file.
    fn resize(&mut self, size: u64) -> io::Result<()>;
    /// Size in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Waits until everything written is on the disk.
    fn sync(&mut self) -> io::Result<()>;
}

/// How to open a file.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OpenMode {
    pub(crate) read_only: bool,
    pub(crate) create: bool,
    /// With `create`: the file must not be there yet.
    pub(crate) exclusive: bool,
}

/// A file on disk.
#[derive(Debug)]
pub(crate) struct DiskFile {
    file: File,
    path: String,
    /// A file that may be new survives a power loss only once its directory is synced, too.
    directory_pending: bool,
}

impl DiskFile {
    pub(crate) fn open(path: &str, mode: OpenMode) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(!mode.read_only);
        if mode.create && !mode.read_only {
            options.create(true).create_new(mode.exclusive);
        }
        refuse_irregular(path)?;
        let file = options.open(path)?;
        Ok(Self { file, path: path.to_owned(), directory_pending: mode.create })
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Whether the path leads elsewhere by now, or nowhere.
    pub(crate) fn has_moved(&self) -> io::Result<bool> {
        os::is_file_at(&self.file, &self.path).map(|same| !same)
    }
}

impl Storage for DiskFile {
    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        os::read_fully(&self.file, buffer, offset)
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        os::write_fully(&self.file, bytes, offset)
    }

    fn resize(&mut self, size: u64) -> io::Result<()> {
        self.file.set_len(size)
    }

    fn size(&self) -> io::Result<u64> {
        self.file.metadata().map(|metadata| metadata.len())
    }

    fn sync(&mut self) -> io::Result<()> {
        // Sizes are synced as well, which is all of the metadata SQLite depends on.
        self.file.sync_data()?;
        if self.directory_pending {
            self.directory_pending = false;
            sync_directory_of(&self.path);
        }
        Ok(())
    }
}

/// How names in a directory are made to survive a power loss.
pub type SyncDirectory = fn(&Path) -> io::Result<()>;

/// What [`sync_directory_of`] calls.
static SYNC_DIRECTORY: OnceLock<SyncDirectory> = OnceLock::new();

/// Says how directories are synced; the first time counts.
pub(crate) fn sync_directories_with(sync: SyncDirectory) {
    let _ = SYNC_DIRECTORY.set(sync);
}

/// Waits until the names in a directory are on the disk, by `std`. It can not on WASI.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Refuses what is there and no regular file: opening a pipe waits for its other end, perhaps for ever.
pub(crate) fn refuse_irregular(path: &str) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a regular file"));
    }
    Ok(())
}

/// Syncs the directory that holds a file, where the platform can. Some refuse to open or sync
/// directories; SQLite's unix VFS puts up with that as well.
pub(crate) fn sync_directory_of(path: &str) {
    let directory = match path.rfind('/') {
        Some(0) => "/",
        Some(end) => path.get(..end).unwrap_or("."),
        None => ".",
    };
    let sync = SYNC_DIRECTORY.get().copied().unwrap_or(sync_directory);
    let _ = sync(Path::new(directory));
}
