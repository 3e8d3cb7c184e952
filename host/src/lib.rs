//! Larder: a disk-backed cache that many programs and plugins share.
//!
//! The cache itself is a WebAssembly component. This crate embeds it with wasmtime, and offers
//! the host functions it needs to embedders that have an engine of their own.

pub mod coordination;
