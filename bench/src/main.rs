//! Measures Larder beside python-diskcache and SQLite itself, in one run, in turns.
//!
//! Every subject runs in processes of its own that this program starts and directs (`contest`);
//! they do the same operations in the same order (`workload`). What happens only once for each
//! process, opening and memory, is measured apart (`start`, `memory`), as is what is done to a whole cache
//! (`maintenance`) and to queues, locks and deques (`singles`), as `tasks`.

mod contest;
mod maintenance;
mod memory;
mod process;
mod report;
mod samples;
mod singles;
mod start;
mod subjects;
mod tasks;
mod worker;
mod workload;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};

use crate::contest::Effort;
use crate::report::Report;
use crate::subjects::Subject;

/// Compare Larder's speed with python-diskcache and with SQLite itself
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Arguments {
    /// Measure for some seconds only; the extremes mean little then
    #[arg(long)]
    quick: bool,

    /// Also write all figures to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Measure this part only; may be repeated
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,

    #[command(subcommand)]
    role: Option<Role>,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Get, set and delete, in one process and in two
    Operations,
    /// From nothing to a value
    Starts,
    /// What an idle instance holds
    Memory,
    /// Enumerating keys, evicting a tag, clearing
    Maintenance,
    /// Pushing and pulling
    Queues,
    /// Taking locks and releasing them
    Locks,
    /// Reading the middle of a deque
    Deques,
}

/// What this program does when it has started itself.
#[derive(Subcommand)]
enum Role {
    /// Do operations as told on standard input
    #[command(hide = true)]
    Worker { subject: Subject, directory: PathBuf, seed: u64 },
    /// Do tasks as told on standard input
    #[command(hide = true)]
    Tasks { directory: PathBuf },
    /// Open a cache, read a value, and print how long that took
    #[command(hide = true)]
    Open { directory: PathBuf },
    /// Print what an idle instance holds in memory
    #[command(hide = true)]
    Memory { directory: PathBuf },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.role {
        Some(Role::Worker { subject, directory, seed }) => worker::run(*subject, directory, *seed),
        Some(Role::Tasks { directory }) => tasks::run(directory),
        Some(Role::Open { directory }) => start::open(directory),
        Some(Role::Memory { directory }) => memory::print_idle(directory),
        None => compare(&arguments),
    }
}

fn compare(arguments: &Arguments) -> Result<()> {
    // Below target/, which is on the disk; the system's directory for temporary files may not be.
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    fs::create_dir_all(&target).with_context(|| format!("{} can not be made", target.display()))?;
    let scratch = tempfile::tempdir_in(&target).context("no directory for data")?;
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };

    let report = measure(scratch.path(), effort, &arguments.only)?;
    println!("{report}");
    if let Some(path) = &arguments.json {
        let json = serde_json::to_string_pretty(&report.document())?;
        fs::write(path, json).with_context(|| format!("{} can not be written", path.display()))?;
    }
    Ok(())
}

fn measure(scratch: &Path, effort: Effort, only: &[Part]) -> Result<Report> {
    let wanted = |part: Part, what: &str| {
        let wanted = only.is_empty() || only.contains(&part);
        if wanted {
            eprintln!("Measuring {what}");
        }
        wanted
    };
    let mut report = Report::default();
    if wanted(Part::Operations, "operations, in one process and in two") {
        for processes in [1, 2] {
            report.contests.push(contest::run(scratch, processes, effort)?);
        }
    }
    if wanted(Part::Starts, "starts") {
        report.starts = Some(start::measure(scratch, effort)?);
    }
    if wanted(Part::Memory, "memory") {
        report.idle_bytes = Some(memory::measure(scratch)?);
    }
    if wanted(Part::Maintenance, "work on whole caches") {
        report.maintenance = Some(maintenance::measure(scratch, effort)?);
    }
    if wanted(Part::Queues, "queues") {
        report.queues = singles::measure(scratch, effort, singles::QUEUES)?;
    }
    if wanted(Part::Locks, "locks") {
        report.locks = singles::measure(scratch, effort, singles::LOCKS)?;
    }
    if wanted(Part::Deques, "deques") {
        report.deques = singles::measure(scratch, effort, singles::DEQUES)?;
    }
    Ok(report)
}
