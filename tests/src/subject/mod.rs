//! One cache in any of its shapes: the logic alone, or a component in either world; in one shard or
//! over several.

use std::fmt;
use std::path::Path;

use larder_engine as engine;
use tempfile::TempDir;

use crate::clock::Clock;
use crate::component::types::{Entry, Error, Expiry, Item, Key, Number, Queued, SetOptions, Side, Value};
use crate::component::wit::{Changes, OpenOptions, Scan, Selection, Statistics};
use crate::component::{Host, Instance, World, options};
use crate::native::Native;

/// A lease that no leap of the clock ends.
const LEASE_MS: u32 = 3_600_000;

/// How a cache is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// The logic, natively.
    Native,
    /// A component.
    Component(World),
}

/// A shape of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// How it is run.
    pub through: Through,
    /// Over how many shards.
    pub shards: u32,
}

impl Shape {
    /// All that are tested.
    pub fn all() -> impl Iterator<Item = Self> {
        let ways = [Through::Native, Through::Component(World::Shared), Through::Component(World::Standalone)];
        ways.into_iter().flat_map(|through| [1, 4].map(|shards| Self { through, shards }))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let through = match self.through {
            Through::Native => "native",
            Through::Component(World::Shared) => "shared",
            Through::Component(World::Standalone) => "standalone",
        };
        let shards = if self.shards == 1 { "one shard" } else { "sharded" };
        write!(formatter, "{through}, {shards}")
    }
}

/// An open cache of some shape, in a directory of its own.
pub struct Subject {
    cache: Running,
    directory: TempDir,
    shape: Shape,
    clock: Clock,
}

enum Running {
    Native(Box<Native>),
    Component(Box<Instance>),
}

impl Running {
    fn open(through: Through, directory: &Path, shards: Option<u32>, clock: &Clock) -> Result<Self, Error> {
        match through {
            Through::Native => {
                let options = engine::OpenOptions { shards, lease_ms: LEASE_MS, ..engine::OpenOptions::default() };
                Ok(Self::Native(Box::new(Native::open(directory, &options)?)))
            }
            Through::Component(world) => {
                let options = OpenOptions { shards, lease_ms: Some(LEASE_MS), ..options() };
                let instance = Host::of(world).open_with_clock(directory, options, clock.clone())?;
                Ok(Self::Component(Box::new(instance)))
            }
        }
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
                }
            }
        )*
    };
}

impl Subject {
    /// Makes one.
    pub fn new(shape: Shape) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let clock = Clock::default();
        let cache = Running::open(shape.through, directory.path(), Some(shape.shards), &clock);
        Self { cache: cache.expect("a new cache"), directory, shape, clock }
    }

    /// Closes the cache, unless that has been done, and opens it with a number of shards.
    pub fn reopen(&mut self, shards: Option<u32>) -> Result<(), Error> {
        match self.close() {
            Ok(()) | Err(Error::Closed) => {}
            Err(error) => return Err(error),
        }
        self.cache = Running::open(self.shape.through, self.directory.path(), shards, &self.clock)?;
        Ok(())
    }

    /// Its shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Lets time pass.
    pub fn advance(&self, milliseconds: u32) {
        match &self.cache {
            Running::Native(native) => native.advance(milliseconds),
            Running::Component(_) => self.clock.advance(milliseconds),
        }
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

    /// Number of problems that `check` finds.
    pub fn problems(&mut self) -> Result<usize, Error> {
        match &mut self.cache {
            Running::Native(native) => native.check(),
            Running::Component(instance) => instance.check().map(|problems| problems.len()),
        }
    }

    /// Number of problems that `repair` finds.
    pub fn repair(&mut self) -> Result<usize, Error> {
        match &mut self.cache {
            Running::Native(native) => native.repair(),
            Running::Component(instance) => instance.repair().map(|problems| problems.len()),
        }
    }

    /// `count`, past the open transaction.
    pub fn count_beside(&mut self) -> Result<u64, Error> {
        match &mut self.cache {
            Running::Native(native) => native.beside(Native::count),
            Running::Component(instance) => instance.beside(Instance::count),
        }
    }
}
