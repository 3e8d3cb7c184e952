//! Queues: entries at positions under a name, pushed and pulled at either end.
//!
//! A position is one more than the last, or one less than the first, beginning at 0. So it costs the
//! same however long the queue is.

use rusqlite::OptionalExtension;

use super::Shard;
use super::address::Address;
use super::biased::{Done, Use};
use super::change::{Change, Subject};
use super::tombstone::dead;
use super::write::{Mode, Store};
use crate::entry::Queued;
use crate::error::{Error, Result};
use crate::options::Side;

/// How often the end of a queue may be taken away while it is being read.
const ATTEMPTS: u32 = 100;

/// The live entries of a queue.
macro_rules! live_in_queue {
    () => {
        concat!(
            "SELECT position FROM entry WHERE queue = ?2 \
             AND (expires IS NULL OR (expires > ?1 AND expires - ?1 <= ttl + 1000)) AND NOT ",
            dead!("entry")
        )
    };
}

const FIRST_LIVE: &str = concat!(live_in_queue!(), " ORDER BY position LIMIT 1");
const LAST_LIVE: &str = concat!(live_in_queue!(), " ORDER BY position DESC LIMIT 1");
const LENGTH: &str = concat!("SELECT count(*) FROM entry WHERE queue = ?1 AND NOT ", dead!("entry"));
/// From each name to the next, however many entries it has.
const NAMES: &str = concat!(
    "WITH RECURSIVE name (queue) AS (SELECT min(queue) FROM entry WHERE queue IS NOT NULL \
     UNION ALL SELECT (SELECT min(entry.queue) FROM entry WHERE entry.queue > name.queue) FROM name \
     WHERE name.queue IS NOT NULL) SELECT queue FROM name WHERE queue IS NOT NULL \
     AND EXISTS (SELECT 1 FROM entry WHERE entry.queue = name.queue AND NOT ",
    dead!("entry"),
    ")"
);

impl Shard {
    /// Adds a value at one end of a queue; returns its position.
    pub(crate) fn push(&mut self, queue: &str, store: &Store<'_>, side: Side) -> Result<i64> {
        self.guard(|shard| {
            shard.refuse_if_read_only()?;
            if let Done::Yes(position) = shard.push_by_bias(queue, store, side)? {
                return Ok(position);
            }
            let kept = shard.keep_value(Address::Queue(queue, 0), store)?;
            let pushed = shard.change_entry(Subject::End(queue, side), |change| {
                let position = change.next_position(queue, side)?;
                change.store_value(Address::Queue(queue, position), store.terms(), &kept)?;
                Ok(position)
            });
            match &pushed {
                Ok(position) => shard.count_use(queue, *position, Use::Push(side)),
                Err(_) => shard.discard_kept(&kept),
            }
            pushed
        })
    }

    /// Removes the live value at one end of a queue and returns it.
    pub(crate) fn pull(&mut self, queue: &str, side: Side) -> Result<Option<Queued>> {
        self.freeing(|shard| shard.guard(|shard| shard.pull_once(queue, side)))
    }

    fn pull_once(&mut self, queue: &str, side: Side) -> Result<Option<Queued>> {
        self.refuse_if_read_only()?;
        if let Done::Yes(pulled) = self.pull_by_bias(queue, side)? {
            return Ok(pulled);
        }
        let pulled = self.pull_in_transaction(queue, side)?;
        if let Some(pulled) = &pulled {
            self.count_use(queue, pulled.position, Use::Pull(side));
        }
        Ok(pulled)
    }

    fn pull_in_transaction(&mut self, queue: &str, side: Side) -> Result<Option<Queued>> {
        self.change_entry(Subject::End(queue, side), |change| {
            while let Some(position) = change.position {
                // Read before it is removed, so that damage of a value does not cost the entry.
                let entry = match change.live() {
                    Some(_) => change.shard.live_entry(Address::Queue(queue, position))?,
                    None => None,
                };
                change.delete(Mode::Always)?;
                if let Some(entry) = entry {
                    return Ok(Some(Queued { position, entry }));
                }
                change.turn_to_end(queue, side)?;
            }
            Ok(None)
        })
    }

    /// The live value at one end of a queue.
    pub(crate) fn peek(&mut self, queue: &str, side: Side) -> Result<Option<Queued>> {
        let statement = match side {
            Side::Front => FIRST_LIVE,
            Side::Back => LAST_LIVE,
        };
        self.guard(|shard| {
            if let Done::Yes(peeked) = shard.peek_by_bias(queue, side)? {
                return Ok(peeked);
            }
            for _ in 0..ATTEMPTS {
                let position = shard.read_folded(Some(queue), |shard| {
                    let now = shard.platform.wall_ms();
                    shard.database()?.run(|connection| {
                        connection.prepare_cached(statement)?.query_row((now, queue), |row| row.get(0)).optional()
                    })
                })?;
                let Some(position) = position else { return Ok(None) };
                if let Some(entry) = shard.live_entry(Address::Queue(queue, position))? {
                    return Ok(Some(Queued { position, entry }));
                }
            }
            Err(Error::Timeout(format!("a moment in which the queue {queue:?} is not being pulled from")))
        })
    }

    /// Number of entries in a queue, expired ones included.
    pub(crate) fn queue_length(&mut self, queue: &str) -> Result<u64> {
        self.guard(|shard| {
            shard.read_folded(Some(queue), |shard| {
                shard.database()?.run(|connection| {
                    connection
                        .prepare_cached(LENGTH)?
                        .query_row([queue], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))
                })
            })
        })
    }

    /// The names of all queues that are not empty, in order.
    pub(crate) fn queues(&mut self) -> Result<Vec<String>> {
        self.guard(|shard| {
            shard.read_folded(None, |shard| {
                shard.database()?.run(|connection| {
                    let mut statement = connection.prepare_cached(NAMES)?;
                    statement.query_map([], |row| row.get(0))?.collect()
                })
            })
        })
    }
}

impl Change<'_> {
    /// The position beyond the end the change is about, where no entry is yet. Dead ones make room.
    fn next_position(&mut self, queue: &str, side: Side) -> Result<i64> {
        while self.prior.as_ref().is_some_and(|prior| prior.stored.is_dead) {
            self.delete(Mode::Always)?;
            self.turn_to_end(queue, side)?;
        }
        self.prior = None;
        let next = match (self.position.take(), side) {
            (None, _) => Some(0),
            (Some(position), Side::Front) => position.checked_sub(1),
            (Some(position), Side::Back) => position.checked_add(1),
        };
        next.ok_or_else(|| Error::Overflow(format!("the positions of the queue {queue:?} are used up")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifetime::LIVE;

    #[test]
    fn the_statements_look_for_what_is_live() {
        assert!(FIRST_LIVE.contains(LIVE) && LAST_LIVE.contains(LIVE));
    }
}
