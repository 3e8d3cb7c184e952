//! The behaviour of a cache, through its public interface, on this machine's own files.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this crate is a test, the functions that the tests share as well"
)]

mod biases;
mod collections;
mod damage;
mod endless;
mod entries;
mod expiry;
mod journals;
mod limits;
mod maintenance;
mod memo;
mod model;
mod opening;
mod owners;
mod queues;
mod recipes;
mod reshard;
mod scans;
mod shared;
mod silence;
mod stale;
mod steps;
mod streams;
mod support;
mod tombstones;
mod transactions;
mod unsure;
mod value_files;
