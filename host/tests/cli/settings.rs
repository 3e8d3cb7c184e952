//! `init`, `info`, `stats`, and where the cache is.

use std::fs;

use serde_json::json;

use crate::support::Shelf;

#[test]
fn init_makes_a_cache_with_its_settings() {
    let shelf = Shelf::new();
    let made = shelf.json([
        "init",
        "--size-limit",
        "64MiB",
        "--item-limit",
        "100",
        "--policy",
        "lfu",
        "--shards",
        "2",
        "--default-ttl",
        "7d",
        "--inline-threshold",
        "4096",
        "--durability",
        "full",
        "--json",
    ]);
    for (name, value) in [
        ("size_limit", json!(64 << 20)),
        ("item_limit", json!(100)),
        ("policy", json!("least-frequently-used")),
        ("shards", json!(2)),
        ("default_ttl_ms", json!(604_800_000)),
        ("inline_threshold", json!(4096)),
        ("durability", json!("full")),
        ("count", json!(0)),
    ] {
        assert_eq!(made[name], value, "{name}");
    }
    assert_eq!(shelf.json(["info", "--json"]), made);
}

#[test]
fn init_changes_only_what_is_named() {
    let shelf = Shelf::new();
    shelf.ok(["init", "--policy", "lru", "--item-limit", "5"]);
    shelf.ok(["set", "k", "v"]);
    let changed = shelf.json(["init", "--item-limit", "none", "--default-ttl", "1h", "--json"]);
    assert_eq!((&changed["policy"], &changed["item_limit"]), (&json!("least-recently-used"), &json!(null)));
    assert_eq!((&changed["default_ttl_ms"], &changed["count"]), (&json!(3_600_000), &json!(1)));
    shelf.run(["init", "--shards", "3"]).assert_failed(2, "shard");
}

#[test]
fn a_limit_evicts_and_without_a_policy_refuses() {
    let shelf = Shelf::new();
    shelf.ok(["init", "--item-limit", "2"]);
    for key in ["a", "b", "c"] {
        shelf.ok(["set", key, "v"]);
    }
    assert_eq!(shelf.ok(["keys"]), "b\nc\n");
    shelf.ok(["init", "--policy", "none"]);
    shelf.run(["set", "d", "v"]).assert_failed(3, "full");
    assert_eq!(shelf.ok(["keys"]), "b\nc\n");
}

#[test]
fn info_is_an_aligned_table() {
    let shelf = Shelf::new();
    shelf.ok(["init"]);
    let table = shelf.ok(["info"]);
    assert!(table.contains("\nsize limit        1.0 GiB\n"), "{table}");
    assert!(table.contains("\ndefault ttl       never\n"), "{table}");
}

#[test]
fn stats_tells_how_full_the_cache_is() {
    let shelf = Shelf::new();
    shelf.ok(["init", "--item-limit", "4", "--size-limit", "none"]);
    shelf.ok(["set", "k", "1234"]);
    let stats = shelf.json(["stats", "--json"]);
    // Key, value and 64 bytes.
    let volume = stats["volume"].as_u64().unwrap();
    assert!((1 << 12..1 << 20).contains(&volume), "what is on disk: {volume}");
    let rest = json!({ "count": 1, "volume": volume, "mean_size": 69, "size_limit": null, "item_limit": 4 });
    assert_eq!(stats, rest);
    let table = shelf.ok(["stats"]);
    assert!(table.contains("1 of 4 (25 %)") && table.contains("69 B\n"), "{table}");
}

#[test]
fn dir_goes_before_the_environment_which_goes_before_the_default() {
    let shelf = Shelf::new();
    shelf.ok(["set", "k", "environment"]);
    shelf.ok(["set", "k", "argument", "--dir", "elsewhere"]);
    assert_eq!(shelf.ok(["get", "k"]), "environment");
    assert_eq!(shelf.ok(["--dir", "elsewhere", "get", "k"]), "argument");

    let caches = shelf.path("caches");
    let compiled = larder::user_cache().unwrap().join("larder").join("compiled");
    let mut default = shelf.command(["set", "k", "default"]);
    default.env_remove("LARDER_DIR").env("XDG_CACHE_HOME", &caches).env("LARDER_COMPILED_DIR", compiled);
    assert!(default.status().unwrap().success());
    assert!(caches.join("larder").join("default").is_dir());
}

#[test]
fn an_empty_directory_name_is_refused() {
    let shelf = Shelf::new();
    let ran = shelf.command(["get", "k"]).env("LARDER_DIR", "").output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert_eq!(shelf.run(["--dir", "", "get", "k"]).code, 2);
}

#[test]
fn commands_that_read_make_nothing() {
    let shelf = Shelf::new();
    for arguments in [
        &["get", "k"][..],
        &["delete", "k"],
        &["touch", "k"],
        &["incr", "k", "--existing"],
        &["keys"],
        &["info"],
        &["stats"],
        &["evict", "--tag", "t"],
        &["expire"],
        &["clear", "--yes"],
        &["check"],
    ] {
        shelf.run(arguments).assert_failed(3, "larder init");
        assert!(!shelf.cache().exists(), "{arguments:?}");
    }
    fs::create_dir(shelf.cache()).unwrap();
    shelf.run(["get", "k"]).assert_failed(3, "no cache");
    assert_eq!(fs::read_dir(shelf.cache()).unwrap().count(), 0);
}
