//! A cache under test, with all that was got from it.

use std::path::Path;
use std::rc::Rc;

use larder_engine::testing::{LockTable, TestPlatform};
use larder_engine::{
    Arrival, Cache, Changes, Cursor, DequeCursor, Error, Expiry, Gate, Grant, IndexCursor, Limit, Lock, Maintenance,
    OpenOptions, Platform, Policy, Result, Ticket, ValueReader, ValueWriter,
};
use tempfile::TempDir;

use super::shadow::Shadow;
use crate::draw::Draw;

/// Most handles of one kind that are kept at once.
const HANDLES: usize = 4;

/// What an operation that goes through a transaction, or not, may do.
pub(super) struct World {
    pub(super) directory: TempDir,
    pub(super) platform: Rc<TestPlatform>,
    pub(super) cache: Cache,
    /// Another handle to the same directory, where that can be.
    other: Option<Cache>,
    /// Whether the next operation is by the other handle.
    pub(super) by_other: bool,
    transaction: Option<(Ticket, Shadow)>,
    pub(super) shadow: Shadow,
    pub(super) cursors: Vec<Cursor>,
    pub(super) deque_cursors: Vec<DequeCursor>,
    pub(super) index_cursors: Vec<IndexCursor>,
    pub(super) work: Vec<Maintenance>,
    pub(super) readers: Vec<ValueReader>,
    pub(super) writers: Vec<Writing>,
    pub(super) grants: Vec<(Lock, Grant)>,
    pub(super) arrivals: Vec<(Gate, Arrival)>,
    /// Numbers that something was said to be known by.
    pub(super) tokens: Vec<u64>,
}

/// A value that is being written in parts.
pub(super) struct Writing {
    pub(super) writer: ValueWriter,
    pub(super) key: larder_engine::Key,
    pub(super) expiry: Expiry,
    pub(super) written: Vec<u8>,
}

/// The settings an input asks for.
pub(super) fn changes(draw: &mut Draw<'_>) -> Changes {
    let limit = |draw: &mut Draw<'_>| match draw.byte() % 8 {
        0 => Limit::AtMost(draw.natural()),
        1 => Limit::AtMost(draw.pick([1, 3, 8, 1_000, 2_000_000])),
        2 => Limit::Unlimited,
        _ => Limit::Recorded,
    };
    Changes {
        size_limit: limit(draw),
        item_limit: limit(draw),
        policy: draw.perhaps(|draw| {
            draw.pick([
                Policy::None,
                Policy::LeastRecentlyStored,
                Policy::LeastRecentlyUsed,
                Policy::LeastFrequentlyUsed,
            ])
        }),
        default_ttl: if draw.one_in(5) { draw.expiry() } else { Expiry::Default },
        inline_threshold: draw.perhaps(|draw| draw.pick([100, 1, 4_096, 0, u32::MAX])),
        durability: draw
            .perhaps(|draw| draw.pick([larder_engine::Durability::Relaxed, larder_engine::Durability::Full])),
        compression: draw.perhaps(|draw| {
            draw.pick([
                larder_engine::Compression::None,
                larder_engine::Compression::Lz4,
                larder_engine::Compression::Zstd,
            ])
        }),
        statistics: draw.perhaps(Draw::flag),
    }
}

/// Whether entries may go by themselves because of this.
pub(super) fn limits_anything(changes: &Changes) -> bool {
    let limits = |limit: Limit| matches!(limit, Limit::AtMost(_));
    limits(changes.size_limit) || limits(changes.item_limit) || matches!(changes.default_ttl, Expiry::After(_))
}

impl World {
    /// Opens a cache as an input says; none if it asks for what can not be.
    pub(super) fn open(draw: &mut Draw<'_>) -> Option<Self> {
        let directory = crate::temporary();
        let shares = draw.one_in(3);
        let table = LockTable::new();
        let platform =
            |seed| if shares { TestPlatform::sharing(&table, seed, true) } else { TestPlatform::seeded(seed) };
        let first = platform(1);
        let options = OpenOptions {
            shards: Some(draw.pick([1, 2, 3, 4, 1, 1, 30, 0, 31])),
            exclusive: draw.one_in(7),
            changes: if draw.flag() { changes(draw) } else { Changes::default() },
            wait_ms: existing(shares).wait_ms,
            lease_ms: draw.duration().max(1),
            ..OpenOptions::default()
        };
        let cache = accept(open(directory.path(), &options, &first)).ok()?;
        let other = shares.then(|| accept(open(directory.path(), &existing(true), &platform(2))).ok()).flatten();
        let mut shadow = Shadow::default();
        if limits_anything(&options.changes) {
            shadow.wane();
        }
        Some(Self {
            directory,
            platform: first,
            cache,
            other,
            by_other: false,
            transaction: None,
            shadow,
            cursors: Vec::new(),
            deque_cursors: Vec::new(),
            index_cursors: Vec::new(),
            work: Vec::new(),
            readers: Vec::new(),
            writers: Vec::new(),
            grants: Vec::new(),
            arrivals: Vec::new(),
            tokens: Vec::new(),
        })
    }

