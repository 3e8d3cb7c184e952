//! What becomes of a cache when its files fail it: faults at every call, and losses of power.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop where something is wrong")]

mod faults;
mod loss;
