//! Where nothing can be exported to, and what an export leaves that does not come to its end.

use std::fs;
use std::path::Path;

use larder_engine::diskcache::Export;
use larder_engine::{Cache, Error, Key, OpenOptions, SetOptions, Value};
use tempfile::TempDir;

use crate::support::{empty, export, platform};

fn filled(directory: &TempDir) -> Cache {
    let mut cache = empty(directory);
    for number in 0..10 {
        let value = Value::Bytes(vec![1; 1_000_000]);
        cache.set(&Key::Integer(number), &value, &SetOptions::default()).unwrap();
    }
    cache
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|child| child.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// What becomes of an export to this place.
fn refusal(cache: &mut Cache, target: &Path) -> String {
    match Export::open(cache, target, platform()) {
        Err(Error::InvalidArgument(what)) => what,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("{} was not refused", target.display()),
    }
}

#[test]
fn a_directory_with_something_in_it_is_refused_and_left_as_it_is() {
    let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut cache = filled(&source);
    fs::write(target.path().join("mine"), "mine").unwrap();
    assert!(refusal(&mut cache, target.path()).contains("mine"));
    assert_eq!(names(target.path()), ["mine"]);
    let file = target.path().join("mine");
    assert!(refusal(&mut cache, &file).contains("not a directory"));
    assert!(refusal(&mut cache, source.path()).contains("not empty"));
    assert!(matches!(Export::open(&mut cache, &file.join("below"), platform()), Err(Error::InvalidArgument(_))));
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn a_finished_export_is_not_written_over() {
    let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut cache = filled(&source);
    let report = export(&mut cache, target.path());
    assert_eq!(report.counts.exported, 10);
    let before = names(target.path());
    assert!(refusal(&mut cache, target.path()).contains("not empty"));
    assert_eq!(names(target.path()), before);
}

#[test]
fn an_export_that_is_given_up_leaves_nothing() {
    let source = tempfile::tempdir().unwrap();
    let mut cache = filled(&source);
    for (target, stays) in [(source.path().join("new"), false), (source.path().join("old"), true)] {
        if stays {
            fs::create_dir(&target).unwrap();
        }
        let mut export = Export::open(&mut cache, &target, platform()).unwrap();
        assert!(!export.step(&mut cache, 5).unwrap().finished);
        assert!(names(&target).len() > 2 && !names(&target).contains(&"cache.db".to_owned()));
        drop(export);
        assert_eq!(target.exists(), stays);
        assert!(!stays || names(&target).is_empty());
    }
}

#[test]
fn an_interrupted_export_is_no_cache_and_known_for_what_it_is() {
    let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut cache = filled(&source);
    let mut first = Export::open(&mut cache, target.path(), platform()).unwrap();
    first.step(&mut cache, 5).unwrap();
    assert!(refusal(&mut cache, target.path()).contains("cache.db-draft is of an export that did not come to its end"));
    assert!(!target.path().join("cache.db").exists());
    while !first.step(&mut cache, 5).unwrap().finished {}
    assert!(first.step(&mut cache, 5).unwrap().finished, "it is finished once and for all");
    assert!(target.path().join("cache.db").exists() && !target.path().join("cache.db-draft").exists());
}

#[test]
fn an_export_that_fails_leaves_nothing_and_is_over() {
    let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut cache = filled(&source);
    let mut export = Export::open(&mut cache, target.path(), platform()).unwrap();
    export.step(&mut cache, 2).unwrap();
    // Somebody makes a cache there meanwhile.
    fs::write(target.path().join("cache.db"), "somebody's").unwrap();
    let failed = loop {
        match export.step(&mut cache, 2) {
            Ok(progress) => assert!(!progress.finished),
            Err(error) => break error,
        }
    };
    assert!(matches!(&failed, Error::InvalidArgument(what) if what.contains("meanwhile")), "{failed:?}");
    assert_eq!(names(target.path()), ["cache.db"]);
    assert_eq!(fs::read(target.path().join("cache.db")).unwrap(), b"somebody's");
    assert!(matches!(export.step(&mut cache, 2), Err(Error::Closed)));
}

#[test]
fn an_open_transaction_is_in_the_way_and_no_more() {
    let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut cache = filled(&source);
    let mut export = Export::open(&mut cache, target.path(), platform()).unwrap();
    let ticket = cache.begin().unwrap();
    assert!(matches!(export.step(&mut cache, 2), Err(Error::InTransaction)));
    cache.rollback(ticket).unwrap();
    while !export.step(&mut cache, 2).unwrap().finished {}
    assert_eq!(export.report().counts.exported, 10);
}

#[test]
fn steps_are_bounded_by_entries_and_by_bytes() {
    let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut cache = filled(&source);
    cache.set(&Key::Text("large".into()), &Value::Bytes(vec![2; 30_000_000]), &SetOptions::default()).unwrap();
    let mut export = Export::open(&mut cache, target.path(), platform()).unwrap();
    let mut done = Vec::new();
    loop {
        let progress = export.step(&mut cache, 6).unwrap();
        assert_eq!(progress.total, 11);
        done.push(progress.done);
        if progress.finished {
            break;
        }
    }
    // Six entries, four, and the large one in steps of 8 MiB.
    assert_eq!(done[0], 6);
    assert!(done.len() >= 5 && done[1..].iter().filter(|done| **done == 10).count() >= 3, "{done:?}");
    assert_eq!(done.last(), Some(&11));
}

#[test]
fn a_cache_that_can_only_be_read_is_exported() {
    let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(&source).close().unwrap();
    let options = OpenOptions { create: false, read_only: true, ..OpenOptions::default() };
    let mut cache = Cache::open(source.path(), &options, platform()).unwrap();
    assert_eq!(export(&mut cache, target.path()).counts.exported, 10);
}
