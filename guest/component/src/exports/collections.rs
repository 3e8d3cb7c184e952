//! The interface `collections`.

use std::cell::RefCell;

use larder_engine as engine;

use super::cache::Cache;
use super::scope::Scope;
use super::transaction::Transaction;
use crate::bindings::Component;
use crate::bindings::exports::larder::cache::cache::{CacheBorrow, TransactionBorrow};
use crate::bindings::exports::larder::cache::collections::{
    Deque as DequeHandle, DequeBorrow, DequeCursor as DequeCursorHandle, Guest, GuestDeque, GuestDequeCursor,
    GuestIndex, GuestIndexCursor, Index as IndexHandle, IndexBorrow, IndexCursor as IndexCursorHandle, IndexItem,
    IndexScan, Ordering,
};
use crate::bindings::exports::larder::cache::types::{Error, Key, Side, Value};
use crate::convert::{Convert, convert_all};

impl Guest for Component {
    type Deque = Deque;
    type DequeCursor = DequeCursor;
    type Index = Index;
    type IndexCursor = IndexCursor;

    fn deques(cache: CacheBorrow<'_>) -> Result<Vec<String>, Error> {
        cache.get::<Cache>().0.plain(engine::Cache::deques)
    }

    fn indexes(cache: CacheBorrow<'_>) -> Result<Vec<String>, Error> {
        cache.get::<Cache>().0.plain(engine::Cache::indexes)
    }
}

/// The resource `deque`.
pub(crate) struct Deque {
    scope: Scope,
    deque: engine::Deque,
}

impl Deque {
    fn handle(scope: Scope, deque: engine::Result<engine::Deque>) -> Result<DequeHandle, Error> {
        let deque = deque.map_err(Convert::convert)?;
        Ok(DequeHandle::new(Self { scope, deque }))
    }
}

impl GuestDeque for Deque {
    fn open(cache: CacheBorrow<'_>, name: String) -> Result<DequeHandle, Error> {
        Self::handle(cache.get::<Cache>().0.clone(), engine::Deque::new(&name))
    }

    fn within(transaction: TransactionBorrow<'_>, name: String) -> Result<DequeHandle, Error> {
        Self::handle(transaction.get::<Transaction>().scope.clone(), engine::Deque::new(&name))
    }

    fn length(&self) -> Result<u64, Error> {
        self.scope.plain(|cache| self.deque.len(cache))
    }

    fn bound(&self) -> Result<Option<u64>, Error> {
        self.scope.plain(|cache| self.deque.bound(cache))
    }

    fn set_bound(&self, bound: Option<u64>) -> Result<(), Error> {
        self.scope.plain(|cache| self.deque.set_bound(cache, bound))
    }

    fn push(&self, values: Vec<Value>, side: Side) -> Result<u64, Error> {
        self.scope.plain(|cache| self.deque.push(cache, &convert_all(values), side.convert()))
    }

    fn pull(&self, side: Side, limit: u32, wait_ms: u32) -> Result<Vec<Value>, Error> {
        self.scope.with(|cache| self.deque.pull(cache, side.convert(), limit, wait_ms))
    }

    fn get(&self, place: i64) -> Result<Option<Value>, Error> {
        self.scope.with(|cache| self.deque.get(cache, place))
    }

    fn set(&self, place: i64, value: Value) -> Result<(), Error> {
        self.scope.plain(|cache| self.deque.set(cache, place, &value.convert()))
    }

    fn insert(&self, place: i64, value: Value) -> Result<u64, Error> {
        self.scope.plain(|cache| self.deque.insert(cache, place, &value.convert()))
    }

    fn delete(&self, place: i64) -> Result<(), Error> {
        self.scope.plain(|cache| self.deque.delete(cache, place))
    }

    fn count(&self, value: Value) -> Result<u64, Error> {
        self.scope.plain(|cache| self.deque.count(cache, &value.convert()))
    }

    fn index_of(&self, value: Value, from: i64, to: Option<i64>) -> Result<Option<u64>, Error> {
        self.scope.plain(|cache| self.deque.index_of(cache, &value.convert(), from, to))
    }

    fn remove(&self, value: Value) -> Result<bool, Error> {
        self.scope.plain(|cache| self.deque.remove(cache, &value.convert()))
    }

    fn rotate(&self, steps: i64) -> Result<(), Error> {
        self.scope.plain(|cache| self.deque.rotate(cache, steps))
    }

    fn reverse(&self) -> Result<(), Error> {
        self.scope.plain(|cache| self.deque.reverse(cache))
    }

    fn clear(&self) -> Result<u64, Error> {
        self.scope.plain(|cache| self.deque.clear(cache))
    }

    fn copy_to(&self, target: DequeBorrow<'_>) -> Result<u64, Error> {
        let target: &Self = target.get();
        self.scope.assure_same(&target.scope)?;
        self.scope.plain(|cache| self.deque.copy_to(cache, &target.deque))
    }

    fn compare(&self, other: DequeBorrow<'_>) -> Result<Ordering, Error> {
        let other: &Self = other.get();
        self.scope.assure_same(&other.scope)?;
        self.scope.with(|cache| self.deque.compare(cache, &other.deque))
    }

    fn values(&self, from: i64, reverse: bool) -> Result<DequeCursorHandle, Error> {
        let cursor = self.scope.plain(|cache| self.deque.scan(cache, from, reverse))?;
        Ok(DequeCursorHandle::new(DequeCursor { scope: self.scope.clone(), cursor: RefCell::new(cursor) }))
    }
}

