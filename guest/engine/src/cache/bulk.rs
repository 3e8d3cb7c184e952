//! Operations on many keys at once: one transaction each.

use super::Cache;
use super::session::Session;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::options::{Expiry, SetOptions};
use crate::shard::{Address, Shard, Store};
use crate::value::Value;

/// An entry to be stored.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What it is to be found by.
    pub key: Key,
    /// What it holds.
    pub value: Value,
    /// When it expires and which labels it bears.
    pub options: SetOptions,
}

impl Cache {
    /// The live values under many keys, those of each shard from one moment.
    pub fn get_many(&mut self, keys: &[Key]) -> Result<Vec<Option<Value>>> {
        let hashed = hash_all(keys.iter())?;
        self.on_items(|session| session.on_each(&hashed, Writes::None, Shard::get_many))
    }

    /// Stores many values, all or none; returns their versions.
    pub fn set_many(&mut self, drafts: &[Draft]) -> Result<Vec<u64>> {
        let hashed = hash_all(drafts.iter().map(|draft| &draft.key))?;
        drafts.iter().try_for_each(|draft| draft.value.validate(&draft.key))?;
        let stores: Vec<Store<'_>> =
            drafts.iter().map(|draft| Store::new(&draft.value, &draft.options)).collect::<Result<_>>()?;
        let stores: Vec<_> = hashed.into_iter().zip(stores).map(|((key, hash), store)| (key, hash, store)).collect();
        self.on_items(|session| {
            // One that can never fit is refused before another makes anything go, or finds no room.
            for (key, hash, store) in &stores {
                session.shard_of(*hash)?.admit_value(Address::Key(key, *hash), store)?;
            }
            session.on_each_of(&stores, |entry| entry.1, Writes::InOrder, |shard, part| shard.set_many(part))
        })
    }

    /// Removes many entries, all or none; for each whether it was live.
    pub fn delete_many(&mut self, keys: &[Key]) -> Result<Vec<bool>> {
        let hashed = hash_all(keys.iter())?;
        self.on_items(|session| session.on_each(&hashed, Writes::ByShard, Shard::delete_many))
    }

    /// Gives many live entries another expiry, all or none; for each whether it was live.
    pub fn touch_many(&mut self, keys: &[Key], expiry: Expiry) -> Result<Vec<bool>> {
        let hashed = hash_all(keys.iter())?;
        self.on_items(|session| session.on_each(&hashed, Writes::ByShard, |shard, part| shard.touch_many(part, expiry)))
    }
}

/// Whether an operation writes, and what may come before what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writes {
    /// It only reads.
    None,
    /// One shard after the other.
    ByShard,
    /// In the order of the entries, for new ones come in in this order.
    InOrder,
}

/// Keys with their hashes; refuses those that can not be.
fn hash_all<'k>(keys: impl Iterator<Item = &'k Key>) -> Result<Vec<(&'k Key, u64)>> {
    keys.map(|key| key.validate().map(|()| (key, key.hash()))).collect()
}

impl Session {
    fn on_each<'k, T>(
        &mut self,
        keys: &[(&'k Key, u64)],
        writes: Writes,
        operation: impl FnMut(&mut Shard, &[&(&'k Key, u64)]) -> Result<Vec<T>>,
    ) -> Result<Vec<T>> {
        self.on_each_of(keys, |key| key.1, writes, operation)
    }

    /// Runs an operation on each shard with its part of the entries, as one transaction if it
    /// writes; the results are in the order of the entries.
    fn on_each_of<E, T>(
        &mut self,
        entries: &[E],
        hash: impl Fn(&E) -> u64,
        writes: Writes,
        mut operation: impl FnMut(&mut Shard, &[&E]) -> Result<Vec<T>>,
    ) -> Result<Vec<T>> {
        let mut parts: Vec<Vec<usize>> = self.shards.iter().map(|_| Vec::new()).collect();
        for (place, entry) in entries.iter().enumerate() {
            let shard = self.index_of(hash(entry));
            if let Some(part) = parts.get_mut(shard) {
                part.push(place);
            }
        }
        let touched: Vec<usize> =
            (0..parts.len()).filter(|shard| parts.get(*shard).is_some_and(|part| !part.is_empty())).collect();
        let mut results: Vec<Option<T>> = entries.iter().map(|_| None).collect();
        let mut run = |session: &mut Self| {
            if writes == Writes::InOrder && touched.len() > 1 {
                return session.one_by_one(entries, &hash, &mut results, &mut operation);
            }
            for index in &touched {
                let (Some(shard), Some(part)) = (session.shards.get_mut(*index), parts.get(*index)) else { continue };
                let chosen: Vec<&E> = part.iter().filter_map(|place| entries.get(*place)).collect();
                for (place, result) in part.iter().zip(operation(shard, &chosen)?) {
                    if let Some(slot) = results.get_mut(*place) {
                        *slot = Some(result);
                    }
                }
            }
            Ok(())
        };
        // A single shard's part is atomic by itself.
        if writes == Writes::None || touched.len() < 2 {
            run(self)?;
        } else if self.shards.iter().any(Shard::is_open) {
            self.nested(&touched, run)?;
        } else {
            self.transact(&touched, run)?;
        }
        results.into_iter().map(|result| result.ok_or_else(|| Error::Io("a result is missing".into()))).collect()
    }

    /// Runs an operation on one entry after the other.
    fn one_by_one<E, T>(
        &mut self,
        entries: &[E],
        hash: &impl Fn(&E) -> u64,
        results: &mut [Option<T>],
        operation: &mut impl FnMut(&mut Shard, &[&E]) -> Result<Vec<T>>,
    ) -> Result<()> {
        for (entry, slot) in entries.iter().zip(results) {
            *slot = operation(self.shard_of(hash(entry))?, &[entry])?.pop();
        }
        Ok(())
    }
}
