//! Rounds of tests under fire. Each is drawn from a seed, short, and shows by itself what is wrong; the
//! tests run one of each kind, a soak as many as there is time for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::Random;
use crate::component::World;
use crate::component::wit::Durability;
use crate::history::check;
use crate::history::client::{self, Client};
use crate::history::event::{Operation, Outcome};
use crate::history::log::{self, Log};
use crate::history::plan::Plan;
use crate::history::subject::{Leaps, Shared, Subject};
use crate::layer::faults::Scene;
use crate::layer::story::Story;
use crate::layer::{Fault, loss};
use crate::worker::Worker;

/// What was done, by name.
pub type Tally = BTreeMap<&'static str, u64>;

/// A kind of round: its name, and how to run it with a worker program and a seed.
pub type Kind = (&'static str, fn(&Path, u64) -> Result<Tally, String>);

/// All kinds.
pub const KINDS: &[Kind] = &[
    ("histories", histories),
    ("limits", limits),
    ("kills", kills),
    ("clocks", clocks),
    ("losses", losses),
    ("faults", faults),
];

/// Clients of each process have numbers from a multiple of this on.
const NUMBERS: u32 = 100;
/// The process that runs the others.
const PARENT: u32 = 0;

/// The directories of a round.
struct Round {
    directory: TempDir,
    plan: Plan,
}

impl Round {
    fn new(plan: Plan) -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        std::fs::create_dir(directory.path().join("log")).map_err(|error| error.to_string())?;
        Ok(Self { directory, plan })
    }

    fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    fn log(&self, process: u32) -> PathBuf {
        self.directory.path().join(format!("log/{process}"))
    }

    /// Starts a process that has clients.
    fn start(&self, worker: &Path, process: u32) -> Worker {
        let plan = serde_json::to_string(&self.plan).unwrap();
        let (log, first) = (self.log(process), (process * NUMBERS).to_string());
        let arguments = [log.to_str().unwrap(), &plan, &first];
        Worker::start(worker.to_str().unwrap(), "history", &self.cache(), &arguments)
    }

    /// Looks at everything, checks what was written down, and keeps it if anything is wrong.
    fn conclude(self, mut tally: Tally) -> Result<Tally, String> {
        match self.verdict() {
            Ok(checked) => {
                let counts = [("operations", checked.calls), ("histories checked", checked.histories)];
                for (name, count) in counts.into_iter().chain([("histories undecided", checked.undecided)]) {
                    *tally.entry(name).or_default() += count;
                }
                Ok(tally)
            }
            Err(reason) => {
                let kept = self.directory.keep();
                Err(format!("{reason}\nThe history and the cache are in {}", kept.display()))
            }
        }
    }

    fn verdict(&self) -> Result<check::Checked, String> {
        let failed = |error: std::io::Error| error.to_string();
        let cache = self.plan.builder().open(self.cache()).map_err(|error| error.to_string())?;
        let subject = Shared::new(cache.clone(), &self.plan, Leaps::default());
        let log = Log::create(&self.log(PARENT)).map_err(failed)?;
        Client::new(&subject, PARENT, &log).conclude(&self.plan).map_err(failed)?;
        let calls = log::read(&self.directory.path().join("log")).map_err(failed)?;
        let checked = check::check(&calls, &self.plan)?;
        let problems = cache.check().map_err(|error| error.to_string())?;
        if !problems.is_empty() {
            return Err(format!("a check has found {problems:?}"));
        }
        crate::native_integrity(&self.cache())?;
        Ok(checked)
    }
}

/// Many clients in three processes do everything at once.
fn histories(worker: &Path, seed: u64) -> Result<Tally, String> {
    undisturbed(worker, Plan::everything(seed))
}

/// The same on entries that make room for each other.
fn limits(worker: &Path, seed: u64) -> Result<Tally, String> {
    undisturbed(worker, Plan::limited(seed))
}

fn undisturbed(worker: &Path, plan: Plan) -> Result<Tally, String> {
    let round = Round::new(plan)?;
    let workers: Vec<Worker> = (1..=3).map(|process| round.start(worker, process)).collect();
    workers.into_iter().for_each(Worker::finish);
    round.conclude(Tally::new())
}

/// The same, while processes are killed at random moments and others take their place.
fn kills(worker: &Path, seed: u64) -> Result<Tally, String> {
    let plan = Plan { lease_ms: 700, operations: 100_000, threads: 2, ..Plan::everything(seed) };
    let (round, mut random) = (Round::new(plan)?, Random::new(seed));
    let mut workers: Vec<Worker> = (1..=2).map(|process| round.start(worker, process)).collect();
    let mut killed = 0;
    for process in 3..9 {
        let victim = usize::try_from(random.below(2)).unwrap();
        workers[victim].expect("ready");
        // The moment is what is to be random.
        thread::sleep(Duration::from_micros(random.below(120_000)));
        workers[victim].kill();
        killed += 1;
        workers[victim] = round.start(worker, process);
    }
    for worker in &mut workers {
        worker.kill();
        killed += 1;
    }
    drop(workers);
    round.conclude(Tally::from([("kills", killed)]))
}

