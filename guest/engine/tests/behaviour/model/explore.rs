//! Random plans, done by the cache and by the model.

use std::cell::Cell;
use std::time::{Duration, Instant};

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use super::faults::Fault;
use super::plan::Plan;
use super::{Regime, compare};

/// Goes through plans of a regime: through `cases` of them, or, if `LARDER_MODEL_SECONDS` is set, for so long.
/// `LARDER_SEED` replays what a run with this seed has begun with.
pub(super) fn explore(regime: Regime, cases: u32) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let first = number("LARDER_SEED").unwrap_or_else(new_seed);
    let long = number("LARDER_MODEL_SECONDS").map(Duration::from_secs);
    let begun = Instant::now();
    let (operations, mut done) = (Cell::new(0), 0);
    for seed in first.. {
        println!("{regime:?}, seed {seed}: {cases} plans");
        let run = run(regime, None, seed, cases, 2_000, &operations);
        if let Err(TestError::Fail(reason, plan)) = &run {
            panic!("{regime:?}, seed {seed}: {reason}\n{plan:?}");
        }
        run.unwrap();
        done += cases;
        if long.is_none_or(|long| begun.elapsed() >= long) {
            break;
        }
    }
    println!("{regime:?}: {done} plans, {} operations, {:?}", operations.get(), begun.elapsed());
}

/// Looks among `cases` plans for one in which the cache differs from a model with a fault, and makes it shorter
/// so many times as are given.
pub(super) fn search(regime: Regime, fault: Fault, cases: u32, shrinking: u32) -> Option<Plan> {
    match run(regime, Some(fault), 5, cases, shrinking, &Cell::new(0)) {
        Ok(()) => None,
        Err(TestError::Fail(_, plan)) => Some(plan),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

fn run(
    regime: Regime,
    fault: Option<Fault>,
    seed: u64,
    cases: u32,
    shrinking: u32,
    operations: &Cell<u64>,
) -> Result<(), TestError<Plan>> {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: shrinking,
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    };
    TestRunner::new(config).run(&regime.plans(), |plan| {
        operations.set(operations.get() + plan.count());
        compare::follow(&plan, fault).map_err(TestCaseError::fail)
    })
}

/// Another one each time.
fn new_seed() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_secs() * 1000 + u64::from(since.subsec_millis())
}
