//! The same random operations on the real python-diskcache and on Larder, in every shape. Their answers
//! may differ only where a rule says so: there the driver of python-diskcache does what Larder does,
//! and names the rule.

mod driver;
mod operation;

use std::collections::BTreeMap;
use std::thread;

use larder_tests::Random;
use larder_tests::subject::{Shape, Subject};
use serde_json::Value as Json;

use crate::rule::{Failure, Outcome, Rule, Verdict, equal};
use driver::Driver;
use operation::{Generator, Operation};

/// How often which rule has let answers differ.
pub(crate) type Uses = BTreeMap<String, u64>;

/// Runs so many operations in each shape, all at the same time.
pub(crate) fn run(rules: &[&Rule], seed: u64, operations: u32) -> Result<Uses, String> {
    let runs = thread::scope(|scope| {
        // Each has operations of its own.
        let runs: Vec<_> = (seed..)
            .zip(Shape::all())
            .map(|(own, shape)| {
                let run = scope.spawn(move || in_shape(rules, shape, own, operations));
                (shape, run)
            })
            .collect();
        let ended = |(shape, run): (Shape, thread::ScopedJoinHandle<'_, Result<Uses, String>>)| {
            let run = run.join().unwrap_or_else(|_| Err("a panic".to_owned()));
            run.map_err(|difference| format!("seed {seed}, {shape}, {difference}"))
        };
        runs.into_iter().map(ended).collect::<Result<Vec<_>, _>>()
    });
    let mut all = Uses::new();
    for (rule, times) in runs?.into_iter().flatten() {
        *all.entry(rule).or_default() += times;
    }
    Ok(all)
}

/// Runs operations in one shape.
fn in_shape(rules: &[&Rule], shape: Shape, seed: u64, operations: u32) -> Result<Uses, String> {
    let mut comparison = Comparison::new(rules, shape).map_err(|failure| failure.to_string())?;
    let mut generator = Generator::new(Random::new(seed), shape.shards);
    let mut done: Vec<Operation> = Vec::new();
    for _ in 0..operations {
        let operation = generator.next();
        let outcome = comparison.compare(&operation);
        done.push(operation);
        if let Err(failure) = outcome {
            let last: Vec<_> = done.iter().rev().take(12).rev().map(shown).collect();
            return Err(format!("operation {}: {failure}\n  {}", done.len(), last.join("\n  ")));
        }
    }
    comparison.end().map_err(|failure| format!("at the end: {failure}"))
}

/// An operation as it is told, cut short.
fn shown(operation: &Operation) -> String {
    operation.request().to_string().chars().take(160).collect()
}

/// Both caches, side by side.
struct Comparison<'a> {
    rules: &'a [&'a Rule],
    used: Uses,
    driver: Driver,
    subject: Subject,
}

impl<'a> Comparison<'a> {
    fn new(rules: &'a [&'a Rule], shape: Shape) -> Result<Self, Failure> {
        Ok(Self { rules, used: Uses::new(), driver: Driver::start(shape.shards)?, subject: Subject::new(shape) })
    }

    /// Does an operation on both, and demands the same answer.
    fn compare(&mut self, operation: &Operation) -> Outcome {
        let (mut expected, rules) = self.driver.ask(&operation.request())?;
        let mut found = operation.perform(&mut self.subject)?;
        for rule in &rules {
            self.assert_different(rule)?;
            *self.used.entry(rule.clone()).or_default() += 1;
        }
        if operation.is_listing() {
            let sort = rules.iter().any(|rule| rule == "shards.order");
            (expected, found) = (listing(expected, sort), listing(found, sort));
        }
        equal(found, expected)
    }

    /// Demands that there is a rule of this name by which Larder is different.
    fn assert_different(&self, id: &str) -> Outcome {
        let rule = self.rules.iter().find(|rule| rule.id == id);
        match rule.map(|rule| rule.verdict) {
            Some(Verdict::Different(_)) => Ok(()),
            Some(Verdict::Matched) => Err(Failure::new(format_args!("the rule {id} lets nothing differ"))),
            None => Err(Failure::new(format_args!("there is no rule {id}"))),
        }
    }

    /// Demands that both are sound and hold the same; returns which rules have let answers differ.
    fn end(mut self) -> Result<Uses, Failure> {
        if self.subject.is_in_transaction() {
            self.compare(&Operation::End(true))?;
        }
        for operation in Operation::closing(self.subject.shape().shards) {
            self.compare(&operation)?;
        }
        Ok(self.used)
    }
}

/// Keys as they compare: numbers that are equal are the same, and those of several shards have no order.
fn listing(keys: Json, sort: bool) -> Json {
    let Json::Array(keys) = keys else { return keys };
    let mut keys: Vec<Json> = keys
        .into_iter()
        .map(|key| match key.get("real").and_then(Json::as_f64) {
            #[allow(clippy::cast_possible_truncation, reason = "keys of this test are small")]
            Some(real) if real.fract() == 0.0 => serde_json::json!({ "integer": real as i64 }),
            _ => key,
        })
        .collect();
    if sort {
        keys.sort_by_key(ToString::to_string);
    }
    keys.into()
}
