//! Indexes by name.

use std::collections::VecDeque;

use super::Cache;
use super::deque::Deque;
use super::session::Session;
use crate::call::{self, check_limit};
use crate::collection::compare::compare;
use crate::collection::{Home, Kind};
use crate::cursor::Order;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::options::Side;
use crate::selection::{Bound, Selection, Span};
use crate::shard::{Direction, IndexPage, Member, Shard};
use crate::value::Value;

/// Keys read at a time.
const PAGE: u32 = 512;

/// A mapping that keeps the order in which its keys came in, of which a directory has any number by name.
///
/// Its values never expire and are never evicted. Each operation is atomic, and a part of the open
/// transaction if it goes through one.
#[derive(Debug, Clone)]
pub struct Index {
    home: Home,
}

/// What to enumerate of an index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexScan {
    /// Which keys: all, those with a prefix, or a range.
    pub selection: Selection,
    /// In which order.
    pub order: Order,
    /// From the end.
    pub reverse: bool,
}

impl Index {
    /// The index of a name, whether or not anything is in it.
    pub fn new(name: &str) -> Result<Self> {
        Ok(Self { home: Home::new(Kind::Index, name)? })
    }

    /// A queue of its own, by name: a deque that belongs to it.
    pub fn queue(&self, name: &str) -> Result<Deque> {
        Home::queue_of(&self.home, name).map(Deque::of)
    }

    /// The names of its queues that hold something or are bounded, in order.
    pub fn queues(&self, cache: &mut Cache) -> Result<Vec<String>> {
        let names = cache.collections(Kind::Queue)?;
        let own = names.iter().filter_map(|name| name.split_once('\0').filter(|(index, _)| *index == self.home.name));
        Ok(own.map(|(_, queue)| queue.to_owned()).collect())
    }

    /// Number of keys.
    pub fn len(&self, cache: &mut Cache) -> Result<u64> {
        Ok(cache.on_collection(&self.home, Shard::collection_size)?.0)
    }

    /// The value under a key.
    pub fn get(&self, cache: &mut Cache, key: &Key) -> Result<Option<Value>> {
        key.validate()?;
        cache.on_collection(&self.home, |shard, home| shard.index_get(home, key))
    }

    /// Stores a value; whether the key had one before, whose place it then takes.
    pub fn set(&self, cache: &mut Cache, key: Key, value: Value) -> Result<bool> {
        Ok(self.update(cache, &[(key, value)])?.first().copied().unwrap_or(false))
    }

    /// Stores values in turn, all or none; for each whether its key had one before.
    pub fn update(&self, cache: &mut Cache, items: &[(Key, Value)]) -> Result<Vec<bool>> {
        items.iter().try_for_each(|(key, value)| key.validate().and_then(|()| value.validate(key)))?;
        if items.is_empty() {
            return Ok(Vec::new());
        }
        cache.on_collection(&self.home, |shard, home| shard.index_set(home, items))
    }

    /// The value under a key, after storing this one if there was none; whether it was stored.
    pub fn set_default(&self, cache: &mut Cache, key: &Key, value: &Value) -> Result<(Value, bool)> {
        key.validate()?;
        value.validate(key)?;
        cache.on_collection(&self.home, |shard, home| shard.index_set_default(home, key, value))
    }

    /// Removes a key; whether it was there.
    pub fn delete(&self, cache: &mut Cache, key: &Key) -> Result<bool> {
        key.validate()?;
        cache.on_collection(&self.home, |shard, home| shard.index_delete(home, key))
    }

    /// Removes a key and returns its value.
    pub fn pop(&self, cache: &mut Cache, key: &Key) -> Result<Option<Value>> {
        key.validate()?;
        cache.on_collection(&self.home, |shard, home| shard.index_pop(home, key))
    }

    /// The key at one end of the order of arrival, with its value.
    pub fn peek_item(&self, cache: &mut Cache, side: Side) -> Result<Option<(Key, Value)>> {
        cache.on_collection(&self.home, |shard, home| shard.index_end(home, side, false))
    }

    /// Removes the key at one end of the order of arrival and returns it with its value.
    pub fn pop_item(&self, cache: &mut Cache, side: Side) -> Result<Option<(Key, Value)>> {
        cache.on_collection(&self.home, |shard, home| shard.index_end(home, side, true))
    }

    /// Moves a key to one end of the order of arrival; whether it is there.
    pub fn move_to_end(&self, cache: &mut Cache, key: &Key, side: Side) -> Result<bool> {
        key.validate()?;
        cache.on_collection(&self.home, |shard, home| shard.index_move(home, key, side))
    }

    /// Removes all keys; returns how many. Its queues stay.
    pub fn clear(&self, cache: &mut Cache) -> Result<u64> {
        cache.on_collection(&self.home, Shard::clear_collection)
    }

