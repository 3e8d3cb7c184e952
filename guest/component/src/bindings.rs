//! What `wit-bindgen` makes of the WIT package.

#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    missing_docs,
    unsafe_code,
    unreachable_pub,
    reason = "generated; the WIT files are the documentation"
)]

#[cfg(feature = "shared")]
wit_bindgen::generate!({ world: "shared", path: "../../wit", generate_all });

#[cfg(not(feature = "shared"))]
wit_bindgen::generate!({ world: "standalone", path: "../../wit", generate_all });

export!(Component with_types_in self);

/// The implementor of the world's exports, in [`crate::exports`].
pub(crate) struct Component;
