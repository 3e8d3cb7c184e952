//! Every example does what it says, run as a reader would run it.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
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

#[test]
fn every_example_runs_to_its_end() {
    let names = examples();
    assert!(names.contains("quickstart"), "{names:?}");
    for name in names {
        // A file that `host/Cargo.toml` does not name is unknown to cargo, and so a failure.
        let cargo = env::var_os("CARGO").unwrap();
        let run = Command::new(cargo)
            .args(["run", "--quiet", "--package", "larder", "--example", &name])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{name}: {}\n{errors}", run.status);
        assert!(!run.stdout.is_empty(), "{name} shows nothing");
    }
}
