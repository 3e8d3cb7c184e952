//! `delete`, `touch` and `incr`.

use std::process::Stdio;

use crate::support::Shelf;

#[test]
fn delete_removes_every_key_it_is_given() {
    let shelf = Shelf::new();
    for key in ["a", "b", "c"] {
        shelf.ok(["set", key, "v"]);
    }
    assert_eq!(shelf.ok(["delete", "a", "b", "absent"]), "");
    assert_eq!(shelf.ok(["keys"]), "c\n");
    assert_eq!(shelf.run(["delete", "a"]).code, 1);
    assert_eq!(shelf.json(["delete", "c", "d", "--json"])["removed"], 1);
}

#[test]
fn touch_gives_a_new_time_to_live() {
    let shelf = Shelf::new();
    shelf.ok(["set", "k", "v", "--ttl", "1h"]);
    shelf.ok(["touch", "k", "--ttl", "never"]);
    assert!(shelf.json(["get", "k", "--json"])["expires_ms"].is_null());
    assert_eq!(shelf.json(["touch", "k", "--ttl", "0s", "--json"])["touched"], true);
    assert_eq!(shelf.run(["get", "k"]).code, 1);
    assert_eq!(shelf.run(["touch", "k", "--ttl", "1h"]).code, 1);
}

#[test]
fn incr_adds_and_prints_the_sum() {
    let shelf = Shelf::new();
    assert_eq!(shelf.ok(["incr", "n"]), "1\n");
    assert_eq!(shelf.ok(["incr", "n", "10"]), "11\n");
    assert_eq!(shelf.ok(["incr", "n", "-5"]), "6\n");
    assert_eq!(shelf.ok(["incr", "n", "0.5"]), "6.5\n");
    assert_eq!(shelf.ok(["incr", "m", "--initial", "40", "2"]), "42\n");
    assert_eq!(shelf.json(["incr", "m", "--json"])["value"], 43);
}

#[test]
fn incr_of_an_absent_number_can_be_nothing() {
    let shelf = Shelf::new();
    shelf.ok(["set", "k", "v"]);
    assert_eq!(shelf.run(["incr", "n", "--existing"]).code, 1);
    assert_eq!(shelf.run(["get", "n"]).code, 1);
}

#[test]
fn incr_of_something_else_or_too_far_is_refused() {
    let shelf = Shelf::new();
    shelf.ok(["set", "text", "1"]);
    shelf.run(["incr", "text"]).assert_failed(3, "wrong type");
    shelf.ok(["set", "most", "9223372036854775807", "--type", "integer"]);
    shelf.run(["incr", "most"]).assert_failed(3, "overflow");
    assert_eq!(shelf.ok(["get", "most"]), "9223372036854775807");
    shelf.run(["incr", "n", "9223372036854775808"]).assert_failed(2, "9223372036854775808");
}

#[test]
fn processes_that_add_at_the_same_time_lose_nothing() {
    let shelf = Shelf::new();
    let mut children: Vec<_> =
        (0..16).map(|_| shelf.command(["incr", "n"]).stdout(Stdio::null()).spawn().unwrap()).collect();
    assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
    assert_eq!(shelf.ok(["get", "n"]), "16");
}
