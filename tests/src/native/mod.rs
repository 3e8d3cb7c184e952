//! The logic of the cache on this machine, without a component, behind the types of the WIT package:
//! so that the same test runs on both.

mod convert;
mod parts;

use std::path::Path;
use std::rc::Rc;

use larder_engine as engine;
use larder_engine::testing::{LockTable, TestPlatform};

use crate::component::types::{Draft, Entry, Error, Expiry, Item, Key, Number, Queued, SetOptions, Side, Value};
use crate::component::wit::{Changes, Information, OpenOptions, Problem, Scan, Selection, Statistics, Tally};
use convert::Answer;

pub use parts::Part;

/// The surroundings of the native caches of one directory: their clock and their locks.
#[derive(Clone)]
pub struct Surroundings(Rc<TestPlatform>);

impl Default for Surroundings {
    fn default() -> Self {
        Self(TestPlatform::sharing(&LockTable::new(), 1, true))
    }
}

impl Surroundings {
    /// Moves the clock.
    pub fn advance(&self, milliseconds: u32) {
        self.0.advance(milliseconds);
    }

    /// Ends the locks of a cache that was killed.
    pub fn crash(&self) {
        self.0.crash();
    }

    /// Sets the wall clock back.
    pub fn turn_back(&self, milliseconds: u32) {
        self.0.set_wall_clock(-i64::from(milliseconds));
    }
}

/// An open cache. Its methods are those of the WIT resource.
pub struct Native {
    cache: engine::Cache,
    transaction: Option<engine::Ticket>,
}

