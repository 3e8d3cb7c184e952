//! Indexes.

use std::fmt;
use std::marker::PhantomData;

use super::codec::{Codec, FromKey, Postcard};
use super::cursor::{IndexItems, IndexKeys};
use super::deque::Deque;
use super::scope::{Place, Scope};
use crate::cache::Cache;
use crate::error::Result;
use crate::options::{Order, Selection, Side};
use crate::runtime::bindings::collections as wit;
use crate::value::{Key, Value};

/// A mapping that keeps the order in which its keys came in, by name; made by [`Cache::index`].
///
/// All handles and processes that use the directory have the same index under a name. Its values never
/// expire and are never evicted. Every method is atomic, and costs the same however much it holds, unless
/// it says otherwise. A key may be given as whatever a [`Key`] can be made of; it is returned as `K`.
pub struct Index<K, V, C = Postcard, S = Cache> {
    scope: S,
    name: String,
    place: Place,
    kind: Types<K, V, C>,
}

/// What an index is of, without having any of it.
pub(super) type Types<K, V, C> = PhantomData<fn() -> (K, V, C)>;

/// What to enumerate of an index: all of it in the order of arrival unless told otherwise.
#[derive(Debug, Clone, Default)]
pub struct IndexScan {
    /// Which keys: [`Selection::All`], those with a prefix or in a range.
    pub selection: Selection,
    /// In which order.
    pub order: Order,
    /// From the end.
    pub reverse: bool,
}

impl IndexScan {
    pub(super) fn as_param(&self) -> wit::IndexScan<'_> {
        wit::IndexScan { selection: self.selection.as_param(), order: self.order.into(), reverse: self.reverse }
    }
}

impl<K, V, C, S: Clone> Clone for Index<K, V, C, S> {
    fn clone(&self) -> Self {
        Self::named(self.scope.clone(), self.name.clone())
    }
}

impl<K, V, C, S> fmt::Debug for Index<K, V, C, S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Index").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<K, V, C, S> Index<K, V, C, S> {
    pub(super) fn named(scope: S, name: String) -> Self {
        Self { scope, place: Place::Index(name.clone()), name, kind: PhantomData }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A queue of its own, by name: a deque that belongs to it, of values of any type. [`Index::clear`]
    /// leaves it alone.
    pub fn queue<T>(&self, name: impl Into<String>) -> Deque<T, C, S>
    where
        S: Clone,
    {
        Deque::at(self.scope.clone(), self.queue_place(name.into()))
    }

    /// [`Index::queue`] for an index in a transaction.
    pub fn into_queue<T>(self, name: impl Into<String>) -> Deque<T, C, S> {
        let place = self.queue_place(name.into());
        Deque::at(self.scope, place)
    }

    fn queue_place(&self, name: String) -> Place {
        Place::Queue { index: self.name.clone(), name }
    }
}

impl<K: FromKey, V, C: Codec<V>, S: Scope> Index<K, V, C, S> {
    /// The names of its queues that hold something or are bounded, in order; not in a transaction.
    pub fn queues(&self) -> Result<Vec<String>> {
        self.place.call(&self.scope, |guest, store, index| guest.index().call_queues(store, index))
    }

    /// Number of keys.
    pub fn len(&self) -> Result<u64> {
        self.place.call(&self.scope, |guest, store, index| guest.index().call_length(store, index))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// The value under a key.
    pub fn get<'k>(&self, key: impl Into<Key<'k>>) -> Result<Option<V>> {
        self.find(&key.into())?.map(C::decode).transpose()
    }

