//! Pages of keys.

use rusqlite::{Row, ToSql, params_from_iter};

use super::Shard;
use crate::error::Result;
use crate::key::Key;
use crate::lifetime::LIVE;
use crate::selection::{Bound, Span};

/// Which way a scan goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the first.
    Forward,
    /// From the last.
    Backward,
}

impl Direction {
    fn sql(self) -> &'static str {
        match self {
            Self::Forward => "ASC",
            Self::Backward => "DESC",
        }
    }
}

/// An entry's place in both orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// When its key came in.
    pub(crate) id: i64,
    /// Its key.
    pub(crate) key: Key,
}

/// A page to be read.
pub(crate) struct Page<'a> {
    /// Which entries.
    pub(crate) span: &'a Span,
    /// Whether by key, else by insertion.
    pub(crate) by_key: bool,
    /// Which way.
    pub(crate) direction: Direction,
    /// Whether those that have expired, too.
    pub(crate) expired: bool,
    /// The entry before the first.
    pub(crate) after: Option<&'a Position>,
    /// The last id that counts.
    pub(crate) last: i64,
    /// How many at most; none for all.
    pub(crate) limit: Option<u32>,
}

impl Shard {
    /// The greatest id, where an enumeration by insertion ends.
    pub(crate) fn last_id(&mut self) -> Result<i64> {
        self.guard(|shard| {
            shard.database()?.run(|connection| {
                connection.prepare_cached("SELECT ifnull(max(id), 0) FROM entry")?.query_row([], |row| row.get(0))
            })
        })
    }

    /// Reads a page of keys.
    pub(crate) fn page(&mut self, page: &Page<'_>) -> Result<Vec<Position>> {
        let now = self.platform.wall_ms();
        self.guard(|shard| {
            let statement = page.statement();
            let after_key = page.after.map_or(Key::Integer(0), |position| position.key.clone());
            let after_id = page.after.map_or(0, |position| position.id);
            let none = Key::Integer(0);
            let (start, end, tag) = match page.span {
                Span::Tag(tag) => (&none, &none, tag.as_str()),
                Span::Keys(start, end) => (start.key().unwrap_or(&none), end.key().unwrap_or(&none), ""),
            };
            let limit = page.limit.map_or(-1, i64::from);
            let parameters: [&dyn ToSql; 8] = [&now, &after_key, &after_id, &page.last, &start, &end, &tag, &limit];
            let rows = shard.database()?.run(|connection| {
                let mut statement = connection.prepare_dynamic(&statement)?;
                statement.query_map(params_from_iter(parameters), read_position)?.collect::<rusqlite::Result<Vec<_>>>()
            })?;
            rows.into_iter().collect()
        })
    }
}

fn read_position(row: &Row<'_>) -> rusqlite::Result<Result<Position>> {
    let id = row.get(0)?;
    Ok(Key::from_column(row.get_ref(1)?).map(|key| Position { id, key }))
}

impl Page<'_> {
    /// Parameters: ?1 now, ?2 and ?3 key and id of the entry before, ?4 last id, ?5 and ?6 bounds,
    /// ?7 tag, ?8 limit. All are named in the first line, so that each has its number.
    fn statement(&self) -> String {
        let (source, conditions, id) = match self.span {
            Span::Tag(_) => ("tag JOIN entry ON entry.id = tag.entry", " AND tag.tag = ?7".to_owned(), "tag.entry"),
            Span::Keys(start, end) => ("entry", start.condition(true, "?5") + &end.condition(false, "?6"), "entry.id"),
        };
        let live = if self.expired { String::new() } else { format!(" AND {LIVE}") };
        let beyond = match (self.after, self.by_key, self.direction) {
            (None, ..) => String::new(),
            (_, true, Direction::Forward) => " AND key > ?2".into(),
            (_, true, Direction::Backward) => " AND key < ?2".into(),
            (_, false, Direction::Forward) => format!(" AND {id} > ?3"),
            (_, false, Direction::Backward) => format!(" AND {id} < ?3"),
        };
        // By insertion, what comes in later is not seen; the id is the time it came in.
        let bound = if self.by_key { String::new() } else { format!(" AND {id} <= ?4") };
        format!(
            "SELECT entry.id, key FROM {source} WHERE coalesce(?1, ?2, ?3, ?4, ?5, ?6, ?7) IS NOT NULL\
             {conditions}{live}{beyond}{bound} ORDER BY {} {} LIMIT ?8",
            if self.by_key { "key" } else { id },
            self.direction.sql(),
        )
    }

    /// Whether an index gives the entries of the span in the order of the page.
    pub(crate) fn is_indexed(span: &Span, by_key: bool) -> bool {
        match span {
            Span::Tag(_) => !by_key,
            Span::Keys(Bound::Unbounded, Bound::Unbounded) => true,
            Span::Keys(..) => by_key,
        }
    }
}
