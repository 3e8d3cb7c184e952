//! One instance of the component with one open cache, or one directory that is being resharded.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{ResourceAny, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{FsPerms, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::bindings::cache::{Guest, GuestCache, GuestTransaction, Information, OpenOptions};
use super::bindings::{Embed, collections, exchange, limits, locks, memo, recipes, types};
use super::ticker::Ticker;
use super::watch::{MemoryWatch, TimeIsOver, TimeWatch};
use super::{Runtime, Timing};
use crate::coordination::{
    Access, Coordination, CoordinationCtx, CoordinationCtxBuilder, CoordinationView, GrantError,
};
use crate::error::{Error, Result};
use crate::options::Limits;

/// An instance whose memory has grown beyond this is not kept: it never shrinks. In bytes.
const MEMORY_KEPT: usize = 64 * 1024 * 1024;

/// What is granted to the instances of one cache, and how they open it.
pub(crate) struct Opening {
    /// The directory on the host, by which name the component finds it, too: so its errors name it.
    path: String,
    /// Other directories, under the names they have on the host, and what may be done with them.
    others: Vec<(String, FsPerms)>,
    coordination: CoordinationCtxBuilder,
    limits: Limits,
    /// What tells the component the time; unless given, the system's clock.
    wall_clock: Option<WallClock>,
}

/// A clock that tells the time since the Unix epoch.
#[derive(Clone)]
pub(crate) struct WallClock(pub(crate) Arc<dyn Fn() -> Duration + Send + Sync>);

/// A clock that has panicked tells the time again or panics again: nothing here depends on what it was at.
impl std::panic::RefUnwindSafe for WallClock {}
impl std::panic::UnwindSafe for WallClock {}

impl fmt::Debug for WallClock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("WallClock").field(&(self.0)()).finish()
    }
}

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        Duration::from_micros(1)
    }

    fn now(&self) -> Duration {
        (self.0)()
    }
}

impl Opening {
    /// Grants a directory, which must exist.
    pub(crate) fn new(directory: &Path, mapping: bool, limits: Limits) -> Result<Self> {
        let mut coordination = CoordinationCtx::builder();
        coordination.allow_mapping(mapping);
        limits.apply_to(&mut coordination);
        let path = utf8(directory)?.to_owned();
        let mut opening = Self { path: path.clone(), others: Vec::new(), coordination, limits, wall_clock: None };
        opening.grant(directory, &path, Access::ReadWrite)?;
        Ok(opening)
    }

    /// Tells the component the time by another clock than the system's.
    pub(crate) fn tell_time_by(&mut self, clock: Option<WallClock>) {
        self.wall_clock = clock;
    }

    /// Grants another directory, which must exist, for reading.
    pub(crate) fn allow_reading(&mut self, directory: &Path) -> Result<()> {
        let path = utf8(directory)?.to_owned();
        self.grant(directory, &path, Access::ReadOnly)?;
        self.others.push((path, FsPerms::ReadOnly));
        Ok(())
    }

    /// Grants another directory, which must exist, for writing.
    pub(crate) fn allow_writing(&mut self, directory: &Path) -> Result<()> {
        let path = utf8(directory)?.to_owned();
        if path != self.path {
            self.grant(directory, &path, Access::ReadWrite)?;
            self.others.push((path, FsPerms::ReadWrite));
        }
        Ok(())
    }

    fn grant(&mut self, directory: &Path, path: &str, access: Access) -> Result<()> {
        let granted = self.coordination.preopened_dir(directory, path, access);
        granted.map(drop).map_err(|error| match error {
            GrantError::Open { source, .. } => Error::from_io(directory, &source),
            other => Error::Io(other.to_string()),
        })
    }

    /// A store for one instance.
    fn store(&self, engine: &Engine) -> Result<Store<State>> {
        let state = State {
            wasi: self.wasi()?,
            coordination: self.coordination.build(),
            table: ResourceTable::new(),
            memory: MemoryWatch::new(self.limits.memory),
            time: TimeWatch::default(),
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.memory);
        if self.limits.is_timed() {
            store.epoch_deadline_callback(|context| context.data().time.look());
        }
        Ok(store)
    }

