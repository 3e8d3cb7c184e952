//! A directory for each test, and the program run on it.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_larder");

/// A temporary directory in which a cache can be made.
pub(crate) struct Shelf {
    directory: TempDir,
}

impl Shelf {
    /// An empty one: there is no cache yet.
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// A path beside the cache.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Where the cache is, once there is one.
    pub(crate) fn cache(&self) -> PathBuf {
        self.path("cache")
    }

    /// The program, about to work on the cache.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        self.prepared(Command::new(PROGRAM), arguments)
    }

    /// The program as from a terminal: signals end it, also where whoever runs the tests ignores them.
    #[cfg(target_os = "linux")]
    pub(crate) fn in_foreground<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        self.prepared(by_env("--default-signal=HUP,INT,TERM"), arguments)
    }

    /// The program as `nohup` starts it, and a script in its background.
    #[cfg(target_os = "linux")]
    pub(crate) fn in_background<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        self.prepared(by_env("--ignore-signal=HUP,INT"), arguments)
    }

    fn prepared<A: AsRef<OsStr>>(&self, mut program: Command, arguments: impl IntoIterator<Item = A>) -> Command {
        program.env("LARDER_DIR", self.cache()).current_dir(self.directory.path()).stdin(Stdio::null()).args(arguments);
        program
    }

    /// Runs the program to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// Runs the program with something on its standard input.
    pub(crate) fn run_with_input<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>, input: &[u8]) -> Ran {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that refuses its arguments reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input);
        Ran::of(child.wait_with_output().unwrap())
    }

    /// Runs the program, which must succeed, and returns its output as text.
    pub(crate) fn ok<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{}", ran.error);
        ran.text()
    }

    /// Runs the program, which must succeed, and returns its output as JSON.
    pub(crate) fn json<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Value {
        serde_json::from_str(&self.ok(arguments)).unwrap()
    }
}

/// The program, which `env` of the GNU coreutils becomes once it has done something about signals: in the
/// standard library only unsafe code could, between `fork` and `exec`.
#[cfg(target_os = "linux")]
fn by_env(signals: &str) -> Command {
    let mut env = Command::new("env");
    env.args([signals, PROGRAM]);
    env
}

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) output: Vec<u8>,
    pub(crate) error: String,
}

impl Ran {
    /// What a program has put out that is over.
    pub(crate) fn of(output: Output) -> Self {
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        Self { code: output.status.code().unwrap(), output: output.stdout, error }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.output.clone()).unwrap()
    }

    /// Asserts that it failed like this, saying this, and put out nothing.
    pub(crate) fn assert_failed(&self, code: i32, saying: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.error.contains(saying), "{self:?}");
        assert!(self.output.is_empty(), "{self:?}");
    }
}

/// Every byte there is, twice, in different company.
pub(crate) fn all_bytes() -> Vec<u8> {
    (0..=u8::MAX).chain((0..=u8::MAX).rev()).collect()
}

/// The lines of a file; none if it is not there.
pub(crate) fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}
