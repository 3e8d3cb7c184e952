//! Operations of which all happen or none.
//!
//! The write locks of all shards are taken in the order of the shards, so that no two transactions
//! wait for each other. How several shards commit as one is told in [`crate::shard`]'s `undo`.

use super::Cache;
use super::session::Session;
use crate::error::{Error, Result};
use crate::shard::Shard;

/// Names an open transaction of a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(u64);

/// The transaction that is open.
pub(super) struct Open {
    ticket: Ticket,
    /// Whether the call at hand goes through it.
    entered: bool,
}

impl Cache {
    /// Begins a transaction: waits until nobody else writes, and keeps others from writing until it
    /// ends. Meanwhile operations go through [`Cache::within`].
    pub fn begin(&mut self) -> Result<Ticket> {
        self.assure_open()?;
        self.assure_no_transaction()?;
        let begun = self.under_tenure(|session| {
            let all: Vec<usize> = (0..session.shards.len()).collect();
            session.open_transaction(&all)
        });
        // Also if it had been opened, but it could not be told any more whose the directory is.
        begun.or_else(|error| self.undo_open().and(Err(error)))?;
        let ticket = Ticket(self.platform.random());
        self.transaction = Some(Open { ticket, entered: false });
        Ok(ticket)
    }

    /// Runs operations as a part of a transaction.
    pub fn within<T>(&mut self, ticket: Ticket, operation: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.enter(ticket, true)?;
        let result = operation(self);
        self.transaction.iter_mut().for_each(|open| open.entered = false);
        result
    }

    /// Makes everything happen. Whoever is told of an error can not tell whether everything has happened or
    /// nothing: it may be that only the way back has failed. Either way nothing is open any more.
    pub fn commit(&mut self, ticket: Ticket) -> Result<()> {
        self.enter(ticket, false)?;
        self.transaction = None;
        let committed = self.under_tenure(Session::commit_transaction);
        committed.or_else(|error| self.undo_open().and(Err(error)))
    }

    /// Undoes everything.
    pub fn rollback(&mut self, ticket: Ticket) -> Result<()> {
        self.enter(ticket, false)?;
        let undone = self.undo_open();
        self.under_tenure(|_| Ok(())).and(undone)
    }

    /// Ends a transaction with nothing done, whether or not it can be told whose the directory is: what comes
    /// later would else be a part of it, and be lost with it.
    pub(super) fn undo_open(&mut self) -> Result<()> {
        self.transaction = None;
        self.session.as_mut().map_or(Ok(()), Session::abort_transaction)
    }

    fn enter(&mut self, ticket: Ticket, entered: bool) -> Result<()> {
        self.assure_open()?;
        let open = self.transaction.as_mut().filter(|open| open.ticket == ticket).ok_or(Error::Closed)?;
        open.entered = entered;
        let lost = self.session.as_ref().is_none_or(|session| !session.shards.iter().all(Shard::is_open));
        if lost {
            // An error on the way, such as a full disk, has undone it in one shard; so in all.
            self.undo_open()?;
            return Err(Error::Closed);
        }
        Ok(())
    }

    /// Refuses what can not be a part of a transaction while one is open.
    pub(crate) fn assure_no_transaction(&self) -> Result<()> {
        if self.transaction.is_some() { Err(Error::InTransaction) } else { Ok(()) }
    }

    /// Refuses operations that do not go through the open transaction.
    pub(super) fn assure_turn(&self) -> Result<()> {
        match &self.transaction {
            Some(open) if !open.entered => Err(Error::InTransaction),
            _ => Ok(()),
        }
    }
}

impl Session {
    /// Runs an operation on some shards as one transaction.
    pub(super) fn transact(&mut self, shards: &[usize], operation: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.open_transaction(shards)?;
        let done = operation(self).and_then(|()| self.commit_transaction());
        if done.is_err() {
            self.abort_transaction()?;
        }
        done
    }

    /// Runs an operation on some shards as a part of the open transaction: all of it happens, or on an error
    /// nothing of this part.
    pub(super) fn nested(&mut self, shards: &[usize], operation: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let begun = shards.iter().try_for_each(|index| self.shard(*index)?.begin_part());
        let done = begun.and_then(|()| operation(self));
        let ended = shards.iter().map(|index| self.shard(*index)?.end_part(done.is_ok())).fold(Ok(()), Result::and);
        done.and(ended)
    }

    /// Takes the write locks of some shards, in their order.
    fn open_transaction(&mut self, shards: &[usize]) -> Result<()> {
        let several = shards.len() > 1;
        for index in shards {
            let shard = self.shards.get_mut(*index).ok_or(Error::Closed)?;
            if let Err(error) = shard.begin(several) {
                // The error of beginning is the one to tell.
                let _ = self.abort_transaction();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Commits in all shards or in none.
    fn commit_transaction(&mut self) -> Result<()> {
        let changed: Vec<usize> =
            self.shards.iter().enumerate().filter(|(_, shard)| shard.has_changed()).map(|(index, _)| index).collect();
        let committed = match changed.as_slice() {
            [] => Ok(()),
            [only] => self.shard(*only)?.commit(),
            [coordinator, others @ ..] => self.commit_several(*coordinator, others),
        };
        // Those that have changed nothing, or, after an error, all that can be undone.
        let aborted = self.abort_transaction();
        committed.and(aborted)
    }

    fn commit_several(&mut self, coordinator: usize, others: &[usize]) -> Result<()> {
        let number = self.shard(coordinator)?.unique_number();
        let name = u32::try_from(coordinator).map_err(|_| Error::Closed)?;
        for index in others {
            self.shard(*index)?.prepare(number, name)?;
        }
        if let Err(error) = self.shard(coordinator)?.decide(number) {
            // Whether a commit that failed has taken place is for the database to say.
            if !self.shard(coordinator)?.decisions()?.contains(&number) {
                return Err(error);
            }
        }
        // It has taken place. Whatever can not be tidied up now is by whoever comes next.
        self.shards.iter_mut().for_each(|shard| shard.learn_decisions(&[number]));
        // Before a lock is waited for: others take them in order, and may have some of them by now.
        // What is wrong there is found out by the next call: this transaction has taken place.
        let _ = self.release_unprepared();
        for index in others.iter().chain([&coordinator]) {
            if self.shard(*index)?.complete(number).is_err() {
                // The decision stays as long as a shard may ask for it.
                break;
            }
        }
        Ok(())
    }

    /// Undoes what is open, in all shards.
    pub(super) fn abort_transaction(&mut self) -> Result<()> {
        // Before those that are prepared are settled, which takes their locks again.
        let released = self.release_unprepared();
        let settled = self.shards.iter_mut().map(Shard::abort).fold(Ok(()), Result::and);
        released.and(settled)
    }

    /// Undoes what is open in the shards that have not committed, and so gives back their locks.
    fn release_unprepared(&mut self) -> Result<()> {
        let unprepared = self.shards.iter_mut().filter(|shard| !shard.is_prepared());
        unprepared.map(Shard::abort).fold(Ok(()), Result::and)
    }

    fn shard(&mut self, index: usize) -> Result<&mut Shard> {
        self.shards.get_mut(index).ok_or(Error::Closed)
    }
}
