//! The source tree: which files are cached, by which keys and tags.

use std::fs::{self, DirEntry, File};
use std::path::{Path, PathBuf};
use std::{env, io};

use anyhow::{Context, Result, bail};
use bytesize::ByteSize;
use larder::{SetOptions, VALUE_LIMIT};
use serde::{Deserialize, Serialize};

/// Directories nested deeper than this are left out.
const DEEPEST: usize = 64;

/// How much of a tree is taken.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// Bytes in all files together.
    pub(crate) bytes: u64,
    /// Number of files.
    pub(crate) files: usize,
}

/// A file of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceFile {
    /// Where it is below the root; the key.
    pub(crate) path: String,
    /// Bytes in it when it was found.
    pub(crate) size: u64,
    /// The directory of the crate it belongs to.
    package: String,
}

impl SourceFile {
    /// The tag of its extension.
    pub(crate) fn extension_tag(&self) -> String {
        let extension = Path::new(&self.path).extension().and_then(|extension| extension.to_str());
        format!("extension:{}", extension.unwrap_or("none"))
    }

    /// The tag of its crate.
    pub(crate) fn package_tag(&self) -> String {
        format!("crate:{}", self.package)
    }

    /// How it is stored.
    pub(crate) fn options(&self) -> SetOptions {
        SetOptions::new().tag(self.extension_tag()).tag(self.package_tag())
    }

    /// Reads it.
    pub(crate) fn read(&self, root: &Path) -> Result<Vec<u8>> {
        let path = root.join(&self.path);
        fs::read(&path).with_context(|| format!("reading {}", path.display()))
    }
}

/// The files of a tree that are cached.
pub(crate) struct SourceTree {
    /// Its top directory.
    pub(crate) root: PathBuf,
    /// In the order of their paths.
    pub(crate) files: Vec<SourceFile>,
    /// What was not taken.
    pub(crate) left_out: LeftOut,
}

/// What of a tree was not taken, and why.
#[derive(Default)]
pub(crate) struct LeftOut {
    beyond_bounds: usize,
    too_large: Vec<String>,
    unreadable: usize,
    not_utf_8: usize,
    links: usize,
}

impl SourceTree {
    /// Finds the files of a tree, as far as the bounds allow.
    pub(crate) fn find(root: Option<PathBuf>, bounds: Bounds) -> Result<Self> {
        let root = root.map_or_else(downloaded_crates, Ok)?;
        let root = fs::canonicalize(&root).with_context(|| format!("opening {}", root.display()))?;
        let mut tree = Self { root: root.clone(), files: Vec::new(), left_out: LeftOut::default() };
        let entries = sorted(&root).with_context(|| format!("reading {}", root.display()))?;
        let mut walk = Walk { tree: &mut tree, bounds, bytes: 0 };
        walk.entries(entries, "", &name(&root), 0);
        if tree.files.is_empty() {
            bail!("no file to cache in {}", root.display());
        }
        Ok(tree)
    }

    /// Bytes in all files together.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

impl LeftOut {
    /// A line for each reason.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut say = |count: usize, why: &str| {
            if count > 0 {
                lines.push(format!("left out: {count} {why}"));
            }
        };
        say(self.beyond_bounds, "files beyond --max-bytes or --max-files");
        say(self.unreadable, "files or directories that can not be read");
        say(self.not_utf_8, "files or directories whose names are not UTF-8");
        say(self.links, "symbolic links and other things that are no files");
        let limit = ByteSize(VALUE_LIMIT as u64);
        lines.extend(
            self.too_large.iter().map(|path| format!("left out: {path}, larger than a value can be ({limit})")),
        );
        lines
    }
}

/// Where cargo keeps the sources of the crates it has downloaded.
fn downloaded_crates() -> Result<PathBuf> {
    let home = match env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => {
            env::home_dir().context("neither CARGO_HOME nor a home directory; name a tree to cache")?.join(".cargo")
        }
    };
    Ok(home.join("registry").join("src"))
}

struct Walk<'a> {
    tree: &'a mut SourceTree,
    bounds: Bounds,
    bytes: u64,
}

