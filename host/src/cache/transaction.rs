//! Transactions.

use std::sync::Arc;

use wasmtime::component::ResourceAny;

use super::Cache;
use super::pool::{Lent, Pool};
use crate::error::Result;
use crate::runtime::bindings::cache::GuestTransaction;
use crate::runtime::{Answer, Call, Instance};

/// Operations of which all happen or none; made by [`Cache::begin`].
///
/// Nobody else sees them before the commit. What it reads is what it has written itself and, for the
/// rest, what nobody changes meanwhile: until it ends, all who write to the directory wait, the other
/// handles of this process too. An operation that fails has done nothing, and the transaction can go
/// on. Dropped without a commit, it is undone, as by a crash.
pub struct Transaction {
    lent: Lent<Arc<Pool>>,
    resource: ResourceAny,
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Transaction").finish_non_exhaustive()
    }
}

impl Cache {
    /// Begins a transaction: waits until nobody else writes. It occupies one of the handle's
    /// instances until it ends; writing past it on the same thread waits in vain.
    pub fn begin(&self) -> Result<Transaction> {
        let mut lent = self.pool.reserve()?;
        let resource = lent.instance()?.call(|call| call.guest.call_begin(call.store, call.resource))?;
        Ok(Transaction { lent, resource })
    }

    /// Runs a transaction: commits it if `work` returns `Ok`, and undoes it on an error or a panic.
    ///
    /// ```
    /// # let cache = larder::Cache::temporary()?;
    /// cache.set_many([larder::Draft::new("a", 10), larder::Draft::new("b", 0)])?;
    /// cache.transaction(|transaction| {
    ///     transaction.increment("a", -3)?;
    ///     transaction.increment("b", 3)
    /// })?;
    /// assert_eq!(cache.get("b")?, Some(3.into()));
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn transaction<T>(&self, work: impl FnOnce(&mut Transaction) -> Result<T>) -> Result<T> {
        let mut transaction = self.begin()?;
        let value = work(&mut transaction)?;
        transaction.commit()?;
        Ok(value)
    }
}

impl Transaction {
    /// Makes everything happen.
    pub fn commit(mut self) -> Result<()> {
        self.call(|call| call.guest.call_commit(call.store, call.resource))
    }

    /// Undoes everything.
    pub fn rollback(mut self) -> Result<()> {
        self.call(|call| call.guest.call_rollback(call.store, call.resource))
    }

    /// The instance it is on, and what names it there.
    pub(super) fn instance(&mut self) -> Result<(&mut Instance, ResourceAny)> {
        Ok((self.lent.instance()?, self.resource))
    }

    /// Calls the component.
    pub(super) fn call<T>(&mut self, call: impl FnOnce(Call<'_, GuestTransaction<'_>>) -> Answer<T>) -> Result<T> {
        self.lent.instance()?.call_in(self.resource, call)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Ok(instance) = self.lent.instance() {
            // Undone by the component, unless it has ended.
            instance.drop_resource(self.resource);
        }
    }
}
