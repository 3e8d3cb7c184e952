//! Writing a dump.

use std::fmt;
use std::io::{Read, Write};

use minicbor::Encoder;

use super::VERSION;
use super::chunks::{Chunks, Kind};
use super::entry::{Entry, Header, Key, Place, Setting, Totals};
use super::error::{Error, Result};
use super::output::Output;

/// A value to be dumped.
pub enum Source<'a> {
    /// A 64-bit signed integer.
    Integer(i64),
    /// A 64-bit float, written bit for bit.
    Real(f64),
    /// Unicode text.
    Text(&'a str),
    /// Any bytes.
    Bytes(&'a [u8]),
    /// Unicode text, as long as the stream is.
    TextFrom(&'a mut dyn Read),
    /// Any bytes, as long as the stream is.
    BytesFrom(&'a mut dyn Read),
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(integer) => formatter.debug_tuple("Integer").field(integer).finish(),
            Self::Real(real) => formatter.debug_tuple("Real").field(real).finish(),
            Self::Text(text) => formatter.debug_tuple("Text").field(text).finish(),
            Self::Bytes(bytes) => formatter.debug_tuple("Bytes").field(bytes).finish(),
            Self::TextFrom(_) => formatter.debug_tuple("TextFrom").finish_non_exhaustive(),
            Self::BytesFrom(_) => formatter.debug_tuple("BytesFrom").finish_non_exhaustive(),
        }
    }
}

/// Writes a dump, entry by entry. Without [`Writer::finish`] it stays without a trailer, which every
/// reader takes for truncation.
///
/// The stream is buffered here. Refused entries, and values that can not even begin to be read, leave
/// the dump as it was; after any other error it can not go on.
pub struct Writer<W: Write> {
    encoder: Encoder<Output<W>>,
    entries: u64,
    broken: bool,
}

impl<W: Write> fmt::Debug for Writer<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Writer").field("entries", &self.entries).finish_non_exhaustive()
    }
}

impl<W: Write> Writer<W> {
    /// Begins a dump.
    pub fn new(stream: W, header: &Header) -> Result<Self> {
        header.check(0)?;
        let mut writer = Self { encoder: Encoder::new(Output::new(stream)), entries: 0, broken: false };
        writer.write_header(header)?;
        Ok(writer)
    }

    /// Adds an entry. Entries are dumped in the order in which they are to be stored again.
    pub fn entry(&mut self, entry: &Entry, value: Source<'_>) -> Result<()> {
        if self.broken {
            return Err(Error::Broken);
        }
        entry.check(self.offset())?;
        match value {
            Source::Integer(integer) => self.write_entry(entry, Content::Integer(integer)),
            Source::Real(real) => self.write_entry(entry, Content::Real(real)),
            Source::Text(text) => self.write_streamed(entry, Kind::Text, &mut text.as_bytes()),
            Source::Bytes(mut bytes) => self.write_streamed(entry, Kind::Bytes, &mut bytes),
            Source::TextFrom(stream) => self.write_streamed(entry, Kind::Text, stream),
            Source::BytesFrom(stream) => self.write_streamed(entry, Kind::Bytes, stream),
        }
    }

    /// Ends the dump with its trailer.
    pub fn finish(mut self) -> Result<Totals> {
        if self.broken {
            return Err(Error::Broken);
        }
        let (bytes, digest) = (self.offset(), self.encoder.writer().digest());
        self.encoder.map(3)?.str("end")?.u64(self.entries)?.str("bytes")?.u64(bytes)?;
        self.encoder.str("sha256")?.bytes(&digest)?;
        self.encoder.writer_mut().flush()?;
        Ok(Totals { entries: self.entries, bytes: self.offset() })
    }

    fn offset(&self) -> u64 {
        self.encoder.writer().offset()
    }

    fn write_header(&mut self, header: &Header) -> Result<()> {
        let fields = 3 + u64::from(header.shards.is_some());
        self.encoder.map(fields)?.str("larder-dump")?.u64(VERSION)?.str("created")?.u64(header.created_ms)?;
        if let Some(shards) = header.shards {
            self.encoder.str("shards")?.u32(shards)?;
        }
        self.encoder.str("settings")?.map(header.settings.len() as u64)?;
        for (name, setting) in &header.settings {
            self.encoder.str(name)?;
            match setting {
                Setting::Flag(flag) => self.encoder.bool(*flag)?,
                Setting::Number(number) => self.encoder.u64(*number)?,
                Setting::Text(text) => self.encoder.str(text)?,
            };
        }
        Ok(())
    }

