//! Which kind of foreign directory it is.

use std::fs;
use std::path::{Path, PathBuf};

use crate::diskcache::format::DATABASE;
use crate::error::{Error, Result};
use crate::listing;

/// Most shards that are looked for.
const SHARDS_LIMIT: usize = 1000;
/// Most nested caches that are listed, and how deep they may lie.
const NESTED_LIMIT: usize = 10_000;
const DEPTH_LIMIT: usize = 16;

/// A kind of directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One database: Cache, Deque or Index.
    Cache,
    /// A `FanoutCache` with so many databases.
    Fanout(usize),
}

/// The databases of a foreign directory.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) kind: Kind,
    /// Directories with a database each.
    pub(super) shards: Vec<PathBuf>,
    /// Caches, deques and indexes that belong to a `FanoutCache`, relative to it.
    pub(super) nested: Vec<PathBuf>,
    /// What was not looked at, or is missing.
    pub(super) problems: Vec<String>,
}

impl Layout {
    /// Looks at a directory.
    pub(super) fn recognise(path: &Path) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(|error| Error::from_io(path, &error))?;
        if !metadata.is_dir() {
            return Err(Error::InvalidArgument(format!("{}: not a directory", path.display())));
        }
        if has_database(path) {
            let shards = vec![path.to_owned()];
            return Ok(Self { kind: Kind::Cache, shards, nested: Vec::new(), problems: Vec::new() });
        }
        let numbers: Vec<usize> =
            (0..SHARDS_LIMIT).filter(|number| has_database(&path.join(format!("{number:03}")))).collect();
        let Some(last) = numbers.last() else {
            return Err(Error::UnsupportedFormat(format!(
                "{}: no directory of diskcache, for it has neither {DATABASE} nor 000/{DATABASE}",
                path.display()
            )));
        };
        let mut problems: Vec<String> = (0..*last)
            .filter(|number| numbers.binary_search(number).is_err())
            .map(|number| format!("{}: the shard has no database", path.join(format!("{number:03}")).display()))
            .collect();
        let nested = find_nested(path, &mut problems);
        let shards: Vec<PathBuf> = numbers.iter().map(|number| path.join(format!("{number:03}"))).collect();
        Ok(Self { kind: Kind::Fanout(shards.len()), shards, nested, problems })
    }
}

/// Whether a database is directly in a directory, and neither is a symbolic link.
fn has_database(directory: &Path) -> bool {
    fs::symlink_metadata(directory.join(DATABASE)).is_ok_and(|metadata| metadata.is_file())
}

/// The caches below `cache`, `deque` and `index`, whose names may have several parts.
fn find_nested(path: &Path, problems: &mut Vec<String>) -> Vec<PathBuf> {
    let mut pending: Vec<(PathBuf, usize)> =
        ["index", "deque", "cache"].iter().map(|kind| (PathBuf::from(kind), 0)).collect();
    let mut nested = Vec::new();
    while let Some((relative, depth)) = pending.pop() {
        let directory = path.join(&relative);
        if !fs::symlink_metadata(&directory).is_ok_and(|metadata| metadata.is_dir()) {
            continue;
        }
        if depth > 0 && has_database(&directory) {
            nested.push(relative.clone());
        }
        if depth == DEPTH_LIMIT || nested.len() == NESTED_LIMIT {
            problems.push(format!("{}: not searched for further caches", directory.display()));
            continue;
        }
        match listing::children(&directory) {
            Ok(children) => pending.extend(
                children
                    .iter()
                    .filter(|child| child.file_type().is_ok_and(|kind| kind.is_dir()))
                    .map(|child| (relative.join(child.file_name()), depth + 1)),
            ),
            Err(error) => problems.push(Error::from_io(&directory, &error).to_string()),
        }
    }
    nested.sort_unstable();
    nested
}
