//! Files that a foreign database names. The names are not trusted.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::value::VALUE_LIMIT;

/// Why a file was not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is larger than a value may be.
    TooLarge,
    /// It is not as the database says.
    Damaged(String),
}

/// Reads the file called `name` beneath `directory`, which must be `size` bytes long.
pub(super) fn read(directory: &Path, name: &str, size: u64) -> Result<Vec<u8>, Refusal> {
    let path = locate(directory, name)?;
    let damaged = |what: String| Refusal::Damaged(format!("{}: {what}", path.display()));
    let metadata = fs::symlink_metadata(&path).map_err(|error| damaged(error.kind().to_string()))?;
    if !metadata.is_file() {
        return Err(damaged("not a regular file".into()));
    }
    if metadata.len() > VALUE_LIMIT as u64 {
        return Err(Refusal::TooLarge);
    }
    if metadata.len() != size {
        return Err(damaged(format!("{} bytes, but the database says {size}", metadata.len())));
    }
    let mut content = Vec::new();
    let reserved = usize::try_from(size).is_ok_and(|size| content.try_reserve_exact(size.saturating_add(1)).is_ok());
    if !reserved {
        return Err(Refusal::TooLarge);
    }
    // One byte more, so that a file that has grown meanwhile shows.
    File::open(&path)
        .and_then(|file| file.take(size.saturating_add(1)).read_to_end(&mut content))
        .map_err(|error| damaged(error.kind().to_string()))?;
    if content.len() as u64 == size { Ok(content) } else { Err(damaged("changed while it was read".into())) }
}

/// The path of a file beneath `directory`, with no symbolic link on the way.
fn locate(directory: &Path, name: &str) -> Result<PathBuf, Refusal> {
    let mut path = directory.to_owned();
    // Windows writes its own separator.
    for part in name.split(['/', '\\']) {
        if part.is_empty() || part == "." || part == ".." || part.contains([':', '\0']) {
            return Err(Refusal::Damaged(format!("{name:?} is no file beneath {}", directory.display())));
        }
        if path != directory && fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink()) {
            return Err(Refusal::Damaged(format!("{}: a symbolic link", path.display())));
        }
        path.push(part);
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_beneath_the_directory_are_followed() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["/etc/passwd", "../x", "a/../../x", "a//b", "", "C:\\x", "a\\..\\b", "a\0b", "."] {
            assert!(matches!(read(directory.path(), name, 0), Err(Refusal::Damaged(_))), "{name:?}");
        }
    }

    #[test]
    fn both_separators_lead_to_the_file() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("ab")).unwrap();
        fs::write(directory.path().join("ab/c.val"), b"value").unwrap();
        assert_eq!(read(directory.path(), "ab/c.val", 5).unwrap(), b"value");
        assert_eq!(read(directory.path(), "ab\\c.val", 5).unwrap(), b"value");
        assert!(matches!(read(directory.path(), "ab/c.val", 4), Err(Refusal::Damaged(_))));
    }

    #[cfg(unix)]
    #[test]
    fn symbolic_links_are_refused_wherever_they_are() {
        let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(other.path().join("secret"), b"value").unwrap();
        std::os::unix::fs::symlink(other.path(), directory.path().join("ab")).unwrap();
        std::os::unix::fs::symlink(other.path().join("secret"), directory.path().join("link")).unwrap();
        for name in ["ab/secret", "link"] {
            assert!(matches!(read(directory.path(), name, 5), Err(Refusal::Damaged(_))), "{name}");
        }
    }
}
