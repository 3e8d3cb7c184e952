//! Keys on the command line.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt::Write;

use clap::{Args, ValueEnum};
use larder::Key;

use crate::cli::failure::Failure;

/// How a key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum KeyType {
    /// Unicode text
    #[default]
    Text,
    /// A 64-bit signed integer
    Integer,
    /// A 64-bit floating-point number
    Real,
    /// Bytes, two hexadecimal digits each
    Hex,
}

/// A key and its type.
#[derive(Args)]
pub(crate) struct KeyArgument {
    /// The key
    #[arg(allow_negative_numbers = true)]
    key: OsString,

    /// How the key is written; keys of different types are different keys
    #[arg(long, value_enum, default_value_t, value_name = "TYPE")]
    key_type: KeyType,
}

impl KeyArgument {
    /// The key.
    pub(crate) fn key(&self) -> Result<Key<'static>, Failure> {
        self.key_type.parse(&self.key)
    }
}

impl KeyType {
    /// The key that an argument stands for.
    pub(crate) fn parse(self, argument: &OsStr) -> Result<Key<'static>, Failure> {
        let text = argument.to_str().ok_or_else(|| {
            let shown = argument.to_string_lossy();
            Failure::Usage(format!("the key {shown:?} is not UTF-8: write it in hexadecimal, with --key-type hex"))
        })?;
        let wrong = |what| Failure::Usage(format!("the key {text:?} is not {what}"));
        match self {
            Self::Text => Ok(Key::Text(Cow::Owned(text.to_owned()))),
            Self::Integer => text.parse().map(Key::Integer).map_err(|_| wrong("a 64-bit integer")),
            Self::Real => match text.parse::<f64>() {
                Ok(real) if !real.is_nan() => Ok(Key::Real(real)),
                _ => Err(wrong("a real number")),
            },
            Self::Hex => from_hex(text)
                .map(|bytes| Key::Bytes(Cow::Owned(bytes)))
                .ok_or_else(|| wrong("hexadecimal: two digits for each byte")),
        }
    }

    /// The type of a key.
    pub(crate) fn of(key: &Key<'_>) -> Self {
        match key {
            Key::Integer(_) => Self::Integer,
            Key::Real(_) => Self::Real,
            Key::Text(_) => Self::Text,
            Key::Bytes(_) => Self::Hex,
        }
    }
}

/// A key as [`KeyType::parse`] reads it.
pub(crate) fn show<'a>(key: &'a Key<'_>) -> Cow<'a, str> {
    match key {
        Key::Integer(integer) => integer.to_string().into(),
        // With a point or an exponent, so that it does not look like an integer.
        Key::Real(real) => format!("{real:?}").into(),
        Key::Text(text) => Cow::Borrowed(text),
        Key::Bytes(bytes) => to_hex(bytes).into(),
    }
}

/// Two hexadecimal digits for each byte.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string can not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = pairs.iter().map(|&[high, low]| Some((digit(high)? << 4) | digit(low)?)).collect();
    if rest.is_empty() { bytes } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_what_is_read() {
        for key in [
            Key::from("user:1"),
            Key::from(""),
            Key::from(-7),
            Key::from(i64::MIN),
            Key::from(1.0),
            Key::from(-2.5e300),
            Key::from(f64::INFINITY),
            Key::from(b"\x00\xff"),
        ] {
            let shown = show(&key).into_owned();
            assert_eq!(KeyType::of(&key).parse(OsStr::new(&shown)).unwrap(), key);
        }
    }

    #[test]
    fn what_is_no_key_is_refused_with_its_text() {
        for (key_type, text) in [
            (KeyType::Integer, "1.5"),
            (KeyType::Integer, "9223372036854775808"),
            (KeyType::Real, "NaN"),
            (KeyType::Real, "one"),
            (KeyType::Hex, "0"),
            (KeyType::Hex, "0g"),
            (KeyType::Hex, "+f"),
        ] {
            let error = key_type.parse(OsStr::new(text)).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
