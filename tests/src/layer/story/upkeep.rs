//! Settings, looking for damage, and opening anew.

use super::entries::Entries;
use super::stage::Stage;
use super::{Content, Trouble};
use crate::Random;
use crate::component::types::Error;
use crate::component::wit::{Changes, Compression, Information, Limit, Policy};
use crate::component::{Instance, changes};

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Let time pass, in milliseconds.
    Advance(u32),
    /// Bound the number of entries.
    Bound(Option<u64>),
    /// Change what is recorded.
    Configure(Settings),
    /// Write to the disk what the log holds.
    Compact,
    /// Look for damage.
    Check,
    /// Set right what is damaged.
    Repair,
    /// Close it and open it.
    Reopen,
    /// Give it another number of shards.
    Reshard(u32),
}

/// What is recorded, but for the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    inline_threshold: u32,
    compression: Compression,
    statistics: bool,
    policy: Policy,
    ttl_ms: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            inline_threshold: 32_768,
            compression: Compression::None,
            statistics: false,
            policy: Policy::LeastRecentlyStored,
            ttl_ms: None,
        }
    }
}

impl Settings {
    fn draw(random: &mut Random) -> Self {
        Self {
            inline_threshold: [10_000, 32_768, 50_000][usize::try_from(random.below(3)).unwrap()],
            compression: [Compression::None, Compression::Lz4, Compression::Zstd]
                [usize::try_from(random.below(3)).unwrap()],
            statistics: random.below(2) == 0,
            ttl_ms: (random.below(2) == 0).then_some(3_600_000),
            ..Self::default()
        }
    }

    /// Those of a new directory, but for which entries go first.
    fn with_policy(policy: Policy) -> Self {
        Self { policy, ..Self::default() }
    }

    fn of(information: &Information) -> Self {
        Self {
            inline_threshold: information.inline_threshold,
            compression: information.compression,
            statistics: information.statistics,
            policy: information.policy,
            ttl_ms: information.default_ttl_ms,
        }
    }

    fn changes(self) -> Changes {
        use crate::component::types::Expiry;
        Changes {
            inline_threshold: Some(self.inline_threshold),
            compression: Some(self.compression),
            statistics: Some(self.statistics),
            policy: Some(self.policy),
            default_ttl: self.ttl_ms.map_or(Expiry::Never, Expiry::After),
            ..changes()
        }
    }
}

impl Operation {
    pub(super) fn draw(random: &mut Random) -> Self {
        match random.below(9) {
            0 => Self::Configure(Settings::draw(random)),
            1..=2 => Self::Compact,
            3 => Self::Check,
            4 => Self::Repair,
            _ => Self::Reopen,
        }
    }

    /// Which entries go first: those read longest ago, or least often.
    pub(super) fn draw_policy(random: &mut Random) -> Self {
        let policies = [Policy::LeastRecentlyUsed, Policy::LeastFrequentlyUsed];
        Self::Configure(Settings::with_policy(policies[usize::try_from(random.below(2)).unwrap()]))
    }

    /// What bounds entries that are used, and changes nothing else.
    pub(super) fn draw_bounding(random: &mut Random) -> Self {
        match random.below(6) {
            0..=2 => Self::Bound(Entries::a_limit(random)),
            3 => Self::Compact,
            4 => Self::Check,
            _ => Self::Repair,
        }
    }

    /// Of entries that pass.
    pub(super) fn draw_passing(random: &mut Random) -> Self {
        match random.below(8) {
            0..=3 => Self::Advance(u32::try_from(random.below(40)).unwrap()),
            4..=5 => Self::Bound(Entries::a_limit(random)),
            _ => Self::draw(random),
        }
    }

    /// What changes no setting, which is no part of a journal and may be kept when notes of one are lost.
    pub(super) fn draw_tidying(random: &mut Random) -> Self {
        match random.below(4) {
            0 => Self::Compact,
            1 => Self::Check,
            2 => Self::Repair,
            _ => Self::Reopen,
        }
    }

    /// Another number of shards.
    pub(super) fn draw_reshard(random: &mut Random) -> Self {
        Self::Reshard(1 + u32::try_from(random.below(3)).unwrap())
    }

    /// Whether everything before it is on the disk once it has returned, whatever the durability.
    pub(super) fn makes_safe(&self) -> bool {
        matches!(self, Self::Compact | Self::Reopen | Self::Reshard(_))
    }
}

pub(super) fn apply(content: &mut Content, operation: &Operation) {
    match operation {
        Operation::Advance(milliseconds) => content.advance(u64::from(*milliseconds)),
        Operation::Bound(limit) => content.entries.limit = *limit,
        Operation::Configure(settings) => {
            content.settings = *settings;
            content.entries.ranks.policy = settings.policy;
        }
        Operation::Reshard(shards) => content.shards = *shards,
        Operation::Compact | Operation::Check | Operation::Repair | Operation::Reopen => {}
    }
}

pub(super) fn perform(stage: &mut Stage, operation: &Operation) -> Result<(), Trouble> {
    match operation {
        Operation::Advance(milliseconds) => stage.clock.advance(*milliseconds),
        Operation::Bound(limit) => {
            let item_limit = limit.map_or(Limit::Unlimited, Limit::AtMost);
            stage.cache().configure(Changes { item_limit, ..changes() })?;
        }
        Operation::Configure(settings) => stage.cache().configure(settings.changes())?,
        Operation::Compact => drop(stage.cache().compact()?),
        Operation::Check => well(stage, Instance::check)?,
        Operation::Repair => well(stage, Instance::repair)?,
        Operation::Reopen => {
            stage.close()?;
            stage.open(None)?;
        }
        Operation::Reshard(shards) => stage.reshard(*shards)?,
    }
    Ok(())
}

/// Looks for damage, of which there is none, unless a fault has left something.
fn well(
    stage: &mut Stage,
    look: fn(&mut Instance) -> Result<Vec<crate::component::wit::Problem>, Error>,
) -> Result<(), Trouble> {
    let problems = look(stage.cache())?;
    let has_failed = stage.layer.as_ref().is_some_and(|layer| layer.injected() > 0);
    if problems.is_empty() || has_failed { Ok(()) } else { Err(Trouble::Wrong(format!("{problems:?}"))) }
}

/// What is in a cache.
pub(super) fn read(cache: &mut Instance, found: &mut Content) -> Result<(), Error> {
    let information = cache.info()?;
    found.settings = Settings::of(&information);
    found.shards = information.shards;
    found.entries.limit = information.item_limit;
    Ok(())
}
