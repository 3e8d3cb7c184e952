//! Bringing what journals say into the database.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Row};

use super::super::Shard;
use super::super::address::Address;
use super::super::change::{Change, Subject};
use super::super::parts::{Draft, Kept};
use super::super::room::NOTHING;
use super::super::store::Reason;
use super::super::volume::size;
use crate::error::{Error, Result};
use crate::journal::{self, Name, Note, Pushed};

/// How often others may bias queues anew while somebody waits for none to be.
pub(in crate::shard) const ATTEMPTS: u32 = 1000;

const IS_BIASED: &str = "SELECT biased > 0 AND (?1 IS NULL OR EXISTS \
    (SELECT 1 FROM journal WHERE queue = ?1 AND folded IS NULL)) FROM totals";
const REVOKE: &str = "UPDATE journal SET revoked = 1 WHERE folded IS NULL AND revoked = 0 \
    AND (?1 IS NULL OR queue = ?1) AND (?2 IS NULL OR owner = ?2)";
const REVOKED: &str = "SELECT owner, number, queue, claim, revoked, folded FROM journal \
    WHERE folded IS NULL AND revoked <> 0 AND (?1 IS NULL OR queue = ?1) AND (?2 IS NULL OR owner = ?2)";
const FIND: &str = "SELECT owner, number, queue, claim, revoked, folded FROM journal WHERE owner = ?1 AND number = ?2";
const FOLDED: &str = "UPDATE journal SET folded = ?3 WHERE owner = ?1 AND number = ?2";
const REMOVE: &str = "DELETE FROM journal WHERE owner = ?1 AND number = ?2";
const REMOVE_FOLDED: &str = "DELETE FROM journal WHERE owner = ?1 AND folded IS NOT NULL";
const RENEW: &str = "UPDATE journal SET claim = ?3 WHERE owner = ?1 AND number = ?2";
/// What an earlier claim of the same number has left is over.
const BIAS: &str = "INSERT OR REPLACE INTO journal (owner, number, queue, claim, revoked, folded) \
    VALUES (?1, ?2, ?3, ?4, 0, NULL)";

/// Which journals.
#[derive(Debug, Clone, Copy)]
pub(in crate::shard) enum Which<'a> {
    /// All of the shard.
    All,
    /// That of a queue.
    Queue(&'a str),
    /// Those of a handle.
    Owner(i64),
}

impl<'a> Which<'a> {
    fn parameters(self) -> (Option<&'a str>, Option<i64>) {
        match self {
            Self::All => (None, None),
            Self::Queue(queue) => (Some(queue), None),
            Self::Owner(owner) => (None, Some(owner)),
        }
    }
}

/// What the database says of a journal.
#[derive(Debug)]
pub(super) struct Claim {
    owner: i64,
    number: i64,
    queue: String,
    /// Its number; one more each time its notes were folded and it goes on.
    pub(super) id: i64,
    pub(super) revoked: bool,
    /// How many of its notes are in the database, once it is over.
    pub(super) folded: Option<i64>,
}

impl Claim {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            owner: row.get(0)?,
            number: row.get(1)?,
            queue: row.get(2)?,
            id: row.get(3)?,
            revoked: row.get(4)?,
            folded: row.get(5)?,
        })
    }

    /// How many notes of a claim are in the database, if others have folded it.
    pub(super) fn folded_of(&self, claim: i64) -> Option<usize> {
        self.folded.filter(|_| self.id == claim).map(|folded| usize::try_from(folded).unwrap_or(0))
    }

    fn name(&self, shard: u32) -> Name {
        Name { owner: self.owner, shard, number: self.number }
    }
}

/// What the handle itself finds when it ends a bias.
pub(super) enum End {
    /// So many of its notes are in the database.
    Folded(usize),
    /// All of them: the notes were folded before, when it was to go on.
    Renewed,
}

impl End {
    /// Whether a note is in the database, by its place in the journal.
    pub(super) fn includes(&self, place: usize) -> bool {
        match self {
            Self::Folded(count) => place < *count,
            Self::Renewed => true,
        }
    }
}

