//! The operations on keys and queues that a cache and a transaction have in common, written once.

use std::time::Duration;

use super::{Cache, Transaction};
use crate::error::Result;
use crate::options::{Entry, Expiry, Queued, SetOptions, Side, milliseconds};
use crate::runtime::bindings::types;
use crate::value::{Key, Number, Value};

/// An entry to be stored by [`Cache::set_many`].
#[derive(Debug, Clone, PartialEq)]
pub struct Draft<'a> {
    /// What it is to be found by.
    pub key: Key<'a>,
    /// What it holds.
    pub value: Value<'a>,
    /// When it expires and which labels it bears.
    pub options: SetOptions,
}

impl<'a> Draft<'a> {
    /// An entry with the directory's default time to live and no tags.
    pub fn new(key: impl Into<Key<'a>>, value: impl Into<Value<'a>>) -> Self {
        Self { key: key.into(), value: value.into(), options: SetOptions::new() }
    }

    /// The same with other options.
    #[must_use]
    pub fn with(mut self, options: SetOptions) -> Self {
        self.options = options;
        self
    }

    fn as_param<'p>(&'p self, tags: &'p [&'p str]) -> types::Draft<'p> {
        types::Draft { key: self.key.as_param(), value: self.value.as_param(), options: self.options.as_param(tags) }
    }
}

