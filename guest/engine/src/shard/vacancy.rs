//! Computing the value of an entry, once: the entry and the record beside it change together.

use super::change::{Change, Subject};
use super::record::{Found, Place, vacancy_name};
use super::write::Store;
use super::{Address, Shard};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::options::Expiry;
use crate::recipes::Kind;
use crate::recipes::vacancy::{About, Until, Vacancy};

/// How long a computed value is good.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_field_names, reason = "the unit, as everywhere")]
pub(crate) struct Worth {
    /// How long after its time to live it may be handed out while it is computed anew.
    pub(crate) stale_ms: u64,
    /// How long after its time to live it may be handed out if that fails.
    pub(crate) stale_if_error_ms: u64,
    /// How long computing it has taken.
    pub(crate) cost_ms: u64,
}

impl Shard {
    /// Changes the record beside an entry, and tells the version of the entry, if it is live.
    pub(crate) fn change_vacancy<T>(
        &mut self,
        key: &Key,
        mut change: impl FnMut(&mut Found<Vacancy>, Option<u64>) -> Result<T>,
    ) -> Result<T> {
        let name = vacancy_name(key);
        let place = Place { kind: Kind::Vacancy, name: &name };
        self.guard(|shard| {
            shard.change_entry(Subject::Key(key), |work| {
                let version = work.live().map(|prior| prior.stored.version.cast_unsigned());
                let mut found = work.found(place)?;
                let before = found.state.clone();
                let value = change(&mut found, version)?;
                work.keep_record(place, before.as_ref(), found.state.as_ref())?;
                Ok(value)
            })
        })
    }

    /// Stores what was computed under a vacancy, which ends; returns the entry's version. Refused if
    /// the vacancy is somebody else's by now.
    pub(crate) fn fill(&mut self, key: &Key, hash: u64, token: u64, store: &Store<'_>, worth: Worth) -> Result<u64> {
        let name = vacancy_name(key);
        let place = Place { kind: Kind::Vacancy, name: &name };
        self.guard(|shard| {
            shard.refuse_if_read_only()?;
            let kept = shard.keep_value(Address::Key(key, hash), store)?;
            let stored = shard.change_entry(Subject::Key(key), |work| {
                let found = work.found::<Vacancy>(place)?;
                let Some(before) = found.state.filter(|state| state.is_held_by(token)) else {
                    return Err(Error::NotHeld(place.to_string()));
                };
                let (terms, about) = work.weigh(store, worth);
                let version = work.store_value(Address::Key(key, hash), &terms, &kept)?;
                let mut after = before.clone();
                after.fill(about.map(|about| About { version, ..about }));
                let after = about.is_some().then_some(after);
                work.keep_record(place, Some(&before), after.as_ref())?;
                Ok(version)
            });
            if stored.is_err() {
                shard.discard_kept(&kept);
            }
            stored
        })
    }
}

impl Change<'_> {
    /// How to store a value so that it is there as long as it may be handed out, and what the record is
    /// to say of it; nothing if the entry says it all.
    fn weigh<'s>(&self, store: &Store<'s>, worth: Worth) -> (super::Terms<'s>, Option<About>) {
        let ttl = match store.terms().ttl {
            Expiry::After(ttl) => Some(ttl),
            Expiry::Default => self.settings().default_ttl,
            Expiry::Never => None,
        };
        let longer = worth.stale_ms.max(worth.stale_if_error_ms);
        let about = ttl.filter(|_| longer > 0 || worth.cost_ms > 0).map(|ttl| About {
            version: 0,
            fresh: Until::after(self.now, ttl),
            stale: Until::after(self.now, ttl.saturating_add(worth.stale_ms)),
            cost_ms: worth.cost_ms,
        });
        let expiry = ttl.map_or(Expiry::Never, |ttl| Expiry::After(ttl.saturating_add(longer)));
        (store.terms().with_expiry(expiry), about)
    }
}