    /// Reads the beginning of a text or bytes before anything of the entry is written.
    fn write_streamed(&mut self, entry: &Entry, kind: Kind, stream: &mut dyn Read) -> Result<()> {
        let chunks = Chunks::begin(kind, stream, self.offset())?;
        self.write_entry(entry, Content::Chunks(chunks))
    }

    fn write_entry(&mut self, entry: &Entry, content: Content<'_>) -> Result<()> {
        self.broken = true;
        self.write_fields(entry)?;
        match content {
            Content::Integer(integer) => self.encoder.i64(integer)?.ok()?,
            Content::Real(real) => self.encoder.f64(real)?.ok()?,
            Content::Chunks(chunks) => self.write_chunks(chunks)?,
        }
        self.broken = false;
        self.entries += 1;
        Ok(())
    }

    /// All fields but the content of the last, which is the value.
    fn write_fields(&mut self, entry: &Entry) -> Result<()> {
        let Entry { place, stored_ms, expires_ms, ttl_ms, sliding, tags, version } = entry;
        let place_fields = match place {
            Place::Key(_) => 1,
            Place::Queue { .. } | Place::Index { .. } => 2,
            Place::Deque { bound, .. } => 1 + u64::from(bound.is_some()),
            Place::IndexQueue { bound, .. } => 2 + u64::from(bound.is_some()),
        };
        let optional = [expires_ms.is_some(), ttl_ms.is_some(), *sliding, !tags.is_empty(), version.is_some()];
        let optional_fields = optional.into_iter().map(u64::from).sum::<u64>();
        self.encoder.map(place_fields + optional_fields + 2)?;
        self.write_place(place)?;
        self.write_number("stored", Some(*stored_ms))?;
        self.write_number("expires", *expires_ms)?;
        self.write_number("ttl", *ttl_ms)?;
        if *sliding {
            self.encoder.str("sliding")?.bool(true)?;
        }
        if !tags.is_empty() {
            self.encoder.str("tags")?.array(tags.len() as u64)?;
            tags.iter().try_for_each(|tag| self.encoder.str(tag)?.ok())?;
        }
        self.write_number("version", *version)?;
        self.encoder.str("value")?;
        Ok(())
    }

    fn write_place(&mut self, place: &Place) -> Result<()> {
        match place {
            Place::Key(key) => self.write_key(key),
            Place::Queue { name, position } => {
                self.encoder.str("queue")?.str(name)?.str("position")?.i64(*position)?;
                Ok(())
            }
            Place::Deque { name, bound } => {
                self.encoder.str("deque")?.str(name)?;
                self.write_number("bound", *bound)
            }
            Place::Index { name, key } => {
                self.encoder.str("index")?.str(name)?;
                self.write_key(key)
            }
            Place::IndexQueue { index, name, bound } => {
                self.encoder.str("index")?.str(index)?.str("queue")?.str(name)?;
                self.write_number("bound", *bound)
            }
        }
    }

    fn write_key(&mut self, key: &Key) -> Result<()> {
        self.encoder.str("key")?;
        match key {
            Key::Integer(integer) => self.encoder.i64(*integer)?,
            Key::Real(real) => self.encoder.f64(*real)?,
            Key::Text(text) => self.encoder.str(text)?,
            Key::Bytes(bytes) => self.encoder.bytes(bytes)?,
        };
        Ok(())
    }

    fn write_number(&mut self, name: &str, number: Option<u64>) -> Result<()> {
        if let Some(number) = number {
            self.encoder.str(name)?.u64(number)?;
        }
        Ok(())
    }

    /// One string if the value fits into a chunk, else one of indefinite length.
    fn write_chunks(&mut self, mut chunks: Chunks<'_>) -> Result<()> {
        if chunks.is_last() {
            return self.write_chunk(chunks.kind, chunks.chunk());
        }
        match chunks.kind {
            Kind::Text => self.encoder.begin_str()?,
            Kind::Bytes => self.encoder.begin_bytes()?,
        };
        while !chunks.chunk().is_empty() {
            self.write_chunk(chunks.kind, chunks.chunk())?;
            chunks.advance(self.offset())?;
        }
        self.encoder.end()?;
        Ok(())
    }

    fn write_chunk(&mut self, kind: Kind, chunk: &[u8]) -> Result<()> {
        match kind {
            Kind::Text => self.encoder.str_len(chunk.len() as u64)?,
            Kind::Bytes => self.encoder.bytes_len(chunk.len() as u64)?,
        };
        self.encoder.writer_mut().put(chunk)
    }
}

/// A value ready to be written.
enum Content<'a> {
    Integer(i64),
    Real(f64),
    Chunks(Chunks<'a>),
}
