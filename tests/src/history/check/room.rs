//! When a limit can have demanded that entries go: only while those that may be there together exceed it.

use larder_engine::Key;
use larder_engine::testing::shard_of;

use super::lifetime::stores;
use crate::history::event::{Call, Outcome};
use crate::history::operation::{Content, ItemAction, Operation};
use crate::history::plan::{Plan, item_key};

/// What a database takes for an entry besides its value, at most.
const PAGES: u64 = 8 * 1024;
/// How much of a bound on the size is there for entries at least: up to a half may be the log, an eighth is
/// kept free for it, and the rest of it are pages of the database that are always there.
const SHARE_OF_ENTRIES: u64 = 4;

/// For each shard the times in which there may have been too many entries.
pub(super) struct Room {
    crowded: Vec<Vec<(u64, u64)>>,
}

impl Room {
    /// Looks through the calls on each entry; none if nothing is limited.
    pub(super) fn of<'c>(items: impl Iterator<Item = (u32, &'c [Call])>, plan: &Plan) -> Option<Self> {
        let limit = plan.item_limit.or(plan.size_limit.map(|size| size / SHARE_OF_ENTRIES))?;
        let mut changes: Vec<Vec<(u64, i64)>> = vec![Vec::new(); plan.shards as usize];
        for (item, calls) in items {
            let weight = if plan.item_limit.is_some() { 1 } else { largest(calls) };
            for (from, to) in presence(calls) {
                changes[shard(item, plan)].extend([(from, weight), (to, -weight)]);
            }
        }
        let shards = u64::from(plan.shards);
        let share = |shard: u64| i64::try_from(limit / shards + u64::from(shard < limit % shards)).unwrap();
        Some(Self { crowded: (0..).zip(changes).map(|(shard, changes)| above(share(shard), changes)).collect() })
    }

    /// Whether an entry can have gone to make room, from one time to another.
    pub(super) fn may_go(&self, item: u32, plan: &Plan, from: u64, to: u64) -> bool {
        self.crowded[shard(item, plan)].iter().any(|crowded| crowded.0 <= to && crowded.1 >= from)
    }
}

fn shard(item: u32, plan: &Plan) -> usize {
    shard_of(&Key::Text(item_key(item)), plan.shards as usize)
}

/// What the largest value of an entry takes.
fn largest(calls: &[Call]) -> i64 {
    let sizes = calls.iter().map(|call| match call.operation {
        Operation::Item(
            _,
            ItemAction::Set { content: Content::Body { size, .. }, .. }
            | ItemAction::Add { content: Content::Body { size, .. }, .. }
            | ItemAction::CompareAndSet { content: Content::Body { size, .. }, .. }
            | ItemAction::Write { content: Content::Body { size, .. }, .. },
        ) => u64::from(size).next_multiple_of(4_096),
        _ => 0,
    });
    i64::try_from(sizes.max().unwrap_or(0) + PAGES).unwrap()
}

/// When an entry may have been there: from a store on until it has certainly gone.
fn presence(calls: &[Call]) -> Vec<(u64, u64)> {
    let stores: Vec<&Call> = calls.iter().filter(|call| stores(call)).collect();
    let mut absences: Vec<&Call> = calls.iter().filter(|call| is_absent_after(call)).collect();
    // Not where it may have been stored at the same time.
    absences.retain(|call| stores.iter().all(|store| store.begun > call.ended || store.ended < call.begun));
    let mut times = Vec::new();
    let mut since: Option<u64> = None;
    let mut absences = absences.into_iter().peekable();
    for store in stores {
        while let Some(absence) = absences.next_if(|absence| absence.ended < store.begun) {
            times.extend(since.take().map(|since| (since, absence.ended)));
        }
        since = since.or(Some(store.begun));
    }
    let gone = absences.next().map_or(Call::NEVER, |absence| absence.ended);
    times.extend(since.map(|since| (since, gone)));
    times
}

/// Whether a call has found nothing, or has left nothing.
fn is_absent_after(call: &Call) -> bool {
    let Operation::Item(_, action) = call.operation else { return false };
    let Some(outcome) = &call.outcome else { return false };
    match action {
        ItemAction::Delete | ItemAction::Pop | ItemAction::Evict => true,
        ItemAction::CompareAndDelete { .. } => *outcome == Outcome::Flag(true),
        // What is too old for it may be there.
        ItemAction::GetRecent { .. } => false,
        _ => matches!(outcome, Outcome::Value(None) | Outcome::Entry(None) | Outcome::Flag(false)),
    }
}

/// When the sum of what comes and goes is above a bound.
fn above(bound: i64, mut changes: Vec<(u64, i64)>) -> Vec<(u64, u64)> {
    // At the same moment, what comes is there before what goes is gone.
    changes.sort_by_key(|(at, change)| (*at, -change));
    let (mut sum, mut since, mut times) = (0, None, Vec::new());
    for (at, change) in changes {
        sum += change;
        if sum > bound {
            since = since.or(Some(at));
        } else if let Some(since) = since.take() {
            times.push((since, at));
        }
    }
    times.extend(since.map(|since| (since, Call::NEVER)));
    times
}
