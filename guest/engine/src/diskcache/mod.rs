//! Reading directories of python-diskcache 5.6.3.
//!
//! A foreign directory is read here, so that in the component its database is parsed inside the
//! sandbox. Nothing of it is believed: what is read must be an ordinary table, sizes are looked at
//! before anything is fetched, names of files must lie beneath the directory, and pickles stay
//! opaque bytes. Nothing is left out silently: see [`Report`].
//!
//! | file | job |
//! |---|---|
//! | `layout` | which kind of directory it is, and which caches are nested in it |
//! | `source` | the foreign database, read-only |
//! | `row`, `convert` | a foreign row, and what becomes of it |
//! | `value_file` | files that a foreign row names |
//! | `import` | the whole, in steps |
//!
//! # What import changes
//!
//! - A pickled key becomes a bytes key of exactly the pickle, with the tag [`PICKLED_KEY_TAG`]. If
//!   the source has a bytes key of the same bytes, that one is kept and the pickled one skipped.
//! - A pickled value becomes bytes, with the tag [`PICKLED_VALUE_TAG`].
//! - A missing raw value becomes NaN: diskcache stores NaN so, and nothing else.
//! - The time of storing is that of the import. What has expired is skipped.
//! - An integer or real tag becomes its text; a tag of bytes, or one Larder can not have, is dropped.

mod convert;
mod import;
mod layout;
mod report;
mod row;
mod source;
mod value_file;

pub use import::Import;
pub use layout::Kind;
pub use report::{Counts, PROBLEMS_LIMIT, Report};

/// Marks an entry whose key is a pickle.
pub const PICKLED_KEY_TAG: &str = "diskcache:pickled-key";
/// Marks an entry whose value is a pickle.
pub const PICKLED_VALUE_TAG: &str = "diskcache:pickled";
