//! The operations of a client, drawn from a seed.

mod draw;

use std::collections::HashMap;

use super::event::Outcome;
use super::operation::{LockAction, Operation};
use super::plan::Plan;
use crate::Random;

/// What one client does next, and what it remembers of what it was told.
#[derive(Debug)]
pub(super) struct Workload {
    plan: Plan,
    client: u32,
    random: Random,
    /// How many operations were given out.
    given: u32,
    stamps: u64,
    /// The version last seen of an entry, to compare with.
    seen: HashMap<u32, u64>,
    /// The lock it holds, and for how many further operations.
    held: Option<(u32, u64)>,
    /// The line it uses again and again, and for how many further operations on one.
    favourite: Option<(u32, u32)>,
}

impl Workload {
    /// The operations of a client; those of each are others.
    pub(super) fn new(plan: &Plan, client: u32) -> Self {
        let random = Random::new(plan.seed ^ u64::from(client).wrapping_mul(0xa076_1d64_78bd_642f));
        Self {
            plan: plan.clone(),
            client,
            random,
            given: 0,
            stamps: 0,
            seen: HashMap::new(),
            held: None,
            favourite: None,
        }
    }

    /// What comes next; none once all is done, and nothing is held any more.
    pub(super) fn next(&mut self) -> Option<Operation> {
        if let Some((lock, left)) = &mut self.held {
            if *left == 0 || self.given >= self.plan.operations {
                let lock = *lock;
                self.held = None;
                return Some(Operation::Lock(lock, LockAction::Release));
            }
            *left -= 1;
        }
        if self.given >= self.plan.operations {
            return None;
        }
        self.given += 1;
        Some(self.draw())
    }

    /// Learns what came of an operation.
    pub(super) fn learn(&mut self, operation: Operation, outcome: &Outcome) {
        match (operation, outcome) {
            (Operation::Item(item, _), Outcome::Version(Some(version)) | Outcome::Entry(Some((_, version)))) => {
                self.seen.insert(item, *version);
            }
            (Operation::Lock(lock, LockAction::Acquire { .. }), Outcome::Fence(Some(_))) => {
                self.held = Some((lock, self.random.below(3)));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::operation::{Content, LineAction};

    #[test]
    fn a_seed_replays_and_no_stamp_is_used_twice() {
        let plan = Plan::everything(3);
        let run = |client| {
            let mut workload = Workload::new(&plan, client);
            std::iter::from_fn(move || workload.next()).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let stamps = [run(1), run(2)].concat().into_iter().filter_map(|operation| match operation {
            Operation::Memoize { stamp, .. }
            | Operation::Refresh { stamp, .. }
            | Operation::Line(_, LineAction::Push { content: Content::Body { stamp, .. }, .. }) => Some(stamp),
            _ => None,
        });
        let mut stamps: Vec<u64> = stamps.collect();
        let count = stamps.len();
        stamps.sort_unstable();
        stamps.dedup();
        assert!(count > 50 && stamps.len() == count);
    }

    #[test]
    fn a_lock_that_is_held_is_given_back_and_nobody_waits_meanwhile() {
        let mut workload = Workload::new(&Plan::everything(5), 1);
        let mut holds = 0;
        while let Some(operation) = workload.next() {
            match operation {
                Operation::Lock(_, LockAction::Acquire { .. }) => {
                    holds += 1;
                    workload.learn(operation, &Outcome::Fence(Some(1)));
                }
                Operation::Lock(_, LockAction::Release) => holds -= 1,
                Operation::Meet { .. } | Operation::Memoize { .. } | Operation::Refresh { .. } => assert_eq!(holds, 0),
                _ => {}
            }
            assert!((0..=1).contains(&holds));
        }
        assert_eq!(holds, 0);
    }

    /// The kind of an operation, with that of its action.
    fn kind(operation: Operation) -> String {
        let words = format!("{operation:?}");
        let name = |word: &str| word.chars().take_while(|letter| letter.is_alphabetic()).collect::<String>();
        let action = words.split_once(", ").map_or("", |(_, action)| action);
        format!("{} {}", name(&words), name(action))
    }

    #[test]
    fn every_kind_of_operation_is_drawn() {
        let mut kinds = std::collections::BTreeSet::new();
        for plan in [Plan::everything(1), Plan::cleared(1), Plan::limited(0), Plan::limited(2)] {
            for client in 1..20 {
                let mut workload = Workload::new(&plan, client);
                while let Some(operation) = workload.next() {
                    kinds.insert(kind(operation));
                    if matches!(operation, Operation::Lock(_, LockAction::Acquire { .. })) {
                        workload.learn(operation, &Outcome::Fence(Some(1)));
                    }
                }
            }
        }
        for expected in [
            "Item GetRecent",
            "Item Write",
            "Item GiveUp",
            "Item Read",
            "Item ReadRanges",
            "Item CompareAndDelete",
            "Group Abandon",
            "Line Peek",
            "Index Update",
            "Index SetDefault",
            "Index PopItem",
            "Index MoveToEnd",
            "Index Clear",
            "Tally Pop",
            "Lock Release",
            "Memoize stamp",
            "Refresh stamp",
            "Take amount",
            "Meet ",
            "TouchMany ttl",
            "Crowd ",
            "Evict ",
            "Clear ",
            "Count ",
            "Upkeep ",
            "Scan reverse",
        ] {
            assert!(kinds.contains(expected), "{expected} is not among {kinds:?}");
        }
    }
}
