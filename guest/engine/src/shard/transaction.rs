//! A write transaction that stays open over several calls.

use super::Shard;
use super::biased::{self, Which};
use super::change::Effects;
use super::undo;
use super::undo::Standing;
use crate::error::{Error, Result};
use crate::recency::Recency;

/// The open transaction of a shard.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// What it entails once it is committed.
    pub(super) effects: Effects,
    /// Whether other shards take part, so that it may have to be undone after its commit.
    pub(super) keeps_undo: bool,
    /// The transaction over several shards, once this one has committed and others have not.
    prepared: Option<i64>,
    /// What there was before the part that can be undone by itself, while one is open.
    before_part: Option<(Effects, Recency)>,
    /// Changes counted by SQLite before the transaction.
    changes: u64,
    /// Number of the entries, and what their files occupy, before the transaction.
    totals: (i64, i64),
}

/// How a shard is found by a transaction that begins.
enum Entry {
    /// With the number of its entries, and what their files occupy.
    Free((i64, i64)),
    /// With a transaction of somebody else that is undecided.
    Undecided,
    /// With queues of which something is in journals.
    Biased,
}

impl Open {
    /// Whether the shard has committed while others have not.
    pub(super) fn is_prepared(&self) -> bool {
        self.prepared.is_some()
    }
}

impl Shard {
    /// Begins a transaction; waits until nobody else writes.
    pub(crate) fn begin(&mut self, keeps_undo: bool) -> Result<()> {
        self.refuse_if_read_only()?;
        self.guard(|shard| {
            shard.prepare_names()?;
            shard.begin_open(keeps_undo)
        })
    }

    fn begin_open(&mut self, keeps_undo: bool) -> Result<()> {
        let (mut waited, mut folds) = (0, 0);
        loop {
            self.database()?.begin()?;
            let entered = self.enter();
            if let Ok(Entry::Free(totals)) = entered {
                let changes = self.database()?.connection().total_changes();
                self.open = Some(Open { keeps_undo, changes, totals, ..Open::default() });
                return Ok(());
            }
            self.database()?.rollback();
            match entered? {
                Entry::Biased if folds >= biased::ATTEMPTS => return Err(self.never_unbiased()),
                Entry::Biased => {
                    folds += 1;
                    self.fold(Which::All)?;
                }
                Entry::Undecided | Entry::Free(_) => self.wait_for_decision(&mut waited)?,
            }
        }
    }