    /// Calls the engine: in the transaction if there is one, or by the other handle.
    pub(super) fn call<T>(&mut self, operation: impl FnOnce(&mut Cache) -> Result<T>) -> Result<T> {
        let result = match (&self.transaction, &mut self.other) {
            (Some((ticket, _)), _) => self.cache.within(*ticket, operation),
            (None, Some(other)) if self.by_other => operation(other),
            _ => operation(&mut self.cache),
        };
        if matches!(result, Err(Error::Closed)) && self.transaction.is_some() {
            // It was undone as a whole.
            self.forget_transaction();
        }
        accept(result)
    }

    /// Calls the engine beside an open transaction.
    pub(super) fn call_outside<T>(&mut self, operation: impl FnOnce(&mut Cache) -> Result<T>) -> Result<T> {
        accept(operation(&mut self.cache))
    }

    pub(super) fn begin(&mut self) {
        match self.call_outside(Cache::begin) {
            Ok(ticket) => {
                assert!(self.transaction.is_none(), "a transaction in a transaction");
                self.transaction = Some((ticket, self.shadow.clone()));
                self.drop_places();
            }
            Err(error) => assert!(self.transaction.is_some() || error != Error::InTransaction),
        }
    }

    /// Ends the transaction, if there is one.
    pub(super) fn end(&mut self, commit: bool) {
        let Some((ticket, before)) = self.transaction.take() else { return };
        self.drop_places();
        let ended = if commit { self.cache.commit(ticket) } else { self.cache.rollback(ticket) };
        match accept(ended) {
            Ok(()) if commit => {}
            Ok(()) => self.shadow = before,
            Err(_) => self.shadow.lose(),
        }
        assert_eq!(self.cache.commit(ticket), Err(Error::Closed), "a transaction ends once");
    }

    fn forget_transaction(&mut self) {
        if let Some((_, before)) = self.transaction.take() {
            self.shadow = before;
        }
    }

    /// Closes the first handle and opens it again, as if nothing had happened; or as after a crash.
    pub(super) fn reopen(&mut self, crash: bool) {
        self.end(false);
        if crash {
            // What was being written stays for who opens the directory next.
            self.writers.clear();
        }
        self.drop_handles();
        if crash {
            let ended = std::mem::replace(&mut self.cache, Self::closed());
            TestPlatform::kill(ended);
            self.platform.crash();
        } else {
            let _ = accept(self.cache.close());
        }
        assert_eq!(self.cache.count(), Err(Error::Closed));
        // A lease that was not let go of lapses.
        self.platform.advance(1_000_000);
        self.cache = accept(open(self.directory.path(), &existing(self.is_shared()), &self.platform))
            .expect("it was open before");
    }

    /// Whether somebody else has the directory open.
    pub(super) fn is_shared(&self) -> bool {
        self.other.is_some()
    }

    /// Does something with the directory while nobody has it open.
    pub(super) fn while_closed(&mut self, work: impl FnOnce(&Path, &Rc<TestPlatform>)) {
        self.end(false);
        self.drop_handles();
        let _ = accept(self.cache.close());
        work(self.directory.path(), &self.platform);
        self.cache = accept(open(self.directory.path(), &existing(self.is_shared()), &self.platform))
            .expect("it was open before");
    }

    fn closed() -> Cache {
        let directory = crate::temporary();
        let mut elsewhere = open(directory.path(), &OpenOptions::default(), &TestPlatform::new()).unwrap();
        elsewhere.close().unwrap();
        elsewhere
    }

    /// Gives up all that goes with an open handle.
    pub(super) fn drop_handles(&mut self) {
        for mut writing in std::mem::take(&mut self.writers) {
            writing.writer.abandon(&mut self.cache);
        }
        self.readers.clear();
        self.cursors.clear();
        self.drop_places();
        self.work.clear();
    }

    /// Places in collections go with the transaction they were got in, or out of.
    fn drop_places(&mut self) {
        self.deque_cursors.clear();
        self.index_cursors.clear();
    }
}

/// Opens a cache.
pub(super) fn open(path: &Path, options: &OpenOptions, platform: &Rc<TestPlatform>) -> Result<Cache> {
    Cache::open(path, options, Rc::clone(platform) as Rc<dyn Platform>)
}

/// How a directory is opened that there is. A lease is waited for, on a clock that goes by itself; locks are not.
fn existing(shares: bool) -> OpenOptions {
    OpenOptions { create: false, wait_ms: if shares { 2 } else { 60_000 }, ..OpenOptions::default() }
}

/// Whatever is asked of an undamaged directory on a disk that works, these are no answers.
pub(super) fn accept<T>(result: Result<T>) -> Result<T> {
    if let Err(error @ (Error::Corrupt(_) | Error::Io(_) | Error::UnsupportedFormat(_) | Error::PermissionDenied(_))) =
        &result
    {
        panic!("an error that nothing explains: {error:?}");
    }
    result
}

/// Keeps something for later, in place of what was kept longest.
pub(super) fn keep<T>(kept: &mut Vec<T>, new: T) -> Option<T> {
    let old = (kept.len() >= HANDLES).then(|| kept.remove(0));
    kept.push(new);
    old
}
