//! `larder man`.

use clap::{Args, CommandFactory};

use crate::cli::Outcome;
use crate::cli::arguments::Arguments;
use crate::cli::failure::Failure;

/// Print the manual page
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder man | man -l -
  larder man > /usr/local/share/man/man1/larder.1")]
pub(crate) struct Manual {}

impl Manual {
    #[expect(clippy::unused_self, reason = "as every command is called")]
    pub(crate) fn run(&self) -> Result<Outcome, Failure> {
        let mut page = Vec::new();
        write(&mut page).map_err(Failure::Output)?;
        crate::cli::output::bytes(&page)?;
        Ok(Outcome::Done)
    }
}

/// The page of the program, then a section for each command.
fn write(page: &mut Vec<u8>) -> std::io::Result<()> {
    let mut program = Arguments::command();
    program.build();
    clap_mangen::Man::new(program.clone()).render(page)?;
    for command in program.get_subcommands().filter(|command| command.get_name() != "help") {
        write_command(page, command, "larder")?;
    }
    Ok(())
}

fn write_command(page: &mut Vec<u8>, command: &clap::Command, parent: &str) -> std::io::Result<()> {
    let name = format!("{parent} {}", command.get_name());
    page.extend_from_slice(format!(".SH {}\n", name.to_uppercase()).as_bytes());
    let manual = clap_mangen::Man::new(command.clone());
    manual.render_synopsis_section(page)?;
    manual.render_description_section(page)?;
    manual.render_options_section(page)?;
    if command.get_after_help().is_some() {
        manual.render_extra_section(page)?;
    }
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        write_command(page, below, &name)?;
    }
    Ok(())
}
