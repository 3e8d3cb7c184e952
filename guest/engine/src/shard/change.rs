//! What a write transaction does: to entries, to the totals, to value files.

use rusqlite::Row;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::row::Columns;
use super::{Counts, Shard};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::lifetime::Lifetime;
use crate::policy::Moment;
use crate::recency::Recency;
use crate::sequence::Sequence;
use crate::settings::Settings;
use crate::statements::Statements;
use crate::tenure::Tenure;
use crate::value::Form;

/// What an entry counts for besides its key, value and tags, in bytes: about what its rows and
/// index entries take.
const ENTRY_OVERHEAD: u64 = 64;

const TOTALS: &str = "SELECT count, volume, sequence, age, settings FROM totals";
const PRIOR: &str = "SELECT t.count, t.volume, t.sequence, t.age, t.settings, \
    e.id, e.size, e.rank, e.file, e.tags, e.expires, e.ttl, e.sliding, e.hits \
    FROM totals AS t LEFT JOIN entry AS e ON e.key = ?1";

/// What has to be known of an entry to remove it.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) id: i64,
    size: i64,
    pub(super) rank: Option<i64>,
    file: Option<i64>,
    tags: Option<String>,
}

impl Stored {
    /// The columns `id, size, rank, file, tags`, from `first` on.
    pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(first)?,
            size: row.get(first + 1)?,
            rank: row.get(first + 2)?,
            file: row.get(first + 3)?,
            tags: row.get(first + 4)?,
        })
    }

    /// Its tags, in order.
    pub(super) fn tags(&self) -> Vec<String> {
        split_tags(self.tags.as_deref()).map(str::to_owned).collect()
    }
}

/// The entry that a key had when the transaction began.
#[derive(Debug, Clone)]
pub(super) struct Prior {
    pub(super) stored: Stored,
    pub(super) lifetime: Lifetime,
    hits: i64,
}

/// An entry to be stored.
pub(super) struct Draft<'a> {
    pub(super) key: &'a Key,
    pub(super) column: ToSqlOutput<'a>,
    pub(super) form: Form,
    pub(super) file: Option<i64>,
    /// Size of the value in bytes.
    pub(super) length: u64,
    pub(super) checksum: i64,
    pub(super) lifetime: Lifetime,
    pub(super) tags: &'a [&'a str],
}

impl Prior {
    /// Whether the entry has nothing but a value in its row.
    pub(super) fn is_plain(&self) -> bool {
        self.stored.file.is_none() && self.stored.tags.is_none() && self.lifetime == Lifetime::default()
    }
}

impl Draft<'_> {
    /// Whether the entry is to have nothing but a value in its row.
    pub(super) fn is_plain(&self) -> bool {
        self.file.is_none() && self.tags.is_empty() && self.lifetime == Lifetime::default()
    }

    /// What the entry counts towards the volume.
    pub(super) fn size(&self) -> u64 {
        entry_size(self.key, self.length, self.tags)
    }
}

/// What an entry with a value of `length` bytes counts towards the volume.
pub(super) fn entry_size(key: &Key, length: u64, tags: &[&str]) -> u64 {
    let tags: usize = tags.iter().map(|tag| tag.len()).sum();
    (ENTRY_OVERHEAD + key.size() + tags as u64).saturating_add(length)
}

/// Refuses an entry that could never fit in a shard, and returns the size of one that can.
pub(super) fn admit(key: &Key, size: u64, settings: &Settings, shard: u32) -> Result<i64> {
    let limit = settings.size_share(shard).unwrap_or(i64::MAX.cast_unsigned());
    if size > limit {
        return Err(Error::TooLarge { what: format!("the entry of {key}"), size, limit });
    }
    Ok(size.cast_signed())
}

/// Why an entry is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// By key.
    Deleted,
    /// To make room.
    Evicted,
    /// By selection.
    Selected,
    /// By age.
    Expired,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) count: i64,
    pub(super) volume: i64,
    pub(super) sequence: i64,
    pub(super) age: i64,
    settings: i64,
}

impl Totals {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            count: row.get(0)?,
            volume: row.get(1)?,
            sequence: row.get(2)?,
            age: row.get(3)?,
            settings: row.get(4)?,
        })
    }
}

/// A write transaction at work.
pub(super) struct Change<'a> {
    database: &'a Database,
    tenure: &'a Tenure,
    pub(super) recency: &'a Recency,
    sequence: &'a Sequence,
    pub(super) index: u32,
    pub(super) settings: Settings,
    before: Totals,
    pub(super) totals: Totals,
    /// The wall time of the change.
    pub(super) now: i64,
    /// The entry of the key the change is about.
    pub(super) prior: Option<Prior>,
    let_go: Vec<i64>,
    counts: Counts,
    /// Whether the noted reads are in the database once this is committed.
    pub(super) recency_flushed: bool,
}

