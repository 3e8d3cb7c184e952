//! Fuzz targets: code that takes any bytes for an input, does what they say, and panics only if Larder has
//! done something it must not.
//!
//! | module | what the bytes are |
//! |---|---|
//! | [`operations`] | calls of all that the WIT package offers, with wild arguments |
//! | [`calls`] | calls of the component, with arguments after their types |
//! | [`database`] | damage to the databases, logs, value files and leases of a directory |
//! | [`import`] | a directory of python-diskcache with rows of any type, and damage to it |
//! | [`dump`] | a dump |
//! | [`cli`] | command lines with wild arguments, each run in the same directory |
//! | `draw`, `files` | how an input becomes choices, and what becomes of files |
//!
//! `cargo xtask fuzz` runs them under libFuzzer, which looks for inputs that reach new code; the tests of this
//! crate run each with inputs from a seed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a panic is how a target tells that something is wrong"
)]

#[cfg(feature = "host")]
pub mod calls;
#[cfg(feature = "host")]
pub mod cli;
pub mod database;
mod draw;
#[cfg(feature = "host")]
pub mod dump;
mod files;
pub mod import;
pub mod operations;
mod smoke;

pub use smoke::smoke;

/// A directory for one input: in memory, where there is such a place, because so many are made.
fn temporary() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Gives libFuzzer something to begin with: writes inputs to the directory that `LARDER_FUZZ_SEEDS` names.
pub fn plant(seeds: fn() -> Vec<Vec<u8>>) {
    let Some(directory) = std::env::var_os("LARDER_FUZZ_SEEDS") else { return };
    let directory = std::path::PathBuf::from(directory);
    for (number, seed) in seeds().iter().enumerate() {
        std::fs::write(directory.join(format!("seed-{number}")), seed).unwrap();
    }
}
