//! Storing, deleting, touching an entry, adding to it.

use super::Shard;
use super::address::Address;
use super::change::{Change, Subject};
use super::parts::{Draft, Kept, Prior};
use super::store::Reason;
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::lifetime::Lifetime;
use crate::number::Number;
use crate::options::{Compression, Expiry, SetOptions};
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
            Self::IfVersion(version) => live.is_some_and(|prior| prior.stored.version.cast_unsigned() == version),
        }
    }
}

/// A value and how to store it, checked.
pub(crate) struct Store<'a> {
    /// The value.
    pub(crate) value: &'a Value,
    terms: Terms<'a>,
}

/// How to store a value, checked.
pub(crate) struct Terms<'a> {
    /// When it expires.
    pub(super) ttl: Expiry,
    /// Whether a hit starts that anew.
    pub(super) sliding: bool,
    /// Its labels, in order.
    pub(super) tags: Vec<&'a str>,
}

impl<'a> Store<'a> {
    /// Checks options.
    pub(crate) fn new(value: &'a Value, options: &'a SetOptions) -> Result<Self> {
        Ok(Self { value, terms: Terms::new(options)? })
    }

    /// How to store the value.
    pub(super) fn terms(&self) -> &Terms<'a> {
        &self.terms
    }
}

impl<'a> Terms<'a> {
    /// Checks options.
    pub(crate) fn new(options: &'a SetOptions) -> Result<Self> {
        Ok(Self { ttl: options.ttl, sliding: options.sliding, tags: options.checked_tags()? })
    }

    /// The same with another expiry.
    pub(super) fn with_expiry(&self, ttl: Expiry) -> Self {
        Self { ttl, sliding: self.sliding, tags: self.tags.clone() }
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
            let kept = shard.keep_value(address, store)?;
            shard.set_kept(key, hash, store.terms(), &kept, mode)
        })
    }

    /// Stores a value that is in the form in which it is kept.
    pub(super) fn set_kept(
        &mut self,
        key: &Key,
        hash: u64,
        terms: &Terms<'_>,
        kept: &Kept<'_>,
        mode: Mode,
    ) -> Result<Option<u64>> {
        let stored = self.change_entry(Subject::Key(key), |change| {
            if !mode.permits(change.live()) {
                return Ok(None);
            }
            change.store_value(Address::Key(key, hash), terms, kept).map(Some)
        });
        if !matches!(stored, Ok(Some(_))) {
            self.discard_kept(kept);
        }
        stored
    }

    /// Stores many values, all or none; returns their versions.
    pub(crate) fn set_many(&mut self, stores: &[&(&Key, u64, Store<'_>)]) -> Result<Vec<u64>> {
        self.guard(|shard| {
            shard.refuse_if_read_only()?;
            let mut kept = Vec::with_capacity(stores.len());
            let done = shard.keep_values(stores, &mut kept).and_then(|()| {
                shard.change(|change| {
                    let each = stores.iter().zip(&kept).map(|((key, hash, store), kept)| {
                        let address = Address::Key(key, *hash);
                        change.turn_to(key)?;
                        change.store_value(address, store.terms(), kept)
                    });
                    each.collect()
                })
            });
            if done.is_err() {
                for kept in &kept {
                    shard.discard_kept(kept);
                }
            }
            done
        })
    }

    fn keep_values<'v>(&mut self, stores: &[&(&Key, u64, Store<'v>)], kept: &mut Vec<Kept<'v>>) -> Result<()> {
        stores.iter().try_for_each(|(key, hash, store)| {
            kept.push(self.keep_value(Address::Key(key, *hash), store)?);
            Ok(())
        })
    }

    /// Removes the entry of a key, if it has the expected version; whether there was one that was
    /// live.
    pub(crate) fn delete(&mut self, key: &Key, expected: Option<u64>) -> Result<bool> {
        let mode = expected.map_or(Mode::Always, Mode::IfVersion);
        self.freeing(|shard| shard.guard(|shard| shard.change_entry(Subject::Key(key), |change| change.delete(mode))))
    }

    /// Removes many entries, all or none; for each whether it was live.
    pub(crate) fn delete_many(&mut self, keys: &[&(&Key, u64)]) -> Result<Vec<bool>> {
        self.guard(|shard| {
            shard.change(|change| {
                let each = keys.iter().map(|(key, _)| {
                    change.turn_to(key)?;
                    change.delete(Mode::Always)
                });
                each.collect()
            })
        })
    }

    /// Removes the live entry of a key and returns it. Its value is read first, so that no damage of
    /// it costs the entry.
    pub(crate) fn pop(&mut self, key: &Key, hash: u64) -> Result<Option<Entry>> {
        let popped = self.freeing(|shard| shard.guard(|shard| shard.pop_once(key, hash)))?;
        self.count_read(popped.is_some());
        Ok(popped)
    }

    fn pop_once(&mut self, key: &Key, hash: u64) -> Result<Option<Entry>> {
        self.change_entry(Subject::Key(key), |change| {
            let entry = match change.live() {
                Some(_) => change.shard.live_entry(Address::Key(key, hash))?,
                None => None,
            };
            if entry.is_some() {
                change.delete(Mode::Always)?;
            }
            Ok(entry)
        })
    }

    /// Gives a live entry another expiry; whether there was one.
    pub(crate) fn touch(&mut self, key: &Key, expiry: Expiry) -> Result<bool> {
        self.guard(|shard| shard.change_entry(Subject::Key(key), |change| change.touch(expiry)))
    }

    /// Gives many live entries another expiry, all or none; for each whether it was live.
    pub(crate) fn touch_many(&mut self, keys: &[&(&Key, u64)], expiry: Expiry) -> Result<Vec<bool>> {
        self.guard(|shard| {
            shard.change(|change| {
                let each = keys.iter().map(|(key, _)| {
                    change.turn_to(key)?;
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
            shard.change_entry(Subject::Key(key), |change| {
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
        let live = prior.is_live(self.now);
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

    /// Stores a value.
    pub(super) fn store_value(&mut self, address: Address<'_>, terms: &Terms<'_>, kept: &Kept<'_>) -> Result<u64> {
        let lifetime = self.lifetime(terms.ttl, terms.sliding)?;
        let draft = Draft { address, value: kept, lifetime, tags: &terms.tags };
        self.store(&draft).map(i64::cast_unsigned)
    }

    fn store_number(&mut self, address: Address<'_>, sum: Number, lifetime: Lifetime, tags: &[&str]) -> Result<()> {
        let value = Value::from(sum);
        let kept = Kept::inline(address, &value, Compression::None);
        self.store(&Draft { address, value: &kept, lifetime, tags }).map(drop)
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
