//! Where processes wait for each other: barriers, and work that one does for all.

use super::Cache;
use super::records::Patience;
use crate::error::{Error, Result};
use crate::recipes::barrier::{Arrival, Barrier};
use crate::recipes::member::Watch;
use crate::recipes::once::{Once, Turn};
use crate::recipes::permits::MEMBERS_LIMIT;
use crate::recipes::{Kind, check_lease};
use crate::shard::Found;

/// A barrier, by its name and the number of parties that have to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// What it is found by.
    pub name: String,
    /// How many have to come.
    pub parties: u32,
}

impl Cache {
    /// Arrives at a barrier. The last party lets all go on.
    pub fn arrive(&mut self, gate: &Gate, lease_ms: u32) -> Result<Arrival> {
        check_lease(lease_ms)?;
        if gate.parties == 0 || gate.parties as usize > MEMBERS_LIMIT {
            return Err(Error::InvalidArgument(format!(
                "a barrier for {} parties; possible are 1 to {MEMBERS_LIMIT}",
                gate.parties
            )));
        }
        let (token, now_ms, wall_us) = (self.new_token(), self.platform.monotonic_ms(), self.platform.wall_us());
        let mut watches = std::mem::take(&mut self.watches);
        let arrival = self.change_record(&gate.name, |found: &mut Found<Barrier>| {
            let barrier = found.state.get_or_insert_with(|| Barrier::new(gate.parties, found.first, wall_us));
            barrier.bury(&watches.look(Kind::Barrier, &gate.name, barrier.members(), now_ms));
            barrier.expect(gate.parties, wall_us).map_err(|parties| conflict(gate, parties))?;
            Ok(barrier.arrive(token, lease_ms, wall_us))
        });
        self.watches = watches;
        arrival
    }

    /// How a party stands that has arrived.
    pub fn poll_barrier(&mut self, gate: &Gate, arrival: Arrival) -> Result<Arrival> {
        let Arrival { token, generation, .. } = arrival;
        let Some(barrier) = self.look_at::<Barrier>(&gate.name)? else { return Err(not_expected(gate)) };
        let now_us = self.platform.wall_us();
        let standing = barrier.standing(token, generation, now_us).ok_or_else(|| not_expected(gate))?;
        let watch = self.watch(Kind::Barrier, &gate.name, barrier.members());
        let due = barrier.waiting(token).is_some_and(|member| watch.is_due(member));
        if standing.open || !(due || barrier.members().any(|member| watch.is_dead(member))) {
            return Ok(standing);
        }
        self.change_record(&gate.name, |found: &mut Found<Barrier>| {
            let barrier = found.state.as_mut().ok_or_else(|| not_expected(gate))?;
            barrier.renew(token, now_us);
            barrier.bury(&watch);
            barrier.standing(token, generation, now_us).ok_or_else(|| not_expected(gate))
        })
    }

    /// Leaves a barrier without having gone on; false if it has opened meanwhile.
    pub fn leave_barrier(&mut self, gate: &Gate, arrival: Arrival) -> Result<bool> {
        let now_us = self.platform.wall_us();
        self.change_record(&gate.name, |found: &mut Found<Barrier>| {
            let Some(barrier) = found.state.as_mut() else { return Ok(true) };
            let standing = barrier.standing(arrival.token, arrival.generation, now_us);
            let open = standing.is_some_and(|standing| standing.open);
            barrier.withdraw(arrival.token);
            Ok(!open)
        })
    }

    /// Waits at a barrier for the others, at most so long unless for ever; returns which opening it was.
    pub fn meet(&mut self, gate: &Gate, lease_ms: u32, wait_ms: Option<u64>) -> Result<u64> {
        let platform = std::rc::Rc::clone(&self.platform);
        let mut arrival = self.arrive(gate, lease_ms)?;
        let mut patience = Patience::begin(&*platform, wait_ms);
        while !arrival.open {
            if !patience.pause(&*platform) && self.leave_barrier(gate, arrival)? {
                let (missing, name) = (arrival.missing, &gate.name);
                return Err(Error::Timeout(format!("{missing} more parties at the barrier {name:?}")));
            }
            arrival = self.poll_barrier(gate, arrival)?;
        }
        Ok(arrival.generation)
    }

    /// What somebody has to do who wants a task to be done once.
    pub fn begin_once(&mut self, name: &str, lease_ms: u32) -> Result<Turn> {
        check_lease(lease_ms)?;
        let once = self.look_at::<Once>(name)?.unwrap_or_default();
        let watch: Watch = self.watch(Kind::Once, name, once.members());
        if let Some(turn) = once.turn(&watch) {
            return Ok(turn);
        }
        let (token, now_ms) = (self.new_token(), self.platform.wall_ms());
        self.change_record(name, |found: &mut Found<Once>| {
            Ok(found.state.get_or_insert_default().begin(token, lease_ms, &watch, now_ms))
        })
    }

    /// Shows that whoever has the turn lives.
    pub fn renew_once(&mut self, name: &str, token: u64) -> Result<()> {
        let now_ms = self.platform.wall_ms();
        self.on_once(name, |once| once.renew(token, now_ms))
    }

    /// Ends the turn: the task is done, for ever, or, if not, it is the next one's.
    pub fn end_once(&mut self, name: &str, token: u64, done: bool) -> Result<()> {
        self.on_once(name, |once| once.end(token, done))
    }

    /// Forgets that a task was done; whether there was something to forget.
    pub fn reset_once(&mut self, name: &str) -> Result<bool> {
        self.remove_record::<Once>(name)
    }

    fn on_once(&mut self, name: &str, mut change: impl FnMut(&mut Once) -> bool) -> Result<()> {
        self.change_record(name, |found: &mut Found<Once>| {
            if found.state.as_mut().is_some_and(&mut change) {
                return Ok(());
            }
            Err(Error::NotHeld(format!("the task {name:?}: another has it, or it is done")))
        })
    }
}

fn conflict(gate: &Gate, recorded: u32) -> Error {
    let Gate { name, parties } = gate;
    Error::Conflict(format!("the barrier {name:?} is in use for {recorded} parties, not {parties}"))
}

fn not_expected(gate: &Gate) -> Error {
    Error::NotHeld(format!("the place at the barrier {:?}: given up, or silent for longer than its lease", gate.name))
}
