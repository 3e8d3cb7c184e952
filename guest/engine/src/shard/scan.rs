//! Pages of keys.

use rusqlite::{Row, ToSql, params_from_iter};

use super::Shard;
use super::tombstone::DEAD;
use crate::error::Result;
use crate::key::Key;
use crate::lifetime::{CLOCK_TOLERANCE_MS, LIVE};
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

/// Which rows of those that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// All there are.
    Any,
    /// Entries, expired ones too.
    NotDead,
    /// Live entries.
    Live,
}

impl Which {
    /// As a condition beside others; ?1 is the time.
    fn condition(self) -> String {
        match self {
            Self::Any => String::new(),
            Self::NotDead => format!(" AND NOT {DEAD}"),
            Self::Live => format!(" AND {LIVE} AND NOT {DEAD}"),
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
            shard.read_folded(None, |shard| {
                shard.database()?.run(|connection| {
                    connection.prepare_cached("SELECT ifnull(max(id), 0) FROM entry")?.query_row([], |row| row.get(0))
                })
            })
        })
    }

    /// Reads a page of keys.
    pub(crate) fn page(&mut self, page: &Page<'_>) -> Result<Vec<Position>> {
        let after_key = page.after.map_or(Key::Integer(0), |position| position.key.clone());
        let after_id = page.after.map_or(0, |position| position.id);
        let none = Key::Integer(0);
        let (start, end, name) = match page.span {
            Span::Tag(name) | Span::Queue(name) => (&none, &none, name.as_str()),
            Span::Keys(start, end) => (start.key().unwrap_or(&none), end.key().unwrap_or(&none), ""),
        };
        let limit = page.limit.map_or(-1, i64::from);
        self.guard(|shard| {
            let rows = shard.read_span(page.span, |shard| {
                // The time of each attempt: by an earlier one, what was stored after a leap of the clock came later.
                let now = shard.platform.wall_ms();
                let parameters: [&dyn ToSql; 8] =
                    [&now, &after_key, &after_id, &page.last, &start, &end, &name, &limit];
                let statement = page.statement(shard.which(page.expired, now)?);
                shard.database()?.run(|connection| {
                    let mut statement = connection.prepare_dynamic(&statement)?;
                    let rows = statement.query_map(params_from_iter(parameters), read_position)?;
                    rows.collect::<rusqlite::Result<Vec<_>>>()
                })
            })?;
            let positions = rows.into_iter().collect::<Result<Vec<Position>>>()?;
            if let (Some(after), Some(last)) = (page.after, positions.last()) {
                if page.by_key {
                    shard.assure_onward(page.direction, &after.key, &last.key)?;
                } else {
                    shard.assure_onward(page.direction, &after.id, &last.id)?;
                }
            }
            Ok(positions)
        })
    }

    /// Reads something of the entries of a span.
    fn read_span<T>(&mut self, span: &Span, read: impl Fn(&Self) -> Result<T>) -> Result<T> {
        match span {
            Span::Queue(queue) => self.read_folded(Some(queue), read),
            Span::Tag(_) | Span::Keys(..) => self.read_optimistically(|| read(self)),
        }
    }

    /// Which rows are to be looked for. Where it is plain that every entry is live, none has to be looked
    /// at, which are all over the database: then keys can be read off their index. It is, if none has
    /// reached its expiry, the clock was not set back, and there are no tombstones.
    fn which(&self, expired: bool, now: i64) -> Result<Which> {
        let (sequence, any_ended, any_dead): (i64, bool, bool) = self.database()?.run(|connection| {
            connection
                .prepare_cached(
                    "SELECT sequence, EXISTS (SELECT 1 FROM entry WHERE expires <= ?1), tombstones > 0 FROM totals",
                )?
                .query_row([now], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        })?;
        let all_fresh = !any_ended && sequence / 1000 <= now.saturating_add(CLOCK_TOLERANCE_MS);
        Ok(match (any_dead, expired || all_fresh) {
            (false, true) => Which::Any,
            (true, true) => Which::NotDead,
            (_, false) => Which::Live,
        })
    }

    /// Number and size of the entries of a span.
    pub(crate) fn measure(&mut self, span: &Span, expired: bool) -> Result<(u64, u64)> {
        let statement = measure_statement(span, expired);
        let none = Key::Integer(0);
        let (start, end, name) = match span {
            Span::Tag(name) | Span::Queue(name) => (&none, &none, name.as_str()),
            Span::Keys(start, end) => (start.key().unwrap_or(&none), end.key().unwrap_or(&none), ""),
        };
        self.guard(|shard| {
            shard.read_span(span, |shard| {
                let now = shard.platform.wall_ms();
                shard.database()?.run(|connection| {
                    let mut statement = connection.prepare_dynamic(&statement)?;
                    statement.query_row((now, start, end, name), |row| {
                        let number = |column| row.get(column).map(|number: i64| number.max(0).cast_unsigned());
                        Ok((number(0)?, number(1)?))
                    })
                })
            })
        })
    }
}