/// The resource `deque-cursor`.
pub(crate) struct DequeCursor {
    scope: Scope,
    cursor: RefCell<engine::DequeCursor>,
}

impl GuestDequeCursor for DequeCursor {
    fn next(&self, limit: u32) -> Result<Vec<Value>, Error> {
        self.scope.with(|cache| self.cursor.borrow_mut().next(cache, limit))
    }
}

/// The resource `index`.
pub(crate) struct Index {
    scope: Scope,
    index: engine::Index,
}

impl Index {
    fn handle(scope: Scope, index: engine::Result<engine::Index>) -> Result<IndexHandle, Error> {
        let index = index.map_err(Convert::convert)?;
        Ok(IndexHandle::new(Self { scope, index }))
    }
}

impl GuestIndex for Index {
    fn open(cache: CacheBorrow<'_>, name: String) -> Result<IndexHandle, Error> {
        Self::handle(cache.get::<Cache>().0.clone(), engine::Index::new(&name))
    }

    fn within(transaction: TransactionBorrow<'_>, name: String) -> Result<IndexHandle, Error> {
        Self::handle(transaction.get::<Transaction>().scope.clone(), engine::Index::new(&name))
    }

    fn length(&self) -> Result<u64, Error> {
        self.scope.plain(|cache| self.index.len(cache))
    }

    fn get(&self, key: Key) -> Result<Option<Value>, Error> {
        self.scope.with(|cache| self.index.get(cache, &key.convert()))
    }

    fn set(&self, key: Key, value: Value) -> Result<bool, Error> {
        self.scope.plain(|cache| self.index.set(cache, key.convert(), value.convert()))
    }

    fn update(&self, items: Vec<IndexItem>) -> Result<Vec<bool>, Error> {
        self.scope.plain(|cache| self.index.update(cache, &convert_all(items)))
    }

    fn set_default(&self, key: Key, value: Value) -> Result<(Value, bool), Error> {
        let (value, stored) =
            self.scope.plain(|cache| self.index.set_default(cache, &key.convert(), &value.convert()))?;
        Ok((value.convert(), stored))
    }

    fn delete(&self, key: Key) -> Result<bool, Error> {
        self.scope.plain(|cache| self.index.delete(cache, &key.convert()))
    }

    fn pop(&self, key: Key) -> Result<Option<Value>, Error> {
        self.scope.with(|cache| self.index.pop(cache, &key.convert()))
    }

    fn peek_item(&self, side: Side) -> Result<Option<IndexItem>, Error> {
        self.scope.with(|cache| self.index.peek_item(cache, side.convert()))
    }

    fn pop_item(&self, side: Side) -> Result<Option<IndexItem>, Error> {
        self.scope.with(|cache| self.index.pop_item(cache, side.convert()))
    }

    fn move_to_end(&self, key: Key, side: Side) -> Result<bool, Error> {
        self.scope.plain(|cache| self.index.move_to_end(cache, &key.convert(), side.convert()))
    }

    fn clear(&self) -> Result<u64, Error> {
        self.scope.plain(|cache| self.index.clear(cache))
    }

    fn equals(&self, other: IndexBorrow<'_>, ordered: bool) -> Result<bool, Error> {
        let other: &Self = other.get();
        self.scope.assure_same(&other.scope)?;
        self.scope.plain(|cache| self.index.equals(cache, &other.index, ordered))
    }

    fn items(&self, scan: IndexScan) -> Result<IndexCursorHandle, Error> {
        let cursor = self.scope.plain(|cache| self.index.scan(cache, &scan.convert()))?;
        Ok(IndexCursorHandle::new(IndexCursor { scope: self.scope.clone(), cursor: RefCell::new(cursor) }))
    }

    fn queue(&self, name: String) -> Result<DequeHandle, Error> {
        Deque::handle(self.scope.clone(), self.index.queue(&name))
    }

    fn queues(&self) -> Result<Vec<String>, Error> {
        self.scope.plain(|cache| self.index.queues(cache))
    }
}

/// The resource `index-cursor`.
pub(crate) struct IndexCursor {
    scope: Scope,
    cursor: RefCell<engine::IndexCursor>,
}

impl GuestIndexCursor for IndexCursor {
    fn next_keys(&self, limit: u32) -> Result<Vec<Key>, Error> {
        self.scope.with(|cache| self.cursor.borrow_mut().next(cache, limit))
    }

    fn next(&self, limit: u32) -> Result<Vec<IndexItem>, Error> {
        self.scope.with(|cache| self.cursor.borrow_mut().next_items(cache, limit))
    }
}

impl Convert<Ordering> for std::cmp::Ordering {
    fn convert(self) -> Ordering {
        match self {
            Self::Less => Ordering::Less,
            Self::Equal => Ordering::Equal,
            Self::Greater => Ordering::Greater,
        }
    }
}

impl Convert<IndexItem> for (engine::Key, engine::Value) {
    fn convert(self) -> IndexItem {
        IndexItem { key: self.0.convert(), value: self.1.convert() }
    }
}

impl Convert<(engine::Key, engine::Value)> for IndexItem {
    fn convert(self) -> (engine::Key, engine::Value) {
        (self.key.convert(), self.value.convert())
    }
}

impl Convert<engine::IndexScan> for IndexScan {
    fn convert(self) -> engine::IndexScan {
        let Self { selection, order, reverse } = self;
        engine::IndexScan { selection: selection.convert(), order: order.convert(), reverse }
    }
}
