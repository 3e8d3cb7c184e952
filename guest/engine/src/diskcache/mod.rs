//! Directories of python-diskcache 5.6.3, read and written.
//!
//! A foreign directory is read and made here, so that in the component its database is parsed and
//! written inside the sandbox. Nothing of a directory that is read is believed: it must be an ordinary
//! table, sizes are looked at before anything is fetched, names of files must lie beneath the
//! directory, and pickles stay opaque bytes. Nothing is left out silently: see [`Report`].
//!
//! | file | job |
//! |---|---|
//! | `format` | what is to be known of the foreign format |
//! | `import` | reading a directory |
//! | `export` | making one |
//! | `report` | what became of the entries |

mod export;
mod format;
mod import;
mod report;

pub use export::{Export, ExportCounts};
pub use import::{Import, ImportCounts, Kind};
pub use report::{PROBLEMS_LIMIT, Report};

/// A step ends early once its values take so many bytes.
const STEP_SIZE: usize = 8 * 1024 * 1024;

/// Marks an entry whose key is a pickle.
pub const PICKLED_KEY_TAG: &str = "diskcache:pickled-key";
/// Marks an entry whose value is a pickle.
pub const PICKLED_VALUE_TAG: &str = "diskcache:pickled";
