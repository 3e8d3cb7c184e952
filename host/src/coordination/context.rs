//! What an embedder sets up, and what a guest's calls come to.

use std::path::Path;
use std::time::Duration;

use larder_sharing::{Access, Fault, GrantError, Grants, LockMode, OpenMode, SharedFile, none_has_faulted};
use wasmtime::component::{Resource, ResourceTable};

use super::memory::MappedRegion;

/// Handles a guest may have open unless set otherwise: two per shard and some to spare.
const DEFAULT_MAX_HANDLES: usize = 256;

/// Regions a guest may have mapped unless set otherwise: 32 MiB of WAL-index, which is enough
/// for 16 GiB of write-ahead log.
const DEFAULT_MAX_REGIONS: usize = 1024;

/// Bytes a guest may have mapped unless set otherwise: its regions, were they twice as large.
const DEFAULT_MAX_MAPPED: usize = 64 << 20;

/// Bytes by which a guest may extend files unless set otherwise: far more than WAL-indexes take.
const DEFAULT_MAX_GROWTH: u64 = 1 << 30;

/// Builds a [`CoordinationCtx`]. Nothing is granted at first.
///
/// It opens each granted directory once, however many contexts it builds.
#[derive(Clone, Debug)]
pub struct CoordinationCtxBuilder {
    grants: Grants,
    mapping: bool,
    max_handles: usize,
    max_regions: usize,
    max_mapped: usize,
    max_growth: u64,
    max_wait: Duration,
}

impl Default for CoordinationCtxBuilder {
    fn default() -> Self {
        Self {
            grants: Grants::default(),
            mapping: true,
            max_handles: DEFAULT_MAX_HANDLES,
            max_regions: DEFAULT_MAX_REGIONS,
            max_mapped: DEFAULT_MAX_MAPPED,
            max_growth: DEFAULT_MAX_GROWTH,
            max_wait: Duration::MAX,
        }
    }
}

impl CoordinationCtxBuilder {
    /// A builder that grants nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Grants the directory `host_path` under the name `guest_path`, which should be the one that
    /// WASI grants it by.
    pub fn preopened_dir(
        &mut self,
        host_path: impl AsRef<Path>,
        guest_path: impl AsRef<str>,
        access: Access,
    ) -> Result<&mut Self, GrantError> {
        self.grants.add(host_path.as_ref(), guest_path.as_ref(), access)?;
        Ok(self)
    }

    /// Whether guests may map files into their memory, where engine and platform allow it; they
    /// may unless told otherwise.
    pub fn allow_mapping(&mut self, allow: bool) -> &mut Self {
        self.mapping = allow;
        self
    }

    /// How many files a guest may have open at once: 256 unless set. One more is the fault
    /// `exhausted`.
    ///
    /// All limits hold for each store, so for all components together that are composed in it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::coordination::{Access, CoordinationCtx};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// let mut grants = CoordinationCtx::builder();
    /// grants
    ///     .preopened_dir(directory.path(), "/cache", Access::ReadWrite)?
    ///     .max_handles(16)
    ///     .max_regions(64)
    ///     .max_mapped(4 << 20)
    ///     .max_growth(16 << 20)
    ///     .max_wait(Duration::from_secs(1));
    /// let for_one_store = grants.build();
    /// # drop(for_one_store);
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_handles(&mut self, handles: usize) -> &mut Self {
        self.max_handles = handles;
        self
    }

    /// How many regions a guest may have mapped at once: 1024 unless set. All stores of a process
    /// together can have 8192. One more is the fault `exhausted`.
    pub fn max_regions(&mut self, regions: usize) -> &mut Self {
        self.max_regions = regions;
        self
    }

    /// How many bytes a guest may have mapped at once: 64 MiB unless set. More is the fault
    /// `exhausted`.
    pub fn max_mapped(&mut self, bytes: usize) -> &mut Self {
        self.max_mapped = bytes;
        self
    }

    /// By how many bytes a guest may extend files with `resize`, less what it has cut off: 1 GiB
    /// unless set. More is the fault `exhausted`. What it writes through WASI does not count.
    pub fn max_growth(&mut self, bytes: u64) -> &mut Self {
        self.max_growth = bytes;
        self
    }

