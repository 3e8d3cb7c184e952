//! Who may use a directory, from opening to closing.
//!
//! Two ways, that never mix: any number of instances that see each other's *locks*, or one owner
//! with a *lease*. Both claim an epoch (see [`crate::lease`]), so each sees the other.
//!
//! Under locks, the bytes of the file `locks` mean:
//!
//! | byte | held | by |
//! |---|---|---|
//! | 0, the gate | exclusively | whoever opens, until it is in |
//! | 1, the users | shared (exclusively by a sole user) | every open cache |
//! | 2^32 + owner | exclusively | every open cache that has written a value file |
//! | 2^62 and above | as they like | hosts, for purposes of their own (`larder run`) |
//!
//! Under a lease, the owner renews it in passing, at most every third of its duration, and looks
//! before and after every operation whether it may have run out. If so, and the directory has been
//! taken over, the operation fails: what it wrote went to files that were left to it
//! (see [`crate::generation`]), so nothing acknowledged is lost and nobody else's data harmed.
//!
//! | file | what is in it |
//! |---|---|
//! | `claimant` | obtaining a directory |
//! | `leftovers` | what earlier users have left in it |

mod claimant;
mod leftovers;

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::error::{Error, Result};
use crate::lease::{self, Holder, Record};
use crate::listing::children;
use crate::options::OpenOptions;
use crate::platform::{Platform, RangeLocks, Sharing};
use claimant::{Claimant, claim_epoch, next_epoch, prepare_root};

const GATE: u64 = 0;
const USERS: u64 = 1;
const OWNERS: u64 = 1 << 32;
/// Owners are numbers of 48 bits.
const OWNER_BITS: u64 = (1 << 48) - 1;

/// How a tenure relates to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Looks on without any right, in a directory that can not be written.
    Passive,
    /// One of several users who came to an epoch that was held.
    Joined,
    /// The first of possibly several users.
    First,
    /// The only one.
    Sole,
}

/// The right to use a directory.
pub(crate) struct Tenure {
    root: PathBuf,
    platform: Rc<dyn Platform>,
    epoch: Cell<u32>,
    /// What the lease said at first; `data` and `beat` have changed since.
    record: Record,
    /// The generation of the data in use; none while it is being made.
    data: Cell<Option<u32>>,
    locks: Option<Box<dyn RangeLocks>>,
    standing: Standing,
    /// Whether there was more in the directory than its lease and its data, when it was obtained.
    leftovers: bool,
    /// When the lease was last known to be ours, by the monotonic clock.
    renewed: Cell<u64>,
    beat: Cell<u64>,
    /// The number under which value files are reserved, once it is locked.
    owner: Cell<Option<i64>>,
}

impl Tenure {
    /// Obtains the right to use the directory `root`, waiting for others as long as the options
    /// say. A new directory, and one that nobody uses, comes back not [`Tenure::is_ready`].
    pub(crate) fn obtain(root: &Path, options: &OpenOptions, platform: &Rc<dyn Platform>) -> Result<Self> {
        prepare_root(root, options)?;
        let deadline = platform.monotonic_ms().saturating_add(u64::from(options.wait_ms));
        let claimant = Claimant { root, options, platform, deadline };
        let obtained = match platform.sharing() {
            // Without waiting for a lease that could not be claimed anyway.
            Sharing::Lease if options.read_only && claimant.refusal()?.is_some() => return claimant.look_on(),
            Sharing::Lease => claimant.obtain(None, Standing::Sole),
            Sharing::Locks { databases } => claimant.obtain_under_locks(options.exclusive || !databases),
        };
        match obtained {
            Err(Error::ReadOnly(_) | Error::PermissionDenied(_)) if options.read_only => claimant.look_on(),
            obtained => obtained,
        }
    }

    /// The directory.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the shards are.
    pub(crate) fn data(&self) -> PathBuf {
        lease::data_path(&self.root, self.data.get().unwrap_or(self.epoch.get()))
    }

    /// Where the shards are made, until they are complete.
    pub(crate) fn draft(&self) -> PathBuf {
        lease::draft_path(&self.root, self.epoch.get())
    }

    /// Whether there are data.
    pub(crate) fn is_ready(&self) -> bool {
        self.data.get().is_some()
    }

    /// Whether nobody else can be in the directory.
    pub(crate) fn is_sole(&self) -> bool {
        matches!(self.standing, Standing::Sole | Standing::Passive)
    }

