//! What is done to a whole cache: settings, selections, enumeration, work in steps; and values in parts.

use larder_engine::{
    Cache, Cursor, Expiry, Key, OpenOptions, Order, Platform, Progress, Resharding, Scan, Selection, SetOptions, Task,
    Value, ValueReader,
};

use super::world::{World, Writing, changes, keep, limits_anything};
use crate::draw::Draw;

/// Steps that any work on so little must be done in.
const STEPS: u32 = 10_000;

/// Does something with the cache as a whole.
pub(super) fn on_all(world: &mut World, draw: &mut Draw<'_>) {
    match draw.byte() % 14 {
        0 => {
            if let Ok(information) = world.call(Cache::information) {
                let count = world.call(Cache::count);
                assert_eq!(count, Ok(information.count));
            }
            drop(world.call(Cache::volume));
        }
        1 => {
            drop(world.call(|cache| cache.statistics()));
            drop(world.call(Cache::recorded_statistics));
        }
        2 => drop(world.call(Cache::reset_statistics)),
        3 => {
            let changes = changes(draw);
            let done = world.call(|cache| cache.configure(&changes));
            if limits_anything(&changes) && done.is_ok() {
                world.shadow.wane();
            }
        }
        4 => {
            let (selection, expired) = (draw.selection(), draw.flag());
            drop(world.call(|cache| cache.measure(&selection, expired)));
        }
        5 | 6 => whole_task(world, draw),
        7 => {
            let task = task(draw);
            if let Ok(work) = world.call_outside(|cache| cache.maintain(&task)) {
                keep(&mut world.work, work);
            }
        }
        8 => step(world),
        9 => {
            let scan = scan(draw);
            if let Ok(Some(item)) = world.call(|cache| cache.first(&scan)) {
                check_item(world, &scan, &item.key, &item.entry.value);
            }
        }
        10 => check(world),
        11 => {
            if let Ok(problems) = world.call(Cache::repair) {
                assert_eq!(problems, [], "nothing was damaged");
            }
        }
        12 => reshard(world, draw),
        _ => time(world, draw),
    }
}

fn task(draw: &mut Draw<'_>) -> Task {
    match draw.byte() % 6 {
        0 => Task::Expire,
        1 => Task::Cull,
        2 => Task::Clear,
        3 => Task::Compact,
        _ => Task::Evict(draw.selection()),
    }
}

fn whole_task(world: &mut World, draw: &mut Draw<'_>) {
    let task = task(draw);
    let done = world.call(|cache| match &task {
        Task::Evict(selection) => cache.evict(selection),
        Task::Expire => cache.expire(),
        Task::Cull => cache.cull(),
        Task::Clear => cache.clear(),
        Task::Compact => cache.compact(),
    });
    world.shadow.doubt();
    if task == Task::Clear && done.is_ok() {
        world.shadow.cleared();
        assert!(matches!(world.call(Cache::count), Ok(0) | Err(_)), "something is left in a cache that was cleared");
    }
}

fn step(world: &mut World) {
    let Some(mut work) = world.work.pop() else { return };
    world.shadow.doubt();
    if let Ok(Progress { finished: false, .. }) = world.call_outside(|cache| work.step(cache)) {
        world.work.push(work);
    }
}

/// That `check` finds nothing.
pub(super) fn check(world: &mut World) {
    if let Ok(problems) = world.call(Cache::check) {
        assert_eq!(problems, [], "nothing was damaged");
    }
}

/// Changes the number of shards of the directory while it is closed.
fn reshard(world: &mut World, draw: &mut Draw<'_>) {
    let shards = draw.pick([2, 1, 5, 0, 31]);
    if world.is_shared() {
        return;
    }
    let limit = draw.limit();
    world.while_closed(|path, platform| {
        let platform: std::rc::Rc<dyn Platform> = std::rc::Rc::clone(platform) as _;
        let Ok(mut resharding) = Resharding::begin(path, shards, &OpenOptions::default(), &platform) else { return };
        let finished = (0..STEPS).any(|_| resharding.step(limit.min(7)).map_or(true, |progress| progress.finished));
        assert!(finished, "resharding does not end");
    });
}

/// Lets time pass, or sets the clock.
fn time(world: &mut World, draw: &mut Draw<'_>) {
    // Whatever expires is known to.
    match draw.byte() % 4 {
        0 => world.platform.advance(draw.pick([1, 10, 1_000, 100_000, 100_000_000])),
        1 => world.platform.set_wall_clock(draw.pick([1, -1, 3_600_000, -3_600_000, 86_400_000_000, -86_400_000_000])),
        _ => world.platform.advance(u32::from(draw.byte())),
    }
}

fn scan(draw: &mut Draw<'_>) -> Scan {
    let order = draw.pick([Order::Insertion, Order::Key]);
    Scan { selection: draw.selection(), order, reverse: draw.flag(), expired: draw.one_in(4) }
}

