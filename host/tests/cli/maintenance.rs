//! `evict`, `expire`, `clear` and `check`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Shelf;

fn shelf() -> Shelf {
    let shelf = Shelf::new();
    for (key, tag) in [("a:1", "x"), ("a:2", "y"), ("b:1", "x"), ("b:2", "y")] {
        shelf.ok(["set", key, "v", "--tag", tag]);
    }
    shelf
}

#[test]
fn evict_removes_what_is_selected_and_nothing_else() {
    let shelf = shelf();
    assert_eq!(shelf.ok(["evict", "--tag", "x"]), "removed 2 entries\n");
    assert_eq!(shelf.ok(["evict", "--prefix", "b:"]), "removed 1 entry\n");
    assert_eq!(shelf.ok(["keys"]), "a:2\n");
    assert_eq!(shelf.json(["evict", "--from", "a:", "--json"])["removed"], 1);
    let nothing = shelf.run(["evict", "--tag", "x"]);
    assert_eq!((nothing.code, nothing.text().as_str()), (1, "removed 0 entries\n"));
}

#[test]
fn evict_of_everything_must_be_called_clear() {
    let shelf = shelf();
    shelf.run(["evict"]).assert_failed(2, "larder clear");
    shelf.run(["evict", "--key-type", "integer", "--prefix", "1"]).assert_failed(2, "--from");
    assert_eq!(shelf.json(["stats", "--json"])["count"], 4);
}

#[test]
fn expire_removes_what_has_expired() {
    let shelf = shelf();
    shelf.ok(["touch", "a:1", "--ttl", "0s"]);
    assert_eq!(shelf.ok(["expire"]), "removed 1 entry\n");
    assert_eq!(shelf.run(["expire", "-q"]).code, 1);
    assert_eq!(shelf.json(["stats", "--json"])["count"], 3);
}

#[test]
fn clear_removes_everything_and_asks_only_on_a_terminal() {
    let shelf = shelf();
    assert_eq!(shelf.ok(["clear"]), "removed 4 entries\n");
    assert_eq!(shelf.ok(["keys"]), "");
    let again = shelf.run(["clear", "--yes", "--quiet"]);
    assert_eq!((again.code, again.text().as_str()), (1, ""));
}

#[test]
fn check_finds_nothing_in_a_sound_cache() {
    let shelf = shelf();
    assert_eq!(shelf.ok(["check"]), "no problem found in 4 entries\n");
    assert_eq!(shelf.ok(["check", "--json"]), "{\"problems\":[]}\n");
}

#[test]
fn check_finds_an_altered_value_file() {
    let shelf = Shelf::new();
    shelf.run_with_input(["set", "large"], &vec![7; 100_000]);
    let file = value_file(&shelf.cache());
    let mut bytes = fs::read(&file).unwrap();
    bytes[50_000] ^= 1;
    fs::write(&file, bytes).unwrap();

    let ran = shelf.run(["check"]);
    assert_eq!(ran.code, 1);
    assert!(ran.text().contains("large"), "{}", ran.text());
    let json = shelf.run(["check", "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&json.output).unwrap();
    assert_eq!((json.code, found["problems"].as_array().unwrap().len()), (1, 1));
    shelf.run(["get", "large"]).assert_failed(3, "larder check");
}

/// The only value file of the cache.
fn value_file(directory: &Path) -> PathBuf {
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                pending.push(path);
            } else if path.components().any(|component| component.as_os_str() == "values") {
                return path;
            }
        }
    }
    panic!("no value file");
}
