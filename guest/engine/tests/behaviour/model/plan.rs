//! What is done with a new cache: its settings, and operations.

use larder_engine::{Changes, Limit, OpenOptions, Policy};
use proptest::prelude::*;
use proptest::sample::select;

use super::drawing::Range;
use super::operation::{Operation, POLICIES};
use super::state::Settings;

/// Which limits there are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Regime {
    Unlimited,
    Items,
    Size,
}

#[derive(Debug, Clone)]
pub(super) struct Plan {
    shards: u32,
    item_limit: Option<u64>,
    size_limit: Option<u64>,
    policy: Policy,
    inline_threshold: u32,
    pub(super) operations: Vec<Operation>,
}

/// The size limit, with which there is room for a dozen values of medium size.
const SIZE: u64 = 1 << 20;

impl Regime {
    pub(super) fn plans(self) -> BoxedStrategy<Plan> {
        let (range, shards, inline_threshold) = match self {
            Self::Unlimited => (Range { length: 250, rarely: 250, items: None, size: None }, vec![1, 4], 100),
            Self::Items => (Range { length: 250, rarely: 250, items: Some(8), size: None }, vec![1, 1, 2], 100),
            // So that what counts lies in files: how many pages a database takes is not for a model to know.
            Self::Size => (Range { length: 180_000, rarely: 900_000, items: None, size: Some(SIZE) }, vec![1, 1, 2], 1),
        };
        let items = range.items.map_or(2..=2, |most| 2..=most);
        let operations = prop::collection::vec(range.operation(), 1..140);
        (select(shards), items, select(POLICIES.as_slice()), operations)
            .prop_map(move |(shards, limit, policy, operations)| Plan {
                shards,
                item_limit: range.items.map(|_| limit),
                size_limit: range.size,
                policy,
                inline_threshold,
                operations,
            })
            .boxed()
    }
}

impl Plan {
    /// Number of operations.
    pub(super) fn count(&self) -> u64 {
        self.operations.iter().map(Operation::count).sum()
    }

    pub(super) fn options(&self) -> OpenOptions {
        let limit = |most: Option<u64>| most.map_or(Limit::Unlimited, Limit::AtMost);
        OpenOptions {
            shards: Some(self.shards),
            changes: Changes {
                size_limit: limit(self.size_limit),
                item_limit: limit(self.item_limit),
                policy: Some(self.policy),
                inline_threshold: Some(self.inline_threshold),
                ..Changes::default()
            },
            ..OpenOptions::default()
        }
    }

    /// The same for the model.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            shards: self.shards as usize,
            item_limit: self.item_limit,
            size_limit: self.size_limit,
            policy: self.policy,
            default_ttl: None,
            inline_threshold: self.inline_threshold,
        }
    }
}
