//! The maps of which a dump consists, field by field.

use std::io::Read;

use super::head::Head;
use super::input::Input;
use crate::dump::error::{Error, Result};

/// Most bytes of the name of a field.
const NAME_LIMIT: usize = 64;

/// The fields of a map that are yet to be read.
pub(super) struct Fields {
    /// How many there are.
    pub(super) left: u64,
}

impl Fields {
    /// Enters a map that begins here.
    pub(super) fn enter<R: Read>(input: &mut Input<R>, expected: &'static str) -> Result<Self> {
        match input.head(expected)? {
            (_, Head::Map(Some(left))) => Ok(Self { left }),
            (offset, other) => Err(Error::unexpected(offset, expected, other.describe())),
        }
    }

    /// The name of the next field, and where it begins.
    pub(super) fn next<R: Read>(&mut self, input: &mut Input<R>) -> Result<Option<(u64, String)>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let offset = input.offset();
        Ok(Some((offset, input.text("the name of a field", NAME_LIMIT)?)))
    }
}

/// Takes in a field, which must be the first of its name.
pub(super) fn fill<T>(field: &mut Option<T>, offset: u64, content: T) -> Result<()> {
    match field.replace(content) {
        None => Ok(()),
        Some(_) => Err(repeated(offset)),
    }
}

pub(super) fn repeated(offset: u64) -> Error {
    Error::unexpected(offset, "each field once", "a field again")
}
