//! Whoever holds or waits for something, and how its death is noticed.
//!
//! Wall clocks jump, and the monotonic clocks of different processes do not compare. So a lease is a
//! beat, which its holder raises as long as it lives. Whoever waits watches the beats it sees, by its
//! own monotonic clock; a member whose beat has stood still for its whole lease is dead, or has slept
//! for longer than it may.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Kind;

/// Largest beat and number that can come about.
pub(super) const NUMBER_LIMIT: u64 = 1 << 62;
/// Most names whose members are watched at once.
const WATCHES: usize = 1024;

/// Whoever holds something, or waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    /// Chosen at random, never used twice.
    pub(crate) token: u64,
    /// Raised while it lives.
    pub(crate) beat: u64,
    /// How long the beat may stand still, in milliseconds.
    pub(crate) lease_ms: u32,
    /// When the beat was raised, by the wall clock. Proves nothing, since that jumps; but who has no time to
    /// watch the beat learns whether it is worth it.
    renewed_ms: i64,
}

impl Member {
    /// One that begins.
    pub(crate) fn new(token: u64, lease_ms: u32, now_ms: i64) -> Self {
        Self { token, beat: 0, lease_ms, renewed_ms: now_ms }
    }

    /// The same under another token, known to live since `since_ms` at least.
    pub(crate) fn known_as(&self, token: u64, since_ms: i64) -> Self {
        Self { token, renewed_ms: self.renewed_ms.max(since_ms), ..*self }
    }

    /// Shows that it lives.
    pub(crate) fn renew(&mut self, now_ms: i64) {
        self.beat += 1;
        self.renewed_ms = now_ms;
    }

    /// For how long it has been silent by the wall clock, which may have jumped either way.
    pub(crate) fn silent_ms(&self, now_ms: i64) -> u64 {
        now_ms.abs_diff(self.renewed_ms)
    }

    /// Whether the wall clock says that it is dead.
    pub(crate) fn is_doubtful(&self, now_ms: i64) -> bool {
        self.silent_ms(now_ms) > u64::from(self.lease_ms)
    }

    /// Whether it can come about.
    pub(crate) fn is_sound(&self) -> bool {
        self.beat < NUMBER_LIMIT
    }
}

/// The longest lease of those of whom the wall clock says that they are dead, in milliseconds; 0 if there
/// are none.
pub(crate) fn doubt_ms<'m>(members: impl Iterator<Item = &'m Member>, now_ms: i64) -> u32 {
    members.filter(|member| member.is_doubtful(now_ms)).map(|member| member.lease_ms).max().unwrap_or(0)
}

/// What a handle has seen of the members of one name, and what it makes of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch {
    seen: Vec<Sighting>,
    now_ms: u64,
}

#[derive(Debug, Clone, Copy)]
struct Sighting {
    token: u64,
    beat: u64,
    /// When it was first seen with this beat, on this handle's monotonic clock.
    since_ms: u64,
}

impl Watch {
    /// Takes note of those who are there now, and forgets the others.
    pub(crate) fn note<'m>(&mut self, members: impl Iterator<Item = &'m Member>, now_ms: u64) {
        let before = std::mem::take(&mut self.seen);
        self.now_ms = now_ms;
        self.seen.extend(members.map(|Member { token, beat, .. }| {
            let known = before.iter().find(|other| other.token == *token && other.beat == *beat);
            known.copied().unwrap_or(Sighting { token: *token, beat: *beat, since_ms: now_ms })
        }));
    }

    /// Whether a member has stood still for its whole lease.
    pub(crate) fn is_dead(&self, member: &Member) -> bool {
        self.stood_still(member) > u64::from(member.lease_ms)
    }

    /// Whether it is time for a member to show that it lives.
    pub(crate) fn is_due(&self, member: &Member) -> bool {
        self.stood_still(member) >= u64::from(member.lease_ms / 3).max(1)
    }

    /// For how long this handle has seen it with the beat it has, in milliseconds.
    fn stood_still(&self, member: &Member) -> u64 {
        let seen = self.seen.iter().find(|seen| seen.token == member.token && seen.beat == member.beat);
        seen.map_or(0, |seen| self.now_ms.saturating_sub(seen.since_ms))
    }
}

/// What a handle has seen of all names.
#[derive(Debug, Default)]
pub(crate) struct Watches(HashMap<(Kind, String), Watch>);

impl Watches {
    /// What it has seen of a name, members as they are now included.
    pub(crate) fn look<'m>(
        &mut self,
        kind: Kind,
        name: &str,
        members: impl Iterator<Item = &'m Member>,
        now_ms: u64,
    ) -> Watch {
        let mut members = members.peekable();
        let place = (kind, name.to_owned());
        if members.peek().is_none() {
            self.0.remove(&place);
            return Watch::default();
        }
        if self.0.len() >= WATCHES && !self.0.contains_key(&place) {
            // Whoever is dead is noticed later, that is all.
            self.0.clear();
        }
        let watch = self.0.entry(place).or_default();
        watch.note(members, now_ms);
        watch.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_dead_once_one_beat_has_stood_still_for_its_lease() {
        let (mut watch, mut member) = (Watch::default(), Member::new(7, 100, 0));
        for (now, dead) in [(1_000, false), (1_100, false), (1_101, true)] {
            watch.note([&member].into_iter(), now);
            assert_eq!(watch.is_dead(&member), dead, "at {now}");
        }
        member.renew(0);
        watch.note([&member].into_iter(), 1_150);
        assert!(!watch.is_dead(&member), "it lives");
        watch.note([&member].into_iter(), 1_251);
        assert!(watch.is_dead(&member));
    }

    #[test]
    fn the_wall_clock_raises_doubts_only() {
        let mut member = Member::new(7, 100, 5_000);
        for (now, doubtful) in [(5_000, false), (5_100, false), (5_101, true), (4_899, true)] {
            assert_eq!(member.is_doubtful(now), doubtful, "at {now}");
            assert!(!Watch::default().is_dead(&member));
        }
        let other = Member::new(8, 300, 0);
        assert_eq!(doubt_ms([&member, &other].into_iter(), 5_101), 300);
        member.renew(9_000);
        assert_eq!(doubt_ms([&member].into_iter(), 9_100), 0);
    }

    #[test]
    fn a_member_that_was_never_seen_is_not_dead() {
        let mut watch = Watch::default();
        watch.note([&Member::new(1, 10, 0)].into_iter(), 5_000);
        assert!(!watch.is_dead(&Member::new(2, 10, 0)));
    }

    #[test]
    fn forgetting_what_was_seen_only_delays() {
        let mut watches = Watches::default();
        let member = Member::new(1, 10, 0);
        for name in 0..2_000 {
            watches.look(Kind::Permits, &name.to_string(), [&member].into_iter(), 0);
        }
        assert!(watches.0.len() <= WATCHES);
        let watch = watches.look(Kind::Permits, "1999", [&member].into_iter(), 11);
        assert!(watch.is_dead(&member));
        watches.look(Kind::Permits, "1999", std::iter::empty(), 12);
        assert!(!watches.0.contains_key(&(Kind::Permits, "1999".to_owned())));
    }
}
