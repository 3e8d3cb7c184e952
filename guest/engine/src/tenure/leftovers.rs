//! What earlier users have left in a directory, and nobody uses any more.

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use super::{Standing, Tenure, USERS};
use crate::cells;
use crate::error::{Error, Result};
use crate::journal::{self, Name};
use crate::lease::{self, Contents};
use crate::regular::remove_tree;

/// Something of an epoch that is over.
#[derive(Debug)]
pub(crate) enum Leftover {
    /// A lease.
    Lease(PathBuf),
    /// Data that no lease names.
    Data(PathBuf),
    /// Data that were never completed.
    Draft(PathBuf),
}

impl Tenure {
    /// What earlier epochs have left. While the directory is ours nobody makes any of it anew.
    pub(crate) fn leftovers(&self) -> Result<Vec<Leftover>> {
        Ok(self.leftovers_in(&lease::list(&self.root)?))
    }

    fn leftovers_in(&self, contents: &Contents) -> Vec<Leftover> {
        let (epoch, data) = (self.epoch.get(), self.data.get());
        // Never anything later, which would be a new owner's.
        let leases = contents.epochs.iter().filter(|earlier| **earlier < epoch);
        let leases = leases.map(|earlier| Leftover::Lease(lease::lease_path(&self.root, *earlier)));
        let unused = contents.generations.iter().filter(|other| **other <= epoch && Some(**other) != data);
        let unused = unused.map(|other| Leftover::Data(lease::data_path(&self.root, *other)));
        let drafts = contents.drafts.iter().filter(|draft| **draft <= epoch);
        let drafts = drafts.map(|draft| Leftover::Draft(lease::draft_path(&self.root, *draft)));
        leases.chain(unused).chain(drafts).collect()
    }

    /// Removes what earlier epochs have left, when the directory has just been obtained; with what is left of
    /// journals if they are folded.
    pub(crate) fn remove_leftovers(&self, folded: bool) -> Result<()> {
        match self.standing {
            Standing::Passive => return Ok(()),
            // Whoever claimed the epoch has tidied up. But it may have been killed while it made others.
            Standing::Joined if !self.leftovers || !self.is_alone()? => return Ok(()),
            _ => self.assure()?,
        }
        let contents = lease::list(&self.root)?;
        let leftovers = self.leftovers_in(&contents);
        let has_data = leftovers.iter().any(|leftover| matches!(leftover, Leftover::Data(_)));
        if has_data {
            // Half of the data may come back with a loss of power, so it has to be known which were in force.
            self.make_sure_of_lease()?;
        }
        for leftover in leftovers {
            // What stays is passed over: no lease names it.
            let _ = leftover.remove();
        }
        if has_data {
            // From here on it is known even if no lease can be read.
            self.sync_directory(&self.root)?;
        }
        self.remove_cells(&contents.biased)?;
        if folded { self.remove_journals(&contents.journals) } else { Ok(()) }
    }

    /// Waits until it is on the disk which data are in force.
    fn make_sure_of_lease(&self) -> Result<()> {
        lease::sync(&self.root, self.epoch.get())?;
        self.sync_directory(&self.root)
    }

    /// Removes the cells of handles that have ended abruptly, while nobody else is in: they hold nothing.
    fn remove_cells(&self, owners: &[i64]) -> Result<()> {
        for owner in owners {
            if !self.is_alive(*owner)? {
                // What stays costs no more than a wait for a lease.
                let _ = fs::remove_file(cells::path(&self.root, *owner));
            }
        }
        Ok(())
    }

    /// Removes the journals of handles that have ended abruptly, which were folded when the shards were opened.
    fn remove_journals(&self, journals: &[Name]) -> Result<()> {
        for name in journals {
            if !self.is_alive(name.owner)? {
                journal::remove(&self.root, *name);
            }
        }
        Ok(())
    }

    /// Whether it can be told what others have left: not by who only looks on while somebody may be at
    /// work.
    pub(crate) fn can_tell_leftovers(&self) -> bool {
        self.standing != Standing::Passive || self.record.released
    }

    /// Whether no other user is in the directory; only before others are let in.
    fn is_alone(&self) -> Result<bool> {
        let Some(locks) = &self.locks else { return Ok(true) };
        if !locks.lock(USERS, true, 0)? {
            return Ok(false);
        }
        locks.lock(USERS, self.standing == Standing::Sole, 0)
    }
}

impl Leftover {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Lease(path) | Self::Data(path) | Self::Draft(path) => path,
        }
    }

    /// Removes it; false if it was gone.
    pub(crate) fn remove(&self) -> Result<bool> {
        let removed = match self {
            Self::Lease(path) => fs::remove_file(path),
            Self::Data(path) | Self::Draft(path) => remove_tree(path),
        };
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            removed => removed.map(|()| true).map_err(|error| Error::from_own_file(self.path(), &error)),
        }
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Lease(_) => "a stale lease: a later one is in force",
            Self::Data(_) => "data that no lease names, left by an earlier user",
            Self::Draft(_) => "data that were never completed, left by an earlier user",
        })
    }
}
