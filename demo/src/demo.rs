//! The demo from beginning to end.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use bytesize::ByteSize;
use larder::Cache;
use tempfile::TempDir;

use crate::checks::Checks;
use crate::stages::{crash, evict, inspect, read, reopen, store};
use crate::table::Measurements;
use crate::tree::{Bounds, SourceTree};

/// Over how many databases the entries are spread, so that writers wait less for each other.
const SHARDS: u32 = 4;

/// What the stages work with.
pub(crate) struct Demo {
    /// The files.
    pub(crate) tree: SourceTree,
    /// The directory of the cache.
    pub(crate) cache: PathBuf,
    /// How many entries there have to be.
    pub(crate) entries: u64,
    /// What was claimed.
    pub(crate) checks: Checks,
    /// What was measured.
    pub(crate) measurements: Measurements,
}

/// Runs the demo. Returns whether every check held.
pub(crate) fn run(directory: Option<PathBuf>, cache: Option<PathBuf>, bounds: Bounds) -> Result<bool> {
    let tree = SourceTree::find(directory, bounds)?;
    say(&format!("{} files, {}, in {}", tree.files.len(), ByteSize(tree.bytes()), tree.root.display()));
    for line in tree.left_out.lines() {
        say(&line);
    }
    let place = Place::new(cache)?;
    create(&place.path, tree.bytes())?;
    say(&format!("caching them in {}", place.path.display()));

    let cache = place.path.clone();
    let mut demo = Demo { tree, cache, entries: 0, checks: Checks::default(), measurements: Measurements::default() };
    demo.run();
    demo.measurements.print();
    say(if demo.checks.all_held() { "every check held" } else { "NOT every check held" });
    Ok(demo.checks.all_held())
}

impl Demo {
    fn run(&mut self) {
        self.stage("storing", store::run);
        self.stage("reading back", read::run);
        self.stage("evicting a tag", evict::run);
        self.stage("killing a writer", crash::run);
        self.stage("reopening", reopen::run);
        self.stage("native SQLite", inspect::run);
    }

    fn stage(&mut self, name: &str, stage: fn(&mut Self) -> Result<()>) {
        let outcome = stage(self);
        self.checks.note_error(name, outcome);
    }

    /// Opens the cache as one more user, with an instance of its own.
    pub(crate) fn join(&self) -> Result<Cache> {
        Ok(Cache::builder().create(false).instances(1).open(&self.cache)?)
    }
}

/// Makes the cache, so large that nothing has to be evicted although some files are stored twice
/// and do not spread evenly over the shards.
fn create(directory: &Path, bytes: u64) -> Result<()> {
    let limit = bytes.saturating_mul(8).saturating_add(1 << 30);
    let cache = Cache::builder().shards(SHARDS).size_limit(limit).open(directory)?;
    cache.close()?;
    Ok(())
}

/// Where the cache is.
struct Place {
    path: PathBuf,
    /// Around the cache, unless it is to be kept.
    _temporary: Option<TempDir>,
}

impl Place {
    fn new(kept: Option<PathBuf>) -> Result<Self> {
        let Some(path) = kept else {
            let directory =
                tempfile::Builder::new().prefix("larder-demo-").tempdir().context("a temporary directory")?;
            return Ok(Self { path: directory.path().join("cache"), _temporary: Some(directory) });
        };
        let entries = fs::read_dir(&path).map_or(0, Iterator::count);
        ensure!(entries == 0, "{} is not empty: the demo begins with a new cache", path.display());
        Ok(Self { path, _temporary: None })
    }
}

fn say(text: &str) {
    anstream::println!("{text}");
}
