//! A value on its way into a row or a file, in parts.

use std::fs::File;
use std::io::Write;

use rusqlite::types::Value as Column;

use super::schema::FILE_THRESHOLD;
use super::target::Target;
use crate::cache::ValueReader;
use crate::diskcache::format::{BINARY, PICKLE, RAW, TEXT};
use crate::error::{Error, Result};

/// Bytes read at a time.
const PART: u32 = 256 * 1024;
/// The largest text with carriage returns that is kept in its row, in bytes.
const ROW_LIMIT: u64 = 8 * 1024 * 1024;

/// How a value is kept.
#[derive(Debug)]
pub(super) struct Cell {
    /// Bytes in its file.
    pub(super) size: u64,
    pub(super) mode: i64,
    pub(super) filename: Option<String>,
    pub(super) value: Column,
}

impl Cell {
    /// A value in its row.
    pub(super) fn inline(mode: i64, value: Column) -> Self {
        Self { size: 0, mode, filename: None, value }
    }
}

/// A text or bytes value on its way.
pub(super) struct Transfer {
    reader: ValueReader,
    /// Whether it is a pickle.
    pickled: bool,
    state: State,
}

/// How far it is.
enum State {
    /// Where it goes depends on what is in the text.
    Survey(Survey),
    /// Into a row.
    Row(Vec<u8>),
    /// Into a file.
    File(Draft),
}

/// What has been seen of a text.
#[derive(Debug, Default)]
struct Survey {
    characters: u64,
    /// Whether it has carriage returns, which a file of text would lose.
    returns: bool,
}

/// A file that is being written.
struct Draft {
    file: File,
    name: String,
    size: u64,
    mode: i64,
    /// What comes after the value.
    end: &'static [u8],
}

impl Transfer {
    /// Decides where a value goes.
    pub(super) fn begin(reader: ValueReader, pickled: bool, target: &mut Target) -> Result<Self> {
        let state = if reader.size() < FILE_THRESHOLD {
            State::Row(Vec::new())
        } else if reader.is_text() {
            State::Survey(Survey::default())
        } else {
            State::File(Draft::create(target, if pickled { PICKLE } else { BINARY })?)
        };
        Ok(Self { reader, pickled, state })
    }

    /// Goes on until the value is where it is to be, or as many bytes as `budget` have passed, which
    /// is lowered. After an error it has to be abandoned.
    pub(super) fn run(&mut self, target: &mut Target, budget: &mut usize) -> Result<Option<Cell>> {
        while *budget > 0 {
            let part = self.reader.read(PART)?;
            *budget = budget.saturating_sub(part.len());
            if part.is_empty() {
                if let Some(cell) = self.end(target)? {
                    return Ok(Some(cell));
                }
                continue;
            }
            match &mut self.state {
                State::Survey(survey) => survey.look_at(part),
                State::Row(bytes) => {
                    bytes.try_reserve(part.len()).map_err(|_| Error::Full("memory".into()))?;
                    bytes.extend_from_slice(part);
                }
                State::File(draft) => draft.write(target, part)?,
            }
        }
        Ok(None)
    }

    /// Takes away what there is of a file.
    pub(super) fn abandon(self, target: &Target) {
        if let State::File(Draft { file, name, .. }) = self.state {
            drop(file);
            target.remove_value(&name);
        }
    }

    /// The end of the value: that of the survey, or of all.
    fn end(&mut self, target: &mut Target) -> Result<Option<Cell>> {
        match std::mem::replace(&mut self.state, State::Row(Vec::new())) {
            State::Survey(survey) => {
                self.state = survey.conclude(self.reader.size(), target)?;
                self.reader.seek(0)?;
                Ok(None)
            }
            State::Row(bytes) => self.cell(bytes).map(Some),
            State::File(draft) => draft.finish(target).map(Some),
        }
    }

    fn cell(&self, bytes: Vec<u8>) -> Result<Cell> {
        Ok(match (self.reader.is_text(), self.pickled) {
            (true, _) => {
                let text = String::from_utf8(bytes).map_err(|_| Error::Corrupt("a text is not UTF-8".into()))?;
                Cell::inline(RAW, Column::Text(text))
            }
            (false, true) => Cell::inline(PICKLE, Column::Blob(bytes)),
            (false, false) => Cell::inline(RAW, Column::Blob(bytes)),
        })
    }
}

impl Survey {
    fn look_at(&mut self, part: &[u8]) {
        // Every byte but those that continue a character.
        self.characters += part.iter().filter(|byte| **byte & 0xc0 != 0x80).count() as u64;
        self.returns = self.returns || part.contains(&b'\r');
    }

    /// Where a text of this size goes.
    fn conclude(&self, size: u64, target: &mut Target) -> Result<State> {
        Ok(if self.characters < FILE_THRESHOLD || (self.returns && size <= ROW_LIMIT) {
            State::Row(Vec::new())
        } else if self.returns {
            // A pickled text is read byte for byte.
            let mut draft = Draft::create(target, PICKLE)?;
            draft.write(target, &text_opcode(size))?;
            draft.end = b".";
            State::File(draft)
        } else {
            State::File(Draft::create(target, TEXT)?)
        })
    }
}

/// What stands before a text of this size in a pickle: protocol 4, then `BINUNICODE8` with the size.
fn text_opcode(size: u64) -> Vec<u8> {
    let mut opcode = b"\x80\x04\x8d".to_vec();
    opcode.extend_from_slice(&size.to_le_bytes());
    opcode
}

impl Draft {
    fn create(target: &mut Target, mode: i64) -> Result<Self> {
        let (name, file) = target.create_value()?;
        Ok(Self { file, name, size: 0, mode, end: b"" })
    }

    fn write(&mut self, target: &Target, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| target.value_error(&self.name, &error))?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn finish(mut self, target: &Target) -> Result<Cell> {
        self.write(target, self.end)?;
        target.sync_value(&self.name, &self.file)?;
        Ok(Cell { size: self.size, mode: self.mode, filename: Some(self.name), value: Column::Null })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_survey_counts_characters_over_the_edges_of_parts() {
        let mut survey = Survey::default();
        for byte in "aé€😀".bytes() {
            survey.look_at(&[byte]);
        }
        assert_eq!((survey.characters, survey.returns), (4, false));
        survey.look_at(b"x\r\n");
        assert_eq!((survey.characters, survey.returns), (7, true));
    }
}
