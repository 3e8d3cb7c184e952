//! Arguments after their types.

use wasmtime::component::types::{Type, Variant};
use wasmtime::component::{ResourceAny, ResourceType, Val};

use crate::draw::Draw;

/// Names of directories, most of which have or may have a cache in them; nothing else can be seen.
const PATHS: [&str; 10] = [
    "/cache",
    "/cache",
    "/cache",
    "/cache",
    "/cache/below",
    "/cache/exported",
    "/cache/exported",
    "/cache/../cache",
    "/gone",
    "",
];
/// Most elements of a list, but for bytes.
const ELEMENTS: usize = 4;
/// Most of what was returned that is kept to be passed on, of each type.
const KEPT: usize = 4;

/// What calls have returned and others may ask for: owners, tokens, versions, grants.
#[derive(Default)]
pub(super) struct Seen(Vec<(Type, Val)>);

impl Seen {
    /// Keeps what is worth it of a result; handles go to `held`.
    pub(super) fn note(&mut self, kind: &Type, value: &Val, held: &mut Vec<ResourceAny>) {
        match (kind, value) {
            (_, Val::Resource(handle)) => held.push(*handle),
            (Type::U64, Val::U64(_)) => self.keep(kind, value),
            (Type::Record(record), Val::Record(fields)) => {
                self.keep(kind, value);
                record.fields().zip(fields).for_each(|(field, (_, value))| self.note(&field.ty, value, held));
            }
            (Type::Variant(variant), Val::Variant(case, Some(value))) => {
                if let Some(kind) = variant.cases().find(|known| known.name == case).and_then(|case| case.ty) {
                    self.note(&kind, value, held);
                }
            }
            (Type::Option(option), Val::Option(Some(value))) => self.note(&option.ty(), value, held),
            (Type::Result(result), Val::Result(Ok(Some(value)))) => {
                if let Some(kind) = result.ok() {
                    self.note(&kind, value, held);
                }
            }
            (Type::List(list), Val::List(values)) => {
                values.iter().take(ELEMENTS).for_each(|value| self.note(&list.ty(), value, held));
            }
            (Type::Tuple(tuple), Val::Tuple(values)) => {
                tuple.types().zip(values).for_each(|(kind, value)| self.note(&kind, value, held));
            }
            _ => {}
        }
    }

    fn keep(&mut self, kind: &Type, value: &Val) {
        let same: Vec<usize> =
            (0..self.0.len()).filter(|place| self.0.get(*place).is_some_and(|(k, _)| k == kind)).collect();
        if let [oldest, .., _] = same.as_slice()
            && same.len() >= KEPT
        {
            self.0.remove(*oldest);
        }
        self.0.push((kind.clone(), value.clone()));
    }

    /// One of a type, if there is one.
    fn one(&self, kind: &Type, draw: &mut Draw<'_>) -> Option<Val> {
        let back = draw.below(KEPT);
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
        if matches!(kind, Type::U64 | Type::Record(_))
            && self.draw.flag()
            && let Some(value) = self.seen.one(kind, self.draw)
        {
            return Some(value);
        }
        Some(match kind {
            Type::Bool => Val::Bool(self.draw.flag()),
            Type::U8 => Val::U8(self.draw.byte()),
            Type::U32 => Val::U32(self.small(name)),
            Type::U64 if name == "wait-ms" => Val::U64(self.draw.pick([0, 1])),
            Type::U64 => Val::U64(self.draw.natural()),
            Type::S64 => Val::S64(if self.draw.flag() { self.draw.pick([0, 1, -1, 2]) } else { self.draw.integer() }),
            Type::Float64 => Val::Float64(self.draw.real()),
            Type::String if name == "path" => Val::String(self.draw.pick(PATHS).to_owned()),
            Type::String => Val::String(if self.draw.one_in(4) { self.draw.text() } else { self.draw.name() }),
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