    /// Whether another index has the same keys with equal values, at one moment; with `ordered`, in the same
    /// order of arrival. Numbers are equal by value, everything else byte by byte.
    pub fn equals(&self, cache: &mut Cache, other: &Self, ordered: bool) -> Result<bool> {
        cache.on_both([&self.home, &other.home], |session| {
            let length = |session: &mut Session, home: &Home| session.shard_of(home.hash())?.collection_size(home);
            if length(session, &self.home)?.0 != length(session, &other.home)?.0 {
                return Ok(false);
            }
            let (mut one, mut two) = (Walk::new(&self.home), Walk::new(&other.home));
            loop {
                let keys = one.page(session)?;
                if keys.is_empty() {
                    return Ok(true);
                }
                if ordered && keys != two.page(session)? {
                    return Ok(false);
                }
                for key in &keys {
                    let mine = session.shard_of(self.home.hash())?.index_get(&self.home, key)?;
                    let theirs = session.shard_of(other.home.hash())?.index_get(&other.home, key)?;
                    if !mine.zip(theirs).is_some_and(|(mine, theirs)| compare(&mine, &theirs).is_eq()) {
                        return Ok(false);
                    }
                }
            }
        })
    }

    /// Begins an enumeration. In the order of arrival, keys that come in later are not seen.
    pub fn scan(&self, cache: &mut Cache, scan: &IndexScan) -> Result<IndexCursor> {
        let Span::Keys(start, end) = scan.selection.span()? else {
            return Err(Error::InvalidArgument("an index is enumerated whole, by prefix or by range".into()));
        };
        let last = cache.on_collection(&self.home, Shard::index_last)?;
        Ok(IndexCursor {
            home: self.home.clone(),
            bounds: (start, end),
            by_key: scan.order == Order::Key,
            direction: if scan.reverse { Direction::Backward } else { Direction::Forward },
            after: None,
            last,
            buffer: VecDeque::new(),
            exhausted: false,
        })
    }
}

/// A place in an enumeration of an index.
pub struct IndexCursor {
    home: Home,
    bounds: (Bound, Bound),
    by_key: bool,
    direction: Direction,
    /// The last one read.
    after: Option<Member>,
    /// The last position that counts.
    last: i64,
    /// Read and not yet returned.
    buffer: VecDeque<Key>,
    exhausted: bool,
}

impl IndexCursor {
    /// Up to `limit` further keys; none left: an empty list.
    pub fn next(&mut self, cache: &mut Cache, limit: u32) -> Result<Vec<Key>> {
        check_limit(limit)?;
        cache.assure_open()?;
        while self.buffer.len() < limit as usize && !self.exhausted {
            match self.fill(cache) {
                Err(error) if self.buffer.is_empty() => return Err(error),
                // The next call meets it.
                Err(_) => break,
                Ok(()) => {}
            }
        }
        let count = self.buffer.len().min(limit as usize);
        Ok(self.buffer.drain(..count).collect())
    }

    /// Up to `limit` further keys with their values, fewer where they are large; none left: an empty list.
    /// The values are as they are when they are returned.
    pub fn next_items(&mut self, cache: &mut Cache, limit: u32) -> Result<Vec<(Key, Value)>> {
        check_limit(limit)?;
        cache.assure_open()?;
        let (mut items, mut size) = (Vec::new(), 0);
        while items.len() < limit as usize && size < call::SIZE {
            if self.buffer.is_empty() && !self.exhausted {
                match self.fill(cache) {
                    Err(error) if items.is_empty() => return Err(error),
                    Err(_) => break,
                    Ok(()) => continue,
                }
            }
            let Some(key) = self.buffer.front() else { break };
            match cache.on_collection(&self.home, |shard, home| shard.index_get(home, key)) {
                Err(_) if !items.is_empty() => break,
                Err(error) => {
                    if matches!(error, Error::Corrupt(_)) {
                        // Told once; the rest can still be had.
                        self.buffer.pop_front();
                    }
                    return Err(error);
                }
                Ok(value) => {
                    size += value.as_ref().map_or(0, Value::size);
                    items.extend(self.buffer.pop_front().zip(value));
                }
            }
        }
        Ok(items)
    }

    fn fill(&mut self, cache: &mut Cache) -> Result<()> {
        let page = IndexPage {
            start: &self.bounds.0,
            end: &self.bounds.1,
            by_key: self.by_key,
            direction: self.direction,
            after: self.after.as_ref(),
            last: self.last,
            limit: PAGE,
        };
        let members = cache.on_collection(&self.home, |shard, home| shard.index_page(home, &page))?;
        self.exhausted = members.len() < PAGE as usize;
        self.after = members.last().cloned().or(self.after.take());
        self.buffer.extend(members.into_iter().map(|member| member.key));
        Ok(())
    }
}

/// The keys of an index that nobody changes, a page at a time.
struct Walk<'a> {
    home: &'a Home,
    after: Option<Member>,
}

impl<'a> Walk<'a> {
    fn new(home: &'a Home) -> Self {
        Self { home, after: None }
    }

    fn page(&mut self, session: &mut Session) -> Result<Vec<Key>> {
        let page = IndexPage {
            start: &Bound::Unbounded,
            end: &Bound::Unbounded,
            by_key: false,
            direction: Direction::Forward,
            after: self.after.as_ref(),
            last: i64::MAX,
            limit: PAGE,
        };
        let members = session.shard_of(self.home.hash())?.index_page(self.home, &page)?;
        self.after = members.last().cloned().or(self.after.take());
        Ok(members.into_iter().map(|member| member.key).collect())
    }
}
