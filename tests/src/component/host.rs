//! Engines, linkers and stores: how an instance comes to be.

use std::path::Path;
use std::sync::OnceLock;

use larder::coordination::{self, Access, Call, Coordination, CoordinationCtx, CoordinationView, Fault};
use wasmtime::component::{self, Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store, StoreLimits};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::instance::Instance;
use super::types::Error;
use super::wit::OpenOptions;
use super::{World, bindings, options};
use crate::clock::Clock;
use crate::layer::{self, Layer, Seat};

/// What a store carries.
pub struct State {
    pub(crate) wasi: WasiCtx,
    coordination: CoordinationCtx,
    pub(crate) table: ResourceTable,
    pub(super) limits: StoreLimits,
    /// What stands between it and the files, in a linker with a layer.
    pub(crate) seat: Option<Seat>,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl CoordinationView for State {
    fn coordination(&mut self) -> Coordination<'_> {
        Coordination { ctx: &mut self.coordination, table: &mut self.table }
    }

    fn admit(&mut self, call: Call) -> Result<(), Fault> {
        self.seat.as_ref().map_or(Ok(()), |seat| seat.admit(call))
    }
}

/// An engine with a component, from which instances are made.
pub struct Host {
    engine: Engine,
    component: Component,
    linker: Linker<State>,
}

