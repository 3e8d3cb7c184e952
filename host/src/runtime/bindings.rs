//! What `wasmtime` makes of the WIT package.

#![allow(clippy::all, clippy::pedantic, clippy::restriction, missing_docs, unreachable_pub, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../wit",
    inline: "
        package larder:host;
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
    world: "larder:host/embed",
    with: {
        "wasi:io": wasmtime_wasi::p2::bindings::sync::io,
    },
    ownership: Borrowing { duplicate_if_necessary: true },
});

pub(crate) use exports::larder::cache::{cache, collections, exchange, limits, locks, memo, recipes, types};
