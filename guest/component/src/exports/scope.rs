//! An open cache, alone or in a transaction: where operations are run.

use std::rc::Rc;

use larder_engine as engine;

use super::Handle;
use crate::bindings::exports::larder::cache::types::Error;
use crate::convert::Convert;

/// A cache, alone or in a transaction.
#[derive(Clone)]
pub(crate) struct Scope {
    cache: Handle,
    ticket: Option<engine::Ticket>,
}

impl Scope {
    /// A cache alone.
    pub(super) fn new(cache: &Handle) -> Self {
        Self { cache: Rc::clone(cache), ticket: None }
    }

    /// The same cache in a transaction.
    pub(super) fn within(&self, ticket: engine::Ticket) -> Self {
        Self { cache: Rc::clone(&self.cache), ticket: Some(ticket) }
    }

    /// The cache.
    pub(super) fn cache(&self) -> &Handle {
        &self.cache
    }

    /// Runs an operation.
    pub(super) fn with<A: Convert<B>, B>(
        &self,
        operation: impl FnOnce(&mut engine::Cache) -> engine::Result<A>,
    ) -> Result<B, Error> {
        self.plain(operation).map(Convert::convert)
    }

    /// [`Scope::with`] for results that are the same on both sides.
    pub(super) fn plain<T>(&self, operation: impl FnOnce(&mut engine::Cache) -> engine::Result<T>) -> Result<T, Error> {
        let mut cache = self.cache.borrow_mut();
        let result = match self.ticket {
            Some(ticket) => cache.within(ticket, operation),
            None => operation(&mut cache),
        };
        result.map_err(Convert::convert)
    }

    /// Refuses to work on two things that are not of the same cache or transaction.
    pub(super) fn assure_same(&self, other: &Self) -> Result<(), Error> {
        if Rc::ptr_eq(&self.cache, &other.cache) && self.ticket == other.ticket {
            return Ok(());
        }
        Err(Error::InvalidArgument("the two are not of the same cache or transaction".into()))
    }
}
