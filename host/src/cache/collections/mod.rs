//! Deques and indexes: collections of values by name that are never evicted.
//!
//! | file | holds |
//! |---|---|
//! | `deque` | values in a line |
//! | `index` | values by key |
//! | `codec` | how values of a type become those of a collection, and keys |
//! | `scope` | whether work is done at once or in a transaction |
//! | `cursor` | enumerating them |
//! | `asynchronous` | waiting for values in asynchronous programs |

#[cfg(feature = "async")]
mod asynchronous;
mod codec;
mod cursor;
mod deque;
mod index;
mod scope;

pub use codec::{Codec, FromKey, Json, Plain, Postcard};
pub use cursor::{DequeValues, IndexItems, IndexKeys};
pub use deque::Deque;
pub use index::{Index, IndexScan};
pub use scope::{InTransaction, Scope};

use super::{Cache, Transaction};
use crate::error::Result;
use crate::value::Value;

impl Cache {
    /// The deque of a name, whose values are of a type that serde can write, as bytes of their postcard
    /// encoding. Nothing is made on disk before something is put into it.
    ///
    /// ```
    /// # let cache = larder::Cache::temporary()?;
    /// let jobs = cache.deque::<(u32, String)>("jobs");
    /// jobs.push_back(&(1, "first".into()))?;
    /// jobs.push_back(&(2, "second".into()))?;
    /// assert_eq!(jobs.pop_front()?, Some((1, "first".into())));
    /// assert_eq!(jobs.get(-1)?, Some((2, "second".into())));
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn deque<T>(&self, name: impl Into<String>) -> Deque<T> {
        Deque::named(self.clone(), name.into())
    }

    /// The deque of a name, whose values are JSON text, for programs in other languages.
    pub fn deque_json<T>(&self, name: impl Into<String>) -> Deque<T, Json> {
        Deque::named(self.clone(), name.into())
    }

    /// The deque of a name, whose values are plain ones, as programs in other languages have them.
    pub fn deque_plain(&self, name: impl Into<String>) -> Deque<Value<'static>, Plain> {
        Deque::named(self.clone(), name.into())
    }

    /// The index of a name, whose values are of a type that serde can write, as bytes of their postcard
    /// encoding. Nothing is made on disk before something is put into it.
    ///
    /// ```
    /// # let cache = larder::Cache::temporary()?;
    /// let ages = cache.index::<String, u8>("ages");
    /// ages.set("Ada", &36)?;
    /// ages.set("Charles", &79)?;
    /// assert_eq!(ages.get("Ada")?, Some(36));
    /// assert_eq!(ages.pop_last()?, Some(("Charles".into(), 79)));
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn index<K, V>(&self, name: impl Into<String>) -> Index<K, V> {
        Index::named(self.clone(), name.into())
    }

    /// The index of a name, whose values are JSON text, for programs in other languages.
    pub fn index_json<K, V>(&self, name: impl Into<String>) -> Index<K, V, Json> {
        Index::named(self.clone(), name.into())
    }

    /// The index of a name, whose values are plain ones, as programs in other languages have them.
    pub fn index_plain<K>(&self, name: impl Into<String>) -> Index<K, Value<'static>, Plain> {
        Index::named(self.clone(), name.into())
    }

    /// The names of the deques that hold something or are bounded, in order.
    pub fn deques(&self) -> Result<Vec<String>> {
        self.run(|instance| instance.collections(|guest, store, cache| guest.call_deques(store, cache)))
    }

    /// The names of the indexes that hold something, or a queue of which does, in order.
    pub fn indexes(&self) -> Result<Vec<String>> {
        self.run(|instance| instance.collections(|guest, store, cache| guest.call_indexes(store, cache)))
    }
}

impl Transaction {
    /// As [`Cache::deque`], as a part of the transaction.
    ///
    /// ```
    /// # let cache = larder::Cache::temporary()?;
    /// cache.deque("in").push_back(&7)?;
    /// cache.transaction(|transaction| {
    ///     let job: Option<i32> = transaction.deque("in").pop_front()?;
    ///     transaction.deque("done").extend_back(job.iter())
    /// })?;
    /// assert_eq!(cache.deque::<i32>("done").to_vec()?, [7]);
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn deque<T>(&mut self, name: impl Into<String>) -> Deque<T, Postcard, InTransaction<'_>> {
        Deque::named(InTransaction::new(self), name.into())
    }

    /// As [`Cache::deque_json`], as a part of the transaction.
    pub fn deque_json<T>(&mut self, name: impl Into<String>) -> Deque<T, Json, InTransaction<'_>> {
        Deque::named(InTransaction::new(self), name.into())
    }

    /// As [`Cache::deque_plain`], as a part of the transaction.
    pub fn deque_plain(&mut self, name: impl Into<String>) -> Deque<Value<'static>, Plain, InTransaction<'_>> {
        Deque::named(InTransaction::new(self), name.into())
    }

    /// As [`Cache::index`], as a part of the transaction.
    pub fn index<K, V>(&mut self, name: impl Into<String>) -> Index<K, V, Postcard, InTransaction<'_>> {
        Index::named(InTransaction::new(self), name.into())
    }

    /// As [`Cache::index_json`], as a part of the transaction.
    pub fn index_json<K, V>(&mut self, name: impl Into<String>) -> Index<K, V, Json, InTransaction<'_>> {
        Index::named(InTransaction::new(self), name.into())
    }

    /// As [`Cache::index_plain`], as a part of the transaction.
    pub fn index_plain<K>(&mut self, name: impl Into<String>) -> Index<K, Value<'static>, Plain, InTransaction<'_>> {
        Index::named(InTransaction::new(self), name.into())
    }
}
