//! Work on the whole cache that is watched, waits and is interrupted.

use std::process::{Child, Stdio};
use std::time::Duration;

use larder::{Cache, Draft};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::{Ran, Shelf};

/// A shelf with so many entries.
fn filled(count: i64) -> (Shelf, Cache) {
    let shelf = Shelf::new();
    let cache = Cache::open(shelf.cache()).unwrap();
    cache.set_many((0..count).map(|number| Draft::new(format!("page:{number}"), "x"))).unwrap();
    (shelf, cache)
}

/// The program at work as from a terminal, with what it puts out to be read.
pub(crate) fn start(shelf: &Shelf, arguments: &[&str]) -> Child {
    shelf.in_foreground(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Whether Ctrl-C stands in this line of what the system tells of a process.
pub(crate) fn has_interrupt(child: &Child, line: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let mask = status.lines().find_map(|text| text.strip_prefix(line)).unwrap();
    u64::from_str_radix(mask.trim_start_matches(':').trim(), 16).unwrap() & 0b10 != 0
}

pub(crate) fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    // Nobody tells when another process has come so far: the system has to be asked again and again.
    for _ in 0..20_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("{what} did not come about");
}

/// Whether a process has a file open whose name ends like this.
fn has_open(child: &Child, ending: &str) -> bool {
    let Ok(open) = std::fs::read_dir(format!("/proc/{}/fd", child.id())) else { return false };
    let paths = open.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    paths.map(|path| path.to_string_lossy().into_owned()).any(|path| path.ends_with(ending))
}

/// Sends a signal again and again for a while: to a program that is to take no notice, of which therefore
/// nothing tells when it would.
pub(crate) fn keep_sending(child: &Child, signal: Signal) {
    let mut sent = 0;
    await_that("the last signal", || {
        kill_process(Pid::from_child(child), signal).unwrap();
        sent += 1;
        sent == 50
    });
}

/// Presses Ctrl-C, which has reached the program when this returns.
pub(crate) fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
    await_that("the signal", || !has_interrupt(child, "ShdPnd") && !has_interrupt(child, "SigPnd"));
}

#[test]
fn ctrl_c_ends_a_removal_between_two_steps_and_the_count_is_exact() {
    for (arguments, words) in [(vec!["evict", "--prefix", "page:"], true), (vec!["clear", "--json"], false)] {
        let (shelf, cache) = filled(1_500);
        let mut large = cache.begin().unwrap();
        for number in 0..600 {
            // With files of their own, so that clearing takes several steps.
            large.set(format!("page:{number}"), vec![7; 40_000]).unwrap();
        }
        large.commit().unwrap();
        // The program has to wait with its first step.
        let transaction = cache.begin().unwrap();
        let child = start(&shelf, &arguments);
        await_that("a handler for Ctrl-C", || has_interrupt(&child, "SigCgt"));
        interrupt(&child);
        transaction.rollback().unwrap();
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 130, "{ran:?}");
        let removed = if words {
            let text = ran.text();
            let number = text.strip_prefix("removed ").and_then(|rest| rest.strip_suffix(" entries\n"));
            number.unwrap_or_else(|| panic!("{ran:?}")).parse().unwrap()
        } else {
            let data: serde_json::Value = serde_json::from_slice(&ran.output).unwrap();
            assert_eq!(data["interrupted"], true);
            data["removed"].as_u64().unwrap()
        };
        assert!(removed > 0 && removed < 1_500, "one step: {ran:?}");
        assert!(ran.error.contains("interrupted"), "{ran:?}");
        assert_eq!(cache.count().unwrap(), 1_500 - removed);
        assert_eq!(cache.check().unwrap(), []);
        let rest = shelf.json(["clear", "--json"]);
        assert_eq!(rest, json!({ "removed": 1_500 - removed }));
    }
}

#[test]
fn ctrl_c_pressed_again_ends_the_program_at_once_and_nothing_half_done() {
    let (shelf, cache) = filled(100);
    let transaction = cache.begin().unwrap();
    let child = start(&shelf, &["clear"]);
    await_that("a handler for Ctrl-C", || has_interrupt(&child, "SigCgt"));
    interrupt(&child);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.text().as_str()), (130, ""));
    transaction.rollback().unwrap();
    assert_eq!(cache.count().unwrap(), 100);
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn work_in_the_background_of_a_script_is_not_ended_by_ctrl_c() {
    let (shelf, cache) = filled(100);
    let transaction = cache.begin().unwrap();
    // It has to wait with its first step, so there is time for Ctrl-C.
    let child = shelf.in_background(["clear"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    await_that("the program at the cache", || has_open(&child, "cache.db-shm"));
    keep_sending(&child, Signal::INT);
    transaction.rollback().unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.text().as_str()), (0, "removed 100 entries\n"), "{ran:?}");
}

#[test]
fn a_removal_that_waits_in_vain_for_its_first_step_has_removed_nothing() {
    let (shelf, cache) = filled(100);
    let transaction = cache.begin().unwrap();
    shelf.run(["--wait", "20ms", "clear"]).assert_failed(3, "timed out");
    transaction.rollback().unwrap();
    assert_eq!(shelf.ok(["clear"]), "removed 100 entries\n");
}

#[test]
fn an_error_after_some_steps_tells_what_was_done_before() {
    let shelf = Shelf::new();
    let cache = Cache::builder().shards(2).open(shelf.cache()).unwrap();
    cache.set_many((0..400).map(|number| Draft::new(number, vec![1; 1_000]))).unwrap();
    cache.close().unwrap();
    // Pages of the second shard that hold entries, though not its latest.
    let path = shelf.cache().join("data-00000001/shard-001/cache.db");
    let mut pages = std::fs::read(&path).unwrap();
    let third = pages.len() / 3 / 4096 * 4096;
    pages[third..2 * third].fill(0xff);
    std::fs::write(&path, pages).unwrap();

    let ran = shelf.run(["clear"]);
    ran.assert_failed(3, "entries, then: corrupt: ");
    assert!(ran.error.contains("larder: removed ") && ran.error.contains("shard-001"), "{ran:?}");
    let error: serde_json::Value = serde_json::from_str(&shelf.run(["clear", "--json"]).error).unwrap();
    assert_eq!(error["error"], "corrupt");
}
