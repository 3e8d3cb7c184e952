//! Host functions with which many instances, in many processes, share a directory.
//!
//! This is `larder:cache/coordination` of the WIT package: locks on ranges of files, pages of
//! files in a guest's own memory, and a memory barrier. The `shared` build of the component
//! imports it besides WASI. An embedder offers it like any WASI interface: a [`CoordinationCtx`]
//! in the store's data, a [`CoordinationView`] that finds it there, and [`add_to_linker`].
//!
//! ```
//! use larder::coordination::{
//!     self, Access, Coordination, CoordinationCtx, CoordinationView,
//! };
//! use wasmtime::component::{Component, Linker, ResourceTable};
//! use wasmtime::{Config, Engine, Store};
//!
//! struct State {
//!     coordination: CoordinationCtx,
//!     table: ResourceTable,
//! }
//!
//! impl CoordinationView for State {
//!     fn coordination(&mut self) -> Coordination<'_> {
//!         Coordination {
//!             ctx: &mut self.coordination,
//!             table: &mut self.table,
//!         }
//!     }
//! }
//!
//! # fn main() -> wasmtime::Result<()> {
//! let mut config = Config::new();
//! config.memory_may_move(false);
//! let engine = Engine::new(&config)?;
//!
//! let mut linker = Linker::<State>::new(&engine);
//! coordination::add_to_linker(&mut linker)?;
//!
//! // Opens the directory once; each store gets a context of its own.
//! let mut grants = CoordinationCtx::builder();
//! grants.preopened_dir(std::env::temp_dir(), "/cache", Access::ReadWrite)?;
//! let mut store = Store::new(
//!     &engine,
//!     State {
//!         coordination: grants.build(),
//!         table: ResourceTable::new(),
//!     },
//! );
//!
//! // Any component that imports the interface; this one does nothing with it.
//! let component = r#"(component
//!     (import "larder:cache/coordination@0.1.0" (instance
//!         (export "can-map" (func (result bool))))))"#;
//! # let component = wat::parse_str(component)?;
//! let component = Component::new(&engine, component)?;
//! linker.instantiate(&mut store, &component)?;
//! # Ok(())
//! # }
//! ```
//!
//! # What an embedder should know
//!
//! - **Mapping** works on Linux, in engines whose memories stay where they are (the default of
//!   wasmtime on 64-bit hosts, or `memory_may_move(false)`) and that do not use the pooling
//!   allocator. Elsewhere `can-map` is false, and Larder opens a directory for one owner only.
//!   Memories must not come from a `MemoryCreator` that does not `mmap` them, or that uses them
//!   again: there, switch mapping off with [`CoordinationCtxBuilder::allow_mapping`].
//! - **Locks** are open file description locks. They hold against native `SQLite` and end with the
//!   process, however it ends. On platforms other than Linux nothing can be opened.
//! - **SIGBUS**: the first mapping installs a handler for it, which turns the loss of a mapped
//!   page, as when somebody cuts the file, into the fault `damaged`. Any other SIGBUS goes to the
//!   handler that was there before. Who installs one later should call the previous one, too.
//! - **Waiting** for a lock blocks the thread that runs the guest, which no epoch deadline ends;
//!   [`CoordinationCtxBuilder::max_wait`] does.
//! - **Limits** hold for each store: handles, regions, mapped bytes and growth of files have bounds unless
//!   set otherwise. For memory there is [`wasmtime::Store::limiter`], for time
//!   [`wasmtime::Store::set_epoch_deadline`]. What a guest writes through WASI is for the operating system
//!   to bound, by a quota on the directory.
//! - **Trust**: guests that are granted the same directory can keep each other waiting, and change each
//!   other's files. Guests with different directories do not meet.
//!
//! Rust programs can use [`SharedFile`] and its locks without any guest.

mod bindings;
mod context;
mod memory;

pub use bindings::add_to_linker;
pub use context::{Call, Coordination, CoordinationCtx, CoordinationCtxBuilder, CoordinationView};
pub use larder_sharing::{Access, Directory, Fault, GrantError, LockMode, OpenMode, SharedFile};
