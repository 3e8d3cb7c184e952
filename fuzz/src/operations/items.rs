//! Entries and queues, alone, in bulk and in transactions.

use larder_engine::{Draft, Expiry, Key, Number, SetOptions, Value};

use super::world::World;
use crate::draw::Draw;

/// Does something with one key.
pub(super) fn on_one(world: &mut World, draw: &mut Draw<'_>) {
    let key = draw.key();
    match draw.byte() % 16 {
        0..=3 => store(world, draw, &key),
        4 => read(world, &key),
        5 => {
            if let Ok(found) = world.call(|cache| cache.get_entry(&key)) {
                world.shadow.check(&key, found.as_ref().map(|entry| &entry.value));
            }
        }
        6 => recent(world, draw, &key),
        7 => add(world, draw, &key),
        8 => compare_and_set(world, draw, &key),
        9 => {
            if let Ok(was_there) = world.call(|cache| cache.delete(&key)) {
                world.shadow.check_presence(&key, was_there);
                world.shadow.removed(&key);
            }
        }
        10 => compare_and_delete(world, draw, &key),
        11 => {
            if let Ok(popped) = world.call(|cache| cache.pop(&key)) {
                world.shadow.check(&key, popped.as_ref().map(|entry| &entry.value));
                world.shadow.removed(&key);
            }
        }
        12 => {
            let expiry = draw.expiry();
            if let Ok(was_there) = world.call(|cache| cache.touch(&key, expiry)) {
                world.shadow.check_presence(&key, was_there);
                world.shadow.doubt_one(&key);
            }
        }
        13 => {
            if let Ok(is_there) = world.call(|cache| cache.contains(&key)) {
                world.shadow.check_presence(&key, is_there);
            }
        }
        _ => add_up(world, draw, &key),
    }
}

/// Reads an entry.
pub(super) fn read(world: &mut World, key: &Key) {
    if let Ok(found) = world.call(|cache| cache.get(key)) {
        world.shadow.check(key, found.as_ref());
    }
}

fn store(world: &mut World, draw: &mut Draw<'_>, key: &Key) {
    let (value, options) = (draw.value(), draw.options());
    if world.call(|cache| cache.set(key, &value, &options)).is_ok() {
        world.shadow.stored(key, &value, options.ttl);
    }
}

fn recent(world: &mut World, draw: &mut Draw<'_>, key: &Key) {
    let age = draw.natural();
    // It may be too old.
    if let Ok(Some(entry)) = world.call(|cache| cache.get_recent(key, age)) {
        world.shadow.check(key, Some(&entry.value));
    }
}

fn add(world: &mut World, draw: &mut Draw<'_>, key: &Key) {
    let (value, options) = (draw.value(), draw.options());
    if let Ok(version) = world.call(|cache| cache.add(key, &value, &options)) {
        world.shadow.check_presence(key, version.is_none());
        if version.is_some() {
            world.shadow.stored(key, &value, options.ttl);
        }
    }
}

/// The version of an entry, or any other.
fn version(world: &mut World, draw: &mut Draw<'_>, key: &Key) -> Option<u64> {
    if draw.flag() {
        return draw.perhaps(Draw::natural);
    }
    world.call(|cache| cache.get_entry(key)).ok().flatten().map(|entry| entry.metadata.version)
}

fn compare_and_set(world: &mut World, draw: &mut Draw<'_>, key: &Key) {
    let (expected, value, options) = (version(world, draw, key), draw.value(), draw.options());
    if let Ok(Some(_)) = world.call(|cache| cache.compare_and_set(key, expected, &value, &options)) {
        world.shadow.stored(key, &value, options.ttl);
    }
}

fn compare_and_delete(world: &mut World, draw: &mut Draw<'_>, key: &Key) {
    let expected = version(world, draw, key).unwrap_or_default();
    if world.call(|cache| cache.compare_and_delete(key, expected)) == Ok(true) {
        world.shadow.check_presence(key, true);
        world.shadow.removed(key);
    }
}

