//! What was done to a directory, and what a loss of power may leave of it.
//!
//! POSIX promises this much: what a file held when it was last synced stays; which names a directory had
//! when it was last synced stay. Of all that came since, anything may be there or not, in any order:
//! each sector of a write by itself, a change of size, a name that came or went. Only a rename is whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path};

use crate::Random;

/// What a disk writes as a whole, in bytes.
const SECTOR: u64 = 512;

/// A file or directory, by the order in which they came to be.
type Object = usize;

/// What is unsynced when the power fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// All of it is lost.
    Everything,
    /// Nothing is lost, as when only the processes end.
    Nothing,
    /// Of the data and of the names each by itself, as it happens.
    Anything,
    /// Data as it happens; the names all stay.
    Data,
    /// Names as they happen; the data all stay.
    Names,
}

impl Loss {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Everything, Self::Nothing, Self::Anything, Self::Data, Self::Names];

    fn keeps_data(self, random: &mut Random) -> bool {
        match self {
            Self::Everything => false,
            Self::Nothing | Self::Names => true,
            Self::Anything | Self::Data => random.below(2) == 0,
        }
    }

    fn keeps_name(self, random: &mut Random) -> bool {
        match self {
            Self::Everything => false,
            Self::Nothing | Self::Data => true,
            Self::Anything | Self::Names => random.below(2) == 0,
        }
    }
}

#[derive(Debug, Clone)]
enum Change {
    Wrote { file: Object, offset: u64, bytes: Vec<u8> },
    Resized { file: Object, size: u64 },
    Synced { object: Object },
    Entered { directory: Object, name: String, object: Object },
    Left { directory: Object, name: String },
    Renamed { from: (Object, String), to: (Object, String), object: Object },
}

#[derive(Debug, Clone)]
enum Content {
    File(Vec<u8>),
    Directory(BTreeMap<String, Object>),
}

impl Content {
    fn names(&mut self) -> Option<&mut BTreeMap<String, Object>> {
        match self {
            Self::Directory(names) => Some(names),
            Self::File(_) => None,
        }
    }
}

/// What was done to a directory, in order.
#[derive(Debug, Clone)]
pub struct Journal {
    /// What was there at the beginning; of what came later, nothing.
    start: Vec<Content>,
    /// The names as they are now.
    now: Vec<Content>,
    /// What each was called when it came to be, for those who read the journal.
    paths: Vec<String>,
    changes: Vec<Change>,
    /// Whether syncs are taken note of: a disk that lies does not.
    pub honest: bool,
}

/// The directory itself.
const ROOT: Object = 0;

impl Journal {
    /// Begins with what a directory holds, all of it synced.
    pub(super) fn of(directory: &Path) -> Self {
        let mut start = Vec::new();
        take_in(directory, &mut start);
        let paths = (0..start.len()).map(|object| format!("object {object}")).collect();
        Self { now: start.clone(), start, paths, changes: Vec::new(), honest: true }
    }