impl Shard {
    /// Runs a change that is about no particular key.
    pub(super) fn change<T>(&mut self, change: impl FnOnce(&mut Change<'_>) -> Result<T>) -> Result<T> {
        self.change_entry(None, change)
    }

    /// Runs a change in a write transaction; with a key, its entry is looked up with the totals in
    /// one statement. Files that are let go of are removed once it is committed.
    pub(super) fn change_entry<T>(
        &mut self,
        key: Option<&Key>,
        change: impl FnOnce(&mut Change<'_>) -> Result<T>,
    ) -> Result<T> {
        self.refuse_if_read_only()?;
        let now = self.platform.wall_ms();
        let database = self.database()?;
        let (value, outcome) = database.write(|_| {
            let (totals, prior) = look_up(database, key)?;
            let settings = if totals.settings == self.settings_version {
                self.settings.clone()
            } else {
                super::settings_in(database)?
            };
            let mut work = Change {
                database,
                tenure: &self.tenure,
                recency: &self.recency,
                sequence: &self.sequence,
                index: self.index,
                settings,
                before: totals,
                totals,
                now,
                prior,
                let_go: Vec::new(),
                counts: Counts::default(),
                recency_flushed: false,
            };
            let value = change(&mut work)?;
            work.store_totals()?;
            Ok((value, (work.settings, work.totals.settings, work.let_go, work.counts, work.recency_flushed)))
        })?;
        let (settings, version, let_go, counts, recency_flushed) = outcome;
        self.counts.add(counts);
        if recency_flushed {
            self.recency.clear();
        }
        for file in let_go {
            self.discard_file(file);
        }
        if version != self.settings_version {
            self.database()?.set_durability(settings.durability)?;
            (self.settings, self.settings_version) = (settings, version);
        }
        Ok(value)
    }
}

fn look_up(database: &Database, key: Option<&Key>) -> Result<(Totals, Option<Prior>)> {
    database.run(|connection| match key {
        None => Ok((connection.prepare_cached(TOTALS)?.query_row([], Totals::read)?, None)),
        Some(key) => connection.prepare_cached(PRIOR)?.query_row([key], |row| {
            let prior = match row.get_ref(5)? {
                ValueRef::Null => None,
                _ => Some(Prior {
                    stored: Stored::read(row, 5)?,
                    lifetime: Lifetime { expires: row.get(10)?, ttl: row.get(11)?, sliding: row.get(12)? },
                    hits: row.get(13)?,
                }),
            };
            Ok((Totals::read(row)?, prior))
        }),
    })
}

impl Change<'_> {
    /// The settings in force.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the database is, for errors.
    pub(super) fn path(&self) -> &std::path::Path {
        self.database.path()
    }

    /// Runs statements of the transaction.
    pub(super) fn run<T>(&self, statements: impl FnOnce(&Statements<'_, '_>) -> rusqlite::Result<T>) -> Result<T> {
        self.database.run(statements)
    }

    /// The live entry of the key.
    pub(super) fn live(&self) -> Option<&Prior> {
        self.prior.as_ref().filter(|prior| prior.lifetime.is_live(self.now))
    }

    /// The next number of the shard: it grows with every change.
    fn next_sequence(&mut self) -> i64 {
        self.totals.sequence = self.sequence.next(self.totals.sequence, self.now);
        self.totals.sequence
    }

    /// Stores an entry in place of the prior one, makes room for it, and returns its version.
    pub(super) fn store(&mut self, draft: &Draft<'_>) -> Result<i64> {
        let size = admit(draft.key, draft.size(), &self.settings, self.index)?;
        let version = self.next_sequence();
        let live = self.live().cloned();
        if live.is_none()
            && let Some(prior) = self.prior.take()
        {
            // Expired: what is stored now is new, and takes its place at the end.
            self.remove(&prior.stored, Reason::Expired)?;
        }
        let (id, hits) = live.as_ref().map_or((version, 0), |prior| (prior.stored.id, prior.hits));
        let moment = Moment { sequence: version, age: self.totals.age };
        let rank = self.settings.policy.rank(moment, hits);
        let tags = (!draft.tags.is_empty()).then(|| draft.tags.join("\0"));
        let tags_changed = tags != live.as_ref().and_then(|prior| prior.stored.tags.clone());
        let columns = Columns { id, version, rank, size, hits, tags: tags.as_deref() };
        self.write_row(live.as_ref(), draft, &columns)?;
        if let Some(prior) = &live {
            self.totals.volume = self.totals.volume.saturating_sub(prior.stored.size);
            if tags_changed {
                self.remove_tags(&prior.stored)?;
            }
            self.let_go_of(prior.stored.file)?;
        } else {
            self.totals.count = self.totals.count.saturating_add(1);
        }
        self.totals.volume = self.totals.volume.saturating_add(size);
        if tags_changed {
            self.add_tags(id, draft.tags)?;
        }
        if let Some(file) = draft.file {
            self.run(|connection| super::loose::forget(connection, &[file]))?;
        }
        self.counts.sets += 1;
        self.make_room(id)?;
        Ok(version)
    }

    /// The latest wall time at which the shard was changed, in milliseconds.
    pub(super) fn latest_ms(&self) -> i64 {
        self.before.sequence / 1000
    }

    /// Removes an entry and all that belongs to it.
    pub(super) fn remove(&mut self, stored: &Stored, reason: Reason) -> Result<()> {
        self.run(|connection| connection.prepare_cached("DELETE FROM entry WHERE id = ?1")?.execute([stored.id]))?;
        self.remove_tags(stored)?;
        self.let_go_of(stored.file)?;
        self.totals.count = self.totals.count.saturating_sub(1);
        self.totals.volume = self.totals.volume.saturating_sub(stored.size);
        match reason {
            Reason::Deleted => {
                self.next_sequence();
                self.counts.deletes += 1;
            }
            Reason::Expired => self.counts.expirations += 1,
            Reason::Selected => self.counts.evictions += 1,
            Reason::Evicted => {
                self.totals.age = self.settings.policy.age_after_evicting(self.totals.age, stored.rank);
                self.counts.evictions += 1;
            }
        }
        Ok(())
    }

    fn add_tags(&self, id: i64, tags: &[&str]) -> Result<()> {
        tags.iter().try_for_each(|tag| {
            self.run(|connection| {
                connection.prepare_cached("INSERT INTO tag (tag, entry) VALUES (?1, ?2)")?.execute((tag, id)).map(drop)
            })
        })
    }

    fn remove_tags(&self, stored: &Stored) -> Result<()> {
        split_tags(stored.tags.as_deref()).try_for_each(|tag| {
            self.run(|connection| {
                let mut statement = connection.prepare_cached("DELETE FROM tag WHERE tag = ?1 AND entry = ?2")?;
                statement.execute((tag, stored.id)).map(drop)
            })
        })
    }

    fn let_go_of(&mut self, file: Option<i64>) -> Result<()> {
        let Some(file) = file else { return Ok(()) };
        let owner = self.tenure.owner()?;
        self.run(|connection| {
            connection.prepare_cached("INSERT INTO loose (file, owner) VALUES (?1, ?2)")?.execute((file, owner))
        })?;
        self.let_go.push(file);
        Ok(())
    }

    /// Postpones the end of an entry, unless somebody changed its lifetime meanwhile.
    pub(super) fn slide(&self, id: i64, seen: Lifetime, expires: i64) -> Result<()> {
        self.run(|connection| {
            connection
                .prepare_cached("UPDATE entry SET expires = ?1 WHERE id = ?2 AND expires = ?3 AND ttl = ?4")?
                .execute((expires, id, seen.expires, seen.ttl))
                .map(drop)
        })
    }

    /// Gives a live entry another lifetime.
    pub(super) fn set_lifetime(&self, id: i64, lifetime: Lifetime) -> Result<()> {
        self.run(|connection| {
            connection
                .prepare_cached("UPDATE entry SET expires = ?1, ttl = ?2, sliding = ?3 WHERE id = ?4")?
                .execute((lifetime.expires, lifetime.ttl, lifetime.sliding, id))
                .map(drop)
        })
    }

    fn store_totals(&self) -> Result<()> {
        if self.totals == self.before {
            return Ok(());
        }
        self.run(|connection| {
            connection
                .prepare_cached("UPDATE totals SET count = ?1, volume = ?2, sequence = ?3, age = ?4")?
                .execute((self.totals.count, self.totals.volume, self.totals.sequence, self.totals.age))
                .map(drop)
        })
    }
}

/// The tags in a `tags` column.
pub(super) fn split_tags(column: Option<&str>) -> impl Iterator<Item = &str> {
    column.into_iter().flat_map(|tags| tags.split('\0'))
}
