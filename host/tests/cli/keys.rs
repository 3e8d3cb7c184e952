//! `keys`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::support::Shelf;

fn shelf() -> Shelf {
    let shelf = Shelf::new();
    shelf.ok(["set", "page:b", "v", "--tag", "new"]);
    shelf.ok(["set", "page:a", "v"]);
    shelf.ok(["set", "other", "v", "--tag", "new"]);
    shelf.ok(["set", "--key-type", "integer", "7", "v"]);
    shelf.ok(["set", "--key-type", "hex", "00ff", "v"]);
    shelf
}

#[test]
fn keys_are_listed_in_the_order_asked_for() {
    let shelf = shelf();
    assert_eq!(shelf.ok(["keys"]), "page:b\npage:a\nother\n7\n00ff\n");
    assert_eq!(shelf.ok(["keys", "--order", "key"]), "7\nother\npage:a\npage:b\n00ff\n");
    assert_eq!(shelf.ok(["keys", "--order", "key", "--reverse", "--limit", "2"]), "00ff\npage:b\n");
    assert_eq!(shelf.ok(["keys", "--limit", "0"]), "");
}

#[test]
fn keys_are_listed_by_tag_prefix_range_and_type() {
    let shelf = shelf();
    assert_eq!(shelf.ok(["keys", "--tag", "new"]), "page:b\nother\n");
    assert_eq!(shelf.ok(["keys", "--prefix", "page:", "--order", "key"]), "page:a\npage:b\n");
    assert_eq!(shelf.ok(["keys", "--from", "other", "--to", "page:b", "--order", "key"]), "other\npage:a\n");
    assert_eq!(shelf.ok(["keys", "--key-type", "hex"]), "00ff\n");
    assert_eq!(shelf.ok(["keys", "--key-type", "integer", "--from", "-1"]), "7\n");
}

#[test]
fn keys_can_end_in_nul_or_be_json() {
    let shelf = shelf();
    assert_eq!(shelf.ok(["keys", "-0", "--tag", "new"]), "page:b\0other\0");
    assert_eq!(shelf.ok(["keys", "--json", "--prefix", "page:b"]), "\"page:b\"\n");
    assert_eq!(shelf.ok(["keys", "--json", "--key-type", "hex"]), "{\"bytes\":\"AP8=\"}\n");
}

#[test]
fn expired_keys_are_listed_when_asked_for() {
    let shelf = Shelf::new();
    shelf.ok(["set", "gone", "v", "--ttl", "0s"]);
    assert_eq!(shelf.ok(["keys"]), "");
    assert_eq!(shelf.ok(["keys", "--expired"]), "gone\n");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let shelf = Shelf::new();
    let cache = larder::Cache::open(shelf.cache()).unwrap();
    // More than a pipe holds, so that writing must meet the closed end.
    for number in 0..3000 {
        cache.set(format!("{number:0>64}"), "v").unwrap();
    }
    let mut child = shelf.command(["keys"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let ran = child.wait_with_output().unwrap();
    assert_eq!((ran.status.code(), ran.stderr.as_slice()), (Some(0), &b""[..]));
    assert_eq!(first.trim_end().len(), 64);
}
