//! Whether a history is legal: for each thing by itself, since what holds for each holds for all.

mod barrier;
mod exclusion;
mod group;
mod index;
mod lifetime;
mod line;
mod once;
mod rate;
mod refresh;
mod register;
mod room;
mod search;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::event::{Call, Outcome};
use super::operation::{ItemAction, LockAction, Operation};
use super::plan::{Plan, tag_of};
use register::Register;
use room::Room;
use search::{Verdict, search, shown};

/// In nanoseconds.
const MILLISECOND: u64 = 1_000_000;
/// By how much the wall clock and the one of histories may differ, in nanoseconds.
const TOLERANCE: u64 = 5 * MILLISECOND;

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
    Index(u32),
    Tally(u32),
    Limit(u32),
    Barrier(u32),
    Lock(u32),
    Memo(u32),
    Refresh(u32),
}

/// Checks a history, which comes sorted by when calls began; what is wrong with it otherwise.
pub fn check(calls: &[Call], plan: &Plan) -> Result<Checked, String> {
    if let Some(call) = calls.iter().find(|call| is_never_to_be(call, plan)) {
        return Err(format!("never to be:\n  {}", shown(call)));
    }
    let leaps: Vec<Call> =
        calls.iter().filter(|call| matches!(call.operation, Operation::Leap { .. })).cloned().collect();
    let things = by_thing(calls, plan)?;
    let items = things.iter().filter_map(|(thing, calls)| match thing {
        Thing::Item(item) => Some((*item, calls.as_slice())),
        _ => None,
    });
    let room = Room::of(items, plan);
    let mut checked = Checked { calls: calls.len() as u64, ..Checked::default() };
    for (thing, calls) in &things {
        checked.histories += 1;
        let verdict = match *thing {
            Thing::Item(item) => search(&Register { item, plan, room: room.as_ref(), leaps: &leaps }, calls),
            Thing::Group(_) => search(&group::Group, calls),
            Thing::Line(_) => all_right(line::conserves(calls)).or_else(|| search(&line::Line, calls)),
            Thing::Index(_) => search(&index::Index, calls),
            Thing::Tally(_) => search(&tally::Tally, calls),
            Thing::Limit(_) => all_right(rate::check(calls)),
            Thing::Barrier(_) => all_right(barrier::check(calls)),
            Thing::Lock(_) => all_right(exclusion::check(calls, plan.lease_ms)),
            Thing::Memo(_) => all_right(once::check(calls)),
            Thing::Refresh(_) => all_right(refresh::check(calls)),
        };
        match verdict {
            Verdict::Legal => {}
            Verdict::Undecided => checked.undecided += 1,
            Verdict::Illegal(reason) => return Err(format!("{thing:?}: {reason}")),
        }
    }
    Ok(checked)
}

fn all_right(checked: Result<(), String>) -> Verdict {
    checked.map_or_else(Verdict::Illegal, |()| Verdict::Legal)
}

/// What no order can explain: an error that is none of a fault, or more than a limit allows.
fn is_never_to_be(call: &Call, plan: &Plan) -> bool {
    match (call.operation, &call.outcome) {
        (_, Some(Outcome::Failed(_))) => true,
        (Operation::Count, Some(Outcome::Count(count))) => plan.item_limit.is_some_and(|limit| *count > limit),
        // Asked for at rest alone.
        (Operation::Volume, Some(Outcome::Count(volume))) => plan.size_limit.is_some_and(|limit| *volume > limit),
        _ => false,
    }
}

/// The calls on each thing. What is about many is a call on each of them.
fn by_thing(calls: &[Call], plan: &Plan) -> Result<BTreeMap<Thing, Vec<Call>>, String> {
    let mut things: BTreeMap<Thing, Vec<Call>> = BTreeMap::new();
    let mut note = |thing, call| things.entry(thing).or_default().push(call);
    for call in calls {
        let on_item =
            |item, action, outcome| Call { operation: Operation::Item(item, action), outcome, ..call.clone() };
        match call.operation {
            // What was refused has changed nothing; but whoever gives a lock back does not hold it any more.
            operation if is_refused(call) && !matches!(operation, Operation::Lock(_, LockAction::Release)) => {}
            Operation::Item(item, _) => note(Thing::Item(item), call.clone()),
            Operation::Group(group, _) => {
                for call in group::split(call) {
                    note(Thing::Group(group), call);
                }
            }
            Operation::Line(line, _) => note(Thing::Line(line), call.clone()),
            Operation::Index(index, _) => note(Thing::Index(index), call.clone()),
            Operation::Tally(tally, _) => note(Thing::Tally(tally), call.clone()),
            Operation::Take { limit, .. } => note(Thing::Limit(limit), call.clone()),
            Operation::Meet { barrier } => note(Thing::Barrier(barrier), call.clone()),
            Operation::Lock(lock, _) => note(Thing::Lock(lock), call.clone()),
            Operation::Memoize { memo, .. } => note(Thing::Memo(memo), call.clone()),
            Operation::Refresh { memo, .. } => note(Thing::Refresh(memo), call.clone()),
            Operation::TouchMany { tag, ttl_ms } => {
                let flags = match &call.outcome {
                    Some(Outcome::Flags(flags)) => flags.iter().map(|flag| Some(Outcome::Flag(*flag))).collect(),
                    _ => vec![None; plan.tagged(tag).count()],
                };
                for (item, outcome) in plan.tagged(tag).zip(flags) {
                    note(Thing::Item(item), on_item(item, ItemAction::Touch { ttl_ms }, outcome));
                }
            }
            Operation::Evict { .. } | Operation::Clear => {
                let is_meant = |item: &u32| match call.operation {
                    Operation::Evict { tag } => tag_of(*item) == tag,
                    _ => true,
                };
                for item in (0..plan.items).filter(is_meant) {
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
            Operation::Crowd { .. }
            | Operation::Count
            | Operation::Volume
            | Operation::Upkeep(_)
            | Operation::Leap { .. } => {}
        }
    }
    Ok(things)
}

fn is_refused(call: &Call) -> bool {
    matches!(call.outcome, Some(Outcome::Refused(_)))
}
