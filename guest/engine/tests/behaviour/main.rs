//! The behaviour of a cache, through its public interface, on this machine's own files.

mod damage;
mod entries;
mod expiry;
mod limits;
mod model;
mod opening;
mod owners;
mod scans;
mod shared;
mod support;
mod value_files;
