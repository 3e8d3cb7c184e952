//! Values of any type that serde can write, encoded with postcard.

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
        let bytes = postcard::to_stdvec(value).map_err(|error| Error::Encoding(error.to_string()))?;
        self.set_with(key, bytes, options)
    }

    /// The live value under a key as the type it was stored as with [`Cache::set_as`].
    ///
    /// A value that is not of this type is the error [`Error::Encoding`], as far as it shows: the
    /// encoding does not name types, so bytes of another type may happen to fit.
    pub fn get_as<'k, T: DeserializeOwned>(&self, key: impl Into<Key<'k>>) -> Result<Option<T>> {
        let key = key.into();
        let wrong =
            |what: String| Error::Encoding(format!("the value of {key:?} is not of the type asked for: {what}"));
        match self.get(&key)? {
            None => Ok(None),
            Some(Value::Bytes(bytes)) => {
                let (value, rest) = postcard::take_from_bytes(&bytes).map_err(|error| wrong(error.to_string()))?;
                if rest.is_empty() { Ok(Some(value)) } else { Err(wrong(format!("{} bytes are left", rest.len()))) }
            }
            Some(other) => Err(wrong(format!("it is {}", other.kind()))),
        }
    }
}
