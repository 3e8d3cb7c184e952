//! What the operating system does for coordination: one set of functions, one file per mechanism.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::*;

#[cfg(not(target_os = "linux"))]
mod unsupported;
#[cfg(not(target_os = "linux"))]
pub use unsupported::*;

/// What tells one file from another, as long as it is open: device and inode.
pub(crate) type Identity = (u64, u64);
