//! Which directories a guest may reach, and by what names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Fault, sys};

/// Longest path accepted, in bytes: that of Linux.
const LONGEST_PATH: usize = 4096;

/// An open directory, beneath which files can be opened.
#[derive(Clone, Debug)]
pub struct Directory {
    handle: Arc<sys::DirectoryHandle>,
}

impl Directory {
    /// Opens a directory of the host.
    pub fn open(path: impl AsRef<Path>) -> std::io::Result<Self> {
        let handle = Arc::new(sys::open_directory(path.as_ref())?);
        Ok(Self { handle })
    }

    pub(crate) fn handle(&self) -> &sys::DirectoryHandle {
        &self.handle
    }
}

/// What a guest may do in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Open files for reading and lock them shared.
    ReadOnly,
    /// Everything: create, write, lock exclusively, map.
    ReadWrite,
}

/// Why a directory could not be granted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// The directory of the host could not be opened.
    #[error("opening the directory {}: {source}", path.display())]
    Open {
        /// Its path on the host.
        path: PathBuf,
        /// What the operating system reported.
        source: std::io::Error,
    },
    /// The name the guest should know it by is no plain path.
    #[error("the guest path {path:?}: {fault}")]
    GuestPath {
        /// The name.
        path: String,
        /// What is wrong with it.
        fault: Fault,
    },
}

/// One granted directory.
#[derive(Clone, Debug)]
struct Grant {
    /// The guest's name for it, in components.
    name: Vec<String>,
    directory: Directory,
    access: Access,
}

/// All granted directories.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    grants: Vec<Grant>,
}

impl Grants {
    /// Grants the directory `host` under the name `guest`.
    pub fn add(&mut self, host: &Path, guest: &str, access: Access) -> Result<(), GrantError> {
        let name = components(guest).map_err(|fault| GrantError::GuestPath { path: guest.into(), fault })?;
        let directory = Directory::open(host).map_err(|source| GrantError::Open { path: host.into(), source })?;
        self.grants.push(Grant { name: name.into_iter().map(String::from).collect(), directory, access });
        Ok(())
    }

    /// The directory a guest path leads into, the path from there, and what may be done with it.
    /// As in WASI libraries the most exact name counts, then the latest, and a leading "/" or "."
    /// makes no difference.
    pub fn resolve(&self, path: &str) -> Result<(&Directory, String, Access), Fault> {
        let components = components(path)?;
        self.grants
            .iter()
            .filter_map(|grant| Some((grant, beneath(&components, &grant.name)?)))
            .max_by_key(|(grant, _)| grant.name.len())
            .map(|(grant, rest)| (&grant.directory, rest.join("/"), grant.access))
            .ok_or(Fault::Denied)
    }
}

/// What follows `name` in a path that begins with it.
fn beneath<'a, 'p>(path: &'a [&'p str], name: &[String]) -> Option<&'a [&'p str]> {
    let (start, rest) = path.split_at_checked(name.len())?;
    (start == name).then_some(rest)
}

/// `invalid` if a path of so many bytes is too long.
pub fn check_length(bytes: usize) -> Result<(), Fault> {
    if bytes > LONGEST_PATH {
        return Err(Fault::invalid(format!("a path of {bytes} bytes; at most {LONGEST_PATH} are allowed")));
    }
    Ok(())
}

/// The components of a path, without those that mean nothing. `denied` if it may lead out of
/// where it begins.
pub(crate) fn components(path: &str) -> Result<Vec<&str>, Fault> {
    check_length(path.len())?;
    if path.contains('\0') {
        return Err(Fault::invalid("a path with a NUL in it"));
    }
    let components: Vec<_> = path.split('/').filter(|component| !matches!(*component, "" | ".")).collect();
    if components.contains(&"..") {
        return Err(Fault::Denied);
    }
    Ok(components)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(names: &[(&str, Access)]) -> Grants {
        let mut grants = Grants::default();
        for (name, access) in names {
            grants.add(Path::new("."), name, *access).unwrap();
        }
        grants
    }

    #[test]
    fn the_most_exact_name_counts() {
        let grants =
            grants(&[("/", Access::ReadOnly), ("/cache", Access::ReadWrite), ("/cache/old", Access::ReadOnly)]);
        for (path, rest, access) in [
            ("/cache/db", "db", Access::ReadWrite),
            ("cache//./a/db", "a/db", Access::ReadWrite),
            ("./cache/old/db", "db", Access::ReadOnly),
            ("/cached", "cached", Access::ReadOnly),
        ] {
            let (_, found, allowed) = grants.resolve(path).unwrap();
            assert_eq!((found.as_str(), allowed), (rest, access), "{path}");
        }
    }

    #[test]
    fn what_is_not_granted_is_denied() {
        let grants = grants(&[("/cache", Access::ReadWrite)]);
        for path in ["/etc/passwd", "db", "", "/", "/cache/..", "/cache/../etc", ".."] {
            assert_eq!(grants.resolve(path).unwrap_err(), Fault::Denied, "{path}");
        }
    }

    #[test]
    fn paths_that_can_not_be_are_invalid() {
        let grants = grants(&[("/", Access::ReadWrite)]);
        for path in ["a\0b", &"a/".repeat(LONGEST_PATH)] {
            assert!(matches!(grants.resolve(path), Err(Fault::Invalid(_))));
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = Grants::default().add(Path::new("/no/such/place"), "/", Access::ReadOnly).unwrap_err();
        assert!(error.to_string().contains("/no/such/place"));
        let error = Grants::default().add(Path::new("."), "/a/../b", Access::ReadOnly).unwrap_err();
        assert!(error.to_string().contains("/a/../b"));
    }
}
