//! Arguments after their types.

use wasmtime::component::types::{Type, Variant};
use wasmtime::component::{ResourceAny, ResourceType, Val};

use crate::draw::Draw;

/// Names of directories, most of which have or may have a cache in them; nothing else can be seen.
const PATHS: [&str; 10] =
    [CACHE, CACHE, CACHE, CACHE, "/cache/other", EXPORTED, EXPORTED, "/cache/own/../own", "/gone", ""];
const EXPORTED: &str = "/cache/exported";
/// The one that is looked at in the end.
pub(super) const CACHE: &str = "/cache/own";
/// Most elements of a list, but for bytes.
const ELEMENTS: usize = 4;
/// Most of what was returned that is kept to be passed on, of each type.
const KEPT: usize = 4;

/// What was passed to calls, and returned by them, and may be asked for again: names, keys, owners, versions,
/// grants.
#[derive(Default)]
pub(super) struct Seen(Vec<(Type, Val)>);

impl Seen {
    /// Keeps what is worth it of a value; handles go to `held`. Returns the last type of those that calls ask for.
    pub(super) fn note(&mut self, kind: &Type, value: &Val, held: &mut Vec<ResourceAny>) -> Option<Type> {
        match (kind, value) {
            (_, Val::Resource(handle)) => {
                held.push(*handle);
                Some(Type::Borrow(handle.ty()))
            }
            (Type::U64 | Type::String, _) => {
                self.keep(kind, value);
                None
            }
            (Type::Record(record), Val::Record(fields)) => {
                let parts = record.fields().zip(fields).map(|(field, (_, value))| self.note(&field.ty, value, held));
                parts.for_each(drop);
                self.keep(kind, value);
                Some(kind.clone())
            }
            (Type::Variant(variant), Val::Variant(case, payload)) => {
                self.keep(kind, value);
                let payload_kind = variant.cases().find(|known| known.name == case).and_then(|case| case.ty);
                self.note(&payload_kind?, payload.as_deref()?, held)
            }
            (Type::Option(option), Val::Option(Some(value))) => self.note(&option.ty(), value, held),
            (Type::Result(result), Val::Result(Ok(Some(value)))) => self.note(&result.ok()?, value, held),
            (Type::List(list), Val::List(values)) if list.ty() != Type::U8 => {
                values.iter().take(ELEMENTS).filter_map(|value| self.note(&list.ty(), value, held)).last()
            }
            (Type::Tuple(tuple), Val::Tuple(values)) => {
                tuple.types().zip(values).filter_map(|(kind, value)| self.note(&kind, value, held)).last()
            }
            _ => None,
        }
    }

    fn keep(&mut self, kind: &Type, value: &Val) {
        let same = || self.0.iter().filter(|(known, _)| known == kind);
        if same().count() >= KEPT
            && let Some(oldest) = self.0.iter().position(|(known, _)| known == kind)
        {
            self.0.remove(oldest);
        }
        self.0.push((kind.clone(), value.clone()));
    }

    /// One of a type, if there is one; mostly the last.
    fn one(&self, kind: &Type, draw: &mut Draw<'_>) -> Option<Val> {
        let back = if draw.flag() { 0 } else { draw.below(KEPT) };
        self.0.iter().rev().filter(|(known, _)| known == kind).nth(back).map(|(_, value)| value.clone())
    }
}

/// Makes values as an input says.
pub(super) struct Values<'a, 'b> {
    draw: &'a mut Draw<'b>,
    held: &'a [ResourceAny],
    seen: &'a Seen,
}

impl<'a, 'b> Values<'a, 'b> {
    /// With these handles to choose from.
    pub(super) fn new(draw: &'a mut Draw<'b>, held: &'a [ResourceAny], seen: &'a Seen) -> Self {
        Self { draw, held, seen }
    }

