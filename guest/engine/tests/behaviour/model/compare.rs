//! The cache beside the model: whatever the cache says and is must be one of what the model permits.

use larder_engine::{OpenOptions, Platform};

use super::answer::Answer;
use super::faults::Fault;
use super::operation::{JUMP, Operation, Setting};
use super::outcome::Surroundings;
use super::plan::Plan;
use super::room::add_new;
use super::state::Model;
use super::subject;
use crate::support::{Fixture, database, existing};

/// A cache, and all states in which it can be by what is known of it.
struct Pair {
    fixture: Fixture,
    models: Vec<Model>,
    /// Whether its volume is within the size limit: from when something was stored under it.
    is_bounded: bool,
    /// Whether times of uses say nothing any more: what was noted before and after can not be told apart.
    clock_was_set: bool,
}

/// Does what a plan says; an error says where cache and model differ.
pub(super) fn follow(plan: &Plan, fault: Option<Fault>) -> Result<(), String> {
    let fixture = Fixture::with(&plan.options());
    let now = u64::try_from(fixture.platform.wall_us() / 1000).unwrap();
    let models = vec![Model::new(plan.settings(), now, fault)];
    let mut pair = Pair { fixture, models, is_bounded: true, clock_was_set: false };
    for (number, operation) in plan.operations.iter().enumerate() {
        pair.step(operation).map_err(|what| format!("operation {number}, {operation:?}: {what}"))?;
    }
    pair.reopen(&existing())?;
    match pair.fixture.cache.check().unwrap() {
        problems if problems.is_empty() => Ok(()),
        problems => Err(format!("{problems:?}")),
    }
}

impl Pair {
    fn step(&mut self, operation: &Operation) -> Result<(), String> {
        let before = self.models[0].settings.policy;
        match operation {
            Operation::Transaction(parts, commit) => self.transact(parts, *commit)?,
            Operation::LookOn(parts) => self.look_on(parts)?,
            Operation::Reopen => self.reopen(&existing())?,
            Operation::Advance(milliseconds) => self.advance(*milliseconds),
            Operation::SetClock(jumps) => self.set_clock(i64::from(*jumps) * JUMP),
            by_itself => {
                let mut around = self.surroundings();
                let answer = subject::perform(&mut self.fixture.cache, by_itself);
                if by_itself.names_policy().is_some() {
                    around.recorded = subject::recorded(&mut self.fixture.cache);
                }
                self.note_bound(by_itself, &answer);
                self.permit(by_itself, &answer, &around)?;
            }
        }
        // Under another policy, all is recorded first.
        self.look(operation.names_policy().is_some_and(|policy| policy != before))
    }

    fn surroundings(&self) -> Surroundings {
        let settings = &self.models[0].settings;
        let log = |shard| {
            let path = || database(self.fixture.path(), shard).with_extension("db-wal");
            settings.size_limit.and_then(|_| std::fs::metadata(path()).ok()).map_or(0, |metadata| metadata.len())
        };
        Surroundings { logs: (0..).take(settings.shards).map(log).collect(), ..Surroundings::default() }
    }

    /// Goes on with the states that permit what the cache has said.
    fn permit(&mut self, operation: &Operation, answer: &Answer, around: &Surroundings) -> Result<(), String> {
        let (mut next, mut permitted) = (Vec::new(), Vec::new());
        for (said, model) in self.models.iter().flat_map(|model| model.outcomes(operation, around)) {
            if said == *answer {
                add_new(&mut next, vec![model]);
            } else {
                add_new(&mut permitted, vec![said]);
            }
        }
        if next.is_empty() {
            return Err(format!("{answer:?} instead of {permitted:?}"));
        }
        self.models = next;
        Ok(())
    }

    /// Goes on with the states that are what the cache is.
    fn look(&mut self, written: bool) -> Result<(), String> {
        let cache = &mut self.fixture.cache;
        let mut seen = subject::look(cache, written);
        if cache.count().unwrap() != seen.len() as u64 {
            return Err(format!("a count of {:?} where there are {seen:?}", cache.count()));
        }
        let limit = self.models.first().and_then(|model| model.settings.size_limit).filter(|_| self.is_bounded);
        if let Some(limit) = limit.filter(|limit| cache.volume().unwrap() > *limit) {
            return Err(format!("a volume of {:?} where {limit} is the limit", cache.volume()));
        }
        let mut expected: Vec<_> = self.models.iter().map(|model| model.look(written)).collect();
        if self.clock_was_set {
            expected.iter_mut().flatten().chain(&mut seen).for_each(|entry| entry.used_ms = None);
        }
        let mut as_expected = expected.iter().map(|expected| *expected == seen);
        self.models.retain(|_| as_expected.next() == Some(true));
        if self.models.is_empty() {
            return Err(format!("there is {seen:#?} instead of {expected:#?}"));
        }
        Ok(())
    }

    fn note_bound(&mut self, operation: &Operation, answer: &Answer) {
        let bounds = match operation {
            // In force from when something is stored, in the shard in which it is.
            Operation::Configure(Setting::SizeLimit(_)) => {
                self.is_bounded = false;
                return;
            }
            Operation::Set(..) | Operation::Write(..) | Operation::Push(..) => self.models[0].settings.shards == 1,
            Operation::Cull => true,
            _ => false,
        };
        self.is_bounded |= bounds && !matches!(answer, Answer::Refused(_));
    }

    fn advance(&mut self, milliseconds: u8) {
        self.fixture.platform.advance(milliseconds.into());
        self.models.iter_mut().for_each(|model| model.now += u64::from(milliseconds));
    }

    fn set_clock(&mut self, by: i64) {
        self.clock_was_set = true;
        self.fixture.platform.set_wall_clock(by);
        self.models.iter_mut().for_each(|model| model.now = model.now.saturating_add_signed(by));
    }

    fn transact(&mut self, parts: &[Operation], commit: bool) -> Result<(), String> {
        let ticket = self.fixture.cache.begin().unwrap();
        self.models.iter_mut().for_each(Model::begin);
        for part in parts {
            let around = self.surroundings();
            let done = self.fixture.cache.within(ticket, |cache| Ok(subject::perform(cache, part)));
            self.permit(part, &done.unwrap(), &around).map_err(|what| format!("{part:?}: {what}"))?;
        }
        if commit {
            self.fixture.cache.commit(ticket).unwrap();
            self.models.iter_mut().for_each(Model::commit);
        } else {
            self.fixture.cache.rollback(ticket).unwrap();
            self.models.iter_mut().for_each(Model::rollback);
        }
        Ok(())
    }

    /// Closes the cache and opens it again: then what was read is recorded.
    fn reopen(&mut self, options: &OpenOptions) -> Result<(), String> {
        self.fixture.reopen(options);
        self.look(true)
    }

    fn look_on(&mut self, parts: &[Operation]) -> Result<(), String> {
        self.models.iter_mut().for_each(|model| model.read_only = true);
        self.reopen(&OpenOptions { read_only: true, ..existing() })?;
        parts.iter().try_for_each(|part| self.step(part).map_err(|what| format!("{part:?}: {what}")))?;
        self.models.iter_mut().for_each(|model| model.read_only = false);
        self.reopen(&existing())
    }
}
