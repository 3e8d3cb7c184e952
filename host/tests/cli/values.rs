//! `set`, `get` and `add`: values go in and come out byte for byte.

use serde_json::json;

use crate::support::{Shelf, all_bytes};

#[test]
fn an_argument_comes_back_as_it_was_given() {
    let shelf = Shelf::new();
    for text in ["hello", "", " two\nlines\n\n", "żółw 🐢", "-5"] {
        assert_eq!(shelf.ok(["set", "k", text]), "");
        assert_eq!(shelf.ok(["get", "k"]), text);
    }
    shelf.ok(["set", "k", "--", "--ttl"]);
    assert_eq!(shelf.ok(["get", "k"]), "--ttl");
}

#[test]
fn all_bytes_survive_through_standard_input_and_files() {
    let shelf = Shelf::new();
    for (key, arguments) in [("a", vec!["set", "a"]), ("b", vec!["set", "b", "-"])] {
        assert_eq!(shelf.run_with_input(arguments, &all_bytes()).code, 0);
        assert_eq!(shelf.run(["get", key]).output, all_bytes());
    }
    std::fs::write(shelf.path("value"), all_bytes()).unwrap();
    shelf.ok(["set", "c", "--file", "value"]);
    assert_eq!(shelf.run(["get", "c"]).output, all_bytes());
}

#[test]
fn a_value_of_megabytes_survives() {
    let shelf = Shelf::new();
    let value = all_bytes().repeat(8192);
    assert_eq!(shelf.run_with_input(["set", "large"], &value).code, 0);
    assert!(shelf.run(["get", "large"]).output == value);
}

#[test]
fn an_absent_key_is_1_and_prints_nothing() {
    let shelf = Shelf::new();
    shelf.ok(["set", "k", "v"]);
    for arguments in [&["get", "other"][..], &["get", "other", "--json"]] {
        let ran = shelf.run(arguments);
        assert_eq!((ran.code, ran.text().as_str(), ran.error.as_str()), (1, "", ""));
    }
}

#[test]
fn an_expired_value_is_absent() {
    let shelf = Shelf::new();
    shelf.ok(["set", "k", "v", "--ttl", "0s"]);
    assert_eq!(shelf.run(["get", "k"]).code, 1);
}

#[test]
fn numbers_are_stored_as_numbers() {
    let shelf = Shelf::new();
    shelf.ok(["set", "i", "-42", "--type", "integer"]);
    shelf.ok(["set", "r", "1", "--type", "real"]);
    assert_eq!(shelf.run_with_input(["set", "n", "--type", "integer"], b"7\n").code, 0);
    assert_eq!(
        (shelf.ok(["get", "i"]), shelf.ok(["get", "r"]), shelf.ok(["get", "n"])),
        ("-42".into(), "1.0".into(), "7".into())
    );
}

#[test]
fn json_tells_the_type_and_the_metadata() {
    let shelf = Shelf::new();
    shelf.ok(["set", "text", "a\"b", "--tag", "x", "--tag", "y", "--ttl", "1h", "--sliding"]);
    let text = shelf.json(["get", "text", "--json"]);
    assert_eq!((&text["key"], &text["value"], &text["type"]), (&json!("text"), &json!("a\"b"), &json!("text")));
    assert_eq!((&text["tags"], &text["sliding"]), (&json!(["x", "y"]), &json!(true)));
    let (stored, expires) = (text["stored_ms"].as_u64().unwrap(), text["expires_ms"].as_u64().unwrap());
    assert_eq!(expires - stored, 3_600_000);

    shelf.run_with_input(["set", "bytes"], b"\x00\xff");
    let bytes = shelf.json(["get", "bytes", "--json"]);
    assert_eq!((&bytes["value"], &bytes["type"]), (&json!({ "bytes": "AP8=" }), &json!("bytes")));
    assert_eq!((&bytes["expires_ms"], &bytes["tags"]), (&json!(null), &json!([])));

    shelf.ok(["set", "1", "2.0", "--key-type", "integer", "--type", "real"]);
    let real = shelf.json(["get", "1", "--key-type", "integer", "--json"]);
    assert_eq!((&real["key"], &real["value"], &real["type"]), (&json!(1), &json!(2.0), &json!("real")));
}

