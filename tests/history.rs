//! Histories of many clients: the cache has only legal ones, and an illegal one comes to light.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use larder_tests::history::event::Outcome;
use larder_tests::history::operation::{
    Content, IndexAction, ItemAction, LineAction, LockAction, Operation, TallyAction,
};
use larder_tests::history::plan::{Plan, Removals};
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
fn clearing_in_the_middle_of_it_leaves_only_legal_histories() {
    round("clears");
}

#[test]
fn instances_that_are_ended_in_the_middle_of_calls_leave_only_legal_histories() {
    round("traps");
}

#[test]
fn entries_that_make_room_for_each_other_have_only_legal_histories() {
    round("limits");
}

#[test]
fn queues_that_are_used_in_long_runs_have_only_legal_histories() {
    round("queues");
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
    Misplaces,
    Overgrants,
    RefusesForNothing,
    PassesAlone,
    Miscounts,
    HandsOutOld,
    EvictsForNothing,
}

/// All of them.
const FAULTS: [Fault; 11] = [
    Fault::DropsWrites,
    Fault::ReadsStale,
    Fault::PullsTwice,
    Fault::LetsTwoIn,
    Fault::Misplaces,
    Fault::Overgrants,
    Fault::RefusesForNothing,
    Fault::PassesAlone,
    Fault::Miscounts,
    Fault::HandsOutOld,
    Fault::EvictsForNothing,
];

/// A cache that does every tenth thing of a kind wrong.
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
        self.faulty.turns.fetch_add(1, Ordering::Relaxed) % 10 == 9
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

    /// What came of something is told once more, much later.
    fn outdated(&mut self, number: u32, operation: Operation) -> Outcome {
        let first = {
            let last = self.faulty.last.lock().unwrap();
            last.iter().find(|(other, _)| *other == number).map(|(_, outcome)| outcome.clone())
        };
        let outcome = self.inner.perform(operation);
        match (first, &outcome) {
            (None, Outcome::Memo { stamp, .. }) => {
                let told = Outcome::Memo { stamp: *stamp, computed: None };
                self.faulty.last.lock().unwrap().push((number, told));
                outcome
            }
            (Some(first), _) if self.turn() => first,
            _ => outcome,
        }
    }

    /// By another lock than the one that was meant.
    fn by_another_lock(&mut self, lock: u32, action: LockAction) -> Outcome {
        let other = if self.turn() { 30 } else { lock };
        self.inner.perform(Operation::Lock(other, action))
    }
}

impl Session for FaultySession<'_> {
    fn perform(&mut self, operation: Operation) -> Outcome {
        match (self.faulty.fault, operation) {
            (Fault::DropsWrites, Operation::Item(_, ItemAction::Delete)) if self.turn() => Outcome::Flag(true),
            (Fault::DropsWrites, Operation::Line(_, LineAction::Push { .. })) if self.turn() => Outcome::Done,
            (Fault::ReadsStale, Operation::Item(item, ItemAction::Get)) => self.repeated(item, operation),
            (Fault::PullsTwice, Operation::Line(line, LineAction::Pull { .. })) => self.repeated(line, operation),
            (Fault::LetsTwoIn, Operation::Lock(0, action @ LockAction::Acquire { .. })) => {
                self.by_another_lock(0, action)
            }
            (Fault::Misplaces, Operation::Index(index, IndexAction::MoveToEnd { key, .. })) => {
                // It says so, but leaves it where it is.
                let there = self.inner.perform(Operation::Index(index, IndexAction::Get { key }));
                Outcome::Flag(there != Outcome::Value(None))
            }
            (Fault::Overgrants, Operation::Take { .. }) => match self.inner.perform(operation) {
                Outcome::Flag(granted) => Outcome::Flag(granted || self.turn()),
                other => other,
            },
            (Fault::RefusesForNothing, Operation::Take { .. }) if self.turn() => Outcome::Flag(false),
            (Fault::PassesAlone, Operation::Meet { .. }) => match self.inner.perform(operation) {
                Outcome::Opening(None) if self.turn() => Outcome::Opening(Some(u64::MAX)),
                other => other,
            },
            (Fault::Miscounts, Operation::Tally(tally, TallyAction::Add { number })) if self.turn() => {
                match self.inner.perform(Operation::Tally(tally, TallyAction::Get)) {
                    Outcome::Sum(sum) => Outcome::Sum(sum + i64::from(number)),
                    _ => self.inner.perform(operation),
                }
            }
            (Fault::HandsOutOld, Operation::Refresh { memo, .. }) => self.outdated(memo, operation),
            (Fault::EvictsForNothing, Operation::Item(item, ItemAction::Get)) if self.turn() => {
                self.inner.perform(Operation::Item(item, ItemAction::Delete));
                self.inner.perform(operation)
            }
            _ => self.inner.perform(operation),
        }
    }
}