    /// How long a guest may wait for a lock, whatever it asks for: without a bound unless set. After
    /// that it is told that others hold the lock. The thread is blocked meanwhile, and not even an epoch
    /// deadline ends it: who sets such a deadline should set this, too.
    pub fn max_wait(&mut self, wait: Duration) -> &mut Self {
        self.max_wait = wait;
        self
    }

    /// The context for one store.
    pub fn build(&self) -> CoordinationCtx {
        CoordinationCtx { settings: self.clone(), handles: 0, growth: 0, mapped: 0, regions: Vec::new() }
    }
}

/// What one store needs for coordination: what is granted to its guest, and its regions.
///
/// It must not outlive the store by long: after [`wasmtime::Store::into_data`] drop it, since the
/// addresses of its regions stay reserved in the process as long as it lives.
#[derive(Debug)]
pub struct CoordinationCtx {
    settings: CoordinationCtxBuilder,
    handles: usize,
    /// Bytes by which the guest has extended files, less those it has cut off.
    growth: u64,
    /// Bytes of all regions.
    pub(super) mapped: usize,
    /// Ordered by address.
    pub(super) regions: Vec<MappedRegion>,
}

impl CoordinationCtx {
    /// Whether mapping is switched on.
    pub(super) fn may_map(&self) -> bool {
        self.settings.mapping
    }

    /// `exhausted` unless a region of `length` bytes may be added.
    pub(super) fn check_room(&self, length: usize) -> Result<(), Fault> {
        let settings = &self.settings;
        if self.regions.len() >= settings.max_regions {
            return Err(Fault::exhausted(format!("a guest can have {} regions mapped", settings.max_regions)));
        }
        if self.mapped.checked_add(length).is_none_or(|mapped| mapped > settings.max_mapped) {
            return Err(Fault::exhausted(format!("a guest can have {} bytes mapped", settings.max_mapped)));
        }
        Ok(())
    }

    /// What the guest will have extended files by once one of `before` bytes has `after`.
    ///
    /// Whoever cuts a file gets no more credit than it has taken, so that the sum over all guests never
    /// falls behind what the files have grown by.
    fn growth_after(&self, before: u64, after: u64) -> Result<u64, Fault> {
        let limit = self.settings.max_growth;
        let growth = self.growth.saturating_add(after.saturating_sub(before));
        if after > before && growth > limit {
            return Err(Fault::exhausted(format!("a guest can extend files by {limit} bytes")));
        }
        Ok(growth.saturating_sub(before.saturating_sub(after)))
    }

    /// Bounds waits from now on by another time than [`CoordinationCtxBuilder::max_wait`] did: for
    /// embedders whose calls may take now more, now less.
    pub fn set_max_wait(&mut self, wait: Duration) {
        self.settings.max_wait = wait;
    }

    /// Starts to build one.
    pub fn builder() -> CoordinationCtxBuilder {
        CoordinationCtxBuilder::new()
    }

    /// `damaged` if a region of this handle has faulted.
    pub(super) fn check(&self, owner: Option<u32>) -> Result<(), Fault> {
        // This precedes every call: one load, as long as nothing ever happened.
        if none_has_faulted() {
            return Ok(());
        }
        let is_damaged = |mapped: &MappedRegion| mapped.owner == owner && mapped.region.has_faulted();
        if self.regions.iter().any(is_damaged) { Err(Fault::Damaged) } else { Ok(()) }
    }
}

/// Access to the context of a store and its resources, for the length of one call.
#[derive(Debug)]
pub struct Coordination<'a> {
    /// What is granted to the guest, and its regions.
    pub ctx: &'a mut CoordinationCtx,
    /// Where the guest's handles are kept.
    pub table: &'a mut ResourceTable,
}

/// Gives the host functions access to the [`CoordinationCtx`] in the data of a store.
pub trait CoordinationView: Send {
    /// The context and the resource table of this store.
    fn coordination(&mut self) -> Coordination<'_>;

