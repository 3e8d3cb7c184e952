//! The directories that are damaged: made once, copied for every case.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use larder_tests::component::types::{Error, Key, Side, Value};
use larder_tests::component::wit::OpenOptions;
use larder_tests::component::{Host, Instance, World, changes, plain, tagged, with};
use tempfile::TempDir;

/// Entries of a template.
pub(crate) const ENTRIES: i64 = 24;
/// Values from this length on have files of their own.
const INLINE_THRESHOLD: u32 = 4096;
/// How long an owner of a lease is given; short, because cases wait for it.
const LEASE_MS: u32 = 100;

/// How a template was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Closed: no log, a lease that is let go.
    Closed,
    /// As by a process that was killed: with a log, its index, and a lease that is held.
    Killed,
}

/// A directory to copy.
pub(crate) struct Template {
    pub(crate) world: World,
    pub(crate) shards: u32,
    pub(crate) left: Left,
    directory: TempDir,
    /// The logs when it was half made.
    old_logs: Vec<(PathBuf, Vec<u8>)>,
}

impl Template {
    pub(crate) fn new(world: World, shards: u32, left: Left) -> Self {
        let live = tempfile::tempdir().unwrap();
        let settings = larder_tests::component::wit::Changes { inline_threshold: Some(INLINE_THRESHOLD), ..changes() };
        let options = OpenOptions { shards: Some(shards), lease_ms: Some(LEASE_MS), ..with(settings) };
        let mut cache = Host::of(world).open(live.path(), options).unwrap();
        fill(&mut cache, 0..ENTRIES / 2).unwrap();
        let logs = larder_tests::files(live.path(), "-wal").into_iter();
        let old_logs = logs.map(|log| (below(live.path(), &log), fs::read(&log).unwrap())).collect();
        fill(&mut cache, ENTRIES / 2..ENTRIES).unwrap();
        collect(&mut cache).unwrap();
        let directory = match left {
            Left::Closed => {
                cache.close().unwrap();
                live
            }
            Left::Killed => {
                let snapshot = tempfile::tempdir().unwrap();
                copy_tree(live.path(), snapshot.path());
                snapshot
            }
        };
        let draft = directory.path().join("draft-00000077/shard-000");
        fs::create_dir_all(&draft).unwrap();
        fs::write(draft.join("cache.db"), "half a database").unwrap();
        Self { world, shards, left, directory, old_logs }
    }

    /// Every file, by its path in the directory; of the value files only the first two.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut values = 0;
        let all = larder_tests::files(self.directory.path(), "");
        let kept = all.into_iter().filter(|path| {
            let is_value = path.components().any(|part| part.as_os_str() == "values");
            values += u32::from(is_value);
            !is_value || values <= 2
        });
        kept.map(|path| below(self.directory.path(), &path)).collect()
    }

    /// Every value file, by its path in the directory.
    pub(crate) fn value_files(&self) -> Vec<PathBuf> {
        let files = larder_tests::value_files(self.directory.path()).into_iter();
        files.map(|path| below(self.directory.path(), &path)).collect()
    }

    /// Every directory in it, by its path; of those that value files are in only the first.
    pub(crate) fn directories(&self) -> Vec<PathBuf> {
        let (mut found, mut pending) = (Vec::new(), vec![self.directory.path().to_owned()]);
        while let Some(next) = pending.pop() {
            let children = fs::read_dir(&next).unwrap().map(|child| child.unwrap().path());
            let mut directories: Vec<PathBuf> = children.filter(|child| child.is_dir()).collect();
            directories.sort();
            directories.truncate(if next.ends_with("values") { 1 } else { usize::MAX });
            found.extend(directories.iter().map(|directory| below(self.directory.path(), directory)));
            pending.extend(directories);
        }
        found
    }

    /// The log of each shard, and what was in it when the directory was half made.
    pub(crate) fn old_logs(&self) -> &[(PathBuf, Vec<u8>)] {
        &self.old_logs
    }

    /// What a file holds.
    pub(crate) fn content(&self, file: &Path) -> Vec<u8> {
        fs::read(self.directory.path().join(file)).unwrap()
    }

    /// A copy to damage.
    pub(crate) fn copy(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_tree(self.directory.path(), copy.path());
        copy
    }

    /// Opens a copy.
    pub(crate) fn open(&self, directory: &Path) -> Result<Instance, Error> {
        let options = OpenOptions { create: false, wait_ms: Some(2_000), lease_ms: Some(LEASE_MS), ..with(changes()) };
        Host::of(self.world).open(directory, options)
    }
}

/// What an entry has as its value: every part tells which entry it belongs to.
pub(crate) fn value(number: i64) -> Value {
    let text = format!("{number}-");
    match number % 4 {
        0 => Value::Bytes(text.into_bytes().repeat(2_000)),
        1 => Value::Text(text.repeat(20)),
        2 => Value::Integer(number * 1_000_003),
        _ => Value::Text(text.repeat(if number == 3 { 150_000 } else { 1_200 })),
    }
}

pub(crate) fn key(number: i64) -> Key {
    Key::Integer(number)
}

/// Where something is in a directory.
fn below(directory: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(directory).unwrap().to_owned()
}

fn fill(cache: &mut Instance, numbers: Range<i64>) -> Result<(), Error> {
    for number in numbers {
        cache.set(&key(number), &value(number), &tagged(&["all"]))?;
    }
    Ok(())
}

fn collect(cache: &mut Instance) -> Result<(), Error> {
    for number in 0..4 {
        cache.push("jobs", &Value::Integer(number), Side::Back, &plain())?;
    }
    let deque = cache.deque("recent")?;
    cache.with(|guest, store| guest.deque().call_push(store, deque, &[value(1)], Side::Back))?;
    cache.let_go(deque);
    Ok(())
}

pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for child in fs::read_dir(from).unwrap() {
        let child = child.unwrap();
        let target = to.join(child.file_name());
        if child.file_type().unwrap().is_dir() {
            copy_tree(&child.path(), &target);
        } else {
            fs::copy(child.path(), target).unwrap();
        }
    }
}