impl Host {
    /// Compiles a component. In the world `standalone` the linker offers WASI and nothing else.
    pub fn new(world: World) -> Self {
        let engine = Engine::new(larder::configure(&mut Config::new())).unwrap();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker).unwrap();
        let bytes = match world {
            World::Shared => {
                coordination::add_to_linker(&mut linker).unwrap();
                larder::SHARED_COMPONENT
            }
            World::Standalone => larder::STANDALONE_COMPONENT,
        };
        let component = Component::from_binary(&engine, bytes).unwrap();
        Self { engine, component, linker }
    }

    /// The same with a layer between the component and its files.
    fn layered(world: World) -> Self {
        let Self { engine, component, linker } = Self::of(world);
        let mut linker = linker.clone();
        layer::add_to_linker(&mut linker);
        Self { engine: engine.clone(), component: component.clone(), linker }
    }

    /// The one of this process for a world.
    pub fn of(world: World) -> &'static Self {
        static HOSTS: [OnceLock<Host>; 2] = [const { OnceLock::new() }; 2];
        Self::once(&HOSTS, world, Self::new)
    }

    /// The one of this process for a world, with a layer between the component and its files.
    pub fn with_layer(world: World) -> &'static Self {
        static HOSTS: [OnceLock<Host>; 2] = [const { OnceLock::new() }; 2];
        Self::once(&HOSTS, world, Self::layered)
    }

    fn once(hosts: &'static [OnceLock<Self>; 2], world: World, make: fn(World) -> Self) -> &'static Self {
        let [shared, standalone] = hosts;
        let host = if world == World::Shared { shared } else { standalone };
        host.get_or_init(|| make(world))
    }

    /// Starts an instance and opens the cache in a directory, which it sees as `/cache`.
    pub fn open(&self, directory: &Path, options: OpenOptions) -> Result<Instance, Error> {
        self.open_at(directory, "/cache", options)
    }

    /// Starts an instance that sees a directory as `/cache`, and opens `path`.
    pub fn open_at(&self, directory: &Path, path: &str, options: OpenOptions) -> Result<Instance, Error> {
        self.open_granting(Grant::of(directory), path, options)
    }

    /// Starts an instance with this wall clock and opens the cache in a directory.
    pub fn open_with_clock(&self, directory: &Path, options: OpenOptions, clock: Clock) -> Result<Instance, Error> {
        self.open_granting(Grant { clock: Some(clock), ..Grant::of(directory) }, "/cache", options)
    }

    /// Starts an instance that may only read a directory, and opens the cache in it for reading.
    pub fn open_unwritable(&self, directory: &Path) -> Result<Instance, Error> {
        let options = OpenOptions { create: false, read_only: true, ..options() };
        let grant = Grant { permissions: FsPerms::ReadOnly, access: Access::ReadOnly, ..Grant::of(directory) };
        self.open_granting(grant, "/cache", options)
    }

    /// Gives the cache in a directory another number of shards; how often progress was told.
    pub fn reshard(&self, directory: &Path, shards: u32, lease_ms: Option<u32>) -> Result<u32, Error> {
        self.reshard_granting(Grant::of(directory), shards, Some(20), lease_ms)
    }

    /// The same over what is granted.
    pub fn reshard_granting(
        &self,
        grant: Grant<'_>,
        shards: u32,
        wait_ms: Option<u32>,
        lease_ms: Option<u32>,
    ) -> Result<u32, Error> {
        let (mut store, exports) = self.start(grant);
        let guest = exports.larder_cache_cache().resharding();
        let begun = guest.call_begin(&mut store, "/cache", shards, wait_ms, lease_ms);
        let resharding = begun.expect("no input traps the component")?;
        let mut steps = 0;
        let ended = loop {
            steps += 1;
            match guest.call_step(&mut store, resharding).expect("no input traps the component") {
                Ok(progress) if !progress.finished => {}
                ended => break ended,
            }
        };
        resharding.resource_drop(&mut store).expect("no input traps the component");
        ended.map(|_| steps)
    }

    /// Starts an instance with what is granted, and opens the cache in `path`.
    pub fn open_granting(&self, grant: Grant<'_>, path: &str, options: OpenOptions) -> Result<Instance, Error> {
        let (mut store, exports) = self.start(grant);
        let guest = exports.larder_cache_cache().cache();
        let cache = guest.call_open(&mut store, path, options).expect("no input traps the component")?;
        Ok(Instance { store, exports, cache, transaction: None })
    }

    /// What it instantiates.
    pub fn component(&self) -> &Component {
        &self.component
    }

    /// Starts an instance with what is granted.
    fn start(&self, grant: Grant<'_>) -> (Store<State>, bindings::Embed) {
        let (mut store, instance) = self.instantiate(grant);
        let exports = bindings::Embed::new(&mut store, &instance).unwrap();
        (store, exports)
    }

    /// Starts an instance with what is granted, to be called by the names of what it exports.
    pub fn instantiate(&self, grant: Grant<'_>) -> (Store<State>, component::Instance) {
        let mut wasi = WasiCtxBuilder::new();
        if let Some(clock) = grant.clock {
            wasi.wall_clock(clock);
        }
        wasi.allow_blocking_current_thread(true).inherit_stderr();
        wasi.preopened_dir(grant.directory, "/cache", grant.permissions).unwrap();
        let mut grants = CoordinationCtx::builder();
        grants.preopened_dir(grant.directory, "/cache", grant.access).unwrap();
        let state = State {
            wasi: wasi.build(),
            coordination: grants.build(),
            table: ResourceTable::new(),
            limits: StoreLimits::default(),
            seat: grant.layer.map(Layer::seat),
        };
        let mut store = Store::new(&self.engine, state);
        let instance = self.linker.instantiate(&mut store, &self.component).unwrap();
        (store, instance)
    }
}

/// What an instance is given.
pub struct Grant<'a> {
    /// Which it sees as `/cache`.
    pub directory: &'a Path,
    /// What WASI permits.
    pub permissions: FsPerms,
    /// What `coordination` permits.
    pub access: Access,
    /// Its wall clock, if not that of the machine.
    pub clock: Option<Clock>,
    /// What stands between it and the files. Of [`Host::with_layer`] only.
    pub layer: Option<&'a Layer>,
}

impl<'a> Grant<'a> {
    /// All of a directory, and the clock of the machine.
    pub fn of(directory: &'a Path) -> Self {
        Self { directory, permissions: FsPerms::ReadWrite, access: Access::ReadWrite, clock: None, layer: None }
    }
}
