//! The power is lost.

use std::path::Path;

use larder_tests::Random;
use larder_tests::component::types::Value;
use larder_tests::component::wit::{Changes, Durability, OpenOptions};
use larder_tests::component::{Host, World, changes, options, plain, text_key, with};
use larder_tests::layer::Layer;
use larder_tests::layer::journal::Loss;
use larder_tests::layer::loss::{Report, Round};
use larder_tests::layer::story::Story;
use larder_tests::layer::story::stage::Stage;

/// A round with this seed.
fn round(seed: u64, durability: Durability) -> Round {
    Round {
        story: Story::Entries,
        seed,
        world: World::Shared,
        durability,
        shards: 1,
        operations: 30,
        losses: 12,
        honest: true,
    }
}

/// Adds up rounds with several seeds, or with the one that is asked for.
fn all(first: u64, make: impl Fn(u64) -> Round) -> Report {
    let seeds = match std::env::var("LARDER_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (first..first + 3).collect(),
    };
    let mut sum = Report::default();
    for seed in seeds {
        println!("seed {seed}");
        let report = make(seed).run().unwrap_or_else(|wrong| panic!("{wrong}"));
        sum.losses += report.losses;
        sum.acknowledged += report.acknowledged;
        sum.undone += report.undone;
        sum.torn += report.torn;
    }
    println!("{sum:?}");
    sum
}

#[test]
fn with_full_durability_everything_that_was_acknowledged_is_there() {
    let sum = all(1, |seed| round(seed, Durability::Full));
    assert_eq!((sum.undone, sum.torn), (0, 0));
}

#[test]
fn with_relaxed_durability_the_directory_is_as_it_was_at_some_moment() {
    all(100, |seed| round(seed, Durability::Relaxed));
}

#[test]
fn transactions_over_several_shards_are_there_whole_or_not_at_all() {
    let sum = all(200, |seed| Round { shards: 3, ..round(seed, Durability::Full) });
    assert_eq!((sum.undone, sum.torn), (0, 0));
}

#[test]
fn a_directory_with_one_owner_is_as_safe() {
    let sum = all(300, |seed| Round { world: World::Standalone, losses: 5, ..round(seed, Durability::Full) });
    assert_eq!((sum.undone, sum.torn), (0, 0));
}

#[test]
fn whatever_is_kept_beside_entries_is_there_as_well() {
    let stories = [
        Story::Passing,
        Story::Collections,
        Story::Records,
        Story::Streams,
        Story::Queues,
        Story::Meetings,
        Story::Used,
    ];
    for (story, first) in stories.into_iter().zip((400..).step_by(10)) {
        let sum = all(first, |seed| Round { story, losses: 6, ..round(seed, Durability::Full) });
        assert_eq!((sum.undone, sum.torn), (0, 0), "{story:?}");
        all(first + 200, |seed| Round { story, losses: 6, ..round(seed, Durability::Relaxed) });
    }
}

#[test]
fn a_queue_with_a_journal_is_as_it_was_at_some_moment() {
    let round = |seed, durability| Round { story: Story::Queues, operations: 100, ..round(seed, durability) };
    let sum = all(700, |seed| round(seed, Durability::Relaxed));
    assert!(sum.undone > 0, "a journal is not synced: {sum:?}");
    all(710, |seed| Round { shards: 3, ..round(seed, Durability::Relaxed) });
}

#[test]
fn a_queue_from_which_others_pull_is_as_it_was_at_some_moment_or_with_full_durability_as_it_is() {
    let runs = |seed, durability| Round { story: Story::Runs, operations: 80, losses: 20, ..round(seed, durability) };
    all(720, |seed| runs(seed, Durability::Relaxed));
    let sum = all(730, |seed| runs(seed, Durability::Full));
    assert_eq!((sum.undone, sum.torn), (0, 0));
}

#[test]
fn what_is_given_another_number_of_shards_meanwhile_has_the_old_ones_or_the_new() {
    for world in [World::Shared, World::Standalone] {
        let sum = all(500, |seed| Round { story: Story::Moving, world, shards: 2, ..round(seed, Durability::Full) });
        assert_eq!((sum.undone, sum.torn), (0, 0));
    }
}

#[test]
fn with_relaxed_durability_each_of_several_shards_is_as_it_was_at_some_moment() {
    for story in [Story::Entries, Story::Collections, Story::Records, Story::Meetings] {
        all(600, |seed| Round { story, shards: 3, ..round(seed, Durability::Relaxed) });
    }
}

