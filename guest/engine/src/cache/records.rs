//! What locks, limits and the like have in common: a record, looked at and changed.

use super::Cache;
use super::biases::Biases;
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::recipes::member::{Member, Watch};
use crate::recipes::{Kind, Machine, check_name};
use crate::shard::{Found, Shard, record_hash};

/// Shortest and longest pause between two looks at what is waited for, in microseconds.
const PAUSES_US: (u64, u64) = (50, 2_000);

impl Cache {
    /// The state of a record, as it was a moment ago.
    pub(super) fn look_at<M: Machine>(&mut self, name: &str) -> Result<Option<M>> {
        self.on_record(M::KIND, name, |shard, _| shard.record(name))
    }

    /// Changes a record: all of it happens, or on an error nothing.
    pub(super) fn change_record<M: Machine + PartialEq + Clone, T>(
        &mut self,
        name: &str,
        change: impl FnMut(&mut Found<M>) -> Result<T>,
    ) -> Result<T> {
        self.on_record(M::KIND, name, |shard, _| shard.change_record(name, change))
    }

    /// Removes a record; whether it said anything.
    pub(super) fn remove_record<M: Machine + PartialEq + Clone>(&mut self, name: &str) -> Result<bool> {
        let now_us = self.platform.wall_us();
        self.change_record(name, |found: &mut Found<M>| {
            Ok(found.state.take().is_some_and(|state| !state.is_idle(now_us)))
        })
    }

    /// What this handle has seen of the members of a record, as they are now included.
    pub(super) fn watch<'m>(&mut self, kind: Kind, name: &str, members: impl Iterator<Item = &'m Member>) -> Watch {
        self.watches.look(kind, name, members, self.platform.monotonic_ms())
    }

    /// The number of somebody new.
    pub(super) fn new_token(&self) -> u64 {
        self.platform.random()
    }

    /// Does something in the shard of a record.
    pub(super) fn on_record<T>(
        &mut self,
        kind: Kind,
        name: &str,
        operation: impl FnOnce(&mut Shard, &mut Biases) -> Result<T>,
    ) -> Result<T> {
        check_name(kind, name)?;
        self.assure_no_transaction()?;
        let hash = record_hash(name);
        self.under_tenure(|session| {
            let index = session.index_of(hash);
            operation(session.shards.get_mut(index).ok_or(Error::Closed)?, &mut session.biases)
        })
    }
}

/// A wait with looks in between, which come less and less often.
pub(super) struct Patience {
    began_ms: u64,
    /// None for as long as it takes.
    wait_ms: Option<u64>,
    pause_us: u64,
}

impl Patience {
    /// A wait that begins now.
    pub(super) fn begin(platform: &dyn Platform, wait_ms: Option<u64>) -> Self {
        Self { began_ms: platform.monotonic_ms(), wait_ms, pause_us: PAUSES_US.0 }
    }

    /// How much of it is left, in microseconds; none if it has no end.
    pub(super) fn left_us(&self, platform: &dyn Platform) -> Option<u64> {
        let waited = platform.monotonic_ms().saturating_sub(self.began_ms);
        self.wait_ms.map(|wait| wait.saturating_sub(waited).saturating_mul(1000))
    }

    /// Lets a moment pass; false once the wait is over.
    pub(super) fn pause(&mut self, platform: &dyn Platform) -> bool {
        let left = self.left_us(platform).unwrap_or(u64::MAX);
        if left == 0 {
            return false;
        }
        platform.sleep_us(self.pause_us.min(left));
        self.pause_us = (self.pause_us * 2).min(PAUSES_US.1);
        true
    }
}
