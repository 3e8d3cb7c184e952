//! Two tenants on one host and engine, each with a directory of its own: neither sees anything of the other.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use larder::{Cache, Scan};
use larder_tests::component::types::{Error as Reported, Key, Value};
use larder_tests::component::{Host, World, everything, options, plain, text, text_key};

const SECRET: &str = "the neighbour's secret";

/// All files below a directory with what they hold, but for the WAL-index, which is no data and changes
/// with every reader.
fn content(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = larder_tests::files(directory, "").into_iter().filter(|path| !path.ends_with("cache.db-shm"));
    files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn entries_locks_queues_and_collections_of_one_directory_do_not_exist_in_another() {
    let (mine, theirs) = (Cache::temporary().unwrap(), Cache::temporary().unwrap());
    theirs.set("key", SECRET).unwrap();
    theirs.set("large", vec![1; 100_000]).unwrap();
    theirs.deque::<String>("deque").push_back(&SECRET.to_owned()).unwrap();
    theirs.index::<String, String>("index").set("key", &SECRET.to_owned()).unwrap();
    theirs.increment("count", 41).unwrap();
    let held = theirs.lock("lock").acquire().unwrap();

    assert_eq!(mine.get("key").unwrap(), None);
    assert_eq!(mine.count().unwrap(), 0);
    assert!(mine.keys(&Scan::default()).unwrap().next().is_none());
    assert_eq!(mine.deque::<String>("deque").len().unwrap(), 0);
    assert_eq!(mine.index::<String, String>("index").len().unwrap(), 0);
    assert_eq!(mine.increment("count", 1).unwrap(), 1);
    // The same name is another lock.
    drop(mine.lock("lock").acquire().unwrap());
    mine.clear().unwrap();
    assert_eq!(theirs.get("key").unwrap(), Some(SECRET.into()));
    assert_eq!(theirs.count().unwrap(), 3);
    drop(held);
    assert_eq!(theirs.check().unwrap(), []);
}

#[test]
fn a_writer_in_one_directory_keeps_nobody_in_another_waiting() {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let open = |directory: &tempfile::TempDir| {
        Cache::builder().wait(std::time::Duration::ZERO).open(directory.path()).unwrap()
    };
    let [mine, theirs] = directories.each_ref().map(open);
    theirs
        .transaction(|transaction| {
            transaction.set("key", SECRET)?;
            mine.set("key", "mine")?;
            assert!(theirs.set("key", "other").is_err(), "here it would have to wait");
            Ok(())
        })
        .unwrap();
    assert_eq!(mine.get("key").unwrap(), Some("mine".into()));
}

#[test]
fn instances_of_two_tenants_that_take_turns_see_their_own_directory_alone() {
    let host = Host::of(World::Shared);
    let (mine, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    host.open(theirs.path(), options()).unwrap().set(&text_key("key"), &text(SECRET), &plain()).unwrap();
    for round in 0..40_i64 {
        // One store after the other: what the first has mapped is gone before the next is made.
        let mut neighbour = host.open(theirs.path(), options()).unwrap();
        neighbour.set(&Key::Integer(round), &text(SECRET), &plain()).unwrap();
        assert_eq!(neighbour.get(&text_key("mine")).unwrap(), None);
        drop(neighbour);
        let mapped = fs::read_to_string("/proc/self/maps").unwrap_or_default();
        assert!(!mapped.contains(theirs.path().to_str().unwrap()), "still mapped");
        let mut tenant = host.open(mine.path(), options()).unwrap();
        tenant.set(&text_key("mine"), &Value::Integer(round), &plain()).unwrap();
        assert_eq!(tenant.keys(&everything(), 100).unwrap(), [text_key("mine")]);
    }
    let leaked = content(mine.path())
        .into_values()
        .any(|bytes| bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()));
    assert!(!leaked, "what one tenant had in memory is in the other's files");
}

#[test]
fn no_path_of_a_tenant_leads_into_the_directory_of_another() {
    let parent = tempfile::tempdir().unwrap();
    let (mine, theirs) = (parent.path().join("mine"), parent.path().join("theirs"));
    fs::create_dir(&mine).unwrap();
    fs::create_dir(&theirs).unwrap();
    let host = Host::of(World::Shared);
    host.open(&theirs, options()).unwrap().set(&text_key("key"), &text(SECRET), &plain()).unwrap();
    std::os::unix::fs::symlink("../theirs", mine.join("linked")).unwrap();
    std::os::unix::fs::symlink(&theirs, mine.join("absolute")).unwrap();
    let before = content(&theirs);
    let real = theirs.to_str().unwrap();
    for path in
        ["/cache/../theirs", "../theirs", "/cache/linked", "/cache/absolute", "/theirs", "/", real, "/cache/a\0b"]
    {
        let opened = host.open_at(&mine, path, options()).map(drop);
        let refused = matches!(
            opened,
            Err(Reported::NotFound(_)
                | Reported::PermissionDenied(_)
                | Reported::InvalidArgument(_)
                | Reported::Locked(_)
                | Reported::Io(_))
        );
        assert!(refused, "{path:?}: {opened:?}");
    }
    assert_eq!(content(&theirs), before);
}

#[test]
fn a_directory_whose_files_are_links_to_another_is_not_opened_through_them() {
    let parent = tempfile::tempdir().unwrap();
    let (mine, theirs) = (parent.path().join("mine"), parent.path().join("theirs"));
    let secret = Cache::open(&theirs).unwrap();
    secret.set("key", SECRET).unwrap();
    secret.set("large", vec![1; 100_000]).unwrap();
    drop(secret);
    let before = content(&theirs);
    // A hostile tenant makes links in the place of every file and directory of a cache, in turn.
    Cache::open(&mine).unwrap().set("key", vec![2; 100_000]).unwrap();
    let own = content(&mine);
    for path in own.keys() {
        let relative = path.strip_prefix(&mine).unwrap();
        let target = before.keys().find(|other| other.file_name() == path.file_name());
        let target = target.cloned().unwrap_or_else(|| larder_tests::database(&theirs));
        fs::remove_file(path).unwrap();
        std::os::unix::fs::symlink(&target, path).unwrap();
        let found = Cache::open(&mine).and_then(|cache| cache.get("key"));
        let is_theirs = matches!(&found, Ok(Some(value)) if *value == SECRET.into());
        assert!(!is_theirs, "through {relative:?}: {found:?}");
        assert_eq!(content(&theirs), before, "through {relative:?}");
        fs::remove_dir_all(&mine).unwrap();
        for (path, bytes) in &own {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}
