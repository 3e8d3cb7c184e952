//! From a core module that speaks WASI preview 1 to a component that speaks WASI 0.2.

use std::path::Path;

use anyhow::{Context, Result};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Validator, WasmFeatures};
use wit_component::ComponentEncoder;
use wit_parser::Resolve;

use super::World;

/// Makes a component of a core module, and checks that it is valid and what the world in `wit`
/// says: that it imports nothing else and exports everything.
///
/// The names of functions stay in it. They cost some tens of kilobytes and nothing at run time,
/// and the backtrace of a trap says nothing without them.
pub(super) fn component(wit: &Path, world: World, module: &[u8]) -> Result<Vec<u8>> {
    let component = ComponentEncoder::default()
        .module(module)
        .context("the module has no description of its world")?
        .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
        .context("the WASI adapter can not be used")?
        .encode()
        .context("the module can not be made a component")?;
    Validator::new_with_features(WasmFeatures::default()).validate_all(&component)?;
    check_world(wit, world, &component)?;
    Ok(component)
}

fn check_world(wit: &Path, world: World, component: &[u8]) -> Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit).context("the WIT package can not be read")?;
    let id = resolve.select_world(&[package], Some(world.name()))?;
    wit_component::targets(&resolve, id, component).context("it does not match the world")
}

#[cfg(test)]
mod tests {
    use super::*;

    use wit_component::{StringEncoding, dummy_module, embed_component_metadata};
    use wit_parser::ManglingAndAbi;

    /// Two worlds of the names in use, of which only one has an import.
    const WORLDS: &str = "package test:test;
        world shared { import log: func(line: string); export run: func(); }
        world standalone { export run: func(); }";

    fn wit() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("worlds.wit"), WORLDS).unwrap();
        directory
    }

    /// A core module that imports and exports what the world has.
    fn module(world: World) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("worlds.wit", WORLDS).unwrap();
        let id = resolve.select_world(&[package], Some(world.name())).unwrap();
        let mut module = dummy_module(&resolve, id, ManglingAndAbi::Standard32);
        embed_component_metadata(&mut module, &resolve, id, StringEncoding::UTF8).unwrap();
        module
    }

    #[test]
    fn a_module_becomes_a_component_of_its_world() {
        let wit = wit();
        for world in World::ALL {
            component(wit.path(), world, &module(world)).unwrap();
        }
    }

    #[test]
    fn an_import_that_the_world_lacks_is_an_error() {
        let wit = wit();
        let error = component(wit.path(), World::Standalone, &module(World::Shared)).unwrap_err();
        assert_eq!(error.to_string(), "it does not match the world");
    }

    #[test]
    fn a_file_that_is_no_module_is_an_error() {
        let wit = wit();
        component(wit.path(), World::Shared, b"not WebAssembly").unwrap_err();
    }
}
