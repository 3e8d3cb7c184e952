//! Storing, deleting, touching an entry, adding to it.

use rusqlite::types::ToSqlOutput;

use super::Shard;
use super::change::{Change, Draft, Reason, admit, entry_size};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::lifetime::Lifetime;
use crate::number::Number;
use crate::options::{Expiry, SetOptions};
use crate::value::{Form, Value};

/// Whether to store over an entry that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Store in any case.
    Always,
    /// Store only if there is none that is live.
    IfAbsent,
}

impl Shard {
    /// Stores a value; returns its version, none if `mode` forbade it.
    pub(crate) fn set(
        &mut self,
        key: &Key,
        hash: u64,
        value: &Value,
        options: &SetOptions,
        mode: Mode,
    ) -> Result<Option<u64>> {
        let tags = options.checked_tags()?;
        self.guard(|shard| {
            shard.refuse_if_read_only()?;
            let form = value.form(shard.settings.inline_threshold);
            if form.is_file() {
                // Before a large file is written in vain. What counts is looked at again later.
                admit(key, entry_size(key, value.size() as u64, &tags), &shard.settings, shard.index)?;
                if mode == Mode::IfAbsent && shard.is_taken(key)? {
                    return Ok(None);
                }
            }
            let file = if form.is_file() { Some(shard.write_file(value.file_content())?) } else { None };
            let stored = shard.change_entry(Some(key), |change| {
                if mode == Mode::IfAbsent && change.live().is_some() {
                    return Ok(None);
                }
                let lifetime = change.lifetime(options)?;
                change.store_value(key, hash, value, form, file, lifetime, &tags).map(Some)
            });
            if let (Some(file), Ok(None) | Err(_)) = (file, &stored) {
                shard.discard_file(file);
            }
            stored
        })
    }

    /// Removes the entry of a key; whether there was one that was live.
    pub(crate) fn delete(&mut self, key: &Key) -> Result<bool> {
        self.guard(|shard| {
            shard.change_entry(Some(key), |change| {
                let Some(prior) = change.prior.clone() else { return Ok(false) };
                let live = prior.lifetime.is_live(change.now);
                change.remove(&prior.stored, if live { Reason::Deleted } else { Reason::Expired })?;
                Ok(live)
            })
        })
    }

    /// Gives a live entry another expiry; whether there was one.
    pub(crate) fn touch(&mut self, key: &Key, expiry: Expiry) -> Result<bool> {
        self.guard(|shard| {
            shard.change_entry(Some(key), |change| {
                let Some(prior) = change.live() else { return Ok(false) };
                let default_ttl = change.settings().default_ttl;
                let lifetime = Lifetime::starting(change.now, expiry, default_ttl, prior.lifetime.sliding)?;
                change.set_lifetime(prior.stored.id, lifetime)?;
                Ok(true)
            })
        })
    }

    /// Adds to a number; returns the sum, none if there was no entry and no `initial`.
    pub(crate) fn increment(
        &mut self,
        key: &Key,
        hash: u64,
        delta: Number,
        initial: Option<Number>,
        options: &SetOptions,
    ) -> Result<Option<Number>> {
        let tags = options.checked_tags()?;
        self.guard(|shard| {
            shard.change_entry(Some(key), |change| {
                let Some(prior) = change.live().cloned() else {
                    let Some(initial) = initial else { return Ok(None) };
                    let sum = initial.plus(delta, key)?;
                    let lifetime = change.lifetime(options)?;
                    change.store_number(key, hash, sum, lifetime, &tags)?;
                    return Ok(Some(sum));
                };
                let sum = change.number(prior.stored.id, key, hash)?.plus(delta, key)?;
                let tags = prior.stored.tags();
                let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
                change.store_number(key, hash, sum, prior.lifetime, &tags)?;
                Ok(Some(sum))
            })
        })
    }
}

impl Change<'_> {
    /// The lifetime of an entry that is stored now.
    fn lifetime(&self, options: &SetOptions) -> Result<Lifetime> {
        Lifetime::starting(self.now, options.ttl, self.settings().default_ttl, options.sliding)
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of an entry, at the one place that joins them")]
    fn store_value(
        &mut self,
        key: &Key,
        hash: u64,
        value: &Value,
        form: Form,
        file: Option<i64>,
        lifetime: Lifetime,
        tags: &[&str],
    ) -> Result<u64> {
        let draft = Draft {
            key,
            column: ToSqlOutput::Borrowed(value.to_column(form)),
            form,
            file,
            length: value.size() as u64,
            checksum: value.checksum(hash, form),
            lifetime,
            tags,
        };
        self.store(&draft).map(i64::cast_unsigned)
    }

    fn store_number(&mut self, key: &Key, hash: u64, sum: Number, lifetime: Lifetime, tags: &[&str]) -> Result<()> {
        let value = Value::from(sum);
        let form = value.form(u32::MAX);
        self.store_value(key, hash, &value, form, None, lifetime, tags).map(drop)
    }

    /// The number an entry holds.
    fn number(&self, id: i64, key: &Key, hash: u64) -> Result<Number> {
        let read = self.run(|connection| {
            connection.prepare_cached("SELECT form, checksum, value FROM entry WHERE id = ?1")?.query_row([id], |row| {
                let Some(form) = Form::from_number(row.get(0)?) else { return Ok(Err(None)) };
                let (checksum, column): (i64, _) = (row.get(1)?, row.get_ref(2)?);
                Ok(match Value::from_column(form, column) {
                    Some(value @ (Value::Integer(_) | Value::Real(_))) => {
                        if value.checksum(hash, form) == checksum {
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
            Some(kind) => Error::WrongType(format!("{key} holds {kind}; only a number can be added to")),
            None => Error::Corrupt(format!("the value of {key} was altered")),
        })
    }
}
