//! All shards of a directory as one cache.
//!
//! | file | holds |
//! |---|---|
//! | `session` | the time between obtaining a directory and letting go of it |
//! | `items` | operations on one key or queue |
//! | `bulk` | operations on many keys at once |
//! | `check` | what is wrong with the directory, and setting it right |
//! | `reshard` | changing the number of shards |
//! | `deque`, `index`, `collections` | deques and indexes, and what they have in common |
//! | `stream` | values written and read in parts |
//! | `locks`, `limits`, `tallies`, `meetings` | what processes share beside entries |
//! | `memo` | values computed once |
//! | `records` | what these have in common |
//! | `transaction` | operations of which all happen or none |

mod biases;
mod bulk;
mod check;
mod collections;
mod deque;
mod index;
mod items;
mod limits;
mod locks;
mod meetings;
mod memo;
mod records;
mod reshard;
mod session;
mod stream;
mod tallies;
mod transaction;

use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::error::{Error, Result};
use crate::options::{Changes, OpenOptions};
use crate::platform::Platform;
use crate::recipes::member::Watches;
use crate::recipes::timeline::Timelines;
use crate::settings::Settings;
use crate::shard::{Counts, Shard};
use session::Session;
use transaction::Open;

pub use bulk::Draft;
pub use deque::{Deque, DequeCursor};
pub use index::{Index, IndexCursor, IndexScan};
pub use limits::{Method, Rate};
pub use locks::{Claim, Lock, Occupancy, READERS};
pub use meetings::Gate;
pub use memo::{Answer, Filling, LookUp};
pub use reshard::Resharding;
pub(crate) use stream::Readable;
pub use stream::{Content, PART_LIMIT, ValueReader, ValueWriter};
pub use transaction::Ticket;

/// What a handle has counted since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Reads that found an entry.
    pub hits: u64,
    /// Reads that found none.
    pub misses: u64,
    /// Entries stored.
    pub sets: u64,
    /// Entries deleted by key.
    pub deletes: u64,
    /// Entries removed because of a limit.
    pub evictions: u64,
    /// Entries removed by selection.
    pub removals: u64,
    /// Entries removed because they had expired.
    pub expirations: u64,
}

impl From<Counts> for Statistics {
    fn from(counts: Counts) -> Self {
        let Counts { hits, misses, sets, deletes, evictions, removals, expirations } = counts;
        Self { hits, misses, sets, deletes, evictions, removals, expirations }
    }
}

/// A directory, its settings and totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Information {
    /// Version of the format on disk.
    pub format: u32,
    /// Whether others may use the directory at the same time.
    pub shared: bool,
    /// What the directory records.
    pub settings: Settings,
    /// Number of entries, expired ones included.
    pub count: u64,
    /// Bytes on disk.
    pub volume: u64,
}

/// An open cache.
///
/// All methods return the same errors for the same reasons as the `cache` resource of the WIT
/// package, which documents them.
pub struct Cache {
    path: PathBuf,
    /// How to open the directory again after its lease was lost.
    options: OpenOptions,
    platform: Rc<dyn Platform>,
    /// None once closed.
    session: Option<Session>,
    /// The transaction that is open.
    transaction: Option<Open>,
    /// What it has seen of those who hold or wait for something.
    watches: Watches,
    /// What it knows of the time of limits.
    timelines: Timelines,
    /// What earlier sessions of this handle have counted.
    counts: Counts,
    closed: bool,
}

impl Cache {
    /// Opens the cache in the directory `path`.
    pub fn open(path: &Path, options: &OpenOptions, platform: Rc<dyn Platform>) -> Result<Self> {
        options.validate()?;
        let session = Session::begin(path, options, &platform)?;
        let reopening = OpenOptions { create: false, changes: Changes::default(), ..options.clone() };
        Ok(Self {
            path: path.to_owned(),
            options: reopening,
            platform,
            session: Some(session),
            transaction: None,
            watches: Watches::default(),
            timelines: Timelines::default(),
            counts: Counts::default(),
            closed: false,
        })
    }

    /// Number of entries, expired ones included.
    pub fn count(&mut self) -> Result<u64> {
        Ok(self.on_all(Shard::count)?.into_iter().sum())
    }

    /// Bytes on disk, which the size limit bounds.
    pub fn volume(&mut self) -> Result<u64> {
        Ok(self.on_all(Shard::volume)?.into_iter().sum())
    }

    /// What this handle has counted.
    pub fn statistics(&self) -> Result<Statistics> {
        self.assure_open()?;
        let mut counts = self.counts;
        self.session.iter().flat_map(|session| &session.shards).for_each(|shard| counts.add(shard.counts));
        Ok(counts.into())
    }

    /// What all handles have recorded in the directory, if it does that.
    pub fn recorded_statistics(&mut self) -> Result<Option<Statistics>> {
        let recorded = self.on_all(|shard| {
            // To learn of a setting that somebody else has changed.
            shard.count()?;
            Ok((shard.settings().statistics, shard.recorded_statistics()?))
        })?;
        let mut sum = Counts::default();
        for (_, counts) in &recorded {
            sum.add(*counts);
        }
        Ok(recorded.first().is_some_and(|(statistics, _)| *statistics).then(|| sum.into()))
    }

