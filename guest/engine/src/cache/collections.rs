//! What deques and indexes have in common.

use super::Cache;
use super::records::Patience;
use super::session::Session;
use crate::collection::{Home, Kind};
use crate::error::{Error, Result};
use crate::shard::Shard;

impl Cache {
    /// The names of the deques that hold something or are bounded, in order.
    pub fn deques(&mut self) -> Result<Vec<String>> {
        self.collections(Kind::Deque)
    }

    /// The names of the indexes that hold something, or a queue of which does, in order.
    pub fn indexes(&mut self) -> Result<Vec<String>> {
        let mut names = self.collections(Kind::Index)?;
        names
            .extend(self.collections(Kind::Queue)?.iter().filter_map(|name| Some(name.split_once('\0')?.0.to_owned())));
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The names of the collections of a kind, in order.
    pub(super) fn collections(&mut self, kind: Kind) -> Result<Vec<String>> {
        let mut names: Vec<String> = self.on_all(|shard| shard.collections(kind))?.into_iter().flatten().collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Runs an operation on the shard of a collection.
    pub(super) fn on_collection<T>(
        &mut self,
        home: &Home,
        operation: impl FnOnce(&mut Shard, &Home) -> Result<T>,
    ) -> Result<T> {
        self.on_items(|session| operation(session.shard_of(home.hash())?, home))
    }

    /// Runs an operation on two collections, which nobody can change meanwhile.
    pub(super) fn on_both<T>(
        &mut self,
        homes: [&Home; 2],
        operation: impl FnOnce(&mut Session) -> Result<T>,
    ) -> Result<T> {
        self.on_items(|session| {
            if session.shards.iter().any(|shard| shard.is_open() || shard.refuse_if_read_only().is_err()) {
                return operation(session);
            }
            let mut shards = homes.map(|home| session.index_of(home.hash())).to_vec();
            shards.sort_unstable();
            shards.dedup();
            let mut outcome = None;
            session.transact(&shards, |session| {
                outcome = Some(operation(session)?);
                Ok(())
            })?;
            outcome.ok_or(Error::Closed)
        })
    }

    /// Tries again and again until there is something, for as long as `wait_ms`; once in a transaction,
    /// which keeps others from putting anything in.
    pub(super) fn await_some<T>(
        &mut self,
        wait_ms: u32,
        mut attempt: impl FnMut(&mut Self) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let mut patience = Patience::begin(&*self.platform, Some(u64::from(wait_ms)));
        loop {
            let found = attempt(self)?;
            if found.is_some() || self.transaction.is_some() || !patience.pause(&*self.platform) {
                return Ok(found);
            }
        }
    }
}
