//! Files that many processes share: locks on their ranges, and their pages in place of memory.
//!
//! This is what the host does for `larder:cache/coordination`, and knows of no guest: the crate `larder`
//! offers it to components, and gives these types out again in its module `coordination`. All of it works
//! on Linux; elsewhere nothing can be opened.
//!
//! | module | what it does |
//! |---|---|
//! | `directory` | which directories are granted, and by what names |
//! | `file`, `range`, `wait` | open files, the ranges that are locked of them, and the lines of those who wait |
//! | `region` | pages of a file in place of memory |
//! | `registry`, `sigbus` | all such memory of the process, and what happens to it when its file is lost |
//! | `sys` | what the operating system does |

mod directory;
mod fault;
mod file;
mod range;
mod region;
mod registry;
#[cfg(target_os = "linux")]
mod sigbus;
mod sys;
mod wait;

pub use directory::{Access, Directory, GrantError, Grants, check_length};
pub use fault::Fault;
pub use file::{LockMode, OpenMode, SharedFile};
pub use region::Region;
pub use registry::none_has_faulted;
pub use sys::CAN_MAP;

#[cfg(test)]
#[cfg(target_os = "linux")]
mod testing;