    /// How much was done.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether nothing was done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    fn find(&self, path: &Path) -> Option<Object> {
        path.components().try_fold(ROOT, |object, part| match (&self.now[object], part) {
            (Content::Directory(names), Component::Normal(name)) => names.get(name.to_str()?).copied(),
            _ => None,
        })
    }

    /// The directory in which a path is, and the name there.
    fn place(&self, path: &Path) -> Option<(Object, String)> {
        let name = path.file_name()?.to_str()?.to_owned();
        Some((self.find(path.parent()?)?, name))
    }

    fn enter(&mut self, path: &Path, content: Content) {
        let Some((directory, name)) = self.place(path) else { return };
        let object = self.now.len();
        self.start.push(match content {
            Content::File(_) => Content::File(Vec::new()),
            Content::Directory(_) => Content::Directory(BTreeMap::new()),
        });
        self.now.push(content);
        self.paths.push(path.display().to_string());
        self.now[directory].names().map(|names| names.insert(name.clone(), object));
        self.changes.push(Change::Entered { directory, name, object });
    }

    pub(super) fn opened(&mut self, path: &Path) {
        if self.find(path).is_none() {
            self.enter(path, Content::File(Vec::new()));
        }
    }

    pub(super) fn created_directory(&mut self, path: &Path) {
        self.enter(path, Content::Directory(BTreeMap::new()));
    }

    pub(super) fn removed(&mut self, path: &Path) {
        let Some((directory, name)) = self.place(path) else { return };
        self.now[directory].names().map(|names| names.remove(&name));
        self.changes.push(Change::Left { directory, name });
    }

    pub(super) fn renamed(&mut self, from: &Path, to: &Path) {
        let (Some(object), Some(from), Some(to)) = (self.find(from), self.place(from), self.place(to)) else { return };
        self.now[from.0].names().map(|names| names.remove(&from.1));
        self.now[to.0].names().map(|names| names.insert(to.1.clone(), object));
        self.changes.push(Change::Renamed { from, to, object });
    }

    pub(super) fn linked(&mut self, from: &Path, to: &Path) {
        let (Some(object), Some((directory, name))) = (self.find(from), self.place(to)) else { return };
        self.now[directory].names().map(|names| names.insert(name.clone(), object));
        self.changes.push(Change::Entered { directory, name, object });
    }

    pub(super) fn wrote(&mut self, path: &Path, offset: u64, bytes: &[u8]) {
        if let Some(file) = self.find(path) {
            self.changes.push(Change::Wrote { file, offset, bytes: bytes.to_vec() });
        }
    }

    pub(super) fn resized(&mut self, path: &Path, size: u64) {
        if let Some(file) = self.find(path) {
            self.changes.push(Change::Resized { file, size });
        }
    }

    pub(super) fn synced(&mut self, path: &Path) {
        if let Some(object) = self.find(path) {
            self.changes.push(Change::Synced { object });
        }
    }

    /// The last changes before a place, in words: what a failure is read from.
    #[must_use]
    pub fn tell(&self, at: usize, count: usize) -> Vec<String> {
        let first = at.saturating_sub(count);
        let told = (first..).zip(&self.changes[first..at]).map(|(number, change)| {
            let what = match change {
                Change::Wrote { file, offset, bytes } => {
                    format!("{} bytes at {offset} of {}", bytes.len(), self.paths[*file])
                }
                Change::Resized { file, size } => format!("{} is {size} bytes long", self.paths[*file]),
                Change::Synced { object } => format!("{} synced", self.paths[*object]),
                Change::Entered { object, .. } => format!("{} made", self.paths[*object]),
                Change::Left { directory, name } => format!("{name} removed from {}", self.paths[*directory]),
                Change::Renamed { to, object, .. } => format!("{} is now {}", self.paths[*object], to.1),
            };
            format!("{number}: {what}")
        });
        told.collect()
    }

    /// Makes in an empty directory what is left if the power fails after so many changes.
    pub fn lose(&self, at: usize, loss: Loss, random: &mut Random, target: &Path) {
        let mut left = self.start.clone();
        let mut last_sync = vec![0; left.len()];
        for (number, change) in self.changes[..at].iter().enumerate() {
            if let (Change::Synced { object }, true) = (change, self.honest) {
                last_sync[*object] = number;
            }
        }
        for (number, change) in self.changes[..at].iter().enumerate() {
            let is_safe = |object: Object| number < last_sync[object];
            match change {
                Change::Wrote { file, offset, bytes } => {
                    let safe = is_safe(*file);
                    for (start, piece) in sectors(*offset, bytes) {
                        if safe || loss.keeps_data(random) {
                            write(&mut left[*file], start, piece);
                        }
                    }
                }
                Change::Resized { file, size } if is_safe(*file) || loss.keeps_data(random) => {
                    resize(&mut left[*file], *size);
                }
                Change::Entered { directory, name, object } if is_safe(*directory) || loss.keeps_name(random) => {
                    left[*directory].names().map(|names| names.insert(name.clone(), *object));
                }
                Change::Left { directory, name } if is_safe(*directory) || loss.keeps_name(random) => {
                    left[*directory].names().map(|names| names.remove(name));
                }
                Change::Renamed { from, to, object } if is_safe(to.0) || loss.keeps_name(random) => {
                    let names = left[from.0].names();
                    names.map(|names| names.get(&from.1) == Some(object) && names.remove(&from.1).is_some());
                    left[to.0].names().map(|names| names.insert(to.1.clone(), *object));
                }
                _ => {}
            }
        }
        put_out(&left, ROOT, target);
    }
}