/// Defines operations that pass through the open transaction, if there is one.
macro_rules! operations {
    ($($(#[$docs:meta])* $name:ident => $call:ident($($argument:ident: $kind:ty as $converted:expr),*) -> $result:ty;)*) => {
        $(
            $(#[$docs])*
            pub fn $name(&mut self, $($argument: $kind),*) -> Result<$result, Error> {
                self.run(|cache| cache.$call($($converted),*))
            }
        )*
    };
}

impl Native {
    /// Opens the cache in a directory.
    pub fn open(directory: &Path, options: &OpenOptions, surroundings: &Surroundings) -> Result<Self, Error> {
        let platform = Rc::clone(&surroundings.0) as Rc<dyn engine::Platform>;
        let cache = engine::Cache::open(directory, &options.into(), platform)?;
        Ok(Self { cache, transaction: None })
    }

    fn run<T: Answer>(
        &mut self,
        operation: impl FnOnce(&mut engine::Cache) -> engine::Result<T>,
    ) -> Result<T::Wit, Error> {
        let answer = match self.transaction {
            Some(ticket) => self.cache.within(ticket, operation),
            None => operation(&mut self.cache),
        };
        Ok(answer?.into_wit())
    }

    operations! {
        /// `get`
        get => get(key: &Key as &key.into()) -> Option<Value>;
        /// `get-entry`
        get_entry => get_entry(key: &Key as &key.into()) -> Option<Entry>;
        /// `get-recent`
        get_recent => get_recent(key: &Key as &key.into(), max_age_ms: u64 as max_age_ms) -> Option<Entry>;
        /// `set`
        set => set(key: &Key as &key.into(), value: &Value as &value.into(), options: &SetOptions as &options.into())
            -> u64;
        /// `add`
        add => add(key: &Key as &key.into(), value: &Value as &value.into(), options: &SetOptions as &options.into())
            -> Option<u64>;
        /// `compare-and-set`
        compare_and_set => compare_and_set(key: &Key as &key.into(), expected: Option<u64> as expected,
            value: &Value as &value.into(), options: &SetOptions as &options.into()) -> Option<u64>;
        /// `delete`
        delete => delete(key: &Key as &key.into()) -> bool;
        /// `compare-and-delete`
        compare_and_delete => compare_and_delete(key: &Key as &key.into(), expected: u64 as expected) -> bool;
        /// `pop`
        pop => pop(key: &Key as &key.into()) -> Option<Entry>;
        /// `touch`
        touch => touch(key: &Key as &key.into(), ttl: Expiry as (&ttl).into()) -> bool;
        /// `increment`
        increment => increment(key: &Key as &key.into(), delta: Number as (&delta).into(),
            initial: Option<Number> as initial.as_ref().map(Into::into), options: &SetOptions as &options.into())
            -> Option<Number>;
        /// `decrement`
        decrement => decrement(key: &Key as &key.into(), delta: Number as (&delta).into(),
            initial: Option<Number> as initial.as_ref().map(Into::into), options: &SetOptions as &options.into())
            -> Option<Number>;
        /// `contains`
        contains => contains(key: &Key as &key.into()) -> bool;
        /// `get-many`
        get_many => get_many(keys: &[Key] as &converted(keys)) -> Vec<Option<Value>>;
        /// `set-many`
        set_many => set_many(drafts: &[Draft] as &converted(drafts)) -> Vec<u64>;
        /// `delete-many`
        delete_many => delete_many(keys: &[Key] as &converted(keys)) -> Vec<bool>;
        /// `touch-many`
        touch_many => touch_many(keys: &[Key] as &converted(keys), ttl: Expiry as (&ttl).into()) -> Vec<bool>;
        /// `push`
        push => push(queue: &str as queue, value: &Value as &value.into(), side: Side as (&side).into(),
            options: &SetOptions as &options.into()) -> i64;
        /// `pull`
        pull => pull(queue: &str as queue, side: Side as (&side).into()) -> Option<Queued>;
        /// `peek`
        peek => peek(queue: &str as queue, side: Side as (&side).into()) -> Option<Queued>;
        /// `queue-length`
        queue_length => queue_length(queue: &str as queue) -> u64;
        /// `queues`
        queues => queues() -> Vec<String>;
        /// `count`
        count => count() -> u64;
        /// `volume`
        volume => volume() -> u64;
        /// `measure`
        measure => measure(selection: &Selection as &selection.into(), expired: bool as expired) -> Tally;
        /// `evict`
        evict => evict(selection: &Selection as &selection.into()) -> u64;
        /// `expire`
        expire => expire() -> u64;
        /// `cull`
        cull => cull() -> u64;
        /// `clear`
        clear => clear() -> u64;
        /// `compact`
        compact => compact() -> u64;
        /// `first`
        first => first(scan: &Scan as &scan.into()) -> Option<Item>;
        /// `recorded-stats`
        recorded_stats => recorded_statistics() -> Option<Statistics>;
        /// `reset-stats`
        reset_stats => reset_statistics() -> ();
        /// `info`
        info => information() -> Information;
        /// `check`
        check => check() -> Vec<Problem>;
        /// `repair`
        repair => repair() -> Vec<Problem>;
        /// `configure`
        configure => configure(changes: Changes as &(&changes).into()) -> ();
    }

    /// `stats`
    pub fn stats(&mut self) -> Result<Statistics, Error> {
        Ok(self.cache.statistics()?.into())
    }

    /// `items`, read to the end in pages of `limit`.
    pub fn items(&mut self, scan: &Scan, limit: u32) -> Result<Vec<Item>, Error> {
        self.run(|cache| to_the_end(cache, scan, |cursor, cache| cursor.next_items(cache, limit)))
    }

    /// `keys`, read to the end in pages of `limit`.
    pub fn keys(&mut self, scan: &Scan, limit: u32) -> Result<Vec<Key>, Error> {
        self.run(|cache| to_the_end(cache, scan, |cursor, cache| cursor.next(cache, limit)))
    }

    /// `close`
    pub fn close(&mut self) -> Result<(), Error> {
        Ok(self.cache.close()?)
    }

    /// Ends as an instance does that is killed: nothing is written any more.
    pub fn kill(self) {
        TestPlatform::kill(self.cache);
    }

    /// Begins a transaction: what follows goes through it until it ends.
    pub fn begin(&mut self) -> Result<(), Error> {
        self.transaction = Some(self.cache.begin()?);
        Ok(())
    }

    /// Ends the transaction.
    pub fn end(&mut self, commit: bool) -> Result<(), Error> {
        let Some(ticket) = self.transaction.take() else { return Err(Error::Closed) };
        Ok(if commit { self.cache.commit(ticket) } else { self.cache.rollback(ticket) }?)
    }

    /// Lets what follows run past the open transaction, until it is taken up again.
    pub fn set_transaction_aside(&mut self) -> Option<engine::Ticket> {
        self.transaction.take()
    }

    /// Whether a transaction has begun and not ended.
    pub fn is_in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// Goes on with a transaction that was set aside.
    pub fn take_up(&mut self, transaction: Option<engine::Ticket>) {
        self.transaction = transaction;
    }
}

/// All of a list in the terms of the logic.
fn converted<'a, A, B: From<&'a A>>(all: &'a [A]) -> Vec<B> {
    all.iter().map(Into::into).collect()
}

/// Everything that a cursor gives, page by page.
fn to_the_end<T>(
    cache: &mut engine::Cache,
    scan: &Scan,
    next: impl Fn(&mut engine::Cursor, &mut engine::Cache) -> engine::Result<Vec<T>>,
) -> engine::Result<Vec<T>> {
    let (mut cursor, mut all) = (cache.scan(&scan.into())?, Vec::new());
    loop {
        let page = next(&mut cursor, cache)?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}
