//! A disk that is really full: a small file system of a worker's own.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::process::Command;

const WORKER: &str = env!("CARGO_BIN_EXE_larder-worker");

/// Mounts a file system of 8 MiB over a directory that is made for it, seen by nobody else, and runs the
/// worker on it.
const SCRIPT: &str = r#"mount -t tmpfs -o size=8m none "$1" && TMPDIR="$1" exec "$2" full-disk "$1""#;

#[test]
fn a_full_disk_is_an_error_leaves_nothing_over_and_lets_entries_be_removed() {
    let possible = Command::new("unshare").args(["--map-root-user", "--mount", "true"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        println!("skipped: a file system of one's own needs `unshare` and user namespaces");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh"]).arg(directory.path()).arg(WORKER);
    let output = command.output().unwrap();
    let (told, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.ends_with("done\n"), "{told}{error}");
}