#[test]
fn a_disk_that_does_not_sync_is_found_out() {
    let found = (1..20).any(|seed| Round { honest: false, ..round(seed, Durability::Full) }.run().is_err());
    assert!(found, "losing everything must be noticed");
}

#[test]
fn a_large_value_is_stored_under_full_in_both_worlds() {
    for world in [World::Shared, World::Standalone] {
        let directory = tempfile::tempdir().unwrap();
        let options = with(Changes { durability: Some(Durability::Full), ..changes() });
        let mut cache = Host::of(world).open(directory.path(), options).unwrap();
        let large = Value::Bytes(vec![7; 100_000]);
        cache.set(&text_key("large"), &large, &plain()).unwrap();
        assert_eq!(cache.get(&text_key("large")).unwrap(), Some(large));
    }
}

/// A cache under `full` that keeps a journal, in a directory.
fn kept(world: World, directory: &Path, shards: u32) -> (Stage, Layer) {
    let layer = Layer::new();
    layer.keep_journal(directory);
    let changes = Changes { durability: Some(Durability::Full), ..changes() };
    let mut stage = Stage::new(world, directory).over(&layer).asking_for(changes);
    stage.open(Some(shards)).unwrap();
    (stage, layer)
}

fn large(byte: u8) -> Value {
    Value::Bytes(vec![byte; 100_000])
}

#[test]
fn a_removed_value_file_is_not_there_again_after_a_loss_when_nothing_lists_it_any_more() {
    let (directory, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut stage, layer) = kept(World::Shared, directory.path(), 1);
    for byte in 1..4 {
        stage.cache().set(&text_key("large"), &large(byte), &plain()).unwrap();
    }
    // Whoever closes gives up what it has removed.
    stage.close().unwrap();
    let journal = layer.journal();
    journal.lose(journal.len(), Loss::Everything, &mut Random::new(1), left.path());
    let mut cache = Host::of(World::Shared).open(left.path(), options()).unwrap();
    assert_eq!(cache.check().unwrap(), []);
    assert_eq!(cache.get(&text_key("large")).unwrap(), Some(large(3)));
}

#[test]
fn old_shards_whose_removal_is_half_undone_by_a_loss_are_not_taken_for_the_cache() {
    for world in [World::Shared, World::Standalone] {
        let directory = tempfile::tempdir().unwrap();
        let (mut stage, layer) = kept(world, directory.path(), 2);
        stage.cache().set(&text_key("large"), &large(1), &plain()).unwrap();
        stage.reshard(3).unwrap();
        stage.close().unwrap();
        let journal = layer.journal();
        for seed in 0..30 {
            let left = tempfile::tempdir().unwrap();
            journal.lose(journal.len(), Loss::Anything, &mut Random::new(seed), left.path());
            let patient = OpenOptions { wait_ms: Some(5_000), lease_ms: Some(100), ..options() };
            let mut cache = Host::of(world).open(left.path(), patient).unwrap();
            assert_eq!(cache.get(&text_key("large")), Ok(Some(large(1))), "{world:?}, seed {seed}");
            assert_eq!((cache.info().unwrap().shards, cache.check()), (3, Ok(vec![])), "{world:?}, seed {seed}");
        }
    }
}

#[test]
fn another_durability_holds_for_what_is_stored_from_then_on_and_undoes_nothing() {
    let durability = |durability| Changes { durability: Some(durability), ..changes() };
    let key = |number: u8| text_key(&number.to_string());
    for seed in 0..10 {
        let (directory, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let layer = Layer::new();
        layer.keep_journal(directory.path());
        let mut stage = Stage::new(World::Shared, directory.path()).over(&layer);
        stage.open(Some(2)).unwrap();
        for (first, chosen) in [(0, Durability::Relaxed), (10, Durability::Full), (20, Durability::Relaxed)] {
            stage.cache().configure(durability(chosen)).unwrap();
            for number in first..first + 4 {
                stage.cache().set(&key(number), &large(number + 1), &plain()).unwrap();
            }
        }
        let journal = layer.journal();
        journal.lose(journal.len(), Loss::Anything, &mut Random::new(seed), left.path());
        let mut cache = Host::of(World::Shared).open(left.path(), options()).unwrap();
        for number in 10..14 {
            assert_eq!(cache.get(&key(number)), Ok(Some(large(number + 1))), "{number}, seed {seed}");
        }
    }
}
