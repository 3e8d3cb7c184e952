//! What became of the entries of a foreign directory, in numbers.

/// Numbers of entries. One entry may count under several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportCounts {
    /// Stored.
    pub imported: u64,
    /// Stored under a pickled key, kept as bytes.
    pub pickled_keys: u64,
    /// Stored with a pickled value, kept as bytes.
    pub pickled_values: u64,
    /// Stored with a value that was in a file.
    pub from_files: u64,
    /// Stored as NaN where the source has lost the number.
    pub nan_values: u64,
    /// Stored with a tag that was a number and is now its text.
    pub converted_tags: u64,
    /// Stored without a tag that Larder can not have.
    pub dropped_tags: u64,
    /// Not stored: expired.
    pub expired: u64,
    /// Not stored: key or value beyond a limit.
    pub too_large: u64,
    /// Not stored: a pickled key with the same bytes as a bytes key.
    pub collisions: u64,
    /// Not stored: damaged.
    pub damaged: u64,
    /// Evicted again, because the limit of the cache was reached.
    pub evicted: u64,
}

impl ImportCounts {
    /// Adds others.
    pub(super) fn add(&mut self, other: &Self) {
        self.imported = self.imported.saturating_add(other.imported);
        self.pickled_keys = self.pickled_keys.saturating_add(other.pickled_keys);
        self.pickled_values = self.pickled_values.saturating_add(other.pickled_values);
        self.from_files = self.from_files.saturating_add(other.from_files);
        self.nan_values = self.nan_values.saturating_add(other.nan_values);
        self.converted_tags = self.converted_tags.saturating_add(other.converted_tags);
        self.dropped_tags = self.dropped_tags.saturating_add(other.dropped_tags);
        self.expired = self.expired.saturating_add(other.expired);
        self.too_large = self.too_large.saturating_add(other.too_large);
        self.collisions = self.collisions.saturating_add(other.collisions);
        self.damaged = self.damaged.saturating_add(other.damaged);
        self.evicted = self.evicted.saturating_add(other.evicted);
    }
}
