//! Queues: entries at positions under a name, pushed and pulled at either end.
//!
//! A position is one more than the last, or one less than the first, beginning at 0. So it costs the
//! same however long the queue is.

use rusqlite::{OptionalExtension, Row};

use super::Shard;
use super::address::Address;
use super::change::Change;
use super::write::{Mode, Store};
use crate::entry::Queued;
use crate::error::{Error, Result};
use crate::lifetime::Lifetime;
use crate::options::Side;

/// How often the end of a queue may be taken away while it is being read.
const ATTEMPTS: u32 = 100;

const FIRST: &str = "SELECT position, expires, ttl, sliding FROM entry WHERE queue = ?1 ORDER BY position LIMIT 1";
const LAST: &str = "SELECT position, expires, ttl, sliding FROM entry WHERE queue = ?1 ORDER BY position DESC LIMIT 1";
const FIRST_LIVE: &str = "SELECT position FROM entry WHERE queue = ?2 \
    AND (expires IS NULL OR (expires > ?1 AND expires - ?1 <= ttl + 1000)) ORDER BY position LIMIT 1";
const LAST_LIVE: &str = "SELECT position FROM entry WHERE queue = ?2 \
    AND (expires IS NULL OR (expires > ?1 AND expires - ?1 <= ttl + 1000)) ORDER BY position DESC LIMIT 1";

impl Shard {
    /// Adds a value at one end of a queue; returns its position.
    pub(crate) fn push(&mut self, queue: &str, store: &Store<'_>, side: Side) -> Result<i64> {
        self.guard(|shard| {
            shard.refuse_if_read_only()?;
            let kept = shard.keep_value(Address::Queue(queue, 0), store)?;
            let pushed = shard.change(|change| {
                let position = change.next_position(queue, side)?;
                change.store_value(Address::Queue(queue, position), store.terms(), &kept)?;
                Ok(position)
            });
            if pushed.is_err() {
                shard.discard_kept(&kept);
            }
            pushed
        })
    }

    /// Removes the live value at one end of a queue and returns it.
    pub(crate) fn pull(&mut self, queue: &str, side: Side) -> Result<Option<Queued>> {
        self.freeing(|shard| shard.pull_once(queue, side))
    }

    fn pull_once(&mut self, queue: &str, side: Side) -> Result<Option<Queued>> {
        self.exclusively(|shard| {
            loop {
                let Some((position, lifetime)) = shard.end(queue, side)? else { return Ok(None) };
                let address = Address::Queue(queue, position);
                // Read before it is removed, so that damage of a value does not cost the entry.
                let live = lifetime.is_live(shard.platform.wall_ms());
                let entry = if live { shard.live_entry(address)? } else { None };
                shard.change(|change| {
                    change.turn_to(address)?;
                    change.delete(Mode::Always)
                })?;
                if let Some(entry) = entry {
                    return Ok(Some(Queued { position, entry }));
                }
            }
        })
    }

    /// The live value at one end of a queue.
    pub(crate) fn peek(&mut self, queue: &str, side: Side) -> Result<Option<Queued>> {
        let statement = match side {
            Side::Front => FIRST_LIVE,
            Side::Back => LAST_LIVE,
        };
        self.guard(|shard| {
            for _ in 0..ATTEMPTS {
                let now = shard.platform.wall_ms();
                let position = shard.database()?.run(|connection| {
                    connection.prepare_cached(statement)?.query_row((now, queue), |row| row.get(0)).optional()
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
            shard.database()?.run(|connection| {
                connection
                    .prepare_cached("SELECT count(*) FROM entry WHERE queue = ?1")?
                    .query_row([queue], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))
            })
        })
    }

    /// The names of all queues that are not empty, in order.
    pub(crate) fn queues(&mut self) -> Result<Vec<String>> {
        self.guard(|shard| {
            shard.database()?.run(|connection| {
                // From each name to the next, however many entries it has.
                let mut statement = connection.prepare_cached(
                    "WITH RECURSIVE name (queue) AS (SELECT min(queue) FROM entry WHERE queue IS NOT NULL \
                     UNION ALL SELECT (SELECT min(entry.queue) FROM entry WHERE entry.queue > name.queue) FROM name \
                     WHERE name.queue IS NOT NULL) SELECT queue FROM name WHERE queue IS NOT NULL",
                )?;
                statement.query_map([], |row| row.get(0))?.collect()
            })
        })
    }

    /// The entry at one end, live or not.
    fn end(&self, queue: &str, side: Side) -> Result<Option<(i64, Lifetime)>> {
        self.database()?
            .run(|connection| connection.prepare_cached(end_statement(side))?.query_row([queue], read_end).optional())
    }
}

impl Change<'_> {
    fn next_position(&self, queue: &str, side: Side) -> Result<i64> {
        let end = self.run(|connection| {
            connection.prepare_cached(end_statement(side))?.query_row([queue], read_end).optional()
        })?;
        let next = match (end, side) {
            (None, _) => Some(0),
            (Some((position, _)), Side::Front) => position.checked_sub(1),
            (Some((position, _)), Side::Back) => position.checked_add(1),
        };
        next.ok_or_else(|| Error::Overflow(format!("the positions of the queue {queue:?} are used up")))
    }
}

fn end_statement(side: Side) -> &'static str {
    match side {
        Side::Front => FIRST,
        Side::Back => LAST,
    }
}

fn read_end(row: &Row<'_>) -> rusqlite::Result<(i64, Lifetime)> {
    Ok((row.get(0)?, Lifetime { expires: row.get(1)?, ttl: row.get(2)?, sliding: row.get(3)? }))
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
