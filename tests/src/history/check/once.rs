//! Values that are computed once.

use super::search::shown;
use crate::history::event::{Call, Outcome};
use crate::history::operation::Operation;

/// The calls for one value: all are told the same, which one of them has computed.
pub(super) fn check(calls: &[Call]) -> Result<(), String> {
    let mut first: Option<(u64, &Call)> = None;
    let mut by: Option<&Call> = None;
    for call in calls {
        let Some(Outcome::Memo { stamp, computed }) = call.outcome else { continue };
        if let Some((_, other)) = first.filter(|(told, _)| *told != stamp) {
            return Err(format!("two values:\n  {}\n  {}", shown(other), shown(call)));
        }
        first = Some((stamp, call));
        if computed.is_some()
            && let Some(other) = by.replace(call)
        {
            return Err(format!("computed twice:\n  {}\n  {}", shown(other), shown(call)));
        }
        if source(calls, stamp).is_none_or(|other| other.begun > call.ended) {
            return Err(format!("computed by nobody:\n  {}", shown(call)));
        }
    }
    Ok(())
}

/// The call that may have computed what has this stamp. One that has panicked has not.
pub(super) fn source(calls: &[Call], stamp: u64) -> Option<&Call> {
    calls.iter().find(|call| match (call.operation, &call.outcome) {
        (
            Operation::Memoize { stamp: own, panics: false, .. } | Operation::Refresh { stamp: own, panics: false, .. },
            None | Some(Outcome::Memo { .. }),
        ) => own == stamp,
        _ => false,
    })
}
