//! Limits: never more than is allowed in any stretch of time, and nobody is refused without a reason.

use super::TOLERANCE;
use super::search::shown;
use crate::history::event::{Call, Outcome};
use crate::history::operation::Operation;
use crate::history::plan::Plan;

/// The calls on one limit.
pub(super) fn check(calls: &[Call]) -> Result<(), String> {
    let period = u64::try_from(Plan::PERIOD.as_nanos()).unwrap();
    never_too_many(calls, period)?;
    never_without_reason(calls, period)
}

/// How many a call takes, and whether it is about a window.
fn terms(call: &Call) -> (u64, bool) {
    match call.operation {
        Operation::Take { limit, amount } => (amount.into(), limit.is_multiple_of(2)),
        _ => (0, false),
    }
}

/// How many come within so long to a bucket.
fn refilled(time: u64, period: u64) -> u64 {
    u64::try_from(u128::from(time) * u128::from(Plan::TAKES) / u128::from(period)).unwrap_or(u64::MAX)
}

/// All that was certainly granted from the beginning of one call to the end of another is within the limit.
fn never_too_many(calls: &[Call], period: u64) -> Result<(), String> {
    let granted = |call: &&Call| call.outcome == Some(Outcome::Flag(true));
    let mut by_end: Vec<&Call> = calls.iter().filter(granted).collect();
    by_end.sort_by_key(|call| call.ended);
    for first in calls.iter().filter(granted) {
        let mut taken = 0;
        for last in by_end.iter().filter(|call| call.begun >= first.begun) {
            let time = last.ended - first.begun + TOLERANCE;
            let (amount, is_window) = terms(last);
            taken += amount;
            let most = match is_window {
                true if time < period => u64::from(Plan::TAKES),
                true => break,
                false => u64::from(Plan::TAKES) + refilled(time, period),
            };
            if taken > most {
                return Err(format!("{taken} were granted, of {most}, from\n  {}\n  {}", shown(first), shown(last)));
            }
        }
    }
    Ok(())
}

/// Whoever is refused would have been one too many together with what may have been granted before.
fn never_without_reason(calls: &[Call], period: u64) -> Result<(), String> {
    let may_be_granted = |call: &&Call| matches!(call.outcome, None | Some(Outcome::Flag(true)));
    for refused in calls.iter().filter(|call| call.outcome == Some(Outcome::Flag(false))) {
        let (amount, is_window) = terms(refused);
        let before: Vec<&Call> =
            calls.iter().filter(may_be_granted).filter(|call| call.begun <= refused.ended).collect();
        let taken_since = |from: u64| -> u64 {
            before.iter().filter(|call| call.ended.saturating_add(TOLERANCE) >= from).map(|call| terms(call).0).sum()
        };
        let has_reason = if is_window {
            taken_since(refused.begun.saturating_sub(period)) + amount > Plan::TAKES.into()
        } else {
            before.iter().any(|first| {
                // What has come to the bucket since this one, at least.
                let time = refused.begun.saturating_sub(first.ended.saturating_add(TOLERANCE));
                taken_since(first.begun) + amount > u64::from(Plan::TAKES) + refilled(time, period)
            })
        };
        if !has_reason {
            return Err(format!("refused without a reason:\n  {}", shown(refused)));
        }
    }
    Ok(())
}
