//! Larder's main job on real files: threads and processes cache a source tree together, read it
//! back, evict some of it, and lose nothing when one of them is killed. Every claim is checked.
//!
//! `cargo xtask demo [DIR]` runs it. Further processes are this program again, with a command that
//! help does not show.

mod checks;
mod demo;
mod latencies;
mod native;
mod progress;
mod stages;
mod table;
mod tree;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use bytesize::ByteSize;
use clap::{Parser, Subcommand};

use crate::tree::Bounds;

/// Cache the files of a source tree from several threads and processes, and check the outcome
#[derive(Parser)]
#[command(name = "larder-demo", args_conflicts_with_subcommands = true)]
struct Arguments {
    /// The tree to cache [default: the crate sources that cargo has downloaded]
    directory: Option<PathBuf>,

    /// Where to make the cache, which is then kept; a directory that is empty or not there
    /// [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,

    /// Take files until they have so many bytes
    #[arg(long, value_name = "SIZE", default_value = "512MiB")]
    max_bytes: ByteSize,

    /// Take at most so many files
    #[arg(long, value_name = "COUNT", default_value_t = 50_000)]
    max_files: usize,

    #[command(subcommand)]
    internal: Option<Internal>,
}

/// What further processes are started for.
#[derive(Subcommand)]
#[command(hide = true)]
enum Internal {
    /// Stores the files named on standard input
    #[command(name = "__store", hide = true)]
    Store(worker::StoreArguments),
    /// Has the native `SQLite` check the databases of a cache
    #[command(name = "__inspect", hide = true)]
    Inspect {
        /// The directory of the cache
        cache: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            anstream::eprintln!("larder-demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all went well.
fn run(arguments: Arguments) -> Result<bool> {
    match arguments.internal {
        Some(Internal::Store(store)) => store.run().map(|()| true),
        Some(Internal::Inspect { cache }) => native::inspect(&cache).map(|()| true),
        None => {
            let bounds = Bounds { bytes: arguments.max_bytes.as_u64(), files: arguments.max_files };
            demo::run(arguments.directory, arguments.cache, bounds)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_definition_is_consistent() {
        Arguments::command().debug_assert();
    }
}
