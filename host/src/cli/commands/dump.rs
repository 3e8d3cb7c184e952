//! `larder dump`.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use larder::dump::{Entry, Header, Key, Place, Source, Totals, Writer};
use larder::{Cache, Deque, Error, Item, Metadata, Order, Plain, Scan, Selection, Value};

use super::entries;
use crate::cli::failure::Failure;
use crate::cli::interrupt::{INTERRUPTED, Interrupt};
use crate::cli::progress::Bar;
use crate::cli::session::Session;
use crate::cli::{Outcome, json, units};

/// Write all that is in the cache to a portable file
///
/// Keys, values, tags, expiry, queues, deques and indexes, in the order they came in, in a documented format (a CBOR
/// sequence) that ends with a checksum. Others can use the cache meanwhile; what they change may be in
/// the dump or not. Large values are streamed. A file is there once it is complete; until then one of
/// the same name stays as it is. `larder load` stores the entries again.
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
        let totals = match &self.file {
            Some(path) => write_file(&cache, path)?,
            None if io::stdout().is_terminal() => {
                return Err(Failure::Usage("a dump is not for a terminal: name a file, or redirect the output".into()));
            }
            None => write(&cache, io::stdout().lock())?,
        };
        let Some(totals) = totals else {
            session.warn("interrupted: the dump is not complete");
            return Ok(Outcome::Code(INTERRUPTED));
        };
        if self.file.is_some() {
            let text = format!("dumped {}, {}", entries(totals.entries), units::show_size(totals.bytes));
            session.confirm(&json::Dumped { entries: totals.entries, bytes: totals.bytes }, &text)?;
        }
        Ok(Outcome::Done)
    }
}

/// Writes a file, which is there once it is complete: another of the name stays until then. None if Ctrl-C
/// has ended it.
fn write_file(cache: &Cache, path: &Path) -> Result<Option<Totals>, Failure> {
    let failed = |source| Failure::Input { what: path.display().to_string(), source };
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        // A pipe or a device, which can not be replaced.
        return write(cache, File::options().write(true).open(path).map_err(failed)?);
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.prefix(".larder-dump-").tempfile_in(directory).map_err(failed)?;
    let Some(totals) = write(cache, file.as_file())? else { return Ok(None) };
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(Some(totals))
}

/// Writes all entries; none if Ctrl-C has ended it.
fn write(cache: &Cache, stream: impl Write) -> Result<Option<Totals>, Failure> {
    let header = Header { shards: Some(cache.info()?.shards), ..Header::created(milliseconds(SystemTime::now())) };
    let writer = Writer::new(stream, &header).map_err(Failure::Dump)?;
    let mut dump = Dumping { cache, writer, bar: Bar::new("dumping"), total: cache.count()?, done: 0 };
    let interrupt = Interrupt::watch();
    let mut items = cache.items(&Scan::default())?;
    while let Some(item) = items.next() {
        match item {
            Ok(item) => dump.item(Place::Key(key(&item.key)), &item)?,
            Err(Error::TooLarge { .. }) => {
                let Some(key) = items.pass_over()? else { break };
                dump.large(&key)?;
            }
            Err(error) => return Err(error.into()),
        }
        if interrupt.is_pressed() {
            return Ok(None);
        }
    }
    for queue in cache.queues()? {
        let scan = Scan { selection: Selection::queue(&queue), order: Order::Key, ..Scan::default() };
        for item in cache.items(&scan)? {
            let item = item?;
            let position = item.key.as_integer().unwrap_or_default();
            dump.item(Place::Queue { name: queue.clone(), position }, &item)?;
            if interrupt.is_pressed() {
                return Ok(None);
            }
        }
    }
    if !dump.collections(&interrupt)? {
        return Ok(None);
    }
    dump.bar.finish();
    dump.writer.finish().map(Some).map_err(Failure::Dump)
}

/// A dump under way.
struct Dumping<'a, W: Write> {
    cache: &'a Cache,
    writer: Writer<W>,
    bar: Bar,
    total: u64,
    done: u64,
}

impl<W: Write> Dumping<'_, W> {
    fn item(&mut self, place: Place, item: &Item) -> Result<(), Failure> {
        self.entry(&head(place, &item.entry.metadata), source(&item.entry.value))
    }

    /// An entry whose value is read in parts, if it is still there.
    fn large(&mut self, name: &larder::Key<'_>) -> Result<(), Failure> {
        let Some(mut reader) = self.cache.read(name.clone())? else { return Ok(()) };
        let head = head(Place::Key(key(name)), reader.metadata());
        let source = if reader.is_text() { Source::TextFrom(&mut reader) } else { Source::BytesFrom(&mut reader) };
        self.entry(&head, source)
    }

    /// All deques and indexes; false if Ctrl-C has ended it.
    fn collections(&mut self, interrupt: &Interrupt) -> Result<bool, Failure> {
        for name in self.cache.deques()? {
            let (deque, to) = (self.cache.deque_plain(&name), name.clone());
            if !self.deque(&deque, interrupt, |bound| Place::Deque { name: to.clone(), bound })? {
                return Ok(false);
            }
        }
        for name in self.cache.indexes()? {
            let index = self.cache.index_plain::<larder::Key<'static>>(&name);
            for item in index.items()? {
                let (found, value) = item?;
                self.value(Place::Index { name: name.clone(), key: key(&found) }, &value)?;
                if interrupt.is_pressed() {
                    return Ok(false);
                }
            }
            for queue in index.queues()? {
                let place = |bound| Place::IndexQueue { index: name.clone(), name: queue.clone(), bound };
                if !self.deque(&index.queue::<Value<'static>>(&queue), interrupt, place)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn deque(
        &mut self,
        deque: &Deque<Value<'static>, Plain>,
        interrupt: &Interrupt,
        place: impl Fn(Option<u64>) -> Place,
    ) -> Result<bool, Failure> {
        let bound = deque.bound()?;
        for value in deque.values()? {
            self.value(place(bound), &value?)?;
            if interrupt.is_pressed() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A value in a deque or index.
    fn value(&mut self, place: Place, value: &Value<'_>) -> Result<(), Failure> {
        let head = Entry::new(place, milliseconds(SystemTime::now()));
        self.entry(&head, source(value))
    }

    fn entry(&mut self, head: &Entry, source: Source<'_>) -> Result<(), Failure> {
        self.done += 1;
        self.bar.show(self.done, self.total.max(self.done));
        self.writer.entry(head, source).map_err(Failure::Dump)
    }
}

fn head(place: Place, metadata: &Metadata) -> Entry {
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