impl Shard {
    /// Folds journals into the database, those of this handle and of others, which learn of it when
    /// they go on.
    pub(in crate::shard) fn fold(&mut self, which: Which<'_>) -> Result<()> {
        self.end_biases(which)?;
        let (queue, owner) = which.parameters();
        let database = self.database()?;
        let find = || -> Result<Vec<Claim>> {
            database
                .run(|connection| connection.prepare_cached(REVOKED)?.query_map((queue, owner), Claim::read)?.collect())
        };
        let claims = database.write(|_| {
            database.run(|connection| connection.prepare_cached(REVOKE)?.execute((queue, owner)))?;
            find()
        })?;
        // Only now that nobody goes on by them: see the module.
        let mut journals = Vec::with_capacity(claims.len());
        for claim in claims {
            let notes = journal::read(self.tenure.root(), claim.name(self.index), claim.id)?;
            journals.push((claim, notes));
        }
        if journals.is_empty() {
            return Ok(());
        }
        self.change_entry(Subject::Journal, |change| {
            journals.iter().try_for_each(|(claim, notes)| change.fold(claim, notes))
        })
    }

    /// Whether what the database says of a queue, or of any, is not all.
    pub(in crate::shard) fn is_biased(&self, queue: Option<&str>) -> Result<bool> {
        self.database()?.run(|connection| connection.prepare_cached(IS_BIASED)?.query_row([queue], |row| row.get(0)))
    }

    /// Reads what depends on a queue, or on all of them, once nothing of that is in journals. Who can not
    /// write reads it without what is in them.
    pub(in crate::shard) fn read_folded<T>(
        &mut self,
        queue: Option<&str>,
        read: impl Fn(&Self) -> Result<T>,
    ) -> Result<T> {
        for _ in 0..ATTEMPTS {
            let (biased, result) = self.read_optimistically(|| Ok((self.is_biased(queue)?, read(self)?)))?;
            if !biased || self.access.read_only {
                return Ok(result);
            }
            // To read what was accepted is possible on a full disk, too.
            self.freeing(|shard| shard.fold(queue.map_or(Which::All, Which::Queue)))?;
        }
        Err(self.never_unbiased())
    }

    /// Writes something in a transaction in which nothing is in journals.
    pub(in crate::shard) fn once_unbiased(&mut self, write: impl Fn(&Self) -> Result<()>) -> Result<()> {
        for _ in 0..ATTEMPTS {
            self.fold(Which::All)?;
            let is_written = self.database()?.write(|_| {
                let biased = self.is_biased(None)?;
                if biased { Ok(false) } else { write(self).map(|()| true) }
            })?;
            if is_written {
                return Ok(());
            }
        }
        Err(self.never_unbiased())
    }

    pub(in crate::shard) fn never_unbiased(&self) -> Error {
        Error::Timeout(format!("a moment in which no queue in {} is biased", self.directory.display()))
    }

    /// Folds the journals of handles that have ended abruptly, and removes them.
    pub(in crate::shard) fn fold_abandoned(&mut self) -> Result<()> {
        for (owner, number) in self.journals()? {
            if self.tenure.is_alive(owner)? {
                continue;
            }
            self.fold(Which::Owner(owner))?;
            self.forget_journal(owner, number)?;
            journal::remove(self.tenure.root(), Name { owner, shard: self.index, number });
        }
        Ok(())
    }

    /// What the journals of the shard take on disk.
    pub(in crate::shard) fn journals_size(&self) -> Result<u64> {
        let names = self.journals()?.into_iter().map(|(owner, number)| Name { owner, shard: self.index, number });
        Ok(names.map(|name| size(&journal::path(self.tenure.root(), name))).sum())
    }

