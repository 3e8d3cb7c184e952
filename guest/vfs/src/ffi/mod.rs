//! The C side: tables of functions for SQLite, which translate its calls to safe ones.

mod file;
#[cfg(target_family = "wasm")]
mod platform;
mod vfs;

pub(crate) use self::vfs::register;
