//! The resources for work on the whole cache: `maintenance` and `resharding`.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use larder_engine as engine;

use super::Handle;
use crate::bindings::exports::larder::cache::cache::{
    GuestMaintenance, GuestResharding, Resharding as ReshardingHandle,
};
use crate::bindings::exports::larder::cache::types::{Error, Progress};
use crate::convert::Convert;
use crate::platform::WasiPlatform;

/// Rows carried over in one step.
const STEP: u32 = 512;

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

/// The resource `resharding`.
pub(crate) struct Resharding(RefCell<engine::Resharding>);

impl GuestResharding for Resharding {
    fn begin(
        path: String,
        shards: u32,
        wait_ms: Option<u32>,
        lease_ms: Option<u32>,
    ) -> Result<ReshardingHandle, Error> {
        let options = engine::OpenOptions {
            wait_ms: wait_ms.unwrap_or(engine::DEFAULT_WAIT_MS),
            lease_ms: lease_ms.unwrap_or(engine::DEFAULT_LEASE_MS),
            ..engine::OpenOptions::default()
        };
        let begun = WasiPlatform::new().and_then(|platform| {
            let platform: Rc<dyn engine::Platform> = platform;
            engine::Resharding::begin(Path::new(&path), shards, &options, &platform)
        });
        begun.map(|resharding| ReshardingHandle::new(Self(RefCell::new(resharding)))).map_err(Convert::convert)
    }

    fn shards_before(&self) -> u32 {
        self.0.borrow().shards_before()
    }

    fn step(&self) -> Result<Progress, Error> {
        self.0.borrow_mut().step(STEP).map(Convert::convert).map_err(Convert::convert)
    }
}
