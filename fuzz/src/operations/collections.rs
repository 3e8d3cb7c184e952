//! Deques and indexes.

use larder_engine::{Cache, Deque, Index, IndexScan, Key, Order, Value};

use super::world::{World, keep};
use crate::draw::Draw;

/// Does something with a deque.
pub(super) fn on_deque(world: &mut World, draw: &mut Draw<'_>) {
    let Ok(deque) = some_deque(draw) else { return };
    let place = place(draw);
    match draw.byte() % 16 {
        0..=3 => push(world, draw, &deque),
        4 => pull(world, draw, &deque),
        5 => drop(world.call(|cache| deque.get(cache, place))),
        6 => {
            let value = draw.value();
            if world.call(|cache| deque.set(cache, place, &value)).is_ok() {
                let found = world.call(|cache| deque.get(cache, place));
                assert!(matches!(found, Ok(Some(_)) | Err(_)), "nothing is where a value was put");
            }
        }
        7 => {
            let value = draw.value();
            drop(world.call(|cache| deque.insert(cache, place, &value)));
        }
        8 => drop(world.call(|cache| deque.delete(cache, place))),
        9 => search(world, draw, &deque),
        10 => keeps_length(world, &deque, |cache| deque.rotate(cache, place)),
        11 => keeps_length(world, &deque, |cache| deque.reverse(cache)),
        12 => {
            let bound = draw.perhaps(Draw::natural);
            drop(world.call(|cache| deque.set_bound(cache, bound)));
            drop(world.call(|cache| deque.bound(cache)));
        }
        13 => two(world, draw, &deque),
        14 => {
            if let Ok(cursor) = world.call(|cache| deque.scan(cache, place, draw.flag())) {
                keep(&mut world.deque_cursors, cursor);
            }
        }
        _ => {
            if world.call(|cache| deque.clear(cache)).is_ok() {
                let length = world.call(|cache| deque.len(cache));
                assert!(matches!(length, Ok(0) | Err(_)), "{length:?} are left in a deque that was cleared");
            }
            drop(world.call(Cache::deques));
        }
    }
}

fn some_deque(draw: &mut Draw<'_>) -> larder_engine::Result<Deque> {
    if draw.one_in(4) { Index::new(&draw.name())?.queue(&draw.name()) } else { Deque::new(&draw.name()) }
}

/// Mostly one where there may be something.
fn place(draw: &mut Draw<'_>) -> i64 {
    if draw.one_in(3) { draw.integer() } else { i64::from(draw.byte() % 16) - 8 }
}

fn push(world: &mut World, draw: &mut Draw<'_>, deque: &Deque) {
    let (values, side) = (draw.several(9, Draw::value), draw.side());
    let before = world.call(|cache| deque.len(cache));
    let bound = world.call(|cache| deque.bound(cache));
    let pushed = world.call(|cache| deque.push(cache, &values, side));
    if let (Ok(before), Ok(bound), Ok(after)) = (before, bound, pushed) {
        let all = before + values.len() as u64;
        assert_eq!(after, bound.map_or(all, |bound| all.min(bound)), "{before} and {} of {bound:?}", values.len());
    }
}

fn pull(world: &mut World, draw: &mut Draw<'_>, deque: &Deque) {
    let (side, limit, wait) = (draw.side(), draw.limit(), draw.duration());
    let before = world.call(|cache| deque.len(cache));
    let pulled = world.call(|cache| deque.pull(cache, side, limit, wait));
    let after = world.call(|cache| deque.len(cache));
    if let (Ok(before), Ok(pulled), Ok(after)) = (before, pulled, after) {
        assert_eq!(before, after + pulled.len() as u64, "values got lost or came from nowhere");
        assert!(before == 0 || !pulled.is_empty(), "nothing was pulled, though there is something");
    }
}

fn search(world: &mut World, draw: &mut Draw<'_>, deque: &Deque) {
    let (value, from, to) = (draw.value(), place(draw), draw.perhaps(place));
    let places = world.call(|cache| deque.places_of(cache, &value));
    let count = world.call(|cache| deque.count(cache, &value));
    if let (Ok(places), Ok(count)) = (&places, &count) {
        assert_eq!(places.len() as u64, *count);
    }
    if let (Ok(places), Ok(Some(found))) = (&places, world.call(|cache| deque.index_of(cache, &value, from, to))) {
        assert!(places.contains(&found), "{found} is not among {places:?}");
    }
    if draw.flag() && world.call(|cache| deque.remove(cache, &value)) == Ok(true) {
        let left = world.call(|cache| deque.count(cache, &value));
        assert!(count.is_err() || left.is_err() || left == count.map(|count| count - 1));
    }
}

