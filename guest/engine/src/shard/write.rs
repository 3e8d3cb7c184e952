//! Storing, deleting, touching an entry, adding to it.

use rusqlite::types::ToSqlOutput;

use super::Shard;
use super::address::Address;
use super::change::Change;
use super::parts::{Draft, Prior, WrittenFile, admit, entry_size};
use super::store::Reason;
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::lifetime::Lifetime;
use crate::number::Number;
use crate::options::{Expiry, SetOptions};
use crate::value::{Form, Value};

/// Under which condition to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In any case.
    Always,
    /// Only if there is no entry that is live.
    IfAbsent,
    /// Only over a live entry of this version.
    IfVersion(u64),
}

impl Mode {
    /// Whether it permits to store over a live entry, or over none.
    fn permits(self, live: Option<&Prior>) -> bool {
        match self {
            Self::Always => true,
            Self::IfAbsent => live.is_none(),
            Self::IfVersion(version) => live.is_some_and(|prior| prior.version.cast_unsigned() == version),
        }
    }
}

/// How to store a value, checked.
pub(crate) struct Store<'a> {
    /// The value.
    pub(crate) value: &'a Value,
    /// When it expires.
    pub(crate) ttl: Expiry,
    /// Whether a hit starts that anew.
    pub(crate) sliding: bool,
    /// Its labels, in order.
    pub(crate) tags: Vec<&'a str>,
}

impl<'a> Store<'a> {
    /// Checks options.
    pub(crate) fn new(value: &'a Value, options: &'a SetOptions) -> Result<Self> {
        Ok(Self { value, ttl: options.ttl, sliding: options.sliding, tags: options.checked_tags()? })
    }
}

impl Shard {
    /// Stores a value; returns its version, none if `mode` forbade it.
    pub(crate) fn set(&mut self, key: &Key, hash: u64, store: &Store<'_>, mode: Mode) -> Result<Option<u64>> {
        let address = Address::Key(key, hash);
        self.guard(|shard| {
            shard.refuse_if_read_only()?;
            let form = store.value.form(shard.settings.inline_threshold);
            if form.is_file() && mode == Mode::IfAbsent && shard.is_taken(key)? {
                // Before a large file is written in vain. What counts is looked at again later.
                return Ok(None);
            }
            let file = shard.write_value(address, store, form)?;
            let stored = shard.change_entry(Some(key), |change| {
                if !mode.permits(change.live()) {
                    return Ok(None);
                }
                change.store_value(address, store, form, file).map(Some)
            });
            if !matches!(stored, Ok(Some(_))) {
                shard.discard_written(file);
            }
            stored
        })
    }

