//! What an open cache that does nothing holds in memory.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use larder::Cache;

use crate::process::{COMPILED_DIRECTORY, this_program};

/// Over how many caches the figure is taken.
const INSTANCES: u64 = 16;

/// Bytes for each open cache beyond the first of a process.
pub(crate) fn measure(scratch: &Path) -> Result<u64> {
    let mut command = this_program()?;
    command.arg("memory").arg(scratch.join("memory")).env(COMPILED_DIRECTORY, scratch.join("compiled"));
    let output = command.stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    text.trim().parse().with_context(|| format!("measuring memory failed: {}", output.status))
}

/// Opens caches that each have been used a little, and prints how much the process has grown for
/// each. The first one is not counted: with it come the engine and the code, which all share.
pub(crate) fn print_idle(directory: &Path) -> Result<()> {
    let _first = open_and_use(&directory.join("first"))?;
    let before = resident_bytes()?;
    let mut caches = Vec::new();
    for number in 0..INSTANCES {
        caches.push(open_and_use(&directory.join(number.to_string()))?);
    }
    println!("{}", resident_bytes()?.saturating_sub(before) / INSTANCES);
    Ok(())
}

fn open_and_use(directory: &Path) -> Result<Cache> {
    let cache = Cache::open(directory)?;
    for number in 0..100 {
        cache.set(number, &[0; 500])?;
        cache.get(number)?;
    }
    Ok(cache)
}

/// What this process holds in memory.
fn resident_bytes() -> Result<u64> {
    let path = "/proc/self/smaps_rollup";
    let text = fs::read_to_string(path).with_context(|| format!("{path} can not be read"))?;
    parse_resident(&text).with_context(|| format!("{path} is not understood"))
}

fn parse_resident(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_format_is_understood() {
        let rollup = "55d0-7ffc ---p 00000000 00:00 0    [rollup]\nRss:                1740 kB\nPss:  1600 kB\n";
        assert_eq!(parse_resident(rollup), Some(1740 * 1024));
        assert_eq!(parse_resident("Pss: 1 kB\n"), None);
    }
}
