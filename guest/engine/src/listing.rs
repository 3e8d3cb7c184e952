//! Listing a directory that others are changing.

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

/// How often a listing may stumble over something that is being removed.
const ATTEMPTS: u32 = 100;

/// What is in a directory.
///
/// WASI hosts look at each entry while they list, and fail with "not found" if it has just been
/// removed. That says nothing about the directory, so the listing is begun anew.
pub(crate) fn children(directory: &Path) -> io::Result<Vec<DirEntry>> {
    let mut attempt = 1;
    loop {
        match fs::read_dir(directory).and_then(Iterator::collect) {
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS && fs::metadata(directory).is_ok() =>
            {
                attempt += 1;
            }
            listed => return listed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_listed_and_a_missing_one_is_not_found() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(children(directory.path()).unwrap().len(), 0);
        fs::write(directory.path().join("file"), "").unwrap();
        assert_eq!(children(directory.path()).unwrap()[0].file_name(), "file");
        let missing = children(&directory.path().join("missing"));
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
