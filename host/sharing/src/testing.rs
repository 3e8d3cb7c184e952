//! What the tests of several modules need.

use std::process::{Child, ChildStdout, Command, Stdio};

use std::io::{BufRead, BufReader};

use crate::{Directory, OpenMode, SharedFile};

/// A temporary directory to open files in, gone with the value.
pub(crate) struct Place {
    pub(crate) temporary: tempfile::TempDir,
    pub(crate) directory: Directory,
}

impl Place {
    pub(crate) fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let directory = Directory::open(temporary.path()).unwrap();
        Self { temporary, directory }
    }

    /// Opens a file by the usual name.
    pub(crate) fn file(&self) -> SharedFile {
        SharedFile::open_beneath(&self.directory, "file", OpenMode::Create).unwrap()
    }

    /// Opens a file by the usual name, `size` bytes long.
    pub(crate) fn sized(&self, size: u64) -> SharedFile {
        let file = self.file();
        file.resize(size).unwrap();
        file
    }
}

/// Names, to a test that runs itself again, the directory to play the second process in.
const SECOND_PROCESS: &str = "LARDER_TEST_SECOND_PROCESS";

/// The directory to work in, if this is the second process of a test.
pub(crate) fn second_process() -> Option<Directory> {
    let path = std::env::var_os(SECOND_PROCESS)?;
    Some(Directory::open(path).unwrap())
}

/// Runs the test of the given full name again, in a process of its own.
pub(crate) fn spawn_second_process(place: &Place, test: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(SECOND_PROCESS, place.temporary.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until the second process prints a line that ends with `word`.
pub(crate) fn await_word(output: &mut BufReader<ChildStdout>, word: &str) {
    let mut line = String::new();
    while !line.trim_end().ends_with(word) {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "no {word}");
    }
}
