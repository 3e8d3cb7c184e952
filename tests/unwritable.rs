//! Directories that can not be written, in both worlds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use larder_tests::component::types::{Error, Key, Side, Value};
use larder_tests::component::wit::OpenOptions;
use larder_tests::component::{Host, World, everything, options, plain, tagged, text, text_key};
use larder_tests::worker::Worker;

const WORKER: &str = env!("CARGO_BIN_EXE_larder-worker");
const WORLDS: [World; 2] = [World::Shared, World::Standalone];

/// Every file below a directory, with its size and the time of its last change.
fn files(directory: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let (path, metadata) = entry.map(|entry| (entry.path(), entry.metadata().unwrap())).unwrap();
        if metadata.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path, (metadata.len(), metadata.modified().unwrap()));
        }
    }
    found
}

#[test]
fn a_directory_that_can_not_be_written_is_read_and_left_as_it_is() {
    for world in WORLDS {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = Host::of(world).open(directory.path(), OpenOptions { shards: Some(2), ..options() }).unwrap();
        for number in 0..50 {
            let value = if number % 10 == 0 { Value::Bytes(vec![1; 50_000]) } else { Value::Integer(number) };
            writer.set(&Key::Integer(number), &value, &tagged(&["t"])).unwrap();
        }
        writer.push("jobs", &text("one"), Side::Back, &plain()).unwrap();
        writer.close().unwrap();
        let before = files(directory.path());

        let mut reader = Host::of(world).open_unwritable(directory.path()).unwrap();
        assert_eq!(reader.get(&Key::Integer(7)).unwrap(), Some(Value::Integer(7)));
        assert_eq!(reader.get(&Key::Integer(10)).unwrap(), Some(Value::Bytes(vec![1; 50_000])));
        assert_eq!(reader.keys(&everything(), 10).unwrap().len(), 50);
        assert_eq!(reader.items(&everything(), 10).unwrap().len(), 50);
        assert_eq!(reader.values(&everything(), 10).unwrap().len(), 50);
        assert_eq!(reader.check().unwrap(), []);
        assert_eq!((reader.count().unwrap(), reader.info().unwrap().shards), (51, 2));
        assert!(reader.volume().unwrap() > 250_000 && reader.stats().unwrap().hits == 2);
        assert!(reader.get_entry(&Key::Integer(7)).unwrap().is_some() && reader.contains(&Key::Integer(9)).unwrap());
        assert_eq!(reader.get_many(&[Key::Integer(1), Key::Integer(99)]).unwrap(), [Some(Value::Integer(1)), None]);
        assert_eq!(reader.peek("jobs", Side::Front).unwrap().unwrap().entry.value, text("one"));
        let refused = reader.set(&text_key("k"), &text("v"), &plain());
        assert!(matches!(refused, Err(Error::ReadOnly(_))), "{refused:?}");
        reader.close().unwrap();
        assert_eq!(files(directory.path()), before, "{world:?}");
    }
}

#[test]
fn what_somebody_is_writing_is_not_read_behind_his_back() {
    for world in WORLDS {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = Host::of(world).open(directory.path(), options()).unwrap();
        writer.set(&text_key("k"), &text("one"), &plain()).unwrap();
        let refused = Host::of(world).open_unwritable(directory.path());
        assert!(matches!(refused, Err(Error::Locked(_))), "{world:?}");
        writer.close().unwrap();

        let mut reader = Host::of(world).open_unwritable(directory.path()).unwrap();
        assert_eq!(reader.get(&text_key("k")).unwrap(), Some(text("one")));
        let mut writer = Host::of(world).open(directory.path(), options()).unwrap();
        writer.set(&text_key("k"), &text("two"), &plain()).unwrap();
        let void = reader.get(&text_key("k"));
        assert!(matches!(void, Err(Error::Locked(_))), "{world:?}: {void:?}");
        writer.close().unwrap();
        if world == World::Shared {
            assert_eq!(reader.get(&text_key("k")).unwrap(), Some(text("two")), "once it is at rest, it is read again");
        }
    }
}

#[test]
fn what_is_left_is_told_once_nobody_is_at_work() {
    for world in WORLDS {
        let directory = tempfile::tempdir().unwrap();
        Host::of(world).open(directory.path(), options()).unwrap().close().unwrap();
        fs::create_dir(directory.path().join("draft-00000001")).unwrap();
        let mut reader = Host::of(world).open_unwritable(directory.path()).unwrap();
        let problems = reader.check().unwrap();
        assert!(problems.len() == 1 && problems[0].subject.ends_with("draft-00000001"), "{world:?}: {problems:?}");
        assert!(matches!(reader.repair(), Err(Error::ReadOnly(_))));
    }
}

#[test]
fn what_the_operating_system_forbids_is_read_as_well() {
    for world in ["shared", "standalone"] {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let mut worker = Worker::start(WORKER, "unwritable", directory.path(), &[world]);
        worker.expect("done");
        worker.finish();
    }
}

#[test]
fn nothing_is_made_of_a_directory_without_a_cache() {
    for world in WORLDS {
        let directory = tempfile::tempdir().unwrap();
        let missing = Host::of(world).open_unwritable(directory.path());
        assert!(matches!(missing, Err(Error::NotFound(_))), "{world:?}");
        assert!(files(directory.path()).is_empty());
    }
}
