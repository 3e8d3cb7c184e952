//! The component in the world `standalone`: one owner at a time, whatever happens to it.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::{Duration, Instant};

use larder_tests::component::types::{Error, Value};
use larder_tests::component::wit::OpenOptions;
use larder_tests::component::{Host, Instance, World, options, plain, text, text_key};
use larder_tests::worker::Worker;

const WORKER: &str = env!("CARGO_BIN_EXE_larder-worker");
/// Long enough for a machine that is busy compiling.
const LEASE_MS: u32 = 1000;

fn open(directory: &Path, wait_ms: u32) -> Result<Instance, Error> {
    let options = OpenOptions { lease_ms: Some(LEASE_MS), wait_ms: Some(wait_ms), ..options() };
    Host::of(World::Standalone).open(directory, options)
}

#[test]
fn a_second_owner_waits_and_gets_in_when_the_first_closes() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = open(directory.path(), 1000).unwrap();
    first.set(&text_key("key"), &text("of the first"), &plain()).unwrap();
    assert!(matches!(open(directory.path(), 50), Err(Error::Locked(text)) if text.contains("another owner")));
    first.close().unwrap();
    let mut second = open(directory.path(), 0).unwrap();
    assert_eq!(second.get(&text_key("key")).unwrap(), Some(text("of the first")));
}

#[test]
fn an_owner_at_work_is_never_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = open(directory.path(), 1000).unwrap();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| open(directory.path(), 4 * LEASE_MS).map(drop));
        let end = Instant::now() + Duration::from_millis(u64::from(5 * LEASE_MS));
        while Instant::now() < end {
            first.set(&text_key("key"), &text("x"), &plain()).unwrap();
        }
        assert!(matches!(second.join().unwrap(), Err(Error::Locked(_))));
    });
    first.close().unwrap();
}

#[test]
fn an_owner_that_was_killed_is_followed_after_its_lease_and_nothing_it_acknowledged_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Worker::start(WORKER, "standalone-write", directory.path(), &[&LEASE_MS.to_string()]);
    let mut acknowledged: Vec<String> = (0..100).map(|_| first.line().unwrap()).collect();
    first.kill();
    acknowledged.extend(first.rest());

    let since = Instant::now();
    let mut second = open(directory.path(), 60_000).unwrap();
    assert!(since.elapsed() >= Duration::from_millis(u64::from(LEASE_MS)), "taken over before the lease ended");
    for key in &acknowledged {
        let found = second.get(&text_key(key)).unwrap();
        let Some(Value::Bytes(bytes)) = found else { panic!("{key} is {found:?}") };
        assert!(bytes.iter().copied().eq(key.bytes().cycle().take(bytes.len())), "{key} holds something else");
    }
    assert_eq!(second.check().unwrap(), []);
    second.close().unwrap();
}

#[test]
fn an_owner_that_only_paused_can_not_write_any_more_and_harms_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Worker::start(WORKER, "standalone-pause", directory.path(), &[&LEASE_MS.to_string()]);
    first.expect("stored");
    first.pause();

    let mut second = open(directory.path(), 60_000).unwrap();
    assert_eq!(second.get(&text_key("first")).unwrap(), Some(Value::Bytes(vec![1; 50_000])));
    second.set(&text_key("second"), &text("of the second"), &plain()).unwrap();

    first.proceed();
    first.resume();
    // Keep the lease fresh while the first one tries, so that it has no right to come back.
    let refused = std::thread::scope(|scope| {
        let refused = scope.spawn(|| first.line());
        while !refused.is_finished() {
            assert_eq!(second.get(&text_key("first")).unwrap(), Some(Value::Bytes(vec![1; 50_000])));
            std::thread::sleep(Duration::from_millis(5));
        }
        refused.join().unwrap()
    });
    assert_eq!(refused.as_deref(), Some("refused"));
    assert_eq!(second.get(&text_key("second")).unwrap(), Some(text("of the second")));
    assert_eq!(second.check().unwrap(), []);
    second.close().unwrap();

    first.proceed();
    first.expect("back");
    first.finish();
}

#[test]
fn instances_that_share_by_locks_keep_a_standalone_owner_out() {
    let directory = tempfile::tempdir().unwrap();
    let mut shared = Host::of(World::Shared).open(directory.path(), options()).unwrap();
    assert!(matches!(open(directory.path(), 50), Err(Error::Locked(text)) if text.contains("locks")));
    shared.close().unwrap();
    let mut standalone = open(directory.path(), 50).unwrap();
    let options = OpenOptions { wait_ms: Some(50), ..options() };
    assert!(matches!(Host::of(World::Shared).open(directory.path(), options), Err(Error::Locked(_))));
    standalone.close().unwrap();
}
