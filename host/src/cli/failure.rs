//! Why a command failed, in words, as JSON and as an exit status.

use std::io;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};

use crate::cli::json;

/// The command line asked for something that can not be.
const USAGE: u8 = 2;
/// Anything else.
const FAILED: u8 = 3;
/// What shells return for a command that can not be executed.
const NOT_EXECUTABLE: u8 = 126;
/// What shells return for a command that was not found.
const NOT_FOUND: u8 = 127;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line asks for something that can not be.
    #[error("{0}")]
    Usage(String),
    /// The cache refused.
    #[error("{0}")]
    Cache(#[from] larder::Error),
    /// The cache refused to go on.
    #[error("{done}, then: {source}")]
    Partly {
        /// What was done before.
        done: String,
        /// Why it went no further.
        source: larder::Error,
    },
    /// There is no cache, and the command makes none.
    #[error("there is no cache in {}", .0.display())]
    NoCache(PathBuf),
    /// No directory was named, and there is no home to have one in.
    #[error("no directory for the cache: the user has no home directory")]
    NoHome,
    /// A value could not be read.
    #[error("reading {what}: {source}")]
    Input {
        /// From where.
        what: String,
        /// What the system reported.
        source: io::Error,
    },
    /// A dump could not be written or read.
    #[error("{0}")]
    Dump(#[source] larder::dump::Error),
    /// Standard output or standard error could not be written.
    #[error("writing the output: {0}")]
    Output(#[source] io::Error),
    /// The command to be run could not be started.
    #[error("starting {command}: {source}")]
    Start {
        /// Its name.
        command: String,
        /// What the system reported.
        source: io::Error,
    },
    /// The command to be run was lost sight of.
    #[error("running the command: {0}")]
    Run(#[source] io::Error),
}

impl Failure {
    /// Whether the output has nobody left to read it.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        match self {
            Self::Output(error) | Self::Dump(larder::dump::Error::Write { source: error, .. }) => {
                error.kind() == io::ErrorKind::BrokenPipe
            }
            _ => false,
        }
    }

    /// Prints it on standard error. Returns the exit status.
    pub(crate) fn report(&self, as_json: bool) -> u8 {
        if as_json {
            let error = json::Failure { error: self.name(), message: self.to_string() };
            if let Ok(line) = serde_json::to_string(&error) {
                anstream::eprintln!("{line}");
            }
        } else {
            anstream::eprintln!("{ERROR}larder:{ERROR:#} {self}");
            if let Some(hint) = self.hint() {
                anstream::eprintln!("{HINT}hint:{HINT:#} {hint}");
            }
        }
        self.status()
    }

    fn status(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Cache(larder::Error::InvalidArgument(_)) => USAGE,
            Self::Start { source, .. } if source.kind() == io::ErrorKind::NotFound => NOT_FOUND,
            Self::Start { .. } => NOT_EXECUTABLE,
            _ => FAILED,
        }
    }

    /// A name for programs to tell failures apart: that of the WIT package where it has one.
    fn name(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::Cache(error) | Self::Partly { source: error, .. } => cache_error_name(error),
            Self::NoCache(_) => "not-found",
            Self::NoHome => "no-home",
            Self::Dump(_) => "dump",
            Self::Input { .. } | Self::Output(_) | Self::Run(_) => "io",
            Self::Start { .. } => "start",
        }
    }

    /// What to do next, where that is not obvious.
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoCache(_) => Some("`larder init` and `larder set` make one; --dir or LARDER_DIR names another"),
            Self::NoHome => Some("name a directory with --dir or LARDER_DIR"),
            Self::Cache(error) | Self::Partly { source: error, .. } => match error {
                larder::Error::Timeout(_) => Some("others are using the cache; --wait waits longer"),
                larder::Error::Full(_) => {
                    Some("`larder evict` makes room; `larder init` changes the limits and what is evicted")
                }
                larder::Error::WrongType(_) => Some("store numbers with `larder set --type integer`"),
                larder::Error::Corrupt(_) => {
                    Some("`larder check` lists what is damaged; removing the whole directory starts anew")
                }
                larder::Error::UnsupportedFormat(_) => Some("name another directory with --dir or LARDER_DIR"),
                _ => None,
            },
            _ => None,
        }
    }
}

fn cache_error_name(error: &larder::Error) -> &'static str {
    match error {
        larder::Error::Timeout(_) => "timeout",
        larder::Error::Locked(_) => "locked",
        larder::Error::Full(_) => "full",
        larder::Error::TooLarge { .. } => "too-large",
        larder::Error::WrongType(_) => "wrong-type",
        larder::Error::Overflow(_) => "overflow",
        larder::Error::OutOfRange(_) => "out-of-range",
        larder::Error::InvalidArgument(_) => "invalid-argument",
        larder::Error::ReadOnly(_) => "read-only",
        larder::Error::NotFound(_) => "not-found",
        larder::Error::PermissionDenied(_) => "permission-denied",
        larder::Error::Corrupt(_) => "corrupt",
        larder::Error::UnsupportedFormat(_) => "unsupported-format",
        larder::Error::Closed => "closed",
        larder::Error::NotHeld(_) => "not-held",
        larder::Error::Conflict(_) => "conflict",
        larder::Error::Io(_) => "io",
        larder::Error::Encoding(_) => "encoding",
        larder::Error::TimeLimit(_) => "time-limit",
        larder::Error::MemoryLimit(_) => "memory-limit",
        larder::Error::Engine(_) => "engine",
        _ => "failed",
    }
}
