//! The calls of the WIT package, answered by the engine.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use larder_engine as engine;

use crate::bindings::Component;
use crate::bindings::exports::larder::cache::cache::{
    Cache as CacheHandle, Expiry, Guest, GuestCache, GuestKeyCursor, Information, KeyCursor, Number, OpenOptions,
    Problem, Scan, Selection, SetOptions, Statistics,
};
use crate::bindings::exports::larder::cache::types::{Entry, Error, Key, Value};
use crate::convert::Convert;
use crate::platform::WasiPlatform;

impl Guest for Component {
    type Cache = Cache;
    type KeyCursor = Cursor;
}

/// The resource `cache`. Cursors share it; calls do not nest, so a borrow is always free.
pub(crate) struct Cache(Rc<RefCell<engine::Cache>>);

impl Cache {
    fn with<A: Convert<B>, B>(
        &self,
        operation: impl FnOnce(&mut engine::Cache) -> engine::Result<A>,
    ) -> Result<B, Error> {
        self.plain(operation).map(Convert::convert)
    }

    /// [`Cache::with`] for results that are the same on both sides.
    fn plain<T>(&self, operation: impl FnOnce(&mut engine::Cache) -> engine::Result<T>) -> Result<T, Error> {
        operation(&mut self.0.borrow_mut()).map_err(Convert::convert)
    }
}

impl GuestCache for Cache {
    fn open(path: String, options: OpenOptions) -> Result<CacheHandle, Error> {
        let opened = WasiPlatform::new()
            .and_then(|platform| engine::Cache::open(Path::new(&path), &options.convert(), platform));
        opened.map(|cache| CacheHandle::new(Self(Rc::new(RefCell::new(cache))))).map_err(Convert::convert)
    }

    fn get(&self, key: Key) -> Result<Option<Value>, Error> {
        self.with(|cache| cache.get(&key.convert()))
    }

    fn get_entry(&self, key: Key) -> Result<Option<Entry>, Error> {
        self.with(|cache| cache.get_entry(&key.convert()))
    }

    fn set(&self, key: Key, value: Value, options: SetOptions) -> Result<u64, Error> {
        self.plain(|cache| cache.set(&key.convert(), &value.convert(), &options.convert()))
    }

    fn add(&self, key: Key, value: Value, options: SetOptions) -> Result<Option<u64>, Error> {
        self.plain(|cache| cache.add(&key.convert(), &value.convert(), &options.convert()))
    }

    fn delete(&self, key: Key) -> Result<bool, Error> {
        self.plain(|cache| cache.delete(&key.convert()))
    }

    fn touch(&self, key: Key, ttl: Expiry) -> Result<bool, Error> {
        self.plain(|cache| cache.touch(&key.convert(), ttl.convert()))
    }

    fn increment(
        &self,
        key: Key,
        delta: Number,
        initial: Option<Number>,
        options: SetOptions,
    ) -> Result<Option<Number>, Error> {
        self.with(|cache| cache.increment(&key.convert(), delta.convert(), initial.convert(), &options.convert()))
    }

    fn contains(&self, key: Key) -> Result<bool, Error> {
        self.plain(|cache| cache.contains(&key.convert()))
    }

    fn count(&self) -> Result<u64, Error> {
        self.plain(engine::Cache::count)
    }

    fn volume(&self) -> Result<u64, Error> {
        self.plain(engine::Cache::volume)
    }

    fn keys(&self, scan: Scan) -> Result<KeyCursor, Error> {
        let cursor = self.plain(|cache| cache.keys(&scan.convert()))?;
        Ok(KeyCursor::new(Cursor { cache: Rc::clone(&self.0), place: RefCell::new(cursor) }))
    }

    fn evict(&self, selection: Selection) -> Result<u64, Error> {
        self.plain(|cache| cache.evict(&selection.convert()))
    }

    fn expire(&self) -> Result<u64, Error> {
        self.plain(engine::Cache::expire)
    }

    fn clear(&self) -> Result<u64, Error> {
        self.plain(engine::Cache::clear)
    }

    fn stats(&self) -> Result<Statistics, Error> {
        self.with(|cache| cache.statistics())
    }

    fn info(&self) -> Result<Information, Error> {
        self.with(engine::Cache::information)
    }

    fn check(&self) -> Result<Vec<Problem>, Error> {
        self.plain(engine::Cache::check).map(|problems| problems.into_iter().map(Convert::convert).collect())
    }

    fn close(&self) -> Result<(), Error> {
        self.plain(engine::Cache::close)
    }
}

/// The resource `key-cursor`.
pub(crate) struct Cursor {
    cache: Rc<RefCell<engine::Cache>>,
    place: RefCell<engine::Cursor>,
}

impl GuestKeyCursor for Cursor {
    fn next(&self, limit: u32) -> Result<Vec<Key>, Error> {
        let keys = self.place.borrow_mut().next(&mut self.cache.borrow_mut(), limit);
        keys.map(|keys| keys.into_iter().map(Convert::convert).collect()).map_err(Convert::convert)
    }
}