fn add_up(world: &mut World, draw: &mut Draw<'_>, key: &Key) {
    let (delta, initial, options, down) = (draw.number(), draw.perhaps(Draw::number), draw.options(), draw.flag());
    let sum = world.call(|cache| {
        if down {
            cache.decrement(key, delta, initial, &options)
        } else {
            cache.increment(key, delta, initial, &options)
        }
    });
    match sum {
        Ok(Some(sum)) => {
            let value = match sum {
                Number::Integer(integer) => Value::Integer(integer),
                Number::Real(real) => Value::Real(real),
            };
            world.shadow.stored(key, &value, options.ttl);
            // What was there already keeps its expiry.
            world.shadow.doubt_one(key);
        }
        Ok(None) => world.shadow.check_presence(key, false),
        Err(_) => {}
    }
}

/// Does something with many keys.
pub(super) fn on_many(world: &mut World, draw: &mut Draw<'_>) {
    match draw.byte() % 4 {
        0 => {
            let keys = draw.several(12, Draw::key);
            if let Ok(found) = world.call(|cache| cache.get_many(&keys)) {
                assert_eq!(found.len(), keys.len());
                keys.iter().zip(&found).for_each(|(key, found)| world.shadow.check(key, found.as_ref()));
            }
        }
        1 => store_many(world, draw),
        2 => {
            let keys = draw.several(12, Draw::key);
            if let Ok(done) = world.call(|cache| cache.delete_many(&keys)) {
                for (key, was_there) in keys.iter().zip(done) {
                    world.shadow.check_presence(key, was_there);
                    world.shadow.removed(key);
                }
            }
        }
        _ => {
            let (keys, expiry) = (draw.several(12, Draw::key), draw.expiry());
            if let Ok(done) = world.call(|cache| cache.touch_many(&keys, expiry)) {
                for (key, was_there) in keys.iter().zip(done) {
                    world.shadow.check_presence(key, was_there);
                    world.shadow.doubt_one(key);
                }
            }
        }
    }
}

fn store_many(world: &mut World, draw: &mut Draw<'_>) {
    let draft = |draw: &mut Draw<'_>| Draft { key: draw.key(), value: draw.value(), options: draw.options() };
    let drafts = draw.several(12, draft);
    if world.call(|cache| cache.set_many(&drafts)).is_ok() {
        for draft in &drafts {
            world.shadow.stored(&draft.key, &draft.value, draft.options.ttl);
        }
    }
}

/// Does something with a queue.
pub(super) fn on_queue(world: &mut World, draw: &mut Draw<'_>) {
    let (queue, side) = (draw.name(), draw.side());
    match draw.byte() % 6 {
        0..=2 => push(world, draw, &queue),
        3 => {
            let seen = world.call(|cache| cache.peek(&queue, side));
            let pulled = world.call(|cache| cache.pull(&queue, side));
            if let (Ok(Some(seen)), Ok(Some(pulled))) = (seen, pulled) {
                assert_eq!(seen.position, pulled.position, "another is pulled than was seen");
            }
        }
        4 => drop(world.call(|cache| cache.queue_length(&queue))),
        _ => drop(world.call(larder_engine::Cache::queues)),
    }
}

fn push(world: &mut World, draw: &mut Draw<'_>, queue: &str) {
    let (value, side, options) = (draw.value(), draw.side(), draw.options());
    let before = world.call(|cache| cache.queue_length(queue));
    let lasts = matches!(options, SetOptions { ttl: Expiry::Never, .. });
    let pushed = world.call(|cache| cache.push(queue, &value, side, &options));
    let after = world.call(|cache| cache.queue_length(queue));
    if let (Ok(before), Ok(_), Ok(after)) = (before, pushed, after) {
        assert!(!lasts || after <= before.saturating_add(1), "{before} and one make {after}");
        // Others may make room for it, but it stays itself.
        assert!(!lasts || after > 0, "what was pushed is not there");
    }
}
