//! What a store watches, so that what runs in it keeps to its limits.

use std::time::{Duration, Instant};

use wasmtime::{ResourceLimiter, UpdateDeadline};

/// Notes how large memories have become, and limits them.
pub(super) struct MemoryWatch {
    pub(super) largest: usize,
    limit: usize,
    /// Whether the call has asked for more.
    pub(super) exceeded: bool,
}

impl MemoryWatch {
    pub(super) fn new(limit: usize) -> Self {
        Self { largest: 0, limit, exceeded: false }
    }
}

impl ResourceLimiter for MemoryWatch {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let granted = desired <= self.limit;
        if granted {
            self.largest = self.largest.max(desired);
        }
        self.exceeded |= !granted;
        Ok(granted)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }
}

/// What the call that is running may take of time.
#[derive(Default)]
pub(super) struct TimeWatch {
    limit: Duration,
    /// When it has to end; none for never.
    end: Option<Instant>,
}

impl TimeWatch {
    pub(super) fn begin(limit: Option<Duration>) -> Self {
        // An end beyond what the clock can express is never.
        let end = limit.and_then(|limit| Instant::now().checked_add(limit));
        Self { limit: limit.unwrap_or_default(), end }
    }

    /// What is to come of code that looks at the time.
    pub(super) fn look(&self) -> wasmtime::Result<UpdateDeadline> {
        match self.end {
            Some(end) if Instant::now() >= end => Err(TimeIsOver(self.limit).into()),
            _ => Ok(UpdateDeadline::Continue(1)),
        }
    }
}

/// Why a call was ended: its time was over.
#[derive(Debug, thiserror::Error)]
#[error("the time of the call is over")]
pub(super) struct TimeIsOver(pub(super) Duration);
