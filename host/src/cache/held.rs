//! Resources of the component that are kept for longer than a call.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::ResourceAny;

use super::pool::{Lent, Pool};
use crate::error::Result;
use crate::runtime::bindings::exchange;
use crate::runtime::{Answer, Instance, State};

/// A resource and the instance that is reserved for it; dropped with it.
pub(super) struct Held {
    lent: Lent<Arc<Pool>>,
    pub(super) resource: ResourceAny,
}

impl Held {
    /// A resource that the instance has made.
    pub(super) fn new(lent: Lent<Arc<Pool>>, resource: ResourceAny) -> Self {
        Self { lent, resource }
    }

    /// The instance.
    pub(super) fn instance(&mut self) -> Result<&mut Instance> {
        self.lent.instance()
    }

    /// Calls a function of the interface `exchange`, with the resource and the open cache.
    pub(super) fn exchange<T>(
        &mut self,
        call: impl FnOnce(&exchange::Guest, &mut Store<State>, ResourceAny, ResourceAny) -> Answer<T>,
    ) -> Result<T> {
        let resource = self.resource;
        self.instance()?.exchange(|guest, store, cache| call(guest, store, resource, cache))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Ok(instance) = self.lent.instance() {
            instance.drop_resource(self.resource);
        }
    }
}
