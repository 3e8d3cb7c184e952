//! A platform for tests: a clock that is set by hand, seeded randomness, and SQLite's own files.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

use crate::error::{Error, Result};
use crate::platform::{Platform, RangeLocks, Sharing};

/// Surroundings under the control of a test. One owner at a time, by lease.
#[derive(Debug)]
pub struct TestPlatform {
    wall: Cell<i64>,
    monotonic: Cell<u64>,
    random: Cell<u64>,
}

impl TestPlatform {
    /// A platform at some time in 2026.
    #[must_use]
    pub fn new() -> Rc<Self> {
        Self::seeded(1)
    }

    /// A platform with other random numbers.
    #[must_use]
    pub fn seeded(seed: u64) -> Rc<Self> {
        Rc::new(Self { wall: Cell::new(1_795_000_000_000), monotonic: Cell::new(1_000_000), random: Cell::new(seed) })
    }

    /// Lets time pass on both clocks.
    pub fn advance(&self, milliseconds: u32) {
        self.wall.set(self.wall.get() + i64::from(milliseconds));
        self.monotonic.set(self.monotonic.get() + u64::from(milliseconds));
    }

    /// Moves the wall clock alone, as an administrator does.
    pub fn set_wall_clock(&self, by_ms: i64) {
        self.wall.set(self.wall.get() + by_ms);
    }
}

impl Platform for TestPlatform {
    fn wall_ms(&self) -> i64 {
        self.wall.get()
    }

    fn monotonic_ms(&self) -> u64 {
        self.monotonic.get()
    }

    /// SplitMix64, <https://prng.di.unimi.it/splitmix64.c>.
    fn random(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn sleep_ms(&self, milliseconds: u64) {
        self.advance(u32::try_from(milliseconds).unwrap_or(u32::MAX));
    }

    fn vfs(&self) -> Option<&str> {
        None
    }

    fn sharing(&self) -> Sharing {
        Sharing::Lease
    }

    fn open_locks(&self, _: &Path) -> Result<Box<dyn RangeLocks>> {
        Err(Error::Io("a lease needs no locks".into()))
    }

    fn take_damage(&self) -> Option<String> {
        None
    }

    fn take_failure(&self) -> Option<Error> {
        None
    }
}
