//! What is told of moving entries in and out.

use crate::runtime::bindings::exchange as wit;

/// What has become of the entries of an import. One may count under several names.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
#[non_exhaustive]
pub struct ImportReport {
    /// Stored.
    pub imported: u64,
    /// Stored under a pickled key, kept as bytes, with the tag `diskcache:pickled-key`.
    pub pickled_keys: u64,
    /// Stored with a pickled value, kept as bytes, with the tag `diskcache:pickled`.
    pub pickled_values: u64,
    /// Stored with a value that was in a file.
    pub from_files: u64,
    /// Stored as NaN where the source has lost the number.
    pub nan_values: u64,
    /// Stored with a tag that was a number and is now its text.
    pub converted_tags: u64,
    /// Stored without a tag that can not be one here.
    pub dropped_tags: u64,
    /// Not stored: expired.
    pub expired: u64,
    /// Not stored: key or value beyond a limit.
    pub too_large: u64,
    /// Not stored: a pickled key with the same bytes as a bytes key.
    pub collisions: u64,
    /// Not stored: damaged.
    pub damaged: u64,
    /// Evicted again, because a limit of the cache was reached.
    pub evicted: u64,
    /// What is wrong with the source, at most 100 lines.
    pub problems: Vec<String>,
    /// How many more problems there were.
    pub further_problems: u64,
}

/// What has become of the entries of an export. One may count under several names.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
#[non_exhaustive]
pub struct ExportReport {
    /// Written.
    pub exported: u64,
    /// Written from queues.
    pub queued: u64,
    /// Written under a key that is a pickle, as it was imported.
    pub pickled_keys: u64,
    /// Written with a value that is a pickle, as it was imported.
    pub pickled_values: u64,
    /// Written with a value in a file.
    pub in_files: u64,
    /// Written with a text that had to be pickled: beyond 8 MiB, with carriage returns.
    pub pickled_texts: u64,
    /// Written with a fixed time at which it expires, though it was sliding.
    pub sliding: u64,
    /// Tags that were not written, because an entry has one at most there.
    pub dropped_tags: u64,
    /// Not written: expired, or removed since.
    pub expired: u64,
    /// Not written: the value is NaN, which can not be stored there.
    pub nan_values: u64,
    /// Not written: of a queue whose keys would mix with others.
    pub collisions: u64,
    /// Not written: damaged.
    pub damaged: u64,
    /// What was not written and why, at most 100 lines.
    pub problems: Vec<String>,
    /// How many more problems there were.
    pub further_problems: u64,
}

impl From<wit::ImportReport> for ImportReport {
    fn from(report: wit::ImportReport) -> Self {
        Self {
            imported: report.imported,
            pickled_keys: report.pickled_keys,
            pickled_values: report.pickled_values,
            from_files: report.from_files,
            nan_values: report.nan_values,
            converted_tags: report.converted_tags,
            dropped_tags: report.dropped_tags,
            expired: report.expired,
            too_large: report.too_large,
            collisions: report.collisions,
            damaged: report.damaged,
            evicted: report.evicted,
            problems: report.problems,
            further_problems: report.further_problems,
        }
    }
}

impl From<wit::ExportReport> for ExportReport {
    fn from(report: wit::ExportReport) -> Self {
        Self {
            exported: report.exported,
            queued: report.queued,
            pickled_keys: report.pickled_keys,
            pickled_values: report.pickled_values,
            in_files: report.in_files,
            pickled_texts: report.pickled_texts,
            sliding: report.sliding,
            dropped_tags: report.dropped_tags,
            expired: report.expired,
            nan_values: report.nan_values,
            collisions: report.collisions,
            damaged: report.damaged,
            problems: report.problems,
            further_problems: report.further_problems,
        }
    }
}
