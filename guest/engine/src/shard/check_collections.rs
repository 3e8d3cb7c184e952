//! Looking for damage in deques and indexes, and setting it right.

use rusqlite::{OptionalExtension, Row};

use super::Shard;
use super::address::{Address, Slot};
use super::change::Change;
use super::check::{Cure, Finding, Held, Verdict, finding};
use super::collection::Collection;
use super::scan::Direction;
use crate::collection::pieces::Pieces;
use crate::collection::{Home, Kind};
use crate::error::Result;
use crate::key::Key;
use crate::settings::shard_of;

/// Rows looked at between two looks at the lease; each may hold a value of up to 1 MiB.
const PAGE: u32 = 32;

/// What is to be verified of one value of a collection.
struct Claim {
    collection: i64,
    position: i64,
    home: Option<Home>,
    /// None for a value of a deque.
    key: Option<Result<Key>>,
    held: Held,
}

impl Claim {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let (kind, name) = (Kind::from_number(row.get(2)?), row.get(3)?);
        let home = kind.map(|kind| Home { kind, name });
        let key = match home {
            Some(Home { kind: Kind::Index, .. }) => Some(Key::from_column(row.get_ref(4)?)),
            _ => None,
        };
        Ok(Self { collection: row.get(0)?, position: row.get(1)?, home, key, held: Held::read(row, 5)? })
    }

    fn removal(&self) -> Cure {
        let (collection, position) = (self.collection, self.position);
        Cure::RemoveMember { collection, position, checksum: self.held.checksum }
    }
}

impl Shard {
    /// Everything that is wrong with collections.
    pub(super) fn check_collections(&mut self) -> Result<Vec<Finding>> {
        let mut problems = self.check_members()?;
        problems.extend(self.guard(|shard| shard.check_homeless())?);
        for id in self.guard(|shard| shard.collection_ids())? {
            problems.extend(self.guard(|shard| shard.check_order(id))?);
            self.tenure.assure()?;
        }
        Ok(problems)
    }

    fn check_members(&mut self) -> Result<Vec<Finding>> {
        let (mut problems, mut after) = (Vec::new(), (i64::MIN, i64::MIN));
        loop {
            let claims: Vec<Claim> = self.guard(|shard| {
                shard.database()?.run(|connection| {
                    let mut statement = connection.prepare_cached(
                        "SELECT m.collection, m.position, c.kind, c.name, m.key, m.form, m.file, m.length, m.checksum, \
                         m.value FROM member AS m JOIN collection AS c ON c.id = m.collection \
                         WHERE (m.collection, m.position) > (?1, ?2) ORDER BY m.collection, m.position LIMIT ?3",
                    )?;
                    statement.query_map((after.0, after.1, PAGE), Claim::read)?.collect()
                })
            })?;
            let Some(last) = claims.last() else { return Ok(problems) };
            let last = (last.collection, last.position);
            self.assure_onward(Direction::Forward, &after, &last)?;
            after = last;
            for claim in &claims {
                problems.extend(self.verify_member(claim)?);
            }
            self.tenure.assure()?;
        }
    }

    fn verify_member(&mut self, claim: &Claim) -> Result<Option<Finding>> {
        // A kind that nobody knows is reported with its collection.
        let Some(home) = &claim.home else { return Ok(None) };
        let slot = match &claim.key {
            None => Slot::Row(claim.collection, claim.position),
            Some(Ok(key)) => Slot::Key(key),
            Some(Err(error)) => return Ok(Some(finding(home.to_string(), error.to_string(), Some(claim.removal())))),
        };
        let address = Address::Member(home, slot);
        match self.verify_value(address, &claim.held)? {
            Verdict::Sound => Ok(None),
            Verdict::Row(what) => Ok(Some(finding(address.to_string(), format!("it {what}"), Some(claim.removal())))),
            Verdict::File(file, wrong) => {
                // Perhaps it was replaced since its row was read, and the file rightly removed.
                let still = self.guard(|shard| {
                    shard.database()?.run(|connection| {
                        connection
                            .prepare_cached(
                                "SELECT EXISTS (SELECT 1 FROM member WHERE collection = ?1 AND position = ?2 AND file = ?3)",
                            )?
                            .query_row((claim.collection, claim.position, file), |row| row.get(0))
                    })
                })?;
                let path = self.files.path(file).display().to_string();
                Ok(Some(finding(path, wrong, Some(claim.removal()))).filter(|_| still))
            }
        }
    }

