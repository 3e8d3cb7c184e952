//! The calls of the interface, on one open cache.

use wasmtime::Store;
use wasmtime::StoreLimitsBuilder;
use wasmtime::component::ResourceAny;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, InputStream, OutputStream};

use super::host::State;
use super::types::{Draft, Entry, Error, Expiry, Item, Key, Number, Progress, Queued, SetOptions, Side, Value};
use super::wit::{Changes, Content, Information, Problem, Scan, Selection, Statistics, Tally, Task};
use super::{bindings, collections, exchange};

/// A value being written or read in parts, or work in steps.
pub struct Part(ResourceAny);

/// An instance with an open cache. Its methods are those of the WIT resource; a trap, which no
/// input may cause, panics.
pub struct Instance {
    pub(super) store: Store<State>,
    pub(super) exports: bindings::Embed,
    pub(super) cache: ResourceAny,
    pub(super) transaction: Option<ResourceAny>,
}

/// Defines methods that only pass on their arguments: to the open cache, or to the transaction if
/// there is one.
macro_rules! calls {
    ($($(#[$docs:meta])* $name:ident => $call:ident($($argument:ident: $kind:ty),*) -> $result:ty;)*) => {
        $(
            $(#[$docs])*
            pub fn $name(&mut self, $($argument: $kind),*) -> Result<$result, Error> {
                let guest = self.exports.larder_cache_cache();
                match self.transaction {
                    None => guest.cache().$call(&mut self.store, self.cache, $($argument),*),
                    Some(transaction) => guest.transaction().$call(&mut self.store, transaction, $($argument),*),
                }
                .expect("no input traps the component")
            }
        )*
    };
}

/// [`calls`] that only a cache has.
macro_rules! cache_calls {
    ($($(#[$docs:meta])* $name:ident => $call:ident($($argument:ident: $kind:ty),*) -> $result:ty;)*) => {
        $(
            $(#[$docs])*
            pub fn $name(&mut self, $($argument: $kind),*) -> Result<$result, Error> {
                let guest = self.exports.larder_cache_cache().cache();
                guest.$call(&mut self.store, self.cache, $($argument),*).expect("no input traps the component")
            }
        )*
    };
}

impl Instance {
    /// Exports the cache to a directory of python-diskcache, a few entries at a time.
    pub fn export_diskcache(&mut self, path: &str) -> Result<exchange::ExportReport, Error> {
        let guest = self.exports.larder_cache_exchange().diskcache_export();
        let export = guest.call_open(&mut self.store, self.cache, path).expect("no input traps the component")?;
        let ended = loop {
            let step = guest.call_step(&mut self.store, export, self.cache, 3).expect("no input traps the component");
            match step {
                Ok(progress) if !progress.finished => {}
                ended => break ended,
            }
        };
        let report = guest.call_report(&mut self.store, export).expect("no input traps the component");
        export.resource_drop(&mut self.store).expect("no input traps the component");
        ended.map(|_| report)
    }

    calls! {
        /// `get`
        get => call_get(key: &Key) -> Option<Value>;
        /// `get-entry`
        get_entry => call_get_entry(key: &Key) -> Option<Entry>;
        /// `set`
        set => call_set(key: &Key, value: &Value, options: &SetOptions) -> u64;
        /// `add`
        add => call_add(key: &Key, value: &Value, options: &SetOptions) -> Option<u64>;
        /// `delete`
        delete => call_delete(key: &Key) -> bool;
        /// `touch`
        touch => call_touch(key: &Key, ttl: Expiry) -> bool;
        /// `increment`
        increment => call_increment(key: &Key, delta: Number, initial: Option<Number>, options: &SetOptions) -> Option<Number>;
        /// `contains`
        contains => call_contains(key: &Key) -> bool;
        /// `get-recent`
        get_recent => call_get_recent(key: &Key, max_age_ms: u64) -> Option<Entry>;
        /// `compare-and-set`
        compare_and_set => call_compare_and_set(key: &Key, expected: Option<u64>, value: &Value, options: &SetOptions) -> Option<u64>;
        /// `compare-and-delete`
        compare_and_delete => call_compare_and_delete(key: &Key, expected: u64) -> bool;
        /// `pop`
        pop => call_pop(key: &Key) -> Option<Entry>;
        /// `decrement`
        decrement => call_decrement(key: &Key, delta: Number, initial: Option<Number>, options: &SetOptions) -> Option<Number>;
        /// `get-many`
        get_many => call_get_many(keys: &[Key]) -> Vec<Option<Value>>;
        /// `set-many`
        set_many => call_set_many(drafts: &[Draft]) -> Vec<u64>;
        /// `delete-many`
        delete_many => call_delete_many(keys: &[Key]) -> Vec<bool>;
        /// `touch-many`
        touch_many => call_touch_many(keys: &[Key], ttl: Expiry) -> Vec<bool>;
        /// `push`
        push => call_push(queue: &str, value: &Value, side: Side, options: &SetOptions) -> i64;
        /// `pull`
        pull => call_pull(queue: &str, side: Side) -> Option<Queued>;
        /// `peek`
        peek => call_peek(queue: &str, side: Side) -> Option<Queued>;
        /// `queue-length`
        queue_length => call_queue_length(queue: &str) -> u64;
    }

    cache_calls! {
        /// `measure`
        measure => call_measure(selection: &Selection, expired: bool) -> Tally;
        /// `first`
        first => call_first(scan: &Scan) -> Option<Item>;
        /// `queues`
        queues => call_queues() -> Vec<String>;
        /// `cull`
        cull => call_cull() -> u64;
        /// `configure`
        configure => call_configure(changes: Changes) -> ();
        /// `repair`
        repair => call_repair() -> Vec<Problem>;
        /// `recorded-stats`
        recorded_stats => call_recorded_stats() -> Option<Statistics>;
        /// `reset-stats`
        reset_stats => call_reset_stats() -> ();
        /// `compact`
        compact => call_compact() -> u64;
        /// `count`
        count => call_count() -> u64;
        /// `volume`
        volume => call_volume() -> u64;
        /// `evict`
        evict => call_evict(selection: &Selection) -> u64;
        /// `expire`
        expire => call_expire() -> u64;
        /// `clear`
        clear => call_clear() -> u64;
        /// `stats`
        stats => call_stats() -> Statistics;
        /// `info`
        info => call_info() -> Information;
        /// `check`
        check => call_check() -> Vec<Problem>;
        /// `close`
        close => call_close() -> ();
    }

    /// Begins a transaction: what follows goes through it until it ends.
    pub fn begin(&mut self) -> Result<(), Error> {
        let guest = self.exports.larder_cache_cache().cache();
        let begun = guest.call_begin(&mut self.store, self.cache).expect("no trap")?;
        self.transaction = Some(begun);
        Ok(())
    }

    /// Ends the transaction.
    pub fn end(&mut self, commit: bool) -> Result<(), Error> {
        let transaction = self.transaction.take().expect("a transaction was begun");
        let guest = self.exports.larder_cache_cache().transaction();
        let ended = if commit {
            guest.call_commit(&mut self.store, transaction)
        } else {
            guest.call_rollback(&mut self.store, transaction)
        };
        transaction.resource_drop(&mut self.store).unwrap();
        ended.expect("no trap")
    }

    /// Drops the transaction without a word.
    pub fn drop_transaction(&mut self) {
        self.transaction.take().expect("a transaction was begun").resource_drop(&mut self.store).unwrap();
    }

    /// A resource of the interface `collections`, in the transaction if there is one.
    pub fn deque(&mut self, name: &str) -> Result<ResourceAny, Error> {
        let (cache, transaction) = (self.cache, self.transaction);
        self.with(|guest, store| match transaction {
            None => guest.deque().call_open(store, cache, name),
            Some(transaction) => guest.deque().call_within(store, transaction, name),
        })
    }

    /// As [`Instance::deque`].
    pub fn index(&mut self, name: &str) -> Result<ResourceAny, Error> {
        let (cache, transaction) = (self.cache, self.transaction);
        self.with(|guest, store| match transaction {
            None => guest.index().call_open(store, cache, name),
            Some(transaction) => guest.index().call_within(store, transaction, name),
        })
    }

    /// `deques`
    pub fn deques(&mut self) -> Result<Vec<String>, Error> {
        let cache = self.cache;
        self.with(|guest, store| guest.call_deques(store, cache))
    }

    /// `indexes`
    pub fn indexes(&mut self) -> Result<Vec<String>, Error> {
        let cache = self.cache;
        self.with(|guest, store| guest.call_indexes(store, cache))
    }

    /// Calls a function of the interface `collections`.
    pub fn with<T>(
        &mut self,
        call: impl FnOnce(&collections::Guest, &mut Store<State>) -> wasmtime::Result<Result<T, Error>>,
    ) -> Result<T, Error> {
        call(self.exports.larder_cache_collections(), &mut self.store).expect("no input traps the component")
    }

    /// Calls a function of any interface, which takes the open cache.
    pub fn ask<T>(
        &mut self,
        call: impl FnOnce(&bindings::Embed, &mut Store<State>, ResourceAny) -> wasmtime::Result<Result<T, Error>>,
    ) -> Result<T, Error> {
        call(&self.exports, &mut self.store, self.cache).expect("no input traps the component")
    }

    /// Drops a resource.
    pub fn let_go(&mut self, resource: ResourceAny) {
        resource.resource_drop(&mut self.store).expect("no input traps the component");
    }

    /// Runs something past the open transaction.
    pub fn beside<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let transaction = self.set_transaction_aside();
        let result = work(self);
        self.take_up(transaction);
        result
    }

    /// Lets what follows run past the open transaction, until it is taken up again.
    pub fn set_transaction_aside(&mut self) -> Option<ResourceAny> {
        self.transaction.take()
    }

    /// Whether a transaction has begun and not ended.
    pub fn is_in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// Goes on with a transaction that was set aside.
    pub fn take_up(&mut self, transaction: Option<ResourceAny>) {
        self.transaction = transaction;
    }

    /// `items`, read to the end in pages of `limit`.
    pub fn items(&mut self, scan: &Scan, limit: u32) -> Result<Vec<Item>, Error> {
        let guest = self.exports.larder_cache_cache();
        let cursor = guest.cache().call_items(&mut self.store, self.cache, scan).expect("no trap")?;
        let mut all = Vec::new();
        let result = loop {
            match guest.item_cursor().call_next(&mut self.store, cursor, limit).expect("no trap") {
                Ok(page) if page.is_empty() => break Ok(all),
                Ok(page) => all.extend(page),
                Err(error) => break Err(error),
            }
        };
        cursor.resource_drop(&mut self.store).unwrap();
        result
    }

    /// `values`, read to the end in pages of `limit`.
    pub fn values(&mut self, scan: &Scan, limit: u32) -> Result<Vec<Value>, Error> {
        let guest = self.exports.larder_cache_cache();
        let cursor = guest.cache().call_values(&mut self.store, self.cache, scan).expect("no trap")?;
        let mut all = Vec::new();
        let result = loop {
            match guest.value_cursor().call_next(&mut self.store, cursor, limit).expect("no trap") {
                Ok(page) if page.is_empty() => break Ok(all),
                Ok(page) => all.extend(page),
                Err(error) => break Err(error),
            }
        };
        cursor.resource_drop(&mut self.store).unwrap();
        result
    }

    /// Begins to write a value in parts.
    pub fn write(&mut self, key: &Key, content: Content, options: &SetOptions) -> Result<Part, Error> {
        let guest = self.exports.larder_cache_cache().cache();
        guest.call_write(&mut self.store, self.cache, key, content, options).expect("no trap").map(Part)
    }

    /// `value-writer.write`
    pub fn append(&mut self, writer: &Part, part: &[u8]) -> Result<(), Error> {
        let guest = self.exports.larder_cache_cache().value_writer();
        guest.call_write(&mut self.store, writer.0, part).expect("no trap")
    }

    /// `value-writer.receive` from a stream.
    pub fn receive(&mut self, writer: &Part, source: impl InputStream, limit: Option<u64>) -> Result<u64, Error> {
        let source: DynInputStream = Box::new(source);
        let source = self.store.data_mut().table.push(source).unwrap();
        let guest = self.exports.larder_cache_cache().value_writer();
        guest.call_receive(&mut self.store, writer.0, source, limit).expect("no trap")
    }

    /// `value-writer.finish`
    pub fn finish(&mut self, writer: &Part) -> Result<u64, Error> {
        let guest = self.exports.larder_cache_cache().value_writer();
        guest.call_finish(&mut self.store, writer.0).expect("no trap")
    }

    /// Begins to read a value in parts.
    pub fn read(&mut self, key: &Key) -> Result<Option<Part>, Error> {
        let guest = self.exports.larder_cache_cache().cache();
        let reader = guest.call_read(&mut self.store, self.cache, key).expect("no trap")?;
        Ok(reader.map(Part))
    }

    /// `value-reader.size` and `value-reader.is-text`
    pub fn about(&mut self, reader: &Part) -> (u64, bool) {
        let guest = self.exports.larder_cache_cache().value_reader();
        let size = guest.call_size(&mut self.store, reader.0).expect("no trap");
        (size, guest.call_is_text(&mut self.store, reader.0).expect("no trap"))
    }

    /// `value-reader.seek`, then `value-reader.read`
    pub fn read_at(&mut self, reader: &Part, place: u64, limit: u32) -> Result<Vec<u8>, Error> {
        let guest = self.exports.larder_cache_cache().value_reader();
        guest.call_seek(&mut self.store, reader.0, place).expect("no trap")?;
        guest.call_read(&mut self.store, reader.0, limit).expect("no trap")
    }

    /// `value-reader.seek`, then `value-reader.send` to a stream.
    pub fn send(
        &mut self,
        reader: &Part,
        place: u64,
        target: impl OutputStream,
        limit: Option<u64>,
    ) -> Result<u64, Error> {
        let target: DynOutputStream = Box::new(target);
        let target = self.store.data_mut().table.push(target).unwrap();
        let guest = self.exports.larder_cache_cache().value_reader();
        guest.call_seek(&mut self.store, reader.0, place).expect("no trap")?;
        guest.call_send(&mut self.store, reader.0, target, limit).expect("no trap")
    }

    /// Begins an enumeration of keys.
    pub fn enumerate(&mut self, scan: &Scan) -> Result<Part, Error> {
        let guest = self.exports.larder_cache_cache().cache();
        guest.call_keys(&mut self.store, self.cache, scan).expect("no trap").map(Part)
    }

    /// `key-cursor.next`
    pub fn next_keys(&mut self, cursor: &Part, limit: u32) -> Result<Vec<Key>, Error> {
        let guest = self.exports.larder_cache_cache().key_cursor();
        guest.call_next(&mut self.store, cursor.0, limit).expect("no trap")
    }

    /// Begins work in steps.
    pub fn maintain(&mut self, task: &Task) -> Result<Part, Error> {
        let guest = self.exports.larder_cache_cache().cache();
        guest.call_maintain(&mut self.store, self.cache, task).expect("no trap").map(Part)
    }

    /// `maintenance.step`
    pub fn step(&mut self, work: &Part) -> Result<Progress, Error> {
        let guest = self.exports.larder_cache_cache().maintenance();
        guest.call_step(&mut self.store, work.0).expect("no trap")
    }

    /// Drops a reader or writer, or ends work.
    pub fn drop_part(&mut self, part: &Part) {
        part.0.resource_drop(&mut self.store).expect("no trap");
    }

    /// Limits the memory of the component from now on, in bytes.
    pub fn limit_memory(&mut self, bytes: usize) {
        self.store.data_mut().limits = StoreLimitsBuilder::new().memory_size(bytes).build();
        self.store.limiter(|state| &mut state.limits);
    }

    /// `keys`, read to the end in pages of `limit`.
    pub fn keys(&mut self, scan: &Scan, limit: u32) -> Result<Vec<Key>, Error> {
        let (cursor, mut all) = (self.enumerate(scan)?, Vec::new());
        let result = loop {
            match self.next_keys(&cursor, limit) {
                Ok(page) if page.is_empty() => break Ok(all),
                Ok(page) => all.extend(page),
                Err(error) => break Err(error),
            }
        };
        self.drop_part(&cursor);
        result
    }
}
