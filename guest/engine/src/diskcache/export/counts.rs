//! What became of the entries of a cache, in numbers.

/// Numbers of entries. One entry may count under several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportCounts {
    /// Written.
    pub exported: u64,
    /// Written from queues.
    pub queued: u64,
    /// Written under a key that is a pickle.
    pub pickled_keys: u64,
    /// Written with a value that is a pickle, as it was imported.
    pub pickled_values: u64,
    /// Written with a value in a file.
    pub in_files: u64,
    /// Written with a text that had to be pickled: it is long, and a file of text would lose its
    /// carriage returns.
    pub pickled_texts: u64,
    /// Written with a time at which it expires, though it was sliding.
    pub sliding: u64,
    /// Tags that were not written, because an entry has one at most.
    pub dropped_tags: u64,
    /// Not written: expired, or removed since.
    pub expired: u64,
    /// Not written: the value is NaN, which can not be stored.
    pub nan_values: u64,
    /// Not written: its key is another's, or that of a queue.
    pub collisions: u64,
    /// Not written: damaged.
    pub damaged: u64,
}
