//! Locks: who holds one keeps others out, and its numbers grow.

use std::collections::HashMap;

use super::search::shown;
use crate::history::event::{Call, Outcome};
use crate::history::operation::{LockAction, Mode, Operation};

/// The calls on one lock, against what its capacity allows.
pub(super) fn check(calls: &[Call], lease_ms: u32) -> Result<(), String> {
    fences_grow(calls)?;
    let lease = u64::from(lease_ms) * 1_000_000;
    let mut taken: HashMap<u32, (&Call, Mode)> = HashMap::new();
    // When a hold certainly begins and ends, and how much of the capacity it takes.
    let mut holds: Vec<(u64, u64, u32, &Call)> = Vec::new();
    for call in calls {
        match (&call.operation, &call.outcome) {
            (Operation::Lock(_, LockAction::Acquire { mode, .. }), Some(Outcome::Fence(Some(_)))) => {
                taken.insert(call.client, (call, *mode));
            }
            (Operation::Lock(_, LockAction::Release), outcome) => {
                let Some((grant, mode)) = taken.remove(&call.client) else { continue };
                let kept = grant.begun + lease;
                if *outcome == Some(Outcome::Lapsed) && call.ended < kept {
                    return Err(format!("lost before its lease was over:\n  {}\n  {}", shown(grant), shown(call)));
                }
                let until = if *outcome == Some(Outcome::Lapsed) { kept } else { call.begun };
                holds.push((grant.ended, until, weight(mode).0, grant));
            }
            _ => {}
        }
    }
    // Whoever was killed is not followed by others before its lease is over.
    holds.extend(taken.into_values().map(|(grant, mode)| (grant.ended, grant.begun + lease, weight(mode).0, grant)));
    let capacity = calls.iter().find_map(|call| match call.operation {
        Operation::Lock(_, LockAction::Acquire { mode, .. }) => Some(weight(mode).1),
        _ => None,
    });
    let mut changes: Vec<(u64, i64, &Call)> = Vec::new();
    for (from, to, weight, grant) in holds.into_iter().filter(|(from, to, ..)| from < to) {
        changes.extend([(from, i64::from(weight), grant), (to, -i64::from(weight), grant)]);
    }
    changes.sort_by_key(|(at, weight, _)| (*at, *weight));
    let mut held = 0;
    for (_, weight, grant) in changes {
        held += weight;
        if held > i64::from(capacity.unwrap_or(0)) {
            return Err(format!("held by more than may hold it: {held} in all, the last by\n  {}", shown(grant)));
        }
    }
    Ok(())
}

/// How much of its capacity a holder takes, and how much there is.
fn weight(mode: Mode) -> (u32, u32) {
    const ALL: u32 = 1_000_000;
    match mode {
        Mode::Exclusive => (1, 1),
        Mode::Read => (1, ALL),
        Mode::Write => (ALL, ALL),
        Mode::Permit => (1, Mode::PERMITS),
    }
}

/// A grant that came after another has the greater number.
fn fences_grow(calls: &[Call]) -> Result<(), String> {
    let grants = || {
        calls.iter().filter_map(|call| match (&call.operation, &call.outcome) {
            (Operation::Lock(..), Some(Outcome::Fence(Some(fence)))) => Some((*fence, call)),
            _ => None,
        })
    };
    let (mut begun, mut ended): (Vec<_>, Vec<_>) = (grants().collect(), grants().collect());
    begun.sort_by_key(|(_, call)| call.begun);
    ended.sort_by_key(|(_, call)| call.ended);
    let mut ended = ended.into_iter().peekable();
    let mut greatest: Option<(u64, &Call)> = None;
    for (fence, call) in begun {
        while let Some(earlier) = ended.next_if(|(_, earlier)| earlier.ended < call.begun) {
            greatest = greatest.max_by_fence(earlier);
        }
        if let Some((_, earlier)) = greatest.filter(|(earlier, _)| *earlier >= fence) {
            return Err(format!("numbers do not grow:\n  {}\n  {}", shown(earlier), shown(call)));
        }
    }
    Ok(())
}

trait Greatest<'c> {
    fn max_by_fence(self, other: (u64, &'c Call)) -> Self;
}

impl<'c> Greatest<'c> for Option<(u64, &'c Call)> {
    fn max_by_fence(self, other: (u64, &'c Call)) -> Self {
        if self.is_some_and(|(fence, _)| fence >= other.0) { self } else { Some(other) }
    }
}
