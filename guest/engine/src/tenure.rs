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

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::error::{Error, Result};
use crate::generation;
use crate::lease::{self, Contents, Holder, Lease, Record};
use crate::options::OpenOptions;
use crate::platform::{Platform, RangeLocks, Sharing};

const GATE: u64 = 0;
const USERS: u64 = 1;
const OWNERS: u64 = 1 << 32;
/// Owners are numbers of 48 bits.
const OWNER_BITS: u64 = (1 << 48) - 1;
/// How long to wait before looking at somebody else's lease again, in milliseconds.
const POLL_MS: u64 = 20;

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
        match platform.sharing() {
            // Without waiting for a lease that could not be claimed anyway.
            Sharing::Lease if options.read_only && claimant.is_kept_from_writing()? => claimant.look_on(),
            Sharing::Lease => claimant.obtain(None, Standing::Sole),
            Sharing::Locks { databases } => claimant.obtain_under_locks(options.exclusive || !databases),
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
        fs::rename(&draft, &data).map_err(|error| Error::from_io(&draft, &error))?;
        self.platform.before_commit()?;
        let before = self.data.replace(Some(self.epoch.get()));
        let recorded = match self.record.holder {
            Holder::Locks => lease::rewrite(&self.root, self.epoch.get(), &self.record(false)),
            // Making them may have taken longer than the lease.
            Holder::Lease => self.confirm(),
        };
        recorded.inspect_err(|_| self.data.set(before))
    }

    /// What the lease is to say now.
    fn record(&self, released: bool) -> Record {
        Record { data: self.data.get(), released, beat: self.beat.get(), ..self.record.clone() }
    }

    /// Lets the next opener look at the directory.
    pub(crate) fn open_gate(&self) -> Result<()> {
        self.locks.as_ref().map_or(Ok(()), |locks| locks.unlock(GATE))
    }

    /// Removes what earlier epochs left.
    pub(crate) fn remove_leftovers(&self) -> Result<()> {
        match self.standing {
            Standing::Passive => return Ok(()),
            // Whoever claimed the epoch has tidied up. But it may have been killed while it made others.
            Standing::Joined if !self.leftovers || !self.is_alone()? => return Ok(()),
            _ => self.assure()?,
        }
        let contents = lease::list(&self.root)?;
        // Never anything later, which would be a new owner's.
        let epoch = self.epoch.get();
        for earlier in contents.epochs.iter().filter(|other| **other < epoch) {
            lease::remove(&self.root, *earlier);
        }
        let unused = |generation: &&u32| **generation <= epoch && Some(**generation) != self.data.get();
        let data = contents.generations.iter().filter(unused);
        let data = data.map(|generation| lease::data_path(&self.root, *generation));
        let drafts = contents.drafts.iter().filter(|draft| **draft <= epoch);
        let drafts = drafts.map(|generation| lease::draft_path(&self.root, *generation));
        for path in data.chain(drafts) {
            // What stays is passed over: no lease names it.
            let _ = fs::remove_dir_all(path);
        }
        Ok(())
    }

    /// Whether no other user is in the directory; only before others are let in.
    fn is_alone(&self) -> Result<bool> {
        let Some(locks) = &self.locks else { return Ok(true) };
        if !locks.lock(USERS, true, 0)? {
            return Ok(false);
        }
        locks.lock(USERS, self.standing == Standing::Sole, 0)
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

/// Makes sure that `root` is a directory that is Larder's, or can become so.
fn prepare_root(root: &Path, options: &OpenOptions) -> Result<()> {
    if options.create {
        match fs::create_dir_all(root) {
            // A file, or a link to nowhere, at that place.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            created => created.map_err(|error| Error::from_io(root, &error))?,
        }
    }
    let metadata = fs::metadata(root).map_err(|error| Error::from_io(root, &error))?;
    if !metadata.is_dir() {
        return Err(Error::InvalidArgument(format!("{} is not a directory", root.display())));
    }
    let contents = lease::list(root)?;
    match (contents.epochs.is_empty() && contents.generations.is_empty(), &contents.foreign) {
        (true, Some(foreign)) => Err(Error::UnsupportedFormat(format!(
            "{} holds no Larder cache but other files ({foreign}); give an empty directory",
            root.display()
        ))),
        (true, None) if !options.create => Err(Error::NotFound(format!("{} holds no cache", root.display()))),
        _ => Ok(()),
    }
}

/// The epoch after all there were.
fn next_epoch(contents: &Contents) -> Result<u32> {
    let last = contents.epochs.last().max(contents.generations.iter().max());
    let next = last.copied().unwrap_or_default().checked_add(1);
    next.ok_or_else(|| Error::Overflow("the epoch of the lease".into()))
}

/// Claims an epoch; false if somebody else was faster.
fn claim_epoch(root: &Path, epoch: u32, record: &Record) -> Result<bool> {
    if !lease::claim(root, epoch, record)? {
        return Ok(false);
    }
    if lease::list(root)?.epochs.last() != Some(&epoch) {
        // The epoch was used and removed while this claimant slept; a later one counts.
        lease::remove(root, epoch);
        return Ok(false);
    }
    Ok(true)
}

/// Data that an earlier epoch has left.
#[derive(Debug, Clone, Copy)]
struct Source {
    generation: u32,
    /// Whether their owner has let go of them. If not, it may still write to them.
    released: bool,
}

/// Somebody who wants to use a directory.
struct Claimant<'a> {
    root: &'a Path,
    options: &'a OpenOptions,
    platform: &'a Rc<dyn Platform>,
    deadline: u64,
}

