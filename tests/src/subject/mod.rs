//! One cache in any of its shapes: the logic alone, or a component in either world; in one shard or
//! over several.

mod parts;
mod shape;

use std::path::Path;
use std::rc::Rc;

use tempfile::TempDir;

use crate::clock::Clock;
use crate::component::types::{Draft, Entry, Error, Expiry, Item, Key, Number, Queued, SetOptions, Side, Value};
use crate::component::wit::{Changes, Information, OpenOptions, Problem, Scan, Selection, Statistics, Tally};
use crate::component::{Host, Instance, options};
use crate::native::{Native, Surroundings};

pub use parts::Part;
pub use shape::{Shape, Through};

/// A lease that no leap of the clock ends.
const LEASE_MS: u32 = 3_600_000;
/// How long to wait for others: not long, for who has to wait in a test does so in vain.
const WAIT_MS: u32 = 50;

/// An open cache of some shape, in a directory of its own.
pub struct Subject {
    cache: Running,
    directory: Rc<TempDir>,
    shape: Shape,
    surroundings: Both,
}

/// The surroundings of either kind of cache.
#[derive(Clone, Default)]
struct Both {
    native: Surroundings,
    clock: Clock,
}

enum Running {
    Native(Box<Native>),
    Component(Box<Instance>),
    /// Neither, while one follows the other.
    Ended,
}

impl Running {
    fn open(through: Through, directory: &Path, options: OpenOptions, surroundings: &Both) -> Result<Self, Error> {
        let lease_ms = Some(options.lease_ms.unwrap_or(LEASE_MS));
        let options = OpenOptions { lease_ms, wait_ms: Some(options.wait_ms.unwrap_or(WAIT_MS)), ..options };
        Ok(match through {
            Through::Native => Self::Native(Box::new(Native::open(directory, &options, &surroundings.native)?)),
            Through::Component(world) => {
                let clock = surroundings.clock.clone();
                Self::Component(Box::new(Host::of(world).open_with_clock(directory, options, clock)?))
            }
        })
    }
}

