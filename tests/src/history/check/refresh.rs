//! Values that are computed anew when they are too old: by one at a time, not before they are, and nobody is
//! told one that is older than it may be.

use super::once::source;
use super::search::shown;
use super::{MILLISECOND, TOLERANCE};
use crate::history::event::{Call, Outcome};
use crate::history::plan::Plan;

/// For how long a value is fresh, in nanoseconds.
const FRESH: u64 = Plan::FRESH_MS as u64 * MILLISECOND;
/// For how long after that it may be handed out.
const STALE: u64 = Plan::STALE_MS as u64 * MILLISECOND;

/// A value that was computed, from when to when, and the call that has stored it.
struct Computed<'c> {
    stamp: u64,
    from: u64,
    to: u64,
    by: &'c Call,
}

/// The calls for one value.
pub(super) fn check(calls: &[Call]) -> Result<(), String> {
    let mut all: Vec<Computed<'_>> = calls
        .iter()
        .filter_map(|by| match by.outcome {
            Some(Outcome::Memo { stamp, computed: Some((from, to)) }) => Some(Computed { stamp, from, to, by }),
            _ => None,
        })
        .collect();
    all.sort_by_key(|computed| computed.from);
    for pair in all.windows(2) {
        one_at_a_time(&pair[0], &pair[1])?;
    }
    for call in calls {
        if let Some(Outcome::Memo { stamp, .. }) = call.outcome {
            told(call, stamp, calls, &all)?;
        }
    }
    Ok(())
}

fn one_at_a_time(first: &Computed<'_>, second: &Computed<'_>) -> Result<(), String> {
    let both = || format!("\n  {}\n  {}", shown(first.by), shown(second.by));
    if second.from < first.to {
        return Err(format!("computed by two at once:{}", both()));
    }
    // Nothing removes it, so whoever looks it up after it was stored finds it, and fresh for as long.
    let (looked_up, is_stored) = (second.by.begun, first.by.ended);
    if looked_up > is_stored && second.from + TOLERANCE < first.to + FRESH {
        return Err(format!("computed while there was a fresh one:{}", both()));
    }
    Ok(())
}

fn told(call: &Call, stamp: u64, calls: &[Call], all: &[Computed<'_>]) -> Result<(), String> {
    let Some(source) = source(calls, stamp).filter(|source| source.begun <= call.ended) else {
        return Err(format!("computed by nobody:\n  {}", shown(call)));
    };
    // When it was stored at the latest: with its call, whatever became of that.
    if call.begun > source.ended.saturating_add(FRESH + STALE + TOLERANCE) {
        return Err(format!("older than it may be:\n  {}\n  {}", shown(source), shown(call)));
    }
    let newer = all.iter().find(|newer| {
        let (came_later, was_stored) = (newer.from > source.ended, newer.by.ended < call.begun);
        newer.stamp != stamp && came_later && was_stored
    });
    match newer {
        Some(newer) => Err(format!("replaced before:\n  {}\n  {}", shown(newer.by), shown(call))),
        None => Ok(()),
    }
}
