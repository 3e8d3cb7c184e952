//! Python packages for the tests and the benchmark that work with the real python-diskcache.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use crate::{command, report};

/// Packages and their versions. A package has no dependencies beyond this list.
const PACKAGES: [(&str, &str); 1] = [("diskcache", "5.6.3")];

/// Installs what is missing below `target/python` and returns that directory, which is to be put
/// in `PYTHONPATH`. Neither a virtual environment nor the system's packages are touched.
pub(crate) fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    let directory = workspace.python_packages();
    let missing: Vec<String> = PACKAGES
        .iter()
        .filter(|(name, version)| !directory.join(format!("{name}-{version}.dist-info")).is_dir())
        .map(|(name, version)| format!("{name}=={version}"))
        .collect();
    if missing.is_empty() {
        return Ok(directory);
    }
    report::line("Installing", &format!("{} with pip", missing.join(", ")));
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore"])
        .args(["--no-deps", "--upgrade", "--target"])
        .arg(&directory)
        .args(&missing);
    command::run(&mut pip).context("python-diskcache, which tests and benchmark work with, needs python3 with pip")?;
    Ok(directory)
}
