//! Values written and read in parts, of which at most a chunk is in memory.

use std::fs::File;

use super::Cache;
use crate::content::{Reader, TextCheck};
use crate::entry::Metadata;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::number::Number;
use crate::options::SetOptions;
use crate::shard::{Address, Drafted, Part, Terms};
use crate::value::Value;

/// Most bytes one call reads.
pub const PART_LIMIT: u32 = 1024 * 1024;

/// What a value that comes in parts is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Content {
    /// Bytes.
    Bytes,
    /// Text; anything but UTF-8 is refused.
    Text,
    /// Text if all of it is UTF-8, else bytes.
    #[default]
    Detected,
}

/// A value being written in parts. Nobody sees it before it is finished.
///
/// It goes with the cache it comes from. One that is not to be finished is given up by
/// [`ValueWriter::abandon`]; else its file stays until the directory is opened after its owner is
/// gone.
#[derive(Debug)]
pub struct ValueWriter {
    key: Key,
    options: SetOptions,
    /// None once it is finished, or after an error of writing.
    work: Option<Work>,
}

/// What there is of the value.
#[derive(Debug)]
struct Work {
    /// All of it, until it is large enough for a file.
    buffer: Vec<u8>,
    file: Option<Drafted>,
    length: u64,
    content: Content,
    /// While it can be text.
    check: Option<TextCheck>,
}

/// A value being read in parts. It stays whole even if its entry is replaced or removed meanwhile.
#[derive(Debug)]
pub struct ValueReader {
    source: Source,
    is_text: bool,
    metadata: Metadata,
    place: u64,
    /// What it is, for errors.
    subject: String,
}

/// A value to be read in parts, or a number, which has none.
pub(crate) type Readable = std::result::Result<ValueReader, Number>;

#[derive(Debug)]
enum Source {
    Inline(Vec<u8>),
    File(Box<Reader<File>>),
}

impl Cache {
    /// Begins to write a value in parts.
    pub fn write(&mut self, key: &Key, content: Content, options: &SetOptions) -> Result<ValueWriter> {
        let terms = Terms::new(options)?;
        self.on_key(key, |shard, _| shard.check_terms(&terms))?;
        let check = (content != Content::Bytes).then(TextCheck::default);
        let work = Work { buffer: Vec::new(), file: None, length: 0, content, check };
        Ok(ValueWriter { key: key.clone(), options: options.clone(), work: Some(work) })
    }

    /// Begins to read the live value of a key in parts. Numbers have none.
    pub fn read(&mut self, key: &Key) -> Result<Option<ValueReader>> {
        let part = self.on_key(key, |shard, hash| shard.open_value(key, hash))?;
        match part.map(|found| ValueReader::new(found, format!("the value of {key}"))) {
            None => Ok(None),
            Some(Ok(reader)) => Ok(Some(reader)),
            Some(Err(number)) => {
                let what = Value::from(number).type_name();
                Err(Error::WrongType(format!("{key} holds {what}; only text and bytes are read in parts")))
            }
        }
    }

    /// The live entry at an address, its value a reader unless it is a number. Counts as no read.
    pub(crate) fn inspect_parts(&mut self, address: Address<'_>) -> Result<Option<(Metadata, Readable)>> {
        let found = self.on_items(|session| session.shard_of(address.hash())?.inspect_part(address))?;
        Ok(found.map(|(metadata, part)| {
            (metadata.clone(), ValueReader::new((metadata, part), format!("the value of {address}")))
        }))
    }
}

impl ValueWriter {
    /// Adds the next bytes. After an error other than [`Error::InTransaction`] and
    /// [`Error::Closed`] the value is given up, and further calls are [`Error::Closed`].
    pub fn append(&mut self, cache: &mut Cache, bytes: &[u8]) -> Result<()> {
        cache.assure_open()?;
        cache.assure_turn()?;
        let mut work = self.work.take().ok_or(Error::Closed)?;
        match work.append(cache, &self.key, &self.options, bytes) {
            Ok(()) => {
                self.work = Some(work);
                Ok(())
            }
            Err(error) => {
                work.abandon(cache, &self.key);
                Err(error)
            }
        }
    }

