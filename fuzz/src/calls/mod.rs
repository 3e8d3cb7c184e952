//! Calls of the component itself, through every conversion between the WIT package and the engine.
//!
//! An input is a list of calls of any function that the component exports, with arguments made after their
//! types, so that none is forgotten: nothing is said here of what the functions do. Handles outlive what they
//! came from, and are dropped in any order. No call traps, returns an error that tells of damage, or one that
//! does not say why; in the end `check` finds nothing, and what is stored reads back as it was.

mod plugin;
mod values;
mod verdict;

use std::collections::BTreeMap;
use std::path::Path;

use larder_tests::component::types::{Error, Expiry, Key, SetOptions, Value};
use larder_tests::component::{Host, Instance, World, options};

use crate::draw::Draw;
use plugin::Plugin;

/// Most calls of one input.
const CALLS: u32 = 200;
/// Most entries that are stored and read back in the end.
const ENTRIES: usize = 8;

/// What came of calls.
#[derive(Debug, Default)]
pub struct Tally {
    /// Inputs that were run.
    pub inputs: u32,
    /// How often a function did what was asked, and how often it said why not, by its name.
    pub functions: BTreeMap<String, (u32, u32)>,
}

/// The names of all functions that the component exports.
pub fn functions() -> Vec<String> {
    plugin::Surface::of(World::Shared).names().collect()
}

/// Does what an input says.
pub fn run(input: &[u8], tally: &mut Tally) {
    let mut draw = Draw::new(input);
    let world = if draw.one_in(4) { World::Standalone } else { World::Shared };
    let directory = crate::temporary();
    furnish(directory.path(), &mut draw);
    let mut plugin = Plugin::start(world, directory.path());
    for _ in 0..CALLS {
        if draw.is_empty() {
            break;
        }
        step(&mut plugin, &mut draw, tally);
    }
    while plugin.drop_one(&mut draw) {}
    drop(plugin);
    finish(world, directory.path(), &mut draw);
    tally.inputs += 1;
}

/// Puts another cache and one of python-diskcache into the directory, or does not.
fn furnish(directory: &Path, draw: &mut Draw<'_>) {
    if draw.flag() {
        crate::import::template().make_at(&directory.join("exported"));
    }
    let others = crate::database::templates();
    if let Some(other) = others.get(draw.below(others.len() + 1)) {
        other.make_at(&directory.join("other"));
    }
}

fn step(plugin: &mut Plugin, draw: &mut Draw<'_>, tally: &mut Tally) {
    if draw.one_in(12) {
        plugin.drop_one(draw);
        return;
    }
    if let Some((name, done)) = plugin.call_one(draw) {
        let (successes, refusals) = tally.functions.entry(name.to_owned()).or_default();
        *(if done { successes } else { refusals }) += 1;
    }
}

/// Who opens the directory next finds nothing wrong with it, and can use it.
fn finish(world: World, directory: &Path, draw: &mut Draw<'_>) {
    let mut cache = match Host::of(world).open_at(directory, values::CACHE, options()) {
        Ok(cache) => cache,
        // Something was exported to there before a cache was opened.
        Err(Error::UnsupportedFormat(found)) if found.contains("(cache.db") => return,
        Err(error) => panic!("all handles were dropped: {error:?}"),
    };
    let problems = cache.check().expect("nothing is in the way");
    assert!(problems.is_empty(), "{problems:?}");
    for _ in 0..draw.below(ENTRIES) {
        round_trip(&mut cache, draw);
    }
}

/// Stores an entry, and reads it back.
fn round_trip(cache: &mut Instance, draw: &mut Draw<'_>) {
    let (key, value) = (key(draw.key()), value(draw.value()));
    let mut tags = draw.several(4, Draw::name);
    let options = SetOptions { ttl: Expiry::Never, tags: tags.clone(), sliding: draw.flag() };
    match cache.set(&key, &value, &options) {
        Ok(_) => {}
        // Empty tags and the like, and limits that were set before.
        Err(Error::InvalidArgument(_) | Error::TooLarge(_) | Error::Full(_)) => return,
        Err(error) => panic!("{key:?}: {error:?}"),
    }
    let entry = cache.get_entry(&key).expect("it can be read").expect("it is there");
    assert!(is_same(&entry.value, &value), "{key:?}: stored {value:?}, read {:?}", entry.value);
    tags.sort_unstable();
    tags.dedup();
    let mut read = entry.metadata.tags;
    read.sort_unstable();
    assert_eq!(read, tags, "{key:?}");
}

/// Whether values are the same in every bit.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Real(one), Value::Real(other)) => one.to_bits() == other.to_bits(),
        _ => one == other,
    }
}

fn key(key: larder_engine::Key) -> Key {
    match key {
        larder_engine::Key::Integer(integer) => Key::Integer(integer),
        larder_engine::Key::Real(real) => Key::Real(real),
        larder_engine::Key::Text(text) => Key::Text(text),
        larder_engine::Key::Bytes(bytes) => Key::Bytes(bytes),
    }
}

fn value(value: larder_engine::Value) -> Value {
    match value {
        larder_engine::Value::Integer(integer) => Value::Integer(integer),
        larder_engine::Value::Real(real) => Value::Real(real),
        larder_engine::Value::Text(text) => Value::Text(text),
        larder_engine::Value::Bytes(bytes) => Value::Bytes(bytes),
    }
}
