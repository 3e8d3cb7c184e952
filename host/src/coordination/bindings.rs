//! The interface `larder:cache/coordination`, wired to a linker by hand.
//!
//! By hand, because `map` has to take the guest's memory in place, as [`WasmList`], where
//! generated bindings would copy it.

#![allow(unsafe_code, reason = "hands guest memory over to be mapped")]

use std::time::Duration;

use larder_sharing::{Fault, LockMode, SharedFile, check_length};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType, WasmList, WasmStr};

use super::{Call, Coordination, CoordinationView};

/// Name and version of the interface.
const INTERFACE: &str = "larder:cache/coordination@0.1.0";

type File = Resource<SharedFile>;

/// Adds `larder:cache/coordination` to a linker.
///
/// The functions are synchronous, so they work in every kind of engine; a `lock` that waits
/// blocks its thread meanwhile.
pub fn add_to_linker<T: CoordinationView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    interface.resource("shared-file", ResourceType::host::<SharedFile>(), |mut store, rep| {
        store.data_mut().coordination().close(Resource::new_own(rep))
    })?;
    add_files(&mut interface)?;
    add_locks(&mut interface)?;
    add_memory(&mut interface)
}

fn add_files<T: CoordinationView + 'static>(interface: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    interface.func_wrap(
        "[static]shared-file.open",
        |mut store: StoreContextMut<'_, T>, (path, create, read_only): (WasmStr, bool, bool)| {
            let path = copy(path.to_str(&store)?.as_bytes());
            let open = |path: String| admitted(&mut store, Call::Open)?.open(&path, create, read_only);
            Ok((path.and_then(open),))
        },
    )?;
    interface.func_wrap("[method]shared-file.size", |mut store: StoreContextMut<'_, T>, (file,): (File,)| {
        Ok((admitted(&mut store, Call::Size).and_then(|view| view.size(&file)),))
    })?;
    interface.func_wrap("[method]shared-file.resize", |mut store: StoreContextMut<'_, T>, (file, size): (File, u64)| {
        Ok((admitted(&mut store, Call::Resize).and_then(|mut view| view.resize(&file, size)),))
    })
}

/// A path of the host's own, from memory that may be mapped: another guest can change it after it was
/// found to be UTF-8, and Rust relies on strings that are.
fn copy(path: &[u8]) -> Result<String, Fault> {
    check_length(path.len())?;
    String::from_utf8(path.to_vec()).map_err(|_| Fault::invalid("a path that is not UTF-8"))
}

fn add_locks<T: CoordinationView + 'static>(interface: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    interface.func_wrap(
        "[method]shared-file.lock",
        |mut store: StoreContextMut<'_, T>, (file, start, length, mode, wait_ms): (File, u64, u64, LockMode, u32)| {
            let wait = Duration::from_millis(wait_ms.into());
            let view = admitted(&mut store, Call::Lock);
            Ok((view.and_then(|mut view| view.lock(&file, start, length, mode, wait)),))
        },
    )?;
    interface.func_wrap(
        "[method]shared-file.unlock",
        |mut store: StoreContextMut<'_, T>, (file, start, length): (File, u64, u64)| {
            let view = admitted(&mut store, Call::Unlock);
            Ok((view.and_then(|mut view| view.unlock(&file, start, length)),))
        },
    )?;
    interface.func_wrap(
        "[method]shared-file.is-locked",
        |mut store: StoreContextMut<'_, T>, (file, start, length): (File, u64, u64)| {
            let view = admitted(&mut store, Call::IsLocked);
            Ok((view.and_then(|view| view.is_locked(&file, start, length)),))
        },
    )
}

fn add_memory<T: CoordinationView + 'static>(interface: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    interface.func_wrap("can-map", |mut store: StoreContextMut<'_, T>, (): ()| Ok((can_map(&mut store),)))?;
    interface.func_wrap("barrier", |mut store: StoreContextMut<'_, T>, (memory,): (WasmList<u8>,)| {
        let (start, _) = bounds(&store, &memory);
        Ok((admitted(&mut store, Call::Barrier).and_then(|view| view.barrier(start)),))
    })?;
    interface.func_wrap(
        "[method]shared-file.map",
        |mut store: StoreContextMut<'_, T>, (file, offset, memory): (File, u64, WasmList<u8>)| {
            if !can_map(&mut store) {
                return Ok((Err(Fault::Unsupported),));
            }
            let (start, length) = bounds(&store, &memory);
            let view = admitted(&mut store, Call::Map);
            // SAFETY: `memory` was checked to lie in linear memory of this store. Engines whose
            // memories `mmap` did not make are excluded by `can_map`, or by the requirements in
            // the documentation of the module where they can not be told.
            Ok((view.and_then(|mut view| unsafe { view.map(&file, offset, start, length) }),))
        },
    )?;
    interface.func_wrap(
        "[method]shared-file.unmap",
        |mut store: StoreContextMut<'_, T>, (file, memory): (File, WasmList<u8>)| {
            let (start, length) = bounds(&store, &memory);
            let view = admitted(&mut store, Call::Unmap);
            // SAFETY: `memory` was checked to lie in linear memory of this store.
            Ok((view.and_then(|mut view| unsafe { view.unmap(&file, start, length) }),))
        },
    )
}

/// What a call works on, if the embedder admits it.
fn admitted<'a, T: CoordinationView>(
    store: &'a mut StoreContextMut<'_, T>,
    call: Call,
) -> Result<Coordination<'a>, Fault> {
    let view = store.data_mut();
    view.admit(call)?;
    Ok(view.coordination())
}

fn can_map<T: CoordinationView + 'static>(store: &mut StoreContextMut<'_, T>) -> bool {
    let engine = store.engine().clone();
    store.data_mut().coordination().can_map(&engine)
}

/// Address and length of guest memory in the host.
fn bounds<T: 'static>(store: &StoreContextMut<'_, T>, memory: &WasmList<u8>) -> (usize, usize) {
    let bytes = memory.as_le_slice(store);
    (bytes.as_ptr().expose_provenance(), bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_longer_utf_8_once_it_is_copied_is_invalid() {
        assert_eq!(copy(b"/cache/file").as_deref(), Ok("/cache/file"));
        assert!(matches!(copy(b"/cache/\xffile"), Err(Fault::Invalid(_))));
        assert!(matches!(copy(&[b'a'; 5_000]), Err(Fault::Invalid(_))));
    }
}
