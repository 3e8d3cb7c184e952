//! Each call on the files goes wrong in turn.

use larder_tests::Random;
use larder_tests::component::types::{Error, Key, Value};
use larder_tests::component::{World, plain};
use larder_tests::layer::faults::{Report, Scene};
use larder_tests::layer::story::stage::Stage;
use larder_tests::layer::story::{Content, Story, perform};
use larder_tests::layer::{Call, Fault, Layer, Plan};

const SCENE: Scene = Scene { story: Story::Entries, seed: 11, world: World::Shared, shards: 1, operations: 14 };
/// What needs no resharding, which takes many calls.
const IN_PLACE: [Story; 8] = [
    Story::Entries,
    Story::Passing,
    Story::Used,
    Story::Queues,
    Story::Collections,
    Story::Records,
    Story::Meetings,
    Story::Streams,
];
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
    each(SCENE, &[Fault::Full], 11);
}

#[test]
fn a_failing_disk_at_any_call_is_a_named_error_and_nothing_is_lost() {
    each(SCENE, &[Fault::Broken], 23);
}

#[test]
fn short_and_slow_calls_are_made_up_for() {
    for story in IN_PLACE {
        let report = run(Scene { story, seed: 12, ..SCENE }, &[Fault::Short, Fault::Slow], 97);
        assert_eq!(report.errors.len(), 0, "nobody notices");
    }
}

#[test]
fn faults_among_several_shards_leave_all_of_a_transaction_or_nothing() {
    each(Scene { seed: 13, shards: 3, ..SCENE }, &FAILURES, 79);
}

#[test]
fn faults_under_a_single_owner_are_named_as_well() {
    for story in IN_PLACE {
        each(Scene { story, seed: 14, world: World::Standalone, ..SCENE }, &FAILURES, 193);
    }
}

#[test]
fn faults_among_entries_that_expire_and_make_room_leave_all_of_a_call_or_nothing() {
    each(Scene { story: Story::Passing, seed: 15, ..SCENE }, &FAILURES, 61);
}

#[test]
fn faults_among_entries_that_make_room_by_their_use_forget_no_read_and_leave_all_of_a_call_or_nothing() {
    for seed in [23, 24] {
        each(Scene { story: Story::Used, seed, operations: 24, ..SCENE }, &FAILURES, 61);
    }
}

#[test]
fn faults_at_barriers_and_tasks_that_are_done_once_leave_all_of_a_call_or_nothing() {
    each(Scene { story: Story::Meetings, seed: 25, shards: 2, operations: 24, ..SCENE }, &FAILURES, 101);
}

/// A queue that is biased, and its journal.
const JOURNALED: Scene = Scene { story: Story::Queues, seed: 20, operations: 45, ..SCENE };

#[test]
fn faults_at_journals_leave_all_of_a_call_or_nothing() {
    each(JOURNALED, &FAILURES, 23);
    each(Scene { seed: 21, shards: 2, ..JOURNALED }, &FAILURES, 47);
}

/// The same while another handle pulls from it now and then.
const RUNS: Scene = Scene { story: Story::Runs, seed: 22, ..JOURNALED };

#[test]
fn faults_at_journals_of_queues_from_which_others_pull_leave_all_of_a_call_or_nothing() {
    each(RUNS, &FAILURES, 67);
}

/// What is done in a scene while there is a journal.
fn done_at_a_journal(scene: Scene) -> Vec<String> {
    let (directory, layer) = (tempfile::tempdir().unwrap(), Layer::new());
    let mut stage = Stage::new(scene.world, directory.path()).over(&layer);
    stage.open(Some(scene.shards)).unwrap();
    let (mut content, mut done) = (Content::new(scene.shards), Vec::new());
    for operation in scene.story.operations(&mut Random::new(scene.seed), scene.operations) {
        let files = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
        if files.into_iter().any(|name| name.to_string_lossy().starts_with("journal-")) {
            done.push(format!("{operation:?}"));
        }
        perform(&mut stage, &content, &operation).unwrap();
        content.apply(&operation);
    }
    done
}

#[test]
fn stories_of_a_queue_that_is_used_again_and_again_have_a_journal() {
    let done = done_at_a_journal(JOURNALED);
    assert!(done.len() > 10, "{done:?}");
    let done = done_at_a_journal(RUNS);
    let beside = done.iter().filter(|operation| operation.contains("PullBeside")).count();
    assert!(beside > 0, "nobody else pulls meanwhile: {done:?}");
}

#[test]
fn faults_at_deques_and_indexes_leave_all_of_a_call_or_nothing() {
    each(Scene { story: Story::Collections, seed: 16, shards: 2, ..SCENE }, &FAILURES, 101);
}

#[test]
fn faults_at_locks_limits_and_memoized_values_leave_all_of_a_call_or_nothing() {
    each(Scene { story: Story::Records, seed: 17, shards: 2, ..SCENE }, &FAILURES, 101);
}

#[test]
fn faults_at_values_in_parts_leave_the_old_value_or_the_new() {
    each(Scene { story: Story::Streams, seed: 18, ..SCENE }, &FAILURES, 211);
}

#[test]
fn faults_while_a_cache_is_opened_closed_and_given_other_shards_leave_it_whole() {
    let scene = Scene { story: Story::Moving, seed: 19, shards: 2, operations: 5, ..SCENE };
    for world in [World::Shared, World::Standalone] {
        each(Scene { world, ..scene }, &FAILURES, 211);
    }
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

#[test]
fn a_full_disk_at_a_directory_for_linked_value_files_is_not_called_a_file_that_is_missing() {
    let reshard = |plan: Option<Plan>| {
        let (directory, layer) = (tempfile::tempdir().unwrap(), Layer::new());
        let mut stage = Stage::new(World::Shared, directory.path()).over(&layer);
        stage.open(None).unwrap();
        for number in 0..3 {
            let large = Value::Bytes(vec![number; 100_000]);
            stage.cache().set(&Key::Integer(number.into()), &large, &plain()).unwrap();
        }
        layer.record();
        layer.set(plan);
        (stage.reshard(2), layer.recorded())
    };
    let (done, calls) = reshard(None);
    assert_eq!(done, Ok(()));
    let directories = calls.iter().zip(0..).filter(|(call, _)| **call == Call::CreateDirectory).map(|(_, at)| at);
    for at in directories {
        // The names of the files, and so the directories, are others each time: it stays full.
        let (refused, _) = reshard(Some(Plan { fault: Fault::Full, at, lasting: true }));
        assert!(matches!(refused, Err(Error::Full(_))), "call {at}: {refused:?}");
    }
}
