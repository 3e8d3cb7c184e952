//! Popping, queues, items, counting, settings, culling, compacting, the manual.

use serde_json::json;

use crate::support::Shelf;

#[test]
fn pop_prints_and_removes() {
    let shelf = Shelf::new();
    shelf.ok(["set", "token", "secret"]);
    assert_eq!(shelf.ok(["pop", "token"]), "secret");
    assert_eq!(shelf.run(["pop", "token"]).code, 1);
}

#[test]
fn a_value_is_stored_only_over_the_version_that_was_read() {
    let shelf = Shelf::new();
    let version = shelf.json(["set", "k", "1", "--json"])["version"].to_string();
    shelf.ok(["set", "k", "2", "--if-version", &version]);
    assert_eq!(shelf.run(["set", "k", "3", "--if-version", &version]).code, 1);
    assert_eq!(shelf.ok(["get", "k"]), "2");
}

#[test]
fn a_value_that_is_too_old_is_passed_over() {
    let shelf = Shelf::new();
    shelf.ok(["set", "k", "v"]);
    assert_eq!(shelf.ok(["get", "k", "--max-age", "1h"]), "v");
    std::thread::sleep(std::time::Duration::from_millis(2));
    assert_eq!(shelf.run(["get", "k", "--max-age", "1ms"]).code, 1);
}

#[test]
fn values_go_through_a_queue_in_order() {
    let shelf = Shelf::new();
    for job in ["one", "two", "three"] {
        shelf.ok(["queue", "push", "jobs", job]);
    }
    shelf.ok(["queue", "push", "jobs", "zero", "--side", "front"]);
    assert_eq!(shelf.ok(["queue", "len", "jobs"]), "4\n");
    assert_eq!(shelf.ok(["queue", "peek", "jobs"]), "zero");
    assert_eq!(shelf.ok(["queue", "pull", "jobs"]), "zero");
    assert_eq!(shelf.ok(["queue", "pull", "jobs", "--side", "back"]), "three");
    assert_eq!(shelf.ok(["queue", "list"]), "jobs\n");
    assert_eq!(shelf.ok(["keys", "--queue", "jobs"]), "0\n1\n");
    shelf.ok(["queue", "pull", "jobs"]);
    shelf.ok(["queue", "pull", "jobs"]);
    assert_eq!(shelf.run(["queue", "pull", "jobs"]).code, 1);
    assert_eq!(shelf.run(["queue", "len", "jobs"]).code, 1);
    assert_eq!(shelf.run(["queue", "push", "jobs", "x", "--side", "top"]).code, 2);
}

#[test]
fn items_are_json_objects_and_count_counts_them() {
    let shelf = Shelf::new();
    shelf.ok(["set", "a", "1", "--tag", "x"]);
    shelf.ok(["set", "b", "2"]);
    let lines = shelf.ok(["items", "--reverse", "--limit", "1"]);
    let item: serde_json::Value = serde_json::from_str(&lines).unwrap();
    assert_eq!((&item["key"], &item["value"]), (&json!("b"), &json!("2")));
    assert_eq!(shelf.ok(["count"]), "2\n");
    assert_eq!(shelf.json(["count", "--tag", "x", "--json"]), json!({ "count": 1, "size": 67 }));
    assert_eq!(shelf.run(["count", "--tag", "y"]).code, 1);
}

