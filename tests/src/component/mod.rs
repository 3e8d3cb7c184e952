//! The components, called by their WIT interface with nothing of the host crate between.

mod host;
mod instance;
mod make;

/// What `wasmtime` makes of the WIT package.
#[allow(clippy::all, clippy::pedantic, clippy::restriction, missing_docs, unreachable_pub, reason = "generated")]
mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package larder:tests;
            world embed {
                export larder:cache/types@0.1.0;
                export larder:cache/cache@0.1.0;
                export larder:cache/collections@0.1.0;
                export larder:cache/exchange@0.1.0;
                export larder:cache/locks@0.1.0;
                export larder:cache/limits@0.1.0;
                export larder:cache/recipes@0.1.0;
                export larder:cache/memo@0.1.0;
            }
        ",
        world: "larder:tests/embed",
        with: {
            "wasi:io": wasmtime_wasi::p2::bindings::sync::io,
        },
        additional_derives: [PartialEq],
    });
}

pub use bindings::exports::larder::cache::cache as wit;
pub use bindings::exports::larder::cache::collections;
pub use bindings::exports::larder::cache::exchange;
pub use bindings::exports::larder::cache::limits;
pub use bindings::exports::larder::cache::locks;
pub use bindings::exports::larder::cache::memo;
pub use bindings::exports::larder::cache::recipes;
pub use bindings::exports::larder::cache::types;

pub use bindings::Embed;
pub use host::{Grant, Host, State};
pub use instance::{Instance, Part};
pub use make::{changes, everything, options, plain, tagged, text, text_key, ttl, with};

/// Which of the two builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// With `coordination`.
    Shared,
    /// With WASI alone.
    Standalone,
}
