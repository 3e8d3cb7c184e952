//! Enumeration across shards.

use std::collections::VecDeque;

use crate::cache::Cache;
use crate::call::{self, check_limit};
use crate::entry::Item;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::selection::{Selection, Span};
use crate::shard::{Address, Direction, Page, Position};

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
    /// The first item of an enumeration.
    pub fn first(&mut self, scan: &Scan) -> Result<Option<Item>> {
        Ok(self.scan(scan)?.next_items(self, 1)?.pop())
    }

    /// Number and size of the entries of a selection, with or without expired ones.
    pub fn measure(&mut self, selection: &Selection, expired: bool) -> Result<(u64, u64)> {
        let span = selection.span()?;
        let each = self.on_all(|shard| shard.measure(&span, expired))?;
        Ok(each.into_iter().fold((0, 0), |sum, each| (sum.0 + each.0, sum.1 + each.1)))
    }

    /// Begins an enumeration.
    pub fn scan(&mut self, scan: &Scan) -> Result<Cursor> {
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
        check_limit(limit)?;
        cache.assure_open()?;
        let mut keys = Vec::new();
        while keys.len() < limit as usize {
            match self.head(cache) {
                // What was taken from the buffers must not get lost. The next call meets the error.
                Err(_) if !keys.is_empty() => break,
                head => {
                    let Some(index) = head? else { break };
                    keys.extend(self.take(index).map(|next| next.key));
                }
            }
        }
        Ok(keys)
    }

    /// Up to `limit` further keys with their entries, fewer where they are large; none left: an
    /// empty list. They are as they are when they are returned.
    pub fn next_items(&mut self, cache: &mut Cache, limit: u32) -> Result<Vec<Item>> {
        check_limit(limit)?;
        cache.assure_open()?;
        let (mut items, mut size) = (Vec::new(), 0);
        while items.len() < limit as usize && size < call::SIZE {
            match self.next_item(cache) {
                Err(_) if !items.is_empty() => break,
                Err(error) => {
                    if matches!(error, Error::Corrupt(_)) {
                        // Told once; the rest can still be had.
                        self.first().and_then(|index| self.take(index));
                    }
                    return Err(error);
                }
                Ok(next) => {
                    let Some(item) = next else { break };
                    size += item.entry.value.size();
                    items.push(item);
                }
            }
        }
        Ok(items)
    }

    /// The next entry that is still there. It is taken off the buffer once it was read.
    fn next_item(&mut self, cache: &mut Cache) -> Result<Option<Item>> {
        while let Some(index) = self.head(cache)? {
            let Some(position) = self.shards.get(index).and_then(|shard| shard.buffer.front()) else { break };
            let key = &position.key;
            let expired = self.expired;
            let entry = match (&self.span, key) {
                (Span::Queue(queue), Key::Integer(place)) => {
                    cache.on_index(index, |shard| shard.inspect(Address::Queue(queue, *place), expired))?
                }
                _ => cache.on_index(index, |shard| shard.inspect(Address::Key(key, key.hash()), expired))?,
            };
            let key = self.take(index).map(|position| position.key);
            if let (Some(key), Some(entry)) = (key, entry) {
                return Ok(Some(Item { key, entry }));
            }
        }
        Ok(None)
    }

    /// The shard whose buffer begins with the next key, after the buffers have been filled.
    fn head(&mut self, cache: &mut Cache) -> Result<Option<usize>> {
        (0..self.shards.len()).try_for_each(|index| self.fill(cache, index))?;
        Ok(self.first())
    }

    fn take(&mut self, index: usize) -> Option<Position> {
        self.shards.get_mut(index).and_then(|shard| shard.buffer.pop_front())
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
