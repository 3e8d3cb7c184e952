//! Another number of shards.

use larder::Cache;
use serde_json::json;

use crate::steps::{await_that, has_interrupt, interrupt, start};
use crate::support::{Ran, Shelf};

#[test]
fn everything_is_there_under_another_number_of_shards() {
    let shelf = Shelf::new();
    for number in 0..20 {
        shelf.ok(["set", &format!("key:{number}"), "value", "--tag", "t"]);
    }
    shelf.ok(["queue", "push", "jobs", "one"]);
    assert_eq!(shelf.ok(["reshard", "4"]), "changed the number of shards from 1 to 4\n");
    assert_eq!(shelf.json(["info", "--json"])["shards"], 4);
    assert_eq!(shelf.ok(["get", "key:7"]), "value");
    assert_eq!(shelf.ok(["count", "--tag", "t"]), "20\n");
    assert_eq!(shelf.ok(["queue", "pull", "jobs"]), "one");
    assert_eq!(shelf.ok(["check"]), "no problem found in 20 entries\n");

    let again = shelf.run(["reshard", "4"]);
    assert_eq!((again.code, again.text().as_str()), (1, "the number of shards is 4 already\n"));
    let changed = shelf.json(["--json", "reshard", "2"]);
    assert_eq!(changed, json!({ "before": 4, "shards": 2, "carried": 20 }));
    assert_eq!(shelf.ok(["--quiet", "reshard", "1"]), "");
}

#[test]
fn what_can_not_be_is_refused_by_name() {
    let shelf = Shelf::new();
    shelf.run(["reshard", "2"]).assert_failed(3, "there is no cache in");
    shelf.ok(["init", "--size-limit", "1MiB"]);
    for impossible in ["0", "31", "-1", "many", ""] {
        assert_eq!(shelf.run(["reshard", "--", impossible]).code, 2, "{impossible}");
    }
    shelf.run(["reshard", "8"]).assert_failed(2, "size limit");
    shelf.run_with_input(["set", "large"], &vec![7; 600_000]);
    shelf.run(["reshard", "2"]).assert_failed(3, "large");
    let error: serde_json::Value = serde_json::from_str(&shelf.run(["reshard", "2", "--json"]).error).unwrap();
    assert_eq!(error["error"], "too-large");

    let cache = Cache::open(shelf.cache()).unwrap();
    shelf.run(["--wait", "20ms", "reshard", "2"]).assert_failed(3, "others use");
    cache.close().unwrap();
    assert_eq!(shelf.json(["info", "--json"])["shards"], 1);
}

#[test]
fn ctrl_c_ends_it_with_nothing_changed() {
    for arguments in [vec!["reshard", "3"], vec!["reshard", "3", "--json"]] {
        let shelf = Shelf::new();
        let cache = Cache::open(shelf.cache()).unwrap();
        cache.set("key", "value").unwrap();
        // It has to wait for this user.
        let child = start(&shelf, &arguments);
        await_that("a handler for Ctrl-C", || has_interrupt(&child, "SigCgt"));
        interrupt(&child);
        cache.close().unwrap();
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 130, "{ran:?}");
        if arguments.len() == 2 {
            assert_eq!(ran.text(), "interrupted: nothing was changed\n");
        } else {
            let data: serde_json::Value = serde_json::from_slice(&ran.output).unwrap();
            assert_eq!(data, json!({ "before": 1, "shards": 1, "carried": 0, "interrupted": true }));
        }
        assert_eq!(shelf.json(["info", "--json"])["shards"], 1);
        assert_eq!(shelf.ok(["get", "key"]), "value");
        assert_eq!(std::fs::read_dir(shelf.cache()).unwrap().count(), 3);
    }
}
