//! Enumerating deques and indexes.

use std::fmt;
use std::marker::PhantomData;

use wasmtime::component::ResourceAny;

use super::codec::{Codec, FromKey};
use super::index::{Index, IndexScan, Types};
use super::scope::Place;
use crate::cache::Cache;
use crate::cache::cursor::{Cursor, Enumerated, PAGE};
use crate::error::Result;
use crate::runtime::Instance;
use crate::runtime::bindings::collections::IndexItemResult;
use crate::value::{Key, Value};

/// The values of a deque; made by [`super::Deque::values`]. After an error of the cache it ends; one of
/// decoding concerns its value alone.
pub struct DequeValues<T, C> {
    cursor: Cursor<Element>,
    kind: PhantomData<fn() -> (T, C)>,
}

/// The keys of an index; made by [`super::Index::keys`]. After an error of the cache it ends.
pub struct IndexKeys<K> {
    cursor: Cursor<IndexKey>,
    kind: PhantomData<fn() -> K>,
}

/// The keys of an index with their values; made by [`super::Index::items`]. After an error of the cache it
/// ends; one of decoding concerns its item alone.
pub struct IndexItems<K, V, C> {
    cursor: Cursor<IndexItem>,
    kind: Types<K, V, C>,
}

impl<T, C> DequeValues<T, C> {
    pub(super) fn begin(cache: &Cache, place: Place, from: i64, reverse: bool) -> Result<Self> {
        let cursor = Cursor::begin(&cache.pool, &DequeRequest { place, from, reverse, transaction: None })?;
        Ok(Self { cursor, kind: PhantomData })
    }
}

impl<K> IndexKeys<K> {
    pub(super) fn begin(cache: &Cache, place: Place, scan: &IndexScan) -> Result<Self> {
        let cursor = Cursor::begin(&cache.pool, &IndexRequest { place, scan: scan.clone() })?;
        Ok(Self { cursor, kind: PhantomData })
    }
}

impl<K, V, C> IndexItems<K, V, C> {
    pub(super) fn begin(cache: &Cache, place: Place, scan: &IndexScan) -> Result<Self> {
        let cursor = Cursor::begin(&cache.pool, &IndexRequest { place, scan: scan.clone() })?;
        Ok(Self { cursor, kind: PhantomData })
    }
}

impl<T, C: Codec<T>> Iterator for DequeValues<T, C> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.cursor.next()?.and_then(|Element(value)| C::decode(value)))
    }
}

impl<K: FromKey> Iterator for IndexKeys<K> {
    type Item = Result<K>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.cursor.next()?.and_then(|IndexKey(key)| K::from_key(key)))
    }
}

impl<K: FromKey, V, C: Codec<V>> Iterator for IndexItems<K, V, C> {
    type Item = Result<(K, V)>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.cursor.next()?.and_then(|IndexItem(item)| Index::<K, V, C>::decode(item)))
    }
}

impl<T, C> fmt::Debug for DequeValues<T, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cursor.fmt(formatter)
    }
}

impl<K> fmt::Debug for IndexKeys<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cursor.fmt(formatter)
    }
}

impl<K, V, C> fmt::Debug for IndexItems<K, V, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cursor.fmt(formatter)
    }
}

/// What is enumerated of a deque.
pub(super) struct DequeRequest {
    pub(super) place: Place,
    pub(super) from: i64,
    pub(super) reverse: bool,
    /// In which transaction, if in one.
    pub(super) transaction: Option<ResourceAny>,
}

/// What is enumerated of an index.
struct IndexRequest {
    place: Place,
    scan: IndexScan,
}

/// A value of a deque.
pub(super) struct Element(pub(super) Value<'static>);

/// A key of an index.
struct IndexKey(Key<'static>);

/// A key of an index with its value.
struct IndexItem(IndexItemResult);

impl Enumerated for Element {
    type Request = DequeRequest;

    fn open(instance: &mut Instance, request: &DequeRequest) -> Result<ResourceAny> {
        let deque = request.place.open(instance, request.transaction)?;
        let (from, reverse) = (request.from, request.reverse);
        let cursor = instance.collections(|guest, store, _| guest.deque().call_values(store, deque, from, reverse));
        instance.drop_resource(deque);
        cursor
    }

    fn next(instance: &mut Instance, cursor: ResourceAny) -> Result<Vec<Self>> {
        let page = instance.collections(|guest, store, _| guest.deque_cursor().call_next(store, cursor, PAGE))?;
        Ok(page.into_iter().map(|value| Self(value.into())).collect())
    }
}

impl IndexRequest {
    fn open(&self, instance: &mut Instance) -> Result<ResourceAny> {
        let index = self.place.open(instance, None)?;
        let scan = self.scan.as_param();
        let cursor = instance.collections(|guest, store, _| guest.index().call_items(store, index, scan));
        instance.drop_resource(index);
        cursor
    }
}

impl Enumerated for IndexKey {
    type Request = IndexRequest;

    fn open(instance: &mut Instance, request: &IndexRequest) -> Result<ResourceAny> {
        request.open(instance)
    }

    fn next(instance: &mut Instance, cursor: ResourceAny) -> Result<Vec<Self>> {
        let page = instance.collections(|guest, store, _| guest.index_cursor().call_next_keys(store, cursor, PAGE))?;
        Ok(page.into_iter().map(|key| Self(key.into())).collect())
    }
}

impl Enumerated for IndexItem {
    type Request = IndexRequest;

    fn open(instance: &mut Instance, request: &IndexRequest) -> Result<ResourceAny> {
        request.open(instance)
    }

    fn next(instance: &mut Instance, cursor: ResourceAny) -> Result<Vec<Self>> {
        let page = instance.collections(|guest, store, _| guest.index_cursor().call_next(store, cursor, PAGE))?;
        Ok(page.into_iter().map(Self).collect())
    }
}
