//! Every example does what it says, run as a reader would run it.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

/// The names of the files in `examples/`, by which cargo knows them, too.
fn examples() -> BTreeSet<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    fs::read_dir(directory)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

/// Has cargo build an example, which fails for a file that `host/Cargo.toml` does not name, and
/// returns the program.
fn build(name: &str) -> PathBuf {
    // All packages, as `cargo xtask test` builds them: chosen alone, `larder` would have its
    // dependencies compiled once more with other features.
    let mut cargo = Command::new(env::var_os("CARGO").unwrap());
    cargo.args(["build", "--quiet", "--workspace", "--example", name]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success(), "{name} can not be built");
    // This test is in `deps` of the same directory.
    let directory = env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples");
    directory.join(name).with_extension(env::consts::EXE_EXTENSION)
}

#[test]
fn every_example_runs_to_its_end() {
    let names = examples();
    assert!(names.contains("quickstart"), "{names:?}");
    for name in names {
        let run = Command::new(build(&name)).output().unwrap();
        let errors = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{name}: {}\n{errors}", run.status);
        assert!(!run.stdout.is_empty(), "{name} shows nothing");
    }
}

#[test]
fn a_crawler_that_was_killed_is_followed_by_others_that_fetch_the_rest() {
    let program = build("web-crawler");
    let directory = tempfile::tempdir().unwrap();
    let crawler = || {
        let mut command = Command::new(&program);
        command.arg(directory.path().join("cache")).stdout(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut killed = crawler();
    std::thread::sleep(Duration::from_millis(150));
    killed.kill().unwrap();
    killed.wait().unwrap();
    let fetched: Vec<u32> = [crawler(), crawler()]
        .into_iter()
        .chain([crawler()])
        .map(|crawler| {
            let run = crawler.wait_with_output().unwrap();
            let said = String::from_utf8(run.stdout).unwrap();
            assert!(run.status.success() && said.contains("; 60 are there"), "{said}");
            said.split(' ').nth(1).unwrap().parse().unwrap()
        })
        .collect();
    assert!(fetched.iter().sum::<u32>() <= 60, "{fetched:?}");
    let mut after = crawler();
    let mut said = String::new();
    after.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(after.wait().unwrap().success() && said.starts_with("fetched 0 pages"), "{said}");
}
