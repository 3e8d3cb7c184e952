//! Power is lost while a cache is used: what each setting of durability promises must be there.

use std::path::Path;

use super::Layer;
use super::journal::{Journal, Loss};
use super::story::{self, Content, Operation};
use crate::component::types::Error;
use crate::component::wit::{Changes, Durability, OpenOptions, Problem};
use crate::component::{Host, World, changes};
use crate::{Random, native_integrity};

/// One life of a cache, and how often its power is lost.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// What happens.
    pub seed: u64,
    /// Which component.
    pub world: World,
    /// What is promised.
    pub durability: Durability,
    /// Number of shards.
    pub shards: u32,
    /// Operations.
    pub operations: usize,
    /// Losses of power, at places and of the kinds that the seed has.
    pub losses: usize,
    /// Whether the disk does what it is told when it is to sync.
    pub honest: bool,
}

/// What a round came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Losses of power.
    pub losses: u64,
    /// Operations that had returned before them.
    pub acknowledged: u64,
    /// Of these, how many were undone: none, if everything is promised.
    pub undone: u64,
    /// Values whose file was not whole, which was told.
    pub torn: u64,
}

/// A life: the journal, and how long it was when each operation began and ended.
struct Life {
    journal: Journal,
    /// What was in the cache at first and after each operation.
    contents: Vec<Content>,
    operations: Vec<Operation>,
    /// The length of the journal when the cache was open, and after each operation.
    ends: Vec<usize>,
}

impl Life {
    /// How many operations had returned when so much was done.
    fn begun(&self, at: usize) -> usize {
        self.ends.iter().filter(|end| **end <= at).count().saturating_sub(1)
    }

    /// Whether the cache may have been like this after so many operations, or in the middle of the next.
    fn was(&self, found: &Content, number: usize) -> bool {
        let is_in_steps = || self.operations.get(number).is_some_and(Operation::goes_in_steps);
        self.contents[number].is(found)
            || (is_in_steps() && self.contents[number].is_on_the_way(found, &self.contents[number + 1]))
    }
}

impl Round {
    fn options(&self) -> OpenOptions {
        let changes = Changes { durability: Some(self.durability), ..changes() };
        OpenOptions { changes, ..story::opening(self.shards) }
    }

    /// Lives it, loses power, and looks what is left.
    ///
    /// # Errors
    ///
    /// What is promised and not there.
    pub fn run(&self) -> Result<Report, String> {
        let mut random = Random::new(self.seed);
        let life = self.live(&mut random);
        let mut report = Report::default();
        for _ in 0..self.losses {
            let at = usize::try_from(random.below(life.journal.len() as u64 + 1)).unwrap();
            let loss = Loss::ALL[usize::try_from(random.below(Loss::ALL.len() as u64)).unwrap()];
            self.lose(&life, at, loss, &mut random, &mut report).map_err(|wrong| {
                let (last, begun) = (life.journal.tell(at, 40).join("\n  "), life.begun(at));
                let (before, under_way) = (&life.contents[begun], life.operations.get(begun));
                let length = life.journal.len();
                format!(
                    "{self:?}, {loss:?} after {at} of {length}: {wrong}\n  {last}\nin the middle of {under_way:?}\n\
                     before it: {before:?}"
                )
            })?;
        }
        Ok(report)
    }

    fn live(&self, random: &mut Random) -> Life {
        let directory = tempfile::tempdir().unwrap();
        let layer = Layer::new();
        layer.keep_journal(directory.path());
        let mut cache = Host::with_layer(self.world).open_over(&layer, directory.path(), self.options()).unwrap();
        let mut content = Content::default();
        let (mut contents, mut ends) = (vec![content.clone()], vec![layer.journal_length()]);
        let operations = story::operations(random, self.operations);
        for operation in &operations {
            story::perform(&mut cache, operation).unwrap_or_else(|error| panic!("{operation:?}: {error:?}"));
            content.apply(operation);
            contents.push(content.clone());
            ends.push(layer.journal_length());
        }
        let mut journal = layer.journal();
        journal.honest = self.honest;
        Life { journal, contents, operations, ends }
    }

    fn lose(&self, life: &Life, at: usize, loss: Loss, random: &mut Random, report: &mut Report) -> Result<(), String> {
        let directory = tempfile::tempdir().unwrap();
        life.journal.lose(at, loss, random, directory.path());
        // One more may have been under way, or in opening the cache none.
        let acknowledged = life.begun(at);
        let latest = (acknowledged + 1).min(life.operations.len());
        let found = self.look(directory.path())?;
        let promised = if self.durability == Durability::Full { acknowledged } else { 0 };
        let matching = (promised..=latest).rev().find(|number| life.was(&found, *number));
        let Some(kept) = matching else {
            let earlier = (0..promised).rev().find(|number| life.was(&found, *number));
            return Err(format!(
                "{promised} to {latest} operations are to be there, but it is as after {earlier:?}: {found:?}"
            ));
        };
        if self.durability == Durability::Full && found.lost() > 0 {
            return Err(format!("{} values are lost", found.lost()));
        }
        report.losses += 1;
        report.acknowledged += acknowledged as u64;
        report.undone += acknowledged.saturating_sub(kept) as u64;
        report.torn += found.lost() as u64;
        Ok(())
    }

    /// What is in a directory after the loss, which must be consistent.
    fn look(&self, directory: &Path) -> Result<Content, String> {
        let named = |error: Error| format!("{error:?}");
        // The lease of the owner that is no more has to run out.
        let patient = OpenOptions { wait_ms: Some(5_000), ..self.options() };
        let mut cache = Host::of(self.world).open(directory, patient).map_err(named)?;
        let found = story::content(&mut cache).map_err(named)?;
        let problems = cache.check().map_err(named)?;
        let is_stray = |problem: &&Problem| problem.description == "a file that belongs to no entry";
        let strays = problems.iter().filter(is_stray).count();
        if problems.len() - strays > found.lost() || (strays > 0 && self.durability == Durability::Full) {
            return Err(format!("{problems:?}"));
        }
        if strays > 0 {
            cache.repair().map_err(named)?;
            let left = cache.check().map_err(named)?;
            if !left.is_empty() {
                return Err(format!("not repaired: {left:?}"));
            }
        }
        // It is of use, too.
        story::perform(&mut cache, &Operation::Clear).map_err(named)?;
        drop(cache);
        native_integrity(directory)?;
        Ok(found)
    }
}
