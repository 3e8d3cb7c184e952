//! Clients: they do what a plan says and write down what comes of it.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::event::Outcome;
use super::log::Log;
use super::operation::{
    End, GroupAction, IndexAction, ItemAction, LineAction, LockAction, Mode, Operation, TallyAction,
};
use super::plan::Plan;
use super::subject::{Session, Subject};
use super::workload::Workload;

/// For how long something short is tried that may be ended because the machine is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lets all clients of a process do what they do; the first has this number.
pub fn run(subject: &dyn Subject, plan: &Plan, first: u32, log: &Log) -> io::Result<()> {
    thread::scope(|scope| {
        let clients: Vec<_> = (0..plan.threads)
            .map(|thread| scope.spawn(move || Client::new(subject, first + thread, log).work(plan)))
            .collect();
        clients.into_iter().try_for_each(|client| client.join().expect("a client does not panic"))
    })
}

/// A client that does one thing after the other.
pub struct Client<'s> {
    session: Box<dyn Session + 's>,
    log: &'s Log,
    number: u32,
    calls: u32,
}

impl<'s> Client<'s> {
    /// A client of this number.
    pub fn new(subject: &'s dyn Subject, number: u32, log: &'s Log) -> Self {
        Self { session: subject.session(), log, number, calls: 0 }
    }

    fn work(mut self, plan: &Plan) -> io::Result<()> {
        let mut workload = Workload::new(plan, self.number);
        while let Some(operation) = workload.next() {
            let outcome = self.call(operation)?;
            workload.learn(operation, &outcome);
        }
        if plan.call_ms.is_some() { self.show_life() } else { Ok(()) }
    }

    /// Shows that a handle works again after its instances were ended, however often that was.
    fn show_life(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if matches!(self.call(Operation::Count)?, Outcome::Count(_)) {
                return Ok(());
            }
        }
        Err(io::Error::other(format!("the handle of client {} does not work any more", self.number)))
    }

    /// Does one thing.
    pub fn call(&mut self, operation: Operation) -> io::Result<Outcome> {
        let call = self.calls;
        self.calls += 1;
        self.log.begin(self.number, call, operation)?;
        let outcome = self.session.perform(operation);
        self.log.end(self.number, call, outcome.clone())?;
        Ok(outcome)
    }

    /// Looks at everything, once the others have ended: empties what can be emptied and takes what can be
    /// taken, so that nothing that was lost goes unnoticed.
    pub fn conclude(&mut self, plan: &Plan) -> io::Result<()> {
        for item in 0..plan.items {
            self.call(Operation::Item(item, ItemAction::GetEntry))?;
        }
        for group in 0..plan.groups {
            self.call(Operation::Group(group, GroupAction::Read))?;
        }
        for line in plan.lines() {
            let pull = Operation::Line(line, LineAction::Pull { end: End::Front });
            while matches!(self.call(pull)?, Outcome::Value(Some(_))) {}
        }
        for index in 0..plan.indexes {
            let pop = Operation::Index(index, IndexAction::PopItem { end: End::Front });
            while matches!(self.call(pop)?, Outcome::Pair(Some(_))) {}
        }
        for tally in 0..plan.tallies {
            self.call(Operation::Tally(tally, TallyAction::Get))?;
        }
        if plan.is_limited() {
            self.call(Operation::Count)?;
            self.call(Operation::Volume)?;
        }
        for lock in 0..plan.locks {
            let mode = [Mode::Exclusive, Mode::Write, Mode::Permit][lock as usize % 3];
            // Nobody who is dead keeps it for longer than its lease.
            let taken = self.call(Operation::Lock(lock, LockAction::Acquire { mode, waits: true }))?;
            assert!(matches!(taken, Outcome::Fence(Some(_))), "lock {lock} is still held by the dead: {taken:?}");
            self.call(Operation::Lock(lock, LockAction::Release))?;
        }
        Ok(())
    }
}
