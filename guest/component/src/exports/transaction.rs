//! The resource `transaction`.

use larder_engine as engine;

use super::items::item_operations;
use super::scope::Scope;
use crate::bindings::exports::larder::cache::cache::{
    Draft, Expiry, GuestTransaction, Number, Queued, SetOptions, Side,
};
use crate::bindings::exports::larder::cache::types::{Entry, Error, Key, Value};
use crate::convert::{Convert, convert_all};

/// The resource `transaction`.
pub(crate) struct Transaction {
    pub(super) scope: Scope,
    ticket: engine::Ticket,
}

impl Transaction {
    /// The transaction of a cache that has this ticket.
    pub(super) fn new(cache: &Scope, ticket: engine::Ticket) -> Self {
        Self { scope: cache.within(ticket), ticket }
    }

    fn scope(&self) -> &Scope {
        &self.scope
    }
}

impl GuestTransaction for Transaction {
    item_operations!();

    fn commit(&self) -> Result<(), Error> {
        self.scope.cache().borrow_mut().commit(self.ticket).map_err(Convert::convert)
    }

    fn rollback(&self) -> Result<(), Error> {
        self.scope.cache().borrow_mut().rollback(self.ticket).map_err(Convert::convert)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // If it has ended, this is refused; if it can not be undone now, closing the database does.
        let _ = self.scope.cache().borrow_mut().rollback(self.ticket);
    }
}
