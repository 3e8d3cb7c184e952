//! Entries on their way from shards to others, of another number.
//!
//! They are carried over with all their columns, as they are: the checksum of a value is bound to its
//! key, and to nothing that changes. Only its number an entry may get anew, where another shard has
//! given out the same.

use rusqlite::types::Value as Column;
use rusqlite::{OptionalExtension, params_from_iter};

use super::Shard;
use super::address::OwnAddress;
use super::check::Cure;
use super::parts::split_tags;
use super::undo::COLUMNS;
use crate::error::{Error, Result};
use crate::files::ValueFiles;
use crate::generation::{Linked, link};
use crate::options::Policy;

/// How often a name for a value file may be taken already.
const ATTEMPTS: u32 = 8;

/// What is to be known of a shard whose entries are carried over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// Number of entries.
    pub(crate) count: u64,
    /// The last number that was given out.
    pub(crate) sequence: i64,
    /// The age of the frequency policy.
    age: i64,
}

/// An entry with all its columns.
#[derive(Debug)]
pub(crate) struct Carried {
    address: OwnAddress,
    columns: Vec<(&'static str, Column)>,
}

impl Carried {
    /// The hash that chooses its shard.
    pub(crate) fn hash(&self) -> u64 {
        self.address.borrowed().hash()
    }

    /// The greatest number it bears.
    pub(crate) fn latest(&self) -> i64 {
        ["id", "version", "rank"].into_iter().filter_map(|name| self.integer(name)).max().unwrap_or(0)
    }

    /// Bytes its row takes, about.
    pub(crate) fn size(&self) -> usize {
        self.columns.iter().fold(0, |sum, (_, column)| {
            sum + match column {
                Column::Text(text) => text.len(),
                Column::Blob(bytes) => bytes.len(),
                _ => 8,
            }
        })
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
    /// What is to be known of a shard whose entries are carried over.
    pub(crate) fn origin(&mut self) -> Result<Origin> {
        self.guard(|shard| {
            let database = shard.database()?;
            let (count, sequence, age, pending): (i64, i64, i64, i64) = database.run(|connection| {
                connection.query_row("SELECT count, sequence, age, pending FROM totals", [], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })
            })?;
            if pending != 0 {
                return Err(Error::Corrupt(format!("{}: a transaction is not settled", database.path().display())));
            }
            Ok(Origin { count: count.max(0).cast_unsigned(), sequence, age })
        })
    }

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
                let mut statement =
                    connection.prepare_cached("SELECT id FROM entry WHERE id > ?1 ORDER BY id LIMIT ?2")?;
                statement.query_map((after, limit), |row| row.get(0))?.collect()
            })
        })
    }

    /// The entry with a number, to be carried to shards that begin at no age.
    pub(crate) fn carry(&mut self, id: i64, origin: &Origin) -> Result<Carried> {
        let aged = self.settings.policy == Policy::LeastFrequentlyUsed;
        self.guard(|shard| {
            let query = format!("SELECT key, queue, position, {COLUMNS} FROM entry WHERE id = ?1");
            let carried = shard.database()?.run(|connection| {
                connection.prepare_dynamic(&query)?.query_row([id], |row| {
                    let names = COLUMNS.split(", ");
                    let columns = (3..).zip(names).map(|(index, name)| Ok((name, row.get(index)?)));
                    let columns = columns.collect::<rusqlite::Result<_>>()?;
                    Ok(OwnAddress::read(row, 0)?.map(|address| Carried { address, columns }))
                })
            })?;
            let mut carried = carried?;
            if aged {
                carried.change("rank", |rank| rank.saturating_sub(origin.age));
                carried.change("place", |place| place.saturating_sub(origin.age));
            }
            Ok(carried)
        })
    }

    /// Lets nothing wait for the disk: what a new shard holds is made sure of at the end, all at once.
    pub(crate) fn forgo_syncs(&mut self) -> Result<()> {
        self.guard(|shard| shard.database()?.run(|connection| connection.pragma_update(None, "synchronous", "OFF")))
    }

    /// Begins to take entries over.
    pub(crate) fn begin_receiving(&mut self) -> Result<()> {
        self.guard(|shard| shard.database()?.begin())
    }

    /// Takes an entry over under a number of its own. Its value file, among `files`, gets a second name;
    /// one that is missing stays so.
    pub(crate) fn receive(
        &mut self,
        mut carried: Carried,
        id: i64,
        files: &ValueFiles,
        alive: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        self.guard(|shard| {
            if let Some(file) = carried.integer("file") {
                let name = shard.adopt_file(files, file, alive)?;
                carried.change("file", |_| name);
            }
            carried.change("id", |_| id);
            let tags = carried.tags();
            let places = vec!["?"; carried.columns.len()].join(", ");
            let insert = format!("INSERT INTO entry ({COLUMNS}) VALUES ({places})");
            shard.database()?.run(|connection| {
                let columns = carried.columns.iter().map(|(_, column)| column);
                connection.prepare_dynamic(&insert)?.execute(params_from_iter(columns))?;
                let mut label = connection.prepare_cached("INSERT OR IGNORE INTO tag (tag, entry) VALUES (?1, ?2)")?;
                tags.iter().try_for_each(|tag| label.execute((tag, id)).map(drop))
            })
        })
    }

    /// Commits the entries that were taken over.
    pub(crate) fn commit_received(&mut self) -> Result<()> {
        self.platform.before_commit()?;
        self.guard(|shard| shard.database()?.commit())
    }

    /// Ends taking over: counts what there is, and gives out no number that was given out before.
    pub(crate) fn conclude_receiving(&mut self, sequence: i64) -> Result<()> {
        self.guard(|shard| {
            shard.change(|change| {
                change.totals.sequence = change.totals.sequence.max(sequence);
                change.cure(&Cure::Recount).map(drop)
            })
        })
    }

    /// Gives a value file of another shard a name in this one: its own, unless that is taken.
    fn adopt_file(&self, files: &ValueFiles, file: i64, alive: &mut dyn FnMut() -> Result<()>) -> Result<i64> {
        let mut name = file;
        for _ in 0..ATTEMPTS {
            match link(&files.path(file), &self.files.path(name), alive)? {
                Linked::Yes | Linked::Missing => return Ok(name),
                Linked::Taken => name = (self.platform.random() >> 1).cast_signed(),
            }
        }
        Err(Error::Io(format!("{}: no name is free for a value file", self.files.directory().display())))
    }

    /// Its value files.
    pub(crate) fn files(&self) -> &ValueFiles {
        &self.files
    }
}
