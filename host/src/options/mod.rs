//! What the methods of [`crate::Cache`] take and return, besides keys and values.

mod entry;
mod exchange;
mod limits;
mod reports;
mod selection;
mod settings;
mod task;

pub(crate) use entry::milliseconds;
pub use entry::{Content, Entry, Expiry, Item, Metadata, Queued, SetOptions, Side};
pub use exchange::{ExportReport, ImportReport};
pub use limits::Limits;
pub use reports::{Problem, Progress, Statistics, Tally};
pub use selection::{Order, Scan, Selection};
pub use settings::{Changes, Compression, Durability, Information, Limit, Policy};
pub use task::Task;
