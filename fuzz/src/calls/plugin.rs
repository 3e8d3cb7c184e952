//! A component that is called by the names and types of what it exports.

use std::path::Path;
use std::sync::OnceLock;

use larder_tests::component::{Grant, Host, State, World};
use wasmtime::Store;
use wasmtime::component::types::{ComponentItem, Type};
use wasmtime::component::{ComponentExportIndex, Instance, Resource, ResourceAny, ResourceType, Val};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};

use super::values::{Seen, Values};
use super::verdict;
use crate::draw::Draw;

/// What a stream takes before it is full, in bytes.
const STREAM: usize = 1000;
/// Most handles that are held at a time.
const HELD: usize = 24;

/// What a build of the component exports.
pub(super) struct Surface {
    host: &'static Host,
    functions: Vec<(String, ComponentExportIndex)>,
}

impl Surface {
    /// That of a world.
    pub(super) fn of(world: World) -> &'static Self {
        static SURFACES: [OnceLock<Surface>; 2] = [const { OnceLock::new() }; 2];
        let [shared, standalone] = &SURFACES;
        let surface = if world == World::Shared { shared } else { standalone };
        surface.get_or_init(|| Self::list(Host::of(world)))
    }

    /// Looks for every function of every interface.
    fn list(host: &'static Host) -> Self {
        let component = host.component();
        let mut functions = Vec::new();
        for (interface, item) in component.component_type().exports(component.engine()) {
            let ComponentItem::ComponentInstance(instance) = item.ty else { continue };
            let within = component.get_export_index(None, interface).expect("it is exported");
            for (name, item) in instance.exports(component.engine()) {
                if matches!(item.ty, ComponentItem::ComponentFunc(_)) {
                    let index = component.get_export_index(Some(&within), name).expect("it is exported");
                    functions.push((format!("{interface}#{name}"), index));
                }
            }
        }
        Self { host, functions }
    }

    /// The names of the functions.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.functions.iter().map(|(name, _)| name.clone())
    }
}

/// An instance, and the handles it gave out.
pub(super) struct Plugin {
    surface: &'static Surface,
    store: Store<State>,
    instance: Instance,
    held: Vec<ResourceAny>,
    seen: Seen,
}

impl Plugin {
    /// Starts one that sees a directory as `/cache`.
    pub(super) fn start(world: World, directory: &Path) -> Self {
        let surface = Surface::of(world);
        let (store, instance) = surface.host.instantiate(Grant::of(directory));
        Self { surface, store, instance, held: Vec::new(), seen: Seen::default() }
    }

    /// Calls a function, if all is there that it needs. Its name, and whether it did what it was asked.
    pub(super) fn call_one(&mut self, draw: &mut Draw<'_>) -> Option<(String, bool)> {
        let (name, index) = self.surface.functions.get(self.choose(draw))?;
        let function = self.instance.get_func(&mut self.store, index).expect("it is exported");
        let kind = function.ty(&self.store);
        let parameters: Vec<(String, Type)> = kind.params().map(|(name, kind)| (name.to_owned(), kind)).collect();
        let streams = self.streams(&parameters, draw);
        let held: Vec<ResourceAny> = self.held.iter().chain(&streams).copied().collect();
        let mut values = Values::new(draw, &held, &self.seen);
        let arguments: Option<Vec<Val>> = parameters.iter().map(|(name, kind)| values.draw(name, kind)).collect();
        let arguments = arguments?;
        let kinds: Vec<Type> = kind.results().collect();
        let mut results = vec![Val::Bool(false); kinds.len()];
        let called = function.call(&mut self.store, &arguments, &mut results);
        let done = verdict::of(&called, &results)
            .unwrap_or_else(|fault| panic!("{name}: {fault}; arguments: {}", verdict::shown(&arguments)));
        for (kind, result) in kinds.iter().zip(&results) {
            self.seen.note(kind, result, &mut self.held);
        }
        while self.held.len() > HELD {
            self.drop_one(draw);
        }
        Some((name.clone(), done))
    }

    /// Which function: as long as there is nothing to call others with, one that opens something.
    fn choose(&self, draw: &mut Draw<'_>) -> usize {
        let count = self.surface.functions.len();
        if self.held.is_empty() {
            let open = self.surface.functions.iter().position(|(name, _)| name.ends_with("[static]cache.open"));
            return open.filter(|_| !draw.one_in(8)).unwrap_or_else(|| draw.below(count));
        }
        draw.below(count)
    }

    /// Streams for a function that takes some.
    fn streams(&mut self, parameters: &[(String, Type)], draw: &mut Draw<'_>) -> Vec<ResourceAny> {
        let takes = |kind: ResourceType| parameters.iter().any(|(_, taken)| *taken == Type::Borrow(kind));
        let (source, target) =
            (takes(ResourceType::host::<DynInputStream>()), takes(ResourceType::host::<DynOutputStream>()));
        let mut streams = Vec::new();
        if source {
            let stream: DynInputStream = Box::new(MemoryInputPipe::new(draw.blob()));
            let stream = self.store.data_mut().ctx().table.push(stream).expect("there is room");
            streams.push(self.lend(stream));
        }
        if target {
            let stream: DynOutputStream = Box::new(MemoryOutputPipe::new(STREAM));
            let stream = self.store.data_mut().ctx().table.push(stream).expect("there is room");
            streams.push(self.lend(stream));
        }
        streams
    }

    fn lend<T: 'static>(&mut self, stream: Resource<T>) -> ResourceAny {
        stream.try_into_resource_any(&mut self.store).expect("it is in the table")
    }

    /// Drops a handle; false if there is none.
    pub(super) fn drop_one(&mut self, draw: &mut Draw<'_>) -> bool {
        if self.held.is_empty() {
            return false;
        }
        let handle = self.held.swap_remove(draw.below(self.held.len()));
        handle.resource_drop(&mut self.store).expect("a handle can be dropped at any time");
        true
    }
}
