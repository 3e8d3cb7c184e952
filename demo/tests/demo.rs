//! The demo as a program, on trees small enough for a test.

#![allow(clippy::unwrap_used, reason = "these are tests, though not each function is one")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn demo(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_larder-demo")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_check_holds_on_a_small_tree() {
    let tree = tempfile::tempdir().unwrap();
    for number in 0..40_u8 {
        let extension = if number % 4 == 0 { "md" } else { "rs" };
        // Some are large enough for files of their own, one is empty.
        let content = vec![number; usize::from(number) * 2000];
        fs::write(tree.path().join(format!("{number}.{extension}")), content).unwrap();
    }
    let output = demo(&[tree.path()]);
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{error}");
    assert_eq!(out.matches("  held ").count(), 9, "{out}");
    assert!(out.contains("extension:md") && out.contains("10 of 10 removed"), "{out}");
    assert!(out.ends_with("\nevery check held\n"), "{out}");
}

#[test]
fn a_single_file_is_enough() {
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join("only"), "content").unwrap();
    let output = demo(&[tree.path()]);
    assert!(output.status.success(), "{}", text(&output.stdout));
}

#[test]
fn what_can_not_be_begun_fails_with_a_reason() {
    let tree = tempfile::tempdir().unwrap();
    let empty = demo(&[tree.path()]);
    assert_eq!((empty.status.code(), text(&empty.stderr).contains("no file to cache")), (Some(1), true));
    fs::write(tree.path().join("file"), "x").unwrap();
    let occupied = demo(&[tree.path(), Path::new("--cache"), tree.path()]);
    assert_eq!((occupied.status.code(), text(&occupied.stderr).contains("is not empty")), (Some(1), true));
}