/// The methods, with the reference by which `self` is taken.
macro_rules! item_operations {
    ($($reference:tt)+) => {
        /// The live value under a key. A hit counts for the eviction policy.
        pub fn get<'k>($($reference)+ self, key: impl Into<Key<'k>>) -> Result<Option<Value<'static>>> {
            let key = key.into();
            let value = self.call(|call| call.guest.call_get(call.store, call.resource, key.as_param()))?;
            Ok(value.map(Value::from))
        }

        /// The live entry under a key: its value with all that is known of it.
        ///
        /// ```
        /// # let cache = larder::Cache::temporary()?;
        /// cache.set_with("k", 1, &larder::SetOptions::new().tag("numbers"))?;
        /// let entry = cache.get_entry("k")?.expect("just stored");
        /// assert_eq!(entry.metadata.tags, ["numbers"]);
        /// # Ok::<(), larder::Error>(())
        /// ```
        pub fn get_entry<'k>($($reference)+ self, key: impl Into<Key<'k>>) -> Result<Option<Entry>> {
            let key = key.into();
            let entry = self.call(|call| call.guest.call_get_entry(call.store, call.resource, key.as_param()))?;
            Ok(entry.map(Entry::from))
        }

        /// Stores a value, whatever was there, and returns its version.
        pub fn set<'k, 'v>($($reference)+ self, key: impl Into<Key<'k>>, value: impl Into<Value<'v>>) -> Result<u64> {
            self.set_with(key, value, &SetOptions::new())
        }

        /// Stores a value with a time to live or tags.
        pub fn set_with<'k, 'v>(
            $($reference)+ self,
            key: impl Into<Key<'k>>,
            value: impl Into<Value<'v>>,
            options: &SetOptions,
        ) -> Result<u64> {
            let (key, value, tags) = (key.into(), value.into(), options.tags());
            value.check_size()?;
            self.call(|call| {
                let options = options.as_param(&tags);
                call.guest.call_set(call.store, call.resource, key.as_param(), value.as_param(), options)
            })
        }

        /// Stores a value if the key has none that is live. Returns its version, none if the key was
        /// taken.
        pub fn add<'k, 'v>(
            $($reference)+ self,
            key: impl Into<Key<'k>>,
            value: impl Into<Value<'v>>,
            options: &SetOptions,
        ) -> Result<Option<u64>> {
            let (key, value, tags) = (key.into(), value.into(), options.tags());
            value.check_size()?;
            self.call(|call| {
                let options = options.as_param(&tags);
                call.guest.call_add(call.store, call.resource, key.as_param(), value.as_param(), options)
            })
        }

        /// Removes an entry. Returns whether there was one that was live.
        pub fn delete<'k>($($reference)+ self, key: impl Into<Key<'k>>) -> Result<bool> {
            let key = key.into();
            self.call(|call| call.guest.call_delete(call.store, call.resource, key.as_param()))
        }

        /// Gives a live entry a new expiry, counted from now. Returns whether there was one.
        pub fn touch<'k>($($reference)+ self, key: impl Into<Key<'k>>, expiry: impl Into<Expiry>) -> Result<bool> {
            let (key, expiry) = (key.into(), expiry.into());
            self.call(|call| call.guest.call_touch(call.store, call.resource, key.as_param(), expiry.into()))
        }

        /// Adds to an integer and returns the sum; an absent one counts as 0.
        ///
        /// ```
        /// # let cache = larder::Cache::temporary()?;
        /// assert_eq!(cache.increment("visits", 1)?, 1);
        /// assert_eq!(cache.increment("visits", 10)?, 11);
        /// # Ok::<(), larder::Error>(())
        /// ```
        pub fn increment<'k>($($reference)+ self, key: impl Into<Key<'k>>, delta: i64) -> Result<i64> {
            let key = key.into();
            match self.increment_with(&key, delta, Some(0.into()), &SetOptions::new())? {
                Some(Number::Integer(sum)) => Ok(sum),
                other => Err(crate::Error::WrongType(format!("the sum under {key:?} is no integer but {other:?}"))),
            }
        }

        /// Adds to a number and returns the sum. A live entry keeps its expiry and tags. An absent one
        /// is stored as `initial` plus `delta`, with `options`; without `initial` nothing is done and
        /// none returned.
        pub fn increment_with<'k>(
            $($reference)+ self,
            key: impl Into<Key<'k>>,
            delta: impl Into<Number>,
            initial: Option<Number>,
            options: &SetOptions,
        ) -> Result<Option<Number>> {
            let (key, delta, tags) = (key.into(), types::Number::from(delta.into()), options.tags());
            let sum = self.call(|call| {
                let (initial, options) = (initial.map(Into::into), options.as_param(&tags));
                call.guest.call_increment(call.store, call.resource, key.as_param(), delta, initial, options)
            })?;
            Ok(sum.map(Number::from))
        }

        /// Whether a key has a live entry. Counts neither for the policy nor for statistics.
        pub fn contains<'k>($($reference)+ self, key: impl Into<Key<'k>>) -> Result<bool> {
            let key = key.into();
            self.call(|call| call.guest.call_contains(call.store, call.resource, key.as_param()))
        }

        /// As [`Self::get_entry`], but an entry that was stored longer ago than this is not found.
        pub fn get_recent<'k>($($reference)+ self, key: impl Into<Key<'k>>, max_age: Duration) -> Result<Option<Entry>> {
            let (key, age) = (key.into(), milliseconds(max_age));
            let entry = self.call(|call| call.guest.call_get_recent(call.store, call.resource, key.as_param(), age))?;
            Ok(entry.map(Entry::from))
        }

        /// Stores a value if the live entry has the version `expected`, or, with none, if there is no live
        /// entry. Returns the new version, none if it was another.
        ///
        /// ```
        /// # let cache = larder::Cache::temporary()?;
        /// # let options = larder::SetOptions::new();
        /// let first = cache.compare_and_set("k", None, "one", &options)?;
        /// assert!(first.is_some());
        /// assert_eq!(cache.compare_and_set("k", Some(0), "two", &options)?, None);
        /// assert!(cache.compare_and_set("k", first, "two", &options)?.is_some());
        /// # Ok::<(), larder::Error>(())
        /// ```
        pub fn compare_and_set<'k, 'v>(
            $($reference)+ self,
            key: impl Into<Key<'k>>,
            expected: Option<u64>,
            value: impl Into<Value<'v>>,
            options: &SetOptions,
        ) -> Result<Option<u64>> {
            let (key, value, tags) = (key.into(), value.into(), options.tags());
            value.check_size()?;
            self.call(|call| {
                let (value, options) = (value.as_param(), options.as_param(&tags));
                call.guest.call_compare_and_set(call.store, call.resource, key.as_param(), expected, value, options)
            })
        }

        /// Removes an entry if it is live and has this version. Returns whether it had.
        pub fn compare_and_delete<'k>($($reference)+ self, key: impl Into<Key<'k>>, expected: u64) -> Result<bool> {
            let key = key.into();
            self.call(|call| call.guest.call_compare_and_delete(call.store, call.resource, key.as_param(), expected))
        }

        /// Removes a live entry and returns it.
        pub fn pop<'k>($($reference)+ self, key: impl Into<Key<'k>>) -> Result<Option<Entry>> {
            let key = key.into();
            let entry = self.call(|call| call.guest.call_pop(call.store, call.resource, key.as_param()))?;
            Ok(entry.map(Entry::from))
        }

        /// As [`Self::increment_with`], but subtracts.
        pub fn decrement_with<'k>(
            $($reference)+ self,
            key: impl Into<Key<'k>>,
            delta: impl Into<Number>,
            initial: Option<Number>,
            options: &SetOptions,
        ) -> Result<Option<Number>> {
            let (key, delta, tags) = (key.into(), types::Number::from(delta.into()), options.tags());
            let difference = self.call(|call| {
                let (initial, options) = (initial.map(Into::into), options.as_param(&tags));
                call.guest.call_decrement(call.store, call.resource, key.as_param(), delta, initial, options)
            })?;
            Ok(difference.map(Number::from))
        }

        /// The live values under many keys, in the order asked for.
        pub fn get_many<'k, K: Into<Key<'k>>>(
            $($reference)+ self,
            keys: impl IntoIterator<Item = K>,
        ) -> Result<Vec<Option<Value<'static>>>> {
            let keys: Vec<Key<'k>> = keys.into_iter().map(Into::into).collect();
            let keys: Vec<_> = keys.iter().map(Key::as_param).collect();
            let values = self.call(|call| call.guest.call_get_many(call.store, call.resource, &keys))?;
            Ok(values.into_iter().map(|value| value.map(Value::from)).collect())
        }

        /// Stores many values, all or, on an error, none. Returns their versions.
        ///
        /// ```
        /// # let cache = larder::Cache::temporary()?;
        /// use larder::Draft;
        /// cache.set_many([Draft::new("a", 1), Draft::new("b", 2)])?;
        /// assert_eq!(cache.get_many(["b", "x"])?, [Some(2.into()), None]);
        /// # Ok::<(), larder::Error>(())
        /// ```
        pub fn set_many<'d>($($reference)+ self, drafts: impl IntoIterator<Item = Draft<'d>>) -> Result<Vec<u64>> {
            let drafts: Vec<Draft<'d>> = drafts.into_iter().collect();
            drafts.iter().try_for_each(|draft| draft.value.check_size())?;
            let tags: Vec<Vec<&str>> = drafts.iter().map(|draft| draft.options.tags()).collect();
            let drafts: Vec<_> = drafts.iter().zip(&tags).map(|(draft, tags)| draft.as_param(tags)).collect();
            self.call(|call| call.guest.call_set_many(call.store, call.resource, &drafts))
        }

        /// Removes many entries, all or none. Returns for each key whether it was live.
        pub fn delete_many<'k, K: Into<Key<'k>>>(
            $($reference)+ self,
            keys: impl IntoIterator<Item = K>,
        ) -> Result<Vec<bool>> {
            let keys: Vec<Key<'k>> = keys.into_iter().map(Into::into).collect();
            let keys: Vec<_> = keys.iter().map(Key::as_param).collect();
            self.call(|call| call.guest.call_delete_many(call.store, call.resource, &keys))
        }

        /// Gives many live entries a new expiry, all or none. Returns for each key whether it was live.
        pub fn touch_many<'k, K: Into<Key<'k>>>(
            $($reference)+ self,
            keys: impl IntoIterator<Item = K>,
            expiry: impl Into<Expiry>,
        ) -> Result<Vec<bool>> {
            let keys: Vec<Key<'k>> = keys.into_iter().map(Into::into).collect();
            let (keys, expiry): (Vec<_>, _) = (keys.iter().map(Key::as_param).collect(), expiry.into());
            self.call(|call| call.guest.call_touch_many(call.store, call.resource, &keys, expiry.into()))
        }

        /// Adds a value at one end of a queue and returns its position. Queues need no making, and no
        /// key ever meets their entries.
        ///
        /// ```
        /// # let cache = larder::Cache::temporary()?;
        /// use larder::{SetOptions, Side};
        /// cache.push("jobs", "first", Side::Back, &SetOptions::new())?;
        /// cache.push("jobs", "second", Side::Back, &SetOptions::new())?;
        /// let job = cache.pull("jobs", Side::Front)?.expect("two were pushed");
        /// assert_eq!(job.entry.value, "first".into());
        /// # Ok::<(), larder::Error>(())
        /// ```
        pub fn push<'v>(
            $($reference)+ self,
            queue: &str,
            value: impl Into<Value<'v>>,
            side: Side,
            options: &SetOptions,
        ) -> Result<i64> {
            let (value, tags) = (value.into(), options.tags());
            value.check_size()?;
            self.call(|call| {
                let (value, options) = (value.as_param(), options.as_param(&tags));
                call.guest.call_push(call.store, call.resource, queue, value, side.into(), options)
            })
        }

        /// Removes the live value at one end of a queue and returns it.
        pub fn pull($($reference)+ self, queue: &str, side: Side) -> Result<Option<Queued>> {
            let queued = self.call(|call| call.guest.call_pull(call.store, call.resource, queue, side.into()))?;
            Ok(queued.map(Queued::from))
        }

        /// The live value at one end of a queue.
        pub fn peek($($reference)+ self, queue: &str, side: Side) -> Result<Option<Queued>> {
            let queued = self.call(|call| call.guest.call_peek(call.store, call.resource, queue, side.into()))?;
            Ok(queued.map(Queued::from))
        }

        /// Number of values in a queue, expired ones that were not yet removed included.
        pub fn queue_length($($reference)+ self, queue: &str) -> Result<u64> {
            self.call(|call| call.guest.call_queue_length(call.store, call.resource, queue))
        }

    };
}

impl Cache {
    item_operations!(&);
}

impl Transaction {
    item_operations!(&mut);
}
