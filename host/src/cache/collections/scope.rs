//! Whether work on a collection is done at once, or as a part of a transaction.

use std::cell::RefCell;
use std::fmt;

use wasmtime::Store;
use wasmtime::component::ResourceAny;

use crate::cache::{Cache, Transaction};
use crate::error::{Error, Result};
use crate::runtime::bindings::collections::Guest;
use crate::runtime::{Answer, Instance, State};

/// Where a collection is worked on: a [`Cache`], at once, or a transaction.
#[allow(private_bounds, reason = "what is a scope is for this crate to say")]
pub trait Scope: Reach {}

impl Scope for Cache {}
impl Scope for InTransaction<'_> {}

/// A transaction that a collection is worked on in.
pub struct InTransaction<'t>(RefCell<&'t mut Transaction>);

impl<'t> InTransaction<'t> {
    pub(super) fn new(transaction: &'t mut Transaction) -> Self {
        Self(RefCell::new(transaction))
    }
}

impl fmt::Debug for InTransaction<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("InTransaction").finish_non_exhaustive()
    }
}

/// A way to an instance of the component.
pub(super) trait Reach {
    /// Works on an instance, in a transaction of it if there is one.
    fn reach<R>(&self, work: impl FnOnce(&mut Instance, Option<ResourceAny>) -> Result<R>) -> Result<R>;
}

impl Reach for Cache {
    fn reach<R>(&self, work: impl FnOnce(&mut Instance, Option<ResourceAny>) -> Result<R>) -> Result<R> {
        self.run(|instance| work(instance, None))
    }
}

impl Reach for InTransaction<'_> {
    fn reach<R>(&self, work: impl FnOnce(&mut Instance, Option<ResourceAny>) -> Result<R>) -> Result<R> {
        // Only if a function given by the caller worked on it, which none does.
        let mut transaction = self.0.try_borrow_mut().map_err(|_| Error::InTransaction)?;
        let (instance, resource) = transaction.instance()?;
        work(instance, Some(resource))
    }
}

/// Which collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Deque(String),
    Index(String),
    /// A queue of an index.
    Queue {
        index: String,
        name: String,
    },
}

impl Place {
    /// Makes the resource of the collection in an instance.
    pub(super) fn open(&self, instance: &mut Instance, transaction: Option<ResourceAny>) -> Result<ResourceAny> {
        match self {
            Self::Deque(name) => instance.collections(|guest, store, cache| match transaction {
                Some(transaction) => guest.deque().call_within(store, transaction, name),
                None => guest.deque().call_open(store, cache, name),
            }),
            Self::Index(name) => instance.collections(|guest, store, cache| match transaction {
                Some(transaction) => guest.index().call_within(store, transaction, name),
                None => guest.index().call_open(store, cache, name),
            }),
            Self::Queue { index, name } => {
                let index = Self::Index(index.clone()).open(instance, transaction)?;
                let queue = instance.collections(|guest, store, _| guest.index().call_queue(store, index, name));
                instance.drop_resource(index);
                queue
            }
        }
    }

    /// Calls a function of the collection.
    pub(super) fn call<R>(
        &self,
        scope: &impl Reach,
        call: impl FnOnce(&Guest, &mut Store<State>, ResourceAny) -> Answer<R>,
    ) -> Result<R> {
        scope.reach(|instance, transaction| {
            let resource = self.open(instance, transaction)?;
            let result = instance.collections(|guest, store, _| call(guest, store, resource));
            instance.drop_resource(resource);
            result
        })
    }

    /// Calls a function of this collection and another.
    pub(super) fn call_with<R>(
        &self,
        other: &Self,
        scope: &impl Reach,
        call: impl FnOnce(&Guest, &mut Store<State>, [ResourceAny; 2]) -> Answer<R>,
    ) -> Result<R> {
        scope.reach(|instance, transaction| {
            let one = self.open(instance, transaction)?;
            let result = other.open(instance, transaction).and_then(|two| {
                let result = instance.collections(|guest, store, _| call(guest, store, [one, two]));
                instance.drop_resource(two);
                result
            });
            instance.drop_resource(one);
            result
        })
    }
}
