//! A directory for the command lines of one input, and the program run in it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::SystemTime;

use tempfile::TempDir;

/// How long a command may take, in seconds. `timeout` ends it then, with a status of its own.
const LONGEST: &str = "30";

/// What is run as `larder`.
pub struct Program {
    path: PathBuf,
    /// A variable that makes it `larder`.
    mark: &'static str,
}

impl Program {
    /// A program that becomes `larder` if this variable is set.
    pub(super) fn new(path: PathBuf, mark: &'static str) -> Self {
        Self { path, mark }
    }
}

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ran {
    /// None if a signal has ended it.
    pub(super) code: Option<i32>,
    pub(super) output: Vec<u8>,
    pub(super) error: Vec<u8>,
}

/// A directory with a few files, in which a cache can be made.
pub(super) struct Shelf<'a> {
    program: &'a Program,
    outside: TempDir,
    /// What there is besides the cache, and when it was changed.
    before: RefCell<BTreeMap<PathBuf, Option<SystemTime>>>,
}

impl<'a> Shelf<'a> {
    pub(super) fn new(program: &'a Program) -> Self {
        let outside = crate::temporary();
        let shelf = Self { program, outside, before: RefCell::default() };
        fs::create_dir_all(shelf.work().join("here")).unwrap();
        fs::write(shelf.work().join("file"), b"content\n").unwrap();
        fs::write(shelf.work().join("dump"), crate::dump::seed(1)).unwrap();
        fs::write(shelf.outside.path().join("secret"), b"what lies outside").unwrap();
        shelf.before.replace(shelf.list());
        shelf
    }

    /// Makes a cache with one entry of every kind, and a directory of python-diskcache.
    pub(super) fn fill(&self) {
        for words in [&["load", "dump"][..], &["export", "diskcache", "exported"]] {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            let ran = self.run(&words, &[]);
            assert_eq!(ran.code, Some(0), "{words:?}: {ran:?}");
            self.look(&words).expect("nothing else is made");
        }
    }

    /// Where commands are run.
    fn work(&self) -> PathBuf {
        self.outside.path().join("work")
    }

    /// Runs the program with these words to its end.
    pub(super) fn run(&self, words: &[OsString], input: &[u8]) -> Ran {
        let mut command = Command::new("timeout");
        command.args(["--signal=KILL", LONGEST]).arg(&self.program.path).args(words);
        command.env(self.program.mark, "1").env("LARDER_DIR", self.work().join("cache"));
        command.current_dir(self.work()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started, by `timeout` of the GNU coreutils");
        let mut stdin = child.stdin.take().unwrap();
        thread::scope(|scope| {
            // A program that does not want it reads nothing.
            scope.spawn(move || stdin.write_all(input));
            let ended = child.wait_with_output().unwrap();
            Ran { code: ended.status.code(), output: ended.stdout, error: ended.stderr }
        })
    }

    /// Whether a command has made, changed or removed nothing but the cache and what its words name.
    pub(super) fn look(&self, words: &[OsString]) -> Result<(), String> {
        let now = self.list();
        let before = self.before.replace(now.clone());
        let named: Vec<PathBuf> =
            words.iter().filter_map(|word| named(word)).map(|path| self.work().join(path)).collect();
        let is_named = |path: &Path| named.iter().any(|named| path.starts_with(named) || named.starts_with(path));
        let all = now.keys().chain(before.keys());
        match all.into_iter().find(|path| now.get(*path) != before.get(*path) && !is_named(path)) {
            Some(path) => Err(format!("{} was made, changed or removed", path.display())),
            None => Ok(()),
        }
    }

    fn list(&self) -> BTreeMap<PathBuf, Option<SystemTime>> {
        let mut all = BTreeMap::new();
        list(self.outside.path(), &self.work().join("cache"), &mut all);
        all
    }
}

/// The path that a word may name: all of it, or what follows an option's name.
fn named(word: &OsStr) -> Option<PathBuf> {
    let text = word.to_string_lossy();
    let path = text.strip_prefix("--").and_then(|option| option.split_once('=')).map_or(&*text, |(_, value)| value);
    (!path.is_empty()).then(|| PathBuf::from(path))
}

/// Files with the time of their last change, and directories, whose times say nothing.
fn list(directory: &Path, except: &Path, all: &mut BTreeMap<PathBuf, Option<SystemTime>>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if path == except {
            continue;
        }
        if metadata.is_dir() {
            list(&path, except, all);
        }
        all.insert(path, metadata.is_file().then(|| metadata.modified().unwrap()));
    }
}