    /// Whether there is a key.
    pub fn contains<'k>(&self, key: impl Into<Key<'k>>) -> Result<bool> {
        Ok(self.find(&key.into())?.is_some())
    }

    fn find(&self, key: &Key<'_>) -> Result<Option<Value<'static>>> {
        let value =
            self.place.call(&self.scope, |guest, store, index| guest.index().call_get(store, index, key.as_param()))?;
        Ok(value.map(Value::from))
    }

    /// Stores a value; whether the key had one before, whose place it then takes.
    pub fn set<'k>(&self, key: impl Into<Key<'k>>, value: &V) -> Result<bool> {
        let (key, value) = (key.into(), Self::encode(value)?);
        self.place.call(&self.scope, |guest, store, index| {
            guest.index().call_set(store, index, key.as_param(), value.as_param())
        })
    }

    /// Stores values in turn, all or, on an error, none; for each whether its key had one before.
    ///
    /// ```
    /// # let cache = larder::Cache::temporary()?;
    /// let sizes = cache.index::<String, u64>("sizes");
    /// sizes.update([("a", &1), ("b", &2)])?;
    /// assert_eq!(sizes.update([("b", &3), ("c", &4)])?, [true, false]);
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn update<'v, 'k, Q: Into<Key<'k>>>(&self, items: impl IntoIterator<Item = (Q, &'v V)>) -> Result<Vec<bool>>
    where
        V: 'v,
    {
        let items = items.into_iter().map(|(key, value)| Ok((key.into(), Self::encode(value)?)));
        let items = items.collect::<Result<Vec<(Key<'k>, Value<'v>)>>>()?;
        let items: Vec<_> = items
            .iter()
            .map(|(key, value)| wit::IndexItemParam { key: key.as_param(), value: value.as_param() })
            .collect();
        self.place.call(&self.scope, |guest, store, index| guest.index().call_update(store, index, &items))
    }

    /// The value under a key, after storing this one if there was none.
    pub fn set_default<'k>(&self, key: impl Into<Key<'k>>, value: &V) -> Result<V> {
        let (key, value) = (key.into(), Self::encode(value)?);
        let (value, _) = self.place.call(&self.scope, |guest, store, index| {
            guest.index().call_set_default(store, index, key.as_param(), value.as_param())
        })?;
        C::decode(value.into())
    }

    /// Removes a key; whether it was there.
    pub fn delete<'k>(&self, key: impl Into<Key<'k>>) -> Result<bool> {
        let key = key.into();
        self.place.call(&self.scope, |guest, store, index| guest.index().call_delete(store, index, key.as_param()))
    }

    /// Removes a key and returns its value.
    pub fn pop<'k>(&self, key: impl Into<Key<'k>>) -> Result<Option<V>> {
        let key = key.into();
        let value =
            self.place.call(&self.scope, |guest, store, index| guest.index().call_pop(store, index, key.as_param()))?;
        value.map(|value| C::decode(value.into())).transpose()
    }

    /// The first key that came in, with its value.
    pub fn first(&self) -> Result<Option<(K, V)>> {
        self.end(Side::Front, false)
    }

    /// The last key that came in, with its value.
    pub fn last(&self) -> Result<Option<(K, V)>> {
        self.end(Side::Back, false)
    }

    /// Removes the first key that came in, and returns it with its value.
    pub fn pop_first(&self) -> Result<Option<(K, V)>> {
        self.end(Side::Front, true)
    }

    /// Removes the last key that came in, and returns it with its value.
    pub fn pop_last(&self) -> Result<Option<(K, V)>> {
        self.end(Side::Back, true)
    }

    fn end(&self, side: Side, take: bool) -> Result<Option<(K, V)>> {
        let item = self.place.call(&self.scope, |guest, store, index| {
            if take {
                guest.index().call_pop_item(store, index, side.into())
            } else {
                guest.index().call_peek_item(store, index, side.into())
            }
        })?;
        item.map(Self::decode).transpose()
    }

    /// Makes a key the last, or the first, that came in; whether it is there.
    pub fn move_to_end<'k>(&self, key: impl Into<Key<'k>>, side: Side) -> Result<bool> {
        let key = key.into();
        self.place.call(&self.scope, |guest, store, index| {
            guest.index().call_move_to_end(store, index, key.as_param(), side.into())
        })
    }

    /// Removes all keys; returns how many. Its queues stay. Costs in proportion to their number.
    pub fn clear(&self) -> Result<u64> {
        self.place.call(&self.scope, |guest, store, index| guest.index().call_clear(store, index))
    }

    /// Whether another index of the same cache has the same keys with equal values, at one moment, and, with
    /// `ordered`, in the same order of arrival. Costs in proportion to what is equal.
    pub fn equals<S2>(&self, other: &Index<K, V, C, S2>, ordered: bool) -> Result<bool> {
        self.place.call_with(&other.place, &self.scope, |guest, store, [index, other]| {
            guest.index().call_equals(store, index, other, ordered)
        })
    }

    pub(super) fn decode(item: wit::IndexItemResult) -> Result<(K, V)> {
        Ok((K::from_key(item.key.into())?, C::decode(item.value.into())?))
    }

    fn encode(value: &V) -> Result<Value<'_>> {
        let value = C::encode(value)?;
        value.check_size()?;
        Ok(value)
    }
}

impl<K: FromKey, V, C: Codec<V>> Index<K, V, C> {
    /// Enumerates the keys there are now, in the order of arrival.
    pub fn keys(&self) -> Result<IndexKeys<K>> {
        self.keys_of(&IndexScan::default())
    }

    /// Enumerates keys.
    pub fn keys_of(&self, scan: &IndexScan) -> Result<IndexKeys<K>> {
        IndexKeys::begin(&self.scope, self.place.clone(), scan)
    }

    /// Enumerates the values there are now, in the order of arrival of their keys.
    pub fn values(&self) -> Result<impl Iterator<Item = Result<V>>> {
        Ok(self.items()?.map(|item| item.map(|(_, value)| value)))
    }

    /// Enumerates the keys there are now with their values, in the order of arrival.
    ///
    /// ```
    /// # let cache = larder::Cache::temporary()?;
    /// let ages = cache.index::<String, u8>("ages");
    /// ages.update([("Charles", &79), ("Ada", &36)])?;
    /// let all: Vec<_> = ages.items()?.collect::<Result<_, _>>()?;
    /// assert_eq!(all, [("Charles".into(), 79), ("Ada".into(), 36)]);
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn items(&self) -> Result<IndexItems<K, V, C>> {
        self.items_of(&IndexScan::default())
    }

    /// Enumerates keys with their values.
    ///
    /// ```
    /// use larder::{IndexScan, Order, Selection};
    ///
    /// # let cache = larder::Cache::temporary()?;
    /// let pages = cache.index::<String, u32>("pages");
    /// pages.update([("b/2", &2), ("a/1", &1), ("b/1", &3)])?;
    /// let scan = IndexScan { selection: Selection::prefix("b/"), order: Order::Key, reverse: false };
    /// let keys: Vec<String> = pages.keys_of(&scan)?.collect::<Result<_, _>>()?;
    /// assert_eq!(keys, ["b/1", "b/2"]);
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn items_of(&self, scan: &IndexScan) -> Result<IndexItems<K, V, C>> {
        IndexItems::begin(&self.scope, self.place.clone(), scan)
    }
}
