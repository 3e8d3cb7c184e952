//! Keys and values, borrowed where they are given and owned where they are returned.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::runtime::bindings::types;

/// Defines a type with the four cases of keys and values, and what both can do.
macro_rules! scalar {
    ($(#[$docs:meta])* $name:ident, $param:ident, $result:ident) => {
        $(#[$docs])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name<'a> {
            /// A 64-bit signed integer.
            Integer(i64),
            /// A 64-bit float.
            Real(f64),
            /// Unicode text.
            Text(Cow<'a, str>),
            /// Any bytes.
            Bytes(Cow<'a, [u8]>),
        }

        impl $name<'_> {
            /// The same without borrowing.
            pub fn into_owned(self) -> $name<'static> {
                match self {
                    Self::Integer(integer) => $name::Integer(integer),
                    Self::Real(real) => $name::Real(real),
                    Self::Text(text) => $name::Text(Cow::Owned(text.into_owned())),
                    Self::Bytes(bytes) => $name::Bytes(Cow::Owned(bytes.into_owned())),
                }
            }

            /// The text, if it is text.
            pub fn as_text(&self) -> Option<&str> {
                if let Self::Text(text) = self { Some(text) } else { None }
            }

            /// The integer, if it is one.
            pub fn as_integer(&self) -> Option<i64> {
                if let Self::Integer(integer) = self { Some(*integer) } else { None }
            }

            /// The bytes of a text or of bytes.
            pub fn as_bytes(&self) -> Option<&[u8]> {
                match self {
                    Self::Text(text) => Some(text.as_bytes()),
                    Self::Bytes(bytes) => Some(bytes),
                    Self::Integer(_) | Self::Real(_) => None,
                }
            }

            pub(crate) fn as_param(&self) -> types::$param<'_> {
                match self {
                    Self::Integer(integer) => types::$param::Integer(*integer),
                    Self::Real(real) => types::$param::Real(*real),
                    Self::Text(text) => types::$param::Text(text),
                    Self::Bytes(bytes) => types::$param::Bytes(bytes),
                }
            }
        }

        impl From<types::$result> for $name<'static> {
            fn from(result: types::$result) -> Self {
                match result {
                    types::$result::Integer(integer) => Self::Integer(integer),
                    types::$result::Real(real) => Self::Real(real),
                    types::$result::Text(text) => Self::Text(text.into()),
                    types::$result::Bytes(bytes) => Self::Bytes(bytes.into()),
                }
            }
        }

        scalar!(@from $name, Integer, i64, |integer| integer);
        scalar!(@from $name, Integer, i32, i64::from);
        scalar!(@from $name, Integer, u32, i64::from);
        scalar!(@from $name, Real, f64, |real| real);
        scalar!(@from $name, Text, &'a str, Cow::Borrowed);
        scalar!(@from $name, Text, &'a String, |text| Cow::Borrowed(text.as_str()));
        scalar!(@from $name, Text, String, Cow::Owned);
        scalar!(@from $name, Bytes, &'a [u8], Cow::Borrowed);
        scalar!(@from $name, Bytes, &'a Vec<u8>, |bytes| Cow::Borrowed(bytes.as_slice()));
        scalar!(@from $name, Bytes, Vec<u8>, Cow::Owned);

        impl<'a, const N: usize> From<&'a [u8; N]> for $name<'a> {
            fn from(bytes: &'a [u8; N]) -> Self {
                Self::Bytes(Cow::Borrowed(bytes))
            }
        }

        impl<'a> From<&'a $name<'_>> for $name<'a> {
            fn from(other: &'a $name<'_>) -> Self {
                match other {
                    $name::Integer(integer) => Self::Integer(*integer),
                    $name::Real(real) => Self::Real(*real),
                    $name::Text(text) => Self::Text(Cow::Borrowed(text)),
                    $name::Bytes(bytes) => Self::Bytes(Cow::Borrowed(bytes)),
                }
            }
        }
    };
    (@from $name:ident, $case:ident, $source:ty, $convert:expr) => {
        impl<'a> From<$source> for $name<'a> {
            fn from(source: $source) -> Self {
                let convert: fn($source) -> _ = $convert;
                Self::$case(convert(source))
            }
        }
    };
}

scalar! {
    /// What an entry is found by, at most 64 KiB.
    ///
    /// Ordered as numbers by value, then text by its UTF-8 bytes, then bytes; `Integer(1)` and
    /// `Real(1.0)` are the same key of a cache. A real that is not a number is refused.
    ///
    /// ```
    /// use larder::Key;
    /// assert_eq!(Key::from("user:7").as_text(), Some("user:7"));
    /// assert_eq!(Key::from(7), Key::Integer(7));
    /// assert_eq!(Key::from(b"raw").as_bytes(), Some(&b"raw"[..]));
    /// ```
    Key, KeyParam, KeyResult
}

scalar! {
    /// What an entry holds, given back bit for bit; at most 128 MiB.
    ///
    /// ```
    /// use larder::Value;
    /// assert_eq!(Value::from("text"), Value::Text("text".into()));
    /// assert_eq!(Value::from(2.5), Value::Real(2.5));
    /// ```
    Value, ValueParam, ValueResult
}

/// Largest value, in bytes.
pub const VALUE_LIMIT: usize = 128 * 1024 * 1024;

impl Value<'_> {
    /// Refuses a value that the component would refuse, before it is copied into its memory.
    pub(crate) fn check_size(&self) -> Result<()> {
        let size = self.as_bytes().map_or(8, <[u8]>::len);
        if size > VALUE_LIMIT {
            return Err(Error::TooLarge { what: "the value".into(), size: size as u64, limit: VALUE_LIMIT as u64 });
        }
        Ok(())
    }

    /// The type in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Integer(_) => "an integer",
            Self::Real(_) => "a real",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
        }
    }
}

/// A value that can be added to.
///
/// ```
/// use larder::Number;
/// assert_eq!(Number::from(3), Number::Integer(3));
/// assert_eq!(Number::from(0.5), Number::Real(0.5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A 64-bit signed integer.
    Integer(i64),
    /// A 64-bit float.
    Real(f64),
}

impl From<i64> for Number {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<f64> for Number {
    fn from(real: f64) -> Self {
        Self::Real(real)
    }
}

impl From<types::Number> for Number {
    fn from(number: types::Number) -> Self {
        match number {
            types::Number::Integer(integer) => Self::Integer(integer),
            types::Number::Real(real) => Self::Real(real),
        }
    }
}

impl From<Number> for types::Number {
    fn from(number: Number) -> Self {
        match number {
            Number::Integer(integer) => Self::Integer(integer),
            Number::Real(real) => Self::Real(real),
        }
    }
}