impl Walk<'_> {
    /// Takes what is in a directory. `package` is the innermost crate around it.
    fn entries(&mut self, entries: Vec<DirEntry>, path: &str, package: &str, depth: usize) {
        for entry in entries {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                self.tree.left_out.not_utf_8 += 1;
                continue;
            };
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < DEEPEST => self.directory(&entry, &path, package, depth + 1),
                Ok(kind) if kind.is_file() => self.file(&entry, path, package),
                Ok(_) => self.tree.left_out.links += 1,
                Err(_) => self.tree.left_out.unreadable += 1,
            }
        }
    }

    fn directory(&mut self, entry: &DirEntry, path: &str, package: &str, depth: usize) {
        let Ok(entries) = sorted(&entry.path()) else {
            self.tree.left_out.unreadable += 1;
            return;
        };
        let is_crate = entries.iter().any(|entry| entry.file_name() == "Cargo.toml");
        let own = name(&entry.path());
        self.entries(entries, path, if is_crate { &own } else { package }, depth);
    }

    fn file(&mut self, entry: &DirEntry, path: String, package: &str) {
        // Opened, because only that tells whether it can be read.
        let Ok(metadata) = File::open(entry.path()).and_then(|file| file.metadata()) else {
            self.tree.left_out.unreadable += 1;
            return;
        };
        let size = metadata.len();
        if size > VALUE_LIMIT as u64 {
            self.tree.left_out.too_large.push(path);
        } else if self.tree.files.len() >= self.bounds.files || self.bytes.saturating_add(size) > self.bounds.bytes {
            self.tree.left_out.beyond_bounds += 1;
        } else {
            self.bytes += size;
            self.tree.files.push(SourceFile { path, size, package: package.to_owned() });
        }
    }
}

/// What is in a directory, by name, so that every run takes the same.
fn sorted(directory: &Path) -> io::Result<Vec<DirEntry>> {
    let mut entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Bounds = Bounds { bytes: u64::MAX, files: usize::MAX };

    fn tree(files: &[(&str, usize)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (path, size) in files {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, vec![b'x'; *size]).unwrap();
        }
        directory
    }

    fn find(directory: &tempfile::TempDir, bounds: Bounds) -> SourceTree {
        SourceTree::find(Some(directory.path().to_owned()), bounds).unwrap()
    }

    #[test]
    fn files_are_tagged_by_extension_and_innermost_crate() {
        let directory =
            tree(&[("one/Cargo.toml", 1), ("one/src/lib.rs", 2), ("one/two/Cargo.toml", 3), ("one/two/README", 4)]);
        let tree = find(&directory, ALL);
        let tags: Vec<_> = tree.files.iter().map(|file| (file.extension_tag(), file.package_tag())).collect();
        let tag = |extension: &str, package: &str| (format!("extension:{extension}"), format!("crate:{package}"));
        assert_eq!(tags, [tag("toml", "one"), tag("rs", "one"), tag("toml", "two"), tag("none", "two")]);
        assert_eq!(tree.bytes(), 10);
        assert!(tree.left_out.lines().is_empty());
    }

    #[test]
    fn what_is_beyond_the_bounds_is_left_out_and_said() {
        let directory = tree(&[("a", 5), ("b", 10), ("c", 5)]);
        let paths = |bounds| find(&directory, bounds).files.into_iter().map(|file| file.path).collect::<Vec<_>>();
        assert_eq!(paths(Bounds { bytes: 10, ..ALL }), ["a", "c"]);
        assert_eq!(paths(Bounds { files: 1, ..ALL }), ["a"]);
        let lines = find(&directory, Bounds { files: 1, ..ALL }).left_out.lines();
        assert_eq!(lines, ["left out: 2 files beyond --max-bytes or --max-files"]);
    }

    #[test]
    fn a_tree_without_files_is_an_error() {
        let directory = tree(&[]);
        assert!(SourceTree::find(Some(directory.path().to_owned()), ALL).is_err());
        assert!(SourceTree::find(Some(directory.path().join("missing")), ALL).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_left_out_and_said() {
        let directory = tree(&[("a", 1)]);
        std::os::unix::fs::symlink("/", directory.path().join("link")).unwrap();
        let tree = find(&directory, ALL);
        assert_eq!((tree.files.len(), tree.left_out.lines().len()), (1, 1));
    }
}
