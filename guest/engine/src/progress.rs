//! How far long work has come.

/// How far work in steps has come: in entries, or in bytes where space is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// So much is done.
    pub done: u64,
    /// Out of about so much; never less than `done`.
    pub total: u64,
    /// Whether nothing is left to do.
    pub finished: bool,
}
