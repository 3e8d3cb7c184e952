//! Why a coordination call was not done.

use wasmtime::component::{ComponentType, Lift, Lower};

/// Why a coordination call was not done: the `fault` of the WIT interface.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower, thiserror::Error)]
#[component(variant)]
pub enum Fault {
    /// The file is not there.
    #[error("no such file")]
    #[component(name = "not-found")]
    NotFound,
    /// The operating system or the host forbids it.
    #[error("permission denied")]
    #[component(name = "denied")]
    Denied,
    /// This host, engine or platform can not do it.
    #[error("not supported by this host, engine or platform")]
    #[component(name = "unsupported")]
    Unsupported,
    /// The file was deleted or replaced since it was opened, or cut short under its mapped pages.
    #[error("the file was deleted, or cut short under its mapped pages")]
    #[component(name = "damaged")]
    Damaged,
    /// Not enough disk, memory, handles or regions: what ran out.
    #[error("exhausted: {0}")]
    #[component(name = "exhausted")]
    Exhausted(String),
    /// An argument that can not be: which, and what is wrong with it.
    #[error("invalid argument: {0}")]
    #[component(name = "invalid")]
    Invalid(String),
    /// Anything else the operating system reported: what was tried, and its answer.
    #[error("{0}")]
    #[component(name = "io")]
    Io(String),
}

impl Fault {
    /// An argument that can not be.
    pub(super) fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid(what.into())
    }

    /// A limit that is reached.
    pub(super) fn exhausted(what: impl Into<String>) -> Self {
        Self::Exhausted(what.into())
    }
}
