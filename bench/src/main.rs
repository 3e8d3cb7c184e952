//! Measures Larder beside python-diskcache and SQLite itself, in one run, in turns.
//!
//! Every subject runs in processes of its own that this program starts and directs (`contest`);
//! they do the same operations in the same order (`workload`). What happens only once for each
//! process, opening and memory, is measured apart (`start`, `memory`).

mod contest;
mod memory;
mod process;
mod report;
mod samples;
mod start;
mod subjects;
mod worker;
mod workload;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

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

    #[command(subcommand)]
    role: Option<Role>,
}

/// What this program does when it has started itself.
#[derive(Subcommand)]
enum Role {
    /// Do operations as told on standard input
    #[command(hide = true)]
    Worker { subject: Subject, directory: PathBuf, seed: u64 },
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

    let mut contests = Vec::new();
    for processes in [1, 2] {
        eprintln!("Measuring operations, {processes} process{}", if processes == 1 { "" } else { "es" });
        contests.push(contest::run(scratch.path(), processes, effort)?);
    }
    eprintln!("Measuring starts");
    let starts = start::measure(scratch.path(), effort)?;
    eprintln!("Measuring memory");
    let idle = memory::measure(scratch.path())?;

    let report = Report { contests, starts, idle_bytes: idle };
    println!("{report}");
    if let Some(path) = &arguments.json {
        let json = serde_json::to_string_pretty(&report)?;
        fs::write(path, json).with_context(|| format!("{} can not be written", path.display()))?;
    }
    Ok(())
}
