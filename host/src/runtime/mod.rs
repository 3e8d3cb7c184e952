//! Running the component: one engine for the process, compiled code kept on disk, and instances.

pub(crate) mod bindings;
mod compiled;
mod instance;
mod ticker;
mod watch;

use std::sync::OnceLock;

use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine};

pub(crate) use instance::{Answer, Call, Instance, Opening, State, WallClock};

use crate::coordination;
use crate::error::{Error, Result};
use bindings::EmbedPre;

/// The component in the world `shared`: for hosts that offer [`crate::coordination`].
pub const SHARED_COMPONENT: &[u8] = include_bytes!(env!("LARDER_COMPONENT"));

/// The component in the world `standalone`: for any host with WASI 0.2.
pub const STANDALONE_COMPONENT: &[u8] = include_bytes!(env!("LARDER_COMPONENT_STANDALONE"));

/// Sets a configuration to what [`crate::coordination`] needs to share memory, and to what makes
/// calls into the component fast. For embedders with an engine of their own.
///
/// Memories stay where they are, and support for concurrent component calls, which this component
/// does not use, is off: it triples the cost of a call.
pub fn configure(config: &mut Config) -> &mut Config {
    config.wasm_component_model(true).memory_may_move(false).concurrency_support(false)
}

/// Whether the code of the component looks at the time, so that calls can be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timing {
    /// It does not, and is faster.
    Unlimited,
    /// It does.
    Limited,
}

/// An engine and the component, ready to be instantiated.
pub(crate) struct Runtime {
    engine: Engine,
    component: EmbedPre<State>,
}

impl Runtime {
    /// The runtime of this process; the first call with a timing loads or compiles the component.
    pub(crate) fn get(timing: Timing) -> Result<&'static Self> {
        static UNLIMITED: OnceLock<Result<Runtime>> = OnceLock::new();
        static LIMITED: OnceLock<Result<Runtime>> = OnceLock::new();
        let runtime = match timing {
            Timing::Unlimited => &UNLIMITED,
            Timing::Limited => &LIMITED,
        };
        let start = || Self::start(timing).map_err(|error| Error::Engine(format!("{error:#}")));
        runtime.get_or_init(start).as_ref().map_err(Clone::clone)
    }

    fn start(timing: Timing) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        let engine = Engine::new(configure(&mut config).epoch_interruption(timing == Timing::Limited))?;
        let component = compiled::load(&engine, SHARED_COMPONENT, env!("LARDER_COMPONENT_HASH"))?;
        let component = EmbedPre::new(Self::linker(&engine)?.instantiate_pre(&component)?)?;
        Ok(Self { engine, component })
    }

    fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
        let mut linker = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        coordination::add_to_linker(&mut linker)?;
        Ok(linker)
    }
}

/// Compiles a component that was checked to be one of this crate's.
fn compile(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
    Component::from_binary(engine, bytes)
}
