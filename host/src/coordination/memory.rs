//! Guest memory: where files are mapped over it, and in what order it is accessed.

#![allow(unsafe_code, reason = "replaces memory that belongs to a guest")]

use std::sync::atomic::{Ordering, fence};

use larder_sharing::{CAN_MAP, Fault, Region, SharedFile};
use wasmtime::Engine;
use wasmtime::component::Resource;

use super::{Coordination, CoordinationCtx};

/// A region of one guest.
#[derive(Debug)]
pub(super) struct MappedRegion {
    pub(super) region: Region,
    /// The handle it was mapped by, until that is dropped.
    pub(super) owner: Option<u32>,
}

impl CoordinationCtx {
    /// The index of the region that starts at an address, or where it would have to be.
    fn region_at(&self, start: usize) -> Result<usize, usize> {
        self.regions.binary_search_by_key(&start, |mapped| mapped.region.start())
    }
}

impl Coordination<'_> {
    /// Whether [`Coordination::map`] can work in this engine.
    pub(super) fn can_map(&self, engine: &Engine) -> bool {
        CAN_MAP && self.ctx.may_map() && has_suitable_memories(engine)
    }

    /// Orders the guest's accesses to its regions. It runs twice for each read of a database, so
    /// it must remain a fence, a search among this store's regions and a load.
    pub(super) fn barrier(&self, memory: usize) -> Result<(), Fault> {
        fence(Ordering::SeqCst);
        // A memory that moved, when it grew, has left its regions behind.
        let found = self.ctx.region_at(memory).ok();
        let mapped = found.and_then(|index| self.ctx.regions.get(index));
        self.ctx.check(mapped.ok_or(Fault::Damaged)?.owner)
    }

    /// Maps a file over memory of the guest. The caller has checked [`Coordination::can_map`].
    ///
    /// # Safety
    ///
    /// The memory must be part of a linear memory of this context's store, which `mmap` made.
    pub(super) unsafe fn map(
        &mut self,
        file: &Resource<SharedFile>,
        offset: u64,
        start: usize,
        length: usize,
    ) -> Result<(), Fault> {
        self.ctx.check(Some(file.rep()))?;
        self.ctx.check_room(length)?;
        // SAFETY: the memory is the guest's, who asks for it to be replaced; while a host
        // function runs, nobody else uses the store, and this one borrows nothing of it. The
        // store unmaps a linear memory as a whole, when it goes away.
        let region = unsafe { Region::map(self.get(file)?, offset, start, length)? };
        let index = self.ctx.region_at(start).unwrap_or_else(|index| index);
        let owner = Some(file.rep());
        self.ctx.regions.insert(index, MappedRegion { region, owner });
        self.ctx.mapped += length;
        Ok(())
    }

    /// Gives mapped memory back to the guest.
    ///
    /// # Safety
    ///
    /// The memory must be part of a linear memory of this context's store.
    pub(super) unsafe fn unmap(
        &mut self,
        file: &Resource<SharedFile>,
        start: usize,
        length: usize,
    ) -> Result<(), Fault> {
        let index = self.ctx.region_at(start).ok().filter(|&index| {
            self.ctx
                .regions
                .get(index)
                .is_some_and(|mapped| mapped.region.length() == length && mapped.owner == Some(file.rep()))
        });
        let Some(index) = index else {
            return Err(Fault::invalid("memory that is no region of this file"));
        };
        if let Some(mapped) = self.ctx.regions.get(index) {
            // SAFETY: the region has the very bounds of the memory that the guest passed, so it
            // is the guest's own, and as in `map` nobody uses it now.
            unsafe { mapped.region.unmap()? };
        }
        self.ctx.regions.remove(index);
        self.ctx.mapped = self.ctx.mapped.saturating_sub(length);
        Ok(())
    }
}

/// Whether an engine makes linear memories over whose pages files can be mapped.
fn has_suitable_memories(engine: &Engine) -> bool {
    /// All that a 32-bit memory can grow to.
    const WHOLE: u64 = 1 << 32;

    // The pooling allocator would clear memory for the next instance through the mapping, and
    // without a reservation memory may come from `malloc`, which would reuse it.
    let reserved = engine.get_memory_reservation();
    let stays = !engine.get_memory_may_move() || reserved >= WHOLE;
    engine.get_pooling_config().is_none() && reserved > 0 && stays
}
