//! Finds the component this crate embeds.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    // One message is enough where both are missing.
    let _ = embed("LARDER_COMPONENT", "larder.wasm") && embed("LARDER_COMPONENT_STANDALONE", "larder-standalone.wasm");
}

/// Passes the path of a component to `include_bytes!` as the environment variable `name`, and a
/// hash of its content, by which compiled code is kept, as `name` with `_HASH` behind it. An
/// environment variable of the same name overrides where it is looked for. Returns whether it is
/// there.
fn embed(name: &str, file: &str) -> bool {
    println!("cargo::rerun-if-env-changed={name}");
    let path = env::var_os(name).map_or_else(|| built(file), PathBuf::from);
    println!("cargo::rerun-if-changed={}", path.display());
    match fs::read(&path) {
        Ok(content) => {
            let mut hasher = DefaultHasher::new();
            hasher.write(&content);
            println!("cargo::rustc-env={name}={}", path.display());
            println!("cargo::rustc-env={name}_HASH={:016x}", hasher.finish());
            true
        }
        Err(error) => {
            println!("cargo::error=no component at {} ({error}): run `cargo xtask build`", path.display());
            false
        }
    }
}

/// Where `cargo xtask build` puts components.
fn built(file: &str) -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    Path::new(&manifest).join("..").join("target").join("larder").join(file)
}
