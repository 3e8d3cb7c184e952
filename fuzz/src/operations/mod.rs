//! Calls of all that the WIT package offers, on the engine that answers them.
//!
//! An input is a list of calls with arguments at and beyond their limits: on entries, queues, deques,
//! indexes and recipes, in transactions, by two handles, between leaps of the clock, ends of the process and
//! changes of the number of shards. No call panics, hangs, or returns an error that tells of damage; entries are
//! compared with what is known of them, and in the end `check` finds nothing.

mod collections;
mod items;
mod recipes;
mod shadow;
mod whole;
mod world;

use world::World;

use crate::draw::Draw;

/// Most calls of one input.
const CALLS: u32 = 400;

/// Does what an input says.
pub fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let Some(mut world) = World::open(&mut draw) else { return };
    for _ in 0..CALLS {
        if draw.is_empty() {
            break;
        }
        call(&mut world, &mut draw);
    }
    world.end(draw.flag());
    // What was not finished is given up; all else must be as it is known, also for who opens it next.
    world.drop_handles();
    finish(&mut world);
    world.reopen(false);
    finish(&mut world);
}

fn call(world: &mut World, draw: &mut Draw<'_>) {
    let what = draw.byte();
    world.by_other = what >= 128;
    match what % 32 {
        0..=7 => items::on_one(world, draw),
        8..=10 => items::on_many(world, draw),
        11 | 12 => items::on_queue(world, draw),
        13 | 14 => collections::on_deque(world, draw),
        15 | 16 => collections::on_index(world, draw),
        17 => collections::enumerate(world, draw),
        18 => recipes::on_lock(world, draw),
        19 => recipes::on_limit(world, draw),
        20 => recipes::on_meeting(world, draw),
        21 | 22 => recipes::on_memo(world, draw),
        23 => whole::enumerate(world, draw),
        24 | 25 => whole::in_parts(world, draw),
        26 => world.begin(),
        27 => {
            let commit = draw.flag();
            world.end(commit);
        }
        28 if draw.one_in(4) => world.reopen(draw.flag()),
        _ => whole::on_all(world, draw),
    }
}

fn finish(world: &mut World) {
    for key in world.shadow.keys() {
        items::read(world, &key);
    }
    whole::check(world);
}