/// Parameters: ?1 now, ?2 and ?3 bounds, ?4 tag or queue.
fn measure_statement(span: &Span, expired: bool) -> String {
    let (source, conditions) = match span {
        Span::Tag(_) => ("tag JOIN entry ON entry.id = tag.entry", " AND tag.tag = ?4".to_owned()),
        Span::Queue(_) => ("entry", " AND queue = ?4".to_owned()),
        Span::Keys(start, end) => ("entry", start.condition(true, "?2") + &end.condition(false, "?3")),
    };
    let which = if expired { Which::NotDead } else { Which::Live };
    let live = which.condition();
    format!(
        "SELECT count(*), ifnull(sum(entry.size), 0) FROM {source} \
         WHERE coalesce(?1, ?2, ?3, ?4) IS NOT NULL{conditions}{live}"
    )
}

fn read_position(row: &Row<'_>) -> rusqlite::Result<Result<Position>> {
    let id = row.get(0)?;
    Ok(Key::from_column(row.get_ref(1)?).map(|key| Position { id, key }))
}

impl Page<'_> {
    /// Parameters: ?1 now, ?2 and ?3 key and id of the entry before, ?4 last id, ?5 and ?6 bounds,
    /// ?7 tag or queue, ?8 limit. All are named in the first line, so that each has its number.
    fn statement(&self, which: Which) -> String {
        let keyed = " AND key IS NOT NULL";
        let (source, conditions, id, key) = match self.span {
            Span::Tag(_) => {
                let source = "tag JOIN entry ON entry.id = tag.entry";
                (source, format!("{keyed} AND tag.tag = ?7"), "tag.entry", "key")
            }
            Span::Queue(_) => ("entry", " AND queue = ?7".to_owned(), "entry.id", "position"),
            Span::Keys(start, end) => {
                let bounds = start.condition(true, "?5") + &end.condition(false, "?6");
                ("entry", keyed.to_owned() + &bounds, "entry.id", "key")
            }
        };
        let live = which.condition();
        let beyond = match (self.after, self.by_key, self.direction) {
            (None, ..) => String::new(),
            (_, true, Direction::Forward) => format!(" AND {key} > ?2"),
            (_, true, Direction::Backward) => format!(" AND {key} < ?2"),
            (_, false, Direction::Forward) => format!(" AND {id} > ?3"),
            (_, false, Direction::Backward) => format!(" AND {id} < ?3"),
        };
        // By insertion, what comes in later is not seen; the id is the time it came in.
        let bound = if self.by_key { String::new() } else { format!(" AND {id} <= ?4") };
        format!(
            "SELECT entry.id, {key} FROM {source} WHERE coalesce(?1, ?2, ?3, ?4, ?5, ?6, ?7) IS NOT NULL\
             {conditions}{live}{beyond}{bound} ORDER BY {} {} LIMIT ?8",
            if self.by_key { key } else { id },
            self.direction.sql(),
        )
    }

    /// Whether an index gives the entries of the span in the order of the page.
    pub(crate) fn is_indexed(span: &Span, by_key: bool) -> bool {
        match span {
            Span::Tag(_) => !by_key,
            Span::Keys(Bound::Unbounded, Bound::Unbounded) => true,
            Span::Keys(..) | Span::Queue(_) => by_key,
        }
    }
}
