//! The operations that `cache` and `transaction` have in common, written once.

/// The methods of both resources, inside of their implementation. Their `scope` runs an operation on
/// the engine: alone, or as a part of the transaction.
macro_rules! item_operations {
    () => {
        fn get(&self, key: Key) -> Result<Option<Value>, Error> {
            self.scope().with(|cache| cache.get(&key.convert()))
        }

        fn get_entry(&self, key: Key) -> Result<Option<Entry>, Error> {
            self.scope().with(|cache| cache.get_entry(&key.convert()))
        }

        fn get_recent(&self, key: Key, max_age_ms: u64) -> Result<Option<Entry>, Error> {
            self.scope().with(|cache| cache.get_recent(&key.convert(), max_age_ms))
        }

        fn set(&self, key: Key, value: Value, options: SetOptions) -> Result<u64, Error> {
            self.scope().plain(|cache| cache.set(&key.convert(), &value.convert(), &options.convert()))
        }

        fn add(&self, key: Key, value: Value, options: SetOptions) -> Result<Option<u64>, Error> {
            self.scope().plain(|cache| cache.add(&key.convert(), &value.convert(), &options.convert()))
        }

        fn compare_and_set(
            &self,
            key: Key,
            expected: Option<u64>,
            value: Value,
            options: SetOptions,
        ) -> Result<Option<u64>, Error> {
            self.scope()
                .plain(|cache| cache.compare_and_set(&key.convert(), expected, &value.convert(), &options.convert()))
        }

        fn delete(&self, key: Key) -> Result<bool, Error> {
            self.scope().plain(|cache| cache.delete(&key.convert()))
        }

        fn compare_and_delete(&self, key: Key, expected: u64) -> Result<bool, Error> {
            self.scope().plain(|cache| cache.compare_and_delete(&key.convert(), expected))
        }

        fn pop(&self, key: Key) -> Result<Option<Entry>, Error> {
            self.scope().with(|cache| cache.pop(&key.convert()))
        }

        fn touch(&self, key: Key, ttl: Expiry) -> Result<bool, Error> {
            self.scope().plain(|cache| cache.touch(&key.convert(), ttl.convert()))
        }

        fn increment(
            &self,
            key: Key,
            delta: Number,
            initial: Option<Number>,
            options: SetOptions,
        ) -> Result<Option<Number>, Error> {
            self.scope()
                .with(|cache| cache.increment(&key.convert(), delta.convert(), initial.convert(), &options.convert()))
        }

        fn decrement(
            &self,
            key: Key,
            delta: Number,
            initial: Option<Number>,
            options: SetOptions,
        ) -> Result<Option<Number>, Error> {
            self.scope()
                .with(|cache| cache.decrement(&key.convert(), delta.convert(), initial.convert(), &options.convert()))
        }

        fn contains(&self, key: Key) -> Result<bool, Error> {
            self.scope().plain(|cache| cache.contains(&key.convert()))
        }

        fn get_many(&self, keys: Vec<Key>) -> Result<Vec<Option<Value>>, Error> {
            self.scope().with(|cache| cache.get_many(&convert_all(keys)))
        }

        fn set_many(&self, drafts: Vec<Draft>) -> Result<Vec<u64>, Error> {
            self.scope().plain(|cache| cache.set_many(&convert_all(drafts)))
        }

        fn delete_many(&self, keys: Vec<Key>) -> Result<Vec<bool>, Error> {
            self.scope().plain(|cache| cache.delete_many(&convert_all(keys)))
        }

        fn touch_many(&self, keys: Vec<Key>, ttl: Expiry) -> Result<Vec<bool>, Error> {
            self.scope().plain(|cache| cache.touch_many(&convert_all(keys), ttl.convert()))
        }

        fn push(&self, queue: String, value: Value, side: Side, options: SetOptions) -> Result<i64, Error> {
            self.scope().plain(|cache| cache.push(&queue, &value.convert(), side.convert(), &options.convert()))
        }

        fn pull(&self, queue: String, side: Side) -> Result<Option<Queued>, Error> {
            self.scope().with(|cache| cache.pull(&queue, side.convert()))
        }

        fn peek(&self, queue: String, side: Side) -> Result<Option<Queued>, Error> {
            self.scope().with(|cache| cache.peek(&queue, side.convert()))
        }

        fn queue_length(&self, queue: String) -> Result<u64, Error> {
            self.scope().plain(|cache| cache.queue_length(&queue))
        }
    };
}

pub(super) use item_operations;
