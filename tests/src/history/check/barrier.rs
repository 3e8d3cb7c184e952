//! Barriers: nobody goes on before all are there.

use std::collections::BTreeMap;

use super::search::shown;
use crate::history::event::{Call, Outcome};
use crate::history::plan::Plan;

/// The calls at one barrier.
pub(super) fn check(calls: &[Call]) -> Result<(), String> {
    let mut openings: BTreeMap<u64, Vec<&Call>> = BTreeMap::new();
    for call in calls {
        if let Some(Outcome::Opening(Some(number))) = call.outcome {
            openings.entry(number).or_default().push(call);
        }
    }
    let mut latest: Option<&Call> = None;
    for (number, parties) in &openings {
        // It opened before the first of them went on.
        let first = parties.iter().min_by_key(|call| call.ended).unwrap();
        if let Some(late) = parties.iter().find(|call| call.begun > first.ended) {
            return Err(format!("opening {number} had gone on:\n  {}\n  {}", shown(first), shown(late)));
        }
        let lost = calls.iter().filter(|call| !call.is_complete() && call.begun <= first.ended).count();
        let all = Plan::PARTIES as usize;
        if parties.len() > all || parties.len() + lost < all {
            return Err(format!("opening {number} had {} parties of {all}:\n  {}", parties.len(), shown(first)));
        }
        if let Some(latest) = latest.filter(|latest| latest.begun > first.ended) {
            return Err(format!("the numbers of openings do not grow:\n  {}\n  {}", shown(latest), shown(first)));
        }
        latest = parties.iter().copied().chain(latest).max_by_key(|call| call.begun);
    }
    Ok(())
}
