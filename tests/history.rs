//! Histories of many clients: the cache has only legal ones, and an illegal one comes to light.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use larder_tests::history::event::{Content, ItemAction, LineAction, LockAction, Operation, Outcome};
use larder_tests::history::plan::Plan;
use larder_tests::history::subject::{Leaps, Session, Shared, Subject};
use larder_tests::soak::{KINDS, expose};

/// The seed of `LARDER_SEED`, or one for each kind of round.
fn seed(otherwise: u64) -> u64 {
    let seed = std::env::var("LARDER_SEED").map_or(otherwise, |seed| seed.parse().unwrap());
    println!("LARDER_SEED={seed}");
    seed
}

fn round(name: &str) {
    let (_, run) = KINDS.iter().find(|(kind, _)| *kind == name).unwrap();
    // One shard, and several.
    let first = seed(20_261_125);
    for seed in [first, first + 1] {
        let tally =
            run(Path::new(env!("CARGO_BIN_EXE_larder-worker")), seed).unwrap_or_else(|reason| panic!("{reason}"));
        println!("{name}, seed {seed}: {tally:?}");
        assert_eq!(tally.get("histories undecided"), Some(&0));
    }
}

#[test]
fn clients_in_three_processes_have_only_legal_histories() {
    round("histories");
}

#[test]
fn entries_that_make_room_for_each_other_have_only_legal_histories() {
    round("limits");
}

#[test]
fn processes_that_are_killed_leave_only_legal_histories() {
    round("kills");
}

#[test]
fn a_clock_that_leaps_by_hours_leaves_only_legal_histories() {
    round("clocks");
}

/// What is wrong with a subject.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Nothing,
    DropsWrites,
    ReadsStale,
    PullsTwice,
    LetsTwoIn,
}

/// A cache that does every twentieth thing of a kind wrong.
struct Faulty {
    inner: Shared,
    fault: Fault,
    turns: AtomicU64,
    last: Mutex<Vec<(u32, Outcome)>>,
}

struct FaultySession<'s> {
    inner: Box<dyn Session + 's>,
    faulty: &'s Faulty,
}

impl Subject for Faulty {
    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(FaultySession { inner: self.inner.session(), faulty: self })
    }
}

impl FaultySession<'_> {
    fn turn(&self) -> bool {
        self.faulty.turns.fetch_add(1, Ordering::Relaxed) % 20 == 19
    }

    /// What came of something like this before, now and then; remembers what comes of it this time.
    fn repeated(&mut self, number: u32, operation: Operation) -> Outcome {
        let mut last = self.faulty.last.lock().unwrap();
        let before = last.iter().find(|(other, _)| *other == number).map(|(_, outcome)| outcome.clone());
        if let Some(outcome) = before.filter(|_| self.turn()) {
            return outcome;
        }
        let outcome = self.inner.perform(operation);
        if let Outcome::Value(Some(Content::Body { .. })) = outcome {
            last.retain(|(other, _)| *other != number);
            last.push((number, outcome.clone()));
        }
        outcome
    }
}

impl Session for FaultySession<'_> {
    fn perform(&mut self, operation: Operation) -> Outcome {
        match (self.faulty.fault, operation) {
            (Fault::DropsWrites, Operation::Item(_, ItemAction::Delete)) if self.turn() => Outcome::Flag(true),
            (Fault::DropsWrites, Operation::Line(_, LineAction::Push { .. })) if self.turn() => Outcome::Done,
            (Fault::ReadsStale, Operation::Item(item, ItemAction::Get)) => self.repeated(item, operation),
            (Fault::PullsTwice, Operation::Line(line, LineAction::Pull { .. })) => self.repeated(line, operation),
            (Fault::LetsTwoIn, Operation::Lock(lock, LockAction::Acquire { mode, waits })) if lock == 0 => {
                // By another lock than the one that was meant.
                let other = if self.turn() { 30 } else { lock };
                match self.inner.perform(Operation::Lock(other, LockAction::Acquire { mode, waits })) {
                    Outcome::Fence(Some(fence)) if other != lock => Outcome::Fence(Some(fence)),
                    outcome => outcome,
                }
            }
            _ => self.inner.perform(operation),
        }
    }
}

#[test]
fn a_cache_with_a_fault_is_found_out_and_one_without_is_not() {
    for fault in [Fault::Nothing, Fault::DropsWrites, Fault::ReadsStale, Fault::PullsTwice, Fault::LetsTwoIn] {
        let directory = tempfile::tempdir().unwrap();
        let plan = Plan { operations: 600, ..Plan::everything(seed(7)) };
        let cache = plan.builder().open(directory.path()).unwrap();
        let inner = Shared::new(cache, &plan, Leaps::default());
        let faulty = Faulty { inner, fault, turns: AtomicU64::new(0), last: Mutex::default() };
        let found = expose(&faulty, &plan);
        println!("{fault:?}: {found:?}");
        assert_eq!(found.is_ok(), fault == Fault::Nothing, "{fault:?}: {found:?}");
    }
}
