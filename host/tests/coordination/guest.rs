//! The component that passes every call on, in a store of its own.

use std::path::Path;

use larder::coordination::{
    self, Access, Coordination, CoordinationCtx, CoordinationCtxBuilder, CoordinationView, Fault, LockMode,
};
use wasmtime::component::{Component, ComponentNamedList, Instance, Lift, Linker, Lower, ResourceTable};
use wasmtime::{Config, Engine, Store};

/// A multiple of every page size hosts have.
pub(crate) const BLOCK: u32 = 0x1_0000;
pub(crate) const SIZE: u64 = BLOCK as u64;

pub(crate) type Outcome = Result<(), Fault>;

pub(crate) struct State {
    coordination: CoordinationCtx,
    table: ResourceTable,
}

impl CoordinationView for State {
    fn coordination(&mut self) -> Coordination<'_> {
        Coordination { ctx: &mut self.coordination, table: &mut self.table }
    }
}

/// An instance of the component in a store of its own.
pub(crate) struct Guest {
    pub(crate) store: Store<State>,
    instance: Instance,
}

impl Guest {
    pub(crate) fn new(engine: &Engine, grants: &CoordinationCtxBuilder) -> Self {
        Self::start(&compile(engine), grants)
    }

    /// From code that is compiled.
    pub(crate) fn start(component: &Component, grants: &CoordinationCtxBuilder) -> Self {
        let engine = component.engine();
        let mut linker = Linker::new(engine);
        coordination::add_to_linker(&mut linker).unwrap();
        let state = State { coordination: grants.build(), table: ResourceTable::new() };
        let mut store = Store::new(engine, state);
        // In an engine with epochs: enough of them to begin.
        store.set_epoch_deadline(1_000_000);
        let instance = linker.instantiate(&mut store, component).unwrap();
        Self { store, instance }
    }

    /// With a directory granted as `/cache`, in a usual engine.
    pub(crate) fn in_directory(path: &Path) -> Self {
        Self::new(&engine(|_| {}), &grants(path))
    }

    pub(crate) fn call<P, R>(&mut self, name: &str, parameters: P) -> R
    where
        P: ComponentNamedList + Lower,
        (R,): ComponentNamedList + Lift,
    {
        self.try_call(name, parameters).unwrap()
    }

    /// A call that may trap, after which the guest can not be called any more.
    pub(crate) fn try_call<P, R>(&mut self, name: &str, parameters: P) -> wasmtime::Result<R>
    where
        P: ComponentNamedList + Lower,
        (R,): ComponentNamedList + Lift,
    {
        let function = self.instance.get_typed_func::<P, (R,)>(&mut self.store, name).unwrap();
        Ok(function.call(&mut self.store, parameters)?.0)
    }

    /// A call without a result.
    pub(crate) fn run<P: ComponentNamedList + Lower>(&mut self, name: &str, parameters: P) {
        self.try_run(name, parameters).unwrap();
    }

    /// A call without a result that may trap.
    pub(crate) fn try_run<P: ComponentNamedList + Lower>(&mut self, name: &str, parameters: P) -> wasmtime::Result<()> {
        let function = self.instance.get_typed_func::<P, ()>(&mut self.store, name).unwrap();
        function.call(&mut self.store, parameters)
    }

    pub(crate) fn try_open(&mut self, path: &str, create: bool, read_only: bool) -> Result<u32, Fault> {
        self.call("open", (path, create, read_only))
    }

    pub(crate) fn open(&mut self) -> u32 {
        self.try_open("/cache/file", true, false).unwrap()
    }

    /// Opens the file, `blocks` long.
    pub(crate) fn open_sized(&mut self, blocks: u64) -> u32 {
        let file = self.open();
        self.resize(file, blocks * SIZE).unwrap();
        file
    }

    pub(crate) fn resize(&mut self, file: u32, size: u64) -> Outcome {
        self.call("resize", (file, size))
    }

    pub(crate) fn map(&mut self, file: u32, offset: u64, address: u32, length: u32) -> Outcome {
        self.call("map", (file, offset, address, length))
    }

    pub(crate) fn unmap(&mut self, file: u32, address: u32, length: u32) -> Outcome {
        self.call("unmap", (file, address, length))
    }

    pub(crate) fn barrier(&mut self, address: u32) -> Outcome {
        self.call("barrier", (address, 0_u32))
    }

    pub(crate) fn lock(&mut self, file: u32, start: u64, length: u64) -> Result<bool, Fault> {
        self.call("lock", (file, start, length, LockMode::Exclusive, 0_u32))
    }

    pub(crate) fn unlock(&mut self, file: u32, start: u64, length: u64) -> Outcome {
        self.call("unlock", (file, start, length))
    }

    pub(crate) fn load(&mut self, address: u32) -> u32 {
        self.call("load", (address,))
    }

    pub(crate) fn store(&mut self, address: u32, value: u32) {
        self.run("store", (address, value));
    }
}

/// The component's code for an engine.
pub(crate) fn compile(engine: &Engine) -> Component {
    Component::new(engine, wat::parse_str(include_str!("guest.wat")).unwrap()).unwrap()
}

pub(crate) fn engine(configure: impl FnOnce(&mut Config)) -> Engine {
    let mut config = Config::new();
    config.memory_may_move(false);
    configure(&mut config);
    Engine::new(&config).unwrap()
}

pub(crate) fn grants(path: &Path) -> CoordinationCtxBuilder {
    let mut grants = CoordinationCtx::builder();
    grants.preopened_dir(path, "/cache", Access::ReadWrite).unwrap();
    grants
}

pub(crate) fn is_invalid<T>(result: &Result<T, Fault>) -> bool {
    matches!(result, Err(Fault::Invalid(_)))
}

pub(crate) fn is_exhausted<T>(result: &Result<T, Fault>) -> bool {
    matches!(result, Err(Fault::Exhausted(_)))
}
