//! Each call on the files goes wrong in turn.

use larder_tests::component::World;
use larder_tests::component::types::Error;
use larder_tests::layer::faults::{Report, Scene};
use larder_tests::layer::story::Story;
use larder_tests::layer::story::stage::Stage;
use larder_tests::layer::{Fault, Layer};

const SCENE: Scene = Scene { story: Story::Entries, seed: 11, world: World::Shared, shards: 1, operations: 14 };
const FAILURES: [Fault; 2] = [Fault::Full, Fault::Broken];

/// Every how-manyth call goes wrong in the normal tests; `LARDER_STRIDE=1` is each.
fn stride(normal: usize) -> usize {
    std::env::var("LARDER_STRIDE").map_or(normal, |stride| stride.parse().unwrap())
}

fn run(scene: Scene, faults: &[Fault], normal: usize) -> Report {
    let began = std::time::Instant::now();
    println!("{scene:?}: {} calls", scene.calls().len());
    let report = scene.run(faults, 0, stride(normal)).unwrap_or_else(|wrong| panic!("{wrong}"));
    println!("{report:?} in {:?}", began.elapsed());
    report
}

fn each(scene: Scene, faults: &[Fault], normal: usize) {
    let report = run(scene, faults, normal);
    assert!(report.injected >= report.lives, "each life has met its fault: {report:?}");
}

#[test]
fn a_full_disk_at_any_call_is_a_named_error_and_nothing_is_lost() {
    each(SCENE, &[Fault::Full], 5);
}

#[test]
fn a_failing_disk_at_any_call_is_a_named_error_and_nothing_is_lost() {
    each(SCENE, &[Fault::Broken], 9);
}

#[test]
fn short_and_slow_calls_are_made_up_for() {
    for story in Story::ALL {
        let report = run(Scene { story, seed: 12, ..SCENE }, &[Fault::Short, Fault::Slow], 61);
        assert_eq!(report.errors.len(), 0, "nobody notices");
    }
}

#[test]
fn faults_among_several_shards_leave_all_of_a_transaction_or_nothing() {
    each(Scene { seed: 13, shards: 3, ..SCENE }, &FAILURES, 37);
}

#[test]
fn faults_under_a_single_owner_are_named_as_well() {
    for story in Story::ALL {
        each(Scene { story, seed: 14, world: World::Standalone, ..SCENE }, &FAILURES, 61);
    }
}

#[test]
fn faults_among_entries_that_expire_and_make_room_leave_all_of_a_call_or_nothing() {
    each(Scene { story: Story::Passing, seed: 15, ..SCENE }, &FAILURES, 31);
}

#[test]
fn faults_at_deques_and_indexes_leave_all_of_a_call_or_nothing() {
    each(Scene { story: Story::Collections, seed: 16, shards: 2, ..SCENE }, &FAILURES, 31);
}

#[test]
fn faults_at_locks_limits_and_memoized_values_leave_all_of_a_call_or_nothing() {
    each(Scene { story: Story::Records, seed: 17, shards: 2, ..SCENE }, &FAILURES, 31);
}

#[test]
fn faults_at_values_in_parts_leave_the_old_value_or_the_new() {
    each(Scene { story: Story::Streams, seed: 18, ..SCENE }, &FAILURES, 31);
}

#[test]
fn faults_while_a_cache_is_opened_closed_and_given_other_shards_leave_it_whole() {
    each(Scene { story: Story::Moving, seed: 19, shards: 2, ..SCENE }, &FAILURES, 61);
}

#[test]
fn who_can_not_learn_what_was_granted_gets_a_named_error_where_the_adapter_would_trap() {
    for world in [World::Shared, World::Standalone] {
        let (directory, layer) = (tempfile::tempdir().unwrap(), Layer::new());
        let mut stage = Stage::new(world, directory.path()).over(&layer);
        layer.blind(true);
        let refused = stage.open(None);
        assert!(matches!(&refused, Err(Error::Io(what)) if what.contains("/cache")), "{world:?}: {refused:?}");
        layer.blind(false);
        stage.open(None).unwrap();
        assert_eq!(stage.cache().check(), Ok(vec![]));
    }
}
