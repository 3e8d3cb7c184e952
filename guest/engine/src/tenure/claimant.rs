//! Obtaining a directory: claiming an epoch, joining the one that is held, or taking over from an owner
//! that is silent.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use super::{GATE, Standing, Tenure, USERS};
use crate::error::{Error, Result};
use crate::generation;
use crate::lease::{self, Contents, Holder, Lease, Record};
use crate::options::OpenOptions;
use crate::platform::{Platform, RangeLocks};
use crate::regular::open_regular;

/// How long to wait before looking at somebody else's lease again, in milliseconds.
const POLL_MS: u64 = 20;

/// Makes sure that `root` is a directory that is Larder's, or can become so.
pub(super) fn prepare_root(root: &Path, options: &OpenOptions) -> Result<()> {
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
pub(super) fn next_epoch(contents: &Contents) -> Result<u32> {
    let last = contents.epochs.last().max(contents.generations.iter().max());
    let next = last.copied().unwrap_or_default().checked_add(1);
    next.ok_or_else(|| Error::Overflow("the epoch of the lease".into()))
}

/// Claims an epoch; false if somebody else was faster.
pub(super) fn claim_epoch(root: &Path, epoch: u32, record: &Record) -> Result<bool> {
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
pub(super) struct Claimant<'a> {
    pub(super) root: &'a Path,
    pub(super) options: &'a OpenOptions,
    pub(super) platform: &'a Rc<dyn Platform>,
    pub(super) deadline: u64,
}

impl Claimant<'_> {
    pub(super) fn obtain_under_locks(&self, sole: bool) -> Result<Tenure> {
        let opened = self.platform.open_locks(&self.root.join(lease::LOCKS_FILE));
        let locks = opened.map_err(|error| match error {
            // That the whole file system is read-only is better known of the lease.
            Error::PermissionDenied(_) => self.refusal().ok().flatten().unwrap_or(error),
            other => other,
        })?;
        let busy = |what: &str| Error::Locked(format!("{what} {}", self.root.display()));
        if !locks.lock(GATE, true, self.left())? {
            return Err(busy("another instance is still opening"));
        }
        if !locks.lock(USERS, sole, self.left())? {
            return Err(busy(if sole { "others use" } else { "another instance has for itself" }));
        }
        self.obtain(Some(locks), if sole { Standing::Sole } else { Standing::First })
    }

    /// Why the lease that counts can not be opened for writing, so that none can be claimed; none if it
    /// can.
    pub(super) fn refusal(&self) -> Result<Option<Error>> {
        let Some(epoch) = lease::list(self.root)?.epochs.last().copied() else { return Ok(None) };
        let path = lease::lease_path(self.root, epoch);
        let opened = open_regular(&path, fs::OpenOptions::new().write(true));
        let refusal = opened.err().map(|error| Error::from_io(&path, &error));
        Ok(refusal.filter(|error| matches!(error, Error::ReadOnly(_) | Error::PermissionDenied(_))))
    }

    /// For a directory that nobody can write, so that nobody needs to be kept out.
    pub(super) fn look_on(&self) -> Result<Tenure> {
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
    pub(super) fn obtain(&self, locks: Option<Box<dyn RangeLocks>>, standing: Standing) -> Result<Tenure> {
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
