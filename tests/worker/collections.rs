//! The jobs about deques and indexes.

use std::path::Path;

use larder::{Cache, Side};
use larder_tests::Random;
use larder_tests::collections::Operation;

use super::{number, say, wait_for_go};

/// The job of this name, or another's.
pub(crate) fn run(job: &str, directory: &Path, arguments: &[&str]) {
    match job {
        "collections" => random_operations(directory, number(arguments[0]), number(arguments[1])),
        "produce" => produce(directory, number(arguments[0]), number(arguments[1])),
        "consume" => consume(directory),
        "rotate" => rotate(directory),
        other => super::recipes::run(other, directory, arguments),
    }
}

/// Does random operations, each with a record of it in the same transaction, under the number of its turn.
fn random_operations(directory: &Path, seed: u32, count: u32) {
    let cache = Cache::open(directory).unwrap();
    let mut random = Random::new(seed.into());
    say("ready");
    wait_for_go();
    for done in 0..count {
        let seed = random.number();
        cache
            .transaction(|transaction| {
                let turn = transaction.increment("turn", 1)?;
                let outcome = Operation::of(seed).run(transaction)?;
                transaction.set(format!("turn {turn}"), format!("{seed} {outcome}"))
            })
            .unwrap();
        if done.is_multiple_of(10) {
            say(&format!("{done}"));
        }
    }
}

/// Puts in values that tell who put them in and when.
fn produce(directory: &Path, producer: u32, count: u32) {
    let line = Cache::open(directory).unwrap().deque::<(u32, u32)>("line");
    say("ready");
    wait_for_go();
    for number in (0..count).step_by(2) {
        line.extend_back(&[(producer, number), (producer, number + 1)]).unwrap();
    }
}

/// Takes values out until it is told that there are no more, by one of the producer 0.
fn consume(directory: &Path) {
    let line = Cache::open(directory).unwrap().deque::<(u32, u32)>("line");
    say("ready");
    loop {
        for (producer, number) in line.pull_within(Side::Front, 3, None).unwrap() {
            if producer == 0 {
                // For the others, too.
                line.push_back(&(0, 0)).unwrap();
                return;
            }
            say(&format!("{producer} {number}"));
        }
    }
}

/// Rotates, turns round and back, for ever.
fn rotate(directory: &Path) {
    let line = Cache::open(directory).unwrap().deque::<String>("ring");
    say("ready");
    for steps in 1.. {
        line.rotate(steps % 7 - 3).unwrap();
        line.reverse().unwrap();
    }
}
