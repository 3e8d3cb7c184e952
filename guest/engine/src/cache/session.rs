//! The time between obtaining a directory and letting go of it.

use std::path::Path;
use std::rc::Rc;

use super::biases::Biases;
use crate::database::Access;
use crate::error::{Error, Result};
use crate::options::OpenOptions;
use crate::platform::Platform;
use crate::settings::{Settings, shard_of};
use crate::shard::Shard;
use crate::tenure::Tenure;

/// The time between obtaining a directory and letting go of it.
pub(super) struct Session {
    pub(super) tenure: Rc<Tenure>,
    pub(super) shards: Vec<Shard>,
    pub(super) biases: Biases,
}

impl Session {
    /// Obtains a directory and opens its shards.
    pub(super) fn begin(path: &Path, options: &OpenOptions, platform: &Rc<dyn Platform>) -> Result<Self> {
        let tenure = Rc::new(Tenure::obtain(path, options, platform)?);
        let opened = Self::enter(&tenure, options, platform);
        if opened.is_err() {
            // The error of opening is the one to tell; a directory not let go of is found out.
            let _ = tenure.release();
        }
        Ok(Self { shards: opened?, biases: Biases::new(&tenure, platform), tenure })
    }

    /// Makes or opens the shards, then lets others in.
    fn enter(tenure: &Rc<Tenure>, options: &OpenOptions, platform: &Rc<dyn Platform>) -> Result<Vec<Shard>> {
        let access = Access {
            read_only: options.read_only,
            frozen: tenure.is_passive(),
            exclusive: tenure.is_sole(),
            wait_ms: options.wait_ms,
        };
        if !tenure.is_ready() {
            Self::make(tenure, options, access, platform)?;
            tenure.complete()?;
        }
        if tenure.has_joined() && !tenure.found_leftovers() && options.changes.is_empty() {
            // Nothing to do that others must not see half done.
            tenure.open_gate()?;
        }
        let shards = Self::open_shards(tenure, options, access, platform)?;
        // What the data in use could replace is kept until they have proven to be sound.
        tenure.remove_leftovers(!access.read_only)?;
        tenure.open_gate()?;
        Ok(shards)
    }

    /// Makes the shards of a new directory.
    fn make(tenure: &Tenure, options: &OpenOptions, access: Access, platform: &Rc<dyn Platform>) -> Result<()> {
        let data = tenure.draft();
        if options.read_only || !options.create {
            return Err(Error::NotFound(format!("{} holds no complete cache", tenure.root().display())));
        }
        let settings =
            Settings { shards: options.shards.unwrap_or(1), ..Settings::default() }.with(&options.changes)?;
        // Nobody else is in: the gate is ours. So the databases can be made alone, fast.
        let access = Access { exclusive: true, ..access };
        (0..settings.shards).try_for_each(|index| Shard::create(index, &settings, &data, access, platform))
    }

    fn open_shards(
        tenure: &Rc<Tenure>,
        options: &OpenOptions,
        access: Access,
        platform: &Rc<dyn Platform>,
    ) -> Result<Vec<Shard>> {
        let sequence = Rc::default();
        let first = Shard::open(0, access, tenure, &sequence, platform)?;
        let settings = first.settings().clone();
        if let Some(asked) = options.shards.filter(|asked| *asked != settings.shards) {
            return Err(Error::InvalidArgument(format!(
                "the number of shards is {}, not {asked}: it is recorded in the directory, and changed by resharding it",
                settings.shards
            )));
        }
        let changed = settings.with(&options.changes)?;
        let mut shards = vec![first];
        for index in 1..settings.shards {
            shards.push(Shard::open(index, access, tenure, &sequence, platform)?);
        }
        if !access.read_only {
            Self::tidy(&mut shards)?;
        }
        if !options.changes.is_empty() {
            change_settings(&mut shards, &changed)?;
        }
        Ok(shards)
    }

    /// Completes or undoes what a crash has left half done, and removes what belongs to nothing.
    fn tidy(shards: &mut [Shard]) -> Result<()> {
        if shards.len() > 1 {
            let mut decisions = Vec::new();
            for shard in shards.iter_mut() {
                decisions.append(&mut shard.decisions()?);
            }
            for shard in shards.iter_mut() {
                shard.learn_decisions(&decisions);
                shard.settle()?;
            }
            shards.iter_mut().try_for_each(Shard::forget_decisions)?;
        }
        shards.iter_mut().try_for_each(Shard::clean)
    }

    /// The index of the shard of a hash.
    pub(super) fn index_of(&self, hash: u64) -> usize {
        shard_of(hash, self.shards.len())
    }

    /// The shard of a hash.
    pub(super) fn shard_of(&mut self, hash: u64) -> Result<&mut Shard> {
        let index = self.index_of(hash);
        self.shards.get_mut(index).ok_or(Error::Closed)
    }

    /// Writes what is pending, closes the databases and lets go of the directory.
    pub(super) fn end(mut self) -> Result<()> {
        self.tenure.assure()?;
        let mut closed = self.give_back_biases();
        self.biases.end();
        for shard in &mut self.shards {
            closed = closed.and(shard.close());
        }
        self.shards.clear();
        // Let go of even if something could not be written: all that was acknowledged is there.
        closed.and(self.tenure.release())
    }
}

/// Records other settings in all shards, the first one last: who crashes in between has not changed
/// what the directory is said to have, and the next change begins with all shards again.
pub(super) fn change_settings(shards: &mut [Shard], settings: &Settings) -> Result<()> {
    shards.iter_mut().rev().try_for_each(|shard| shard.change_settings(settings))
}