/// What a scan returns is in no queue unless it was asked for, and is what was stored.
fn check_item(world: &World, scan: &Scan, key: &Key, value: &Value) {
    // What a tag selects may be in queues, whose keys are positions.
    if !scan.expired && !matches!(scan.selection, Selection::Queue(_) | Selection::Tag(_)) {
        world.shadow.check(key, Some(value));
    }
}

/// Begins an enumeration, or goes on with one.
pub(super) fn enumerate(world: &mut World, draw: &mut Draw<'_>) {
    if draw.flag() {
        let scan = scan(draw);
        let Ok(mut cursor) = world.call_outside(|cache| cache.scan(&scan)) else { return };
        let limit = draw.limit();
        let items = world.call_outside(|cache| cursor.next_items(cache, limit)).unwrap_or_default();
        assert!(items.len() <= limit as usize);
        for item in &items {
            check_item(world, &scan, &item.key, &item.entry.value);
        }
        keep(&mut world.cursors, cursor);
    } else if let Some(mut cursor) = world.cursors.pop() {
        go_on(world, draw, &mut cursor);
        world.cursors.push(cursor);
    }
}

fn go_on(world: &mut World, draw: &mut Draw<'_>, cursor: &mut Cursor) {
    let (limit, keys) = (draw.limit(), draw.flag());
    let count = world.call_outside(|cache| {
        if keys { Ok(cursor.next(cache, limit)?.len()) } else { Ok(cursor.next_items(cache, limit)?.len()) }
    });
    assert!(count.is_err() || count.is_ok_and(|count| count <= limit as usize), "more than was asked for");
}

/// Writes or reads a value in parts.
pub(super) fn in_parts(world: &mut World, draw: &mut Draw<'_>) {
    match draw.byte() % 6 {
        0 => {
            let (key, content, options) = (draw.key(), draw.content(), draw.options());
            begin_writing(world, key, content, &options);
        }
        1 | 2 => append(world, draw),
        3 => finish(world),
        4 => {
            let key = draw.key();
            if let Ok(Some(reader)) = world.call_outside(|cache| cache.read(&key)) {
                keep(&mut world.readers, reader);
            }
        }
        _ => {
            let place = if draw.flag() { draw.natural() } else { u64::from(draw.byte()) };
            let limit = draw.pick([7, 1, 0, 100_000, u32::MAX]);
            if let Some(reader) = world.readers.last_mut() {
                read(reader, place, limit);
            }
        }
    }
}

fn begin_writing(world: &mut World, key: Key, content: larder_engine::Content, options: &SetOptions) {
    let Ok(writer) = world.call_outside(|cache| cache.write(&key, content, options)) else { return };
    let writing = Writing { writer, key, expiry: options.ttl, written: Vec::new() };
    if let Some(mut given_up) = keep(&mut world.writers, writing) {
        given_up.writer.abandon(&mut world.cache);
    }
}

fn append(world: &mut World, draw: &mut Draw<'_>) {
    let part = draw.blob();
    let Some(mut writing) = world.writers.pop() else { return };
    if world.call_outside(|cache| writing.writer.append(cache, &part)).is_ok() {
        writing.written.extend_from_slice(&part);
    }
    world.writers.push(writing);
}

fn finish(world: &mut World) {
    let Some(mut writing) = world.writers.pop() else { return };
    match world.call_outside(|cache| writing.writer.finish(cache)) {
        Ok(_) => {
            let found = world.call_outside(|cache| cache.get(&writing.key));
            let expires = matches!(writing.expiry, Expiry::After(_)) || world.shadow.is_waning();
            match &found {
                Ok(Some(value @ (Value::Text(_) | Value::Bytes(_)))) => {
                    let bytes = match value {
                        Value::Text(text) => text.as_bytes(),
                        Value::Bytes(bytes) => bytes.as_slice(),
                        Value::Integer(_) | Value::Real(_) => unreachable!("matched above"),
                    };
                    assert!(bytes == writing.written, "what was written in parts has changed");
                    world.shadow.stored(&writing.key, value, writing.expiry);
                }
                Ok(None) => {
                    assert!(expires, "what was written in parts is not there");
                    world.shadow.removed(&writing.key);
                }
                other => panic!("what was written in parts is {other:?}"),
            }
        }
        Err(_) => writing.writer.abandon(&mut world.cache),
    }
}

fn read(reader: &mut ValueReader, place: u64, limit: u32) {
    let size = reader.size();
    assert_eq!(reader.seek(place).is_ok(), place <= size);
    if let Ok(part) = super::world::accept(reader.read(limit)) {
        assert!(part.len() <= limit as usize);
        assert!(!part.is_empty() || place >= size || limit == 0 || place == size, "a part is missing");
    }
}