/// Defines methods that both have.
macro_rules! common {
    ($($(#[$docs:meta])* $name:ident($($argument:ident: $kind:ty),*) -> $result:ty;)*) => {
        $(
            $(#[$docs])*
            pub fn $name(&mut self, $($argument: $kind),*) -> Result<$result, Error> {
                match &mut self.cache {
                    Running::Native(native) => native.$name($($argument),*),
                    Running::Component(instance) => instance.$name($($argument),*),
                    Running::Ended => Err(Error::Closed),
                }
            }
        )*
    };
}

impl Subject {
    /// Makes one.
    pub fn new(shape: Shape) -> Self {
        Self::with(shape, options()).expect("a new cache")
    }

    /// Makes one with options; the number of shards is that of its shape.
    pub fn with(shape: Shape, options: OpenOptions) -> Result<Self, Error> {
        let directory = Rc::new(tempfile::tempdir().expect("a temporary directory"));
        let surroundings = Both::default();
        let options = OpenOptions { shards: Some(shape.shards), ..options };
        let cache = Running::open(shape.through, directory.path(), options, &surroundings)?;
        Ok(Self { cache, directory, shape, surroundings })
    }

    /// Closes the cache, unless that has been done, and opens it with a number of shards.
    pub fn reopen(&mut self, shards: Option<u32>) -> Result<(), Error> {
        self.reopen_with(OpenOptions { shards, ..options() })
    }

    /// Closes the cache, unless that has been done, and opens it with options.
    pub fn reopen_with(&mut self, options: OpenOptions) -> Result<(), Error> {
        match self.close() {
            Ok(()) | Err(Error::Closed) => {}
            Err(error) => return Err(error),
        }
        self.cache = Running::open(self.shape.through, self.directory.path(), options, &self.surroundings)?;
        Ok(())
    }

    /// Ends the cache as a crash of its instance does, and opens it again with options.
    pub fn crash(&mut self, options: OpenOptions) -> Result<(), Error> {
        match std::mem::replace(&mut self.cache, Running::Ended) {
            Running::Native(native) => {
                native.kill();
                self.surroundings.native.crash();
            }
            // Its destructors do not run.
            Running::Component(instance) => drop(instance),
            Running::Ended => {}
        }
        self.cache = Running::open(self.shape.through, self.directory.path(), options, &self.surroundings)?;
        Ok(())
    }

    /// Opens the same directory once more, for another user of it.
    pub fn second(&self, options: OpenOptions) -> Result<Self, Error> {
        let cache = Running::open(self.shape.through, self.directory.path(), options, &self.surroundings)?;
        let (directory, surroundings) = (Rc::clone(&self.directory), self.surroundings.clone());
        Ok(Self { cache, directory, shape: self.shape, surroundings })
    }

    /// Its shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The time, in milliseconds.
    pub fn now_ms(&self) -> u64 {
        // Both kinds of clock stand at the same time.
        self.surroundings.clock.now_ms()
    }

    /// Lets time pass.
    pub fn advance(&self, milliseconds: u32) {
        self.surroundings.native.advance(milliseconds);
        self.surroundings.clock.advance(milliseconds);
    }

    /// Sets the wall clock back.
    pub fn turn_back(&self, milliseconds: u32) {
        self.surroundings.native.turn_back(milliseconds);
        self.surroundings.clock.turn_back(milliseconds);
    }

    common! {
        /// `get`
        get(key: &Key) -> Option<Value>;
        /// `get-entry`
        get_entry(key: &Key) -> Option<Entry>;
        /// `set`
        set(key: &Key, value: &Value, options: &SetOptions) -> u64;
        /// `add`
        add(key: &Key, value: &Value, options: &SetOptions) -> Option<u64>;
        /// `compare-and-set`
        compare_and_set(key: &Key, expected: Option<u64>, value: &Value, options: &SetOptions) -> Option<u64>;
        /// `delete`
        delete(key: &Key) -> bool;
        /// `pop`
        pop(key: &Key) -> Option<Entry>;
        /// `touch`
        touch(key: &Key, ttl: Expiry) -> bool;
        /// `increment`
        increment(key: &Key, delta: Number, initial: Option<Number>, options: &SetOptions) -> Option<Number>;
        /// `decrement`
        decrement(key: &Key, delta: Number, initial: Option<Number>, options: &SetOptions) -> Option<Number>;
        /// `contains`
        contains(key: &Key) -> bool;
        /// `push`
        push(queue: &str, value: &Value, side: Side, options: &SetOptions) -> i64;
        /// `pull`
        pull(queue: &str, side: Side) -> Option<Queued>;
        /// `peek`
        peek(queue: &str, side: Side) -> Option<Queued>;
        /// `queue-length`
        queue_length(queue: &str) -> u64;
        /// `count`
        count() -> u64;
        /// `volume`
        volume() -> u64;
        /// `evict`
        evict(selection: &Selection) -> u64;
        /// `expire`
        expire() -> u64;
        /// `cull`
        cull() -> u64;
        /// `clear`
        clear() -> u64;
        /// `first`
        first(scan: &Scan) -> Option<Item>;
        /// `items`, read to the end in pages of `limit`.
        items(scan: &Scan, limit: u32) -> Vec<Item>;
        /// `keys`, read to the end in pages of `limit`.
        keys(scan: &Scan, limit: u32) -> Vec<Key>;
        /// `get-recent`
        get_recent(key: &Key, max_age_ms: u64) -> Option<Entry>;
        /// `compare-and-delete`
        compare_and_delete(key: &Key, expected: u64) -> bool;
        /// `get-many`
        get_many(keys: &[Key]) -> Vec<Option<Value>>;
        /// `set-many`
        set_many(drafts: &[Draft]) -> Vec<u64>;
        /// `delete-many`
        delete_many(keys: &[Key]) -> Vec<bool>;
        /// `touch-many`
        touch_many(keys: &[Key], ttl: Expiry) -> Vec<bool>;
        /// `measure`
        measure(selection: &Selection, expired: bool) -> Tally;
        /// `queues`
        queues() -> Vec<String>;
        /// `compact`
        compact() -> u64;
        /// `info`
        info() -> Information;
        /// `check`
        check() -> Vec<Problem>;
        /// `repair`
        repair() -> Vec<Problem>;
        /// `configure`
        configure(changes: Changes) -> ();
        /// `stats`
        stats() -> Statistics;
        /// `recorded-stats`
        recorded_stats() -> Option<Statistics>;
        /// `reset-stats`
        reset_stats() -> ();
        /// `close`
        close() -> ();
        /// Begins a transaction: what follows goes through it until it ends.
        begin() -> ();
        /// Ends the transaction.
        end(commit: bool) -> ();
    }

    /// Whether a transaction has begun and not ended.
    pub fn is_in_transaction(&self) -> bool {
        match &self.cache {
            Running::Native(native) => native.is_in_transaction(),
            Running::Component(instance) => instance.is_in_transaction(),
            Running::Ended => false,
        }
    }

    /// Drops the transaction without a word.
    pub fn drop_transaction(&mut self) {
        match &mut self.cache {
            // Natively whoever keeps the ticket undoes it.
            Running::Native(native) => native.end(false).expect("a transaction was begun"),
            Running::Component(instance) => instance.drop_transaction(),
            Running::Ended => {}
        }
    }

    /// Runs something past the open transaction.
    pub fn beside<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        match &mut self.cache {
            Running::Native(native) => {
                let transaction = native.set_transaction_aside();
                let result = work(self);
                if let Running::Native(native) = &mut self.cache {
                    native.take_up(transaction);
                }
                result
            }
            Running::Component(instance) => {
                let transaction = instance.set_transaction_aside();
                let result = work(self);
                if let Running::Component(instance) = &mut self.cache {
                    instance.take_up(transaction);
                }
                result
            }
            Running::Ended => work(self),
        }
    }
}