    /// Asked before each call of a guest, but those for which nothing can go wrong (`can-map`, and
    /// dropping a handle): with an error, that is what the guest gets, and nothing is done.
    ///
    /// Admits everything unless it is written otherwise: by an embedder that counts the calls, or who
    /// lets some fail to see what comes of it.
    fn admit(&mut self, _call: Call) -> Result<(), Fault> {
        Ok(())
    }
}

/// A call of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Call {
    /// `shared-file.open`
    Open,
    /// `shared-file.size`
    Size,
    /// `shared-file.resize`
    Resize,
    /// `shared-file.lock`
    Lock,
    /// `shared-file.unlock`
    Unlock,
    /// `shared-file.is-locked`
    IsLocked,
    /// `shared-file.map`
    Map,
    /// `shared-file.unmap`
    Unmap,
    /// `barrier`
    Barrier,
}

impl Coordination<'_> {
    pub(super) fn open(&mut self, path: &str, create: bool, read_only: bool) -> Result<Resource<SharedFile>, Fault> {
        let mode = match (create, read_only) {
            (true, true) => return Err(Fault::invalid("to create a file read-only")),
            (true, false) => OpenMode::Create,
            (false, true) => OpenMode::ReadOnly,
            (false, false) => OpenMode::ReadWrite,
        };
        let settings = &self.ctx.settings;
        if self.ctx.handles >= settings.max_handles {
            return Err(Fault::exhausted(format!("a guest can have {} files open", settings.max_handles)));
        }
        let (directory, path, access) = settings.grants.resolve(path)?;
        if access == Access::ReadOnly && mode != OpenMode::ReadOnly {
            return Err(Fault::Denied);
        }
        let file = SharedFile::open_beneath(directory, &path, mode)?;
        let handle = self.table.push(file).map_err(|error| Fault::exhausted(format!("handles: {error}")))?;
        self.ctx.handles += 1;
        Ok(handle)
    }

    /// Ends a handle; its locks go, its regions stay reserved.
    pub(super) fn close(&mut self, file: Resource<SharedFile>) -> wasmtime::Result<()> {
        let owner = Some(file.rep());
        drop(self.table.delete(file)?);
        self.ctx.handles = self.ctx.handles.saturating_sub(1);
        // The number will be given to another handle, which must not inherit them.
        for mapped in &mut self.ctx.regions {
            if mapped.owner == owner {
                mapped.owner = None;
            }
        }
        Ok(())
    }

    pub(super) fn lock(
        &mut self,
        file: &Resource<SharedFile>,
        start: u64,
        length: u64,
        mode: LockMode,
        wait: Duration,
    ) -> Result<bool, Fault> {
        self.ctx.check(Some(file.rep()))?;
        let wait = wait.min(self.ctx.settings.max_wait);
        self.get_mut(file)?.lock(start, length, mode, wait)
    }

    /// Releases a range even if the handle is damaged, and reports it after that.
    pub(super) fn unlock(&mut self, file: &Resource<SharedFile>, start: u64, length: u64) -> Result<(), Fault> {
        self.get_mut(file)?.unlock(start, length)?;
        self.ctx.check(Some(file.rep()))
    }

    pub(super) fn is_locked(&self, file: &Resource<SharedFile>, start: u64, length: u64) -> Result<bool, Fault> {
        self.ctx.check(Some(file.rep()))?;
        self.get(file)?.is_locked(start, length)
    }

    pub(super) fn size(&self, file: &Resource<SharedFile>) -> Result<u64, Fault> {
        self.ctx.check(Some(file.rep()))?;
        self.get(file)?.size()
    }

    pub(super) fn resize(&mut self, file: &Resource<SharedFile>, size: u64) -> Result<(), Fault> {
        self.ctx.check(Some(file.rep()))?;
        self.ctx.growth = self.get(file)?.resize_if(size, |before| self.ctx.growth_after(before, size))?;
        Ok(())
    }

    pub(super) fn get(&self, file: &Resource<SharedFile>) -> Result<&SharedFile, Fault> {
        self.table.get(file).map_err(|_| no_handle())
    }

    fn get_mut(&mut self, file: &Resource<SharedFile>) -> Result<&mut SharedFile, Fault> {
        self.table.get_mut(file).map_err(|_| no_handle())
    }
}

fn no_handle() -> Fault {
    Fault::invalid("a handle that is not open")
}
