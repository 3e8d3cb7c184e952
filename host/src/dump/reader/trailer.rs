//! Reading the trailer.

use std::io::Read;

use super::fields::Fields;
use super::head::Head;
use super::input::Input;
use crate::dump::error::{Error, Result};

/// What a trailer says of the dump before it.
pub(super) struct Trailer {
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) sha256: Vec<u8>,
}

/// The trailer, of which the first name, `end`, was read. It can have no other fields, for nothing
/// would protect them.
pub(super) fn read<R: Read>(input: &mut Input<R>, mut fields: Fields) -> Result<Trailer> {
    let mut named = |input: &mut Input<R>, expected: &'static str, name: &str| match fields.next(input)? {
        Some((_, found)) if found == name => Ok(()),
        Some((offset, found)) => Err(Error::unexpected(offset, expected, format!("the field {found:?}"))),
        None => Err(Error::unexpected(input.offset(), expected, "the end of the trailer")),
    };
    let entries = input.unsigned("the number of entries")?;
    named(input, "the field `bytes` of the trailer", "bytes")?;
    let bytes = input.unsigned("the size of the dump")?;
    named(input, "the field `sha256` of the trailer", "sha256")?;
    let sha256 = match input.head("a SHA-256")? {
        (offset, Head::Bytes(Some(size))) => input.bytes_content(offset, size, "a SHA-256", 32)?,
        (offset, other) => return Err(Error::unexpected(offset, "a SHA-256", other.describe())),
    };
    match fields.next(input)? {
        None => Ok(Trailer { entries, bytes, sha256 }),
        Some((offset, _)) => Err(Error::unexpected(offset, "the end of the trailer", "another field")),
    }
}
