//! A component that is called by the names and types of what it exports.

use std::path::Path;
use std::sync::OnceLock;

use larder_tests::component::{Grant, Host, State, World};
use wasmtime::Store;
use wasmtime::component::types::{ComponentItem, Type};
use wasmtime::component::{ComponentExportIndex, Func, Resource, ResourceAny, ResourceType, Val};
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

/// A function of an instance.
struct Function {
    name: &'static str,
    call: Func,
    parameters: Vec<(String, Type)>,
    results: Vec<Type>,
}

/// An instance, and the handles it gave out.
pub(super) struct Plugin {
    store: Store<State>,
    functions: Vec<Function>,
    held: Vec<ResourceAny>,
    seen: Seen,
    /// The type of what was returned last and can be passed on.
    latest: Option<Type>,
}

impl Plugin {
    /// Starts one that sees a directory as `/cache`.
    pub(super) fn start(world: World, directory: &Path) -> Self {
        let surface = Surface::of(world);
        let (mut store, instance) = surface.host.instantiate(Grant::of(directory));
        let functions = surface.functions.iter().map(|(name, index)| {
            let call = instance.get_func(&mut store, index).expect("it is exported");
            let kind = call.ty(&store);
            let parameters = kind.params().map(|(name, kind)| (name.to_owned(), kind)).collect();
            Function { name, call, parameters, results: kind.results().collect() }
        });
        let functions = functions.collect();
        Self { store, functions, held: Vec::new(), seen: Seen::default(), latest: None }
    }

    /// Calls a function, if all is there that it needs. Its name, and whether it did what it was asked.
    pub(super) fn call_one(&mut self, draw: &mut Draw<'_>) -> Option<(&'static str, bool)> {
        let chosen = self.choose(draw);
        let streams = self.streams(chosen, draw);
        let Function { name, call, parameters, results: kinds } = self.functions.get(chosen)?;
        let held: Vec<ResourceAny> = self.held.iter().chain(&streams).copied().collect();
        let mut values = Values::new(draw, &held, &self.seen);
        let arguments: Option<Vec<Val>> = parameters.iter().map(|(name, kind)| values.draw(name, kind)).collect();
        let arguments = arguments?;
        let mut results = vec![Val::Bool(false); kinds.len()];
        let called = call.call(&mut self.store, &arguments, &mut results);
        let done = verdict::of(&called, &arguments, &results)
            .unwrap_or_else(|fault| panic!("{name}: {fault}; arguments: {}", verdict::shown(&arguments)));
        if done {
            // Numbers are asked for again if they were given out; handles were held before.
            let passed =
                parameters.iter().map(|(_, kind)| kind).zip(&arguments).filter(|(kind, _)| **kind != Type::U64);
            passed.for_each(|(kind, value)| drop(self.seen.note(kind, value, &mut Vec::new())));
        }
        let returned = kinds.iter().zip(&results);
        let latest = returned.filter_map(|(kind, value)| self.seen.note(kind, value, &mut self.held)).last();
        if latest.is_some() || draw.one_in(6) {
            self.latest = latest;
        }
        let name = *name;
        while self.held.len() > HELD {
            self.drop_one(draw);
        }
        Some((name, done))
    }

    /// Which function: as long as there is nothing to call others with, mostly one that opens a cache; else often
    /// one that takes what was returned last.
    fn choose(&self, draw: &mut Draw<'_>) -> usize {
        let fits = |function: &Function| match &self.latest {
            _ if self.held.is_empty() => function.name.ends_with("[static]cache.open"),
            Some(latest) => function.parameters.iter().any(|(name, kind)| kind == latest || has(latest, name, kind)),
            None => false,
        };
        let fitting: Vec<usize> =
            self.functions.iter().enumerate().filter(|(_, function)| fits(function)).map(|(at, _)| at).collect();
        let any = draw.one_in(if self.held.is_empty() { 8 } else { 2 });
        match fitting.get(draw.below(fitting.len())) {
            Some(chosen) if !any => *chosen,
            _ => draw.below(self.functions.len()),
        }
    }

    /// Streams for a function that takes some.
    fn streams(&mut self, function: usize, draw: &mut Draw<'_>) -> Vec<ResourceAny> {
        let parameters =
            self.functions.get(function).map(|function| function.parameters.as_slice()).unwrap_or_default();
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

/// Whether a record has such a field.
fn has(record: &Type, name: &str, kind: &Type) -> bool {
    matches!(record, Type::Record(record) if record.fields().any(|field| field.name == name && field.ty == *kind))
}
