//! Measuring all subjects in turns, so that what else the machine does hits all alike.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::process::Worker;
use crate::samples::{Quantiles, Samples, Tally};
use crate::subjects::Subject;
use crate::workload::Kind;

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// How often each subject has its turn.
    pub(crate) rounds: usize,
    /// Operations of each process in a round.
    pub(crate) operations: usize,
    /// How often a start is repeated.
    pub(crate) starts: usize,
    /// How often tasks are repeated.
    pub(crate) tasks: usize,
    /// Entries of a cache that is cleared; ten times as many have their keys enumerated.
    pub(crate) entries: u64,
}

impl Effort {
    pub(crate) const FULL: Self = Self { rounds: 10, operations: 20_000, starts: 20, tasks: 5, entries: 100_000 };
    pub(crate) const QUICK: Self = Self { rounds: 3, operations: 4_000, starts: 5, tasks: 1, entries: 20_000 };
}

/// Operations before those that count.
const WARM_UP: usize = 1_000;

/// The outcome with one number of processes.
#[derive(Serialize)]
pub(crate) struct Contest {
    pub(crate) processes: usize,
    pub(crate) results: Vec<Outcome>,
}

/// The outcome for one subject.
#[derive(Serialize)]
pub(crate) struct Outcome {
    pub(crate) subject: Subject,
    pub(crate) get: Quantiles,
    pub(crate) set: Quantiles,
    pub(crate) delete: Quantiles,
}

impl Contest {
    /// The outcome for a subject, none if it did not take part.
    pub(crate) fn outcome(&self, subject: Subject) -> Option<&Outcome> {
        self.results.iter().find(|outcome| outcome.subject == subject)
    }
}

impl Outcome {
    /// The figures of one kind of operation.
    pub(crate) fn quantiles(&self, kind: Kind) -> Quantiles {
        match kind {
            Kind::Get => self.get,
            Kind::Set => self.set,
            Kind::Delete => self.delete,
        }
    }
}

/// A subject's processes and what they have measured.
struct Team {
    subject: Subject,
    workers: Vec<Worker>,
    samples: Samples,
}

/// Measures every subject that can run in so many processes.
pub(crate) fn run(scratch: &Path, processes: usize, effort: Effort) -> Result<Contest> {
    let mut teams = Vec::new();
    for subject in Subject::ALL.into_iter().filter(|subject| processes == 1 || subject.is_shared()) {
        match Team::start(subject, scratch, processes) {
            Ok(team) => teams.push(team),
            Err(error) => eprintln!("{} is not measured: {error:#}", subject.name()),
        }
    }
    for _ in 0..effort.rounds {
        for team in &mut teams {
            team.round(effort.operations)?;
        }
    }
    Ok(Contest { processes, results: teams.into_iter().map(Team::finish).collect() })
}

impl Team {
    fn start(subject: Subject, scratch: &Path, processes: usize) -> Result<Self> {
        let directory = scratch.join(format!("{subject:?}-{processes}"));
        let mut workers = Vec::new();
        for seed in (1..).take(processes) {
            workers.push(Worker::start(subject, scratch, &directory, seed)?);
        }
        let mut team = Self { subject, workers, samples: Samples::new()? };
        if let Some(first) = team.workers.first_mut() {
            first.tell("populate")?;
            first.answer::<Tally>()?;
        }
        team.round(WARM_UP)?;
        team.samples = Samples::new()?;
        Ok(team)
    }

    /// Has all processes work at the same time.
    fn round(&mut self, operations: usize) -> Result<()> {
        for worker in &mut self.workers {
            worker.tell(&format!("run {operations}"))?;
        }
        for worker in &mut self.workers {
            self.samples.add(&worker.answer::<Tally>()?)?;
        }
        Ok(())
    }

    fn finish(self) -> Outcome {
        Outcome {
            subject: self.subject,
            get: self.samples.quantiles(Kind::Get),
            set: self.samples.quantiles(Kind::Set),
            delete: self.samples.quantiles(Kind::Delete),
        }
    }
}
