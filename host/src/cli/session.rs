//! What a command works with: the directory, and how to speak.

use std::path::{Path, PathBuf};
use std::time::Duration;

use larder::{Cache, CacheBuilder, Error};
use serde::Serialize;

use crate::cli::arguments::Global;
use crate::cli::failure::Failure;
use crate::cli::output;

/// One run of the program.
pub(crate) struct Session {
    /// None if none was named and the user has no home.
    directory: Option<PathBuf>,
    wait: Option<Duration>,
    json: bool,
    quiet: bool,
}

impl Session {
    /// Settles where the cache is.
    pub(crate) fn new(global: Global) -> Self {
        let Global { dir, json, wait, quiet } = global;
        let directory = dir.or_else(|| larder::user_cache().map(|caches| caches.join("larder").join("default")));
        Self { directory, wait, json, quiet }
    }

    /// Where the cache is, or would be.
    pub(crate) fn directory(&self) -> Result<&Path, Failure> {
        self.directory.as_deref().ok_or(Failure::NoHome)
    }

    /// How long to wait for others, if that was said.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.wait
    }

    /// Whether data is to be printed as JSON.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// How every command opens the cache.
    pub(crate) fn builder(&self) -> CacheBuilder {
        let builder = Cache::builder();
        match self.wait {
            Some(wait) => builder.wait(wait),
            None => builder,
        }
    }

    /// Opens the cache, making it if there is none.
    pub(crate) fn open_or_create(&self) -> Result<Cache, Failure> {
        Ok(self.builder().open(self.directory()?)?)
    }

    /// Opens a cache that must exist.
    pub(crate) fn open(&self) -> Result<Cache, Failure> {
        self.open_existing(self.builder().create(false))
    }

    /// Opens a cache that must exist and may be one that can only be read.
    pub(crate) fn open_to_read(&self) -> Result<Cache, Failure> {
        self.open_to_read_with(|builder| builder)
    }

    /// [`Session::open_to_read`], with something more to be said of how.
    pub(crate) fn open_to_read_with(&self, with: impl Fn(CacheBuilder) -> CacheBuilder) -> Result<Cache, Failure> {
        match self.open_existing(with(self.builder().create(false))) {
            Err(Failure::Cache(Error::ReadOnly(_) | Error::PermissionDenied(_))) => {
                self.open_existing(with(self.builder().read_only(true)))
            }
            outcome => outcome,
        }
    }

    fn open_existing(&self, builder: CacheBuilder) -> Result<Cache, Failure> {
        self.existing(|directory| builder.open(directory))
    }

    /// Does something with a directory in which there must be a cache.
    pub(crate) fn existing<T>(&self, work: impl FnOnce(&Path) -> larder::Result<T>) -> Result<T, Failure> {
        let directory = self.directory()?;
        work(directory).map_err(|error| match error {
            Error::NotFound(_) => Failure::NoCache(directory.to_owned()),
            error => Failure::Cache(error),
        })
    }

    /// Says what was done: in JSON always, in words unless told to be quiet.
    pub(crate) fn confirm(&self, data: &impl Serialize, words: &str) -> Result<(), Failure> {
        match (self.json, self.quiet) {
            (true, _) => output::json(data),
            (false, true) => Ok(()),
            (false, false) => output::line(words),
        }
    }

    /// Prints data as JSON if that was asked for.
    pub(crate) fn confirm_json(&self, data: &impl Serialize) -> Result<(), Failure> {
        if self.json { output::json(data) } else { Ok(()) }
    }

    /// Says on standard error what did not go as it should, but is no failure.
    pub(crate) fn warn(&self, text: &str) {
        if !self.quiet {
            anstream::eprintln!("larder: {text}");
        }
    }
}
