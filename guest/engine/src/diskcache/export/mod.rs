//! The export of a cache to a new foreign directory, in steps.
//!
//! | file | job |
//! |---|---|
//! | `walk` | the entries, one after the other |
//! | `row` | what the row of an entry says |
//! | `transfer` | its value, in a row or a file |
//! | `queue` | the keys of queues |
//! | `target` | the directory that is being made |
//! | `schema` | what a database of diskcache consists of |
//! | `counts` | what became of the entries |
//!
//! # What export changes
//!
//! - What was imported as a pickle is one again. Python unpickles it when it reads it: an export is
//!   to be trusted no more than whoever has put such entries into the cache.
//! - Of several tags the first is kept. A sliding entry expires when it would now.
//! - An entry of a queue gets the key that diskcache would give it, counted from 500,000,000,000,000
//!   on. A queue whose keys would mix with those of others is passed over.
//! - NaN can not be stored: diskcache would read None.
//! - Text with carriage returns never goes to a file of text, where diskcache would change it. It is
//!   kept in its row, or, if it is very long, pickled.

mod counts;
mod queue;
mod row;
mod schema;
mod target;
mod transfer;
mod walk;

use std::path::Path;
use std::rc::Rc;

use rusqlite::types::Value as Column;

use super::STEP_SIZE;
use super::format::{PICKLE, RAW};
use super::report::Report;
use crate::cache::{Cache, Readable};
use crate::entry::Metadata;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::number::Number;
use crate::platform::Platform;
use crate::progress::Progress;
use crate::shard::Address;
use queue::Queues;
use row::{Described, describe, protocol};
use target::Target;
use transfer::{Cell, Transfer};
use walk::{Stop, Walk};

pub use counts::ExportCounts;

/// An export that is under way. Dropped before it has finished, it leaves nothing.
pub struct Export {
    /// None once it has finished or failed.
    target: Option<Target>,
    finished: bool,
    walk: Walk,
    queues: Queues,
    /// An entry whose value is on its way.
    current: Option<(Entry, Transfer)>,
    done: u64,
    total: u64,
    report: Report<ExportCounts>,
}

/// An entry that is there.
struct Entry {
    described: Described,
    sliding: bool,
    /// Whether it is of a queue.
    queued: bool,
}

impl Export {
    /// Begins to export a cache to the directory `path`, which must be new or empty.
    pub fn open(cache: &mut Cache, path: &Path, platform: Rc<dyn Platform>) -> Result<Self> {
        let information = cache.information()?;
        let walk = Walk::begin(cache)?;
        let target = Target::create(path, &information.settings, platform)?;
        Ok(Self {
            target: Some(target),
            finished: false,
            walk,
            queues: Queues::default(),
            current: None,
            done: 0,
            total: information.count,
            report: Report::default(),
        })
    }

    /// What has become of the entries so far.
    pub fn report(&self) -> &Report<ExportCounts> {
        &self.report
    }

    /// Writes up to `limit` further entries, fewer where they are large. The last step completes the
    /// directory. Unless the cache could not be read at all, an error ends the export: what it has
    /// written is removed, and further steps are the error [`Error::Closed`].
    pub fn step(&mut self, cache: &mut Cache, limit: u32) -> Result<Progress> {
        if !self.finished {
            cache.assure_held()?;
            let mut target = self.target.take().ok_or(Error::Closed)?;
            if target.write(|target| self.advance(target, cache, limit.max(1)))? {
                target.complete()?;
                self.finished = true;
            } else {
                self.target = Some(target);
            }
        }
        Ok(Progress { done: self.done, total: self.total.max(self.done), finished: self.finished })
    }

