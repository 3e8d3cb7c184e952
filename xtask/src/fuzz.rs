//! Fuzzing: libFuzzer runs the targets of the crate `larder-fuzz`, guided by which code an input reaches.
//!
//! It needs a C++ compiler, in which libFuzzer is written, and no other toolchain than the project's own.

pub(crate) mod instrument;
mod outcome;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::workspace::Workspace;
use crate::{command, report};
use outcome::Outcome;

/// Longest that an input may take, in seconds.
const LONGEST: u32 = 60;
/// Longest input, in bytes.
const LENGTH: u32 = 2048;

/// What to fuzz, and for how long.
#[derive(Args)]
pub(crate) struct Fuzz {
    /// One of them [default: each in turn]
    #[arg(value_enum)]
    target: Option<Target>,

    /// How long to look for failing inputs, for each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,

    /// Run the target with this input alone, to see why it fails
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
}

/// A target of the crate `larder-fuzz`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// Calls of all that the WIT package offers, with wild arguments
    Operations,
    /// Calls of the component, with arguments after their types
    Calls,
    /// Damage to databases, logs, value files and leases
    Database,
    /// Directories of python-diskcache with rows of any type
    Import,
    /// Dumps of any bytes
    Dump,
    /// Command lines with wild arguments
    Cli,
}

impl Target {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The name of its program.
    fn program(self) -> String {
        format!("fuzz-{}", self.name())
    }
}

/// Compiles the targets and runs them.
pub(crate) fn run(workspace: &Workspace, fuzz: &Fuzz) -> Result<()> {
    let targets = fuzz.target.map_or_else(|| Target::value_variants().to_vec(), |target| vec![target]);
    let mut build = cargo(workspace, &targets)?;
    command::run(build.arg("--no-run")).context("the fuzz targets can not be built; libFuzzer needs a C++ compiler")?;
    if let (Some(target), Some(input)) = (fuzz.target, &fuzz.input) {
        let input = std::path::absolute(input)?;
        return command::run(cargo(workspace, &[target])?.arg("--").arg(input).env("RUST_BACKTRACE", "1"));
    }
    let failed = targets.iter().map(|target| search(workspace, *target, fuzz.seconds)).collect::<Result<Vec<_>>>()?;
    let failed: Vec<String> = failed.into_iter().flatten().collect();
    if !failed.is_empty() {
        bail!("{} failed", failed.join(" and "));
    }
    Ok(())
}

/// cargo for some targets. As tests, they are compiled with the dependencies that the tests have.
fn cargo(workspace: &Workspace, targets: &[Target]) -> Result<Command> {
    let mut cargo = command::cargo();
    cargo.current_dir(workspace.root()).args(["test", "--workspace", "--features", "larder-fuzz/libfuzzer"]);
    for target in targets {
        cargo.arg("--test").arg(target.program());
    }
    instrument::ask(&mut cargo, &std::env::current_exe()?);
    Ok(cargo)
}

/// Looks for failing inputs, and says what it has done. The name of the target if it has found one.
fn search(workspace: &Workspace, target: Target, seconds: u32) -> Result<Option<String>> {
    let name = target.name();
    let directory = workspace.fuzz().join(&name);
    let (corpus, log) = (directory.join("corpus"), directory.join("log"));
    fs::create_dir_all(&corpus).with_context(|| format!("{} can not be made", corpus.display()))?;
    report::line("Fuzzing", &format!("{name} for {seconds} seconds"));
    let mut search = cargo(workspace, &[target])?;
    search.arg("--").arg(&corpus).arg(format!("-max_total_time={seconds}"));
    search.arg(format!("-timeout={LONGEST}")).arg(format!("-max_len={LENGTH}"));
    search.args(["-len_control=0", "-print_final_stats=1"]);
    search.arg(format!("-artifact_prefix={}/", directory.display())).env("LARDER_FUZZ_SEEDS", &corpus);
    let status = search.stderr(File::create(&log)?).status().context("the fuzz target can not be started")?;
    let told = fs::read(&log)?;
    let outcome = Outcome::of(&String::from_utf8_lossy(&told));
    report::line("Fuzzed", &format!("{name}: {outcome}"));
    if status.success() {
        return Ok(None);
    }
    explain(&name, &outcome, &log);
    Ok(Some(name))
}

/// Says what was found, where the input is, and how to see it again.
fn explain(name: &str, outcome: &Outcome, log: &Path) {
    report::line("Failed", &format!("{name}: {}", outcome.reason.as_deref().unwrap_or("see the log")));
    report::line("Log", &log.display().to_string());
    if let Some(input) = &outcome.input {
        report::line("Input", &format!("{input}; again with: cargo xtask fuzz {name} --input {input}"));
    }
}
