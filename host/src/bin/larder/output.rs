//! Writing to standard output.

use std::io::{self, IsTerminal, Write};

use anstyle::Style;
use serde::Serialize;

use crate::failure::Failure;

const LABEL: Style = Style::new().dimmed();

/// Writes bytes as they are. On a terminal a last line without an end gets one, so that the prompt
/// does not follow it.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    let unfinished = output.is_terminal() && !bytes.is_empty() && !bytes.ends_with(b"\n");
    let ending: &[u8] = if unfinished { b"\n" } else { b"" };
    output
        .write_all(bytes)
        .and_then(|()| output.write_all(ending))
        .and_then(|()| output.flush())
        .map_err(Failure::Output)
}

/// Writes a line of text.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    writeln!(anstream::stdout(), "{text}").map_err(Failure::Output)
}

/// Writes a line of JSON.
pub(crate) fn json(data: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(data).map_err(|error| Failure::Output(error.into()))?;
    writeln!(io::stdout(), "{text}").map_err(Failure::Output)
}

/// Writes labels and what they stand for, aligned.
pub(crate) fn table(rows: &[(&str, String)]) -> Result<(), Failure> {
    let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    let mut output = anstream::stdout();
    for (label, value) in rows {
        writeln!(output, "{LABEL}{label:width$}{LABEL:#}  {value}").map_err(Failure::Output)?;
    }
    Ok(())
}