impl Claimant<'_> {
    fn obtain_under_locks(&self, sole: bool) -> Result<Tenure> {
        let locks = match self.platform.open_locks(&self.root.join(lease::LOCKS_FILE)) {
            Err(Error::ReadOnly(_) | Error::PermissionDenied(_)) if self.options.read_only => return self.look_on(),
            opened => opened?,
        };
        let busy = |what: &str| Error::Locked(format!("{what} {}", self.root.display()));
        if !locks.lock(GATE, true, self.left())? {
            return Err(busy("another instance is still opening"));
        }
        if !locks.lock(USERS, sole, self.left())? {
            return Err(busy(if sole { "others use" } else { "another instance has for itself" }));
        }
        self.obtain(Some(locks), if sole { Standing::Sole } else { Standing::First })
    }

    /// Whether the lease that counts can not be opened for writing, so that none can be claimed.
    fn is_kept_from_writing(&self) -> Result<bool> {
        let Some(epoch) = lease::list(self.root)?.epochs.last().copied() else { return Ok(false) };
        let path = lease::lease_path(self.root, epoch);
        let opened = fs::OpenOptions::new().write(true).open(&path);
        let refusal = opened.err().map(|error| Error::from_io(&path, &error));
        Ok(matches!(refusal, Some(Error::ReadOnly(_) | Error::PermissionDenied(_))))
    }

    /// For a directory that nobody can write, so that nobody needs to be kept out.
    fn look_on(&self) -> Result<Tenure> {
        let contents = lease::list(self.root)?;
        let epoch = contents.epochs.last().copied().unwrap_or_default();
        let record = lease::read(self.root, epoch)?.and_then(|lease| lease.record);
        let data = self.source(&contents)?.map(|source| source.generation);
        let record = record.map(|record| Record { data, ..record }).filter(|record| record.data.is_some());
        let record = record.ok_or_else(|| Error::NotFound(format!("{} holds no cache yet", self.root.display())))?;
        Ok(self.tenure(epoch, Record { holder: Holder::Locks, ..record }, None, Standing::Passive, &contents))
    }

    fn left(&self) -> u32 {
        u32::try_from(self.deadline.saturating_sub(self.platform.monotonic_ms())).unwrap_or(u32::MAX)
    }

    /// Claims an epoch or joins the one that is held, as soon as that is possible.
    fn obtain(&self, locks: Option<Box<dyn RangeLocks>>, standing: Standing) -> Result<Tenure> {
        let holder = if locks.is_some() { Holder::Locks } else { Holder::Lease };
        let mut watch: Option<(Lease, u64)> = None;
        loop {
            let contents = lease::list(self.root)?;
            if let Some(epoch) = contents.epochs.last().copied() {
                let Some(current) = lease::read(self.root, epoch)? else {
                    self.pause(|| format!("{} can not be read", lease::lease_path(self.root, epoch).display()))?;
                    continue;
                };
                let free = match &current.record {
                    Some(record) if record.released => true,
                    // Its claimant held the gate, which is ours now, and has not finished.
                    Some(Record { holder: Holder::Locks, data: None, .. }) if holder == Holder::Locks => true,
                    Some(record) if record.holder == Holder::Locks && holder == Holder::Locks => {
                        let standing = if standing == Standing::Sole { standing } else { Standing::Joined };
                        return Ok(self.tenure(epoch, record.clone(), locks, standing, &contents));
                    }
                    _ => false,
                };
                if !free && !self.has_expired(&current, &mut watch)? {
                    continue;
                }
            }
            let next = next_epoch(&contents)?;
            let source = self.source(&contents)?;
            let free = source.filter(|source| source.released).map(|source| source.generation);
            if let Some(record) = self.claim(next, holder, free)? {
                let tenure = self.tenure(next, record, locks, standing, &contents);
                if source.is_some_and(|source| !source.released) {
                    // Looked for again: until the claim its owner may have put others in force.
                    let taken = self.source(&contents).and_then(|source| match source {
                        Some(source) => self.take_over(&tenure, source.generation),
                        None => Err(Error::Locked(format!("the data of {} are gone", self.root.display()))),
                    });
                    if taken.is_err() {
                        // The error of taking over is the one to tell.
                        let _ = tenure.release();
                    }
                    taken?;
                }
                return Ok(tenure);
            }
        }
    }

    /// The data of the last epoch that had some. If no lease can be read, because they were lost or
    /// damaged, the latest data that are complete: they are not given up for that.
    fn source(&self, contents: &Contents) -> Result<Option<Source>> {
        for epoch in contents.epochs.iter().rev() {
            let record = lease::read(self.root, *epoch)?.and_then(|lease| lease.record);
            if let Some(Record { data: Some(generation), released, .. }) = record {
                return Ok(Some(Source { generation, released }));
            }
        }
        let latest = contents.generations.iter().max();
        Ok(latest.map(|generation| Source { generation: *generation, released: false }))
    }

    /// Lets others go on for a moment; the error `locked` with what hinders if the time is up.
    fn pause(&self, hindrance: impl FnOnce() -> String) -> Result<()> {
        let now = self.platform.monotonic_ms();
        if now >= self.deadline {
            return Err(Error::Locked(hindrance()));
        }
        self.platform.sleep_ms(POLL_MS.min(self.deadline - now));
        Ok(())
    }

    /// Watches a lease that somebody holds. True once it has stood still for its whole duration;
    /// false, after a pause, if it is to be looked at again.
    fn has_expired(&self, current: &Lease, watch: &mut Option<(Lease, u64)>) -> Result<bool> {
        let now = self.platform.monotonic_ms();
        let since = match watch {
            Some((seen, since)) if seen == current => *since,
            _ => {
                *watch = Some((current.clone(), now));
                now
            }
        };
        let by_locks = current.record.as_ref().is_some_and(|record| record.holder == Holder::Locks);
        let lease_ms = current.record.as_ref().map_or(self.options.lease_ms, |record| record.lease_ms);
        if !by_locks && now.saturating_sub(since) >= u64::from(lease_ms) {
            return Ok(true);
        }
        self.pause(|| {
            if by_locks {
                format!(
                    "{} is used by instances that share it through locks, or was by some that did not close it; \
                     opening and closing it once through a host with locks frees it",
                    self.root.display()
                )
            } else {
                format!("{} has another owner, whose lease of {lease_ms} ms is not over", self.root.display())
            }
        })?;
        Ok(false)
    }

    /// Claims an epoch; none if somebody else was faster.
    fn claim(&self, epoch: u32, holder: Holder, data: Option<u32>) -> Result<Option<Record>> {
        let record = Record {
            owner: self.platform.random(),
            holder,
            lease_ms: self.options.lease_ms,
            data,
            released: false,
            beat: 1,
        };
        Ok(claim_epoch(self.root, epoch, &record)?.then_some(record))
    }

    fn tenure(
        &self,
        epoch: u32,
        record: Record,
        locks: Option<Box<dyn RangeLocks>>,
        standing: Standing,
        contents: &Contents,
    ) -> Tenure {
        Tenure {
            root: self.root.to_owned(),
            platform: Rc::clone(self.platform),
            epoch: Cell::new(epoch),
            leftovers: contents.epochs.len() > 1 || contents.generations.len() > 1 || !contents.drafts.is_empty(),
            beat: Cell::new(record.beat),
            data: Cell::new(record.data),
            record,
            locks,
            standing,
            renewed: Cell::new(self.platform.monotonic_ms()),
            owner: Cell::new(None),
        }
    }

    /// Goes on with a copy of what an owner has left that may still be alive.
    fn take_over(&self, tenure: &Tenure, source: u32) -> Result<()> {
        generation::copy(&lease::data_path(self.root, source), &tenure.draft(), &mut || tenure.assure())?;
        tenure.complete()
    }
}
