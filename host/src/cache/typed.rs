//! Values of any type that serde can write, encoded with postcard or as JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Cache;
use crate::error::{Error, Result};
use crate::options::SetOptions;
use crate::value::{Key, Value};

impl Cache {
    /// Stores a value of any type that serde can write, as the bytes of its
    /// [postcard](https://postcard.jamesmunns.com) encoding, and returns its version.
    ///
    /// ```
    /// #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    /// struct User { name: String, age: u8 }
    ///
    /// # let cache = larder::Cache::temporary()?;
    /// let user = User { name: "Ada".into(), age: 36 };
    /// cache.set_as("user:1", &user, &larder::SetOptions::new())?;
    /// assert_eq!(cache.get_as::<User>("user:1")?, Some(user));
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn set_as<'k, T: Serialize + ?Sized>(
        &self,
        key: impl Into<Key<'k>>,
        value: &T,
        options: &SetOptions,
    ) -> Result<u64> {
        self.set_with(key, encode(value)?, options)
    }

    /// Stores a value of any type that serde can write as JSON text, which programs in other languages
    /// can read, and returns its version.
    ///
    /// ```
    /// # let cache = larder::Cache::temporary()?;
    /// cache.set_json("sizes", &[1, 2, 3], &larder::SetOptions::new())?;
    /// assert_eq!(cache.get("sizes")?, Some("[1,2,3]".into()));
    /// assert_eq!(cache.get_json::<Vec<u8>>("sizes")?, Some(vec![1, 2, 3]));
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn set_json<'k, T: Serialize + ?Sized>(
        &self,
        key: impl Into<Key<'k>>,
        value: &T,
        options: &SetOptions,
    ) -> Result<u64> {
        let text = serde_json::to_string(value).map_err(|error| Error::Encoding(error.to_string()))?;
        self.set_with(key, text, options)
    }

    /// The live value under a key, which is JSON text or bytes, as a type that serde can read.
    pub fn get_json<'k, T: DeserializeOwned>(&self, key: impl Into<Key<'k>>) -> Result<Option<T>> {
        let key = key.into();
        let Some(value) = self.get(&key)? else { return Ok(None) };
        let read = match &value {
            Value::Text(text) => serde_json::from_str(text),
            Value::Bytes(bytes) => serde_json::from_slice(bytes),
            other => {
                return Err(Error::Encoding(format!("the value of {key:?} is not JSON text but {}", other.kind())));
            }
        };
        let wrong = |error: serde_json::Error| {
            Error::Encoding(format!("the value of {key:?} is not JSON of the type asked for: {error}"))
        };
        read.map(Some).map_err(wrong)
    }

    /// The live value under a key as the type it was stored as with [`Cache::set_as`].
    ///
    /// A value that is not of this type is the error [`Error::Encoding`], as far as it shows: the
    /// encoding does not name types, so bytes of another type may happen to fit.
    pub fn get_as<'k, T: DeserializeOwned>(&self, key: impl Into<Key<'k>>) -> Result<Option<T>> {
        let key = key.into();
        self.get(&key)?.map(|value| decode(&key, &value)).transpose()
    }
}

/// A value as it is stored.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>> {
    postcard::to_stdvec(value).map_err(|error| Error::Encoding(error.to_string()))
}

/// The value of a key as the type it was stored as.
pub(super) fn decode<T: DeserializeOwned>(key: &Key<'_>, value: &Value<'_>) -> Result<T> {
    decode_as(value, || format!("the value of {key:?}"))
}

/// A value as the type it was stored as; `subject` is what errors call it.
pub(super) fn decode_as<T: DeserializeOwned>(value: &Value<'_>, subject: impl Fn() -> String) -> Result<T> {
    let wrong = |what: String| Error::Encoding(format!("{} is not of the type asked for: {what}", subject()));
    let Value::Bytes(bytes) = value else { return Err(wrong(format!("it is {}", value.kind()))) };
    let (decoded, rest) = postcard::take_from_bytes(bytes).map_err(|error| wrong(error.to_string()))?;
    if rest.is_empty() { Ok(decoded) } else { Err(wrong(format!("{} bytes are left", rest.len()))) }
}
