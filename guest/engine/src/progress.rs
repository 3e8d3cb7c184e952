//! Work that is done in steps.

/// How far long work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Entries looked at so far.
    pub done: u64,
    /// Entries there were at the beginning.
    pub total: u64,
    /// Whether nothing is left to do.
    pub finished: bool,
}
