//! The portable dump: all entries, deques and indexes of a cache as one stream that any language can read.
//!
//! A dump is a CBOR sequence (RFC 8742): a header, one map for each entry, and a trailer with the
//! SHA-256 of everything before it, by which truncation and damage show. `docs/dump-format.md` is the
//! whole format. Here are its [`Writer`] and its [`Reader`]; both work on streams, and neither holds a
//! large value in memory.
//!
//! ```
//! use larder::dump::{Entry, Header, Key, Place, Reader, Source, Value, Writer};
//!
//! let mut dump = Vec::new();
//! let mut writer = Writer::new(&mut dump, &Header::created(1_767_225_600_000))?;
//! let mut entry = Entry::new(Place::Key(Key::Text("user:1".into())), 1_767_225_500_000);
//! entry.tags.push("users".into());
//! writer.entry(&entry, Source::Text("Ada"))?;
//! assert_eq!(writer.finish()?.entries, 1);
//!
//! let mut reader = Reader::new(dump.as_slice())?;
//! while let Some((entry, value)) = reader.next_entry()? {
//!     assert_eq!(entry.tags, ["users"]);
//!     if let Value::Text(stream) = value {
//!         assert_eq!(stream.into_text(1024)?, "Ada");
//!     }
//! }
//! # Ok::<(), larder::dump::Error>(())
//! ```
//!
//! What a reader returns is checked for its form and bounded in size at once, but only the trailer
//! tells whether it is what was written: whoever must not act upon a damaged dump reads it twice, first
//! with [`Reader::verify`].

mod chunks;
mod entry;
mod error;
mod output;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

pub use entry::{Entry, Header, Key, Place, Setting, Totals};
pub use error::{Error, Result};
pub use reader::{Reader, Value, ValueStream};
pub use writer::{Source, Writer};

/// The version of the format. Fields may be added under the same version: readers skip those they do
/// not know.
pub const VERSION: u64 = 1;
/// Most bytes of one chunk of a value, and of a value that is not written in chunks.
pub const CHUNK: usize = 256 * 1024;
/// Most bytes of a key.
pub const KEY_LIMIT: usize = 64 * 1024;
/// Most bytes of the name of a queue, a deque or an index.
pub const QUEUE_LIMIT: usize = 1024;
/// Most bytes of a tag.
pub const TAG_LIMIT: usize = 1024;
/// Most tags of an entry.
pub const TAGS_LIMIT: usize = 64;
/// Most settings in a header.
pub const SETTINGS_LIMIT: usize = 64;
/// Most bytes of the name or the text of a setting.
pub const SETTING_LIMIT: usize = 1024;
