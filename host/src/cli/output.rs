//! Writing to standard output.

use std::io::{self, BufWriter, IsTerminal, Read, StdoutLock, Write};

use anstyle::Style;
use serde::Serialize;

use crate::cli::Outcome;
use crate::cli::failure::Failure;

/// Bytes passed on at a time.
const PIECE: usize = 256 * 1024;

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

/// Writes what a reader of the cache gives, as [`bytes`] does.
pub(crate) fn copy(source: &mut impl Read) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    let (mut piece, mut last) = (vec![0; PIECE], None);
    loop {
        let length = source.read(&mut piece).map_err(larder::Error::from)?;
        let Some(bytes) = piece.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
        output.write_all(bytes).map_err(Failure::Output)?;
        last = bytes.last().copied();
    }
    if output.is_terminal() && last.is_some_and(|last| last != b'\n') {
        output.write_all(b"\n").map_err(Failure::Output)?;
    }
    output.flush().map_err(Failure::Output)
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

/// Many lines, written at once as far as possible.
pub(crate) struct Lines(BufWriter<StdoutLock<'static>>);

impl Lines {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self(BufWriter::new(io::stdout().lock()))
    }

    /// Adds bytes and the end of a line.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.0.write_all(bytes).and_then(|()| self.0.write_all(b"\n")).map_err(Failure::Output)
    }

    /// Adds a line of JSON.
    pub(crate) fn json(&mut self, data: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(data).map_err(|error| Failure::Output(error.into()))?;
        self.bytes(text.as_bytes())
    }

    /// Writes what is left.
    pub(crate) fn end(mut self) -> Result<Outcome, Failure> {
        self.0.flush().map(|()| Outcome::Done).map_err(Failure::Output)
    }
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
