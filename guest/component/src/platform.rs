//! The surroundings of the engine: clocks, randomness and locks as WASI and the host offer them.

use std::fs::File;
use std::path::Path;
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::Duration;

use larder_engine::{Error, Platform, RangeLocks, Result, Sharing};
use larder_vfs::FailureKind;

use crate::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use crate::bindings::wasi::random::random;
use crate::directories;

/// The name of the VFS; on WebAssembly it is the only one.
const VFS: &std::ffi::CStr = c"larder";

/// WASI, with `coordination` in the world `shared`.
pub(crate) struct WasiPlatform {
    sharing: Sharing,
}

impl WasiPlatform {
    /// The surroundings of a cache. Registers the VFS when it is called first.
    pub(crate) fn new() -> Result<Rc<Self>> {
        static REGISTERED: OnceLock<std::result::Result<(), String>> = OnceLock::new();
        if REGISTERED.get().is_none() {
            directories::look().map_err(Error::Io)?;
        }
        REGISTERED
            .get_or_init(|| {
                larder_vfs::register(VFS, host::coordination(), directories::sync).map_err(|error| error.to_string())
            })
            .clone()
            .map_err(Error::Io)?;
        Ok(Rc::new(Self { sharing: host::sharing() }))
    }
}

impl Platform for WasiPlatform {
    fn wall_us(&self) -> i64 {
        let now = wall_clock::now();
        i64::try_from(now.seconds)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000_000)
            .saturating_add(i64::from(now.nanoseconds / 1000))
    }

    fn monotonic_ms(&self) -> u64 {
        monotonic_clock::now() / 1_000_000
    }

    fn random(&self) -> u64 {
        random::get_random_u64()
    }

    fn sleep_ms(&self, milliseconds: u64) {
        std::thread::sleep(Duration::from_millis(milliseconds));
    }

    fn sleep_us(&self, microseconds: u64) {
        std::thread::sleep(Duration::from_micros(microseconds));
    }

    fn vfs(&self) -> Option<&str> {
        VFS.to_str().ok()
    }

    fn sharing(&self) -> Sharing {
        self.sharing
    }

    fn open_locks(&self, path: &Path) -> Result<Box<dyn RangeLocks>> {
        host::open_locks(path)
    }

    fn begin_operation(&self, wait_ms: u32) {
        larder_vfs::begin_operation(Duration::from_millis(wait_ms.into()));
    }

    fn begin_optimistic_read(&self) {
        larder_vfs::begin_optimistic_read();
    }

    fn end_optimistic_read(&self) -> bool {
        larder_vfs::end_optimistic_read()
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        larder_vfs::write_fully(file, bytes, offset)
    }

    fn sync_directory(&self, path: &Path) -> std::io::Result<()> {
        directories::sync(path)
    }

    fn take_damage(&self) -> Option<String> {
        larder_vfs::take_damage().map(|damage| format!("{}: {}", damage.path, damage.reason))
    }

    fn take_failure(&self) -> Option<Error> {
        larder_vfs::take_failure().map(|failure| {
            let text = format!("{}: can not {} it: {}", failure.path, failure.operation, failure.message);
            match failure.kind {
                FailureKind::NotFound => Error::NotFound(text),
                FailureKind::Denied => Error::PermissionDenied(text),
                FailureKind::Full => Error::Full(text),
                FailureKind::Damaged => Error::Corrupt(text),
                _ => Error::Io(text),
            }
        })
    }
}

/// What the host of the world `shared` adds.
#[cfg(feature = "shared")]
mod host {
    use super::{Path, RangeLocks, Result, Sharing};
    use crate::coordination::{HostCoordination, HostLocks};

    #[allow(clippy::unnecessary_wraps, reason = "the other world has none")]
    pub(super) fn coordination() -> Option<Box<dyn larder_vfs::Coordination>> {
        Some(Box::new(HostCoordination))
    }

    pub(super) fn sharing() -> Sharing {
        Sharing::Locks { databases: larder_vfs::Coordination::can_map(&HostCoordination) }
    }

    pub(super) fn open_locks(path: &Path) -> Result<Box<dyn RangeLocks>> {
        HostLocks::open(path).map(|locks| Box::new(locks) as Box<dyn RangeLocks>)
    }
}

/// The world `standalone` has a lease instead.
#[cfg(not(feature = "shared"))]
mod host {
    use super::{Error, Path, RangeLocks, Result, Sharing};

    pub(super) fn coordination() -> Option<Box<dyn larder_vfs::Coordination>> {
        None
    }

    pub(super) fn sharing() -> Sharing {
        Sharing::Lease
    }

    pub(super) fn open_locks(path: &Path) -> Result<Box<dyn RangeLocks>> {
        Err(Error::Io(format!("{}: a lease needs no locks", path.display())))
    }
}
