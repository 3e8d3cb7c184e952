//! Power is lost while a cache is used: what each setting of durability promises must be there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Layer;
use super::journal::{Journal, Loss};
use super::story::stage::Stage;
use super::story::{self, Content, Fences, Operation, Story, Trouble};
use crate::component::types::Error;
use crate::component::wit::{Changes, Durability, Problem};
use crate::component::{World, changes};
use crate::{Random, files, native_integrity};

/// One life of a cache, and how often its power is lost.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// What it is about.
    pub story: Story,
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
    /// Of these, how many were undone: none, if everything is promised. Of several shards, in that which has
    /// lost the most.
    pub undone: u64,
    /// Values whose file was not whole, which was told.
    pub torn: u64,
}

/// The indexes of the logs by their path. They are mapped, so that no call tells what becomes of them.
type Indexes = BTreeMap<PathBuf, Vec<u8>>;

/// A life: the journal, and how long it was when each operation began and ended.
struct Life {
    journal: Journal,
    /// What was in the cache at first and after each operation.
    contents: Vec<Content>,
    /// The last numbers of the locks.
    fences: Vec<Fences>,
    indexes: Vec<Indexes>,
    operations: Vec<Operation>,
    /// The length of the journal when the cache was open, and after each operation.
    ends: Vec<usize>,
}

impl Life {
    /// How many operations had returned when so much was done.
    fn begun(&self, at: usize) -> usize {
        self.ends.iter().filter(|end| **end <= at).count().saturating_sub(1)
    }

    /// The last operation of so many after which all before it was on the disk.
    fn safe(&self, acknowledged: usize) -> usize {
        let mut operations = self.operations[..acknowledged].iter();
        operations.rposition(Operation::makes_safe).map_or(0, |number| number + 1)
    }

    /// Whether the cache, or a part of it, may have been like this after so many operations, or in the
    /// middle of the next; looked at later.
    fn was(&self, found: &Content, number: usize, now: u64, part: impl Fn(&Content) -> Content) -> bool {
        let (before, found) = (part(&self.contents[number].at(now)), part(found));
        let is_in_steps = || self.operations.get(number).is_some_and(Operation::goes_in_steps);
        before.is(&found)
            || (is_in_steps() && before.on_the_way(&found, &part(&self.contents[number + 1].at(now))).is_some())
    }
}

impl Round {
    fn stage(&self, directory: &Path) -> Stage {
        let changes = Changes { durability: Some(self.durability), ..changes() };
        Stage::new(self.world, directory).asking_for(changes)
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
        let mut stage = self.stage(directory.path()).over(&layer);
        stage.open(Some(self.shards)).unwrap();
        let operations = self.story.operations(random, self.operations);
        let content = Content::new(self.shards);
        let mut life = Life {
            journal: Journal::of(directory.path()),
            fences: vec![stage.fences],
            indexes: vec![indexes(directory.path())],
            contents: vec![content.clone()],
            ends: vec![layer.journal_length()],
            operations,
        };
        let mut content = content;
        for operation in &life.operations {
            match story::perform(&mut stage, &content, operation) {
                Ok(()) => {}
                Err(Trouble::Failed(error)) => panic!("{self:?}: {operation:?}: {error:?}"),
                Err(Trouble::Wrong(what)) => panic!("{self:?}: {operation:?}: {what}"),
            }
            content.apply(operation);
            life.contents.push(content.clone());
            life.fences.push(stage.fences);
            life.indexes.push(indexes(directory.path()));
            life.ends.push(layer.journal_length());
        }
        life.journal = layer.journal();
        life.journal.honest = self.honest;
        life
    }

    fn lose(&self, life: &Life, at: usize, loss: Loss, random: &mut Random, report: &mut Report) -> Result<(), String> {
        let directory = tempfile::tempdir().unwrap();
        life.journal.lose(at, loss, random, directory.path());
        // One more may have been under way, or in opening the cache none.
        let acknowledged = life.begun(at);
        leave_indexes(life, directory.path(), random);
        let latest = (acknowledged + 1).min(life.operations.len());
        let now = life.contents[acknowledged].now();
        let mut stage = self.stage(directory.path());
        stage.clock.advance(u32::try_from(now).unwrap());
        let found = self.look(&mut stage)?;
        let is_full = self.durability == Durability::Full;
        let promised = if is_full { acknowledged } else { life.safe(acknowledged) };
        // What `relaxed` leaves of several shards is of as many moments.
        let kept = if is_full || found.of_one_shard() {
            life.moment(&found, promised..=latest, now, Content::clone)?
        } else {
            let shards = 0..self.shards;
            let moments = shards.map(|shard| life.moment(&found, promised..=latest, now, |all| all.of_shard(shard)));
            moments.collect::<Result<Vec<_>, _>>()?.into_iter().min().unwrap_or(0)
        };
        if is_full && found.lost() > 0 {
            return Err(format!("{} values are lost", found.lost()));
        }
        self.use_it(&mut stage, &life.fences[acknowledged])?;
        report.losses += 1;
        report.acknowledged += acknowledged as u64;
        report.undone += acknowledged.saturating_sub(kept) as u64;
        report.torn += found.lost() as u64;
        Ok(())
    }

