//! Directories written by the real python-diskcache.
//!
//! They are made with the interpreter that `LARDER_PYTHON` names, or `python3`; it needs
//! diskcache 5.6.3.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this crate is a test, the functions that the tests share as well"
)]

mod export;
mod import;
mod refusals;
mod support;