    fn wasi(&self) -> Result<WasiCtx> {
        let mut wasi = WasiCtxBuilder::new();
        // Before the directory is granted, which copies the choice: file calls then run on this
        // thread instead of being handed to another, at a hundred times the cost.
        wasi.allow_blocking_current_thread(true).inherit_stderr();
        if let Some(clock) = &self.wall_clock {
            wasi.wall_clock(clock.clone());
        }
        let others = self.others.iter().map(|(path, permissions)| (path, *permissions));
        for (path, permissions) in [(&self.path, FsPerms::ReadWrite)].into_iter().chain(others) {
            wasi.preopened_dir(path, path, permissions).map_err(|error| Error::Io(format!("{path}: {error:#}")))?;
        }
        Ok(wasi.build())
    }
}

/// Begins to count what is limited for what comes next, which may take so long.
fn begin_within(store: &mut Store<State>, limits: &Limits, time: Option<Duration>) {
    let state = store.data_mut();
    state.memory.exceeded = false;
    if limits.is_timed() {
        state.time = TimeWatch::begin(time);
        state.coordination.set_max_wait(time.unwrap_or(Duration::MAX));
        store.set_epoch_deadline(1);
    }
}

/// Why a call, or a start, did not come to its end.
fn failure(error: &wasmtime::Error, store: &Store<State>, limits: &Limits) -> Error {
    match error.downcast_ref() {
        Some(TimeIsOver(time)) => Error::TimeLimit(*time),
        None if store.data().memory.exceeded => Error::MemoryLimit(limits.memory),
        None => Error::Failed(format!("{error:#}")),
    }
}

/// A path as components know it.
fn utf8(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::InvalidArgument(format!("{} is not UTF-8, as the paths of components are", path.display()))
    })
}

/// What a store carries.
pub(crate) struct State {
    wasi: WasiCtx,
    coordination: CoordinationCtx,
    table: ResourceTable,
    memory: MemoryWatch,
    time: TimeWatch,
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
}

/// An instance with an open cache.
pub(crate) struct Instance {
    store: Store<State>,
    limits: Limits,
    /// What makes its code look at the time, if that is limited.
    _ticker: Option<Arc<Ticker>>,
    exports: Embed,
    /// The cache, or what else the instance was started for.
    resource: ResourceAny,
    /// Whether a call has trapped: then nothing in it can be relied on any more.
    broken: bool,
}

/// What a call into the component needs.
pub(crate) struct Call<'a, G = GuestCache<'a>> {
    /// The exported functions.
    pub(crate) guest: G,
    /// The store they run in.
    pub(crate) store: &'a mut Store<State>,
    /// The open cache, or another resource whose functions these are.
    pub(crate) resource: ResourceAny,
}

/// What the component answers: the outer result is that of the call, the inner its own.
pub(crate) type Answer<T> = wasmtime::Result<Result<T, types::Error>>;

