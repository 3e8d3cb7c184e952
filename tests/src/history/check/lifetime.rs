//! When an entry came in, was stored, and expires, as far as its calls tell.

use super::TOLERANCE;
use crate::history::event::{Call, Outcome};
use crate::history::operation::{ItemAction, Life, Operation};

/// Whether a call has stored an entry, or may have.
pub(super) fn stores(call: &Call) -> bool {
    let Operation::Item(_, action) = call.operation else { return false };
    let can_store = matches!(
        action,
        ItemAction::Set { .. }
            | ItemAction::Add { .. }
            | ItemAction::CompareAndSet { .. }
            | ItemAction::Write { .. }
            | ItemAction::Increment { .. }
    );
    can_store && matches!(call.outcome, None | Some(Outcome::Version(Some(_)) | Outcome::Sum(_)))
}

/// A moment between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Moment {
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Moment {
    /// When a call took place.
    pub(super) fn of(call: &Call) -> Self {
        Self { from: call.begun, to: call.ended }
    }

    /// Whether something that begins at this moment and takes so long can be under way during a call, and
    /// whether it can be over, when the wall clock was set by these.
    pub(super) fn lasts(self, time: u64, call: &Call, leaps: &[Call]) -> (bool, bool) {
        let leaps = leaps.iter().filter(|leap| leap.begun <= call.ended && leap.ended >= self.from);
        let (mut lasts, mut is_over) = (false, false);
        // With every leap back it may last for all its time again, and no longer.
        for counted in leaps.map(|leap| leap.ended) {
            is_over = true;
            lasts |= call.begun <= counted.saturating_add(time + TOLERANCE);
        }
        lasts |= call.begun <= self.to.saturating_add(time + TOLERANCE);
        is_over |= call.ended.saturating_add(TOLERANCE) >= self.from + time;
        (lasts, is_over)
    }
}

/// The end of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Expiry {
    /// When its time to live began.
    since: Moment,
    /// How long that is.
    ttl: u64,
    slides: bool,
    /// When the last hit had ended that may have postponed it, and when its time to live began for certain for
    /// whoever comes before that: a hit postpones it at the latest when it ends.
    hit: (u64, u64),
}

impl Expiry {
    /// That of what a call stores, or touches.
    pub(super) fn of(call: &Call, life: Life) -> Option<Self> {
        let Life { ttl_ms, slides } = life;
        ttl_ms.map(|ttl| Self {
            since: Moment::of(call),
            ttl: u64::from(ttl) * super::MILLISECOND,
            slides,
            hit: (0, 0),
        })
    }

    /// Whether an entry can be there during a call, and whether it can have expired.
    pub(super) fn during(self, call: &Call, leaps: &[Call]) -> (bool, bool) {
        let (hit_ended, from) = self.hit;
        let from = if call.begun <= hit_ended { from } else { self.since.from };
        Moment { from, ..self.since }.lasts(self.ttl, call, leaps)
    }

    /// What it is after a call that has found the entry. The end is not always postponed: only once an eighth
    /// of the time has passed since that was done last.
    pub(super) fn after_hit(self, call: &Call) -> Self {
        if !self.slides {
            return self;
        }
        let Moment { from, to } = self.since;
        let since = Moment { from: from.max(call.begun.saturating_sub(self.ttl / 8)), to: to.max(call.ended) };
        let (hit_ended, before) = self.hit;
        let before = if call.begun <= hit_ended { before } else { from };
        Self { since, hit: (hit_ended.max(call.ended), before), ..self }
    }

    /// Whether it slides, which touching leaves as it is.
    pub(super) fn slides(self) -> bool {
        self.slides
    }
}
