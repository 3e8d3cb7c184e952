//! Command lines, right and wrong; help and completions.

use std::ffi::{OsStr, OsString};

use serde_json::Value;

use crate::support::Shelf;

#[test]
fn a_wrong_command_line_is_2_and_says_what_is_wrong() {
    let shelf = Shelf::new();
    for (arguments, saying) in [
        (&[][..], "Usage"),
        (&["frobnicate"], "frobnicate"),
        (&["get"], "KEY"),
        (&["get", "a", "b"], "'b'"),
        (&["set", "k", "v", "--ttl", "soon"], "soon"),
        (&["set", "k", "v", "--ttl", "-5s"], "'-5'"),
        (&["set", "k", "v", "--file", "f"], "--file"),
        (&["set", "k", "one", "--type", "integer"], "one"),
        (&["set", "k", "9223372036854775808", "--type", "integer"], "9223372036854775808"),
        (&["set", "k", "v", "--tag", ""], "tag"),
        (&["get", "x", "--key-type", "integer"], "\"x\""),
        (&["get", "xyz", "--key-type", "hex"], "\"xyz\""),
        (&["get", "NaN", "--key-type", "real"], "NaN"),
        (&["get", "k", "--wait", "long"], "long"),
        (&["keys", "--order", "size"], "size"),
        (&["keys", "--limit", "-1"], "-1"),
        (&["keys", "--tag", "a", "--prefix", "b"], "--prefix"),
        (&["init", "--size-limit", "lots"], "lots"),
        (&["init", "--size-limit", "0"], "none"),
        (&["init", "--shards", "31"], "31"),
        (&["init", "--policy", "fifo"], "fifo"),
        (&["run"], "COMMAND"),
        (&["run", "--env", "A=B", "--", "true"], "A=B"),
        (&["run", "--key", "k", "--env", "A", "--", "true"], "--env"),
        (&["completions", "tcsh"], "tcsh"),
    ] {
        shelf.run(arguments).assert_failed(2, saying);
    }
}

#[cfg(unix)]
#[test]
fn arguments_that_are_not_utf_8_are_refused_or_taken_as_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let (shelf, odd) = (Shelf::new(), OsStr::from_bytes(b"\xff\xfe"));
    let arguments = |list: &[&OsStr]| list.iter().map(OsString::from).collect::<Vec<_>>();
    let (get, set, k) = (OsStr::new("get"), OsStr::new("set"), OsStr::new("k"));
    shelf.run(arguments(&[get, odd])).assert_failed(2, "--key-type hex");
    shelf.run(arguments(&[set, k, odd])).assert_failed(2, "--type bytes");
    assert_eq!(shelf.run(arguments(&[set, k, odd, OsStr::new("--type"), OsStr::new("bytes")])).code, 0);
    assert_eq!(shelf.run(["get", "k"]).output, b"\xff\xfe");
    assert_eq!(
        shelf.run(arguments(&[OsStr::new("run"), OsStr::new("--"), OsStr::new("echo"), odd])).output,
        b"\xff\xfe\n"
    );
}

#[test]
fn a_wrong_command_line_is_json_when_asked_for() {
    let shelf = Shelf::new();
    let ran = shelf.run(["--json", "get"]);
    assert_eq!(ran.code, 2);
    let error: Value = serde_json::from_str(&ran.error).unwrap();
    assert_eq!(error["error"], "usage");
    assert!(error["message"].as_str().unwrap().contains("required"), "{error}");
}

#[test]
fn help_tells_the_exit_status_and_the_environment() {
    let help = Shelf::new().ok(["--help"]);
    for text in ["0  done", "1  absent", "2  the command line", "3  failure", "LARDER_DIR", "larder run --ttl"] {
        assert!(help.contains(text), "{text}");
    }
}

#[test]
fn completions_are_printed_for_every_shell() {
    let shelf = Shelf::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = shelf.ok(["completions", shell]);
        assert!(script.contains("larder") && script.contains("inline-threshold"), "{shell}");
    }
}
