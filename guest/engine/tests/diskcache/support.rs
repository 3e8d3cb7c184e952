//! What the tests have in common.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;

use larder_engine::diskcache::{Export, ExportCounts, Import, Report};
use larder_engine::testing::TestPlatform;
use larder_engine::{Cache, Key, OpenOptions, Platform, Scan};
use tempfile::TempDir;

/// Runs one of the scripts beside this file, which must succeed, and returns what it prints.
pub(crate) fn python(script: &str, arguments: &[&str], input: &str) -> String {
    let python = std::env::var_os("LARDER_PYTHON").unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diskcache").join(script);
    let mut command = Command::new(&python);
    command.arg("-B").arg(&script).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if std::env::var_os("PYTHONPATH").is_none() {
        // Where `cargo xtask setup` puts it.
        command.env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python"));
    }
    let child = command.spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{}: {error}", python.display()));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{} {} needs the package diskcache 5.6.3; `cargo xtask setup` installs it: {}",
        python.display(),
        script.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Has python-diskcache fill a directory.
pub(crate) fn make(kind: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    python("make.py", &[kind, directory.path().to_str().unwrap()], "");
    directory
}

/// A platform with the clock of this machine, which the sources were made by.
pub(crate) fn platform() -> Rc<dyn Platform> {
    let platform = TestPlatform::new();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    platform.set_wall_clock(i64::try_from(now).unwrap() - platform.wall_ms());
    platform
}

pub(crate) fn empty(directory: &TempDir) -> Cache {
    Cache::open(directory.path(), &OpenOptions::default(), platform()).unwrap()
}

/// Imports all of `source`, a few entries at a time.
pub(crate) fn import(source: &Path, cache: &mut Cache) -> Import {
    let mut import = Import::open(source, platform()).unwrap();
    while !import.step(cache, 2).unwrap().finished {}
    import
}

/// Exports all of a cache, a few entries at a time.
pub(crate) fn export(cache: &mut Cache, target: &Path) -> Report<ExportCounts> {
    let mut export = Export::open(cache, target, platform()).unwrap();
    while !export.step(cache, 3).unwrap().finished {}
    export.report().clone()
}

pub(crate) fn keys(cache: &mut Cache) -> Vec<Key> {
    cache.scan(&Scan::default()).unwrap().next(cache, 10_000).unwrap()
}
