//! Values and the form they have in the database.

use rusqlite::types::{ToSqlOutput, Value as Column, ValueRef};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::content::{Codec, Seeds, pack, unpack};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::options::{Compression, INLINE_LIMIT};

/// Largest value that is stored or read as a whole, in bytes; larger ones are in parts.
pub const VALUE_LIMIT: usize = 128 * 1024 * 1024;

/// What an entry holds, given back bit for bit.
#[derive(Debug, Clone)]
pub enum Value {
    /// A 64-bit signed integer.
    Integer(i64),
    /// A 64-bit float, any bit pattern.
    Real(f64),
    /// Unicode text.
    Text(String),
    /// Any bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// The type's name as error messages use it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Integer(_) => "an integer",
            Self::Real(_) => "a real",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
        }
    }

    /// Checksum of the value under the key with this hash: XXH3-64 of the value's bytes (of a
    /// number the eight bytes, little endian), seeded with the key's hash and the form, so that a
    /// value never passes for that of another key or type.
    pub(crate) fn checksum(&self, key_hash: u64, form: Form) -> i64 {
        match self {
            Self::Integer(integer) => checksum(key_hash, form, &integer.to_le_bytes()),
            Self::Real(real) => checksum(key_hash, form, &real.to_bits().to_le_bytes()),
            Self::Text(text) => checksum(key_hash, form, text.as_bytes()),
            Self::Bytes(bytes) => checksum(key_hash, form, bytes),
        }
    }

    /// The bytes of a text or bytes value; none for numbers, which never have a file.
    pub(crate) fn file_content(&self) -> &[u8] {
        match self {
            Self::Integer(_) | Self::Real(_) => &[],
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// Size in bytes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Integer(_) | Self::Real(_) => 8,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// Refuses values that can not be stored.
    pub(crate) fn validate(&self, key: &Key) -> Result<()> {
        if self.size() > VALUE_LIMIT {
            return Err(Error::TooLarge {
                what: format!("the value of {key}"),
                size: self.size() as u64,
                limit: VALUE_LIMIT as u64,
            });
        }
        Ok(())
    }

    /// How the value is kept: in a file from `threshold` bytes on, if it is text or bytes.
    pub(crate) fn form(&self, threshold: u32) -> Form {
        let large = self.size() >= threshold as usize;
        match self {
            Self::Integer(_) => Form::Integer,
            Self::Real(_) => Form::Real,
            Self::Text(_) if large => Form::TextFile,
            Self::Text(_) => Form::Text,
            Self::Bytes(_) if large => Form::BytesFile,
            Self::Bytes(_) => Form::Bytes,
        }
    }

    /// The value from the bytes of a value file.
    pub(crate) fn from_file(form: Form, bytes: Vec<u8>) -> Option<Self> {
        match form {
            Form::TextFile => String::from_utf8(bytes).ok().map(Self::Text),
            Form::BytesFile => Some(Self::Bytes(bytes)),
            _ => None,
        }
    }

    /// The value from its column; none if the column does not fit the form.
    pub(crate) fn from_column(form: Form, column: ValueRef<'_>) -> Option<Self> {
        Some(match (form, column) {
            (Form::Integer, ValueRef::Integer(integer)) => Self::Integer(integer),
            (Form::Real, ValueRef::Integer(bits)) => Self::Real(f64::from_bits(bits.cast_unsigned())),
            (Form::Text, ValueRef::Text(text)) => Self::Text(std::str::from_utf8(text).ok()?.to_owned()),
            (Form::Bytes, ValueRef::Blob(bytes)) => Self::Bytes(bytes.to_vec()),
            (Form::PackedText, ValueRef::Blob(packed)) => Self::Text(String::from_utf8(unpack_column(packed)?).ok()?),
            (Form::PackedBytes, ValueRef::Blob(packed)) => Self::Bytes(unpack_column(packed)?),
            _ => return None,
        })
    }

    /// What goes into the value column, for a value that has no file; compressed if that saves space.
    pub(crate) fn to_column(&self, form: Form, compression: Compression) -> (Form, ToSqlOutput<'_>) {
        let (packed, bytes) = match self {
            Self::Integer(integer) => return (form, ToSqlOutput::Borrowed(ValueRef::Integer(*integer))),
            // The bits, because a REAL column turns NaN into NULL and loses the sign of zero.
            Self::Real(real) => {
                return (form, ToSqlOutput::Borrowed(ValueRef::Integer(real.to_bits().cast_signed())));
            }
            Self::Text(text) => (Form::PackedText, text.as_bytes()),
            Self::Bytes(bytes) => (Form::PackedBytes, bytes.as_slice()),
        };
        if let Some(column) = pack_column(bytes, compression) {
            return (packed, ToSqlOutput::Owned(Column::Blob(column)));
        }
        let column = if matches!(self, Self::Text(_)) { ValueRef::Text(bytes) } else { ValueRef::Blob(bytes) };
        (form, ToSqlOutput::Borrowed(column))
    }
}

/// Bytes ahead of a packed value in its column: the codec, and the length of the value as 32 bits,
/// little endian.
const PACKED_HEAD: usize = 5;
/// Values below this size are not worth compressing.
const PACKED_MINIMUM: usize = 64;

/// The column of a packed value; none if packing does not save space.
fn pack_column(bytes: &[u8], compression: Compression) -> Option<Vec<u8>> {
    if bytes.len() < PACKED_MINIMUM {
        return None;
    }
    let length = u32::try_from(bytes.len()).ok()?;
    let (codec, packed) = pack(bytes, compression)?;
    let mut column = Vec::with_capacity(PACKED_HEAD + packed.len());
    column.push(codec as u8);
    column.extend_from_slice(&length.to_le_bytes());
    column.extend_from_slice(&packed);
    (column.len() < bytes.len()).then_some(column)
}

/// The bytes of a packed value.
fn unpack_column(column: &[u8]) -> Option<Vec<u8>> {
    let (head, packed) = column.split_at_checked(PACKED_HEAD)?;
    let (codec, length) = head.split_first()?;
    let length = u32::from_le_bytes(length.try_into().ok()?);
    unpack(Codec::from_number(u32::from(*codec))?, packed, usize::try_from(length.min(INLINE_LIMIT)).ok()?)
}

/// How a value is kept in the database; the numbers are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Inline integer.
    Integer = 0,
    /// Inline real, as the integer of its bits.
    Real = 1,
    /// Inline text.
    Text = 2,
    /// Inline blob.
    Bytes = 3,
    /// Text in a value file.
    TextFile = 4,
    /// Bytes in a value file.
    BytesFile = 5,
    /// Inline text, compressed.
    PackedText = 6,
    /// Inline blob, compressed.
    PackedBytes = 7,
}

