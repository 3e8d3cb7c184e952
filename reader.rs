//! Reading a value file, all of it or any range.

use std::io::{Read, Seek, SeekFrom};

use super::codec::{Codec, Decoder};
use super::directory::{Footer, Record, checksum, hash};
use super::fault::{Damage, Fault, zeroes};
use super::layout::{FOOTER, Geometry, Layout, RECORD};

/// What the entry knows of its value file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The key's hash xor the number of the form.
    pub(crate) seed: u64,
    /// Bytes of the value.
    pub(crate) length: u64,
    /// The checksum that was returned when it was written.
    pub(crate) checksum: u64,
}
