//! A cache that the user may read and not write.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;

use crate::support::{Ran, Shelf};

/// Somebody for whom what is forbidden is forbidden, other than root.
const NOBODY: u32 = 65_534;

/// Lets everybody read all below a path, and nobody write.
fn close(path: &Path) {
    let is_directory = path.is_dir();
    if is_directory {
        for child in fs::read_dir(path).unwrap() {
            close(&child.unwrap().path());
        }
    }
    fs::set_permissions(path, PermissionsExt::from_mode(if is_directory { 0o555 } else { 0o444 })).unwrap();
}

/// Runs the program as a user who may write only in `home`.
fn run(shelf: &Shelf, arguments: &[&str]) -> Ran {
    let mut command = shelf.command(arguments);
    command.env("XDG_CACHE_HOME", shelf.path("home")).current_dir(shelf.path("home"));
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    Ran::of(command.output().unwrap())
}

#[test]
fn all_that_reads_works_and_all_that_writes_is_refused() {
    let shelf = Shelf::new();
    shelf.ok(["set", "greeting", "hello", "--tag", "t"]);
    shelf.run_with_input(["set", "large"], &vec![7; 300_000]);
    shelf.ok(["queue", "push", "jobs", "one"]);
    fs::create_dir(shelf.path("home")).unwrap();
    fs::set_permissions(shelf.path("home"), PermissionsExt::from_mode(0o777)).unwrap();
    fs::set_permissions(shelf.path("."), PermissionsExt::from_mode(0o755)).unwrap();
    close(&shelf.cache());

    let ok = |arguments: &[&str]| {
        let ran = run(&shelf, arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran.output
    };
    assert_eq!(ok(&["get", "greeting"]), b"hello");
    assert_eq!(ok(&["get", "large"]), vec![7; 300_000]);
    assert_eq!(ok(&["keys"]), b"greeting\nlarge\n");
    assert_eq!(ok(&["keys", "--tag", "t"]), b"greeting\n");
    assert_eq!(ok(&["count"]), b"3\n");
    assert_eq!(ok(&["queue", "peek", "jobs"]), b"one");
    assert_eq!(ok(&["check"]), b"no problem found in 3 entries\n");
    for arguments in [&["items"][..], &["info"], &["stats"], &["config"], &["dump", "all.dump"]] {
        assert!(!ok(arguments).is_empty(), "{arguments:?}");
    }
    ok(&["export", "diskcache", "out"]);
    assert!(shelf.path("home/out/cache.db").exists());
    assert_eq!(run(&shelf, &["get", "missing"]).code, 1);

    let refused = [
        &["set", "k", "v"][..],
        &["delete", "greeting"],
        &["evict", "--tag", "t"],
        &["queue", "pull", "jobs"],
        &["repair"],
        &["compact"],
        &["reshard", "2"],
        &["load", "all.dump"],
    ];
    for arguments in refused {
        run(&shelf, arguments).assert_failed(3, "permission denied");
    }
    assert_eq!(ok(&["get", "greeting"]), b"hello");
}
