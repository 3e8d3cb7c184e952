//! Rounds of clients that do everything at once, and what happens to them meanwhile.

use std::path::Path;
use std::thread;
use std::time::Duration;

use super::Tally;
use super::round::{NUMBERS, Round};
use crate::Random;
use crate::history::client::{self, Client};
use crate::history::operation::Operation;
use crate::history::plan::Plan;
use crate::history::subject::{Leaps, Shared};
use crate::worker::Worker;

/// How many processes there are.
const PROCESSES: u32 = 3;
/// How often some of them are killed.
const BLOWS: u32 = 8;

/// Many clients in three processes do everything at once.
pub(super) fn histories(worker: &Path, seed: u64) -> Result<Tally, String> {
    undisturbed(worker, Plan::everything(seed))
}

/// The same, while all entries are removed now and then.
pub(super) fn clears(worker: &Path, seed: u64) -> Result<Tally, String> {
    undisturbed(worker, Plan::cleared(seed))
}

/// The same on entries that make room for each other.
pub(super) fn limits(worker: &Path, seed: u64) -> Result<Tally, String> {
    undisturbed(worker, Plan::limited(seed))
}

/// The same, while instances of two of the processes are ended in the middle of calls. The third has patience,
/// and goes on whatever becomes of theirs.
pub(super) fn traps(worker: &Path, seed: u64) -> Result<Tally, String> {
    let round = Round::new(Plan::hasty(seed))?;
    let patient = Plan { call_ms: None, ..round.plan.clone() };
    let mut workers = vec![round.start_with(worker, 1, &patient)];
    // Making the databases may take longer than their calls.
    workers[0].expect("ready");
    workers.extend((2..=PROCESSES).map(|process| round.start(worker, process)));
    workers.into_iter().for_each(Worker::finish);
    round.conclude(Tally::new())
}

fn undisturbed(worker: &Path, plan: Plan) -> Result<Tally, String> {
    let round = Round::new(plan)?;
    let workers: Vec<Worker> = (1..=PROCESSES).map(|process| round.start(worker, process)).collect();
    workers.into_iter().for_each(Worker::finish);
    round.conclude(Tally::new())
}

/// Queues in long runs; of every second seed by processes that are killed.
pub(super) fn queues(worker: &Path, seed: u64) -> Result<Tally, String> {
    let plan = Plan::queued(seed);
    if seed.is_multiple_of(2) { undisturbed(worker, plan) } else { killing(worker, &plan) }
}

/// Everything, by processes that are killed.
pub(super) fn kills(worker: &Path, seed: u64) -> Result<Tally, String> {
    killing(worker, &Plan { threads: 2, ..Plan::everything(seed) })
}

/// The same, while processes are killed at random moments and others take their place: one or two at once, some
/// of them before they have come to work, so that what the dead have left is tidied up while others work.
fn killing(worker: &Path, plan: &Plan) -> Result<Tally, String> {
    let (plan, mut random) = (Plan { lease_ms: 700, operations: 100_000, ..plan.clone() }, Random::new(plan.seed));
    let round = Round::new(plan)?;
    let mut processes = 1..;
    let mut start = || round.start(worker, processes.next().unwrap());
    let mut workers: Vec<Worker> = (0..PROCESSES).map(|_| start()).collect();
    let mut killed = 0;
    for _ in 0..BLOWS {
        let (first, both) = (usize::try_from(random.below(3)).unwrap(), random.below(3) == 0);
        let victims: &[usize] = if both { &[first, (first + 1) % 3] } else { &[first] };
        // Else perhaps one that has only begun, in the middle of opening the directory.
        if random.below(4) > 0 {
            workers[first].expect("ready");
        }
        // The moment is what is to be random.
        thread::sleep(Duration::from_micros(random.below(100_000)));
        for victim in victims {
            workers[*victim].kill();
            killed += 1;
        }
        for victim in victims {
            workers[*victim] = start();
        }
    }
    for worker in &mut workers {
        worker.kill();
        killed += 1;
    }
    drop(workers);
    round.conclude(Tally::from([("kills", killed)]))
}

/// The wall clock of several clients leaps back and forward by hours.
pub(super) fn clocks(_: &Path, seed: u64) -> Result<Tally, String> {
    // Limits and values that age are dated by that clock: a leap may be as good as the wait that it pretends.
    let plan = Plan { memos: false, refreshes: 0, limits: 0, ..Plan::everything(seed) };
    let (round, leaps, mut random) = (Round::new(plan)?, Leaps::default(), Random::new(seed));
    let clock = leaps.clone();
    let builder = round.plan.builder().wall_clock(move || clock.now());
    let cache = builder.open(round.cache()).map_err(|error| error.to_string())?;
    let subject = Shared::new(cache, &round.plan, leaps);
    let (log, of_leaps) = (round.log(1)?, round.log(2)?);
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
