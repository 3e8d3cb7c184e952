//! Values from arguments, files and standard input, and how entries are stored.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use larder::{Cache, Content, Expiry, Key, SetOptions, VALUE_LIMIT, Value};

use crate::cli::failure::Failure;
use crate::cli::units;

const STANDARD_INPUT: &str = "standard input";
/// Bytes passed on at a time.
const PIECE: u64 = 256 * 1024;

/// As what a value is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ValueType {
    /// Unicode text, as arguments are unless told otherwise
    Text,
    /// Any bytes, as files and standard input are unless told otherwise
    Bytes,
    /// A 64-bit signed integer
    Integer,
    /// A 64-bit floating-point number
    Real,
}

/// Where a value comes from.
#[derive(Args)]
pub(crate) struct ValueArgument {
    /// The value; if it is "-" or missing, standard input is read
    #[arg(allow_negative_numbers = true, conflicts_with = "file")]
    value: Option<OsString>,

    /// Read the value from a file
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,

    /// What to store it as [default: text for an argument, bytes for a file or standard input]
    #[arg(long = "type", short, value_enum, value_name = "TYPE")]
    value_type: Option<ValueType>,
}

/// A value that comes in parts.
pub(crate) struct Stream {
    source: Box<dyn Read>,
    /// The piece that was read last.
    piece: Vec<u8>,
    /// What it comes from, for errors.
    name: String,
    content: Content,
}

impl ValueArgument {
    /// The value as a stream, if it can be one: text or bytes from a file or standard input.
    pub(crate) fn stream(&self) -> Result<Option<Stream>, Failure> {
        let content = match self.value_type {
            None | Some(ValueType::Bytes) => Content::Bytes,
            Some(ValueType::Text) => Content::Text,
            Some(ValueType::Integer | ValueType::Real) => return Ok(None),
        };
        match (&self.value, &self.file) {
            (Some(argument), _) if argument != "-" => Ok(None),
            (_, None) => Stream::begin(Box::new(io::stdin()), STANDARD_INPUT.into(), content).map(Some),
            (_, Some(path)) => {
                let name = path.display().to_string();
                let file = File::open(path).map_err(|source| Failure::Input { what: name.clone(), source })?;
                Stream::begin(Box::new(file), name, content).map(Some)
            }
        }
    }

    /// Reads the value.
    pub(crate) fn read(&self) -> Result<Value<'static>, Failure> {
        let standard_input = || read(&mut io::stdin().lock(), STANDARD_INPUT);
        let (bytes, usual) = match (&self.value, &self.file) {
            (Some(argument), _) if argument != "-" => (argument.clone().into_encoded_bytes(), ValueType::Text),
            (_, None) => (standard_input()?, ValueType::Bytes),
            (_, Some(path)) => (read_file(path)?, ValueType::Bytes),
        };
        convert(bytes, self.value_type.unwrap_or(usual))
    }
}

impl Stream {
    /// Reads the first piece, so that a source that can not be read shows before anything is done.
    fn begin(source: Box<dyn Read>, name: String, content: Content) -> Result<Self, Failure> {
        let mut stream = Self { source, piece: Vec::new(), name, content };
        stream.advance()?;
        Ok(stream)
    }

    /// Reads the next piece; none is left if it is empty.
    fn advance(&mut self) -> Result<(), Failure> {
        self.piece.clear();
        let read = self.source.by_ref().take(PIECE).read_to_end(&mut self.piece);
        read.map(drop).map_err(|source| Failure::Input { what: self.name.clone(), source })
    }

    /// Stores the value, of which only a piece is in memory at a time; returns its version.
    pub(crate) fn store(mut self, cache: &Cache, key: Key<'_>, options: &SetOptions) -> Result<u64, Failure> {
        let mut writer = cache.write(key, self.content, options)?;
        while !self.piece.is_empty() {
            writer.write_all(&self.piece).map_err(larder::Error::from)?;
            self.advance()?;
        }
        Ok(writer.finish()?)
    }
}

fn read_file(path: &PathBuf) -> Result<Vec<u8>, Failure> {
    let what = path.display().to_string();
    let mut file = File::open(path).map_err(|source| Failure::Input { what: what.clone(), source })?;
    read(&mut file, &what)
}

/// Reads to the end, or just beyond what can be stored.
fn read(source: &mut impl Read, what: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    source
        .take(VALUE_LIMIT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| Failure::Input { what: what.to_owned(), source })?;
    Ok(bytes)
}

fn convert(bytes: Vec<u8>, value_type: ValueType) -> Result<Value<'static>, Failure> {
    if value_type == ValueType::Bytes {
        return Ok(Value::Bytes(Cow::Owned(bytes)));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::Usage("the value is not UTF-8: store it with --type bytes".to_owned()))?;
    let wrong = |what| Failure::Usage(format!("the value {text:?} is not {what}"));
    match value_type {
        ValueType::Integer => text.trim().parse().map(Value::Integer).map_err(|_| wrong("a 64-bit integer")),
        ValueType::Real => text.trim().parse().map(Value::Real).map_err(|_| wrong("a real number")),
        ValueType::Text | ValueType::Bytes => Ok(Value::Text(Cow::Owned(text))),
    }
}

/// A value as `larder get` prints it.
pub(crate) fn show<'a>(value: &'a Value<'_>) -> Cow<'a, [u8]> {
    match value {
        Value::Integer(integer) => Cow::Owned(integer.to_string().into_bytes()),
        Value::Real(real) => Cow::Owned(format!("{real:?}").into_bytes()),
        Value::Text(text) => Cow::Borrowed(text.as_bytes()),
        Value::Bytes(bytes) => Cow::Borrowed(bytes),
    }
}

/// How an entry is stored.
#[derive(Args)]
pub(crate) struct EntryArguments {
    /// How long the entry lives, such as 90s, 10m or 7d, or `never` [default: what the cache says]
    #[arg(long, value_parser = units::expiry, value_name = "DURATION")]
    ttl: Option<Expiry>,

    /// A label to list and evict the entry by; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,

    /// Start the time to live anew whenever the entry is read
    #[arg(long)]
    sliding: bool,
}

impl EntryArguments {
    /// The options of the library.
    pub(crate) fn options(&self) -> SetOptions {
        let options = SetOptions::new().ttl(self.ttl.unwrap_or_default());
        let options = self.tags.iter().fold(options, SetOptions::tag);
        if self.sliding { options.sliding() } else { options }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_end_in_a_newline_and_text_keeps_it() {
        assert_eq!(convert(b"42\n".to_vec(), ValueType::Integer).unwrap(), Value::Integer(42));
        assert_eq!(convert(b" 2.5\n".to_vec(), ValueType::Real).unwrap(), Value::Real(2.5));
        assert_eq!(convert(b"42\n".to_vec(), ValueType::Text).unwrap(), Value::Text("42\n".into()));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_as_text() {
        assert!(convert(vec![0xff], ValueType::Text).is_err());
        assert_eq!(convert(vec![0xff], ValueType::Bytes).unwrap(), Value::Bytes(vec![0xff].into()));
    }
}