    /// Values that belong to no collection.
    fn check_homeless(&self) -> Result<Vec<Finding>> {
        let homeless: Vec<(i64, i64)> = self.database()?.run(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT collection, count(*) FROM member WHERE collection NOT IN (SELECT id FROM collection) \
                 GROUP BY collection",
            )?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })?;
        let report = |(collection, count): (i64, i64)| {
            let text = format!("{count} values belong to no deque or index");
            self.finding(text, Some(Cure::RemoveMembers { collection }))
        };
        Ok(homeless.into_iter().map(report).collect())
    }

    fn collection_ids(&self) -> Result<Vec<i64>> {
        self.database()?.run(|connection| {
            connection
                .prepare_cached("SELECT id FROM collection ORDER BY id")?
                .query_map([], |row| row.get(0))?
                .collect()
        })
    }

    /// Whether the order of a collection is that of the rows there are.
    fn check_order(&self, id: i64) -> Result<Option<Finding>> {
        let database = self.database()?;
        let (found, rows) =
            database.snapshot(|| database.run(|connection| Ok((row_of(connection, id)?, rows(connection, id)?))))?;
        // Gone meanwhile.
        let Some((kind, name, collection)) = found else { return Ok(None) };
        let Some(known) = Kind::from_number(kind) else {
            return Ok(Some(self.finding(format!("{name:?} is a collection of an unknown kind {kind}"), None)));
        };
        let home = Home { kind: known, name };
        let rightful = shard_of(home.hash(), self.settings.shards as usize);
        if rightful != self.index as usize {
            let text = format!("it lies in shard {}, but is looked for in shard {rightful}", self.index);
            return Ok(Some(finding(home.to_string(), text, None)));
        }
        let is_sound = collection.is_some_and(|collection| {
            let length = collection.length == rows.len() as u64;
            length && (known == Kind::Index || rows.iter().all(|row| collection.pieces.place_of(*row).is_some()))
        });
        let report = || {
            let text = "its length or order is not that of the values it holds".to_owned();
            finding(home.to_string(), text, Some(Cure::MendCollection { id }))
        };
        Ok((!is_sound).then(report))
    }
}

/// Kind, name and content of a collection.
type Recorded = (i64, String, Option<Collection>);

fn row_of(connection: &rusqlite::Connection, id: i64) -> rusqlite::Result<Option<Recorded>> {
    connection
        .prepare_cached("SELECT id, length, bound, layout, kind, name FROM collection WHERE id = ?1")?
        .query_row([id], |row| {
            let kind: i64 = row.get(4)?;
            let collection = match Kind::from_number(kind) {
                Some(known) => Collection::read(row, known)?,
                None => None,
            };
            Ok((kind, row.get(5)?, collection))
        })
        .optional()
}

fn rows(connection: &rusqlite::Connection, id: i64) -> rusqlite::Result<Vec<i64>> {
    let mut statement =
        connection.prepare_cached("SELECT position FROM member WHERE collection = ?1 ORDER BY position")?;
    statement.query_map([id], |row| row.get(0))?.collect()
}

impl Change<'_> {
    /// Sets a collection right.
    pub(super) fn cure_collection(&mut self, cure: &Cure) -> Result<Option<String>> {
        match cure {
            Cure::RemoveMember { collection, position, checksum } => {
                let still: bool = self.run(|connection| {
                    connection
                        .prepare_cached(
                            "SELECT EXISTS (SELECT 1 FROM member WHERE collection = ?1 AND position = ?2 AND checksum = ?3)",
                        )?
                        .query_row((collection, position, checksum), |row| row.get(0))
                })?;
                if !still {
                    return Ok(Some("it was replaced or removed meanwhile".to_owned()));
                }
                self.remove_member(*collection, *position)?;
                self.mend(*collection)?;
                Ok(Some("it was removed; the value is lost".to_owned()))
            }
            Cure::MendCollection { id } => {
                self.mend(*id)?;
                Ok(Some("they were taken from its values; nothing that was there is lost".to_owned()))
            }
            Cure::RemoveMembers { collection } => {
                self.remove_members(*collection)?;
                Ok(Some("they were removed: nobody could find them".to_owned()))
            }
            _ => Ok(None),
        }
    }

    /// Takes length and order of a collection from its rows: what still has a place keeps it, and the rest
    /// comes behind.
    fn mend(&mut self, id: i64) -> Result<()> {
        let (found, rows) = self.run(|connection| Ok((row_of(connection, id)?, rows(connection, id)?)))?;
        let Some((kind, _, collection)) = found else { return Ok(()) };
        let length = rows.len() as u64;
        let mut mended = collection.unwrap_or_else(|| Collection::empty(id));
        if Kind::from_number(kind) != Some(Kind::Index) {
            // From the rows, not from the order that is recorded: that may tell of any number of them.
            let mut placed: Vec<(u64, i64)> =
                rows.iter().map(|row| (mended.pieces.place_of(*row).unwrap_or(u64::MAX), *row)).collect();
            placed.sort_unstable();
            mended.pieces = Pieces::of(placed.into_iter().map(|(_, row)| row));
            self.join_pieces(&mut mended)?;
        }
        mended.length = length;
        self.update_collection(Kind::from_number(kind), &mended)
    }
}
