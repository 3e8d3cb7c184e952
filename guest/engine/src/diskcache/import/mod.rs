//! The import of a foreign directory, in steps.
//!
//! | file | job |
//! |---|---|
//! | `layout` | which kind of directory it is, and which caches are nested in it |
//! | `source` | the foreign database, read-only |
//! | `row`, `convert` | a foreign row, and what becomes of it |
//! | `value_file` | files that a foreign row names |
//! | `counts` | what became of the entries |
//!
//! # What import changes
//!
//! - A pickled key becomes a bytes key of exactly the pickle, with the tag
//!   [`PICKLED_KEY_TAG`](super::PICKLED_KEY_TAG). If the source has a bytes key of the same bytes,
//!   that one is kept and the pickled one skipped.
//! - A pickled value becomes bytes, with the tag [`PICKLED_VALUE_TAG`](super::PICKLED_VALUE_TAG).
//! - A missing raw value becomes NaN: diskcache stores NaN so, and nothing else.
//! - The time of storing is that of the import. What has expired is skipped.
//! - An integer or real tag becomes its text; a tag of bytes, or one Larder can not have, is dropped.

mod convert;
mod counts;
mod layout;
mod row;
mod source;
mod value_file;

use std::path::{Path, PathBuf};
use std::rc::Rc;

use rusqlite::types::Value as Column;

use super::STEP_SIZE;
use super::report::Report;
use crate::cache::{Cache, Draft};
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::progress::Progress;
use convert::{Skip, convert};
use layout::Layout;
use row::ForeignRow;
use source::{Read, Source};

pub use counts::ImportCounts;
pub use layout::Kind;

/// An import that is under way.
///
/// It can be given up at any time and begun anew, which stores the same entries again, in their
/// old places.
pub struct Import {
    kind: Kind,
    nested: Vec<PathBuf>,
    /// Databases that are not finished, the next one last.
    pending: Vec<Source>,
    /// The last row that was taken.
    after: i64,
    done: u64,
    total: u64,
    platform: Rc<dyn Platform>,
    report: Report<ImportCounts>,
}

/// What one step has read, which counts once it is stored.
struct Batch {
    drafts: Vec<(Draft, ImportCounts)>,
    report: Report<ImportCounts>,
    after: i64,
    rows: u64,
    ended: bool,
}

impl Import {
    /// Looks at a directory and opens its databases. One that can not be opened is a problem in
    /// the report as long as there is another.
    pub fn open(path: &Path, platform: Rc<dyn Platform>) -> Result<Self> {
        let layout = Layout::recognise(path)?;
        let mut report = Report::default();
        layout.problems.into_iter().for_each(|problem| report.problem(problem));
        let (mut pending, mut total, mut failure) = (Vec::new(), 0_u64, None);
        for directory in layout.shards.iter().rev() {
            match Source::open(directory, &*platform) {
                Ok(source) => {
                    // Only for the progress: a damaged table may be impossible to count.
                    total = total.saturating_add(source.count().unwrap_or(0));
                    pending.push(source);
                }
                Err(error) => {
                    report.problem(error.to_string());
                    failure = Some(error);
                }
            }
        }
        match failure {
            Some(error) if pending.is_empty() => Err(error),
            _ => Ok(Self {
                kind: layout.kind,
                nested: layout.nested,
                pending,
                after: i64::MIN,
                done: 0,
                total,
                platform,
                report,
            }),
        }
    }

    /// Which kind of directory it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Caches, deques and indexes inside a `FanoutCache`, relative to it. They are not part of this
    /// import; each can be imported by its own path.
    pub fn nested(&self) -> &[PathBuf] {
        &self.nested
    }

    /// What has become of the entries so far.
    pub fn report(&self) -> &Report<ImportCounts> {
        &self.report
    }

    /// Stores up to `limit` further entries, in one transaction. After an error nothing of the step
    /// is stored, and the next step tries the same again.
    pub fn step(&mut self, cache: &mut Cache, limit: u32) -> Result<Progress> {
        if let Some(source) = self.pending.last() {
            let mut batch = self.read(source, limit.max(1))?;
            let evicted = cache.statistics()?.evictions;
            store(cache, &mut batch)?;
            batch.report.counts.evicted = cache.statistics()?.evictions.saturating_sub(evicted);
            self.accept(batch);
        }
        Ok(Progress { done: self.done, total: self.total.max(self.done), finished: self.pending.is_empty() })
    }

