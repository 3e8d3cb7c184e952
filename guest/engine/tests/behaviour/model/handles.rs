//! The handles through which the cache is used: one, or two of a directory that is shared, in turn.

use std::path::Path;
use std::rc::Rc;

use larder_engine::testing::{LockTable, TestPlatform};
use larder_engine::{Cache, OpenOptions};
use tempfile::TempDir;

use crate::journals::journals;
use crate::support::open;

pub(super) struct Handles {
    directory: TempDir,
    /// A platform of its own for each, as in processes of their own.
    platforms: Vec<Rc<TestPlatform>>,
    caches: Vec<Cache>,
    /// Whose turn it is.
    turn: usize,
}

impl Handles {
    /// If there are two, queues are biased from the first use on.
    pub(super) fn new(options: &OpenOptions, two: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let platforms = if two { sharing() } else { vec![TestPlatform::new()] };
        let mut handles = Self { directory, platforms, caches: Vec::new(), turn: 0 };
        handles.open(options);
        handles
    }

    fn open(&mut self, options: &OpenOptions) {
        let all = self.platforms.iter().map(|platform| open(self.directory.path(), options, platform).unwrap());
        self.caches = all.collect();
    }

    /// Closes all and opens them with other options.
    pub(super) fn reopen(&mut self, options: &OpenOptions) {
        self.caches.iter_mut().for_each(|cache| cache.close().unwrap());
        self.open(options);
    }

    /// The one whose turn it is.
    pub(super) fn cache(&mut self) -> &mut Cache {
        &mut self.caches[self.turn]
    }

    pub(super) fn are_two(&self) -> bool {
        self.caches.len() > 1
    }

    /// From now on it is the turn of the other, if there is one.
    pub(super) fn take_turns(&mut self) {
        self.turn = (self.turn + 1) % self.caches.len();
    }

    /// Takes from all journals what is in them, which no cache can bear.
    pub(super) fn lose_notes(&self) {
        for path in journals(self.path()) {
            std::fs::write(path, b"").unwrap();
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// By the wall clock, in milliseconds.
    pub(super) fn now(&self) -> u64 {
        use larder_engine::Platform;
        u64::try_from(self.platforms[0].wall_us() / 1000).unwrap()
    }

    pub(super) fn advance(&self, milliseconds: u32) {
        self.platforms.iter().for_each(|platform| platform.advance(milliseconds));
    }

    pub(super) fn set_wall_clock(&self, by: i64) {
        self.platforms.iter().for_each(|platform| platform.set_wall_clock(by));
    }
}

fn sharing() -> Vec<Rc<TestPlatform>> {
    let table = LockTable::new();
    let platforms = [1, 2].map(|seed| TestPlatform::sharing(&table, seed, true));
    for platform in &platforms {
        platform.set_bias_from(0);
    }
    platforms.to_vec()
}