    /// Sets what the directory has recorded back to zero.
    pub fn reset_statistics(&mut self) -> Result<()> {
        self.on_all(Shard::reset_statistics).map(drop)
    }

    /// The directory's settings and totals.
    pub fn information(&mut self) -> Result<Information> {
        let (count, volume) = (self.count()?, self.volume()?);
        let session = self.session()?;
        let settings = session.shards.first().map(|shard| shard.settings().clone()).unwrap_or_default();
        Ok(Information {
            format: crate::schema::format_version(),
            // Who only looks on is in nobody's way.
            shared: !session.tenure.is_sole() || session.tenure.is_passive(),
            settings,
            count,
            volume,
        })
    }

    /// Changes what the directory records, for all its users.
    pub fn configure(&mut self, changes: &Changes) -> Result<()> {
        changes.validate()?;
        self.assure_no_transaction()?;
        self.under_tenure(|session| {
            let Some(first) = session.shards.first_mut() else { return Err(Error::Closed) };
            // To change what somebody else has changed since.
            first.count()?;
            let settings = first.settings().with(changes)?;
            session::change_settings(&mut session.shards, &settings)
        })
    }

    /// Writes what is pending and lets go of the directory.
    pub fn close(&mut self) -> Result<()> {
        self.assure_open()?;
        self.closed = true;
        let Some(mut session) = self.session.take() else { return Ok(()) };
        // What it has not committed is undone: nothing could be written inside of it.
        let undone = self.transaction.take().map_or(Ok(()), |_| session.abort_transaction());
        undone.and(session.end())
    }

    /// Refuses to go on with a handle that was closed.
    pub(crate) fn assure_open(&self) -> Result<()> {
        if self.closed { Err(Error::Closed) } else { Ok(()) }
    }

    /// Makes sure that the directory is still this handle's, and no transaction in the way.
    pub(crate) fn assure_held(&mut self) -> Result<()> {
        self.on_items(|_| Ok(()))
    }

    /// Refuses to go on with a handle that only reads.
    pub(super) fn assure_writable(&self) -> Result<()> {
        let shard = self.session.as_ref().and_then(|session| session.shards.first());
        shard.map_or(Ok(()), Shard::refuse_if_read_only)
    }

    /// Runs an operation on every shard. None of them may be a part of a transaction.
    pub(crate) fn on_all<T>(&mut self, mut operation: impl FnMut(&mut Shard) -> Result<T>) -> Result<Vec<T>> {
        self.assure_no_transaction()?;
        self.under_tenure(|session| session.shards.iter_mut().map(&mut operation).collect())
    }

    /// Runs an operation on one shard by its index.
    pub(crate) fn on_index<T>(&mut self, index: usize, operation: impl FnOnce(&mut Shard) -> Result<T>) -> Result<T> {
        self.assure_no_transaction()?;
        self.under_tenure(|session| operation(session.shards.get_mut(index).ok_or(Error::Closed)?))
    }

    /// Runs an operation, and returns its result only if the directory was ours all the time.
    fn under_tenure<T>(&mut self, operation: impl FnOnce(&mut Session) -> Result<T>) -> Result<T> {
        let kept = self.session()?.tenure.assure();
        let result = kept.and_then(|()| self.then_assure(operation));
        if matches!(result, Err(Error::Locked(_))) {
            // Somebody else has the directory now. The next call tries to get it back.
            self.abandon();
        }
        result
    }

    /// Runs an operation, and makes sure afterwards that the directory is still ours.
    fn then_assure<T>(&mut self, operation: impl FnOnce(&mut Session) -> Result<T>) -> Result<T> {
        let session = self.session()?;
        let result = operation(session);
        let kept = session.tenure.assure();
        if kept.is_err() && self.transaction.is_some() {
            // Whoever is told of an error has done nothing: so all of what it is a part of is undone. That error
            // is the one to tell.
            let _ = self.undo_open();
        }
        kept.and(result)
    }

    /// The session, begun anew if the last one was lost.
    fn session(&mut self) -> Result<&mut Session> {
        self.assure_open()?;
        if self.session.is_none() {
            self.session = Some(Session::begin(&self.path, &self.options, &self.platform)?);
        }
        self.session.as_mut().ok_or(Error::Closed)
    }

    /// Ends as a process does that is killed: databases are closed, nothing is written.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn end_abruptly(&mut self) {
        self.abandon();
        self.closed = true;
    }

    /// Leaves a session whose directory is somebody else's, without writing anything.
    fn abandon(&mut self) {
        self.transaction = None;
        if let Some(session) = self.session.take() {
            session.shards.iter().for_each(|shard| self.counts.add(shard.counts));
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        // Nobody is left to be told of an error; the next opener completes what is missing.
        let _ = self.close();
    }
}
