//! Larder: a disk-backed cache that many programs and plugins share.
//!
//! The cache itself is a WebAssembly component. This crate embeds it with wasmtime: a [`Cache`] is
//! a directory, open through a pool of instances of the component.
//!
//! ```
//! use std::time::Duration;
//! use larder::{Cache, Selection, SetOptions};
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("cache");
//! let cache = Cache::open(&path)?;
//!
//! cache.set("user:1", "Ada")?;
//! cache.set_with("page:/", b"<html>", &SetOptions::new().ttl(Duration::from_secs(60)).tag("pages"))?;
//! assert_eq!(cache.get("user:1")?, Some("Ada".into()));
//! assert_eq!(cache.increment("visits", 1)?, 1);
//! assert_eq!(cache.evict(Selection::tag("pages"))?, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Embedders with an engine of their own, whose plugins are to share a cache, instantiate
//! [`SHARED_COMPONENT`] beside them and offer it [`coordination`].

mod cache;
pub mod coordination;
mod directories;
pub mod dump;
mod error;
mod options;
mod runtime;
mod value;

#[cfg(feature = "async")]
pub use cache::AsyncLockGuard;
pub use cache::{
    Averager, Barrier, Cache, CacheBuilder, Codec, Counter, Cursor, Deque, DequeValues, DiskcacheExport,
    DiskcacheImport, Draft, FromKey, Holder, InTransaction, Index, IndexItems, IndexKeys, IndexScan, Items, Json, Keys,
    Lock, LockGuard, Lookup, Maintenance, Mean, MemoError, MemoOptions, Occupancy, Once, Owner, Plain, Postcard,
    RateLimit, Scope, Transaction, Vacancy, ValueReader, ValueWriter, Values, Verdict,
};
pub use directories::user_cache;
pub use error::{Error, Result};
pub use options::{
    Changes, Compression, Content, Durability, Entry, Expiry, ExportReport, ImportReport, Information, Item, Limit,
    Metadata, Order, Policy, Problem, Progress, Queued, Scan, Selection, SetOptions, Side, Statistics, Tally, Task,
};
pub use runtime::{SHARED_COMPONENT, STANDALONE_COMPONENT, configure};
pub use value::{Key, Number, VALUE_LIMIT, Value};

/// The README's example is compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadmeExamples;
