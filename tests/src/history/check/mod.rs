//! Whether a history is legal: for each thing by itself, since what holds for each holds for all.

mod exclusion;
mod group;
mod line;
mod once;
mod register;
mod search;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::event::{Call, ItemAction, Operation, Outcome};
use super::plan::{Plan, tag_of};
use register::Register;
use search::{Verdict, search, shown};

/// What was found to be legal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Calls in all.
    pub calls: u64,
    /// Things whose calls were put into order.
    pub histories: u64,
    /// Things of which that was too much work.
    pub undecided: u64,
}

/// The things a history is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Item(u32),
    Group(u32),
    Line(u32),
    Lock(u32),
    Memo(u32),
}

/// Checks a history, which comes sorted by when calls began; what is wrong with it otherwise.
pub fn check(calls: &[Call], plan: &Plan) -> Result<Checked, String> {
    for call in calls {
        let too_many = matches!((&call.outcome, plan.item_limit), (Some(Outcome::Count(count)), Some(limit))
            if call.operation == Operation::Count && *count > limit);
        if too_many || matches!(call.outcome, Some(Outcome::Failed(_))) {
            return Err(format!("never to be:\n  {}", shown(call)));
        }
    }
    let leaps: Vec<Call> =
        calls.iter().filter(|call| matches!(call.operation, Operation::Leap { .. })).cloned().collect();
    let mut checked = Checked { calls: calls.len() as u64, ..Checked::default() };
    for (thing, calls) in by_thing(calls, plan)? {
        checked.histories += 1;
        let verdict = match thing {
            Thing::Item(_) => search(&Register { may_go: plan.item_limit.is_some(), leaps: &leaps }, &calls),
            Thing::Group(_) => search(&group::Group, &calls),
            Thing::Line(_) => line::conserves(&calls).map_or_else(Verdict::Illegal, |()| search(&line::Line, &calls)),
            Thing::Lock(_) => {
                exclusion::check(&calls, plan.lease_ms).map_or_else(Verdict::Illegal, |()| Verdict::Legal)
            }
            Thing::Memo(_) => once::check(&calls).map_or_else(Verdict::Illegal, |()| Verdict::Legal),
        };
        match verdict {
            Verdict::Legal => {}
            Verdict::Undecided => checked.undecided += 1,
            Verdict::Illegal(reason) => return Err(format!("{thing:?}: {reason}")),
        }
    }
    Ok(checked)
}

/// The calls on each thing. What is about many is a call on each of them.
fn by_thing(calls: &[Call], plan: &Plan) -> Result<BTreeMap<Thing, Vec<Call>>, String> {
    let mut things: BTreeMap<Thing, Vec<Call>> = BTreeMap::new();
    let mut note = |thing, call| things.entry(thing).or_default().push(call);
    for call in calls {
        let on_item =
            |item, action, outcome| Call { operation: Operation::Item(item, action), outcome, ..call.clone() };
        match call.operation {
            Operation::Item(item, _) => note(Thing::Item(item), call.clone()),
            Operation::Group(group, _) => {
                for call in group::split(call) {
                    note(Thing::Group(group), call);
                }
            }
            Operation::Line(line, _) => note(Thing::Line(line), call.clone()),
            Operation::Lock(lock, _) => note(Thing::Lock(lock), call.clone()),
            Operation::Memoize { memo, .. } => note(Thing::Memo(memo), call.clone()),
            Operation::Evict { tag } => {
                for item in (0..plan.items).filter(|item| tag_of(*item) == tag) {
                    note(Thing::Item(item), on_item(item, ItemAction::Evict, call.outcome.clone()));
                }
            }
            Operation::Scan { .. } => {
                let Some(Outcome::Items(seen)) = &call.outcome else { continue };
                for item in 0..plan.items {
                    let mut found = seen.iter().filter(|(other, ..)| *other == item);
                    let entry = found.next().map(|(_, content, version)| (*content, *version));
                    if found.next().is_some() {
                        return Err(format!("item {item} is seen twice:\n  {}", shown(call)));
                    }
                    note(Thing::Item(item), on_item(item, ItemAction::Observe, Some(Outcome::Entry(entry))));
                }
            }
            Operation::Take | Operation::Count | Operation::Upkeep(_) | Operation::Leap { .. } => {}
        }
    }
    Ok(things)
}
