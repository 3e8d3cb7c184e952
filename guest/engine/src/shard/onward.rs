//! Work in pages comes to its end.
//!
//! A page of rows begins behind the last of the one before. In a damaged database rows may stand in
//! another order than their numbers, and a row that was read may not be found again by its number. Then
//! behind the last may be what was there before, and what was removed may still be there: work would go
//! round in circles. So every page has to end behind the one before, and what is removed has to go.

use std::path::Path;

use super::scan::Direction;
use super::stage::Stage;
use super::{DATABASE, Shard};
use crate::error::{Error, Result};
use crate::selection::Bound;

/// Fails unless `next` comes after `last`.
fn assure_after<T: PartialOrd>(database: &Path, last: &T, next: &T) -> Result<()> {
    if next > last { Ok(()) } else { Err(out_of_order(database)) }
}

fn out_of_order(database: &Path) -> Error {
    Error::Corrupt(format!("{}: rows are out of order", database.display()))
}

/// Fails if a statement has changed none of the rows that it was to change because they were just read.
pub(super) fn assure_found(database: &Path, changed: usize) -> Result<()> {
    if changed > 0 {
        return Ok(());
    }
    Err(Error::Corrupt(format!("{}: a row that is there is not found by its number", database.display())))
}

impl Shard {
    /// Fails unless a page that ends with `next` goes on behind one that ended with `last`.
    pub(super) fn assure_onward<T: PartialOrd>(&self, direction: Direction, last: &T, next: &T) -> Result<()> {
        let (before, after) = if direction == Direction::Forward { (last, next) } else { (next, last) };
        assure_after(&self.directory.join(DATABASE), before, after)
    }

    /// Fails unless the rest of a stage is behind what was done of it. Others begin at the beginning each
    /// time, since they remove all that they look at.
    pub(super) fn assure_rest_is_behind(&self, done: &Stage, rest: &Stage) -> Result<()> {
        let path = self.directory.join(DATABASE);
        match (done, rest) {
            (Stage::Queued { after: last, .. }, Stage::Queued { after: next, .. })
            | (Stage::WithFiles { after: last, .. }, Stage::WithFiles { after: next, .. }) => {
                assure_after(&path, last, next)
            }
            (Stage::Outlived { after: last }, Stage::Outlived { after: next }) => assure_after(&path, last, next),
            (
                Stage::Between { start: Bound::Excluded(last), .. },
                Stage::Between { start: Bound::Excluded(next), .. },
            ) if next < last => Err(out_of_order(&path)),
            _ => Ok(()),
        }
    }
}
