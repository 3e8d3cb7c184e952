//! The power is lost.

use larder_tests::component::types::Value;
use larder_tests::component::wit::{Changes, Durability};
use larder_tests::component::{Host, World, changes, plain, text_key, with};
use larder_tests::layer::loss::{Report, Round};

/// A round with this seed.
fn round(seed: u64, durability: Durability) -> Round {
    Round { seed, world: World::Shared, durability, shards: 1, operations: 30, losses: 12, honest: true }
}

/// Adds up rounds with several seeds, or with the one that is asked for.
fn all(first: u64, make: impl Fn(u64) -> Round) -> Report {
    let seeds = match std::env::var("LARDER_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (first..first + 6).collect(),
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
