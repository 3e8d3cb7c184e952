//! The component: the engine of Larder behind the WIT package `larder:cache`, over WASI.
//!
//! `bindings` is generated from the WIT package, `convert` turns its types into the engine's and
//! back, `exports` answers the calls, `platform` and `coordination` are the world as the engine and
//! the VFS see it. Feature `shared` or `standalone` chooses the world.

#![cfg(target_family = "wasm")]

#[cfg(not(any(feature = "shared", feature = "standalone")))]
compile_error!("choose the world to build: feature `shared` or `standalone`; `cargo xtask build` builds both");

mod bindings;
mod convert;
#[cfg(feature = "shared")]
mod coordination;
mod directories;
mod exports;
mod platform;
