//! The command line as a whole; the arguments of each command are beside it.

use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Parser};

use crate::cli::commands::Command;
use crate::cli::failure::Failure;
use crate::cli::units;

const EXIT_STATUS: &str = "\
Exit status:
  0  done
  1  absent, or nothing to do
  2  the command line is wrong
  3  failure
After Ctrl-C it is 130; what was done until then is said.
`larder run`, `larder lock` and `larder limit` exit with the status of their command.

Environment:
  LARDER_DIR  the directory of the cache, unless --dir is given

Examples:
  larder set greeting hello --ttl 10m
  larder get greeting
  larder run --ttl 1h -- curl -s https://example.com/";

/// A cache on disk, shared by all who open its directory
#[derive(Parser)]
#[command(name = "larder", version, after_help = EXIT_STATUS)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command accepts.
#[derive(Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Directory of the cache [default: larder/default in the user's cache directory]
    #[arg(long, short, global = true, env = "LARDER_DIR", hide_env = true, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,

    /// Print JSON: data on standard output, errors on standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// How long to wait for other users of the cache, such as 500ms or 10s [default: 1m;
    /// `run`, `lock` and `limit` wait for their turn as long as it takes, `deque pull` for no value]
    #[arg(long, global = true, value_parser = units::duration, value_name = "DURATION")]
    pub(crate) wait: Option<Duration>,

    /// Print neither warnings nor what was done
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// Prints help, the version, or what is wrong with the command line. Returns the exit status.
pub(crate) fn refuse(error: &clap::Error) -> u8 {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    // The flag could not be parsed with the rest; after "--" it is no flag.
    let json = std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json");
    if json && !asked {
        let text = error.to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        return Failure::Usage(message.to_owned()).report(true);
    }
    // Nobody is left to tell if this can not be printed.
    let _ = error.print();
    u8::try_from(error.exit_code()).unwrap_or(2)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        for command in Arguments::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(&format!("  larder {}", command.get_name())), "{}", command.get_name());
        }
    }
}