    fn enter(&self) -> Result<Entry> {
        let totals = || {
            self.database()?.run(|connection| {
                connection
                    .prepare_cached("SELECT count, files, pending, biased FROM totals")?
                    .query_row([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?, row.get::<_, i64>(3)?)))
            })
        };
        let (mut before, pending, biased) = totals()?;
        if pending != 0 {
            match self.settle_pending(pending)? {
                Standing::Settled => before = totals()?.0,
                Standing::Undecided => return Ok(Entry::Undecided),
            }
        }
        // Nothing is biased as long as the transaction is open, since that takes one, too.
        Ok(if biased == 0 { Entry::Free(before) } else { Entry::Biased })
    }

    /// Whether a transaction is open.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether the shard has committed its part of a transaction that others have not.
    pub(crate) fn is_prepared(&self) -> bool {
        self.open.as_ref().is_some_and(Open::is_prepared)
    }

    /// Whether the open transaction has changed anything.
    pub(crate) fn has_changed(&self) -> bool {
        match (&self.open, &self.database) {
            (Some(open), Some(database)) => database.connection().total_changes() != open.changes,
            _ => false,
        }
    }

    /// Commits the open transaction, of which no other shard is a part.
    pub(crate) fn commit(&mut self) -> Result<()> {
        self.guard(|shard| {
            let keeps_undo = shard.open.as_ref().is_some_and(|open| open.keeps_undo);
            let database = shard.database()?;
            // Others could have taken part. What was kept must not be put back with a later transaction.
            let forgotten = if keeps_undo { database.run(|statements| undo::forget_kept(statements)) } else { Ok(()) };
            let committed = forgotten.and_then(|()| database.commit());
            shard.conclude(committed)
        })
    }

    /// Commits with what is needed to undo it; the coordinator decides whether that is done.
    pub(crate) fn prepare(&mut self, transaction: i64, coordinator: u32) -> Result<()> {
        let owner = self.tenure.owner()?;
        self.platform.before_commit()?;
        self.guard(|shard| {
            let Some(open) = &shard.open else { return Err(Error::Closed) };
            let (count, files) = open.totals;
            let database = shard.database()?;
            database.run(|connection| {
                connection.prepare_cached("INSERT INTO decision VALUES (?1, ?2, ?3, ?4, ?5)")?.execute((
                    transaction,
                    owner,
                    coordinator,
                    count,
                    files,
                ))?;
                connection.prepare_cached("UPDATE totals SET pending = ?1")?.execute([transaction]).map(drop)
            })?;
            database.commit()?;
            shard.open.iter_mut().for_each(|open| open.prepared = Some(transaction));
            Ok(())
        })
    }

    /// Commits, and so decides that the transaction has taken place in all shards.
    pub(crate) fn decide(&mut self, transaction: i64) -> Result<()> {
        let (owner, index) = (self.tenure.owner()?, self.index);
        self.platform.before_commit()?;
        self.guard(|shard| {
            let database = shard.database()?;
            database.run(|connection| {
                undo::forget_kept(connection)?;
                connection
                    .prepare_cached("INSERT INTO decision VALUES (?1, ?2, ?3, 0, 0)")?
                    .execute((transaction, owner, index))
                    .map(drop)
            })?;
            let committed = database.commit();
            shard.conclude(committed)
        })
    }

    /// Takes note that transactions have taken place.
    pub(crate) fn learn_decisions(&mut self, transactions: &[i64]) {
        self.decisions.extend_from_slice(transactions);
    }

    /// Forgets a transaction that has taken place: in a shard that was prepared what was kept to
    /// undo it, in the coordinator, last of all, the decision.
    pub(crate) fn complete(&mut self, transaction: i64) -> Result<()> {
        self.platform.before_commit()?;
        self.guard(|shard| {
            let database = shard.database()?;
            database
                .write(|connection| undo::forget(connection, transaction).map_err(|error| database.error(&error)))?;
            shard.decisions.retain(|other| *other != transaction);
            shard.conclude(Ok(()))
        })
    }

    /// Begins a part of the open transaction that can be undone by itself, with those of other shards.
    pub(crate) fn begin_part(&mut self) -> Result<()> {
        self.guard(|shard| {
            shard.database()?.begin_part()?;
            let recency = shard.recency.clone();
            shard.open.iter_mut().for_each(|open| open.before_part = Some((open.effects.clone(), recency.clone())));
            Ok(())
        })
    }

    /// Ends the part, and undoes it unless it is to be kept. Nothing is left of it if the transaction is gone.
    pub(crate) fn end_part(&mut self, kept: bool) -> Result<()> {
        let Some((effects, recency)) = self.open.as_mut().and_then(|open| open.before_part.take()) else {
            return Ok(());
        };
        self.guard(|shard| {
            shard.database()?.end_part(kept)?;
            let Some(open) = shard.open.as_mut().filter(|_| !kept) else { return Ok(()) };
            let before = effects.adopted.len();
            let undone = std::mem::replace(&mut open.effects, effects);
            shard.recency = recency;
            undone.adopted.into_iter().skip(before).for_each(|file| shard.discard_file(file));
            Ok(())
        })
    }

    /// Undoes the open transaction, also if it was prepared and not decided.
    pub(crate) fn abort(&mut self) -> Result<()> {
        match &self.open {
            None => Ok(()),
            Some(open) => match open.prepared {
                Some(transaction) => self.settle_prepared(transaction),
                None => self.guard(|shard| {
                    shard.database()?.rollback();
                    let open = shard.open.take();
                    shard.take_back(open);
                    Ok(())
                }),
            },
        }
    }

    /// Ends a prepared transaction as it was decided.
    fn settle_prepared(&mut self, transaction: i64) -> Result<()> {
        let decided = self.decisions.contains(&transaction);
        let open = self.open.take();
        self.settle()?;
        match open {
            Some(open) if decided => self.guard(|shard| shard.take_effect(open.effects)),
            undone => {
                self.take_back(undone);
                Ok(())
            }
        }
    }

    /// Ends the transaction after its commit, which may have failed.
    fn conclude(&mut self, committed: Result<()>) -> Result<()> {
        let Some(open) = self.open.take() else { return committed };
        match committed {
            Ok(()) => self.take_effect(open.effects),
            Err(error) => {
                self.database()?.rollback();
                self.take_back(Some(open));
                Err(error)
            }
        }
    }

    /// What became of the open transaction is not known, or it is gone with the connection. Its
    /// files keep their rows, by which the next opener tells.
    pub(super) fn lose_transaction(&mut self) {
        if self.open.take().is_some_and(|open| !open.effects.adopted.is_empty()) {
            self.loose.keep_span();
        }
        self.recency.note_undone();
    }

    /// Does what it entails that a transaction is undone.
    fn take_back(&mut self, open: Option<Open>) {
        self.recency.note_undone();
        for file in open.into_iter().flat_map(|open| open.effects.adopted) {
            self.discard_file(file);
        }
    }
}
