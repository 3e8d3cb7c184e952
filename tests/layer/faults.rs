//! Each call on the files goes wrong in turn.

use larder_tests::component::World;
use larder_tests::layer::Fault;
use larder_tests::layer::faults::Scene;

const SCENE: Scene = Scene { seed: 11, world: World::Shared, shards: 1, operations: 14 };

/// Every how-manyth call goes wrong in the normal tests; `LARDER_STRIDE=1` is each.
fn stride(normal: usize) -> usize {
    std::env::var("LARDER_STRIDE").map_or(normal, |stride| stride.parse().unwrap())
}

fn each(scene: Scene, faults: &[Fault], normal: usize) {
    println!("seed {}, {} calls", scene.seed, scene.calls().len());
    let report = scene.run(faults, 0, stride(normal)).unwrap_or_else(|wrong| panic!("{wrong}"));
    println!("{report:?}");
    assert!(report.injected >= report.lives, "each life has met its fault: {report:?}");
}

#[test]
fn a_full_disk_at_any_call_is_a_named_error_and_nothing_is_lost() {
    each(SCENE, &[Fault::Full], 3);
}

#[test]
fn a_failing_disk_at_any_call_is_a_named_error_and_nothing_is_lost() {
    each(SCENE, &[Fault::Broken], 5);
}

#[test]
fn short_and_slow_calls_are_made_up_for() {
    let scene = Scene { seed: 12, ..SCENE };
    let report = scene.run(&[Fault::Short, Fault::Slow], 0, stride(7)).unwrap_or_else(|wrong| panic!("{wrong}"));
    println!("{report:?}");
    assert_eq!(report.errors, 0, "nobody notices");
}

#[test]
fn faults_among_several_shards_leave_all_of_a_transaction_or_nothing() {
    each(Scene { seed: 13, shards: 3, ..SCENE }, &[Fault::Full, Fault::Broken], 23);
}

#[test]
fn faults_under_a_single_owner_are_named_as_well() {
    each(Scene { seed: 14, world: World::Standalone, ..SCENE }, &[Fault::Full, Fault::Broken], 11);
}