/// The wall clock of several clients leaps back and forward by hours.
fn clocks(_: &Path, seed: u64) -> Result<Tally, String> {
    let plan = Plan { memos: false, ..Plan::everything(seed) };
    let (round, leaps, mut random) = (Round::new(plan)?, Leaps::default(), Random::new(seed));
    let clock = leaps.clone();
    let builder = round.plan.builder().wall_clock(move || clock.now());
    let cache = builder.open(round.cache()).map_err(|error| error.to_string())?;
    let subject = Shared::new(cache, &round.plan, leaps);
    let (log, of_leaps) = (Log::create(&round.log(1)), Log::create(&round.log(2)));
    let (log, of_leaps) = (log.map_err(|error| error.to_string())?, of_leaps.map_err(|error| error.to_string())?);
    let mut count = 0;
    thread::scope(|scope| -> Result<(), String> {
        let clients = scope.spawn(|| client::run(&subject, &round.plan, NUMBERS, &log));
        let mut clock = Client::new(&subject, 2 * NUMBERS, &of_leaps);
        // What came in before the last leap has had time to expire when everything is looked at.
        while !clients.is_finished() {
            thread::sleep(Duration::from_millis(20 + random.below(60)));
            let hours = i64::try_from(random.below(24)).unwrap() - 12;
            clock.call(Operation::Leap { milliseconds: hours * 3_600_000 }).map_err(|error| error.to_string())?;
            count += 1;
        }
        clients.join().unwrap().map_err(|error| error.to_string())
    })?;
    // Whoever comes next has the right time, which is one more leap.
    let mut clock = Client::new(&subject, 3 * NUMBERS, &of_leaps);
    clock.call(Operation::Leap { milliseconds: 0 }).map_err(|error| error.to_string())?;
    drop(clock);
    drop(subject);
    round.conclude(Tally::from([("leaps of the clock", count)]))
}

/// One life of a cache, whose power is lost at many places.
fn losses(_: &Path, seed: u64) -> Result<Tally, String> {
    let mut random = Random::new(seed);
    let world = if random.below(4) == 0 { World::Standalone } else { World::Shared };
    let durability = if random.below(2) == 0 { Durability::Full } else { Durability::Relaxed };
    let (story, shards) = story(&mut random);
    let losses = if world == World::Standalone { 6 } else { 24 };
    let round = loss::Round { story, seed, world, durability, shards, operations: 40, losses, honest: true };
    let report = caught(move || round.run())?;
    Ok(Tally::from([("losses of power", report.losses), ("operations", round.operations as u64)]))
}

/// Lives of a cache in which calls on its files fail, at some of all places.
fn faults(_: &Path, seed: u64) -> Result<Tally, String> {
    let mut random = Random::new(seed);
    let world = if random.below(4) == 0 { World::Standalone } else { World::Shared };
    let (story, shards) = story(&mut random);
    let scene = Scene { story, seed, world, shards, operations: 14 };
    let stride = 37;
    let first = usize::try_from(random.below(stride)).unwrap();
    let report = caught(move || scene.run(&Fault::ALL, first, usize::try_from(stride).unwrap()))?;
    let operations = report.lives * scene.operations as u64;
    Ok(Tally::from([("faults injected", report.injected), ("operations", operations)]))
}

/// What a life is about, and over how many shards.
fn story(random: &mut Random) -> (Story, u32) {
    let story = Story::ALL[usize::try_from(random.below(Story::ALL.len() as u64)).unwrap()];
    let shards = 1 + u32::try_from(random.below(3)).unwrap();
    // Where they have a limit, each shard has its share of it.
    (story, if story == Story::Passing { 1 } else { shards })
}

/// A panic is a failure of the round, too.
fn caught<T>(round: impl FnOnce() -> Result<T, String> + std::panic::UnwindSafe) -> Result<T, String> {
    std::panic::catch_unwind(round).unwrap_or_else(|_| Err("it has panicked, as said above".to_owned()))
}

/// What a subject does that is wrong comes to light: clients on it, and what the check says.
pub fn expose(subject: &dyn Subject, plan: &Plan) -> Result<check::Checked, String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let log = Log::create(&directory.path().join("1")).map_err(|error| error.to_string())?;
    client::run(subject, plan, NUMBERS, &log).map_err(|error| error.to_string())?;
    let calls = log::read(directory.path()).map_err(|error| error.to_string())?;
    if calls.iter().any(|call| matches!(call.outcome, Some(Outcome::Failed(_)))) {
        return Err("a call has failed".into());
    }
    check::check(&calls, plan)
}
