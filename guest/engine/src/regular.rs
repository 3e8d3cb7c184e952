//! Opening and removing files whose place somebody may have given to something else.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use crate::listing::children;

/// Opens a regular file. Opening a pipe waits for its other end, perhaps for ever, and WASI has no
/// way to open without waiting; so it is looked at before.
///
/// Whoever puts a pipe in its place between the two keeps this call waiting all the same.
pub(crate) fn open_regular(path: impl AsRef<Path>, options: &OpenOptions) -> io::Result<File> {
    let path = path.as_ref();
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a regular file"));
    }
    options.open(path)
}

/// [`open_regular`] for reading.
pub(crate) fn open_regular_to_read(path: impl AsRef<Path>) -> io::Result<File> {
    open_regular(path, OpenOptions::new().read(true))
}

/// Removes a directory with all that is in it. That of `std` opens on WASI what it does not know the kind
/// of, to see whether it is a directory, and waits if it is a pipe.
pub(crate) fn remove_tree(directory: &Path) -> io::Result<()> {
    for child in children(directory)? {
        let path = child.path();
        let is_directory = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
        let removed = if is_directory { remove_tree(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed?,
        }
    }
    fs::remove_dir(directory)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_pipe_or_a_directory_is_refused_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [pipe.as_path(), directory.path()] {
            assert_eq!(open_regular_to_read(path).unwrap_err().kind(), io::ErrorKind::InvalidData);
            let written = open_regular(path, OpenOptions::new().append(true).create(true));
            assert_eq!(written.unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn a_directory_is_removed_with_whatever_is_in_it_and_nothing_that_it_leads_to() {
        let (directory, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let tree = directory.path().join("tree");
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::write(tree.join("a/file"), "x").unwrap();
        fs::write(outside.path().join("kept"), "x").unwrap();
        std::os::unix::fs::symlink(outside.path(), tree.join("link")).unwrap();
        assert!(Command::new("mkfifo").arg(tree.join("a/b/pipe")).status().unwrap().success());
        remove_tree(&tree).unwrap();
        assert!(!tree.exists() && outside.path().join("kept").exists());
        assert_eq!(remove_tree(&tree).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn files_are_opened_and_made() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        assert_eq!(open_regular_to_read(&file).unwrap_err().kind(), io::ErrorKind::NotFound);
        open_regular(&file, OpenOptions::new().write(true).create_new(true)).unwrap();
        open_regular_to_read(&file).unwrap();
    }
}
