//! `larder load`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Args;
use larder::dump::{CHUNK, Entry, Key, Place, Reader, Value, ValueStream};
use larder::{Cache, Content, Draft, Expiry, SetOptions, Side, VALUE_LIMIT};

use super::dump::milliseconds;
use super::entries;
use crate::cli::failure::Failure;
use crate::cli::interrupt::{INTERRUPTED, Interrupt};
use crate::cli::progress::Bar;
use crate::cli::session::Session;
use crate::cli::{Outcome, json};

/// Entries stored in one transaction.
const BATCH: usize = 256;
/// A batch ends early once its values take so many bytes.
const BATCH_SIZE: usize = 8 * 1024 * 1024;

/// Store what is in a dump
///
/// Over those of the same keys; queues and deques are added to at the back. What has expired meanwhile is passed
/// over. A file is verified wholly before anything is stored; standard input while it is read, and what
/// was stored before it turns out to be damaged stays. Large values are streamed. Exits with 1 if there
/// was nothing to store.
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
        let Some(path) = &self.file else { return load(session, io::stdin().lock()) };
        let failed = |source| Failure::Input { what: path.display().to_string(), source };
        let file = File::open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            // A pipe or a device, which can not be read twice.
            return load(session, file);
        }
        Reader::new(file).and_then(Reader::verify).map_err(Failure::Dump)?;
        load(session, File::open(path).map_err(failed)?)
    }
}

fn load(session: &Session, stream: impl Read) -> Result<Outcome, Failure> {
    // Before a cache is made for it: perhaps it is no dump.
    let reader = Reader::new(stream).map_err(Failure::Dump)?;
    let interrupt = Interrupt::watch();
    let cache = session.open_or_create()?;
    let mut loading = Loading { cache: &cache, drafts: Vec::new(), size: 0, stored: json::Loaded::default() };
    let ended = loading.all(reader, &interrupt);
    let stored = loading.stored;
    let interrupted = match ended {
        Ok(finished) => !finished,
        Err(failure) => {
            if stored.loaded > 0 {
                session.warn(&format!("loaded {}, then it failed", entries(stored.loaded)));
            }
            return Err(failure);
        }
    };
    session.confirm(&json::Ended { done: stored, interrupted }, &format!("loaded {}", entries(stored.loaded)))?;
    if stored.expired > 0 {
        session.warn(&format!("{} passed over: expired", entries(stored.expired)));
    }
    if interrupted {
        session.warn("interrupted: there may be more to load");
        return Ok(Outcome::Code(INTERRUPTED));
    }
    Ok(Outcome::done(stored.loaded > 0))
}

/// A dump that is being loaded.
struct Loading<'a> {
    cache: &'a Cache,
    /// Entries that are stored together.
    drafts: Vec<Draft<'static>>,
    /// Bytes their values take.
    size: usize,
    stored: json::Loaded,
}

impl Loading<'_> {
    /// Stores all that is left; false if Ctrl-C has ended it.
    fn all<R: Read>(&mut self, mut reader: Reader<R>, interrupt: &Interrupt) -> Result<bool, Failure> {
        let bar = Bar::new("loading");
        while let Some((entry, value)) = reader.next_entry().map_err(Failure::Dump)? {
            self.entry(entry, value)?;
            bar.show(self.stored.loaded, self.stored.loaded);
            if self.drafts.len() >= BATCH || self.size >= BATCH_SIZE {
                self.store()?;
            }
            if interrupt.is_pressed() {
                self.store()?;
                bar.finish();
                return Ok(false);
            }
        }
        self.store()?;
        bar.finish();
        Ok(true)
    }

    fn entry<R: Read>(&mut self, entry: Entry, value: Value<'_, R>) -> Result<(), Failure> {
        let Some(options) = options(&entry) else {
            self.stored.expired += 1;
            return Ok(());
        };
        match (entry.place, value) {
            (Place::Queue { name, .. }, value) => {
                self.cache.push(&name, read(value)?, Side::Back, &options)?;
                self.stored.loaded += 1;
            }
            (place @ (Place::Deque { .. } | Place::Index { .. } | Place::IndexQueue { .. }), value) => {
                self.collect(place, &read(value)?)?;
                self.stored.loaded += 1;
            }
            (Place::Key(key), Value::Text(stream)) if is_large(&stream) => {
                self.stream(key, Content::Text, stream, &options)?;
            }
            (Place::Key(key), Value::Bytes(stream)) if is_large(&stream) => {
                self.stream(key, Content::Bytes, stream, &options)?;
            }
            (Place::Key(key), value) => {
                let value = read(value)?;
                self.size += size(&value);
                self.drafts.push(Draft { key: to_key(key), value, options });
            }
        }
        Ok(())
    }

    /// Adds a value to a deque or index, after those before it.
    fn collect(&mut self, place: Place, value: &larder::Value<'static>) -> Result<(), Failure> {
        let deque = match place {
            Place::Index { name, key } => {
                self.cache.index_plain::<larder::Key<'static>>(name).set(to_key(key), value)?;
                return Ok(());
            }
            Place::Deque { name, bound } => Some((self.cache.deque_plain(name), bound)),
            Place::IndexQueue { index, name, bound } => {
                Some((self.cache.index_plain::<larder::Key<'static>>(index).queue(name), bound))
            }
            Place::Key(_) | Place::Queue { .. } => None,
        };
        let Some((deque, bound)) = deque else { return Ok(()) };
        if bound.is_some() && deque.bound()? != bound {
            deque.set_bound(bound)?;
        }
        deque.push_back(value)?;
        Ok(())
    }

    /// Stores a value that may be larger than memory.
    fn stream<R: Read>(
        &mut self,
        key: Key,
        content: Content,
        mut stream: ValueStream<'_, R>,
        options: &SetOptions,
    ) -> Result<(), Failure> {
        // In their order.
        self.store()?;
        let mut writer = self.cache.write(to_key(key), content, options)?;
        let mut piece = vec![0; CHUNK];
        loop {
            let length = stream.read_piece(&mut piece).map_err(Failure::Dump)?;
            let Some(part) = piece.get(..length).filter(|part| !part.is_empty()) else { break };
            writer.write_all(part).map_err(larder::Error::from)?;
        }
        writer.finish()?;
        self.stored.loaded += 1;
        Ok(())
    }

    fn store(&mut self) -> Result<(), Failure> {
        self.size = 0;
        if !self.drafts.is_empty() {
            self.stored.loaded += self.cache.set_many(self.drafts.drain(..))?.len() as u64;
        }
        Ok(())
    }
}

/// Whether a value is better stored in parts.
fn is_large<R: Read>(stream: &ValueStream<'_, R>) -> bool {
    // Of one in chunks it is not known.
    stream.size().is_none_or(|size| size > BATCH_SIZE as u64)
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
