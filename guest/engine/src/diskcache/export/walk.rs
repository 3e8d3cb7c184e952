//! The entries of a cache, one after the other: keys as they came in, then the queues by name.

use std::collections::VecDeque;

use crate::cache::Cache;
use crate::cursor::{Cursor, Order, Scan};
use crate::error::Result;
use crate::key::Key;
use crate::selection::Selection;

/// Keys read at a time.
const PAGE: u32 = 512;

/// What comes next.
pub(super) enum Stop {
    /// An entry under a key.
    Key(Key),
    /// A queue begins, with so many entries.
    Queue(String, u64),
    /// An entry at this position of the queue that has begun.
    Queued(i64),
    /// That was all.
    End,
}

/// A place in a cache.
pub(super) struct Walk {
    cursor: Cursor,
    /// Read and not passed yet.
    read: VecDeque<Key>,
    /// Whether nothing more is wanted of the cursor.
    ended: bool,
    /// The queues that have not begun, the next one last; none before the keys have ended.
    queues: Option<Vec<String>>,
}

impl Walk {
    /// Stands before the first entry.
    pub(super) fn begin(cache: &mut Cache) -> Result<Self> {
        // Expired ones too, so that none is passed over without being counted.
        let cursor = cache.scan(&Scan { expired: true, ..Scan::default() })?;
        Ok(Self { cursor, read: VecDeque::new(), ended: false, queues: None })
    }

    /// Goes on.
    pub(super) fn next(&mut self, cache: &mut Cache) -> Result<Stop> {
        if self.read.is_empty() && !self.ended {
            self.read = self.cursor.next(cache, PAGE)?.into();
        }
        match (self.read.pop_front(), &self.queues) {
            (Some(Key::Integer(position)), Some(_)) => Ok(Stop::Queued(position)),
            (Some(key), _) => Ok(Stop::Key(key)),
            (None, _) => self.next_queue(cache),
        }
    }

    /// Passes what is left of the queue that has begun.
    pub(super) fn skip_queue(&mut self) {
        self.read.clear();
        self.ended = true;
    }

    fn next_queue(&mut self, cache: &mut Cache) -> Result<Stop> {
        let queues = match &mut self.queues {
            Some(queues) => queues,
            None => self.queues.insert(cache.queues()?.into_iter().rev().collect()),
        };
        self.ended = true;
        let Some(name) = queues.pop() else { return Ok(Stop::End) };
        let length = cache.queue_length(&name)?;
        let selection = Selection::Queue(name.clone());
        self.cursor = cache.scan(&Scan { selection, order: Order::Key, expired: true, ..Scan::default() })?;
        self.ended = false;
        Ok(Stop::Queue(name, length))
    }
}