    /// Stores the value as [`Cache::set`] does; returns its version.
    pub fn finish(&mut self, cache: &mut Cache) -> Result<u64> {
        cache.assure_open()?;
        cache.assure_turn()?;
        let work = self.work.take().ok_or(Error::Closed)?;
        let is_text = work.check.as_ref().is_some_and(TextCheck::is_complete);
        if work.content == Content::Text && !is_text {
            work.abandon(cache, &self.key);
            return Err(Error::InvalidArgument(format!("the text for {} ends inside of a character", self.key)));
        }
        let Some(file) = work.file else {
            let value = if is_text {
                // Looked at as it came.
                Value::Text(String::from_utf8_lossy(&work.buffer).into_owned())
            } else {
                Value::Bytes(work.buffer)
            };
            return cache.set(&self.key, &value, &self.options);
        };
        let terms = Terms::new(&self.options)?;
        cache.on_key(&self.key, |shard, hash| shard.set_drafted(&self.key, hash, &terms, file, is_text))
    }

    /// Gives the value up.
    pub fn abandon(&mut self, cache: &mut Cache) {
        if let Some(work) = self.work.take() {
            work.abandon(cache, &self.key);
        }
    }
}

impl Work {
    fn append(&mut self, cache: &mut Cache, key: &Key, options: &SetOptions, bytes: &[u8]) -> Result<()> {
        if self.check.as_mut().is_some_and(|check| !check.accepts(bytes)) {
            if self.content == Content::Text {
                return Err(Error::InvalidArgument(format!("the text for {key} is not UTF-8")));
            }
            self.check = None;
        }
        self.length = self.length.saturating_add(bytes.len() as u64);
        let terms = Terms::new(options)?;
        cache.on_key(key, |shard, hash| {
            shard.admit_length(key, hash, self.length, &terms)?;
            if self.file.is_none() && self.length < shard.file_threshold() {
                self.buffer.try_reserve(bytes.len()).map_err(|_| Error::Full("memory".into()))?;
                self.buffer.extend_from_slice(bytes);
                return Ok(());
            }
            let mut file = match self.file.take() {
                Some(file) => file,
                None => shard.draft_value(key, hash)?,
            };
            let start = std::mem::take(&mut self.buffer);
            let appended =
                shard.append_to_file(&mut file, &start).and_then(|()| shard.append_to_file(&mut file, bytes));
            self.file = Some(file);
            appended
        })
    }

    fn abandon(self, cache: &mut Cache, key: &Key) {
        if let Some(file) = self.file {
            // Beside an open transaction, too: it is no part of that. If nothing can be done now, the
            // next opener removes the file.
            let _ = cache.under_tenure(|session| {
                session.shard_of(key.hash())?.abandon_file(file);
                Ok(())
            });
        }
    }
}

impl ValueReader {
    /// A reader of text or bytes; a number is given back.
    fn new((metadata, part): (Metadata, Part), subject: String) -> Readable {
        let (source, is_text) = match part {
            Part::Inline(Value::Text(text)) => (Source::Inline(text.into_bytes()), true),
            Part::Inline(Value::Bytes(bytes)) => (Source::Inline(bytes), false),
            Part::Inline(Value::Integer(integer)) => return Err(Number::Integer(integer)),
            Part::Inline(Value::Real(real)) => return Err(Number::Real(real)),
            Part::File { reader, is_text } => (Source::File(Box::new(reader)), is_text),
        };
        Ok(Self { source, is_text, metadata, place: 0, subject })
    }

    /// Size of the value in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match &self.source {
            Source::Inline(bytes) => bytes.len() as u64,
            Source::File(reader) => reader.length(),
        }
    }

    /// Whether it is text, else bytes.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.is_text
    }

    /// What else is known of the entry, as it was when reading began.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Goes to a place, counted in bytes from the beginning, at most the size.
    pub fn seek(&mut self, place: u64) -> Result<()> {
        if place > self.size() {
            return Err(Error::InvalidArgument(format!("{place} is beyond {}, {} bytes", self.subject, self.size())));
        }
        self.place = place;
        Ok(())
    }

    /// The next bytes: at most `limit`, perhaps fewer, none only at the end. Each is verified before
    /// it is given out.
    pub fn read(&mut self, limit: u32) -> Result<&[u8]> {
        if limit == 0 || limit > PART_LIMIT {
            return Err(Error::InvalidArgument(format!("the size of a part must be 1 to {PART_LIMIT}, not {limit}")));
        }
        let limit = limit as usize;
        let part = match &mut self.source {
            Source::Inline(bytes) => {
                let rest = usize::try_from(self.place).ok().and_then(|place| bytes.get(place..)).unwrap_or_default();
                rest.get(..limit).unwrap_or(rest)
            }
            Source::File(reader) => reader.read(self.place, limit).map_err(|fault| fault.into_error(&self.subject))?,
        };
        self.place += part.len() as u64;
        Ok(part)
    }
}