/// What comes of clients on a cache with a fault.
fn found(fault: Fault, seed: u64) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let everything = Plan { removals: Removals::None, ..Plan::everything(seed) };
    let few = Plan { groups: 0, lines: 0, indexes: 0, memos: false, ..everything.clone() };
    let plan = match fault {
        // Limits that no entry ever exceeds.
        Fault::EvictsForNothing => Plan::limited(4),
        // Limits that are reached.
        Fault::Overgrants | Fault::PassesAlone | Fault::Miscounts | Fault::HandsOutOld => Plan { items: 1, ..few },
        Fault::Misplaces => Plan { items: 1, indexes: 1, ..few },
        _ => everything,
    };
    let cache = plan.builder().open(directory.path()).unwrap();
    let inner = Shared::new(cache, &plan, Leaps::default());
    let faulty = Faulty { inner, fault, turns: AtomicU64::new(0), last: Mutex::default() };
    expose(&faulty, &plan).map(drop)
}

#[test]
fn a_cache_without_a_fault_is_not_accused() {
    found(Fault::Nothing, seed(7)).unwrap();
}

/// A cache of which is looked at, after each operation, whether a queue is biased.
struct Watched {
    inner: Shared,
    directory: PathBuf,
    biased: AtomicU64,
}

struct WatchedSession<'s> {
    inner: Box<dyn Session + 's>,
    watched: &'s Watched,
}

impl Subject for Watched {
    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(WatchedSession { inner: self.inner.session(), watched: self })
    }
}

impl Session for WatchedSession<'_> {
    fn perform(&mut self, operation: Operation) -> Outcome {
        let outcome = self.inner.perform(operation);
        let files = std::fs::read_dir(&self.watched.directory).unwrap().map(|entry| entry.unwrap().file_name());
        let journals = files.filter(|name| name.to_string_lossy().starts_with("journal-")).count();
        self.watched.biased.fetch_add(u64::from(journals > 0), Ordering::Relaxed);
        outcome
    }
}

#[test]
fn clients_that_use_queues_in_long_runs_write_journals() {
    let (directory, plan) = (tempfile::tempdir().unwrap(), Plan::queued(seed(7)));
    let cache = plan.builder().open(directory.path()).unwrap();
    let inner = Shared::new(cache, &plan, Leaps::default());
    let watched = Watched { inner, directory: directory.path().to_owned(), biased: AtomicU64::new(0) };
    expose(&watched, &plan).unwrap();
    let biased = watched.biased.into_inner();
    println!("a queue was biased after {biased} of {} operations", plan.operations);
    assert!(biased > 50);
}

#[test]
fn a_cache_with_a_fault_is_found_out() {
    for fault in FAULTS {
        // What some do only where they meet others, a single round need not have.
        let first = seed(7);
        let reason = (first..first + 10).find_map(|seed| found(fault, seed).err());
        let reason = reason.unwrap_or_else(|| panic!("{fault:?}"));
        println!("{fault:?}: {}", reason.lines().next().unwrap_or_default());
    }
}
