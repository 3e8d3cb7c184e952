//! Rows of tables that hold no entries, on their way.

use rusqlite::params_from_iter;
use rusqlite::types::Value as Column;

use super::Shard;
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
    /// The hash that chooses the shard of a row.
    hash: fn(&[Column]) -> u64,
}

/// The tables whose rows have a shard by their hash, besides that of the entries.
pub(crate) static TABLES: [Table; 1] = [Table {
    name: "record",
    columns: &["kind", "name", "state"],
    key: 2,
    file: None,
    hash: |columns| match columns {
        [Column::Integer(kind), Column::Text(name), ..] => hash_of_record(*kind, name),
        _ => 0,
    },
}];

/// What tells a row from others of its table.
pub(crate) type RowKey = Vec<Column>;

/// A row with all its columns.
#[derive(Debug)]
pub(crate) struct Row {
    table: &'static Table,
    columns: Vec<Column>,
}

impl Row {
    /// The hash that chooses its shard.
    pub(super) fn hash(&self) -> u64 {
        (self.table.hash)(&self.columns)
    }

    /// What its columns hold.
    pub(super) fn values(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter()
    }

    /// What tells it from other rows.
    pub(crate) fn key(&self) -> RowKey {
        self.columns.iter().take(self.table.key).cloned().collect()
    }
}

impl Table {
    /// Number of rows.
    pub(super) fn count(&self, connection: &Statements<'_, '_>) -> rusqlite::Result<i64> {
        connection.query_row(&format!("SELECT count(*) FROM {}", self.name), [], |row| row.get(0))
    }

    fn places(count: usize) -> String {
        vec!["?"; count].join(", ")
    }
}

impl Shard {
    /// The next rows of a table after the one with the key `after`, in the order of their keys.
    pub(crate) fn rows_after(&mut self, table: &'static Table, after: Option<&RowKey>, limit: u32) -> Result<Vec<Row>> {
        let (columns, keys) = (table.columns.join(", "), table.columns.get(..table.key).unwrap_or_default().join(", "));
        let from = after.map_or_else(String::new, |key| {
            let places = Table::places(key.len());
            format!("WHERE ({keys}) > ({places})")
        });
        let query = format!("SELECT {columns} FROM {} {from} ORDER BY {keys} LIMIT {limit}", table.name);
        self.guard(|shard| {
            shard.database()?.run(|connection| {
                let mut statement = connection.prepare_dynamic(&query)?;
                let rows = statement.query_map(params_from_iter(after.into_iter().flatten()), |row| {
                    let columns = (0..table.columns.len()).map(|index| row.get(index));
                    Ok(Row { table, columns: columns.collect::<rusqlite::Result<_>>()? })
                })?;
                rows.collect()
            })
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
