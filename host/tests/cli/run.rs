//! `run`: commands whose output is kept.

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Shelf, all_bytes, lines};

/// A script that leaves a line in the file `runs` and then goes on. To wait for the file `go`, it
/// also looks for `runs`, so that an orphan ends with its directory.
fn script(then: &str) -> Vec<String> {
    ["run", "--", "sh", "-c", &format!("echo run >> runs; {then}")].map(String::from).to_vec()
}

fn runs(shelf: &Shelf) -> usize {
    lines(&shelf.path("runs"))
}

#[test]
fn output_and_exit_status_are_replayed_byte_for_byte() {
    let shelf = Shelf::new();
    fs::write(shelf.path("bytes"), all_bytes()).unwrap();
    for _ in 0..2 {
        let ran = shelf.run(script("cat bytes; printf 'a\\0b' >&2; exit 7"));
        assert_eq!((ran.code, ran.output, ran.error.as_str()), (7, all_bytes(), "a\0b"));
    }
    assert_eq!(runs(&shelf), 1);
}

#[test]
fn arguments_directory_and_named_environment_tell_commands_apart() {
    let shelf = Shelf::new();
    fs::create_dir(shelf.path("elsewhere")).unwrap();
    let command = ["run", "--env", "MOOD", "--", "sh", "-c", "echo $MOOD; pwd"];
    let plain = shelf.ok(command);
    let mut good = shelf.command(command);
    assert_ne!(good.env("MOOD", "good").output().unwrap().stdout, plain.as_bytes());
    let mut elsewhere = shelf.command(command);
    assert_ne!(elsewhere.current_dir(shelf.path("elsewhere")).output().unwrap().stdout, plain.as_bytes());
    let mut unnamed = shelf.command(command);
    assert_eq!(unnamed.env("OTHER", "x").output().unwrap().stdout, plain.as_bytes());
    assert_eq!(shelf.ok(["keys", "--prefix", "run:"]).lines().count(), 3);
}

#[test]
fn a_key_of_ones_own_replaces_the_command() {
    let shelf = Shelf::new();
    assert_eq!(shelf.ok(["run", "--key", "mine", "--tag", "t", "--", "echo", "one"]), "one\n");
    assert_eq!(shelf.ok(["run", "--key", "mine", "--", "echo", "two"]), "one\n");
    assert_eq!(shelf.ok(["keys", "--tag", "t"]), "run:mine\n");
    assert_eq!(shelf.ok(["run", "--key", "mine", "--force", "--", "echo", "three"]), "three\n");
    assert_eq!(shelf.ok(["run", "--key", "mine", "--", "echo", "four"]), "three\n");
}

#[test]
fn something_else_under_the_key_is_replaced() {
    let shelf = Shelf::new();
    shelf.ok(["set", "run:mine", "larder-run"]);
    for _ in 0..2 {
        assert_eq!(shelf.ok(["run", "--key", "mine", "--", "echo", "new"]), "new\n");
    }
}

#[test]
fn expired_output_is_made_anew() {
    let shelf = Shelf::new();
    for _ in 0..2 {
        assert_eq!(shelf.ok(["run", "--ttl", "0s", "--", "sh", "-c", "echo run >> runs; echo out"]), "out\n");
    }
    assert_eq!(runs(&shelf), 2);
}

#[test]
fn failures_are_not_kept_when_only_success_is() {
    let shelf = Shelf::new();
    for _ in 0..2 {
        let ran = shelf.run(["run", "--only-success", "--", "sh", "-c", "echo run >> runs; exit 3"]);
        assert_eq!(ran.code, 3);
    }
    assert_eq!(runs(&shelf), 2);
}

#[test]
fn a_command_that_can_not_be_started_ends_as_in_a_shell() {
    let shelf = Shelf::new();
    shelf.run(["run", "--", "no-such-command"]).assert_failed(127, "no-such-command");
    fs::write(shelf.path("data"), "data").unwrap();
    shelf.run(["run", "--", "./data"]).assert_failed(126, "./data");
    let killed = shelf.run(script("echo before; kill -TERM $$"));
    assert_eq!((killed.code, killed.output.as_slice()), (128 + 15, &b"before\n"[..]));
    assert_eq!(shelf.ok(["keys"]), "", "what was killed is not kept");
}

#[test]
fn standard_input_reaches_the_command() {
    let shelf = Shelf::new();
    assert_eq!(shelf.run_with_input(["run", "--", "cat"], &all_bytes()).output, all_bytes());
}