    /// What is in a directory after the loss, which must be consistent.
    fn look(&self, stage: &mut Stage) -> Result<Content, String> {
        let named = |error: Error| format!("{error:?}");
        // How many shards there are is recorded, unless it had not come to that.
        let is_new = !has_data(stage.directory());
        // The lease of the owner that is no more has to run out.
        stage.open_patiently(is_new.then_some(self.shards)).map_err(named)?;
        let found = story::content(stage).map_err(named)?;
        if self.durability == Durability::Relaxed {
            // What has expired was not read, and its value may be lost as well.
            stage.cache().expire().map_err(named)?;
        }
        let problems = stage.cache().check().map_err(named)?;
        let is_stray = |problem: &&Problem| problem.description == "a file that belongs to no entry";
        let strays = problems.iter().filter(is_stray).count();
        if problems.len() - strays > found.lost() || (strays > 0 && self.durability == Durability::Full) {
            return Err(format!("{problems:?}"));
        }
        if strays > 0 {
            stage.cache().repair().map_err(named)?;
            let left = stage.cache().check().map_err(named)?;
            if !left.is_empty() {
                return Err(format!("not repaired: {left:?}"));
            }
        }
        Ok(found)
    }

    /// It is of use, too: whoever gets a lock now has a greater number than all who had it before, even if
    /// the clock was set back, unless grants may be lost.
    fn use_it(&self, stage: &mut Stage, fences: &Fences) -> Result<(), String> {
        let named = |error: Error| format!("{error:?}");
        match self.durability {
            Durability::Full => stage.clock.turn_back(3_600_000),
            Durability::Relaxed => stage.clock.advance(1),
        }
        let next = story::next_fences(stage).map_err(named)?;
        if next.iter().zip(fences).any(|(next, before)| next <= before) {
            return Err(format!("locks have the numbers {next:?} after {fences:?}"));
        }
        stage.cache().clear().map_err(named)?;
        stage.close().map_err(named)?;
        native_integrity(stage.directory())
    }
}

impl Life {
    /// The last moment of some at which the cache, or a part of it, was like this.
    fn moment(
        &self,
        found: &Content,
        moments: std::ops::RangeInclusive<usize>,
        now: u64,
        part: impl Fn(&Content) -> Content,
    ) -> Result<usize, String> {
        let matching = moments.clone().rev().find(|number| self.was(found, *number, now, &part));
        matching.ok_or_else(|| {
            let earlier = (0..*moments.start()).rev().find(|number| self.was(found, *number, now, &part));
            let found = part(found);
            format!("of {moments:?} operations are to be there, but it is as after {earlier:?}: {found:?}")
        })
    }
}

/// Whether data were completed.
fn has_data(directory: &Path) -> bool {
    let names = std::fs::read_dir(directory).unwrap().map(|child| child.unwrap().file_name());
    names.into_iter().any(|name| name.to_string_lossy().starts_with("data-"))
}

fn indexes(directory: &Path) -> Indexes {
    let relative = |path: PathBuf| path.strip_prefix(directory).unwrap().to_owned();
    files(directory, "-shm").into_iter().map(|path| (relative(path.clone()), std::fs::read(path).unwrap())).collect()
}

/// Leaves anything beside the databases for the indexes of their logs: nothing, zeros, what was there at
/// some time, in part or whole, or what never was.
fn leave_indexes(life: &Life, directory: &Path, random: &mut Random) {
    for database in files(directory, "cache.db") {
        let path = PathBuf::from(format!("{}-shm", database.display()));
        let known: Vec<_> = {
            let relative = path.strip_prefix(directory).unwrap();
            life.indexes.iter().filter_map(|indexes| indexes.get(relative)).collect()
        };
        let chosen = usize::try_from(random.number()).unwrap_or(0).checked_rem(known.len());
        let index = chosen.map_or_else(|| vec![0; 32_768], |chosen| known[chosen].clone());
        let left = match random.below(5) {
            0 => continue,
            1 => vec![0; index.len()],
            2 => index,
            3 => index
                .iter()
                .map(|byte| if random.below(40) == 0 { random.number().to_le_bytes()[0] } else { *byte })
                .collect(),
            _ => index[..usize::try_from(random.below(index.len() as u64 + 1)).unwrap()].to_vec(),
        };
        std::fs::write(path, left).unwrap();
    }
}