/// The parts of a write that reach the disk each by itself.
fn sectors(offset: u64, bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut rest = (offset, bytes);
    std::iter::from_fn(move || {
        let (start, bytes) = rest;
        let most = usize::try_from(SECTOR - start % SECTOR).unwrap_or(usize::MAX);
        let (piece, more) = bytes.split_at(most.min(bytes.len()));
        rest = (start + piece.len() as u64, more);
        (!piece.is_empty()).then_some((start, piece))
    })
}

fn write(content: &mut Content, offset: u64, bytes: &[u8]) {
    let Content::File(held) = content else { return };
    let start = usize::try_from(offset).unwrap();
    let end = start + bytes.len();
    if held.len() < end {
        held.resize(end, 0);
    }
    held[start..end].copy_from_slice(bytes);
}

fn resize(content: &mut Content, size: u64) {
    if let Content::File(held) = content {
        held.resize(usize::try_from(size).unwrap(), 0);
    }
}

fn take_in(path: &Path, objects: &mut Vec<Content>) -> Object {
    let object = objects.len();
    if !path.is_dir() {
        objects.push(Content::File(fs::read(path).unwrap()));
        return object;
    }
    objects.push(Content::Directory(BTreeMap::new()));
    for child in fs::read_dir(path).unwrap() {
        let child = child.unwrap();
        let taken = take_in(&child.path(), objects);
        let name = child.file_name().into_string().unwrap();
        objects[object].names().map(|names| names.insert(name, taken));
    }
    object
}

fn put_out(objects: &[Content], object: Object, path: &Path) {
    match &objects[object] {
        Content::File(bytes) => fs::write(path, bytes).unwrap(),
        Content::Directory(names) => {
            fs::create_dir_all(path).unwrap();
            for (name, child) in names {
                put_out(objects, *child, &path.join(name));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(journal: &Journal, loss: Loss) -> Vec<(String, Vec<u8>)> {
        let directory = tempfile::tempdir().unwrap();
        journal.lose(journal.len(), loss, &mut Random::new(1), directory.path());
        let mut files: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|child| child.unwrap().path())
            .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
            .collect();
        files.sort();
        files
    }

    fn journal() -> Journal {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("old"), b"before").unwrap();
        Journal::of(directory.path())
    }

    #[test]
    fn what_was_synced_stays_and_what_was_not_goes() {
        let mut journal = journal();
        journal.opened(Path::new("new"));
        journal.wrote(Path::new("new"), 0, b"content");
        assert_eq!(left(&journal, Loss::Everything), [("old".to_owned(), b"before".to_vec())]);
        journal.synced(Path::new("new"));
        assert_eq!(left(&journal, Loss::Everything).len(), 1, "its name is not");
        journal.synced(Path::new(""));
        journal.wrote(Path::new("old"), 0, b"after!");
        assert_eq!(
            left(&journal, Loss::Everything),
            [("new".to_owned(), b"content".to_vec()), ("old".to_owned(), b"before".to_vec())]
        );
        assert_eq!(left(&journal, Loss::Nothing)[1].1, b"after!");
        journal.honest = false;
        assert_eq!(left(&journal, Loss::Everything).len(), 1, "a disk that lies");
    }

    #[test]
    fn writes_are_torn_at_sectors_and_names_change_whole() {
        let mut journal = journal();
        journal.wrote(Path::new("old"), 500, &[7; 1_000]);
        journal.renamed(Path::new("old"), Path::new("new"));
        let directory = tempfile::tempdir().unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..64 {
            let target = directory.path().join(seed.to_string());
            journal.lose(journal.len(), Loss::Anything, &mut Random::new(seed), &target);
            let names: Vec<_> = fs::read_dir(&target).unwrap().map(|child| child.unwrap().file_name()).collect();
            assert_eq!(names.len(), 1, "one or the other");
            let bytes = fs::read(target.join(&names[0])).unwrap();
            let is_there = |at: usize| bytes.get(at) == Some(&7);
            assert_eq!(is_there(512), is_there(1_023), "a sector is whole");
            seen.insert((names[0] == "new", is_there(500), is_there(512), is_there(1_024)));
        }
        assert_eq!(seen.len(), 16, "whatever can be");
    }
}
