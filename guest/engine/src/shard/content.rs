//! Putting values into files and reading them from there, whole or in parts.

use std::fs::File;
use std::io;

use super::Shard;
use super::address::Address;
use super::parts::{Kept, WrittenFile, admit, entry_size};
use super::write::{Mode, Store, Terms};
use crate::content::{Fault, Reader, STREAM_LIMIT, Writer, read_whole};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::lifetime::Lifetime;
use crate::options::Durability;
use crate::value::{Form, VALUE_LIMIT, Value, file_seeds};

/// A value file to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct ValueFile {
    pub(super) form: Form,
    pub(super) file: i64,
    pub(super) length: u64,
    pub(super) checksum: i64,
}

/// A value file being written, in the charge of the shard's owner. Whoever does not finish it has
/// to abandon it.
#[derive(Debug)]
pub(crate) struct Drafted {
    number: i64,
    writer: Writer<File>,
    /// Whose charge it is in: after another has had the directory, the file is gone.
    owner: i64,
}

/// A value to be read in parts.
pub(crate) enum Part {
    /// In its row.
    Inline(Value),
    /// In its file.
    File { reader: Reader<File>, is_text: bool },
}

impl Part {
    /// Whether it can be read in parts: numbers can not.
    pub(crate) fn has_parts(&self) -> bool {
        !matches!(self, Self::Inline(Value::Integer(_) | Value::Real(_)))
    }
}

impl Shard {
    /// Brings a value into the form in which it is kept, and writes its file if it is to have one.
    pub(super) fn keep_value<'v>(&mut self, address: Address<'_>, store: &Store<'v>) -> Result<Kept<'v>> {
        let form = store.value.form(self.settings.inline_threshold);
        if !form.is_file() {
            return Ok(Kept::inline(address, store.value, self.settings.compression));
        }
        // Before a large file is written in vain.
        self.admit_value(address, store)?;
        let mut drafted = self.draft_file(address)?;
        match self.append_to_file(&mut drafted, store.value.file_content()) {
            Ok(()) => self.finish_file(address, drafted, form),
            Err(error) => {
                self.abandon_file(drafted);
                Err(error)
            }
        }
    }

    /// Refuses a value that could never fit, by the settings that are known. What counts is looked at when it
    /// is stored.
    pub(crate) fn admit_value(&self, address: Address<'_>, store: &Store<'_>) -> Result<()> {
        let size = entry_size(address, store.value.size() as u64, &store.terms().tags);
        admit(address, size, &self.settings, self.index).map(drop)
    }

    /// Removes the file of a value that was not stored.
    pub(super) fn discard_kept(&mut self, kept: &Kept<'_>) {
        if let Some(file) = kept.file {
            self.discard_file(file.number);
        }
    }

    /// Begins a value file under a reserved name.
    pub(super) fn draft_file(&mut self, address: Address<'_>) -> Result<Drafted> {
        let (owner, number) = (self.tenure.owner()?, self.take_name()?);
        match self.files.create(number) {
            Ok(file) => {
                let writer = Writer::new(file, address.hash(), self.settings.compression);
                Ok(Drafted { number, writer, owner })
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::AlreadyExists {
                    self.give_up_name(number);
                } else {
                    self.discard_file(number);
                }
                Err(Error::from_own_file(&self.files.path(number), &error))
            }
        }
    }

    /// Adds to a file.
    pub(crate) fn append_to_file(&self, drafted: &mut Drafted, bytes: &[u8]) -> Result<()> {
        drafted.writer.push(bytes).map_err(|error| Error::from_own_file(&self.files.path(drafted.number), &error))
    }

