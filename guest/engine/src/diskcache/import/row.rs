//! A row of a foreign database, as far as it could be fetched.

use rusqlite::Row;
use rusqlite::types::{Value as Column, ValueRef};

use crate::error::{Error, Result};

/// What is selected. Large columns are replaced by NULL before SQLite loads them; `octet_length` and
/// `typeof` look only at the header of a row. A raw key counts as pickled unless `raw` is true.
pub(super) const COLUMNS: &str = "rowid,
    octet_length(key) > ?3, CASE WHEN octet_length(key) > ?3 THEN NULL ELSE key END,
    CASE WHEN typeof(raw) = 'integer' THEN raw <> 0 ELSE 0 END,
    CASE WHEN typeof(expire_time) IN ('real', 'integer', 'null') THEN expire_time ELSE -1 END,
    CASE WHEN octet_length(tag) > 65536 THEN x'' ELSE tag END,
    CASE WHEN typeof(size) = 'integer' THEN size ELSE -1 END,
    CASE WHEN typeof(mode) = 'integer' THEN mode ELSE -1 END,
    CASE WHEN octet_length(filename) > 4096 THEN '' ELSE filename END,
    octet_length(value) > ?4, CASE WHEN octet_length(value) > ?4 THEN NULL ELSE value END";

/// A row.
#[derive(Debug)]
pub(super) struct ForeignRow {
    pub(super) rowid: i64,
    pub(super) oversized: bool,
    pub(super) key: Column,
    pub(super) raw: bool,
    pub(super) expire_time: Option<f64>,
    pub(super) tag: Column,
    pub(super) size: i64,
    pub(super) mode: i64,
    pub(super) filename: Option<String>,
    pub(super) value: Column,
}

impl ForeignRow {
    /// Takes a row with [`COLUMNS`]; the inner error says why only this row is of no use.
    pub(super) fn take(row: &Row<'_>) -> rusqlite::Result<Result<Self>> {
        let rowid: i64 = row.get(0)?;
        let damaged = |what: &str| Error::Corrupt(format!("entry {rowid}: {what}"));
        let (Some(key), Some(tag), Some(value)) =
            (owned(row.get_ref(2)?), owned(row.get_ref(5)?), owned(row.get_ref(10)?))
        else {
            return Ok(Err(damaged("text that is not UTF-8")));
        };
        let filename = match row.get_ref(8)? {
            ValueRef::Null => None,
            ValueRef::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Some(text.to_owned()),
                Err(_) => return Ok(Err(damaged("a file name that is not UTF-8"))),
            },
            _ => return Ok(Err(damaged("a file name that is not text"))),
        };
        Ok(Ok(Self {
            rowid,
            oversized: row.get::<_, Option<bool>>(1)?.unwrap_or(false)
                || row.get::<_, Option<bool>>(9)?.unwrap_or(false),
            key,
            raw: row.get(3)?,
            expire_time: row.get(4)?,
            tag,
            size: row.get(6)?,
            mode: row.get(7)?,
            filename,
            value,
        }))
    }
}

/// A copy of a column; none if it is text that is not UTF-8.
fn owned(column: ValueRef<'_>) -> Option<Column> {
    Some(match column {
        ValueRef::Null => Column::Null,
        ValueRef::Integer(integer) => Column::Integer(integer),
        ValueRef::Real(real) => Column::Real(real),
        ValueRef::Text(text) => Column::Text(std::str::from_utf8(text).ok()?.to_owned()),
        ValueRef::Blob(bytes) => Column::Blob(bytes.to_vec()),
    })
}
