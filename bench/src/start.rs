//! How long it takes from nothing to a value: in process, where the first start compiles the
//! component and later ones load it, and for a whole run of the command line.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use larder::Cache;
use serde::Serialize;

use crate::contest::Effort;
use crate::process::{COMPILED_DIRECTORY, this_program};
use crate::samples::median;

const KEY: &str = "key";

/// Times in microseconds.
#[derive(Serialize)]
pub(crate) struct Starts {
    /// Opening a new directory, where the component has never been compiled, to the first value.
    pub(crate) first_us: u128,
    /// Opening an existing one in another process, to the first value: the median.
    pub(crate) later_us: u128,
    /// A whole `larder get`: shortest and median; none if the program is not there.
    pub(crate) command: Option<(u128, u128)>,
}

/// Measures all of it.
pub(crate) fn measure(scratch: &Path, effort: Effort) -> Result<Starts> {
    let directory = scratch.join("start");
    let compiled = scratch.join("start-compiled");
    let first_us = open_in_new_process(&directory, &compiled)?;
    let mut later = Vec::new();
    for _ in 0..effort.starts {
        later.push(open_in_new_process(&directory, &compiled)?);
    }
    let command = match command_line() {
        Some(program) => Some(measure_command(&program, &directory, &compiled, effort)?),
        None => None,
    };
    Ok(Starts { first_us, later_us: median(later)?, command })
}

/// Opens a cache, stores a value if it has none, reads it, and prints how many microseconds
/// passed. The work of a process of its own.
pub(crate) fn open(directory: &Path) -> Result<()> {
    let start = Instant::now();
    let cache = Cache::open(directory)?;
    if cache.get(KEY)?.is_none() {
        cache.set(KEY, "value")?;
    }
    println!("{}", start.elapsed().as_micros());
    Ok(())
}

fn open_in_new_process(directory: &Path, compiled: &Path) -> Result<u128> {
    let mut command = this_program()?;
    let output =
        command.arg("open").arg(directory).env(COMPILED_DIRECTORY, compiled).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    text.trim().parse().with_context(|| format!("opening failed: {}", output.status))
}

/// The program that `cargo xtask bench` builds beside this one.
fn command_line() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?.with_file_name("larder");
    program.is_file().then_some(program)
}

fn measure_command(program: &Path, directory: &Path, compiled: &Path, effort: Effort) -> Result<(u128, u128)> {
    run_command(program, directory, compiled)?;
    let mut times = Vec::new();
    for _ in 0..effort.starts.max(20) {
        times.push(run_command(program, directory, compiled)?.as_micros());
    }
    let shortest = times.iter().min().copied().context("nothing was measured")?;
    Ok((shortest, median(times)?))
}

fn run_command(program: &Path, directory: &Path, compiled: &Path) -> Result<Duration> {
    let mut command = Command::new(program);
    command.arg("--dir").arg(directory).args(["get", KEY]).env(COMPILED_DIRECTORY, compiled).stdout(Stdio::null());
    let start = Instant::now();
    let status = command.status().context("the command line can not be started")?;
    let time = start.elapsed();
    if !status.success() {
        bail!("`larder get` failed: {status}");
    }
    Ok(time)
}
