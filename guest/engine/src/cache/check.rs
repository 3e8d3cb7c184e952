//! What is wrong with a directory, and setting it right: what earlier users have left in it, then shard
//! by shard.

use super::{Cache, Session};
use crate::error::Result;
use crate::shard::{Problem, Shard};

impl Cache {
    /// Everything that is wrong with the directory.
    pub fn check(&mut self) -> Result<Vec<Problem>> {
        self.assure_no_transaction()?;
        let mut problems = self.under_tenure(|session| leftovers(session, false))?;
        problems.extend(self.on_all(Shard::check)?.into_iter().flatten());
        Ok(problems)
    }

    /// Checks, and sets right what can be; what is lost is said.
    pub fn repair(&mut self) -> Result<Vec<Problem>> {
        self.on_all(|shard| shard.refuse_if_read_only())?;
        let mut problems = self.under_tenure(|session| leftovers(session, true))?;
        problems.extend(self.on_all(Shard::repair)?.into_iter().flatten());
        Ok(problems)
    }
}

/// What earlier users have left that nobody uses, which is removed on request.
fn leftovers(session: &Session, remove: bool) -> Result<Vec<Problem>> {
    if !session.tenure.can_tell_leftovers() {
        return Ok(Vec::new());
    }
    let left = session.tenure.leftovers()?.into_iter().map(|leftover| {
        // What can not be removed is in nobody's way.
        let removed = remove && leftover.remove().is_ok();
        Problem {
            subject: leftover.path().display().to_string(),
            description: leftover.to_string(),
            remedy: removed.then(|| "it was removed; nothing is lost".to_owned()),
        }
    });
    Ok(left.collect())
}