#[test]
fn versions_grow_and_are_printed_as_json() {
    let shelf = Shelf::new();
    let version = || shelf.json(["set", "k", "v", "--json"])["version"].as_u64().unwrap();
    assert!(version() < version());
}

#[test]
fn add_keeps_what_is_there() {
    let shelf = Shelf::new();
    assert_eq!(shelf.run(["add", "k", "first"]).code, 0);
    assert_eq!(shelf.run(["add", "k", "second"]).code, 1);
    assert_eq!(shelf.ok(["get", "k"]), "first");
    let refused = shelf.run(["add", "k", "third", "--json"]);
    assert_eq!((refused.code, refused.text().trim()), (1, r#"{"version":null}"#));
}

#[test]
fn keys_of_every_type_are_different_keys() {
    let shelf = Shelf::new();
    for (key_type, key) in [("text", "31"), ("integer", "31"), ("hex", "31"), ("real", "31.5")] {
        shelf.ok(["set", "--key-type", key_type, key, key_type]);
    }
    for (key_type, key) in [("text", "31"), ("integer", "31"), ("hex", "31"), ("real", "31.5")] {
        assert_eq!(shelf.ok(["get", "--key-type", key_type, key]), key_type);
    }
}

#[test]
fn a_part_of_a_value_is_printed_without_the_rest() {
    let shelf = Shelf::new();
    let value: Vec<u8> = (0..=u8::MAX).cycle().flat_map(|byte| [byte; 1000]).take(700_000).collect();
    assert_eq!(shelf.run_with_input(["set", "large"], &value).code, 0);
    let part = |offset: &str, length: &str| shelf.run(["get", "large", "--offset", offset, "--length", length]).output;
    assert!(part("300000", "250KiB") == value[300_000..556_000]);
    assert!(part("699990", "1MiB") == value[699_990..]);
    assert!(part("1G", "1").is_empty());
    assert!(shelf.run(["get", "large", "--offset", "0"]).output == value);
    shelf.run(["get", "large", "--offset", "1", "--json"]).assert_failed(2, "not as JSON");
    shelf.run(["get", "large", "--offset", "one"]).assert_failed(2, "4096");
    shelf.ok(["set", "n", "7", "--type", "integer"]);
    shelf.run(["get", "n", "--length", "1"]).assert_failed(3, "an integer");
}

#[test]
fn a_stream_that_is_no_text_is_refused_as_text_and_nothing_is_stored() {
    let shelf = Shelf::new();
    let input = [&b"x".repeat(100_000)[..], b"\xff"].concat();
    shelf.run_with_input(["set", "k", "--type", "text"], &input).assert_failed(2, "not UTF-8");
    assert_eq!(shelf.run(["get", "k"]).code, 1);
    assert_eq!(shelf.run_with_input(["set", "k", "--type", "text"], &input[..100_000]).code, 0);
    assert_eq!(shelf.run(["get", "k"]).output, &input[..100_000]);
}

#[test]
fn compression_is_a_setting_that_makes_values_smaller() {
    let shelf = Shelf::new();
    shelf.ok(["init", "--compression", "zstd"]);
    assert!(shelf.run(["info"]).text().contains("zstd"));
    let volume = || shelf.json(["info", "--json"])["volume"].as_u64().unwrap();
    let (empty, value) = (volume(), b"the same again ".repeat(50_000));
    assert_eq!(shelf.run_with_input(["set", "large"], &value).code, 0);
    assert!(shelf.run(["get", "large"]).output == value);
    let info = shelf.json(["info", "--json"]);
    assert_eq!(info["compression"], "zstd");
    assert!(volume() - empty < value.len() as u64 / 10, "{info}");
    shelf.ok(["config", "compression", "lz4"]);
    assert_eq!(shelf.json(["info", "--json"])["compression"], "lz4");
    shelf.run(["config", "compression", "gzip"]).assert_failed(2, "compression can not be");
}
