//! The resource `maintenance`.

use std::cell::RefCell;
use std::rc::Rc;

use larder_engine as engine;

use super::Handle;
use crate::bindings::exports::larder::cache::cache::GuestMaintenance;
use crate::bindings::exports::larder::cache::types::{Error, Progress};
use crate::convert::Convert;

/// The resource `maintenance`.
pub(crate) struct Maintenance {
    cache: Handle,
    work: RefCell<engine::Maintenance>,
}

impl Maintenance {
    /// Work on a cache.
    pub(super) fn new(cache: &Handle, work: engine::Maintenance) -> Self {
        Self { cache: Rc::clone(cache), work: RefCell::new(work) }
    }
}

impl GuestMaintenance for Maintenance {
    fn step(&self) -> Result<Progress, Error> {
        let progress = self.work.borrow_mut().step(&mut self.cache.borrow_mut());
        progress.map(Convert::convert).map_err(Convert::convert)
    }
}
