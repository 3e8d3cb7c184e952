//! Deques and indexes.

use serde_json::json;

use crate::support::Shelf;

#[test]
fn a_deque_is_reached_at_both_ends_and_at_any_place() {
    let shelf = Shelf::new();
    for value in ["a", "b", "c"] {
        shelf.ok(["deque", "push", "line", value]);
    }
    assert_eq!(shelf.json(["deque", "push", "line", "z", "--side", "front", "--json"]), json!({ "length": 4 }));
    assert_eq!(shelf.ok(["deque", "get", "line", "-1"]), "c");
    assert_eq!(shelf.run(["deque", "get", "line", "4"]).code, 1);
    shelf.ok(["deque", "set", "line", "0", "7", "--type", "integer"]);
    shelf.ok(["deque", "insert", "line", "1", "y"]);
    shelf.ok(["deque", "rotate", "line", "-1"]);
    assert_eq!(shelf.ok(["deque", "show", "line"]), "y\na\nb\nc\n7\n");
    shelf.ok(["deque", "reverse", "line"]);
    assert_eq!(shelf.ok(["deque", "show", "line", "--reverse", "--limit", "2", "--json"]), "\"y\"\n\"a\"\n");
    assert_eq!(shelf.ok(["deque", "copy", "line", "twin"]), "copied 5 values\n");
    shelf.ok(["deque", "delete", "line", "-1"]);
    assert_eq!(shelf.ok(["deque", "pull", "line"]), "7");
    assert_eq!(shelf.ok(["deque", "pull", "line", "--side", "back"]), "a");
    assert_eq!(
        (shelf.ok(["deque", "len", "line"]), shelf.ok(["deque", "list"])),
        ("2\n".into(), "line\ntwin\n".into())
    );
    assert_eq!(shelf.ok(["deque", "clear", "line"]), "removed 2 values\n");
    assert_eq!(shelf.run(["deque", "clear", "line"]).code, 1);
    assert_eq!(shelf.run(["deque", "pull", "line", "--wait", "20ms"]).code, 1);
    assert_eq!(shelf.run(["deque", "len", "line"]).code, 1);
}

#[test]
fn a_bound_is_shown_and_set_and_what_can_not_be_is_refused_by_name() {
    let shelf = Shelf::new();
    shelf.ok(["deque", "bound", "line", "2"]);
    for value in ["a", "b", "c"] {
        shelf.ok(["deque", "push", "line", value]);
    }
    assert_eq!(
        (shelf.ok(["deque", "bound", "line"]), shelf.ok(["deque", "show", "line"])),
        ("2\n".into(), "b\nc\n".into())
    );
    let full = shelf.run(["deque", "insert", "line", "1", "x", "--json"]);
    assert!(full.code == 3 && full.error.contains("\"full\""), "{}", full.error);
    let beyond = shelf.run(["deque", "delete", "line", "2", "--json"]);
    assert!(beyond.code == 3 && beyond.error.contains("\"out-of-range\""), "{}", beyond.error);
    assert_eq!(shelf.run(["deque", "bound", "line", "0"]).code, 2);
    assert_eq!(shelf.run(["deque", "bound", "line", "many"]).code, 2);
    assert_eq!(shelf.run(["deque", "push", "", "x"]).code, 2);
    shelf.ok(["deque", "bound", "line", "none"]);
    assert_eq!(shelf.ok(["deque", "bound", "line"]), "none\n");
}

#[test]
fn whoever_waits_for_a_value_gets_the_next_one() {
    let shelf = Shelf::new();
    shelf.ok(["deque", "push", "other", "x"]);
    let waiting =
        shelf.command(["deque", "pull", "line", "--wait", "30s"]).stdout(std::process::Stdio::piped()).spawn();
    shelf.ok(["deque", "push", "line", "here"]);
    assert_eq!(waiting.unwrap().wait_with_output().unwrap().stdout, b"here");
}

#[test]
fn an_index_keeps_the_order_of_its_keys() {
    let shelf = Shelf::new();
    for (key, value) in [("web", "80"), ("db", "5432"), ("api", "8080")] {
        shelf.ok(["index", "set", "ports", key, value, "--type", "integer"]);
    }
    assert_eq!(shelf.json(["index", "set", "ports", "web", "81", "--json"]), json!({ "replaced": true }));
    assert_eq!(shelf.ok(["index", "keys", "ports"]), "web\ndb\napi\n");
    assert_eq!(shelf.ok(["index", "keys", "ports", "--order", "key", "--from", "b", "--json"]), "\"db\"\n\"web\"\n");
    assert_eq!(
        shelf.ok(["index", "items", "ports", "--reverse", "--limit", "1"]),
        "{\"key\":\"api\",\"value\":8080}\n"
    );
    assert_eq!(shelf.ok(["index", "default", "ports", "db", "1"]), "5432");
    assert_eq!(shelf.ok(["index", "get", "ports", "web"]), "81");
    assert_eq!(shelf.ok(["index", "pop", "ports", "web"]), "81");
    assert_eq!(shelf.run(["index", "get", "ports", "web"]).code, 1);
    assert_eq!(shelf.run(["index", "delete", "ports", "web"]).code, 1);
    assert_eq!((shelf.ok(["index", "len", "ports"]), shelf.ok(["index", "list"])), ("2\n".into(), "ports\n".into()));
    assert_eq!(shelf.ok(["index", "clear", "ports"]), "removed 2 keys\n");
    assert_eq!(shelf.run(["index", "list"]).code, 1);
}

#[test]
fn a_dump_carries_deques_and_indexes() {
    let shelf = Shelf::new();
    shelf.ok(["set", "entry", "e"]);
    shelf.ok(["deque", "bound", "line", "3"]);
    for value in ["a", "b", "c"] {
        shelf.ok(["deque", "push", "line", value]);
    }
    shelf.ok(["deque", "rotate", "line", "1"]);
    shelf.ok(["index", "set", "ports", "web", "80", "--type", "integer"]);
    shelf.ok(["index", "set", "ports", "7", "x", "--key-type", "integer"]);
    assert!(shelf.ok(["dump", "cache.dump"]).starts_with("dumped 6 entries"));
    let into = |arguments: &[&str]| shelf.ok([&["--dir", "other"], arguments].concat());
    assert_eq!(into(&["load", "cache.dump"]), "loaded 6 entries\n");
    assert_eq!(into(&["deque", "show", "line"]), "c\na\nb\n");
    assert_eq!(into(&["deque", "bound", "line"]), "3\n");
    assert_eq!(into(&["index", "items", "ports"]), shelf.ok(["index", "items", "ports"]));
    assert_eq!(into(&["get", "entry"]), "e");
}
