//! Enumeration across shards.

use std::collections::VecDeque;

use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::selection::{Selection, Span};
use crate::shard::{Direction, Page, Position};

/// Most keys of one call.
const CALL_LIMIT: u32 = 10_000;
/// Keys read from a shard at a time.
const PAGE: u32 = 512;

/// The order of an enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By when the key came in.
    #[default]
    Insertion,
    /// By key.
    Key,
}

/// What to enumerate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scan {
    /// Which entries.
    pub selection: Selection,
    /// In which order.
    pub order: Order,
    /// From the end.
    pub reverse: bool,
    /// Also those that have expired and were not removed yet.
    pub expired: bool,
}

/// A place in an enumeration.
pub struct Cursor {
    span: Span,
    by_key: bool,
    direction: Direction,
    expired: bool,
    shards: Vec<ShardCursor>,
}

/// The place in one shard.
struct ShardCursor {
    /// Read and not yet returned.
    buffer: VecDeque<Position>,
    /// The last one read.
    after: Option<Position>,
    /// The last id that counts: what comes in later is not seen by an enumeration by insertion.
    last: i64,
    exhausted: bool,
}

impl Cache {
    /// Begins an enumeration.
    pub fn keys(&mut self, scan: &Scan) -> Result<Cursor> {
        let selected = scan.selection.span()?;
        let shards = self.on_all(|shard| {
            Ok(ShardCursor { buffer: VecDeque::new(), after: None, last: shard.last_id()?, exhausted: false })
        })?;
        Ok(Cursor {
            span: selected,
            by_key: scan.order == Order::Key,
            direction: if scan.reverse { Direction::Backward } else { Direction::Forward },
            expired: scan.expired,
            shards,
        })
    }
}

impl Cursor {
    /// Up to `limit` further keys; none left: an empty list.
    pub fn next(&mut self, cache: &mut Cache, limit: u32) -> Result<Vec<Key>> {
        if limit == 0 || limit > CALL_LIMIT {
            return Err(Error::InvalidArgument(format!("the number of keys must be 1 to {CALL_LIMIT}, not {limit}")));
        }
        cache.assure_open()?;
        let mut keys = Vec::new();
        while keys.len() < limit as usize {
            match (0..self.shards.len()).try_for_each(|index| self.fill(cache, index)) {
                // What was taken from the buffers must not get lost. The next call meets the error.
                Err(_) if !keys.is_empty() => break,
                filled => filled?,
            }
            let Some(index) = self.first() else { break };
            keys.extend(self.shards.get_mut(index).and_then(|shard| shard.buffer.pop_front()).map(|next| next.key));
        }
        Ok(keys)
    }

    /// Reads the next page of a shard if its buffer is empty.
    fn fill(&mut self, cache: &mut Cache, index: usize) -> Result<()> {
        let Some(shard) = self.shards.get_mut(index) else { return Ok(()) };
        if !shard.buffer.is_empty() || shard.exhausted {
            return Ok(());
        }
        // Without an index for the order, all is read and sorted once: each page would sort anew.
        let limit = Page::is_indexed(&self.span, self.by_key).then_some(PAGE);
        let page = Page {
            span: &self.span,
            by_key: self.by_key,
            direction: self.direction,
            expired: self.expired,
            after: shard.after.as_ref(),
            last: shard.last,
            limit,
        };
        let positions = cache.on_index(index, |shard| shard.page(&page))?;
        shard.exhausted = limit.is_none_or(|limit| positions.len() < limit as usize);
        shard.after = positions.last().cloned().or(shard.after.take());
        shard.buffer = positions.into();
        Ok(())
    }

    /// The shard whose next key is the first of all.
    fn first(&self) -> Option<usize> {
        let heads = self.shards.iter().enumerate().filter_map(|(index, shard)| Some((index, shard.buffer.front()?)));
        let compare = |a: &Position, b: &Position| if self.by_key { a.key.cmp(&b.key) } else { a.id.cmp(&b.id) };
        let first = match self.direction {
            Direction::Forward => heads.min_by(|a, b| compare(a.1, b.1)),
            Direction::Backward => heads.max_by(|a, b| compare(a.1, b.1)),
        };
        first.map(|(index, _)| index)
    }
}
