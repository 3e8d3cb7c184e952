//! `larder load`.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Args;
use larder::dump::{Entry, Key, Place, Reader, Value};
use larder::{Cache, Draft, Expiry, SetOptions, Side, VALUE_LIMIT};

use super::dump::milliseconds;
use super::entries;
use crate::failure::Failure;
use crate::progress::Bar;
use crate::session::Session;
use crate::{Outcome, json};

/// Entries stored in one transaction.
const BATCH: usize = 256;
/// A batch ends early once its values take so many bytes.
const BATCH_SIZE: usize = 8 * 1024 * 1024;

/// Store the entries of a dump
///
/// Over those of the same keys; queues are added at the back. What has expired meanwhile is passed
/// over. A file is verified wholly before anything is stored; standard input while it is read. Exits
/// with 1 if there was nothing to store.
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder load cache.dump
  zstd -dc cache.dump.zst | larder --dir new load")]
pub(crate) struct Load {
    /// Where to read from [default: standard input]
    file: Option<PathBuf>,
}

impl Load {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let stored = match &self.file {
            None => load(&session.open_or_create()?, io::stdin().lock())?,
            Some(path) => {
                let failed = |source| Failure::Input { what: path.display().to_string(), source };
                Reader::new(File::open(path).map_err(failed)?).and_then(Reader::verify).map_err(Failure::Dump)?;
                load(&session.open_or_create()?, File::open(path).map_err(failed)?)?
            }
        };
        session.confirm(&stored, &format!("loaded {}", entries(stored.loaded)))?;
        if stored.expired > 0 {
            session.warn(&format!("{} passed over: expired", entries(stored.expired)));
        }
        Ok(Outcome::done(stored.loaded > 0))
    }
}

/// Entries that are stored together.
#[derive(Default)]
struct Batch {
    drafts: Vec<Draft<'static>>,
    size: usize,
}

impl Batch {
    fn store(&mut self, cache: &Cache) -> Result<(), Failure> {
        self.size = 0;
        if !self.drafts.is_empty() {
            cache.set_many(self.drafts.drain(..))?;
        }
        Ok(())
    }
}

fn load(cache: &Cache, stream: impl Read) -> Result<json::Loaded, Failure> {
    let mut reader = Reader::new(stream).map_err(Failure::Dump)?;
    let (bar, mut stored, mut batch) = (Bar::new("loading"), json::Loaded::default(), Batch::default());
    while let Some((entry, value)) = reader.next_entry().map_err(Failure::Dump)? {
        let value = read(value)?;
        let Some(options) = options(&entry) else {
            stored.expired += 1;
            continue;
        };
        stored.loaded += 1;
        bar.show(stored.loaded, stored.loaded);
        match entry.place {
            Place::Queue { name, .. } => {
                cache.push(&name, value, Side::Back, &options)?;
            }
            Place::Key(key) => {
                batch.size += size(&value);
                batch.drafts.push(Draft { key: to_key(key), value, options });
            }
        }
        if batch.drafts.len() >= BATCH || batch.size >= BATCH_SIZE {
            batch.store(cache)?;
        }
    }
    batch.store(cache)?;
    bar.finish();
    Ok(stored)
}

fn read<R: Read>(value: Value<'_, R>) -> Result<larder::Value<'static>, Failure> {
    Ok(match value {
        Value::Integer(integer) => integer.into(),
        Value::Real(real) => real.into(),
        Value::Text(stream) => stream.into_text(VALUE_LIMIT).map_err(Failure::Dump)?.into(),
        Value::Bytes(stream) => stream.into_bytes(VALUE_LIMIT).map_err(Failure::Dump)?.into(),
    })
}

fn size(value: &larder::Value<'_>) -> usize {
    value.as_text().map(str::len).or_else(|| value.as_bytes().map(<[u8]>::len)).unwrap_or(8)
}

fn to_key(key: Key) -> larder::Key<'static> {
    match key {
        Key::Integer(integer) => integer.into(),
        Key::Real(real) => real.into(),
        Key::Text(text) => text.into(),
        Key::Bytes(bytes) => bytes.into(),
    }
}

/// How to store an entry; none if it has expired.
fn options(entry: &Entry) -> Option<SetOptions> {
    let expiry = match entry.expires_ms {
        None => Expiry::Never,
        Some(expires) => {
            let left = expires.saturating_sub(milliseconds(SystemTime::now()));
            if left == 0 {
                return None;
            }
            Expiry::After(Duration::from_millis(left))
        }
    };
    let options = entry.tags.iter().fold(SetOptions::new().ttl(expiry), SetOptions::tag);
    Some(if entry.sliding { options.sliding() } else { options })
}
