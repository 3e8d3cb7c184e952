//! Reading a dump.

mod entry;
mod fields;
mod head;
mod header;
mod input;
mod stream;
mod trailer;
mod utf8;

use std::fmt::{self, Write as _};
use std::io::Read;

use sha2::{Digest, Sha256};

pub use stream::ValueStream;

use super::entry::{Entry, Header, Totals};
use super::error::{Error, Result};
use fields::Fields;
use head::Head;
use input::{Input, signed};
use stream::Position;

/// What an entry of a dump holds.
#[derive(Debug)]
pub enum Value<'r, R> {
    /// A 64-bit signed integer.
    Integer(i64),
    /// A 64-bit float, bit for bit.
    Real(f64),
    /// Unicode text.
    Text(ValueStream<'r, R>),
    /// Any bytes.
    Bytes(ValueStream<'r, R>),
}

/// Reads a dump, entry by entry. The stream is buffered here, and read to its end.
///
/// Nothing in a dump is trusted: everything has a limit before it is allocated, and every error says at
/// which byte it is. After an error the dump can not be read on, except where it says so.
pub struct Reader<R> {
    input: Input<R>,
    header: Header,
    /// The value that was begun.
    value: Option<Position>,
    entries: u64,
    ended: bool,
    broken: bool,
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reader").field("entries", &self.entries).finish_non_exhaustive()
    }
}

impl<R: Read> Reader<R> {
    /// Begins to read a dump: reads its header.
    pub fn new(stream: R) -> Result<Self> {
        let mut input = Input::new(stream);
        let header = header::read(&mut input)?;
        Ok(Self { input, header, value: None, entries: 0, ended: false, broken: false })
    }

    /// What the dump says of the cache it was made from.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Entries and bytes read so far.
    pub fn totals(&self) -> Totals {
        Totals { entries: self.entries, bytes: self.input.offset() }
    }

    /// The next entry; what was left of the value before is skipped. None once the whole dump was
    /// read and its trailer has confirmed it.
    pub fn next_entry(&mut self) -> Result<Option<(Entry, Value<'_, R>)>> {
        if self.broken {
            return Err(Error::Broken);
        }
        if self.ended {
            return Ok(None);
        }
        // Cleared once all went well.
        self.broken = true;
        self.skip_value()?;
        let next = self.read_item()?;
        self.broken = false;
        Ok(next.map(|(entry, beginning)| (entry, self.begin_value(beginning))))
    }

    /// Reads the rest of the dump for nothing but to know that it is whole.
    pub fn verify(mut self) -> Result<Totals> {
        while self.next_entry()?.is_some() {}
        Ok(self.totals())
    }

    fn skip_value(&mut self) -> Result<()> {
        if let Some(mut position) = self.value.take() {
            let mut scratch = [0; 4096];
            while position.read(&mut self.input, &mut scratch)? > 0 {}
        }
        Ok(())
    }

    /// An entry up to the beginning of its value, or the trailer.
    fn read_item(&mut self) -> Result<Option<(Entry, Beginning)>> {
        const EXPECTED: &str = "an entry or the trailer";
        // The trailer confirms what is before it, and only its content shows that it is the trailer.
        let (start, digest) = (self.input.offset(), self.input.digest());
        let mut fields = Fields::enter(&mut self.input, EXPECTED)?;
        match fields.next(&mut self.input)? {
            Some(first) if matches!(first.1.as_str(), "key" | "queue" | "deque" | "index") => {
                let entry = entry::read(&mut self.input, fields, first)?;
                let beginning = read_beginning(&mut self.input)?;
                self.entries += 1;
                Ok(Some((entry, beginning)))
            }
            Some((_, name)) if name == "end" => {
                self.read_trailer(start, digest, fields)?;
                Ok(None)
            }
            Some((offset, name)) => Err(Error::unexpected(
                offset,
                "`key`, `queue`, `deque`, `index` or `end`",
                format!("the field {name:?}"),
            )),
            None => Err(Error::unexpected(start, EXPECTED, "an empty map")),
        }
    }

    fn read_trailer(&mut self, start: u64, digest: Sha256, fields: Fields) -> Result<()> {
        let trailer = trailer::read(&mut self.input, fields)?;
        self.input.end()?;
        let agree = |what, found: String, recorded: String| {
            if found == recorded { Ok(()) } else { Err(Error::Damaged { offset: start, what, found, recorded }) }
        };
        agree("the size before the trailer", start.to_string(), trailer.bytes.to_string())?;
        agree("the number of entries", self.entries.to_string(), trailer.entries.to_string())?;
        agree("the SHA-256", hexadecimal(&digest.finalize()), hexadecimal(&trailer.sha256))?;
        self.ended = true;
        Ok(())
    }

    fn begin_value(&mut self, beginning: Beginning) -> Value<'_, R> {
        match beginning {
            Beginning::Integer(integer) => Value::Integer(integer),
            Beginning::Real(real) => Value::Real(real),
            Beginning::Text(size) => Value::Text(self.begin_stream(Position::text(size), size)),
            Beginning::Bytes(size) => Value::Bytes(self.begin_stream(Position::bytes(size), size)),
        }
    }

    fn begin_stream(&mut self, position: Position, size: Option<u64>) -> ValueStream<'_, R> {
        self.value = Some(position);
        ValueStream { input: &mut self.input, position: &mut self.value, broken: &mut self.broken, size }
    }
}

/// A value as far as its head tells.
#[derive(Debug, Clone, Copy)]
enum Beginning {
    Integer(i64),
    Real(f64),
    /// A text of this size in bytes, or in chunks.
    Text(Option<u64>),
    /// Bytes of this size, or in chunks.
    Bytes(Option<u64>),
}

fn read_beginning<R: Read>(input: &mut Input<R>) -> Result<Beginning> {
    const EXPECTED: &str = "a value: a 64-bit integer, a float, a text or bytes";
    let (offset, head) = input.head(EXPECTED)?;
    match head {
        Head::Real(real) => Ok(Beginning::Real(real)),
        Head::Text(size) => Ok(Beginning::Text(size)),
        Head::Bytes(size) => Ok(Beginning::Bytes(size)),
        other => {
            signed(other).map(Beginning::Integer).ok_or_else(|| Error::unexpected(offset, EXPECTED, other.describe()))
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
