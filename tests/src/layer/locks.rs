//! The locks of `coordination`, each call judged first.

use std::time::Duration;

use larder::coordination::{Fault, LockMode, SharedFile};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};

use super::{Call, Verdict};
use crate::component::State;

type File = Resource<SharedFile>;

fn judged<T>(
    state: &mut State,
    call: Call,
    file: &File,
    work: impl FnOnce(&mut SharedFile) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let verdict = state.seat.as_ref().map_or(Verdict::Proceed, |seat| seat.layer.judge(call));
    match verdict {
        Verdict::Fail(_) => Err(Fault::Io("a fault of the test".to_owned())),
        Verdict::Proceed | Verdict::Short => work(state.table.get_mut(file).expect("a handle of this store")),
    }
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) {
    let mut interface = linker.instance("larder:cache/coordination@0.1.0").unwrap();
    interface
        .func_wrap(
            "[method]shared-file.lock",
            |mut store: StoreContextMut<'_, State>,
             (file, start, length, mode, wait_ms): (File, u64, u64, LockMode, u32)| {
                let wait = Duration::from_millis(wait_ms.into());
                Ok((judged(store.data_mut(), Call::Lock, &file, |file| file.lock(start, length, mode, wait)),))
            },
        )
        .unwrap();
    interface
        .func_wrap(
            "[method]shared-file.unlock",
            |mut store: StoreContextMut<'_, State>, (file, start, length): (File, u64, u64)| {
                Ok((judged(store.data_mut(), Call::Unlock, &file, |file| file.unlock(start, length)),))
            },
        )
        .unwrap();
    interface
        .func_wrap(
            "[method]shared-file.is-locked",
            |mut store: StoreContextMut<'_, State>, (file, start, length): (File, u64, u64)| {
                Ok((judged(store.data_mut(), Call::IsLocked, &file, |file| file.is_locked(start, length)),))
            },
        )
        .unwrap();
}
