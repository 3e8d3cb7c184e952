//! What users that are gone have left in a shard. Whoever opens it tidies up; but others may have ended
//! since.

use rusqlite::OptionalExtension;

use super::Shard;
use super::check::{Cure, Finding};
use crate::error::Result;

/// What a user has reserved.
struct Reserved {
    owner: i64,
    names: i64,
}

impl Shard {
    /// Reservations of value files, and a transaction that is not settled, of users that are gone.
    pub(super) fn check_owners(&self) -> Result<Vec<Finding>> {
        let mut problems = Vec::new();
        if !self.tenure.can_tell_leftovers() {
            return Ok(problems);
        }
        for Reserved { owner, names } in self.reserved()? {
            // Looked at again: who closes gives up its rows before it stops to be alive.
            if !self.tenure.is_alive(owner)? && self.reserved()?.iter().any(|other| other.owner == owner) {
                let text = format!("a user that is gone has left the reservation of {names} value files");
                problems.push(self.finding(text, Some(Cure::Reclaim)));
            }
        }
        let pending = self.pending()?;
        if pending != 0 && self.is_abandoned(pending)? && self.pending()? == pending {
            let text = "a user that is gone has left a transaction over several shards that is not settled".into();
            problems.push(self.finding(text, Some(Cure::Settle { transaction: pending })));
        }
        Ok(problems)
    }

    /// Whether the owner of a pending transaction is gone.
    fn is_abandoned(&self, transaction: i64) -> Result<bool> {
        let owner: Option<i64> = self.database()?.run(|connection| {
            let mut statement = connection.prepare_cached("SELECT owner FROM decision WHERE id = ?1")?;
            statement.query_row([transaction], |row| row.get(0)).optional()
        })?;
        owner.map_or(Ok(false), |owner| self.tenure.is_alive(owner).map(|alive| !alive))
    }

    fn reserved(&self) -> Result<Vec<Reserved>> {
        self.database()?.run(|connection| {
            let mut statement = connection.prepare_cached("SELECT owner, count(*) FROM loose GROUP BY owner")?;
            let rows = statement.query_map([], |row| Ok(Reserved { owner: row.get(0)?, names: row.get(1)? }))?;
            rows.collect()
        })
    }

    /// Removes the reservations of users that are gone, with their files.
    pub(super) fn reclaim_abandoned(&mut self) -> Result<Option<String>> {
        self.reclaim()?;
        Ok(Some("it was given up, and whatever was written under it removed; nothing is lost".into()))
    }

    /// Settles a transaction of a user that is gone.
    pub(super) fn settle_abandoned(&mut self, transaction: i64) -> Result<Option<String>> {
        if self.pending()? == transaction {
            self.change(|_| Ok(()))?;
        }
        Ok(Some("it was settled as it had been decided; nothing is lost".into()))
    }
}
