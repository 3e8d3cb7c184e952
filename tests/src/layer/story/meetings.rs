//! A barrier, and a task that is done once.

use super::stage::Stage;
use super::{Trouble, expect, shard_of};
use crate::Random;
use crate::component::recipes::{Arrival, Barrier, Turn};
use crate::component::types::Error;

/// Longer than any story.
const LEASE_MS: u32 = 3_600_000;
/// How many have to come.
const PARTIES: u32 = 4;
const BARRIER: &str = "barrier";
const TASK: &str = "task";

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Operation {
    /// One more party comes; with the last, all go on.
    Arrive,
    /// The party that came last leaves.
    Leave,
    /// It asks how it stands.
    Poll,
    /// Begin the task, unless somebody is at it or it is done.
    Begin,
    /// Show that whoever is at it lives.
    Renew,
    /// End the turn, with the task done or not.
    End(bool),
    /// Forget that it was done.
    Reset,
}

/// How far a task has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Task {
    #[default]
    Open,
    Running,
    Done,
}

/// What is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Meetings {
    arrived: u32,
    task: Task,
}

/// What those who take part know of themselves.
#[derive(Debug, Clone, Default)]
pub struct Places {
    arrivals: Vec<Arrival>,
    turn: Option<u64>,
    /// Of the last opening that was waited for.
    generation: u64,
}

impl Operation {
    pub(super) fn draw(random: &mut Random) -> Self {
        match random.below(16) {
            0..=5 => Self::Arrive,
            6 => Self::Leave,
            7 => Self::Poll,
            8..=10 => Self::Begin,
            11 => Self::Renew,
            12..=13 => Self::End(random.below(3) > 0),
            _ => Self::Reset,
        }
    }
}

impl Meetings {
    pub(super) fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Arrive => self.arrived = (self.arrived + 1) % PARTIES,
            Operation::Leave => self.arrived = self.arrived.saturating_sub(1),
            Operation::Begin if self.task == Task::Open => self.task = Task::Running,
            Operation::End(done) if self.task == Task::Running => {
                self.task = if *done { Task::Done } else { Task::Open };
            }
            Operation::Reset => self.task = Task::Open,
            Operation::Poll | Operation::Renew | Operation::Begin | Operation::End(_) => {}
        }
    }

    /// What of it lies in one of several shards.
    pub(super) fn of_shard(self, shard: u32, shards: u32) -> Self {
        let lies = |name: &str| shard_of(name, 6, shards) == shard;
        Self {
            arrived: if lies(BARRIER) { self.arrived } else { 0 },
            task: if lies(TASK) { self.task } else { Task::Open },
        }
    }
}

fn barrier() -> Barrier {
    Barrier { name: BARRIER.to_owned(), parties: PARTIES }
}

fn arrive(stage: &mut Stage) -> Result<Arrival, Error> {
    let barrier = barrier();
    stage
        .cache()
        .ask(|guest, store, cache| guest.larder_cache_recipes().call_barrier_arrive(store, cache, &barrier, LEASE_MS))
}

fn begin(stage: &mut Stage) -> Result<Turn, Error> {
    stage.cache().ask(|guest, store, cache| guest.larder_cache_recipes().call_once_begin(store, cache, TASK, LEASE_MS))
}

fn end(stage: &mut Stage, token: u64, done: bool) -> Result<(), Error> {
    stage.cache().ask(|guest, store, cache| guest.larder_cache_recipes().call_once_end(store, cache, TASK, token, done))
}

pub(super) fn perform(stage: &mut Stage, before: Meetings, operation: &Operation) -> Result<(), Trouble> {
    let mut after = before;
    after.apply(operation);
    match operation {
        Operation::Arrive | Operation::Leave | Operation::Poll => at_barrier(stage, before, after, operation),
        _ => at_task(stage, before, operation),
    }
}

