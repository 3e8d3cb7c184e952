//! `lock`, `limit`, and `run` with output that may be stale.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Shelf, lines};

/// Waits until a file is there.
fn await_file(shelf: &Shelf, name: &str) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !shelf.path(name).exists() {
        assert!(Instant::now() < deadline, "{name} is never made");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_lock_is_held_while_the_command_runs_and_its_status_is_passed_on() {
    let shelf = Shelf::new();
    let hold = ["lock", "deploy", "--", "sh", "-c", "touch held; while [ -e held ]; do sleep 0.01; done; exit 5"];
    let mut holder = shelf.command(hold).stdout(Stdio::null()).spawn().unwrap();
    await_file(&shelf, "held");
    let refused = shelf.run(["lock", "deploy", "--wait", "0s", "--", "echo", "ran"]);
    assert_eq!((refused.code, refused.output.len()), (1, 0), "{refused:?}");
    assert!(refused.error.contains("others hold the lock"), "{refused:?}");
    let refused = shelf.run(["lock", "deploy", "--shared", "--wait", "20ms", "--", "echo", "ran"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    let shown = shelf.json(["lock", "deploy", "--show", "--json"]);
    assert_eq!(shown["holders"].as_array().unwrap().len(), 1);
    assert!(shelf.ok(["lock", "deploy", "--show"]).starts_with("held alone by "));
    fs::remove_file(shelf.path("held")).unwrap();
    assert_eq!(holder.wait().unwrap().code(), Some(5));
    let free = shelf.run(["lock", "deploy", "--show"]);
    assert_eq!((free.code, free.text().as_str()), (1, "free\n"));
}

#[test]
fn the_numbers_of_a_lock_grow_and_the_dead_are_followed_after_their_lease() {
    let shelf = Shelf::new();
    let fence = ["lock", "deploy", "--", "sh", "-c", "echo $LARDER_FENCE"];
    let numbers: Vec<u64> = (0..2).map(|_| shelf.ok(fence).trim().parse().unwrap()).collect();
    assert!(numbers[0] < numbers[1], "{numbers:?}");
    let hold = ["lock", "deploy", "--lease", "300ms", "--", "sh", "-c", "touch held; exec sleep 60"];
    let mut holder = shelf.command(hold).spawn().unwrap();
    await_file(&shelf, "held");
    holder.kill().unwrap();
    holder.wait().unwrap();
    let next: u64 = shelf.ok(fence).trim().parse().unwrap();
    assert!(next > numbers[1]);
}

#[test]
fn who_does_not_wait_finds_out_that_the_holder_is_dead() {
    let shelf = Shelf::new();
    let hold = ["lock", "deploy", "--lease", "200ms", "--", "sh", "-c", "touch held; exec sleep 60"];
    let mut holder = shelf.command(hold).spawn().unwrap();
    await_file(&shelf, "held");
    holder.kill().unwrap();
    holder.wait().unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while !shelf.run(["lock", "deploy", "--show"]).text().contains("perhaps dead") {
        assert!(Instant::now() < deadline);
    }
    // Each of these is a process that has never seen the holder before.
    assert_eq!(shelf.ok(["lock", "deploy", "--wait", "0s", "--", "echo", "ran"]), "ran\n");
}

#[cfg(target_os = "linux")]
#[test]
fn a_lock_is_given_back_when_the_command_is_ended_by_a_signal() {
    use rustix::process::{Pid, Signal, kill_process};
    let shelf = Shelf::new();
    for (signal, to_all) in [(Signal::TERM, false), (Signal::HUP, false), (Signal::INT, true)] {
        let hold = ["lock", "deploy", "--lease", "1h", "--", "sh", "-c", "echo $$ > held; exec sleep 60"];
        let mut holder = shelf.in_foreground(hold).spawn().unwrap();
        await_file(&shelf, "held");
        let command = loop {
            if let Ok(pid) = fs::read_to_string(shelf.path("held")).unwrap().trim().parse() {
                break Pid::from_raw(pid).unwrap();
            }
        };
        // A terminal sends Ctrl-C to both.
        kill_process(Pid::from_child(&holder), signal).unwrap();
        if to_all {
            kill_process(command, signal).unwrap();
        }
        assert_eq!(holder.wait().unwrap().code(), Some(128 + signal.as_raw()), "{signal:?}");
        assert_eq!(shelf.run(["lock", "deploy", "--show"]).text(), "free\n", "{signal:?}");
        fs::remove_file(shelf.path("held")).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_in_the_moment_in_which_the_command_starts_does_not_keep_the_lock() {
    let shelf = Shelf::new();
    // The first thing that the command does. Again and again, for whoever starts it may be the faster one.
    for signal in ["TERM", "HUP"].repeat(20) {
        let script = format!("kill -{signal} $PPID; exec sleep 60");
        let hold = ["lock", "deploy", "--lease", "1h", "--wait", "0s", "--", "sh", "-c", &script];
        let code = shelf.in_foreground(hold).status().unwrap().code();
        assert_eq!(code, Some(if signal == "TERM" { 143 } else { 129 }), "{signal}");
        assert_eq!(shelf.run(["lock", "deploy", "--show"]).text(), "free\n", "{signal}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_is_to_be_ignored_is_not_passed_on_to_the_command() {
    use crate::steps::keep_sending;
    let shelf = Shelf::new();
    // A command that would heed it, though its parent is to ignore it.
    let script =
        "trap 'touch heeded' HUP INT; touch held; while [ -e held ]; do sleep 0.01; done; [ ! -e heeded ] && exit 5";
    let hold = ["lock", "deploy", "--", "env", "--default-signal=HUP,INT", "sh", "-c", script];
    let mut holder = shelf.in_background(hold).spawn().unwrap();
    await_file(&shelf, "held");
    keep_sending(&holder, rustix::process::Signal::HUP);
    keep_sending(&holder, rustix::process::Signal::INT);
    fs::remove_file(shelf.path("held")).unwrap();
    assert_eq!(holder.wait().unwrap().code(), Some(5));
    assert_eq!(shelf.run(["lock", "deploy", "--show"]).text(), "free\n");
}

#[test]
fn a_shell_and_a_program_hold_the_same_lock() {
    let shelf = Shelf::new();
    let cache = larder::Cache::open(shelf.cache()).unwrap();
    let guard = cache.lock("deploy").acquire().unwrap();
    let refused = shelf.run(["lock", "deploy", "--wait", "0s", "--", "echo", "ran"]);
    assert_eq!((refused.code, refused.output.len()), (1, 0), "{refused:?}");
    drop(guard);
    shelf.ok(["lock", "deploy", "--", "true"]);
}

#[test]
fn commands_of_many_processes_are_run_one_by_one() {
    let shelf = Shelf::new();
    fs::write(shelf.path("count"), "0").unwrap();
    let add = ["lock", "count", "--", "sh", "-c", "n=$(cat count); sleep 0.01; echo $((n + 1)) > count"];
    let children: Vec<_> = (0..8).map(|_| shelf.command(add).spawn().unwrap()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(fs::read_to_string(shelf.path("count")).unwrap().trim(), "8");
}

#[test]
fn a_limit_lets_so_many_through() {
    let shelf = Shelf::new();
    for window in [&["--window"][..], &[]] {
        let limit = [&["limit", "api", "--rate", "2/h", "--wait", "0s"][..], window].concat();
        let command = [&limit[..], &["--", "sh", "-c", "echo ran; exit 3"]].concat();
        for _ in 0..2 {
            let ran = shelf.run(&command);
            assert_eq!((ran.code, ran.text().as_str()), (3, "ran\n"));
        }
        let refused = shelf.run(&command);
        assert_eq!((refused.code, refused.output.len()), (1, 0), "{refused:?}");
        let shown = shelf.json([&limit[..], &["--show", "--json"]].concat());
        assert_eq!(shown["remaining"], 0);
    }
    shelf.run(["limit", "api", "--rate", "3/h", "--", "echo"]).assert_failed(3, "in use with 2 in 3600s");
    shelf.run(["limit", "api", "--rate", "0/h", "--", "echo"]).assert_failed(2, "nothing");
    shelf.ok(["limit", "other", "--rate", "1/50ms", "--", "true"]);
    shelf.ok(["limit", "other", "--rate", "1/50ms", "--", "true"]);
}

#[test]
fn stale_output_is_printed_while_one_runs_the_command_anew() {
    let shelf = Shelf::new();
    let script =
        "echo run >> runs; [ -e slow ] && touch running && while [ -e slow ]; do sleep 0.01; done; wc -l < runs";
    let run = ["run", "--ttl", "20ms", "--stale", "1h", "--", "sh", "-c", script];
    assert_eq!(shelf.ok(run).trim(), "1");
    fs::write(shelf.path("slow"), "").unwrap();
    std::thread::sleep(Duration::from_millis(30));
    let one = shelf.command(run).stdout(Stdio::piped()).spawn().unwrap();
    await_file(&shelf, "running");
    assert_eq!(shelf.ok(run).trim(), "1", "the old output, at once");
    fs::remove_file(shelf.path("slow")).unwrap();
    assert_eq!(String::from_utf8(one.wait_with_output().unwrap().stdout).unwrap().trim(), "2");
    assert_eq!(lines(&shelf.path("runs")), 2);
}

#[test]
fn output_is_made_anew_early_if_asked() {
    let shelf = Shelf::new();
    let run = |eagerness: &str| {
        shelf.ok(["run", "--ttl", "1h", eagerness, "--", "sh", "-c", "echo run >> runs; sleep 0.02"]);
    };
    run("--refresh-early=1000000000");
    run("--refresh-early=1000000000");
    assert_eq!(lines(&shelf.path("runs")), 2, "20 ms × 10⁹ is beyond an hour");
    run("--refresh-early");
    assert_eq!(lines(&shelf.path("runs")), 2);
    shelf.run(["run", "--refresh-early=-1", "--", "true"]).assert_failed(2, "eagerness");
    shelf.run(["run", "--stale", "1h", "--sliding", "--", "true"]).assert_failed(2, "--sliding");
}
