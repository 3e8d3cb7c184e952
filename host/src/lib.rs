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

// The command line names what it uses as other programs do.
#[cfg(feature = "cli")]
extern crate self as larder;

mod cache;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod coordination;
mod directories;
pub mod dump;
mod error;
mod options;
mod runtime;
mod value;

#[doc(hidden)]
pub use cache::__memoize;
#[cfg(feature = "async")]
pub use cache::AsyncLockGuard;
pub use cache::{
    Averager, Barrier, Cache, CacheBuilder, Codec, Counter, Cursor, Deque, DequeValues, DiskcacheExport,
    DiskcacheImport, Draft, FromKey, Holder, InTransaction, Index, IndexItems, IndexKeys, IndexScan, Items, Json, Keys,
    Lock, LockGuard, Lookup, Maintenance, Mean, MemoError, MemoOptions, Occupancy, Once, Owner, Plain, Postcard,
    RateLimit, Resharding, Scope, Transaction, Vacancy, ValueReader, ValueWriter, Values, Verdict,
};
pub use directories::user_cache;
pub use error::{Error, Result};
/// Keeps what a function returns in a cache, by its arguments: it is computed once, however many ask at
/// the same time in whatever process. Signature and meaning stay as they are: where the cache can not
/// be used, the function is computed without it.
///
/// | argument | meaning |
/// |---|---|
/// | `cache = EXPRESSION` | the cache: anything that derefs to [`Cache`]; it may be an argument of the function |
/// | `ttl = EXPRESSION` | how long a value is fresh: a [`Duration`](std::time::Duration); unless given, what the directory says |
/// | `tag = EXPRESSION` | a label to list and evict the entries by; may be repeated |
/// | `options = EXPRESSION` | all of [`MemoOptions`], instead of `ttl` and `tag` |
/// | `ignore(a, self)` | arguments that make no difference |
/// | `typed` | types of the arguments make a difference: needed for generic functions |
/// | `version = NUMBER` | another one forgets what was kept |
/// | `name = "TEXT"` | what the function is known by, instead of its path |
///
/// Arguments are told apart by their serde encoding, values are stored in it. A function may be a method,
/// whose `self` is an argument like others, and it may be `async`: then `larder` needs its feature `async`,
/// and what it returns has to be `Send`.
///
/// If the return type is called `Result`, only `Ok` is kept. A failure is not remembered, since nobody
/// could make it again from what is remembered of it: [`MemoOptions::negative_ttl`] is for
/// [`Cache::try_memoize`]. With [`MemoOptions::stale_if_error`], the old value is returned instead.
///
/// ```
/// use std::sync::LazyLock;
/// use std::time::Duration;
/// use larder::{Cache, memoize};
///
/// static CACHE: LazyLock<Cache> = LazyLock::new(|| Cache::temporary().unwrap());
///
/// #[memoize(cache = CACHE, ttl = Duration::from_secs(60), tag = "areas", ignore(verbose))]
/// fn area(width: u64, height: u64, verbose: bool) -> u64 {
///     if verbose {
///         println!("computing");
///     }
///     width * height
/// }
///
/// assert_eq!(area(3, 4, true), 12);
/// assert_eq!(area(3, 4, false), 12); // from the cache
/// ```
#[cfg(feature = "macros")]
pub use larder_macros::memoize;
pub use options::{
    Changes, Compression, Content, Durability, Entry, Expiry, ExportReport, ImportReport, Information, Item, Limit,
    Limits, Metadata, Order, Policy, Problem, Progress, Queued, Scan, Selection, SetOptions, Side, Statistics, Tally,
    Task,
};
pub use runtime::{SHARED_COMPONENT, STANDALONE_COMPONENT, configure};
pub use value::{Key, Number, VALUE_LIMIT, Value};

/// The README's example is compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadmeExamples;
