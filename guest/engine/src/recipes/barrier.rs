//! A barrier: parties wait until so many have arrived, and go on together; then it can be used anew.

use serde::{Deserialize, Serialize};

use super::member::{Member, NUMBER_LIMIT, Watch};
use super::permits::MEMBERS_LIMIT;
use super::{Kind, Machine};

/// How long a barrier is remembered that nobody waits at: a day, in microseconds. Whoever was let go and
/// has not looked since must still learn that it was.
const REMEMBERED_US: i64 = 24 * 60 * 60 * 1_000_000;

/// Who has arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Barrier {
    parties: u32,
    /// Raised each time all go on.
    generation: u64,
    arrived: Vec<Member>,
    /// When it was last opened.
    opened_us: i64,
}

/// A party's place at a barrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Whose place it is.
    pub token: u64,
    /// Which opening it waits for.
    pub generation: u64,
    /// Whether all have arrived.
    pub open: bool,
    /// How many more have to come.
    pub missing: u32,
}

impl Barrier {
    /// Nobody has arrived.
    pub(crate) fn new(parties: u32, generation: u64, now_us: i64) -> Self {
        Self { parties, generation, arrived: Vec::new(), opened_us: now_us }
    }

    /// Sees to it that it is for so many; if it is in use for another number, that is the error.
    pub(crate) fn expect(&mut self, parties: u32, now_us: i64) -> Result<(), u32> {
        if self.parties != parties {
            if self.present(now_us) > 0 {
                return Err(self.parties);
            }
            *self = Self::new(parties, self.generation, now_us);
        }
        Ok(())
    }

    /// All who wait.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.arrived.iter()
    }

    /// Takes out the dead.
    pub(crate) fn bury(&mut self, watch: &Watch) {
        self.arrived.retain(|member| !watch.is_dead(member));
    }

    /// A party arrives; if it is the last, all go on.
    pub(crate) fn arrive(&mut self, token: u64, lease_ms: u32, now_us: i64) -> Arrival {
        let generation = self.generation;
        if self.arrived.len() >= MEMBERS_LIMIT {
            // Enough of them must be dead, or it would have opened.
            self.arrived.retain(|member| !member.is_doubtful(now_us / 1000));
        }
        self.arrived.push(Member::new(token, lease_ms, now_us / 1000));
        self.open_if_complete(now_us);
        let open = self.generation > generation;
        Arrival { token, generation, open, missing: if open { 0 } else { self.missing(now_us) } }
    }

    /// A party that waits shows that it lives; which may be what the others have waited for.
    pub(crate) fn renew(&mut self, token: u64, now_us: i64) {
        if let Some(party) = self.arrived.iter_mut().find(|member| member.token == token) {
            party.renew(now_us / 1000);
        }
        self.open_if_complete(now_us);
    }

    fn open_if_complete(&mut self, now_us: i64) {
        if self.present(now_us) >= self.parties {
            self.arrived.clear();
            self.generation += 1;
            self.opened_us = now_us;
        }
    }

    /// How many have arrived, without those of whom the wall clock says that they are dead: if it is
    /// wrong, they soon show it.
    fn present(&self, now_us: i64) -> u32 {
        let present = self.arrived.iter().filter(|member| !member.is_doubtful(now_us / 1000)).count();
        u32::try_from(present).unwrap_or(u32::MAX)
    }

    /// Whether a party that has arrived may go on; none if it is not expected any more.
    pub(crate) fn standing(&self, token: u64, generation: u64, now_us: i64) -> Option<Arrival> {
        if self.generation > generation {
            return Some(Arrival { token, generation, open: true, missing: 0 });
        }
        let waits = self.arrived.iter().any(|member| member.token == token);
        waits.then(|| Arrival { token, generation, open: false, missing: self.missing(now_us) })
    }

    /// The member a party is.
    pub(crate) fn waiting(&self, token: u64) -> Option<&Member> {
        self.arrived.iter().find(|member| member.token == token)
    }

    /// A party that waits no longer.
    pub(crate) fn withdraw(&mut self, token: u64) {
        self.arrived.retain(|member| member.token != token);
    }

    fn missing(&self, now_us: i64) -> u32 {
        self.parties.saturating_sub(self.present(now_us))
    }
}

impl Machine for Barrier {
    const KIND: Kind = Kind::Barrier;

    fn is_sound(&self) -> bool {
        self.parties > 0
            && self.parties as usize <= MEMBERS_LIMIT
            && self.generation < NUMBER_LIMIT
            && self.arrived.len() <= MEMBERS_LIMIT
            && self.arrived.iter().all(Member::is_sound)
    }

    fn is_idle(&self, now_us: i64) -> bool {
        self.arrived.is_empty() && now_us.saturating_sub(self.opened_us) > REMEMBERED_US
    }

    fn latest(&self) -> u64 {
        self.generation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_party_lets_all_go_on_and_the_next_generation_begins() {
        let mut barrier = Barrier::new(3, 10, 0);
        let first = barrier.arrive(1, 100, 0);
        assert_eq!((first.open, first.missing), (false, 2));
        barrier.arrive(2, 100, 0);
        assert_eq!(barrier.standing(1, 10, 0).map(|arrival| arrival.missing), Some(1));
        assert!(barrier.arrive(3, 100, 0).open);
        for token in 1..3 {
            assert!(barrier.standing(token, 10, 0).unwrap().open, "{token}");
        }
        assert_eq!(barrier.arrive(4, 100, 0).generation, 11);
    }

    #[test]
    fn who_has_left_or_died_is_not_counted() {
        let mut barrier = Barrier::new(2, 0, 0);
        barrier.arrive(1, 100, 0);
        barrier.withdraw(1);
        assert_eq!(barrier.standing(1, 0, 0), None);
        barrier.arrive(2, 100, 0);
        let mut watch = Watch::default();
        watch.note(barrier.members(), 0);
        watch.note(barrier.members(), 101);
        barrier.bury(&watch);
        assert!(!barrier.arrive(3, 100, 0).open);
        assert!(barrier.arrive(4, 100, 0).open);
    }
}