#[test]
fn settings_are_shown_and_changed_by_name_and_others_refused() {
    let shelf = Shelf::new();
    for key in ["a", "b", "c"] {
        shelf.ok(["set", key, "v"]);
    }
    assert_eq!(shelf.ok(["config", "item-limit", "2"]), "item-limit is now 2\n");
    assert!(shelf.ok(["config"]).contains("item limit        2\n"));
    assert_eq!(shelf.ok(["cull"]), "removed 1 entry\n");
    assert_eq!(shelf.run(["cull"]).code, 1);
    let unknown = shelf.run(["config", "colour", "red"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.error.contains("size-limit"), "{}", unknown.error);
    let low = shelf.run(["config", "size-limit", "1KiB"]);
    assert!(low.code != 0 && low.error.contains("262144"), "{}", low.error);
}

#[test]
fn compacting_gives_space_back() {
    let shelf = Shelf::new();
    for number in 0..60 {
        shelf.ok(["set", &number.to_string(), &"x".repeat(20_000)]);
    }
    shelf.ok(["clear"]);
    assert!(shelf.ok(["compact"]).starts_with("gave back"));
}

#[test]
fn the_manual_has_a_section_for_each_command() {
    let page = Shelf::new().ok(["man"]);
    for section in [".TH larder", "LARDER GET", "LARDER QUEUE PULL", "LARDER EXPORT DISKCACHE", "LARDER CONFIG"] {
        assert!(page.contains(section), "{section}");
    }
}

#[test]
fn importing_what_is_no_cache_of_diskcache_says_so() {
    let shelf = Shelf::new();
    std::fs::create_dir(shelf.path("empty")).unwrap();
    let ran = shelf.run(["import", "diskcache", "empty"]);
    assert!(ran.code == 3 && ran.error.contains("no directory of diskcache"), "{}", ran.error);
    assert_eq!(shelf.run(["import", "diskcache", "missing"]).code, 3);
    assert_eq!(shelf.run(["import"]).code, 2);
}

#[test]
fn a_repair_says_what_is_lost() {
    let shelf = Shelf::new();
    shelf.ok(["init", "--inline-threshold", "10"]);
    shelf.ok(["set", "k", "a value with a file of its own"]);
    assert_eq!(shelf.ok(["repair"]), "no problem found in 1 entry\n");
    let values = shelf.cache().join("data-00000001/shard-000/values");
    let directory = std::fs::read_dir(values).unwrap().next().unwrap().unwrap().path();
    let file = std::fs::read_dir(directory).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(file).unwrap();
    assert_eq!(shelf.run(["check"]).code, 1);
    assert!(shelf.ok(["repair"]).contains("its value is lost"));
    assert_eq!(shelf.ok(["check"]), "no problem found in 0 entries\n");
}

#[test]
fn statistics_of_all_programs_are_shown_where_they_are_recorded() {
    let shelf = Shelf::new();
    shelf.ok(["set", "k", "v"]);
    assert!(!shelf.ok(["stats"]).contains("hits"));
    shelf.ok(["config", "statistics", "on"]);
    shelf.ok(["get", "k"]);
    shelf.run(["get", "absent"]);
    let recorded = shelf.json(["stats", "--json"])["recorded"].clone();
    assert_eq!((&recorded["hits"], &recorded["misses"]), (&json!(1), &json!(1)));
    shelf.ok(["stats", "--reset"]);
    assert!(shelf.ok(["stats"]).contains("hits         0\n"));
}

#[test]
fn a_dump_is_loaded_into_another_cache_entry_for_entry() {
    let shelf = Shelf::new();
    shelf.ok(["set", "text", "zoë", "--tag", "t"]);
    std::fs::write(shelf.path("large"), vec![7; 600_000]).unwrap();
    shelf.ok(["set", "bytes", "--file", "large"]);
    shelf.ok(["set", "brief", "x", "--ttl", "1h"]);
    shelf.ok(["incr", "--key-type", "integer", "5", "7"]);
    shelf.ok(["queue", "push", "jobs", "one"]);
    shelf.ok(["queue", "push", "jobs", "two"]);
    assert!(shelf.ok(["dump", "all.dump"]).starts_with("dumped 6 entries"));
    assert_eq!(shelf.ok(["--dir", "other", "load", "all.dump"]), "loaded 6 entries\n");
    for command in [vec!["get", "text"], vec!["get", "bytes"], vec!["get", "--key-type", "integer", "5"]] {
        let other: Vec<_> = ["--dir", "other"].iter().chain(&command).copied().collect();
        assert_eq!(shelf.run(other).output, shelf.run(command).output);
    }
    assert_eq!(shelf.ok(["--dir", "other", "keys", "--tag", "t"]), "text\n");
    assert_eq!(shelf.ok(["--dir", "other", "queue", "pull", "jobs"]), "one");
    assert!(shelf.json(["--dir", "other", "get", "brief", "--json"])["expires_ms"].is_u64());

    let whole = std::fs::read(shelf.path("all.dump")).unwrap();
    std::fs::write(shelf.path("cut.dump"), &whole[..whole.len() - 40]).unwrap();
    let ran = shelf.run(["--dir", "third", "load", "cut.dump"]);
    assert!(ran.code == 3 && ran.error.contains("cut short"), "{}", ran.error);
    assert!(!shelf.path("third").exists(), "nothing is stored of a file that is not whole");
    let piped = shelf.run_with_input(["--dir", "fourth", "load"], &whole);
    assert_eq!((piped.code, piped.text()), (0, "loaded 6 entries\n".to_owned()));
    assert_eq!(shelf.run(["load", "operations.rs"]).code, 3);
}

#[test]
fn an_export_for_diskcache_is_imported_again_and_never_written_over() {
    let shelf = Shelf::new();
    shelf.ok(["set", "greeting", "hello", "--tag", "a", "--tag", "b"]);
    std::fs::write(shelf.path("large"), vec![7; 600_000]).unwrap();
    shelf.ok(["set", "large", "--file", "large"]);
    shelf.ok(["queue", "push", "jobs", "one"]);
    let words = shelf.ok(["export", "diskcache", "out"]);
    assert_eq!(
        words,
        "exported 3 entries\n  1 from queues\n  1 of the tags left out: an entry has one at most there\n"
    );
    shelf.run(["export", "diskcache", "out"]).assert_failed(2, "not empty");
    let report = shelf.json(["export", "diskcache", "other", "--json"]);
    assert_eq!((&report["exported"], &report["in_files"], &report["damaged"]), (&json!(3), &json!(1), &json!(0)));
    assert_eq!(shelf.ok(["--dir", "back", "import", "diskcache", "out"]), "imported 3 entries\n");
    assert_eq!(shelf.run(["--dir", "back", "get", "large"]).output, vec![7; 600_000]);
    assert_eq!(shelf.ok(["--dir", "back", "keys", "--tag", "a"]), "greeting\n");
    assert_eq!(shelf.ok(["--dir", "back", "get", "jobs-500000000000000"]), "one");
    shelf.run(["--dir", "nowhere", "export", "diskcache", "new"]).assert_failed(3, "no cache");
    assert!(!shelf.path("new").exists());
}
