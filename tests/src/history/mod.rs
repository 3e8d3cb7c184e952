//! Histories: what many clients in many processes have done to a cache, what came of it, and whether
//! that can have been.

pub mod check;
pub mod client;
mod content;
pub mod event;
pub mod log;
pub mod operation;
pub mod plan;
pub mod subject;
mod workload;
