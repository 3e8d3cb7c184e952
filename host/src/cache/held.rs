//! Resources that live longer than a call.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::ResourceAny;

use super::pool::{Lent, Pool};
use crate::error::Result;
use crate::runtime::bindings::{cache, exchange};
use crate::runtime::{Answer, Call, State};

/// A resource of an instance that is reserved for it, until it is dropped.
pub(super) struct Held {
    lent: Lent<Arc<Pool>>,
    resource: ResourceAny,
}

impl Held {
    /// A resource of an instance that was reserved.
    pub(super) fn new(lent: Lent<Arc<Pool>>, resource: ResourceAny) -> Self {
        Self { lent, resource }
    }

    /// Reserves an instance and makes a resource of it.
    pub(super) fn open(pool: &Arc<Pool>, open: impl FnOnce(Call<'_>) -> Answer<ResourceAny>) -> Result<Self> {
        let mut lent = pool.reserve()?;
        let resource = lent.instance()?.call(open)?;
        Ok(Self::new(lent, resource))
    }

    /// Calls a function of the resource.
    pub(super) fn call<T>(
        &mut self,
        call: impl FnOnce(&cache::Guest, &mut Store<State>, ResourceAny) -> Answer<T>,
    ) -> Result<T> {
        let resource = self.resource;
        self.lent.instance()?.next(|guest, store| call(guest, store, resource))
    }

    /// Calls a function of a resource of the interface `exchange`, with the open cache.
    pub(super) fn exchange<T>(
        &mut self,
        call: impl FnOnce(&exchange::Guest, &mut Store<State>, ResourceAny, ResourceAny) -> Answer<T>,
    ) -> Result<T> {
        let resource = self.resource;
        self.lent.instance()?.exchange(|guest, store, cache| call(guest, store, resource, cache))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Ok(instance) = self.lent.instance() {
            instance.drop_resource(self.resource);
        }
    }
}
