//! The resource `cache`.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use larder_engine as engine;

use super::items::item_operations;
use super::scope::Scope;
use super::transaction::Transaction;
use super::{cursors, maintenance, streams};
use crate::bindings::exports::larder::cache::cache::{
    Cache as CacheHandle, Changes, Content, Draft, Expiry, GuestCache, Information, Item, ItemCursor, KeyCursor,
    Maintenance, Number, OpenOptions, Problem, Queued, Scan, Selection, SetOptions, Side, Statistics, Tally, Task,
    Transaction as TransactionHandle, ValueCursor, ValueReader, ValueWriter,
};
use crate::bindings::exports::larder::cache::types::{Entry, Error, Key, Value};
use crate::convert::{Convert, convert_all};
use crate::platform::WasiPlatform;

/// The resource `cache`.
pub(crate) struct Cache(pub(super) Scope);

impl Cache {
    fn scope(&self) -> &Scope {
        &self.0
    }

    fn cursor(&self, scan: Scan) -> Result<cursors::Place, Error> {
        let cursor = self.0.plain(|cache| cache.scan(&scan.convert()))?;
        Ok(cursors::Place::new(self.0.cache(), cursor))
    }
}

impl GuestCache for Cache {
    fn open(path: String, options: OpenOptions) -> Result<CacheHandle, Error> {
        let opened = WasiPlatform::new()
            .and_then(|platform| engine::Cache::open(Path::new(&path), &options.convert(), platform));
        opened.map(|cache| CacheHandle::new(Self(Scope::new(&Rc::new(RefCell::new(cache)))))).map_err(Convert::convert)
    }

    item_operations!();

    fn count(&self) -> Result<u64, Error> {
        self.0.plain(engine::Cache::count)
    }

    fn volume(&self) -> Result<u64, Error> {
        self.0.plain(engine::Cache::volume)
    }

    fn measure(&self, selection: Selection, expired: bool) -> Result<Tally, Error> {
        self.0.plain(|cache| cache.measure(&selection.convert(), expired)).map(|(count, size)| Tally { count, size })
    }

    fn keys(&self, scan: Scan) -> Result<KeyCursor, Error> {
        self.cursor(scan).map(|place| KeyCursor::new(cursors::KeyCursor(place)))
    }

    fn values(&self, scan: Scan) -> Result<ValueCursor, Error> {
        self.cursor(scan).map(|place| ValueCursor::new(cursors::ValueCursor(place)))
    }

    fn items(&self, scan: Scan) -> Result<ItemCursor, Error> {
        self.cursor(scan).map(|place| ItemCursor::new(cursors::ItemCursor(place)))
    }

    fn first(&self, scan: Scan) -> Result<Option<Item>, Error> {
        self.0.with(|cache| cache.first(&scan.convert()))
    }

    fn queues(&self) -> Result<Vec<String>, Error> {
        self.0.plain(engine::Cache::queues)
    }

    fn write(&self, key: Key, content: Content, options: SetOptions) -> Result<ValueWriter, Error> {
        let writer = self.0.plain(|cache| cache.write(&key.convert(), content.convert(), &options.convert()))?;
        Ok(ValueWriter::new(streams::ValueWriter::new(self.0.cache(), writer)))
    }

    fn read(&self, key: Key) -> Result<Option<ValueReader>, Error> {
        let reader = self.0.plain(|cache| cache.read(&key.convert()))?;
        Ok(reader.map(|reader| ValueReader::new(streams::ValueReader::new(reader))))
    }

    fn begin(&self) -> Result<TransactionHandle, Error> {
        let ticket = self.0.plain(engine::Cache::begin)?;
        Ok(TransactionHandle::new(Transaction::new(&self.0, ticket)))
    }

    fn evict(&self, selection: Selection) -> Result<u64, Error> {
        self.0.plain(|cache| cache.evict(&selection.convert()))
    }

    fn expire(&self) -> Result<u64, Error> {
        self.0.plain(engine::Cache::expire)
    }

    fn cull(&self) -> Result<u64, Error> {
        self.0.plain(engine::Cache::cull)
    }

    fn clear(&self) -> Result<u64, Error> {
        self.0.plain(engine::Cache::clear)
    }

    fn maintain(&self, task: Task) -> Result<Maintenance, Error> {
        let work = self.0.plain(|cache| cache.maintain(&task.convert()))?;
        Ok(Maintenance::new(maintenance::Maintenance::new(self.0.cache(), work)))
    }

    fn stats(&self) -> Result<Statistics, Error> {
        self.0.with(|cache| cache.statistics())
    }

    fn recorded_stats(&self) -> Result<Option<Statistics>, Error> {
        self.0.with(engine::Cache::recorded_statistics)
    }

    fn reset_stats(&self) -> Result<(), Error> {
        self.0.plain(engine::Cache::reset_statistics)
    }

    fn info(&self) -> Result<Information, Error> {
        self.0.with(engine::Cache::information)
    }

    fn configure(&self, changes: Changes) -> Result<(), Error> {
        self.0.plain(|cache| cache.configure(&changes.convert()))
    }

    fn check(&self) -> Result<Vec<Problem>, Error> {
        self.0.plain(engine::Cache::check).map(convert_all)
    }

    fn repair(&self) -> Result<Vec<Problem>, Error> {
        self.0.plain(engine::Cache::repair).map(convert_all)
    }

    fn compact(&self) -> Result<u64, Error> {
        self.0.plain(engine::Cache::compact)
    }

    fn close(&self) -> Result<(), Error> {
        self.0.plain(engine::Cache::close)
    }
}
