//! What dependencies may be: `deny.toml`, checked by cargo-deny.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use crate::{command, report};

const VERSION: &str = "0.20.2";

/// Checks licences, bans and sources of all dependencies, and known vulnerabilities if the database of
/// advisories can be reached.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let program = ensure(workspace)?;
    let deny = |manifest: PathBuf, arguments: &[&str]| {
        let mut deny = Command::new(&program);
        deny.current_dir(workspace.root()).arg("--config").arg(workspace.deny()).arg("--manifest-path").arg(manifest);
        deny.args(["--log-level", "error"]).args(arguments);
        deny
    };
    let manifests = || [workspace.manifest(), workspace.bench_manifest()];
    for manifest in manifests() {
        command::run(&mut deny(manifest, &["check", "licenses", "bans", "sources"]))?;
    }
    // Fetched apart, so that a database that is out of reach is told from one that knows something.
    if command::output(&mut deny(workspace.manifest(), &["fetch", "db"])).is_none() {
        report::line("NOT CHECKED", "known vulnerabilities: the database of advisories can not be reached from here");
        return Ok(());
    }
    for manifest in manifests() {
        command::run(&mut deny(manifest, &["check", "--disable-fetch", "advisories"]))?;
    }
    Ok(())
}

/// Installs cargo-deny below `target/tools` if it is not there, and returns where it is.
fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    let tools = workspace.tools();
    let program = tools.join("bin/cargo-deny");
    let installed = command::output(Command::new(&program).arg("--version"));
    if installed.is_some_and(|version| version.trim().ends_with(VERSION)) {
        return Ok(program);
    }
    report::line("Installing", &format!("cargo-deny {VERSION}, which takes a minute or two"));
    let mut install = command::cargo();
    // Unoptimised: it is compiled more often than it has much to do.
    install.args(["install", "cargo-deny", "--version", VERSION, "--locked", "--debug", "--force", "--root"]);
    command::run(install.arg(&tools).arg("--target-dir").arg(tools.join("build")))
        .context("cargo-deny, which checks the dependencies, can not be installed")?;
    Ok(program)
}