    /// Whether others may be in the directory at the same time.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.standing, Standing::First | Standing::Joined)
    }

    /// Whether the directory can only be looked at.
    pub(crate) fn is_passive(&self) -> bool {
        self.standing == Standing::Passive
    }

    /// Whether others may be in the directory already.
    pub(crate) fn has_joined(&self) -> bool {
        self.standing == Standing::Joined
    }

    /// Whether there was more in the directory than there should be, when it was obtained.
    pub(crate) fn found_leftovers(&self) -> bool {
        self.leftovers
    }

    /// Goes on under the next epoch with the same data, so that others can be made beside them.
    /// Only for a sole user.
    pub(crate) fn begin_next_epoch(&self) -> Result<()> {
        self.assure()?;
        let next = next_epoch(&lease::list(&self.root)?)?;
        // As if it were an opener's: whoever watches sees a lease that has just been claimed.
        if !claim_epoch(&self.root, next, &self.record(false))? {
            return Err(Error::Locked(format!("{} was taken over", self.root.display())));
        }
        lease::remove(&self.root, self.epoch.replace(next));
        self.renewed.set(self.platform.monotonic_ms());
        Ok(())
    }

    /// Puts the data from the draft in place, and records that. From then on they are in force; if it
    /// fails, those before are.
    pub(crate) fn complete(&self) -> Result<()> {
        let (draft, data) = (self.draft(), lease::data_path(&self.root, self.epoch.get()));
        self.platform.before_commit()?;
        // Whoever finds data takes them for whole, and what is built upon them must not be lost with them.
        self.sync_names(&draft)?;
        fs::rename(&draft, &data).map_err(|error| Error::from_io(&draft, &error))?;
        self.sync_directory(&self.root)?;
        self.platform.before_commit()?;
        let before = self.data.replace(Some(self.epoch.get()));
        let recorded = match self.record.holder {
            Holder::Locks => lease::rewrite(&self.root, self.epoch.get(), &self.record(false)),
            // Making them may have taken longer than the lease.
            Holder::Lease => self.confirm(),
        };
        recorded.inspect_err(|_| self.data.set(before))
    }

    /// Waits until all names in a directory, and in those in it, are on the disk.
    fn sync_names(&self, directory: &Path) -> Result<()> {
        for child in children(directory).map_err(|error| Error::from_io(directory, &error))? {
            if child.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.sync_names(&child.path())?;
            }
        }
        self.assure()?;
        self.sync_directory(directory)
    }

    fn sync_directory(&self, directory: &Path) -> Result<()> {
        self.platform.sync_directory(directory).map_err(|error| Error::from_io(directory, &error))
    }

    /// What the lease is to say now.
    fn record(&self, released: bool) -> Record {
        Record { data: self.data.get(), released, beat: self.beat.get(), ..self.record.clone() }
    }

    /// Lets the next opener look at the directory.
    pub(crate) fn open_gate(&self) -> Result<()> {
        self.locks.as_ref().map_or(Ok(()), |locks| locks.unlock(GATE))
    }

    /// Makes sure that the directory is still ours; called before and after every operation. Costs
    /// nothing under locks, and one look at the clock under a lease that is fresh.
    pub(crate) fn assure(&self) -> Result<()> {
        if self.record.holder == Holder::Locks {
            return Ok(());
        }
        let now = self.platform.monotonic_ms();
        if now.saturating_sub(self.renewed.get()) < u64::from(self.record.lease_ms) / 3 {
            return Ok(());
        }
        self.renew(now)
    }

    /// Makes sure of it by looking, however fresh the lease is.
    pub(crate) fn confirm(&self) -> Result<()> {
        match self.record.holder {
            Holder::Locks => Ok(()),
            Holder::Lease => self.renew(self.platform.monotonic_ms()),
        }
    }

    fn renew(&self, now: u64) -> Result<()> {
        let lost = || Error::Locked(format!("the lease of {} expired and was taken over", self.root.display()));
        // The order matters: a claimant that creates the next epoch after the second look has seen
        // the lease stand still for its whole duration before, and this beat is younger than that.
        let epoch = self.epoch.get();
        let ours = lease::read(&self.root, epoch)?.and_then(|lease| lease.record).ok_or_else(lost)?;
        let is_last = || lease::list(&self.root).map(|contents| contents.epochs.last() == Some(&epoch));
        if ours.owner != self.record.owner || !is_last()? {
            return Err(lost());
        }
        self.beat.set(self.beat.get().saturating_add(1));
        match lease::rewrite(&self.root, epoch, &self.record(false)) {
            Err(Error::NotFound(_)) => return Err(lost()),
            written => written?,
        }
        if !is_last()? {
            return Err(lost());
        }
        self.renewed.set(now);
        Ok(())
    }

    /// The number under which this cache reserves value files; locked from the first call on, so
    /// that others can tell when it no longer lives.
    pub(crate) fn owner(&self) -> Result<i64> {
        if let Some(owner) = self.owner.get() {
            return Ok(owner);
        }
        let owner = self.platform.random() & OWNER_BITS;
        if let Some(locks) = &self.locks
            && !locks.lock(OWNERS + owner, true, 0)?
        {
            return Err(Error::Timeout("an owner number, taken against all odds".into()));
        }
        self.owner.set(Some(owner.cast_signed()));
        Ok(owner.cast_signed())
    }

    /// Whether the owner with this number still lives.
    pub(crate) fn is_alive(&self, owner: i64) -> Result<bool> {
        if self.owner.get() == Some(owner) {
            return Ok(true);
        }
        match (&self.locks, u64::try_from(owner)) {
            (Some(locks), Ok(owner)) if owner <= OWNER_BITS => locks.is_locked(OWNERS + owner),
            _ => Ok(false),
        }
    }

    /// Lets go of the directory.
    pub(crate) fn release(&self) -> Result<()> {
        match (&self.locks, self.standing) {
            (_, Standing::Passive) => return Ok(()),
            // Only the last user may say that nobody is left. The lock ends with the handle.
            (Some(locks), Standing::First | Standing::Joined) if !locks.lock(USERS, true, 0)? => return Ok(()),
            _ => self.assure()?,
        }
        lease::rewrite(&self.root, self.epoch.get(), &self.record(true))
    }
}
