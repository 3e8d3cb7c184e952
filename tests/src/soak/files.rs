//! Rounds in which files fail, and the power does.

use std::path::Path;

use super::Tally;
use crate::Random;
use crate::component::World;
use crate::component::wit::Durability;
use crate::layer::faults::Scene;
use crate::layer::story::Story;
use crate::layer::{Fault, loss};

/// One life of a cache, whose power is lost at many places.
pub(super) fn losses(_: &Path, seed: u64) -> Result<Tally, String> {
    let mut random = Random::new(seed);
    let durability = if random.below(2) == 0 { Durability::Full } else { Durability::Relaxed };
    let (story, world, shards) = story(&mut random);
    let losses = if world == World::Standalone { 6 } else { 24 };
    let round = loss::Round { story, seed, world, durability, shards, operations: 40, losses, honest: true };
    let report = caught(move || round.run())?;
    Ok(Tally::from([("losses of power", report.losses), ("operations", round.operations as u64)]))
}

/// Lives of a cache in which calls on its files fail, at some of all places.
pub(super) fn faults(_: &Path, seed: u64) -> Result<Tally, String> {
    let mut random = Random::new(seed);
    let (story, world, shards) = story(&mut random);
    let operations = match story {
        // A queue is biased only after a while.
        Story::Queues | Story::Runs => 40,
        // There has to be something that goes, or opens.
        Story::Used | Story::Meetings => 24,
        _ => 14,
    };
    let scene = Scene { story, seed, world, shards, operations };
    let stride = 37;
    let first = usize::try_from(random.below(stride)).unwrap();
    let report = caught(move || scene.run(&Fault::ALL, first, usize::try_from(stride).unwrap()))?;
    let operations = report.lives * scene.operations as u64;
    Ok(Tally::from([("faults injected", report.injected), ("operations", operations)]))
}

/// What a life is about, of which component, and over how many shards.
fn story(random: &mut Random) -> (Story, World, u32) {
    let story = Story::ALL[usize::try_from(random.below(Story::ALL.len() as u64)).unwrap()];
    let is_owned = random.below(4) == 0 && !story.has_others();
    let shards = 1 + u32::try_from(random.below(3)).unwrap();
    // Where they have a limit, each shard has its share of it.
    let shards = if story.is_of_one_shard() { 1 } else { shards };
    (story, if is_owned { World::Standalone } else { World::Shared }, shards)
}

/// A panic is a failure of the round, too.
fn caught<T>(round: impl FnOnce() -> Result<T, String> + std::panic::UnwindSafe) -> Result<T, String> {
    std::panic::catch_unwind(round).unwrap_or_else(|_| Err("it has panicked, as said above".to_owned()))
}