    /// Completes a file, and waits for the disk if that is what the directory promises.
    pub(super) fn finish_file(&mut self, address: Address<'_>, drafted: Drafted, form: Form) -> Result<Kept<'static>> {
        let Drafted { number, writer, owner } = drafted;
        if owner != self.tenure.owner()? {
            return Err(Error::Locked(format!("{}: it was somebody else's meanwhile", self.directory.display())));
        }
        let finished = writer.finish(file_seeds(address.hash(), form).directory).and_then(|(file, summary)| {
            if self.settings.durability == Durability::Full {
                self.files.sync(number, &file, &*self.platform)?;
            }
            Ok(Kept::in_file(form, WrittenFile { number, summary }))
        });
        finished.map_err(|error| {
            self.discard_file(number);
            Error::from_own_file(&self.files.path(number), &error)
        })
    }

    /// Gives up a file that is not to be completed.
    pub(crate) fn abandon_file(&mut self, drafted: Drafted) {
        let Drafted { number, writer, owner } = drafted;
        // Closed before it is removed.
        drop(writer);
        // Of another owner's time it is removed by whoever has had the directory since.
        if self.tenure.owner().is_ok_and(|current| current == owner) {
            self.discard_file(number);
        }
    }

    /// From which size on a value has a file.
    pub(crate) fn file_threshold(&self) -> u64 {
        u64::from(self.settings.inline_threshold)
    }

    /// Refuses what could not be stored in the end, before anything is written.
    pub(crate) fn check_terms(&self, terms: &Terms<'_>) -> Result<()> {
        self.refuse_if_read_only()?;
        Lifetime::starting(self.platform.wall_ms(), terms.ttl, self.settings.default_ttl, terms.sliding).map(drop)
    }

    /// Refuses a value that becomes too large for the directory.
    pub(crate) fn admit_length(&self, key: &Key, hash: u64, length: u64, terms: &Terms<'_>) -> Result<()> {
        let address = Address::Key(key, hash);
        if length > STREAM_LIMIT {
            let what = format!("the value of {address}");
            return Err(Error::TooLarge { what, size: length, limit: STREAM_LIMIT });
        }
        admit(address, entry_size(address, length, &terms.tags), &self.settings, self.index).map(drop)
    }

    /// Begins the file of a value that is written in parts.
    pub(crate) fn draft_value(&mut self, key: &Key, hash: u64) -> Result<Drafted> {
        self.guard(|shard| shard.draft_file(Address::Key(key, hash)))
    }

    /// Stores a value whose parts have been written; returns its version.
    pub(crate) fn set_drafted(
        &mut self,
        key: &Key,
        hash: u64,
        terms: &Terms<'_>,
        drafted: Drafted,
        is_text: bool,
    ) -> Result<u64> {
        let form = if is_text { Form::TextFile } else { Form::BytesFile };
        self.guard(|shard| {
            let kept = shard.finish_file(Address::Key(key, hash), drafted, form)?;
            let version = shard.set_kept(key, hash, terms, &kept, Mode::Always)?;
            version.ok_or_else(|| Error::Io("a value was not stored".into()))
        })
    }

    /// The whole value in a file; none if there is no such file.
    pub(super) fn read_file(&self, address: Address<'_>, file: &ValueFile) -> Result<Option<Value>> {
        let length = usize::try_from(file.length).unwrap_or(usize::MAX);
        if length > VALUE_LIMIT {
            let what = format!("the value of {address}, which can only be read in parts,");
            return Err(Error::TooLarge { what, size: file.length, limit: VALUE_LIMIT as u64 });
        }
        let seeds = file_seeds(address.hash(), file.form);
        let read = self.files.open(file.file).map_err(Fault::from);
        let read = read.and_then(|handle| read_whole(handle, length, file.checksum.cast_unsigned(), seeds));
        let Some(content) = self.found(address, file, read)? else { return Ok(None) };
        let value = Value::from_file(file.form, content);
        value.map(Some).ok_or_else(|| self.altered(address, file))
    }

    /// A value file, open; none if there is no such file.
    pub(super) fn open_file(&self, address: Address<'_>, file: &ValueFile) -> Result<Option<Reader<File>>> {
        let seeds = file_seeds(address.hash(), file.form);
        let opened = self.files.open(file.file).map_err(Fault::from);
        let opened = opened.and_then(|handle| Reader::open(handle, file.length, file.checksum.cast_unsigned(), seeds));
        self.found(address, file, opened)
    }

    /// Reads a value file to its end; whether there is one.
    pub(super) fn verify_file(
        &self,
        address: Address<'_>,
        file: &ValueFile,
        opened: Option<Reader<File>>,
    ) -> Result<bool> {
        let Some(mut reader) = opened else { return Ok(false) };
        self.found(address, file, reader.verify().map(|()| true)).map(|found| found.unwrap_or(false))
    }

    fn found<T>(&self, address: Address<'_>, file: &ValueFile, read: Result<T, Fault>) -> Result<Option<T>> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(Fault::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(Fault::Io(error)) => Err(Error::from_own_file(&self.files.path(file.file), &error)),
            Err(Fault::Altered) => Err(self.altered(address, file)),
        }
    }

    fn altered(&self, address: Address<'_>, file: &ValueFile) -> Error {
        let path = self.files.path(file.file);
        Error::Corrupt(format!("{}, the value of {address}, was altered", path.display()))
    }
}