    /// A value for a parameter or a field of this name; none if it needs a handle that is not held.
    pub(super) fn draw(&mut self, name: &str, kind: &Type) -> Option<Val> {
        // Mostly what was given out before, where nothing else can be right.
        let again = if matches!(name, "token" | "vacancy" | "owner") { !self.draw.one_in(8) } else { self.draw.flag() };
        if again
            && matches!(kind, Type::U64 | Type::String | Type::Record(_) | Type::Variant(_))
            && !matches!(name, "path" | "wait-ms")
            && let Some(value) = self.seen.one(kind, self.draw)
        {
            return Some(value);
        }
        Some(match kind {
            Type::Bool => Val::Bool(self.draw.flag()),
            Type::U8 => Val::U8(self.draw.byte()),
            Type::U32 => Val::U32(self.small(name)),
            Type::U64 if name == "wait-ms" => Val::U64(self.draw.pick([0, 1])),
            Type::U64 if self.draw.flag() => Val::U64(self.draw.pick([1, 2, 3, 1_000, 60_000, 1 << 20, 1 << 30])),
            Type::U64 => Val::U64(self.draw.natural()),
            Type::S64 if self.draw.flag() => Val::S64(self.draw.pick([0, 1, -1, 2])),
            Type::S64 => Val::S64(self.draw.integer()),
            Type::Float64 if self.draw.flag() => Val::Float64(self.draw.pick([0.0, 0.5, 1.0])),
            Type::Float64 => Val::Float64(self.draw.real()),
            Type::String if name == "path" => Val::String(self.draw.pick(PATHS).to_owned()),
            Type::String => Val::String(if self.draw.one_in(8) { self.draw.text() } else { self.draw.name() }),
            Type::List(list) if list.ty() == Type::U8 => Val::List(self.draw.blob().into_iter().map(Val::U8).collect()),
            Type::List(list) => {
                let count = self.draw.below(ELEMENTS + 1);
                Val::List((0..count).map(|_| self.draw(name, &list.ty())).collect::<Option<_>>()?)
            }
            Type::Record(record) => {
                let fields =
                    record.fields().map(|field| Some((field.name.to_owned(), self.draw(field.name, &field.ty)?)));
                Val::Record(fields.collect::<Option<_>>()?)
            }
            Type::Tuple(tuple) => Val::Tuple(tuple.types().map(|kind| self.draw(name, &kind)).collect::<Option<_>>()?),
            Type::Variant(variant) => self.variant(variant)?,
            Type::Enum(names) => {
                let names: Vec<&str> = names.names().collect();
                Val::Enum((*names.get(self.draw.below(names.len()))?).to_owned())
            }
            // No wait at all would be one for as long as it takes.
            Type::Option(option) if name == "wait-ms" || self.draw.flag() => {
                Val::Option(Some(Box::new(self.draw(name, &option.ty())?)))
            }
            Type::Option(_) => Val::Option(None),
            Type::Own(resource) | Type::Borrow(resource) => Val::Resource(self.handle(*resource)?),
            other => unreachable!("{name} is {other:?}, of which no value is made yet"),
        })
    }

    fn variant(&mut self, variant: &Variant) -> Option<Val> {
        let cases: Vec<_> = variant.cases().collect();
        let case = cases.get(self.draw.below(cases.len()))?;
        let payload = match &case.ty {
            Some(kind) => Some(Box::new(self.draw(case.name, kind)?)),
            None => None,
        };
        Some(Val::Variant(case.name.to_owned(), payload))
    }

    /// A number of 32 bits, which mean something by their name.
    fn small(&mut self, name: &str) -> u32 {
        match name {
            "wait-ms" => self.draw.pick([0, 1]),
            "lease-ms" => self.draw.duration(),
            "limit" => self.draw.limit(),
            "shards" => self.draw.pick([1, 2, 3, 0, 31, u32::MAX]),
            _ if self.draw.flag() => self.draw.pick([1, 2, 3, 5]),
            _ => self.draw.small(),
        }
    }

    /// One of those that are held, mostly a late one.
    fn handle(&mut self, kind: ResourceType) -> Option<ResourceAny> {
        let fitting: Vec<ResourceAny> = self.held.iter().rev().filter(|handle| handle.ty() == kind).copied().collect();
        let most = if self.draw.flag() { fitting.len().min(1) } else { fitting.len() };
        fitting.get(self.draw.below(most)).copied()
    }
}
