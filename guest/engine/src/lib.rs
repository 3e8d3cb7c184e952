//! The logic of Larder: a cache in a directory, over SQLite and plain files.
//!
//! This crate knows neither WebAssembly nor WIT. It compiles for any platform and sees the world
//! through [`Platform`]: clocks, randomness, locks. The component wraps it; its tests run natively.
//!
//! | module | job |
//! |---|---|
//! | [`cache`](Cache) | all shards of a directory as one cache |
//! | `cursor` | enumeration across shards |
//! | `maintenance` | work on all shards in steps: eviction, expiry, clearing, compaction |
//! | `shard` | one database with its value files |
//! | `tenure`, `lease`, `generation` | who may use a directory |
//! | `schema`, `settings`, `database`, `files`, `content`, `cells`, `journal` | the format on disk |
//! | `frozen` | databases where nothing can be written |
//! | [`diskcache`] | what python-diskcache has stored, and what it is to find |
//! | `collection` | names of deques and indexes, the order of a deque |
//! | `recipes` | locks, limits and the like as pure state machines |
//! | `policy`, `lifetime`, `recency`, `sequence` | what goes, when |
//!
//! ```
//! use larder_engine::{Cache, Key, OpenOptions, SetOptions, Value, testing::TestPlatform};
//!
//! let directory = tempfile::tempdir().unwrap();
//! let mut cache = Cache::open(directory.path(), &OpenOptions::default(), TestPlatform::new())?;
//! cache.set(&Key::Text("answer".into()), &Value::Integer(42), &SetOptions::default())?;
//! assert!(matches!(cache.get(&Key::Text("answer".into()))?, Some(Value::Integer(42))));
//! cache.close()?;
//! # Ok::<(), larder_engine::Error>(())
//! ```

mod cache;
mod call;
mod cells;
mod collection;
mod content;
mod cursor;
mod database;
pub mod diskcache;
mod entry;
mod error;
mod files;
mod frozen;
mod generation;
mod journal;
mod key;
mod lease;
mod lifetime;
mod listing;
mod maintenance;
mod number;
mod options;
mod pages;
mod platform;
mod policy;
mod progress;
mod recency;
mod recipes;
mod regular;
mod schema;
mod selection;
mod sequence;
mod settings;
mod shard;
mod statements;
mod tenure;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod value;

pub use cache::{
    Answer, Cache, Claim, Content, Deque, DequeCursor, Draft, Filling, Gate, Index, IndexCursor, IndexScan,
    Information, Lock, LookUp, Method, Occupancy, PART_LIMIT, READERS, Rate, Resharding, Statistics, Ticket,
    ValueReader, ValueWriter,
};
pub use collection::COLLECTION_LIMIT;
pub use content::STREAM_LIMIT;
pub use cursor::{Cursor, Order, Scan};
pub use entry::{Entry, Item, Metadata, Queued};
pub use error::{Error, Result};
pub use key::{KEY_LIMIT, Key};
pub use maintenance::{Maintenance, Task};
pub use number::Number;
pub use options::{
    Changes, Compression, DEFAULT_LEASE_MS, DEFAULT_WAIT_MS, Durability, Expiry, INLINE_LIMIT, Limit, OpenOptions,
    Policy, QUEUE_LIMIT, SHARDS_LIMIT, SetOptions, Side, TAG_LIMIT, TAGS_LIMIT,
};
pub use platform::{Platform, RangeLocks, Sharing};
pub use progress::Progress;
pub use recipes::barrier::Arrival;
pub use recipes::bucket::RATE_LIMIT;
pub use recipes::limit::Verdict;
pub use recipes::once::Turn;
pub use recipes::permits::{Grant, Holder, MEMBERS_LIMIT, Standing};
pub use recipes::tally::Mean;
pub use recipes::vacancy::REASON_LIMIT;
pub use recipes::window::WINDOW_LIMIT;
pub use recipes::{LEASE_LIMIT_MS, NAME_LIMIT};
pub use schema::format_version;
pub use selection::{Bound, Selection};
pub use settings::{DEFAULT_INLINE_THRESHOLD, DEFAULT_SIZE_LIMIT, SIZE_SHARE_MINIMUM, Settings};
pub use shard::Problem;
pub use value::{VALUE_LIMIT, Value};