/// Methods that call the functions of an interface.
macro_rules! interface_calls {
    ($($(#[$docs:meta])* $interface:ident: $export:ident;)*) => {
        $(
            $(#[$docs])*
            pub(crate) fn $interface<T>(
                &mut self,
                call: impl FnOnce(&$interface::Guest, &mut Store<State>, ResourceAny) -> Answer<T>,
            ) -> Result<T> {
                self.begin();
                let answer = call(self.exports.$export(), &mut self.store, self.resource);
                self.settle(answer)
            }
        )*
    };
}

impl Instance {
    /// Starts an instance and opens the cache.
    pub(crate) fn open(opening: &Opening, options: OpenOptions) -> Result<Self> {
        Self::start(opening, |guest, store, path| guest.cache().call_open(store, path, options))
    }

    /// What the cache is that was opened: to ask for it is a part of opening it.
    pub(crate) fn opened(&mut self) -> Result<Information> {
        let guest = self.exports.larder_cache_cache().cache();
        let answer = guest.call_info(&mut self.store, self.resource);
        self.settle(answer)
    }

    /// Starts an instance for another resource, which is given the path of the directory.
    pub(crate) fn start(
        opening: &Opening,
        begin: impl FnOnce(&Guest, &mut Store<State>, &str) -> Answer<ResourceAny>,
    ) -> Result<Self> {
        let limits = opening.limits.clone();
        let timing = if limits.is_timed() { Timing::Limited } else { Timing::Unlimited };
        let runtime = Runtime::get(timing)?;
        let ticker = limits.is_timed().then(|| Ticker::of(&runtime.engine)).transpose();
        let ticker = ticker.map_err(|error| Error::Io(format!("starting a thread: {error}")))?;
        let mut store = opening.store(&runtime.engine)?;
        begin_within(&mut store, &limits, limits.time_to_open());
        let instantiated = runtime.component.instantiate(&mut store);
        let exports = instantiated.map_err(|error| failure(&error, &store, &limits))?;
        let opened = begin(exports.larder_cache_cache(), &mut store, &opening.path);
        let resource = opened.map_err(|error| failure(&error, &store, &limits))??;
        Ok(Self { store, limits, _ticker: ticker, exports, resource, broken: false })
    }

    /// Begins to count for the next call what is limited.
    fn begin(&mut self) {
        begin_within(&mut self.store, &self.limits, self.limits.call);
    }

    /// Calls into the component. A trap makes the instance unusable.
    pub(crate) fn call<T>(&mut self, call: impl FnOnce(Call<'_>) -> Answer<T>) -> Result<T> {
        self.begin();
        let guest = self.exports.larder_cache_cache().cache();
        let answer = call(Call { guest, store: &mut self.store, resource: self.resource });
        self.settle(answer)
    }

    /// Calls a function of a transaction.
    pub(crate) fn call_in<T>(
        &mut self,
        transaction: ResourceAny,
        call: impl FnOnce(Call<'_, GuestTransaction<'_>>) -> Answer<T>,
    ) -> Result<T> {
        self.begin();
        let guest = self.exports.larder_cache_cache().transaction();
        let answer = call(Call { guest, store: &mut self.store, resource: transaction });
        self.settle(answer)
    }

    /// Calls a function of another resource, such as a cursor.
    pub(crate) fn next<T>(&mut self, next: impl FnOnce(&Guest, &mut Store<State>) -> Answer<T>) -> Result<T> {
        self.begin();
        let answer = next(self.exports.larder_cache_cache(), &mut self.store);
        self.settle(answer)
    }

    /// The result of a call, or, after a trap, the end of the instance.
    fn settle<T>(&mut self, answer: Answer<T>) -> Result<T> {
        match answer {
            Ok(answer) => answer.map_err(Error::from),
            Err(error) => {
                self.broken = true;
                Err(failure(&error, &self.store, &self.limits))
            }
        }
    }

    interface_calls! {
        /// Calls a function of the interface `collections`, with the open cache.
        collections: larder_cache_collections;
        /// Calls a function of the interface `exchange`, with the open cache.
        exchange: larder_cache_exchange;
        /// Calls a function of the interface `locks`, with the open cache.
        locks: larder_cache_locks;
        /// Calls a function of the interface `limits`, with the open cache.
        limits: larder_cache_limits;
        /// Calls a function of the interface `recipes`, with the open cache.
        recipes: larder_cache_recipes;
        /// Calls a function of the interface `memo`, with the open cache.
        memo: larder_cache_memo;
    }

    /// Calls a function of the resource the instance was started for.
    pub(crate) fn advance<T>(
        &mut self,
        advance: impl FnOnce(&Guest, &mut Store<State>, ResourceAny) -> Answer<T>,
    ) -> Result<T> {
        let resource = self.resource;
        self.next(|guest, store| advance(guest, store, resource))
    }

    /// Lets go of the resource the instance was started for, if that is no cache.
    pub(crate) fn give_up(&mut self) {
        self.drop_resource(self.resource);
    }

    /// Lets go of a resource other than the cache.
    pub(crate) fn drop_resource(&mut self, resource: ResourceAny) {
        self.begin();
        if !self.broken && resource.resource_drop(&mut self.store).is_err() {
            self.broken = true;
        }
    }

    /// Whether a call has trapped.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether it has grown so large that it had better be replaced.
    pub(crate) fn is_bloated(&self) -> bool {
        self.store.data().memory.largest > MEMORY_KEPT
    }

    /// Writes what is pending and lets go of the directory.
    pub(crate) fn close(&mut self) -> Result<()> {
        if self.broken {
            return Ok(());
        }
        self.call(|call| call.guest.call_close(call.store, call.resource))
    }
}
