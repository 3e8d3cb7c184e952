//! Counters and averages: nothing that was added is missing or counted twice.

use super::search::Model;
use crate::history::event::{Call, Outcome};
use crate::history::operation::{Operation, TallyAction};

/// A counter, or an average.
pub(super) struct Tally;

/// The sum, and of how many numbers.
type Sum = (i64, u64);

impl Model for Tally {
    type State = Sum;

    fn initial(&self) -> Sum {
        (0, 0)
    }

    fn step(&self, before: &Sum, call: &Call) -> Vec<Sum> {
        let Operation::Tally(tally, action) = call.operation else { return Vec::new() };
        let (next, seen) = match action {
            TallyAction::Add { number } => {
                let sum = (before.0 + i64::from(number), before.1 + 1);
                (sum, sum)
            }
            TallyAction::Get => (*before, *before),
            TallyAction::Pop => (self.initial(), *before),
        };
        let expected = if tally.is_multiple_of(2) { Outcome::Sum(seen.0) } else { mean(seen) };
        if call.outcome.as_ref().is_none_or(|outcome| *outcome == expected) { vec![next] } else { Vec::new() }
    }
}

/// Sums of so few small integers are exact in reals.
#[allow(clippy::cast_precision_loss, reason = "sums and counts of histories are far below 2^52")]
fn mean((sum, count): Sum) -> Outcome {
    Outcome::Mean((count > 0).then(|| ((sum as f64 / count as f64).to_bits(), count)))
}
