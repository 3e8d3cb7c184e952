//! Vacancies: the right to compute the value that is missing under a key, or due to be computed anew.
//!
//! The value is an entry like any other. The record beside it says what the entry can not: until when
//! the value is fresh, what it has cost, who computes it at the moment, and that computing it has failed.

use serde::{Deserialize, Serialize};

use super::member::{Member, Watch, doubt_ms};
use super::{Kind, Machine};
use crate::lifetime::CLOCK_TOLERANCE_MS;

/// Longest reason of a failure that is remembered, in bytes.
pub const REASON_LIMIT: usize = 4096;

/// What is known of the value under a key besides the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(crate) struct Vacancy {
    holder: Option<Member>,
    about: Option<About>,
    failure: Option<Failure>,
}

/// What is known of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    /// Which one: if the entry has another version, somebody else has stored it.
    pub(crate) version: u64,
    /// Until when it is fresh.
    pub(crate) fresh: Until,
    /// Until when it may be handed out while it is computed anew.
    pub(crate) stale: Until,
    /// How long computing it has taken, in milliseconds.
    pub(crate) cost_ms: u64,
}

/// That computing has failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Failure {
    until: Until,
    reason: String,
}

/// A wall time that lies ahead, for a while. If the clock is set back, it lies further ahead than it
/// ever did, and is taken to be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Until {
    at_ms: i64,
    span_ms: u64,
}

impl Until {
    /// So long from now.
    pub(crate) fn after(now_ms: i64, span_ms: u64) -> Self {
        Self { at_ms: now_ms.saturating_add_unsigned(span_ms), span_ms }
    }

    /// How much of it is left, in milliseconds; 0 once it is over.
    pub(crate) fn left(self, now_ms: i64) -> u64 {
        let left = u64::try_from(self.at_ms.saturating_sub(now_ms)).unwrap_or(0);
        let most = self.span_ms.saturating_add(CLOCK_TOLERANCE_MS.unsigned_abs());
        if left > most { 0 } else { left }
    }

    fn is_over(self, now_ms: i64) -> bool {
        self.left(now_ms) == 0
    }
}

/// The moment of a look-up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now_ms: i64,
    /// The version of the live entry.
    pub(crate) entry: Option<u64>,
    /// A number from above 0 to 1, by chance.
    pub(crate) luck: f64,
    /// How eagerly to compute anew what is still fresh; 0 for never, 1 for as often as its cost asks.
    pub(crate) eagerness: f64,
}

/// What a look-up comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// There is a value, and it is fresh.
    Hit,
    /// There is a value that is not fresh, and nothing to do.
    Stale,
    /// There is a value, and it is to be computed anew.
    Refresh,
    /// There is none, and it is to be computed.
    Compute,
    /// Another computes it.
    Wait,
    /// Computing it has failed a while ago.
    Failed,
}

impl Vacancy {
    /// Whoever computes it.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.holder.iter()
    }

    /// What a look-up comes to.
    pub(crate) fn decide(&self, moment: &Moment, watch: &Watch) -> Decision {
        let Moment { now_ms, entry, .. } = *moment;
        let free = self.holder.is_none_or(|holder| watch.is_dead(&holder));
        let failed = self.failure.as_ref().is_some_and(|failure| !failure.until.is_over(now_ms));
        let Some(version) = entry else {
            return match (failed, free) {
                (true, _) => Decision::Failed,
                (false, true) => Decision::Compute,
                (false, false) => Decision::Wait,
            };
        };
        let Some(about) = self.about.filter(|about| about.version == version) else { return Decision::Hit };
        let left_ms = about.fresh.left(now_ms);
        let fresh = left_ms > 0;
        if failed || !free {
            return match (fresh, failed || !about.stale.is_over(now_ms)) {
                (true, _) => Decision::Hit,
                (false, true) => Decision::Stale,
                (false, false) => Decision::Wait,
            };
        }
        match (fresh, about.stale.is_over(now_ms)) {
            (true, _) if about.is_due_early(left_ms, moment) => Decision::Refresh,
            (true, _) => Decision::Hit,
            (false, false) => Decision::Refresh,
            (false, true) => Decision::Compute,
        }
    }

    /// Gives the right to compute to somebody.
    pub(crate) fn occupy(&mut self, token: u64, lease_ms: u32, now_ms: i64) {
        self.holder = Some(Member::new(token, lease_ms, now_ms));
        self.failure = None;
    }

    /// Whether somebody has the right to compute.
    pub(crate) fn is_held_by(&self, token: u64) -> bool {
        self.holder.is_some_and(|holder| holder.token == token)
    }

    /// Shows that whoever computes lives.
    pub(crate) fn renew(&mut self, now_ms: i64) {
        self.holder.iter_mut().for_each(|holder| holder.renew(now_ms));
    }

    /// The lease of whoever computes, if the wall clock says that it is dead; else 0.
    pub(crate) fn doubt_ms(&self, now_ms: i64) -> u32 {
        doubt_ms(self.members(), now_ms)
    }

    /// The value was computed and stored.
    pub(crate) fn fill(&mut self, about: Option<About>) {
        *self = Self { holder: None, about, failure: None };
    }

    /// The right is given back.
    pub(crate) fn vacate(&mut self) {
        self.holder = None;
    }

    /// Computing has failed, and is not to be tried for a while.
    pub(crate) fn fail(&mut self, reason: &str, now_ms: i64, for_ms: u64) {
        self.holder = None;
        let reason = reason.get(..reason.floor_char_boundary(REASON_LIMIT)).unwrap_or_default().to_owned();
        self.failure = Some(Failure { until: Until::after(now_ms, for_ms), reason });
    }

    /// Why computing has failed.
    pub(crate) fn reason(&self) -> &str {
        self.failure.as_ref().map_or("", |failure| &failure.reason)
    }

    /// Whether it says something only of an entry that has this version, or of none.
    pub(crate) fn depends_on_entry(&self, now_ms: i64) -> bool {
        let failed = self.failure.as_ref().is_some_and(|failure| !failure.until.is_over(now_ms));
        self.holder.is_none() && !failed
    }

    /// Which version of the entry it speaks of.
    pub(crate) fn version(&self) -> Option<u64> {
        self.about.map(|about| about.version)
    }
}

impl About {
    /// Probabilistic early expiration (Vattani, Chierichetti, Lowenstein): the nearer the end and the
    /// dearer the value, the likelier; so that one computes it anew before all miss it.
    #[allow(clippy::cast_precision_loss, reason = "milliseconds, weighed against chance")]
    fn is_due_early(&self, left_ms: u64, moment: &Moment) -> bool {
        let ahead = -(self.cost_ms as f64) * moment.eagerness * moment.luck.ln();
        ahead > 0.0 && ahead >= left_ms as f64
    }
}

impl Machine for Vacancy {
    const KIND: Kind = Kind::Vacancy;

    fn is_sound(&self) -> bool {
        self.members().all(Member::is_sound)
            && self.failure.as_ref().is_none_or(|failure| failure.reason.len() <= REASON_LIMIT)
    }

    fn is_idle(&self, now_us: i64) -> bool {
        self.about.is_none() && self.depends_on_entry(now_us / 1000)
    }
}

#[cfg(test)]
mod tests;
