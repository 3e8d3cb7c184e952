//! The rules, by what they are about.

mod bulk;
mod check;
mod eviction;
mod expiry;
mod items;
mod iteration;
mod keys;
mod numbers;
mod opening;
mod policies;
mod queues;
mod removal;
mod settings;
mod sharding;
mod sharing;
mod statistics;
mod streams;
mod tags;
mod transactions;
mod values;

use crate::rule::Topic;

/// All of them, in the order in which they are listed.
pub(crate) const TOPICS: &[Topic] = &[
    keys::TOPIC,
    values::TOPIC,
    streams::TOPIC,
    items::TOPIC,
    numbers::TOPIC,
    expiry::TOPIC,
    tags::TOPIC,
    bulk::TOPIC,
    queues::TOPIC,
    iteration::TOPIC,
    removal::TOPIC,
    eviction::TOPIC,
    policies::TOPIC,
    transactions::TOPIC,
    sharing::TOPIC,
    sharding::TOPIC,
    statistics::TOPIC,
    settings::TOPIC,
    opening::TOPIC,
    check::TOPIC,
];
