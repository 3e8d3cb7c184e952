//! Reading an entry.

use std::io::Read;

use super::fields::{Fields, fill};
use super::head::Head;
use super::input::{Input, signed};
use crate::dump::entry::{DEQUE_NAME, Entry, INDEX_NAME, Key, Place, check_real_key};
use crate::dump::error::{Error, Result};
use crate::dump::{KEY_LIMIT, QUEUE_LIMIT, TAG_LIMIT, TAGS_LIMIT};

/// The fields of an entry, of which the first name was read, up to the name of its value.
pub(super) fn read<R: Read>(input: &mut Input<R>, mut fields: Fields, first: (u64, String)) -> Result<Entry> {
    let mut draft = Draft::default();
    let mut next = Some(first);
    while let Some((offset, name)) = next {
        if name == "value" {
            if fields.left > 0 {
                return Err(Error::unexpected(offset, "the value as the last field", "more fields after it"));
            }
            return draft.finish(offset);
        }
        draft.read_field(input, offset, &name)?;
        next = fields.next(input)?;
    }
    Err(Error::unexpected(input.offset(), "the value of an entry", "the end of the entry"))
}

/// The fields of an entry that were read so far.
#[derive(Default)]
struct Draft {
    key: Option<Key>,
    queue: Option<String>,
    position: Option<i64>,
    deque: Option<String>,
    index: Option<String>,
    bound: Option<u64>,
    stored: Option<u64>,
    expires: Option<u64>,
    ttl: Option<u64>,
    sliding: Option<bool>,
    tags: Option<Vec<String>>,
    version: Option<u64>,
}

impl Draft {
    fn read_field<R: Read>(&mut self, input: &mut Input<R>, offset: u64, name: &str) -> Result<()> {
        const TIME: &str = "a time in milliseconds";
        match name {
            "key" => fill(&mut self.key, offset, read_key(input)?),
            "queue" => fill(&mut self.queue, offset, input.text("the name of a queue", QUEUE_LIMIT)?),
            "deque" => fill(&mut self.deque, offset, input.text(DEQUE_NAME, QUEUE_LIMIT)?),
            "index" => fill(&mut self.index, offset, input.text(INDEX_NAME, QUEUE_LIMIT)?),
            "bound" => fill(&mut self.bound, offset, input.unsigned("the bound of a deque")?),
            "position" => fill(&mut self.position, offset, input.integer("a position in a queue")?),
            "stored" => fill(&mut self.stored, offset, input.unsigned(TIME)?),
            "expires" => fill(&mut self.expires, offset, input.unsigned(TIME)?),
            "ttl" => fill(&mut self.ttl, offset, input.unsigned(TIME)?),
            "sliding" => fill(&mut self.sliding, offset, input.flag("a boolean")?),
            "tags" => fill(&mut self.tags, offset, read_tags(input)?),
            "version" => fill(&mut self.version, offset, input.unsigned("the version of an entry")?),
            _ => input.skip(),
        }
    }

    /// The entry, whose value begins at `offset`.
    fn finish(self, offset: u64) -> Result<Entry> {
        let missing = |expected| Error::unexpected(offset, expected, "the value");
        let bound = self.bound;
        let place = match (self.key, self.queue, self.position, self.deque, self.index) {
            (Some(key), None, None, None, None) => Place::Key(key),
            (None, Some(name), Some(position), None, None) => Place::Queue { name, position },
            (None, None, None, Some(name), None) => Place::Deque { name, bound },
            (Some(key), None, None, None, Some(name)) => Place::Index { name, key },
            (None, Some(name), None, None, Some(index)) => Place::IndexQueue { index, name, bound },
            (None, Some(_), None, None, None) => return Err(missing("the field `position`")),
            _ => {
                const EXPECTED: &str =
                    "either `key`, `queue` and `position`, `deque`, `index` and `key`, or `index` and `queue`";
                return Err(missing(EXPECTED));
            }
        };
        Ok(Entry {
            place,
            stored_ms: self.stored.ok_or_else(|| missing("the field `stored`"))?,
            expires_ms: self.expires,
            ttl_ms: self.ttl,
            sliding: self.sliding.unwrap_or(false),
            tags: self.tags.unwrap_or_default(),
            version: self.version,
        })
    }
}

fn read_key<R: Read>(input: &mut Input<R>) -> Result<Key> {
    const EXPECTED: &str = "a key: a 64-bit integer, a float, a text or bytes";
    let (offset, head) = input.head(EXPECTED)?;
    match head {
        Head::Real(real) => check_real_key(offset, real).map(|()| Key::Real(real)),
        Head::Text(Some(size)) => input.text_content(offset, size, "the key", KEY_LIMIT).map(Key::Text),
        Head::Bytes(Some(size)) => input.bytes_content(offset, size, "the key", KEY_LIMIT).map(Key::Bytes),
        other => signed(other).map(Key::Integer).ok_or_else(|| Error::unexpected(offset, EXPECTED, other.describe())),
    }
}

fn read_tags<R: Read>(input: &mut Input<R>) -> Result<Vec<String>> {
    const EXPECTED: &str = "an array of tags";
    match input.head(EXPECTED)? {
        (offset, Head::Array(Some(size))) if size > TAGS_LIMIT as u64 => {
            Err(Error::TooLarge { offset, what: "the number of tags", size, limit: TAGS_LIMIT as u64 })
        }
        (_, Head::Array(Some(count))) => (0..count).map(|_| input.text("a tag", TAG_LIMIT)).collect(),
        (offset, other) => Err(Error::unexpected(offset, EXPECTED, other.describe())),
    }
}
