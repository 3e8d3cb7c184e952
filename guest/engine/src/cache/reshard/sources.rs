//! What is to be carried over, in order: entries by their numbers across the old shards, then the rows
//! of other tables.

use std::collections::{HashMap, VecDeque};

use crate::error::{Error, Result};
use crate::shard::{Carried, Numbering, Origin, Row, RowKey, Shard, TABLES};

/// Numbers of entries read from a shard at a time.
const PAGE: u32 = 512;
/// Rows read at a time; each may hold a value of up to 1 MiB.
const ROW_PAGE: u32 = 16;

/// What is to be carried over.
pub(super) struct Sources {
    lines: Vec<Line>,
    /// The numbers that entries get.
    numbers: Numbers,
    rows: Rows,
}

impl Sources {
    /// All that is in shards.
    pub(super) fn of(shards: &mut [Shard]) -> Result<Self> {
        let lines = shards.iter_mut().map(|shard| {
            let origin = shard.origin()?;
            Ok(Line { origin, ids: VecDeque::new(), after: i64::MIN, ended: false })
        });
        Ok(Self { lines: lines.collect::<Result<_>>()?, numbers: Numbers::default(), rows: Rows::default() })
    }

    /// How much that is.
    pub(super) fn total(&self) -> u64 {
        self.lines.iter().fold(0_u64, |sum, line| sum.saturating_add(line.origin.count))
    }

    /// The last number that any shard has given out.
    pub(super) fn sequence(&self) -> i64 {
        self.lines.iter().map(|line| line.origin.sequence).max().unwrap_or(0)
    }

    /// What is carried over next, and the index of the shard it comes from; none if that was all.
    pub(super) fn next(&mut self, shards: &mut [Shard]) -> Result<Option<(usize, Carried)>> {
        match self.next_entry(shards)? {
            None => self.rows.next(shards),
            entry => Ok(entry),
        }
    }

    fn next_entry(&mut self, shards: &mut [Shard]) -> Result<Option<(usize, Carried)>> {
        for (line, shard) in self.lines.iter_mut().zip(&mut *shards) {
            line.fill(shard)?;
        }
        let heads = self.lines.iter().enumerate().filter_map(|(index, line)| Some((*line.ids.front()?, index)));
        // Of equal ones that of the first shard, as in an enumeration.
        let Some((id, index)) = heads.min() else { return Ok(None) };
        let (Some(line), Some(shard)) = (self.lines.get_mut(index), shards.get_mut(index)) else {
            return Err(Error::Closed);
        };
        line.ids.pop_front();
        let mut entry = shard.carry_entry(id, &line.origin)?;
        entry.renumber(self.numbers.next(id)?);
        Ok(Some((index, Carried::Entry(entry))))
    }
}

/// Numbers of one shard each, as numbers of all: they stay what they are unless they are taken.
#[derive(Default)]
struct Numbers {
    last: i64,
}

impl Numbers {
    /// The number for what had `number`; greater than all before.
    fn next(&mut self, number: i64) -> Result<i64> {
        let next = self.last.checked_add(1).ok_or_else(|| Error::Overflow("the number of an entry".into()))?;
        self.last = number.max(next);
        Ok(self.last)
    }
}

/// The entries of an old shard.
struct Line {
    origin: Origin,
    /// The next ones.
    ids: VecDeque<i64>,
    /// The last one that was read.
    after: i64,
    ended: bool,
}

impl Line {
    /// Reads further numbers if there are none.
    fn fill(&mut self, shard: &mut Shard) -> Result<()> {
        if self.ids.is_empty() && !self.ended {
            self.ids = shard.ids_after(self.after, PAGE)?.into();
            self.ended = self.ids.len() < PAGE as usize;
            self.after = self.ids.back().copied().unwrap_or(self.after);
        }
        Ok(())
    }
}

/// The rows of the other tables: one table after the other, and of each one shard after the other.
#[derive(Default)]
struct Rows {
    table: usize,
    shard: usize,
    /// The next ones.
    page: VecDeque<Row>,
    /// The last one that was read.
    after: Option<RowKey>,
    /// The numbers that collections get.
    numbers: Numbers,
    /// Those that are other ones than before, by shard and what they were.
    changed: HashMap<(usize, i64), i64>,
}

impl Rows {
    fn next(&mut self, shards: &mut [Shard]) -> Result<Option<(usize, Carried)>> {
        while let Some(table) = TABLES.get(self.table) {
            if let Some(mut row) = self.page.pop_front() {
                self.renumber(&mut row)?;
                return Ok(Some((self.shard, Carried::Row(row))));
            }
            let Some(shard) = shards.get_mut(self.shard) else {
                (self.table, self.shard) = (self.table + 1, 0);
                continue;
            };
            self.page = shard.rows_after(table, self.after.as_ref(), ROW_PAGE)?.into();
            self.after = self.page.back().map(Row::key);
            if self.after.is_none() {
                self.shard += 1;
            }
        }
        Ok(None)
    }

    /// Numbers a collection, and what belongs to it likewise.
    fn renumber(&mut self, row: &mut Row) -> Result<()> {
        match row.number() {
            None => {}
            Some((number, Numbering::Gives)) => {
                let next = self.numbers.next(number)?;
                if next != number {
                    self.changed.insert((self.shard, number), next);
                    row.renumber(next);
                }
            }
            Some((number, _)) => {
                if let Some(next) = self.changed.get(&(self.shard, number)) {
                    row.renumber(*next);
                }
            }
        }
        Ok(())
    }
}
