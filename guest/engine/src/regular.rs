//! Opening files whose place somebody may have given to something else.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

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
    fn files_are_opened_and_made() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        assert_eq!(open_regular_to_read(&file).unwrap_err().kind(), io::ErrorKind::NotFound);
        open_regular(&file, OpenOptions::new().write(true).create_new(true)).unwrap();
        open_regular_to_read(&file).unwrap();
    }
}