    /// The handle and number of each journal of the shard.
    fn journals(&self) -> Result<Vec<(i64, i64)>> {
        self.database()?.run(|connection| {
            let mut statement = connection.prepare_cached("SELECT owner, number FROM journal")?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    }

    /// Forgets a journal that is folded.
    pub(super) fn forget_journal(&self, owner: i64, number: i64) -> Result<()> {
        let database = self.database()?;
        database
            .write(|_| database.run(|connection| connection.prepare_cached(REMOVE)?.execute((owner, number)).map(drop)))
    }

    /// Forgets the journals of this handle that are folded.
    pub(super) fn forget_folded(&self) -> Result<()> {
        let (owner, database) = (self.tenure.owner()?, self.database()?);
        database
            .write(|_| database.run(|connection| connection.prepare_cached(REMOVE_FOLDED)?.execute([owner]).map(drop)))
    }

    /// What the database says of a journal, as it was a moment ago. Takes no lock.
    pub(super) fn claim_of(&self, name: Name) -> Result<Option<Claim>> {
        let database = self.database()?;
        self.read_unlocked(|| database.run(|connection| find(connection, name)))
    }
}

fn find(connection: &crate::statements::Statements<'_, '_>, name: Name) -> rusqlite::Result<Option<Claim>> {
    connection.prepare_cached(FIND)?.query_row((name.owner, name.number), Claim::read).optional()
}

impl Change<'_> {
    /// Brings the notes of a revoked claim into the database, unless somebody else has done so meanwhile.
    fn fold(&mut self, claim: &Claim, notes: &[Note]) -> Result<()> {
        let name = claim.name(self.index);
        let current = self.run(|connection| find(connection, name))?;
        if !current.is_some_and(|current| current.id == claim.id && current.revoked && current.folded.is_none()) {
            return Ok(());
        }
        self.replay(&claim.queue, notes)?;
        self.totals.biased = self.totals.biased.saturating_sub(1);
        let folded = (name.owner, name.number, i64::try_from(notes.len()).unwrap_or(i64::MAX));
        self.run(|connection| connection.prepare_cached(FOLDED)?.execute(folded).map(drop))
    }

    /// Biases a queue towards a handle.
    pub(super) fn bias(&mut self, name: Name, queue: &str, claim: i64) -> Result<()> {
        self.totals.biased = self.totals.biased.saturating_add(1);
        self.run(|connection| {
            connection.prepare_cached(BIAS)?.execute((name.owner, name.number, queue, claim)).map(drop)
        })
    }

    /// Folds the handle's own notes, and lets it go on with the next claim; false if it may not.
    pub(super) fn renew_bias(&mut self, name: Name, queue: &str, claim: i64, notes: &[Note]) -> Result<bool> {
        let current = self.run(|connection| find(connection, name))?;
        if !current.is_some_and(|current| current.id == claim && !current.revoked && current.folded.is_none()) {
            return Ok(false);
        }
        self.replay(queue, notes)?;
        self.run(|connection| {
            let renewed = (name.owner, name.number, claim.wrapping_add(1));
            connection.prepare_cached(RENEW)?.execute(renewed).map(|_| true)
        })
    }

    /// Ends a bias of the handle: folds its notes, unless others have done so.
    pub(super) fn end_bias(&mut self, name: Name, queue: &str, claim: i64, notes: &[Note]) -> Result<End> {
        let Some(current) = self.run(|connection| find(connection, name))? else { return Ok(End::Folded(0)) };
        let end = match current.folded_of(claim) {
            Some(folded) => End::Folded(folded),
            None if current.id == claim => {
                self.replay(queue, notes)?;
                End::Folded(notes.len())
            }
            // It was renewed by a commit that was said to have failed.
            _ if current.id == claim.wrapping_add(1) => End::Renewed,
            _ => return Ok(End::Folded(0)),
        };
        if current.folded.is_none() {
            self.totals.biased = self.totals.biased.saturating_sub(1);
        }
        self.run(|connection| connection.prepare_cached(REMOVE)?.execute((name.owner, name.number)))?;
        Ok(end)
    }

    /// Does what notes say: what was pushed and pulled again leaves nothing. The handle that did it has counted
    /// it.
    fn replay(&mut self, queue: &str, notes: &[Note]) -> Result<()> {
        let mut pushed: HashMap<i64, usize> = HashMap::new();
        let mut gone = Vec::new();
        for (place, note) in notes.iter().enumerate() {
            match note {
                Note::Pushed(push) => drop(pushed.insert(push.position, place)),
                Note::Pulled(position) => {
                    if pushed.remove(position).is_none() {
                        gone.push(*position);
                    }
                }
            }
        }
        let counts = self.effects.counts;
        gone.into_iter().try_for_each(|position| self.replay_pull(queue, position))?;
        for (place, note) in notes.iter().enumerate() {
            if let Note::Pushed(push) = note
                && pushed.get(&push.position) == Some(&place)
            {
                self.replay_push(queue, push)?;
            }
        }
        // As far as that can be.
        self.fit(NOTHING)?;
        let now = &mut self.effects.counts;
        (now.sets, now.deletes) = (counts.sets, counts.deletes);
        Ok(())
    }

    /// The entry may have been evicted since.
    fn replay_pull(&mut self, queue: &str, position: i64) -> Result<()> {
        self.turn_to_position(queue, position)?;
        let Some(prior) = self.prior.take() else { return Ok(()) };
        self.remove(&prior.stored, Reason::Deleted).map(drop)
    }

    /// What was pushed was accepted, so it is stored whatever the limits are by now.
    fn replay_push(&mut self, queue: &str, push: &Pushed) -> Result<()> {
        let address = Address::Queue(queue, push.position);
        let kept = Kept::inline(address, &push.value, self.settings.compression);
        let draft = Draft { address, value: &kept, lifetime: push.lifetime, tags: &[] };
        self.turn_to_position(queue, push.position)?;
        self.at(push.stored_ms, |change| change.put_entry(&draft)).map(drop)
    }
}