fn at_barrier(stage: &mut Stage, before: Meetings, after: Meetings, operation: &Operation) -> Result<(), Trouble> {
    let barrier = barrier();
    let latest = stage.places.arrivals.last().copied();
    expect("those who have arrived", stage.places.arrivals.len(), before.arrived as usize)?;
    match (operation, latest) {
        (Operation::Arrive, _) => {
            let arrival = arrive(stage)?;
            let missing = if after.arrived == 0 { 0 } else { PARTIES - after.arrived };
            expect("arrive", (arrival.open, arrival.missing), (after.arrived == 0, missing))?;
            note_arrival(stage, arrival)?;
        }
        (Operation::Leave, Some(arrival)) => {
            let left = stage.cache().ask(|guest, store, cache| {
                guest.larder_cache_recipes().call_barrier_leave(store, cache, &barrier, arrival)
            })?;
            expect("leave", left, true)?;
            stage.places.arrivals.pop();
        }
        (Operation::Poll, Some(arrival)) => {
            let found = stage.cache().ask(|guest, store, cache| {
                guest.larder_cache_recipes().call_barrier_poll(store, cache, &barrier, arrival)
            })?;
            expect("poll", (found.open, found.missing), (false, PARTIES - before.arrived))?;
        }
        _ => {}
    }
    Ok(())
}

/// Remembers a party that has arrived, or that all have gone on.
fn note_arrival(stage: &mut Stage, arrival: Arrival) -> Result<(), Trouble> {
    let places = &mut stage.places;
    if arrival.generation < places.generation {
        return Err(Trouble::Wrong(format!(
            "opening {} is waited for after {}",
            arrival.generation, places.generation
        )));
    }
    places.generation = arrival.generation + u64::from(arrival.open);
    if arrival.open {
        places.arrivals.clear();
    } else {
        places.arrivals.push(arrival);
    }
    Ok(())
}

fn at_task(stage: &mut Stage, before: Meetings, operation: &Operation) -> Result<(), Trouble> {
    match (operation, stage.places.turn) {
        (Operation::Begin, _) => {
            let turn = begin(stage)?;
            let is_right = matches!(
                (turn, before.task),
                (Turn::Run(_), Task::Open) | (Turn::Wait, Task::Running) | (Turn::Done, Task::Done)
            );
            expect("a turn of a task as it was", is_right, true)?;
            if let Turn::Run(token) = turn {
                stage.places.turn = Some(token);
            }
        }
        (Operation::Renew, Some(token)) => stage
            .cache()
            .ask(|guest, store, cache| guest.larder_cache_recipes().call_once_renew(store, cache, TASK, token))?,
        (Operation::End(done), Some(token)) => {
            end(stage, token, *done)?;
            stage.places.turn = None;
        }
        (Operation::Reset, _) => {
            let forgotten = stage
                .cache()
                .ask(|guest, store, cache| guest.larder_cache_recipes().call_once_reset(store, cache, TASK))?;
            expect("reset", forgotten, before.task != Task::Open)?;
            stage.places.turn = None;
        }
        _ => {}
    }
    Ok(())
}

/// What is in a cache. Whoever was told of an error may have a place without knowing it; so all go on, and as
/// many come again.
pub(super) fn read(stage: &mut Stage) -> Result<Meetings, Error> {
    let mut come = 1;
    while !arrive(stage)?.open {
        come += 1;
    }
    let arrived = PARTIES - come;
    stage.places.arrivals.clear();
    for _ in 0..arrived {
        let arrival = arrive(stage)?;
        stage.places.arrivals.push(arrival);
        stage.places.generation = arrival.generation;
    }
    Ok(Meetings { arrived, task: read_task(stage)? })
}

/// The same of the task, whose turn is taken from whoever has it and given to one who is known.
fn read_task(stage: &mut Stage) -> Result<Task, Error> {
    stage.places.turn = None;
    match begin(stage)? {
        Turn::Done => return Ok(Task::Done),
        Turn::Run(token) => {
            end(stage, token, false)?;
            return Ok(Task::Open);
        }
        Turn::Wait => {}
    }
    stage.cache().ask(|guest, store, cache| guest.larder_cache_recipes().call_once_reset(store, cache, TASK))?;
    let Turn::Run(token) = begin(stage)? else { return Ok(Task::Done) };
    stage.places.turn = Some(token);
    Ok(Task::Running)
}
