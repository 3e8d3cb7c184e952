//! The subcommands: what each does, in order.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::component::World;
use crate::fuzz::{self, Fuzz};
use crate::toolchain::{Route, Toolchain};
use crate::workspace::Workspace;
use crate::{command, component, deny, python, report, sanitize};

/// The program of the demo.
const DEMO: &str = "larder-demo";

/// One run of xtask.
pub(crate) struct Session {
    workspace: Workspace,
    route: Route,
}

impl Session {
    /// Prepares to run steps with a toolchain of this kind.
    pub(crate) fn new(route: Route) -> Result<Self> {
        Ok(Self { workspace: Workspace::find()?, route })
    }

    /// Finds or installs the toolchain.
    pub(crate) fn setup(&self) -> Result<Toolchain> {
        let toolchain = Toolchain::ensure(self.route)?;
        // So that plain `cargo test` finds them afterwards.
        python::ensure(&self.workspace)?;
        Ok(toolchain)
    }

    /// Builds the components.
    pub(crate) fn build(&self) -> Result<Toolchain> {
        let toolchain = self.setup()?;
        component::build(&self.workspace, &toolchain)?;
        Ok(toolchain)
    }

    /// Runs the demo on a directory, or on the one it chooses.
    pub(crate) fn demo(&self, directory: Option<&Path>) -> Result<()> {
        self.build()?;
        // Apart from running it, so that the long first build is seen to go on.
        command::run(self.cargo("build").args(["--workspace", "--bin", DEMO]))?;
        let directory = directory.map(std::path::absolute).transpose()?;
        let mut demo = self.cargo("run");
        command::run(demo.args(["--quiet", "--bin", DEMO, "--"]).args(directory))
    }

    /// Runs every test, or those that `arguments` choose.
    pub(crate) fn test(&self, arguments: &[OsString]) -> Result<()> {
        self.build()?;
        self.run_tests(arguments)
    }

    /// Shows each rule of python-diskcache, and compares with it.
    pub(crate) fn conformance(&self, arguments: &[OsString]) -> Result<()> {
        self.build()?;
        let suite = ["--test", "conformance", "--"].map(OsString::from);
        self.run_tests(&[&suite, arguments].concat())
    }

    /// Runs the benchmark.
    pub(crate) fn bench(&self, arguments: &[OsString]) -> Result<()> {
        self.build()?;
        let packages = python::ensure(&self.workspace)?;
        let cargo = |subcommand| {
            let mut cargo = command::cargo();
            cargo.args([subcommand, "--release", "--manifest-path"]).arg(self.workspace.bench_manifest());
            cargo
        };
        // The command line is measured, too; it is looked for beside the benchmark.
        command::run(cargo("build").args(["--bins", "--package", "larder-bench", "--package", "larder"]))?;
        command::run(cargo("run").arg("--quiet").arg("--").args(arguments).env("PYTHONPATH", packages))
    }

    /// Checks what dependencies may be.
    pub(crate) fn deny(&self) -> Result<()> {
        deny::check(&self.workspace)
    }

    /// Tests for as long as wanted.
    pub(crate) fn soak(&self, arguments: &[OsString]) -> Result<()> {
        self.build()?;
        // As for the tests, so that nothing is compiled once more for other features.
        command::run(self.cargo("test").args(["--workspace", "--no-run", "--test", "history"]))?;
        command::run(Command::new(self.workspace.program("larder-soak")).args(arguments))
    }

    /// Looks for inputs that fail.
    pub(crate) fn fuzz(&self, arguments: &Fuzz) -> Result<()> {
        self.build()?;
        fuzz::run(&self.workspace, arguments)
    }

    /// Runs tests under a sanitizer.
    pub(crate) fn sanitize(&self) -> Result<()> {
        sanitize::run(&self.workspace)
    }

    /// Checks everything that has to hold before a change lands. The tests come last, so that the
    /// output ends with the test runner's own lines.
    pub(crate) fn ci(&self) -> Result<()> {
        timed("formatting", || self.check_format())?;
        timed("dependencies", || self.deny())?;
        let toolchain = timed("the component", || self.build())?;
        timed("lints", || {
            command::run(self.cargo("clippy").args(["--workspace", "--all-targets", "--", "-Dwarnings"]))
        })?;
        timed("lints of the component", || self.lint_component(&toolchain))?;
        timed("documentation", || {
            let mut doc = self.cargo("doc");
            command::run(doc.args(["--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-Dwarnings"))
        })?;
        report::line("Checking", "tests");
        self.run_tests(&[])
    }

    fn check_format(&self) -> Result<()> {
        command::run(self.cargo("fmt").args(["--all", "--check"]))?;
        let mut bench = self.cargo("fmt");
        bench.arg("--manifest-path").arg(self.workspace.bench_manifest()).arg("--check");
        command::run(&mut bench)
    }

    fn run_tests(&self, arguments: &[OsString]) -> Result<()> {
        let scope: &[&str] = if names_packages(arguments) { &[] } else { &["--workspace"] };
        // Some tests have the real python-diskcache read what was exported and write what is imported.
        let packages = python::ensure(&self.workspace)?;
        command::run(self.cargo("test").args(scope).args(arguments).env("PYTHONPATH", packages))
    }

    fn lint_component(&self, toolchain: &Toolchain) -> Result<()> {
        if !toolchain.has_clippy() {
            report::line("Skipped", "this toolchain has no clippy");
            return Ok(());
        }
        for world in World::ALL {
            let mut clippy = toolchain.cargo("clippy");
            clippy
                .current_dir(self.workspace.root())
                .args(["--package", component::PACKAGE, "--profile", component::PROFILE])
                .args(["--no-default-features", "--features", world.name()])
                .arg("--target-dir")
                .arg(component::target_directory(&self.workspace, toolchain, world))
                .args(["--", "-Dwarnings"]);
            command::run(&mut clippy)?;
        }
        Ok(())
    }

    /// The cargo in use, in the workspace.
    fn cargo(&self, subcommand: &str) -> Command {
        let mut cargo = command::cargo();
        cargo.current_dir(self.workspace.root()).arg(subcommand);
        cargo
    }
}

/// Does a step, saying before what it is and afterwards how long it took.
fn timed<T>(what: &str, step: impl FnOnce() -> Result<T>) -> Result<T> {
    report::line("Checking", what);
    let start = Instant::now();
    let outcome = step();
    report::line("Took", &format!("{:.1} s for {what}", start.elapsed().as_secs_f64()));
    outcome
}

/// Whether arguments of cargo choose packages, so that not all are meant.
fn names_packages(arguments: &[OsString]) -> bool {
    arguments
        .iter()
        .take_while(|argument| *argument != "--")
        .filter_map(|argument| argument.to_str())
        .any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_chosen_before_the_arguments_of_the_tests() {
        let named = |line: &str| names_packages(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        for line in ["-p larder", "-plarder", "--package larder", "--release --package=larder"] {
            assert!(named(line), "{line}");
        }
        for line in ["", "name_of_a_test", "--release", "-- -p"] {
            assert!(!named(line), "{line}");
        }
    }
}
