//! Tells the crate where the components are that it carries. They are built by
//! `cargo xtask build`, since cargo itself can not make a component from a core module.

use std::env;
use std::path::{Path, PathBuf};

/// The variable that names each component, for the crate as for who wants another file in it, and
/// the file that xtask makes.
const COMPONENTS: [(&str, &str); 2] =
    [("LARDER_COMPONENT", "larder.wasm"), ("LARDER_COMPONENT_STANDALONE", "larder-standalone.wasm")];

fn main() {
    let mut missing = false;
    for (variable, file_name) in COMPONENTS {
        println!("cargo::rerun-if-env-changed={variable}");
        let path = env::var_os(variable).map_or_else(|| built(file_name), PathBuf::from);
        println!("cargo::rerun-if-changed={}", path.display());
        match path.canonicalize() {
            Ok(path) => println!("cargo::rustc-env={variable}={}", path.display()),
            Err(_) => missing = true,
        }
    }
    if missing {
        println!("cargo::error=the component is not built yet: run `cargo xtask build`");
    }
}

/// Where xtask puts a component.
fn built(file_name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/larder").join(file_name)
}
