//! The command line `larder`, run as a program.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests, though not each function is one")]

mod arguments;
mod collections;
mod dump;
mod entries;
mod faults;
mod keys;
mod maintenance;
mod operations;
#[cfg(target_os = "linux")]
mod reshard;
mod run;
mod settings;
#[cfg(target_os = "linux")]
mod steps;
mod support;
mod turns;
#[cfg(target_os = "linux")]
mod unwritable;
mod values;
