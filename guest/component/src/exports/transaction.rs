//! The resource `transaction`.

use std::rc::Rc;

use larder_engine as engine;

use super::Handle;
use super::items::item_operations;
use crate::bindings::exports::larder::cache::cache::{
    Draft, Expiry, GuestTransaction, Number, Queued, SetOptions, Side,
};
use crate::bindings::exports::larder::cache::types::{Entry, Error, Key, Value};
use crate::convert::{Convert, convert_all};

/// The resource `transaction`.
pub(crate) struct Transaction {
    cache: Handle,
    ticket: engine::Ticket,
}

impl Transaction {
    /// The transaction of a cache that has this ticket.
    pub(super) fn new(cache: &Handle, ticket: engine::Ticket) -> Self {
        Self { cache: Rc::clone(cache), ticket }
    }

    /// The cache, and what names the transaction in it.
    pub(super) fn parts(&self) -> (Handle, engine::Ticket) {
        (Rc::clone(&self.cache), self.ticket)
    }

    fn with<A: Convert<B>, B>(
        &self,
        operation: impl FnOnce(&mut engine::Cache) -> engine::Result<A>,
    ) -> Result<B, Error> {
        self.plain(operation).map(Convert::convert)
    }

    /// [`Transaction::with`] for results that are the same on both sides.
    fn plain<T>(&self, operation: impl FnOnce(&mut engine::Cache) -> engine::Result<T>) -> Result<T, Error> {
        self.cache.borrow_mut().within(self.ticket, operation).map_err(Convert::convert)
    }
}

impl GuestTransaction for Transaction {
    item_operations!();

    fn commit(&self) -> Result<(), Error> {
        self.cache.borrow_mut().commit(self.ticket).map_err(Convert::convert)
    }

    fn rollback(&self) -> Result<(), Error> {
        self.cache.borrow_mut().rollback(self.ticket).map_err(Convert::convert)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // If it has ended, this is refused; if it can not be undone now, closing the database does.
        let _ = self.cache.borrow_mut().rollback(self.ticket);
    }
}
