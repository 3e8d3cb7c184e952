//! Work on a whole cache.

use super::Selection;
use crate::runtime::bindings::cache as wit;

/// Work on a whole cache, to be done by [`crate::Cache::maintain`].
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// Remove the entries of a selection.
    Evict(Selection),
    /// Remove all expired entries.
    Expire,
    /// Remove expired entries, then others until the limits are kept.
    Cull,
    /// Remove all entries.
    Clear,
    /// Give space that is no longer used back to the file system.
    Compact,
}

impl Task {
    pub(crate) fn as_param(&self) -> wit::Task<'_> {
        match self {
            Self::Evict(selection) => wit::Task::Evict(selection.as_param()),
            Self::Expire => wit::Task::Expire,
            Self::Cull => wit::Task::Cull,
            Self::Clear => wit::Task::Clear,
            Self::Compact => wit::Task::Compact,
        }
    }
}
