//! How values of a type become those of a collection, and keys those of an index.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cache::typed::{decode_as, encode};
use crate::error::{Error, Result};
use crate::value::{Key, Value};

/// How values of a type become those of a collection, and back.
pub trait Codec<T> {
    /// The value as it is stored.
    fn encode(value: &T) -> Result<Value<'_>>;

    /// The value that was stored.
    fn decode(value: Value<'static>) -> Result<T>;
}

/// Values that serde can write, as the bytes of their [postcard](https://postcard.jamesmunns.com) encoding.
#[derive(Debug, Clone, Copy)]
pub enum Postcard {}

/// Values that serde can write, as JSON text.
#[derive(Debug, Clone, Copy)]
pub enum Json {}

/// Plain values, as they are.
#[derive(Debug, Clone, Copy)]
pub enum Plain {}

impl<T: Serialize + DeserializeOwned> Codec<T> for Postcard {
    fn encode(value: &T) -> Result<Value<'_>> {
        Ok(encode(value)?.into())
    }

    fn decode(value: Value<'static>) -> Result<T> {
        decode_as(&value, || "a value".to_owned())
    }
}

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    fn encode(value: &T) -> Result<Value<'_>> {
        let text = serde_json::to_string(value).map_err(|error| Error::Encoding(error.to_string()))?;
        Ok(text.into())
    }

    fn decode(value: Value<'static>) -> Result<T> {
        let bytes = value.as_bytes().ok_or_else(|| mismatch(&format!("it is {}", value.kind())))?;
        serde_json::from_slice(bytes).map_err(|error| mismatch(&error.to_string()))
    }
}

impl Codec<Value<'static>> for Plain {
    fn encode<'v>(value: &'v Value<'static>) -> Result<Value<'v>> {
        Ok(value.into())
    }

    fn decode(value: Value<'static>) -> Result<Value<'static>> {
        Ok(value)
    }
}

fn mismatch(what: &str) -> Error {
    Error::Encoding(format!("a value is not of the type asked for: {what}"))
}

/// Types that keys of an index can be read as.
pub trait FromKey: Sized {
    /// The key as this type; the error [`Error::Encoding`] if it is of another.
    fn from_key(key: Key<'static>) -> Result<Self>;
}

/// Implements [`FromKey`] for the type of a case.
macro_rules! from_key {
    ($type:ty, $case:ident) => {
        impl FromKey for $type {
            fn from_key(key: Key<'static>) -> Result<Self> {
                match key {
                    Key::$case(inner) => Ok(inner.into()),
                    other => Err(Error::Encoding(format!("the key {other:?} is not of the type asked for"))),
                }
            }
        }
    };
}

from_key!(String, Text);
from_key!(Vec<u8>, Bytes);
from_key!(i64, Integer);
from_key!(f64, Real);

impl FromKey for Key<'static> {
    fn from_key(key: Key<'static>) -> Result<Self> {
        Ok(key)
    }
}

/// Implements [`FromKey`] for integers that need not fit.
macro_rules! from_integer_key {
    ($($type:ty)*) => {
        $(
            impl FromKey for $type {
                fn from_key(key: Key<'static>) -> Result<Self> {
                    let fitting = key.as_integer().and_then(|integer| Self::try_from(integer).ok());
                    fitting.ok_or_else(|| Error::Encoding(format!("the key {key:?} is not of the type asked for")))
                }
            }
        )*
    };
}

from_integer_key!(i32 u32);
