//! What the demo does, one module for each stage.

pub(crate) mod crash;
pub(crate) mod evict;
pub(crate) mod inspect;
pub(crate) mod read;
pub(crate) mod reopen;
pub(crate) mod store;

use std::thread::ScopedJoinHandle;

use anyhow::{Result, anyhow};

/// What a thread has found out.
fn joined<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|_| Err(anyhow!("a thread panicked")))
}
