//! Values written and read in parts.

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::Cache;
use super::held::Held;
use crate::error::{Error, Result};
use crate::options::{Content, Metadata, SetOptions};
use crate::value::Key;

/// Most bytes that are passed in one call: larger ones would only take more memory.
const PART: usize = 256 * 1024;

/// A value being written in parts; made by [`Cache::write`].
///
/// Each write is a call into the component, which gathers what it gets: wrap the writer in a
/// [`BufWriter`](io::BufWriter) if many are small. Nobody sees the value before
/// [`finish`](ValueWriter::finish); a writer that is dropped without it leaves no trace. Its errors
/// are [`Error`]s, to be had with [`Error::from`].
pub struct ValueWriter(Held);

/// A value being read in parts; made by [`Cache::read`].
///
/// It stays whole even if its entry is replaced or removed meanwhile. Each part is verified before
/// it is given out. Its errors are [`Error`]s, to be had with [`Error::from`].
pub struct ValueReader {
    held: Held,
    size: u64,
    is_text: bool,
    metadata: Metadata,
    /// Where the next part begins; it may be beyond the end.
    place: u64,
    /// Where the component would read next.
    component_place: u64,
}

impl Cache {
    /// Begins to write a value in parts: up to 64 GiB, of which at most a chunk is in memory. The
    /// writer occupies one of the handle's instances until it ends.
    ///
    /// ```
    /// use std::io::{Read, Seek, SeekFrom, Write};
    /// use larder::{Content, SetOptions};
    /// # let cache = larder::Cache::temporary()?;
    ///
    /// let mut writer = cache.write("log", Content::Text, &SetOptions::new())?;
    /// for line in 0..10_000 {
    ///     writeln!(writer, "line {line}")?;
    /// }
    /// writer.finish()?;
    ///
    /// let mut reader = cache.read("log")?.expect("it was just stored");
    /// reader.seek(SeekFrom::End(-5))?;
    /// let mut end = String::new();
    /// reader.read_to_string(&mut end)?;
    /// assert_eq!(end, "9999\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write<'k>(&self, key: impl Into<Key<'k>>, content: Content, options: &SetOptions) -> Result<ValueWriter> {
        let key = key.into();
        let tags = options.tags();
        let held = Held::open(&self.pool, |call| {
            let options = options.as_param(&tags);
            call.guest.call_write(call.store, call.resource, key.as_param(), content.into(), options)
        })?;
        Ok(ValueWriter(held))
    }

    /// Begins to read the live text or bytes value of a key in parts; a number is
    /// [`Error::WrongType`]. A hit counts as for [`Cache::get`]. The reader occupies one of the
    /// handle's instances until it ends.
    pub fn read<'k>(&self, key: impl Into<Key<'k>>) -> Result<Option<ValueReader>> {
        let key = key.into();
        let mut lent = self.pool.reserve()?;
        let resource = lent.instance()?.call(|call| call.guest.call_read(call.store, call.resource, key.as_param()))?;
        let Some(resource) = resource else { return Ok(None) };
        let mut held = Held::new(lent, resource);
        let size = held.call(|guest, store, reader| guest.value_reader().call_size(store, reader).map(Ok))?;
        let is_text = held.call(|guest, store, reader| guest.value_reader().call_is_text(store, reader).map(Ok))?;
        let metadata = held.call(|guest, store, reader| guest.value_reader().call_metadata(store, reader).map(Ok))?;
        Ok(Some(ValueReader { held, size, is_text, metadata: metadata.into(), place: 0, component_place: 0 }))
    }
}

impl ValueWriter {
    /// Stores the value as [`Cache::set`] does, and returns its version.
    pub fn finish(mut self) -> Result<u64> {
        self.0.call(|guest, store, writer| guest.value_writer().call_finish(store, writer))
    }
}

impl Write for ValueWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = bytes.get(..PART).unwrap_or(bytes);
        self.0.call(|guest, store, writer| guest.value_writer().call_write(store, writer, part))?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ValueReader {
    /// Size of the value in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
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

    /// The next part, of at most `limit` bytes.
    fn part(&mut self, limit: usize) -> Result<Vec<u8>> {
        let place = self.place;
        if self.component_place != place {
            self.held.call(|guest, store, reader| guest.value_reader().call_seek(store, reader, place))?;
            self.component_place = place;
        }
        let limit = u32::try_from(limit.min(PART)).unwrap_or(u32::MAX);
        let part = self.held.call(|guest, store, reader| guest.value_reader().call_read(store, reader, limit))?;
        self.place += part.len() as u64;
        self.component_place = self.place;
        Ok(part)
    }
}

impl Read for ValueReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.place >= self.size {
            return Ok(0);
        }
        let part = self.part(buffer.len())?;
        // The component gives no more than it was asked for.
        buffer.iter_mut().zip(&part).for_each(|(to, from)| *to = *from);
        Ok(part.len().min(buffer.len()))
    }
}

impl Seek for ValueReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.place.checked_add_signed(by),
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "a place before the beginning of the value");
        self.place = place.ok_or_else(before)?;
        Ok(self.place)
    }
}

impl std::fmt::Debug for ValueWriter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ValueWriter").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ValueReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ValueReader").field("size", &self.size).finish_non_exhaustive()
    }
}

/// For [`Read`] and [`Write`]: the error itself is inside.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::NotFound(_) => io::ErrorKind::NotFound,
            Error::PermissionDenied(_) => io::ErrorKind::PermissionDenied,
            Error::ReadOnly(_) => io::ErrorKind::ReadOnlyFilesystem,
            Error::Full(_) => io::ErrorKind::StorageFull,
            Error::TooLarge { .. } => io::ErrorKind::FileTooLarge,
            Error::Timeout(_) => io::ErrorKind::TimedOut,
            Error::InvalidArgument(_) => io::ErrorKind::InvalidInput,
            Error::Corrupt(_) => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// The error that a [`ValueReader`] or [`ValueWriter`] met; of any other origin, [`Error::Io`].
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(|error| Self::Io(error.to_string()))
    }
}
