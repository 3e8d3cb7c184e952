//! Looking for damage, while others go on.

use std::collections::HashSet;
use std::path::PathBuf;

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::address::{Address, OwnAddress};
use super::content::ValueFile;
use super::parts::{entry_size, split_tags};
use super::scan::Direction;
use super::tombstone::dead;
use super::{DATABASE, Shard};
use crate::content::STREAM_LIMIT;
use crate::error::{Error, Result};
use crate::settings::shard_of;
use crate::value::{Form, Value};

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which file or key.
    pub subject: String,
    /// What is wrong with it.
    pub description: String,
    /// What was done about it and what is lost, if anything was done.
    pub remedy: Option<String>,
}

/// Something that is wrong, and what can be done about it.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) problem: Problem,
    pub(super) cure: Option<Cure>,
}

/// What can be done about a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cure {
    /// Make the indexes anew.
    Reindex,
    /// Count the entries and their sizes again.
    Recount,
    /// Remove an entry whose value is lost.
    RemoveEntry { id: i64, version: i64 },
    /// Correct the size that is recorded of an entry.
    Resize { id: i64, version: i64, size: i64 },
    /// List an entry under its tag.
    AddTag { tag: String, id: i64, version: i64 },
    /// Remove a tag of no entry.
    RemoveTag { tag: String, id: i64 },
    /// Remove a record that can not be read.
    RemoveRecord { kind: i64, name: String },
    /// Remove a value of a collection that is lost.
    RemoveMember { collection: i64, position: i64, checksum: i64 },
    /// Bring what is recorded of a collection in line with what is in it.
    MendCollection { id: i64 },
    /// Remove values of a collection that is not there.
    RemoveMembers { collection: i64 },
    /// Remove a file of no entry.
    RemoveFile { path: PathBuf, number: Option<i64> },
    /// Give up what owners that are gone have reserved.
    Reclaim,
    /// Settle the transaction of an owner that is gone.
    Settle { transaction: i64 },
}

/// What `totals` should say of the entries and of all value files.
pub(super) const TRUE_TOTALS: &str = concat!(
    "(SELECT count(*) FROM entry WHERE NOT ",
    dead!("entry"),
    ") AS count, \
    (SELECT ifnull(sum(occupied), 0) FROM (SELECT occupied FROM entry UNION ALL SELECT occupied FROM member)) \
    AS files, (SELECT count(*) FROM tombstone) AS tombstones, \
    (SELECT count(*) FROM journal WHERE folded IS NULL) AS biased"
);
/// Rows looked at between two looks at the lease; each may hold a value of up to 1 MiB.
const PAGE: u32 = 32;
/// Rows of tags looked at between two looks at the lease.
const TAG_PAGE: u32 = 512;

/// Something to be looked at, with the files that were there at the beginning.
type Part = fn(&mut Shard, &[(PathBuf, Option<i64>)]) -> Result<Vec<Finding>>;

/// What is to be verified of one entry.
struct Claim {
    id: i64,
    version: i64,
    address: Result<OwnAddress>,
    size: i64,
    tags: Option<String>,
    held: Held,
}

/// A value as its row has it.
pub(super) struct Held {
    form: Option<Form>,
    file: Option<i64>,
    length: Option<i64>,
    pub(super) checksum: i64,
    value: Option<Value>,
}

impl Held {
    /// The columns `form, file, length, checksum, value`, from `first` on.
    pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        let form = Form::from_number(row.get(first)?);
        let value = match (form, row.get_ref(first + 4)?) {
            (Some(form), column) if column != ValueRef::Null => Value::from_column(form, column),
            _ => None,
        };
        Ok(Self { form, file: row.get(first + 1)?, length: row.get(first + 2)?, checksum: row.get(first + 3)?, value })
    }
}