impl Form {
    /// Whether the value has a file of its own.
    pub(crate) fn is_file(self) -> bool {
        matches!(self, Self::TextFile | Self::BytesFile)
    }

    /// The form of a number in the database; none if no version of the format has it.
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        const ALL: [Form; 8] = [
            Form::Integer,
            Form::Real,
            Form::Text,
            Form::Bytes,
            Form::TextFile,
            Form::BytesFile,
            Form::PackedText,
            Form::PackedBytes,
        ];
        ALL.into_iter().find(|form| *form as i64 == number)
    }

    /// Whether the value is text.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::TextFile | Self::PackedText)
    }
}

/// What seeds the checksum of a value under the key with this hash.
fn seed(key_hash: u64, form: Form) -> u64 {
    key_hash ^ (form as u64)
}

/// What seeds the hashes of a value's file.
pub(crate) fn file_seeds(key_hash: u64, form: Form) -> Seeds {
    Seeds { chunks: key_hash, directory: seed(key_hash, form) }
}

fn checksum(key_hash: u64, form: Form, bytes: &[u8]) -> i64 {
    xxh3_64_with_seed(bytes, seed(key_hash, form)).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_survive_their_numbers() {
        for number in 0..8 {
            assert_eq!(Form::from_number(number).unwrap() as i64, number);
        }
        assert_eq!(Form::from_number(8), None);
        assert_eq!(Form::from_number(-1), None);
    }

    #[test]
    fn a_value_at_the_threshold_has_a_file_and_a_number_never() {
        assert_eq!(Value::Bytes(vec![0; 99]).form(100), Form::Bytes);
        assert_eq!(Value::Bytes(vec![0; 100]).form(100), Form::BytesFile);
        assert_eq!(Value::Text("x".repeat(100)).form(100), Form::TextFile);
        assert_eq!(Value::Integer(1).form(1), Form::Integer);
    }

    #[test]
    fn values_are_packed_where_that_saves_space_and_come_back() {
        let packed = |value: &Value, compression| {
            let (form, column) = value.to_column(value.form(u32::MAX), compression);
            let ToSqlOutput::Owned(Column::Blob(column)) = column else { return None };
            Some((form, column))
        };
        for compression in [Compression::Lz4, Compression::Zstd] {
            let text = Value::Text("tell me again, ".repeat(20));
            let (form, column) = packed(&text, compression).unwrap();
            assert!(form == Form::PackedText && column.len() < 100, "{}", column.len());
            let back = Value::from_column(form, ValueRef::Blob(&column));
            assert!(matches!((back, text), (Some(Value::Text(back)), Value::Text(text)) if back == text));
            let bytes = Value::Bytes(vec![0; 5000]);
            let (form, mut column) = packed(&bytes, compression).unwrap();
            assert!(
                matches!(Value::from_column(form, ValueRef::Blob(&column)), Some(Value::Bytes(back)) if back == [0; 5000])
            );
            // Not the length it says, no codec, too short for anything.
            column[4] = 0xff;
            assert!(Value::from_column(form, ValueRef::Blob(&column)).is_none());
            column[0] = 9;
            assert!(Value::from_column(form, ValueRef::Blob(&column)).is_none());
            assert!(Value::from_column(form, ValueRef::Blob(&column[..3])).is_none());
            for plain in [Value::Bytes(vec![0; PACKED_MINIMUM - 1]), Value::Integer(1), Value::Text("short".into())] {
                assert!(packed(&plain, compression).is_none());
            }
        }
    }

    #[test]
    fn a_checksum_is_bound_to_key_and_form() {
        let sum = checksum(1, Form::Text, b"value");
        assert_ne!(sum, checksum(2, Form::Text, b"value"));
        assert_ne!(sum, checksum(1, Form::Bytes, b"value"));
        assert_ne!(sum, checksum(1, Form::Text, b"valuf"));
    }
}