    fn read(&self, source: &Source, limit: u32) -> Result<Batch> {
        let mut batch =
            Batch { drafts: Vec::new(), report: Report::default(), after: self.after, rows: 0, ended: false };
        let (now_ms, mut size) = (self.platform.wall_ms(), 0_usize);
        while batch.rows < u64::from(limit) && size < STEP_SIZE && !batch.ended {
            match source.next(batch.after)? {
                Read::End => batch.ended = true,
                Read::Row(row) => {
                    batch.after = row.rowid;
                    batch.rows += 1;
                    size = size.saturating_add(batch.take(source, row, now_ms)?);
                }
                Read::Unusable(id, error) => {
                    batch.after = id;
                    batch.rows += 1;
                    batch.report.counts.damaged += 1;
                    batch.report.problem(error.to_string());
                }
                Read::Hole(end, error) => {
                    let lost = format!("entries after {} up to {end} can not be read: {error}", batch.after);
                    batch.report.problem(lost);
                    batch.after = end;
                    batch.rows += 1;
                    // Where nothing can be read, that there is no more can not be read either.
                    batch.ended = end == i64::MAX;
                    // How many there were can not be known; at least one.
                    batch.report.counts.damaged += 1;
                }
            }
        }
        Ok(batch)
    }

    fn accept(&mut self, batch: Batch) {
        self.after = batch.after;
        self.done = self.done.saturating_add(batch.rows);
        for (_, counts) in &batch.drafts {
            self.report.counts.add(counts);
        }
        self.report.counts.add(&batch.report.counts);
        batch.report.problems.into_iter().for_each(|problem| self.report.problem(problem));
        self.report.further_problems = self.report.further_problems.saturating_add(batch.report.further_problems);
        if batch.ended {
            self.pending.pop();
            self.after = i64::MIN;
        }
    }
}

impl Batch {
    /// Takes a row, and returns the bytes its value needs.
    fn take(&mut self, source: &Source, row: ForeignRow, now_ms: i64) -> Result<usize> {
        let rowid = row.rowid;
        if let (false, Column::Blob(pickle)) = (row.raw, &row.key)
            && source.has_raw_twin(pickle)?
        {
            self.report.counts.collisions += 1;
            self.report.problem(format!("entry {rowid}: a bytes key is the same as this pickled one"));
            return Ok(0);
        }
        match convert(row, source.directory(), now_ms) {
            Ok(entry) => {
                let size = entry.0.value.size();
                self.drafts.push(entry);
                return Ok(size);
            }
            Err(Skip::Expired) => self.report.counts.expired += 1,
            Err(Skip::TooLarge) => self.too_large(format!("entry {rowid}: beyond a limit of keys or values")),
            Err(Skip::Damaged(what)) => {
                self.report.counts.damaged += 1;
                self.report.problem(format!("entry {rowid}: {what}"));
            }
        }
        Ok(0)
    }

    fn too_large(&mut self, problem: String) {
        self.report.counts.too_large += 1;
        self.report.problem(problem);
    }
}

/// Stores all of a batch at once, or, if one of them is too large for this cache, one by one.
fn store(cache: &mut Cache, batch: &mut Batch) -> Result<()> {
    let all: Vec<Draft> = batch.drafts.iter().map(|(draft, _)| draft.clone()).collect();
    match cache.set_many(&all) {
        Err(Error::TooLarge { .. }) => {}
        stored => return stored.map(drop),
    }
    let mut kept = Vec::new();
    for (draft, counts) in std::mem::take(&mut batch.drafts) {
        match cache.set(&draft.key, &draft.value, &draft.options) {
            Ok(_) => kept.push((draft, counts)),
            Err(error @ Error::TooLarge { .. }) => batch.too_large(format!("{}: {error}", draft.key)),
            Err(error) => return Err(error),
        }
    }
    batch.drafts = kept;
    Ok(())
}