    /// Stores many values, all or none; returns their versions.
    pub(crate) fn set_many(&mut self, stores: &[&(&Key, u64, Store<'_>)]) -> Result<Vec<u64>> {
        self.guard(|shard| {
            shard.refuse_if_read_only()?;
            let mut files = Vec::new();
            let done = shard.write_values(stores, &mut files).and_then(|()| {
                shard.change(|change| {
                    let each = stores.iter().zip(&files).map(|((key, hash, store), (form, file))| {
                        let address = Address::Key(key, *hash);
                        change.turn_to(address)?;
                        change.store_value(address, store, *form, *file)
                    });
                    each.collect()
                })
            });
            if done.is_err() {
                for (_, file) in files {
                    shard.discard_written(file);
                }
            }
            done
        })
    }

    fn write_values(
        &mut self,
        stores: &[&(&Key, u64, Store<'_>)],
        files: &mut Vec<(Form, Option<WrittenFile>)>,
    ) -> Result<()> {
        stores.iter().try_for_each(|(key, hash, store)| {
            let form = store.value.form(self.settings.inline_threshold);
            files.push((form, self.write_value(Address::Key(key, *hash), store, form)?));
            Ok(())
        })
    }

    /// Writes the file of a value that is to have one.
    pub(super) fn write_value(
        &mut self,
        address: Address<'_>,
        store: &Store<'_>,
        form: Form,
    ) -> Result<Option<WrittenFile>> {
        if !form.is_file() {
            return Ok(None);
        }
        // Before a large file is written in vain. What counts is looked at again later.
        admit(address, entry_size(address, store.value.size() as u64, &store.tags), &self.settings, self.index)?;
        self.write_file(store.value.file_content()).map(Some)
    }

    pub(super) fn discard_written(&mut self, file: Option<WrittenFile>) {
        if let Some(file) = file {
            self.discard_file(file.number);
        }
    }

    /// Removes the entry of a key, if it has the expected version; whether there was one that was
    /// live.
    pub(crate) fn delete(&mut self, key: &Key, expected: Option<u64>) -> Result<bool> {
        let mode = expected.map_or(Mode::Always, Mode::IfVersion);
        self.guard(|shard| shard.change_entry(Some(key), |change| change.delete(mode)))
    }

    /// Removes many entries, all or none; for each whether it was live.
    pub(crate) fn delete_many(&mut self, keys: &[&(&Key, u64)]) -> Result<Vec<bool>> {
        self.guard(|shard| {
            shard.change(|change| {
                let each = keys.iter().map(|(key, hash)| {
                    change.turn_to(Address::Key(key, *hash))?;
                    change.delete(Mode::Always)
                });
                each.collect()
            })
        })
    }

    /// Removes the live entry of a key and returns it. Its value is read first, so that no damage of
    /// it costs the entry.
    pub(crate) fn pop(&mut self, key: &Key, hash: u64) -> Result<Option<Entry>> {
        let popped = self.exclusively(|shard| {
            let Some(entry) = shard.live_entry(Address::Key(key, hash))? else { return Ok(None) };
            shard.change_entry(Some(key), |change| change.delete(Mode::Always))?;
            Ok(Some(entry))
        })?;
        self.count_read(popped.is_some());
        Ok(popped)
    }

    /// Gives a live entry another expiry; whether there was one.
    pub(crate) fn touch(&mut self, key: &Key, expiry: Expiry) -> Result<bool> {
        self.guard(|shard| shard.change_entry(Some(key), |change| change.touch(expiry)))
    }

    /// Gives many live entries another expiry, all or none; for each whether it was live.
    pub(crate) fn touch_many(&mut self, keys: &[&(&Key, u64)], expiry: Expiry) -> Result<Vec<bool>> {
        self.guard(|shard| {
            shard.change(|change| {
                let each = keys.iter().map(|(key, hash)| {
                    change.turn_to(Address::Key(key, *hash))?;
                    change.touch(expiry)
                });
                each.collect()
            })
        })
    }

    /// Adds to a number, or subtracts; returns the result, none if there was no entry and no
    /// `initial`.
    pub(crate) fn increment(
        &mut self,
        key: &Key,
        hash: u64,
        by: Step,
        initial: Option<Number>,
        options: &SetOptions,
    ) -> Result<Option<Number>> {
        let tags = options.checked_tags()?;
        let address = Address::Key(key, hash);
        self.guard(|shard| {
            shard.change_entry(Some(key), |change| {
                let Some(prior) = change.live().cloned() else {
                    let Some(initial) = initial else { return Ok(None) };
                    let sum = by.apply(initial, key)?;
                    let lifetime = change.lifetime(options.ttl, options.sliding)?;
                    change.store_number(address, sum, lifetime, &tags)?;
                    return Ok(Some(sum));
                };
                let sum = by.apply(change.number(prior.stored.id, address)?, key)?;
                let tags = prior.stored.tags();
                let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
                change.store_number(address, sum, prior.lifetime, &tags)?;
                Ok(Some(sum))
            })
        })
    }
}

/// What is done to a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    /// Added.
    Plus(Number),
    /// Subtracted.
    Minus(Number),
}

impl Step {
    fn apply(self, number: Number, key: &Key) -> Result<Number> {
        match self {
            Self::Plus(delta) => number.plus(delta, key),
            Self::Minus(delta) => number.minus(delta, key),
        }
    }
}

impl Change<'_> {
    /// The lifetime of an entry that is stored now.
    fn lifetime(&self, ttl: Expiry, sliding: bool) -> Result<Lifetime> {
        Lifetime::starting(self.now, ttl, self.settings().default_ttl, sliding)
    }

    /// Removes the entry the change is about, if `mode` permits; whether it was live.
    pub(super) fn delete(&mut self, mode: Mode) -> Result<bool> {
        let Some(prior) = self.prior.clone() else { return Ok(false) };
        let live = prior.lifetime.is_live(self.now);
        if live && !mode.permits(Some(&prior)) {
            return Ok(false);
        }
        self.remove(&prior.stored, if live { Reason::Deleted } else { Reason::Expired })?;
        Ok(live)
    }

    fn touch(&mut self, expiry: Expiry) -> Result<bool> {
        let Some(prior) = self.live() else { return Ok(false) };
        let (id, sliding) = (prior.stored.id, prior.lifetime.sliding);
        let lifetime = self.lifetime(expiry, sliding)?;
        self.set_lifetime(id, lifetime)?;
        Ok(true)
    }

    /// Stores a value, whose file is written if it has one.
    pub(super) fn store_value(
        &mut self,
        address: Address<'_>,
        store: &Store<'_>,
        form: Form,
        file: Option<WrittenFile>,
    ) -> Result<u64> {
        let lifetime = self.lifetime(store.ttl, store.sliding)?;
        let draft = Draft {
            address,
            column: ToSqlOutput::Borrowed(store.value.to_column(form)),
            form,
            file,
            length: store.value.size() as u64,
            checksum: store.value.checksum(address.hash(), form),
            lifetime,
            tags: &store.tags,
        };
        self.store(&draft).map(i64::cast_unsigned)
    }

    fn store_number(&mut self, address: Address<'_>, sum: Number, lifetime: Lifetime, tags: &[&str]) -> Result<()> {
        let value = Value::from(sum);
        let form = value.form(u32::MAX);
        let draft = Draft {
            address,
            column: ToSqlOutput::Borrowed(value.to_column(form)),
            form,
            file: None,
            length: value.size() as u64,
            checksum: value.checksum(address.hash(), form),
            lifetime,
            tags,
        };
        self.store(&draft).map(drop)
    }

    /// The number an entry holds.
    fn number(&self, id: i64, address: Address<'_>) -> Result<Number> {
        let read = self.run(|connection| {
            connection.prepare_cached("SELECT form, checksum, value FROM entry WHERE id = ?1")?.query_row([id], |row| {
                let Some(form) = Form::from_number(row.get(0)?) else { return Ok(Err(None)) };
                let (checksum, column): (i64, _) = (row.get(1)?, row.get_ref(2)?);
                Ok(match Value::from_column(form, column) {
                    Some(value @ (Value::Integer(_) | Value::Real(_))) => {
                        if value.checksum(address.hash(), form) == checksum {
                            Number::from_value(&value).ok_or(None)
                        } else {
                            Err(None)
                        }
                    }
                    Some(value) => Err(Some(value.type_name())),
                    None if form.is_file() => Err(Some("a text or bytes value in a file")),
                    None => Err(None),
                })
            })
        })?;
        read.map_err(|other| match other {
            Some(kind) => Error::WrongType(format!("{address} holds {kind}; only a number can be added to")),
            None => Error::Corrupt(format!("the value of {address} was altered")),
        })
    }
}
