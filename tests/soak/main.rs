//! `larder-soak`: rounds of tests under fire, with new seeds, until the time is over.

#![allow(clippy::unwrap_used, reason = "a program of the tests, which is to stop where something is wrong")]

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use larder_tests::soak::{KINDS, Tally};

/// Test Larder under fire
#[derive(Parser)]
struct Arguments {
    /// For how long; the round that is under way is brought to its end
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// The seed of the first round; those of further ones follow it [default: the time]
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs());
    let interrupted = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupted)).unwrap();
    let worker = std::env::current_exe().unwrap().with_file_name("larder-worker");
    let (began, time) = (Instant::now(), Duration::from_secs(arguments.minutes * 60));
    let bar = ProgressBar::new(time.as_secs());
    bar.set_style(ProgressStyle::with_template("{msg} {bar:40} {pos} of {len} s").unwrap());
    let mut sum = Tally::new();
    println!("seed {seed}");
    for (seed, (name, run)) in (seed..).zip(KINDS.iter().cycle()) {
        if began.elapsed() >= time || interrupted.load(Ordering::Relaxed) {
            break;
        }
        bar.set_message(format!("{name}, seed {seed}"));
        bar.set_position(began.elapsed().as_secs());
        match run(&worker, seed) {
            Ok(tally) => {
                for (name, count) in tally.into_iter().chain([("rounds", 1)]) {
                    *sum.entry(name).or_default() += count;
                }
            }
            Err(reason) => {
                bar.finish_and_clear();
                eprintln!("the round {name} of seed {seed} has failed: {reason}");
                return ExitCode::FAILURE;
            }
        }
    }
    bar.finish_and_clear();
    println!("{:>12}  seconds", began.elapsed().as_secs());
    for (name, count) in sum {
        println!("{count:>12}  {name}");
    }
    ExitCode::SUCCESS
}