#[test]
fn without_a_usable_cache_the_command_is_run_all_the_same() {
    let shelf = Shelf::new();
    fs::write(shelf.cache(), "a file").unwrap();
    for _ in 0..2 {
        let ran = shelf.run(script("echo out; exit 5"));
        assert_eq!((ran.code, ran.text().as_str()), (5, "out\n"));
        assert!(ran.error.contains("running without the cache"), "{}", ran.error);
    }
    assert_eq!(runs(&shelf), 2);
}

#[test]
fn output_that_finds_no_room_is_delivered_all_the_same() {
    let shelf = Shelf::new();
    shelf.ok(["init", "--size-limit", "256KiB"]);
    let ran = shelf.run(["run", "--", "head", "-c", "300000", "/dev/zero"]);
    assert_eq!((ran.code, ran.output), (0, vec![0; 300_000]));
    assert!(ran.error.contains("not kept"), "{}", ran.error);
}

#[test]
fn a_reader_that_has_seen_enough_stops_the_command() {
    let shelf = Shelf::new();
    let mut child = shelf.command(["run", "--", "yes"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ran = child.wait_with_output().unwrap();
    assert_eq!((ran.status.code(), ran.stderr.as_slice()), (Some(128 + 13), &b""[..]));
    assert_eq!(shelf.ok(["keys"]), "");
}

#[test]
fn many_callers_at_the_same_time_run_it_once() {
    let shelf = Shelf::new();
    // The command ends when all have been started, and some are most likely waiting.
    let command = script("while [ -e runs ] && [ ! -e go ]; do sleep 0.01; done; echo out; exit 4");
    let children: Vec<_> = (0..8).map(|_| spawn(&shelf, &command)).collect();
    fs::write(shelf.path("go"), "").unwrap();
    for child in children {
        let ran = child.wait_with_output().unwrap();
        assert_eq!((ran.status.code(), ran.stdout.as_slice()), (Some(4), &b"out\n"[..]));
    }
    assert_eq!(runs(&shelf), 1);
}

#[test]
fn when_the_holder_is_killed_another_runs_it() {
    let shelf = Shelf::new();
    let command = script("while [ -e runs ] && [ ! -e go ]; do sleep 0.01; done; echo out");
    let mut holder = spawn(&shelf, &command);
    await_runs(&shelf, 1);
    let waiter = spawn(&shelf, &command);
    holder.kill().unwrap();
    holder.wait().unwrap();
    // What the holder had started is an orphan, whose output nobody gets.
    await_runs(&shelf, 2);
    fs::write(shelf.path("go"), "").unwrap();
    let ran = waiter.wait_with_output().unwrap();
    assert_eq!((ran.status.code(), ran.stdout.as_slice()), (Some(0), &b"out\n"[..]));
    assert_eq!(shelf.ok(&command), "out\n");
    assert_eq!(runs(&shelf), 2);
}

#[test]
fn who_will_not_wait_runs_it_without_the_cache() {
    let shelf = Shelf::new();
    let command = script("while [ -e runs ] && [ ! -e go ]; do sleep 0.01; done; echo out");
    let holder = spawn(&shelf, &command);
    await_runs(&shelf, 1);
    let mut impatient = vec!["--wait".to_owned(), "20ms".to_owned()];
    impatient.extend(command);
    let impatient = spawn(&shelf, &impatient);
    await_runs(&shelf, 2);
    fs::write(shelf.path("go"), "").unwrap();
    let ran = impatient.wait_with_output().unwrap();
    assert_eq!(ran.stdout, b"out\n");
    assert!(String::from_utf8_lossy(&ran.stderr).contains("still run the same command"));
    assert_eq!(holder.wait_with_output().unwrap().stdout, b"out\n");
}

#[test]
fn output_comes_while_the_command_runs() {
    use std::io::Read;
    let shelf = Shelf::new();
    let mut child =
        spawn(&shelf, &script("printf early; while [ -e runs ] && [ ! -e go ]; do sleep 0.01; done; printf late"));
    let mut early = [0; 5];
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut early).unwrap();
    assert_eq!(&early, b"early");
    fs::write(shelf.path("go"), "").unwrap();
    let mut late = String::new();
    output.read_to_string(&mut late).unwrap();
    assert_eq!(late, "late");
    assert!(child.wait().unwrap().success());
}

fn spawn(shelf: &Shelf, arguments: &[String]) -> Child {
    shelf.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until the script has been started so many times: a file is all it can say.
fn await_runs(shelf: &Shelf, count: usize) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while runs(shelf) < count {
        assert!(Instant::now() < deadline, "only {} of {count} runs were started", runs(shelf));
        std::thread::sleep(Duration::from_millis(5));
    }
}
