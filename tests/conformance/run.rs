//! Runs the cases of rules on every shape of a cache.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use larder_tests::subject::{Shape, Subject};

use crate::rule::{Rule, Verdict};

/// What came of all rules.
pub(crate) struct Tally {
    rules: usize,
    matched: usize,
    different: usize,
    /// Rules that do not hold in some shape.
    pub(crate) failing: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rules, matched, different, failing } = self;
        write!(formatter, "rules: {rules}, matched: {matched}, deliberately different: {different}, failing: {failing}")
    }
}

/// Runs each rule in each shape, and tells which do not hold, where and why.
pub(crate) fn all(rules: &[&Rule]) -> Tally {
    let work: Vec<(usize, Shape)> =
        Shape::all().flat_map(|shape| (0..rules.len()).map(move |index| (index, shape))).collect();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(vec![false; rules.len()]));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((index, shape)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(reason) = show(rules[*index], *shape) {
                        println!("failing: {} ({shape}): {reason}", rules[*index].id);
                        failed.lock().unwrap()[*index] = true;
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    let holding = |wanted: fn(Verdict) -> bool| {
        rules.iter().zip(&failed).filter(|(rule, failed)| !**failed && wanted(rule.verdict)).count()
    };
    Tally {
        rules: rules.len(),
        matched: holding(|verdict| verdict == Verdict::Matched),
        different: holding(|verdict| verdict != Verdict::Matched),
        failing: failed.iter().filter(|failed| **failed).count(),
    }
}

/// Runs the case of a rule on a new cache.
fn show(rule: &Rule, shape: Shape) -> Result<(), String> {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut subject = Subject::new(shape);
        (rule.case)(&mut subject)
    }));
    match outcome {
        Ok(outcome) => outcome.map_err(|failure| failure.to_string()),
        Err(panic) => Err(message(&*panic)),
    }
}

/// What a panic says.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}
