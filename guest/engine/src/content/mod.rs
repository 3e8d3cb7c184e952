//! What a value file holds: a value of any length, in chunks that are verified one by one.
//!
//! ```text
//! chunk 0 | chunk 1 | … | directory
//! ```
//!
//! A chunk is [`CHUNK`] bytes of the value (the last one fewer), as they are or compressed. The
//! directory has [`RECORD`] bytes for each: how many bytes it takes in the file and in which codec
//! (32 bits, the codec in the upper two), and the XXH3-64 of these bytes (64 bits), all little
//! endian. The hashes of chunks are seeded with the hash of the key, so that none passes for
//! that of another. The entry's row keeps the length of the value and a checksum: the XXH3-64 of the
//! directory followed by that length, seeded with key and form. So the row vouches for the directory, the directory for the
//! chunks, and a range is read and verified without the rest.
//!
//! | file | holds |
//! |---|---|
//! | `codec` | making chunks smaller, and the other way |
//! | `writer`, `reader` | a file from its first byte to its last, and any range of it |
//! | `text` | whether bytes that come in parts are text |

mod codec;
mod reader;
mod text;
mod writer;

pub(crate) use codec::{Codec, pack, unpack};
pub(crate) use reader::{Fault, Reader, read_whole};
pub(crate) use text::TextCheck;
pub(crate) use writer::{Summary, Writer};

use xxhash_rust::xxh3::Xxh3Builder;

/// Bytes of a value that are compressed and verified together.
pub(crate) const CHUNK: usize = 256 * 1024;
/// Bytes of a chunk's record in the directory.
const RECORD: usize = 12;
/// Largest value that can be written in parts, in bytes: its directory takes 3 MiB.
pub const STREAM_LIMIT: u64 = 64 * 1024 * 1024 * 1024;

/// Where in a record the codec stands.
const CODEC_SHIFT: u32 = 30;
/// The bits of a record's first word that are the length.
const LENGTH_MASK: u32 = (1 << CODEC_SHIFT) - 1;

/// Number of chunks of a value.
fn chunks(length: u64) -> u64 {
    length.div_ceil(CHUNK as u64)
}

/// Size of the directory of a value.
fn directory_size(length: u64) -> u64 {
    chunks(length).saturating_mul(RECORD as u64)
}

/// What seeds the hashes of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seeds {
    /// Of the chunks.
    pub(crate) chunks: u64,
    /// Of the directory.
    pub(crate) directory: u64,
}

/// A number of bytes in memory. One beyond what memory can have fails where it is asked for.
fn in_memory(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Checksum of a directory and the length of its value.
fn seal(directory: &[u8], length: u64, seed: u64) -> u64 {
    let mut hasher = Xxh3Builder::new().with_seed(seed).build();
    hasher.update(directory);
    hasher.update(&length.to_le_bytes());
    hasher.digest()
}

#[cfg(test)]
mod tests;
