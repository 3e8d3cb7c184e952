//! The real python-diskcache.

use std::path::Path;
use std::process::Command;

/// Runs a Python program, which must succeed and can import diskcache; returns what it prints.
pub fn run(program: &str, arguments: &[&Path]) -> String {
    let python = std::env::var_os("LARDER_PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(&python);
    command.args(["-B", "-c", program]).args(arguments);
    if std::env::var_os("PYTHONPATH").is_none() {
        // Where `cargo xtask setup` puts it.
        command.env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python"));
    }
    let output = command.output().unwrap_or_else(|error| panic!("{}: {error}", python.display()));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} needs the package diskcache 5.6.3: {error}", python.display());
    String::from_utf8(output.stdout).unwrap()
}
