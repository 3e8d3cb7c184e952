//! Why a coordination call was not done.

#[cfg(feature = "component")]
use wasmtime::component::{ComponentType, Lift, Lower};

/// Why a coordination call was not done: the `fault` of the WIT interface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "component", derive(ComponentType, Lift, Lower), component(variant))]
pub enum Fault {
    /// The file is not there.
    #[error("no such file")]
    #[cfg_attr(feature = "component", component(name = "not-found"))]
    NotFound,
    /// The operating system or the host forbids it.
    #[error("permission denied")]
    #[cfg_attr(feature = "component", component(name = "denied"))]
    Denied,
    /// This host, engine or platform can not do it.
    #[error("not supported by this host, engine or platform")]
    #[cfg_attr(feature = "component", component(name = "unsupported"))]
    Unsupported,
    /// The file was deleted or replaced since it was opened, or cut short under its mapped pages.
    #[error("the file was deleted, or cut short under its mapped pages")]
    #[cfg_attr(feature = "component", component(name = "damaged"))]
    Damaged,
    /// Not enough disk, memory, handles or regions: what ran out.
    #[error("exhausted: {0}")]
    #[cfg_attr(feature = "component", component(name = "exhausted"))]
    Exhausted(String),
    /// An argument that can not be: which, and what is wrong with it.
    #[error("invalid argument: {0}")]
    #[cfg_attr(feature = "component", component(name = "invalid"))]
    Invalid(String),
    /// Anything else the operating system reported: what was tried, and its answer.
    #[error("{0}")]
    #[cfg_attr(feature = "component", component(name = "io"))]
    Io(String),
}

impl Fault {
    /// An argument that can not be.
    pub fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid(what.into())
    }

    /// A limit that is reached.
    pub fn exhausted(what: impl Into<String>) -> Self {
        Self::Exhausted(what.into())
    }
}
