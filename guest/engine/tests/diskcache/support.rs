//! What the tests have in common.

use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use larder_engine::diskcache::Import;
use larder_engine::testing::TestPlatform;
use larder_engine::{Cache, Key, OpenOptions, Platform, Scan};
use tempfile::TempDir;

/// Has python-diskcache fill a directory.
pub(crate) fn make(kind: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let python = std::env::var_os("LARDER_PYTHON").unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diskcache/make.py");
    let mut command = Command::new(&python);
    command.arg(script).arg(kind).arg(directory.path());
    if std::env::var_os("PYTHONPATH").is_none() {
        // Where `cargo xtask setup` puts it.
        command.env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python"));
    }
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", python.display()));
    assert!(
        output.status.success(),
        "{} needs the package diskcache 5.6.3; `cargo xtask setup` installs it: {}",
        python.display(),
        String::from_utf8_lossy(&output.stderr)
    );
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

pub(crate) fn keys(cache: &mut Cache) -> Vec<Key> {
    cache.scan(&Scan::default()).unwrap().next(cache, 10_000).unwrap()
}