    /// Writes entries; whether they were the last.
    fn advance(&mut self, target: &mut Target, cache: &mut Cache, limit: u32) -> Result<bool> {
        let (end, mut budget) = (self.done.saturating_add(limit.into()), STEP_SIZE);
        while self.done < end && budget > 0 {
            if let Some((entry, transfer)) = self.current.take() {
                self.go_on(target, entry, transfer, &mut budget)?;
                continue;
            }
            match self.walk.next(cache)? {
                Stop::End => return Ok(true),
                Stop::Queue(name, length) => self.enter_queue(target, name, length)?,
                Stop::Key(key) => {
                    let found = cache.inspect_parts(Address::Key(&key, key.hash()));
                    self.begin(target, &key, found, false)?;
                }
                Stop::Queued(position) => {
                    let found = cache.inspect_parts(Address::Queue(self.queues.name(), position));
                    let key = Key::Text(self.queues.next_key());
                    self.begin(target, &key, found, true)?;
                }
            }
        }
        Ok(false)
    }

    fn enter_queue(&mut self, target: &Target, name: String, length: u64) -> Result<()> {
        if let Err(reason) = self.queues.enter(name, length, |start, end| target.has_key_between(start, end))? {
            self.report.problem(reason);
            self.report.counts.collisions = self.report.counts.collisions.saturating_add(length);
            self.done = self.done.saturating_add(length);
            self.walk.skip_queue();
        }
        Ok(())
    }

    /// Begins with an entry that was looked for.
    fn begin(
        &mut self,
        target: &mut Target,
        key: &Key,
        found: Result<Option<(Metadata, Readable)>>,
        queued: bool,
    ) -> Result<()> {
        let (metadata, readable) = match found {
            Ok(Some(found)) => found,
            Ok(None) => {
                self.report.counts.expired += 1;
                self.done += 1;
                return Ok(());
            }
            Err(Error::Corrupt(what)) => {
                self.damaged(what);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let is_bytes = readable.as_ref().is_ok_and(|reader| !reader.is_text());
        let entry = Entry { described: describe(key, &metadata, is_bytes), sliding: metadata.sliding, queued };
        let value = match readable {
            Ok(reader) => {
                let transfer = Transfer::begin(reader, entry.described.pickled, target)?;
                self.current = Some((entry, transfer));
                return Ok(());
            }
            Err(Number::Real(real)) if real.is_nan() => {
                self.report.counts.nan_values += 1;
                self.report.problem(format!("{key}: NaN can not be stored"));
                self.done += 1;
                return Ok(());
            }
            Err(Number::Integer(integer)) => Column::Integer(integer),
            Err(Number::Real(real)) => Column::Real(real),
        };
        self.insert(target, entry, &Cell::inline(RAW, value))
    }

    /// Goes on with the value of an entry, and writes its row when it is there.
    fn go_on(&mut self, target: &mut Target, entry: Entry, transfer: Transfer, budget: &mut usize) -> Result<()> {
        let mut transfer = transfer;
        match transfer.run(target, budget) {
            Ok(None) => self.current = Some((entry, transfer)),
            Ok(Some(cell)) => self.insert(target, entry, &cell)?,
            Err(Error::Corrupt(what)) => {
                transfer.abandon(target);
                self.damaged(what);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn insert(&mut self, target: &mut Target, entry: Entry, cell: &Cell) -> Result<()> {
        self.done += 1;
        let Entry { described: Described { row, pickled, dropped_tags }, sliding, queued } = entry;
        let counts = &mut self.report.counts;
        if !target.insert(&row, cell)? {
            cell.filename.iter().for_each(|name| target.remove_value(name));
            counts.collisions += 1;
            self.report.problem(format!("{:?}: another entry has this key", row.key));
            return Ok(());
        }
        if let (false, Column::Blob(key)) = (row.raw, &row.key) {
            target.note_protocol(protocol(key));
            counts.pickled_keys += 1;
        }
        counts.exported += 1;
        counts.queued += u64::from(queued);
        counts.pickled_values += u64::from(pickled);
        counts.in_files += u64::from(cell.filename.is_some());
        counts.pickled_texts += u64::from(cell.mode == PICKLE && !pickled);
        counts.sliding += u64::from(sliding && row.expire_time.is_some());
        counts.dropped_tags = counts.dropped_tags.saturating_add(dropped_tags);
        Ok(())
    }

    fn damaged(&mut self, what: String) {
        self.report.counts.damaged += 1;
        self.report.problem(what);
        self.done += 1;
    }
}
