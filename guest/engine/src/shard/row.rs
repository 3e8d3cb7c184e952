//! Writing the row of an entry.

use rusqlite::{Statement, ToSql, params};

use super::change::Change;
use super::parts::{Draft, Prior};
use crate::error::Result;

const INSERT: &str = "INSERT INTO entry (version, rank, size, stored, expires, ttl, sliding, accessed, hits, tags, \
    form, file, length, occupied, checksum, value, id, key, queue, position, place) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)";
const UPDATE: &str = "UPDATE entry SET version = ?1, rank = ?2, size = ?3, stored = ?4, expires = ?5, ttl = ?6, \
    sliding = ?7, accessed = ?8, hits = ?9, tags = ?10, form = ?11, file = ?12, length = ?13, occupied = ?14, \
    checksum = ?15, value = ?16 WHERE id = ?17";
const UPDATE_PLAIN: &str = "UPDATE entry SET version = ?1, rank = ?2, size = ?3, stored = ?4, accessed = ?4, \
    form = ?5, checksum = ?6, value = ?7 WHERE id = ?8";

/// What a stored entry has besides its draft.
pub(super) struct Columns<'a> {
    pub(super) id: i64,
    pub(super) version: i64,
    pub(super) rank: Option<i64>,
    pub(super) size: i64,
    pub(super) hits: i64,
    pub(super) tags: Option<&'a str>,
}

impl Change<'_> {
    /// Writes the row of an entry, over that of the prior one if there is one.
    pub(super) fn write_row(&self, prior: Option<&Prior>, draft: &Draft<'_>, columns: &Columns<'_>) -> Result<()> {
        match prior {
            Some(prior) if prior.is_plain() && draft.is_plain() => self.update_plain(draft, columns),
            Some(_) => self.update(draft, columns),
            None => self.insert(draft, columns),
        }
    }

    fn insert(&self, draft: &Draft<'_>, columns: &Columns<'_>) -> Result<()> {
        self.run(|connection| {
            let mut statement = connection.prepare_cached(INSERT)?;
            self.bind(&mut statement, draft, columns)?;
            for (index, column) in (18..).zip(draft.address.columns()?) {
                statement.raw_bind_parameter(index, column)?;
            }
            statement.raw_bind_parameter(21, self.settings.policy.place(columns.rank, columns.id))?;
            statement.raw_execute().map(drop)
        })
    }

    fn update(&self, draft: &Draft<'_>, columns: &Columns<'_>) -> Result<()> {
        self.run(|connection| {
            let mut statement = connection.prepare_cached(UPDATE)?;
            self.bind(&mut statement, draft, columns)?;
            statement.raw_execute().map(drop)
        })
    }

    /// The parameters that [`INSERT`] and [`UPDATE`] have in common.
    fn bind(&self, statement: &mut Statement<'_>, draft: &Draft<'_>, columns: &Columns<'_>) -> rusqlite::Result<()> {
        let parameters: [&dyn ToSql; 17] = [
            &columns.version,
            &columns.rank,
            &columns.size,
            &self.now,
            &draft.lifetime.expires,
            &draft.lifetime.ttl,
            &draft.lifetime.sliding,
            &self.now,
            &columns.hits,
            &columns.tags,
            &(draft.value.form as i64),
            &draft.value.file.map(|file| file.number),
            &draft.value.file.map(|_| draft.value.length.cast_signed()),
            &draft.value.file.map(|_| draft.occupied()),
            &draft.value.checksum,
            &draft.value.column,
            &columns.id,
        ];
        (1..).zip(parameters).try_for_each(|(index, parameter)| statement.raw_bind_parameter(index, parameter))
    }

    /// [`Change::update`] where neither the old nor the new entry has anything but a value: the most
    /// frequent change, with half the columns and without a look at the index of expiry times.
    fn update_plain(&self, draft: &Draft<'_>, columns: &Columns<'_>) -> Result<()> {
        self.run(|connection| {
            connection
                .prepare_cached(UPDATE_PLAIN)?
                .execute(params![
                    columns.version,
                    columns.rank,
                    columns.size,
                    self.now,
                    draft.value.form as i64,
                    draft.value.checksum,
                    draft.value.column,
                    columns.id,
                ])
                .map(drop)
        })
    }
}
