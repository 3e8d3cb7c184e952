//! Entries on their way. Only its number an entry may get anew, where another shard has given out the
//! same.

use rusqlite::types::Value as Column;
use rusqlite::{OptionalExtension, params_from_iter};

use super::{Origin, Shard};
use crate::error::Result;
use crate::options::Policy;
use crate::shard::address::OwnAddress;
use crate::shard::parts::split_tags;
use crate::shard::tombstone::dead;
use crate::shard::undo::COLUMNS;

const IDS_AFTER: &str = concat!("SELECT id FROM entry WHERE id > ?1 AND NOT ", dead!("entry"), " ORDER BY id LIMIT ?2");

/// An entry with all its columns.
#[derive(Debug)]
pub(crate) struct Entry {
    address: OwnAddress,
    columns: Vec<(&'static str, Column)>,
}

impl Entry {
    /// The hash that chooses its shard.
    pub(super) fn hash(&self) -> u64 {
        self.address.borrowed().hash()
    }

    /// What its columns hold.
    pub(super) fn values(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().map(|(_, column)| column)
    }

    /// Its number.
    pub(crate) fn id(&self) -> i64 {
        self.integer("id").unwrap_or(0)
    }

    /// Gives it another number. Where it stood in line by the old one, it stands there by a place of its own.
    pub(crate) fn renumber(&mut self, id: i64) {
        let before = self.id();
        if id == before {
            return;
        }
        let ranked = self.integer("rank").is_some();
        for (name, column) in &mut self.columns {
            match (*name, &column) {
                ("id", _) => *column = Column::Integer(id),
                ("place", Column::Null) if ranked => *column = Column::Integer(before),
                _ => {}
            }
        }
    }

    /// The greatest number it bears.
    pub(super) fn latest(&self) -> i64 {
        ["id", "version", "rank"].into_iter().filter_map(|name| self.integer(name)).max().unwrap_or(0)
    }

    fn integer(&self, name: &str) -> Option<i64> {
        match self.columns.iter().find(|(other, _)| *other == name) {
            Some((_, Column::Integer(integer))) => Some(*integer),
            _ => None,
        }
    }

    fn tags(&self) -> Vec<String> {
        match self.columns.iter().find(|(name, _)| *name == "tags") {
            Some((_, Column::Text(tags))) => split_tags(Some(tags)).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }

    fn change(&mut self, name: &str, change: impl Fn(i64) -> i64) {
        for (other, column) in &mut self.columns {
            if let (true, Column::Integer(integer)) = (*other == name, column) {
                *integer = change(*integer);
            }
        }
    }
}

impl Shard {
    /// The largest entry, with its size in bytes.
    pub(crate) fn largest(&mut self) -> Result<Option<(OwnAddress, u64)>> {
        self.guard(|shard| {
            let found = shard.database()?.run(|connection| {
                // With `max`, the other columns are those of its row.
                let query = "SELECT max(size), key, queue, position FROM entry HAVING count(*) > 0";
                let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, OwnAddress::read(row, 1)?));
                connection.query_row(query, [], read).optional()
            })?;
            found.map(|(size, address)| Ok((address?, size.max(0).cast_unsigned()))).transpose()
        })
    }

    /// The numbers of the next entries, in order.
    pub(crate) fn ids_after(&mut self, after: i64, limit: u32) -> Result<Vec<i64>> {
        self.guard(|shard| {
            shard.database()?.run(|connection| {
                let mut statement = connection.prepare_cached(IDS_AFTER)?;
                statement.query_map((after, limit), |row| row.get(0))?.collect()
            })
        })
    }

    /// The entry with a number, to be carried to shards that begin at no age.
    pub(crate) fn carry_entry(&mut self, id: i64, origin: &Origin) -> Result<Entry> {
        let aged = self.settings.policy == Policy::LeastFrequentlyUsed;
        self.guard(|shard| {
            let query = format!("SELECT key, queue, position, {COLUMNS} FROM entry WHERE id = ?1");
            let carried = shard.database()?.run(|connection| {
                connection.prepare_dynamic(&query)?.query_row([id], |row| {
                    let names = COLUMNS.split(", ");
                    let columns = (3..).zip(names).map(|(index, name)| Ok((name, row.get(index)?)));
                    let columns = columns.collect::<rusqlite::Result<_>>()?;
                    Ok(OwnAddress::read(row, 0)?.map(|address| Entry { address, columns }))
                })
            })?;
            let mut entry = carried?;
            if aged {
                entry.change("rank", |rank| rank.saturating_sub(origin.age));
                entry.change("place", |place| place.saturating_sub(origin.age));
            }
            Ok(entry)
        })
    }

    pub(super) fn receive_entry(
        &self,
        mut entry: Entry,
        adopt: &mut dyn FnMut(&Self, i64) -> Result<i64>,
    ) -> Result<()> {
        if let Some(file) = entry.integer("file") {
            let name = adopt(self, file)?;
            entry.change("file", |_| name);
        }
        let id = entry.id();
        let places = vec!["?"; entry.columns.len()].join(", ");
        let insert = format!("INSERT INTO entry ({COLUMNS}) VALUES ({places})");
        self.database()?.run(|connection| {
            connection.prepare_dynamic(&insert)?.execute(params_from_iter(entry.values()))?;
            let mut label = connection.prepare_cached("INSERT OR IGNORE INTO tag (tag, entry) VALUES (?1, ?2)")?;
            entry.tags().iter().try_for_each(|tag| label.execute((tag, id)).map(drop))
        })
    }
}
