//! `larder completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::Outcome;
use crate::cli::arguments::Arguments;
use crate::cli::failure::Failure;
use crate::cli::output;

/// Print a script that completes command lines in a shell
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder completions bash > ~/.local/share/bash-completion/completions/larder
  larder completions fish > ~/.config/fish/completions/larder.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self) -> Result<Outcome, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "larder", &mut script);
        output::bytes(&script)?;
        Ok(Outcome::Done)
    }
}
