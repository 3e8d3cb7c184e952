//! What is told of a cache and of work on it.

use crate::runtime::bindings::{cache as wit, types};

/// How many entries there are, and their size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Number of entries.
    pub count: u64,
    /// Size of their keys, values and tags and 64 bytes for each.
    pub size: u64,
}

/// What a cache has counted since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Statistics {
    /// Reads that found an entry.
    pub hits: u64,
    /// Reads that found none.
    pub misses: u64,
    /// Entries stored.
    pub sets: u64,
    /// Entries deleted, popped or pulled.
    pub deletes: u64,
    /// Entries removed to keep within a limit.
    pub evictions: u64,
    /// Entries removed by `evict` and `clear`.
    pub removals: u64,
    /// Entries removed because they had expired.
    pub expirations: u64,
}

impl From<wit::Statistics> for Statistics {
    fn from(statistics: wit::Statistics) -> Self {
        let wit::Statistics { hits, misses, sets, deletes, evictions, removals, expirations } = statistics;
        Self { hits, misses, sets, deletes, evictions, removals, expirations }
    }
}

impl Statistics {
    /// Adds what another instance has counted.
    pub(crate) fn add(&mut self, other: wit::Statistics) {
        self.merge(&other.into());
    }

    /// Adds what was counted elsewhere.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.hits += other.hits;
        self.misses += other.misses;
        self.sets += other.sets;
        self.deletes += other.deletes;
        self.evictions += other.evictions;
        self.removals += other.removals;
        self.expirations += other.expirations;
    }
}

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

impl From<types::Progress> for Progress {
    fn from(progress: types::Progress) -> Self {
        Self { done: progress.done, total: progress.total, finished: progress.finished }
    }
}

/// Something that [`crate::Cache::check`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which file or key.
    pub subject: String,
    /// What is wrong with it.
    pub description: String,
    /// What [`crate::Cache::repair`] did about it and what is lost; none if nothing was done.
    pub remedy: Option<String>,
}

impl From<wit::Problem> for Problem {
    fn from(problem: wit::Problem) -> Self {
        Self { subject: problem.subject, description: problem.description, remedy: problem.remedy }
    }
}
