//! Rows of tables that hold no entries, on their way.

use rusqlite::types::Value as Column;
use rusqlite::{OptionalExtension, params_from_iter};

use super::Shard;
use crate::collection::{Home, Kind};
use crate::error::Result;
use crate::shard::record::hash_of_record;
use crate::statements::Statements;

/// A table whose rows are carried over one after the other.
#[derive(Debug)]
pub(crate) struct Table {
    name: &'static str,
    /// Those of the primary key first, in its order.
    columns: &'static [&'static str],
    /// How many columns the primary key has.
    key: usize,
    /// The column that names a value file, if there is one.
    file: Option<usize>,
    /// Whether the first column is the number of a collection.
    numbering: Numbering,
    /// The table that says to what a row belongs; without it there, a row is nobody's, and left behind.
    owner: &'static str,
    /// The kind and name that choose the shard of a row.
    place: [&'static str; 2],
    /// The hash of these.
    hash: fn(i64, &str) -> u64,
}

/// What the first column of a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// No number that others refer to.
    None,
    /// The number of a collection.
    Gives,
    /// The number of the collection that a row belongs to.
    Refers,
}

/// The tables whose rows have a shard by their hash, besides that of the entries; what others refer to
/// comes before these.
pub(crate) static TABLES: [Table; 3] = [
    Table {
        name: "record",
        columns: &["kind", "name", "state"],
        key: 2,
        file: None,
        numbering: Numbering::None,
        owner: "",
        place: ["record.kind", "record.name"],
        hash: hash_of_record,
    },
    Table {
        name: "collection",
        columns: &["id", "kind", "name", "length", "bound", "layout"],
        key: 1,
        file: None,
        numbering: Numbering::Gives,
        owner: "",
        place: ["collection.kind", "collection.name"],
        hash: Home::hash_of,
    },
    Table {
        name: "member",
        columns: &["collection", "position", "key", "form", "file", "length", "occupied", "checksum", "value"],
        key: 2,
        file: Some(4),
        numbering: Numbering::Refers,
        owner: "JOIN collection ON collection.id = member.collection",
        place: ["collection.kind", "collection.name"],
        hash: Home::hash_of,
    },
];

/// What tells a row from others of its table.
pub(crate) type RowKey = Vec<Column>;

/// A row with all its columns.
#[derive(Debug)]
pub(crate) struct Row {
    table: &'static Table,
    columns: Vec<Column>,
    kind: i64,
    name: String,
}

impl Row {
    /// The hash that chooses its shard.
    pub(super) fn hash(&self) -> u64 {
        (self.table.hash)(self.kind, &self.name)
    }

    /// What its columns hold.
    pub(super) fn values(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter()
    }

    /// What tells it from other rows.
    pub(crate) fn key(&self) -> RowKey {
        self.columns.iter().take(self.table.key).cloned().collect()
    }

    /// The number of a collection, and whether it is this one's or that of which it is a part.
    pub(crate) fn number(&self) -> Option<(i64, Numbering)> {
        match (self.table.numbering, self.columns.first()) {
            (Numbering::None, _) => None,
            (numbering, Some(Column::Integer(number))) => Some((*number, numbering)),
            _ => None,
        }
    }

    /// Gives it the number that its collection has from now on.
    pub(crate) fn renumber(&mut self, number: i64) {
        if let Some(column) = self.columns.first_mut() {
            *column = Column::Integer(number);
        }
    }

    /// The greatest number it bears that was given out in order.
    pub(crate) fn latest(&self) -> i64 {
        let is_numbered = match self.table.numbering {
            Numbering::None => false,
            Numbering::Gives => true,
            // In a deque these are places.
            Numbering::Refers => self.kind == Kind::Index as i64,
        };
        let key = self.columns.iter().take(self.table.key).filter(|_| is_numbered);
        let numbers = key.filter_map(|column| if let Column::Integer(number) = column { Some(*number) } else { None });
        numbers.max().unwrap_or(0)
    }
}

impl Table {
    /// Number of rows.
    pub(super) fn count(&self, connection: &Statements<'_, '_>) -> rusqlite::Result<i64> {
        let Self { name, owner, .. } = self;
        connection.query_row(&format!("SELECT count(*) FROM {name} {owner}"), [], |row| row.get(0))
    }

    /// The next `limit` rows, after a key if there is one.
    fn query(&self, after: Option<&RowKey>, limit: u32) -> String {
        let Self { name, owner, place: [kind, label], .. } = self;
        let all: Vec<_> = self.columns.iter().map(|column| format!("{name}.{column}")).collect();
        let (columns, keys) = (all.join(", "), all.get(..self.key).unwrap_or_default().join(", "));
        let from = after.map_or_else(String::new, |key| format!("WHERE ({keys}) > ({})", Self::places(key.len())));
        format!("SELECT {columns}, {kind}, {label} FROM {name} {owner} {from} ORDER BY {keys} LIMIT {limit}")
    }

    fn places(count: usize) -> String {
        vec!["?"; count].join(", ")
    }
}

impl Shard {
    /// The next rows of a table after the one with the key `after`, in the order of their keys.
    pub(crate) fn rows_after(&mut self, table: &'static Table, after: Option<&RowKey>, limit: u32) -> Result<Vec<Row>> {
        let (query, width) = (table.query(after, limit), table.columns.len());
        self.guard(|shard| {
            shard.database()?.run(|connection| {
                let mut statement = connection.prepare_dynamic(&query)?;
                let rows = statement.query_map(params_from_iter(after.into_iter().flatten()), |row| {
                    let columns = (0..width).map(|index| row.get(index)).collect::<rusqlite::Result<_>>()?;
                    Ok(Row { table, columns, kind: row.get(width)?, name: row.get(width + 1)? })
                })?;
                rows.collect()
            })
        })
    }

    /// The collection that takes most, with its size in bytes: what is in it stays together.
    pub(crate) fn largest_collection(&mut self) -> Result<Option<(String, u64)>> {
        self.guard(|shard| {
            let found = shard.database()?.run(|connection| {
                let query = "SELECT collection.kind, collection.name, total(member.length) AS size \
                     FROM member JOIN collection ON collection.id = member.collection \
                     GROUP BY member.collection ORDER BY size DESC LIMIT 1";
                let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, f64>(2)?));
                connection.query_row(query, [], read).optional()
            })?;
            Ok(found.map(|(kind, name, size): (i64, String, f64)| {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, as it should")]
                let size = size as u64;
                let home = Kind::from_number(kind).map(|kind| Home { kind, name: name.clone() });
                (home.map_or(name, |home| home.to_string()), size)
            }))
        })
    }

    pub(super) fn receive_row(&self, mut row: Row, adopt: &mut dyn FnMut(&Self, i64) -> Result<i64>) -> Result<()> {
        let table = row.table;
        if let Some(Column::Integer(file)) = table.file.and_then(|index| row.columns.get_mut(index)) {
            *file = adopt(self, *file)?;
        }
        let (columns, places) = (table.columns.join(", "), Table::places(table.columns.len()));
        let insert = format!("INSERT INTO {} ({columns}) VALUES ({places})", table.name);
        self.database()?
            .run(|connection| connection.prepare_dynamic(&insert)?.execute(params_from_iter(row.values())).map(drop))
    }
}
