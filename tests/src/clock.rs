//! A wall clock that tests can move.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime_wasi::HostWallClock;

/// Where it begins, in milliseconds.
const START: u64 = 1_795_000_000_000;

/// The wall clock of a component; clones are the same clock. It stands until it is moved.
#[derive(Debug, Clone)]
pub struct Clock(Arc<AtomicU64>);

impl Default for Clock {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(START)))
    }
}

impl Clock {
    /// Lets time pass.
    pub fn advance(&self, milliseconds: u32) {
        self.0.fetch_add(milliseconds.into(), Ordering::Relaxed);
    }

    /// The time, in milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets it back, as an administrator does.
    pub fn turn_back(&self, milliseconds: u32) {
        self.0.fetch_sub(milliseconds.into(), Ordering::Relaxed);
    }
}

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}