fn keeps_length(world: &mut World, deque: &Deque, change: impl FnOnce(&mut Cache) -> larder_engine::Result<()>) {
    let before = world.call(|cache| deque.len(cache));
    if world.call(change).is_ok() {
        let after = world.call(|cache| deque.len(cache));
        assert!(before.is_err() || after.is_err() || before == after, "{before:?} have become {after:?}");
    }
}

fn two(world: &mut World, draw: &mut Draw<'_>, deque: &Deque) {
    let Ok(other) = some_deque(draw) else { return };
    if draw.flag() {
        drop(world.call(|cache| deque.copy_to(cache, &other)));
    }
    let (one, another) =
        (world.call(|cache| deque.compare(cache, &other)), world.call(|cache| other.compare(cache, deque)));
    if let (Ok(one), Ok(another)) = (one, another) {
        assert_eq!(one, another.reverse(), "which of two is greater depends on who asks");
    }
}

/// Does something with an index.
pub(super) fn on_index(world: &mut World, draw: &mut Draw<'_>) {
    let Ok(index) = Index::new(&draw.name()) else { return };
    let (key, side) = (draw.key(), draw.side());
    match draw.byte() % 14 {
        0..=2 => set(world, draw, &index, &key),
        3 => drop(world.call(|cache| index.get(cache, &key))),
        4 => {
            let items = draw.several(9, |draw| (draw.key(), draw.value()));
            if let Ok(were_there) = world.call(|cache| index.update(cache, &items)) {
                assert_eq!(were_there.len(), items.len());
            }
        }
        5 => {
            let value = draw.value();
            drop(world.call(|cache| index.set_default(cache, &key, &value)));
        }
        6 => removes_one(world, &index, |cache| index.delete(cache, &key)),
        7 => removes_one(world, &index, |cache| Ok(index.pop(cache, &key)?.is_some())),
        8 => {
            drop(world.call(|cache| index.peek_item(cache, side)));
            removes_one(world, &index, |cache| Ok(index.pop_item(cache, side)?.is_some()));
        }
        9 => drop(world.call(|cache| index.move_to_end(cache, &key, side))),
        10 => {
            if let Ok(other) = Index::new(&draw.name()) {
                let ordered = draw.flag();
                drop(world.call(|cache| index.equals(cache, &other, ordered)));
            }
        }
        11 => {
            let order = draw.pick([Order::Insertion, Order::Key]);
            let scan = IndexScan { selection: draw.selection(), order, reverse: draw.flag() };
            if let Ok(cursor) = world.call(|cache| index.scan(cache, &scan)) {
                keep(&mut world.index_cursors, cursor);
            }
        }
        12 => {
            drop(world.call(|cache| index.queues(cache)));
            drop(world.call(Cache::indexes));
        }
        _ => drop(world.call(|cache| index.clear(cache))),
    }
}

fn set(world: &mut World, draw: &mut Draw<'_>, index: &Index, key: &Key) {
    let value: Value = draw.value();
    let before = world.call(|cache| index.len(cache));
    let was_there = world.call(|cache| index.set(cache, key.clone(), value));
    let after = world.call(|cache| index.len(cache));
    if let (Ok(before), Ok(was_there), Ok(after)) = (before, was_there, after) {
        assert_eq!(after, before + u64::from(!was_there));
        let found = world.call(|cache| index.get(cache, key));
        assert!(!matches!(found, Ok(None)), "{key} was set and is not there");
    }
}

fn removes_one(world: &mut World, index: &Index, removal: impl FnOnce(&mut Cache) -> larder_engine::Result<bool>) {
    let before = world.call(|cache| index.len(cache));
    let was_there = world.call(removal);
    let after = world.call(|cache| index.len(cache));
    if let (Ok(before), Ok(was_there), Ok(after)) = (before, was_there, after) {
        assert_eq!(before, after + u64::from(was_there));
    }
}

/// Goes on in what is being enumerated.
pub(super) fn enumerate(world: &mut World, draw: &mut Draw<'_>) {
    let limit = draw.limit();
    if let Some(mut cursor) = world.deque_cursors.pop()
        && world.call(|cache| cursor.next(cache, limit)).is_ok_and(|values| !values.is_empty())
    {
        world.deque_cursors.push(cursor);
    }
    if let Some(mut cursor) = world.index_cursors.pop() {
        let keys = draw.flag();
        let more = world.call(|cache| {
            if keys { Ok(cursor.next(cache, limit)?.len()) } else { Ok(cursor.next_items(cache, limit)?.len()) }
        });
        if more.is_ok_and(|count| count > 0) {
            world.index_cursors.push(cursor);
        }
    }
}