/// What a value turned out to be.
pub(super) enum Verdict {
    /// What was stored.
    Sound,
    /// Something else is in its row; what.
    Row(&'static str),
    /// This file is missing or something else; which.
    File(i64, String),
}

impl Claim {
    /// The size it should have, if another is recorded. Of a value that can not be read nothing is
    /// known.
    fn other_size(&self, address: Address<'_>) -> Option<i64> {
        let length = match (&self.held.value, self.held.length) {
            (Some(value), _) => Some(value.size() as u64),
            (None, length) => length.and_then(|length| u64::try_from(length).ok()),
        };
        let tags: Vec<_> = split_tags(self.tags.as_deref()).collect();
        let size = i64::try_from(entry_size(address, length?, &tags)).ok()?;
        (size != self.size).then_some(size)
    }

    fn removal(&self) -> Cure {
        Cure::RemoveEntry { id: self.id, version: self.version }
    }
}

impl Shard {
    /// Everything that is wrong with this shard.
    pub(crate) fn check(&mut self) -> Result<Vec<Problem>> {
        Ok(self.examine()?.into_iter().map(|finding| finding.problem).collect())
    }

    /// Everything that is wrong with this shard, and what can be done about it.
    pub(super) fn examine(&mut self) -> Result<Vec<Finding>> {
        let listed = self.files.list().map_err(|error| Error::from_own_file(self.files.directory(), &error))?;
        let parts: [Part; 7] = [
            |shard, _| shard.guard(Self::check_database),
            |shard, _| shard.guard(|shard| shard.check_owners()),
            |shard, _| shard.check_entries(),
            |shard, _| shard.check_tags(),
            |shard, _| shard.check_records(),
            |shard, _| shard.check_collections(),
            |shard, listed| shard.guard(|shard| shard.check_strays(listed)),
        ];
        let mut problems: Vec<Finding> = Vec::new();
        for part in parts {
            match part(self, &listed) {
                Ok(found) => problems.extend(found),
                // Too damaged to be looked at closer here; elsewhere perhaps not.
                Err(Error::Corrupt(description)) => {
                    if !problems.iter().any(|finding| finding.problem.description == description) {
                        problems.push(self.finding(description, None));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(problems)
    }

    /// A problem of the database.
    pub(super) fn finding(&self, description: String, cure: Option<Cure>) -> Finding {
        finding(self.directory.join(DATABASE).display().to_string(), description, cure)
    }

    fn check_database(&mut self) -> Result<Vec<Finding>> {
        let database = self.database()?;
        let mut problems = Vec::new();
        let lines = database.run(|connection| {
            let mut statement = connection.prepare("PRAGMA integrity_check")?;
            statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let damage = lines.into_iter().filter(|line| line != "ok");
        problems.extend(damage.map(|line| self.finding(line, Some(Cure::Reindex))));
        // One statement, so that all figures are of one moment.
        let (recorded, real): ([i64; 4], [i64; 4]) = database.run(|connection| {
            let query = "SELECT t.count, t.files, t.tombstones, t.biased, e.count, e.files, e.tombstones, e.biased \
                FROM totals AS t, ";
            connection.query_row(&format!("{query}(SELECT {TRUE_TOTALS}) AS e"), [], |row| {
                let four = |first: usize| -> rusqlite::Result<[i64; 4]> {
                    Ok([row.get(first)?, row.get(first + 1)?, row.get(first + 2)?, row.get(first + 3)?])
                };
                Ok((four(0)?, four(4)?))
            })
        })?;
        let names = ["count", "size of files", "number of tombstones", "number of biased queues"];
        for (name, (recorded, real)) in names.iter().zip(recorded.into_iter().zip(real)) {
            if recorded != real {
                let text = format!("the {name} is recorded as {recorded} but is {real}");
                problems.push(self.finding(text, Some(Cure::Recount)));
            }
        }
        Ok(problems)
    }

    fn check_entries(&mut self) -> Result<Vec<Finding>> {
        let mut problems = Vec::new();
        let mut after = i64::MIN;
        loop {
            let claims = self.guard(|shard| shard.claims(after))?;
            let Some(last) = claims.last() else { return Ok(problems) };
            self.assure_onward(Direction::Forward, &after, &last.id)?;
            after = last.id;
            for claim in &claims {
                problems.extend(self.verify(claim)?);
                problems.extend(self.verify_tags(claim)?);
            }
            self.tenure.assure()?;
        }
    }

    fn claims(&self, after: i64) -> Result<Vec<Claim>> {
        self.database()?.run(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, key, queue, position, form, file, length, checksum, value, version, size, tags FROM entry \
                 WHERE id > ?1 ORDER BY id LIMIT ?2",
            )?;
            let rows = statement.query_map((after, PAGE), |row| {
                Ok(Claim {
                    id: row.get(0)?,
                    version: row.get(9)?,
                    size: row.get(10)?,
                    tags: row.get(11)?,
                    address: OwnAddress::read(row, 1)?,
                    held: Held::read(row, 4)?,
                })
            })?;
            rows.collect()
        })
    }

    fn verify(&mut self, claim: &Claim) -> Result<Option<Finding>> {
        let address = match &claim.address {
            Ok(address) => address.borrowed(),
            Err(error) => return Ok(Some(self.finding(error.to_string(), Some(claim.removal())))),
        };
        let rightful = shard_of(address.hash(), self.settings.shards as usize);
        if rightful != self.index as usize {
            let text = format!("it lies in shard {}, but is looked for in shard {rightful}", self.index);
            return Ok(Some(finding(address.to_string(), text, Some(claim.removal()))));
        }
        let altered = |what: &str| {
            let removal = Some(claim.removal());
            Some(finding(address.to_string(), format!("its value {what}"), removal))
        };
        let sound = || {
            let size = claim.other_size(address)?;
            let cure = Cure::Resize { id: claim.id, version: claim.version, size };
            Some(finding(address.to_string(), "it has not the size that is recorded".into(), Some(cure)))
        };
        match self.verify_value(address, &claim.held)? {
            Verdict::Sound => Ok(sound()),
            Verdict::Row(what) => Ok(altered(what)),
            Verdict::File(file, wrong) => {
                // Perhaps the entry was replaced since its row was read, and the file rightly removed.
                let still = self.guard(|shard| shard.refers_to(claim.id, file))?;
                Ok(still.then(|| finding(self.files.path(file).display().to_string(), wrong, Some(claim.removal()))))
            }
        }
    }

    /// Whether a value is what was stored at an address.
    pub(super) fn verify_value(&self, address: Address<'_>, held: &Held) -> Result<Verdict> {
        let Some(form) = held.form else { return Ok(Verdict::Row("has a form that no version of the format has")) };
        if let Some(value) = &held.value {
            let is_sound = value.checksum(address.hash(), form) == held.checksum;
            return Ok(if is_sound { Verdict::Sound } else { Verdict::Row("was altered") });
        }
        let length = held.length.and_then(|length| u64::try_from(length).ok());
        let (Some(file), Some(length)) = (held.file, length.filter(|length| *length <= STREAM_LIMIT)) else {
            return Ok(Verdict::Row("is missing"));
        };
        let value = ValueFile { form, file, length, checksum: held.checksum };
        let verified = self.open_file(address, &value).and_then(|opened| self.verify_file(address, &value, opened));
        match verified {
            Ok(true) => Ok(Verdict::Sound),
            Ok(false) => Ok(Verdict::File(file, format!("is missing, the value of {address}"))),
            Err(Error::Corrupt(_)) => Ok(Verdict::File(file, format!("does not hold what was stored under {address}"))),
            Err(error) => Err(error),
        }
    }

    /// Every tag of an entry must be found from the tag, too.
    fn verify_tags(&mut self, claim: &Claim) -> Result<Option<Finding>> {
        let missing = |shard: &mut Self| {
            shard.database()?.run(|connection| {
                // Only of an entry that is as it was: one statement, so of one moment.
                let mut statement = connection.prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM entry WHERE id = ?2 AND version = ?3) \
                     AND NOT EXISTS (SELECT 1 FROM tag WHERE tag = ?1 AND entry = ?2)",
                )?;
                for tag in split_tags(claim.tags.as_deref()) {
                    if statement.query_row((tag, claim.id, claim.version), |row| row.get(0))? {
                        return Ok(Some(tag.to_owned()));
                    }
                }
                Ok(None)
            })
        };
        let missing = self.guard(missing)?;
        Ok(missing.map(|tag| {
            let text = format!("the tag {tag:?} of an entry is missing in the table of tags");
            self.finding(text, Some(Cure::AddTag { tag, id: claim.id, version: claim.version }))
        }))
    }

    /// Every tag must be one of its entry.
    fn check_tags(&mut self) -> Result<Vec<Finding>> {
        let mut problems = Vec::new();
        let mut after = (String::new(), i64::MIN);
        loop {
            let rows = self.guard(|shard| shard.tag_rows(&after))?;
            let Some((tag, id, _)) = rows.last() else { return Ok(problems) };
            let last = (tag.clone(), *id);
            self.assure_onward(Direction::Forward, &after, &last)?;
            after = last;
            let strays = rows.iter().filter(|(tag, _, tags)| !split_tags(tags.as_deref()).any(|other| other == tag));
            problems.extend(strays.map(|(tag, id, _)| {
                let cure = Cure::RemoveTag { tag: tag.clone(), id: *id };
                self.finding(format!("a tag {tag:?} belongs to no entry"), Some(cure))
            }));
            self.tenure.assure()?;
        }
    }

    /// A page of tags, with the number of the entry and the tags it has itself.
    fn tag_rows(&self, after: &(String, i64)) -> Result<Vec<(String, i64, Option<String>)>> {
        self.database()?.run(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT tag.tag, tag.entry, entry.tags FROM tag LEFT JOIN entry ON entry.id = tag.entry \
                 WHERE (tag.tag, tag.entry) > (?1, ?2) ORDER BY tag.tag, tag.entry LIMIT ?3",
            )?;
            let rows = statement
                .query_map((&after.0, after.1, TAG_PAGE), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect()
        })
    }

    fn refers_to(&self, id: i64, file: i64) -> Result<bool> {
        self.database()?.run(|connection| {
            connection
                .prepare_cached("SELECT count(*) FROM entry WHERE id = ?1 AND file = ?2")?
                .query_row((id, file), |row| row.get(0))
        })
    }

    /// Files that are there and belong to nothing. The list is older than the rows it is compared
    /// with: every file on it was then in a row, or is gone now.
    fn check_strays(&self, listed: &[(PathBuf, Option<i64>)]) -> Result<Vec<Finding>> {
        let database = self.database()?;
        // Of one moment: a file may go from one to the other.
        let (known, loose) = database.snapshot(|| {
            database.run(|connection| {
                let mut statement = connection.prepare(
                    "SELECT file FROM entry WHERE file IS NOT NULL \
                     UNION ALL SELECT file FROM member WHERE file IS NOT NULL",
                )?;
                let known = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<HashSet<i64>>>()?;
                let mut statement = connection.prepare("SELECT file, span FROM loose")?;
                let loose = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
                Ok((known, loose.collect::<rusqlite::Result<Vec<(i64, i64)>>>()?))
            })
        })?;
        let is_known = |number: i64| {
            known.contains(&number)
                || loose.iter().any(|(file, span)| (*file..file.saturating_add(*span)).contains(&number))
        };
        let strays = listed.iter().filter(|(path, number)| !number.is_some_and(is_known) && path.exists());
        let findings = strays.map(|(path, number)| {
            let cure = Cure::RemoveFile { path: path.clone(), number: *number };
            finding(path.display().to_string(), "a file that belongs to no entry".into(), Some(cure))
        });
        Ok(findings.collect())
    }
}

pub(super) fn finding(subject: String, description: String, cure: Option<Cure>) -> Finding {
    Finding { problem: Problem { subject, description, remedy: None }, cure }
}
