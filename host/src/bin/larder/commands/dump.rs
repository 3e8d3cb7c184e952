//! `larder dump`.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use larder::dump::{Entry, Header, Key, Place, Source, Totals, Writer};
use larder::{Cache, Item, Order, Scan, Selection, Value};

use super::entries;
use crate::failure::Failure;
use crate::progress::Bar;
use crate::session::Session;
use crate::{Outcome, json, units};

/// Write all entries to a portable file
///
/// Keys, values, tags, expiry and queues, in the order they came in, in a documented format (a CBOR
/// sequence) that ends with a checksum. Others can use the cache meanwhile; what they change may be in
/// the dump or not. `larder load` stores them again.
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder dump cache.dump
  larder dump | zstd > cache.dump.zst")]
pub(crate) struct Dump {
    /// Where to write to [default: standard output]
    file: Option<PathBuf>,
}

impl Dump {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let cache = session.open_to_read()?;
        let Some(path) = &self.file else {
            write(&cache, io::stdout().lock())?;
            return Ok(Outcome::Done);
        };
        let failed = |source| Failure::Input { what: path.display().to_string(), source };
        let file = File::create(path).map_err(failed)?;
        let totals = write(&cache, &file)?;
        file.sync_all().map_err(failed)?;
        let text = format!("dumped {}, {}", entries(totals.entries), units::show_size(totals.bytes));
        session.confirm(&json::Dumped { entries: totals.entries, bytes: totals.bytes }, &text)?;
        Ok(Outcome::Done)
    }
}

fn write(cache: &Cache, stream: impl Write) -> Result<Totals, Failure> {
    let header = Header { shards: Some(cache.info()?.shards), ..Header::created(milliseconds(SystemTime::now())) };
    let mut writer = Writer::new(stream, &header).map_err(Failure::Dump)?;
    let (bar, total) = (Bar::new("dumping"), cache.count()?);
    let mut done = 0;
    let mut add = |place: Place, item: &Item| {
        done += 1;
        bar.show(done, total.max(done));
        writer.entry(&head(place, item), source(&item.entry.value)).map_err(Failure::Dump)
    };
    for item in cache.items(&Scan::default())? {
        let item = item?;
        add(Place::Key(key(&item.key)), &item)?;
    }
    for queue in cache.queues()? {
        let scan = Scan { selection: Selection::queue(&queue), order: Order::Key, ..Scan::default() };
        for item in cache.items(&scan)? {
            let item = item?;
            let position = item.key.as_integer().unwrap_or_default();
            add(Place::Queue { name: queue.clone(), position }, &item)?;
        }
    }
    bar.finish();
    writer.finish().map_err(Failure::Dump)
}

fn head(place: Place, item: &Item) -> Entry {
    let metadata = &item.entry.metadata;
    Entry {
        expires_ms: metadata.expires.map(milliseconds),
        sliding: metadata.sliding,
        tags: metadata.tags.clone(),
        version: Some(metadata.version),
        ..Entry::new(place, milliseconds(metadata.stored))
    }
}

fn key(key: &larder::Key<'_>) -> Key {
    match key {
        larder::Key::Integer(integer) => Key::Integer(*integer),
        larder::Key::Real(real) => Key::Real(*real),
        larder::Key::Text(text) => Key::Text(text.to_string()),
        larder::Key::Bytes(bytes) => Key::Bytes(bytes.to_vec()),
    }
}

fn source<'a>(value: &'a Value<'_>) -> Source<'a> {
    match value {
        Value::Integer(integer) => Source::Integer(*integer),
        Value::Real(real) => Source::Real(*real),
        Value::Text(text) => Source::Text(text),
        Value::Bytes(bytes) => Source::Bytes(bytes),
    }
}

/// Milliseconds since the Unix epoch.
pub(super) fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).ok().and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or(0)
}
