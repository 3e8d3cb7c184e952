//! `larder-soak`: rounds of tests under fire, with new seeds, until the time is over.

#![allow(clippy::unwrap_used, reason = "a program of the tests, which is to stop where something is wrong")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use clap::Parser;
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressStyle};
use larder_tests::soak::{KINDS, Kind, Tally};
use serde::Serialize;

/// Test Larder under fire
#[derive(Parser)]
struct Arguments {
    /// For how long; the round that is under way is brought to its end
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// The seed of the first round; those of further ones follow it [default: the time]
    #[arg(long)]
    seed: Option<u64>,
    /// Only rounds of this kind; can be given several times
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(KINDS.iter().map(|(name, _)| *name)))]
    only: Vec<String>,
    /// Print what was done as one JSON object
    #[arg(long)]
    json: bool,
}

/// What a soak has done.
#[derive(Serialize)]
struct Report {
    /// The seed of the first round.
    seed: u64,
    /// How long it took.
    seconds: u64,
    /// How many rounds of each kind went well.
    rounds: Tally,
    /// What they have done, by name.
    done: Tally,
    /// The round that did not go well, after which none came.
    failure: Option<Failure>,
}

/// A round that has failed.
#[derive(Serialize)]
struct Failure {
    round: &'static str,
    seed: u64,
    reason: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs());
    let is_wanted = |kind: &&Kind| arguments.only.is_empty() || arguments.only.iter().any(|name| name == kind.0);
    let kinds: Vec<&Kind> = KINDS.iter().filter(is_wanted).collect();
    eprintln!("seed {seed}");
    let report = soak(&kinds, seed, Duration::from_secs(arguments.minutes * 60));
    if let Some(Failure { round, seed, reason }) = &report.failure {
        eprintln!("the round {round} of seed {seed} has failed: {reason}");
    }
    if arguments.json {
        println!("{}", serde_json::to_string(&report).unwrap());
    } else {
        show(&report);
    }
    if report.failure.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Runs rounds in turn until the time is over, somebody interrupts, or one of them fails.
fn soak(kinds: &[&Kind], seed: u64, time: Duration) -> Report {
    let interrupted = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupted)).unwrap();
    let worker = std::env::current_exe().unwrap().with_file_name("larder-worker");
    let began = Instant::now();
    // On standard error.
    let bar = ProgressBar::new(time.as_secs());
    bar.set_style(ProgressStyle::with_template("{msg} {bar:40} {pos} of {len} s").unwrap());
    let mut report = Report { seed, seconds: 0, rounds: Tally::new(), done: Tally::new(), failure: None };
    for (seed, kind) in (seed..).zip(kinds.iter().cycle()) {
        if began.elapsed() >= time || interrupted.load(Ordering::Relaxed) {
            break;
        }
        bar.set_message(format!("{}, seed {seed}", kind.0));
        bar.set_position(began.elapsed().as_secs());
        report.failure = round(kind, seed, &worker, &mut report).err();
        if report.failure.is_some() {
            break;
        }
    }
    bar.finish_and_clear();
    report.seconds = began.elapsed().as_secs();
    report
}

fn round((name, run): &Kind, seed: u64, worker: &Path, report: &mut Report) -> Result<(), Failure> {
    let tally = run(worker, seed).map_err(|reason| Failure { round: name, seed, reason })?;
    *report.rounds.entry(name).or_default() += 1;
    for (what, count) in tally {
        *report.done.entry(what).or_default() += count;
    }
    Ok(())
}

fn show(report: &Report) {
    println!("{:>12}  seconds", report.seconds);
    for (what, count) in &report.done {
        println!("{count:>12}  {what}");
    }
    for (name, count) in &report.rounds {
        println!("{count:>12}  rounds of {name}");
    }
}
