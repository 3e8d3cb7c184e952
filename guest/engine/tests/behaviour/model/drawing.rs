//! Operations drawn at random.

use proptest::prelude::*;
use proptest::sample::select;

use super::operation::{Choice, Content, KEYS, Lasting, Operation, POLICIES, QUEUES, Setting, Stored};

/// What operations there are under some limits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    /// The greatest length of a value.
    pub(super) length: u32,
    /// The greatest length of one in sixteen.
    pub(super) rarely: u32,
    /// The greatest item limit, of which some are drawn; none for no limit at all.
    pub(super) items: Option<u64>,
    /// The size limit, which is drawn or a half more of it; none for no limit at all.
    pub(super) size: Option<u64>,
}

impl Range {
    pub(super) fn operation(self) -> BoxedStrategy<Operation> {
        let items = self.on_items().boxed();
        let looks = prop_oneof![4 => items.clone(), 1 => any_look(), 1 => any_advance()];
        prop_oneof![
            24 => items.clone(),
            4 => self.on_all(),
            2 => any_look(),
            4 => any_advance(),
            2 => (prop::collection::vec(items, 0..8), any::<bool>())
                .prop_map(|(operations, commit)| Operation::Transaction(operations, commit)),
            1 => prop_oneof![
                2 => prop::collection::vec(looks, 0..6).prop_map(Operation::LookOn),
                3 => Just(Operation::Reopen),
                3 => any_advance(),
            ],
        ]
        .boxed()
    }

    fn content(self) -> BoxedStrategy<Content> {
        let length = 0..=self.length;
        let value = prop_oneof![
            6 => (-9_i64..9).prop_map(Stored::Integer),
            6 => length.clone().prop_map(Stored::Bytes),
            3 => length.prop_map(Stored::Text),
            1 => (0..=self.rarely).prop_map(Stored::Bytes),
        ];
        (value, any_lasting(), prop::bool::weighted(0.3), prop::collection::vec(0_u8..3, 0..3))
            .prop_map(|(value, lasting, sliding, tags)| Content { value, lasting, sliding, tags })
            .boxed()
    }

    /// Operations on keys and queues, which can be parts of a transaction.
    fn on_items(self) -> impl Strategy<Value = Operation> + use<> {
        let part = || prop_oneof![Just(1_u32), 2..300_u32, Just(self.length.max(2) / 2)];
        prop_oneof![
            14 => self.on_keys(),
            12 => any_on_keys(part().boxed()),
            2 => (0..QUEUES, any::<bool>(), self.content())
                .prop_map(|(queue, front, content)| Operation::Push(queue, front, content)),
            1 => (0..QUEUES, any::<bool>()).prop_map(|(queue, front)| Operation::Pull(queue, front)),
            1 => (0..QUEUES, any::<bool>()).prop_map(|(queue, front)| Operation::Peek(queue, front)),
            1 => (0..QUEUES).prop_map(Operation::QueueLength),
        ]
    }

    /// Operations that store under keys.
    fn on_keys(self) -> impl Strategy<Value = Operation> + use<> {
        let content = self.content();
        let key = || 0..KEYS;
        let drafts = prop::collection::vec((key(), content.clone()), 0..6);
        let (part, least) = ((self.length / 3).max(1), 0..=self.length);
        let streamed =
            (least, content.clone()).prop_map(|(length, content)| Content { value: Stored::Bytes(length), ..content });
        prop_oneof![
            8 => (key(), content.clone()).prop_map(|(key, content)| Operation::Set(key, content)),
            2 => drafts.prop_map(Operation::SetMany),
            2 => (key(), 1..=part, streamed).prop_map(|(key, part, content)| Operation::Write(key, part, content)),
            3 => (key(), content.clone()).prop_map(|(key, content)| Operation::Add(key, content)),
            3 => (key(), any::<bool>(), content.clone())
                .prop_map(|(key, right, content)| Operation::CompareAndSet(key, right, content)),
            3 => (key(), -5_i64..5, any::<bool>(), content)
                .prop_map(|(key, delta, create, content)| Operation::Increment(key, delta, create, content)),
        ]
    }

    /// Operations on the whole cache.
    fn on_all(self) -> impl Strategy<Value = Operation> + use<> {
        prop_oneof![
            3 => any_choice().prop_map(|choice| match choice {
                // What is left then is little to go on with.
                Choice::All => Operation::Expire,
                some => Operation::Evict(some),
            }),
            1 => Just(Operation::Expire),
            1 => Just(Operation::Cull),
            1 => prop::bool::weighted(0.2).prop_map(|all| if all { Operation::Clear } else { Operation::Compact }),
            3 => self.setting().prop_map(Operation::Configure),
        ]
    }

    fn setting(self) -> BoxedStrategy<Setting> {
        let mut all = vec![
            select(POLICIES.as_slice()).prop_map(Setting::Policy).boxed(),
            prop::option::of(1_u8..5).prop_map(Setting::DefaultTtl).boxed(),
        ];
        if let Some(most) = self.items {
            all.push((most / 4..=most).prop_map(|limit| Setting::ItemLimit(Some(limit.max(2)))).boxed());
        }
        match self.size {
            Some(limit) => {
                all.push(
                    select(vec![limit, limit + limit / 2]).prop_map(|limit| Setting::SizeLimit(Some(limit))).boxed(),
                );
            }
            None => all.push((1_u32..300).prop_map(Setting::InlineThreshold).boxed()),
        }
        proptest::strategy::Union::new(all).boxed()
    }
}

fn any_lasting() -> impl Strategy<Value = Lasting> {
    prop_oneof![2 => Just(Lasting::Default), 1 => Just(Lasting::Never), 3 => (0_u8..6).prop_map(Lasting::After)]
}

/// Operations on keys that store nothing.
fn any_on_keys(part: BoxedStrategy<u32>) -> impl Strategy<Value = Operation> {
    let key = || 0..KEYS;
    let keys = || prop::collection::vec(0..KEYS, 0..6);
    prop_oneof![
        6 => key().prop_map(Operation::Get),
        1 => key().prop_map(Operation::GetEntry),
        3 => (key(), prop_oneof![1 => Just(0_u8), 2 => 0_u8..30]).prop_map(|(key, age)| Operation::GetRecent(key, age)),
        2 => keys().prop_map(Operation::GetMany),
        3 => (key(), part).prop_map(|(key, part)| Operation::Read(key, part)),
        1 => key().prop_map(Operation::Contains),
        1 => (key(), any::<bool>()).prop_map(|(key, right)| Operation::CompareAndDelete(key, right)),
        2 => (key(), any_lasting()).prop_map(|(key, lasting)| Operation::Touch(key, lasting)),
        1 => (keys(), any_lasting()).prop_map(|(keys, lasting)| Operation::TouchMany(keys, lasting)),
        1 => key().prop_map(Operation::Delete),
        1 => keys().prop_map(Operation::DeleteMany),
        1 => key().prop_map(Operation::Pop),
    ]
}

fn any_choice() -> impl Strategy<Value = Choice> {
    prop_oneof![
        1 => Just(Choice::All),
        4 => (0_u8..3).prop_map(Choice::Tag),
        1 => (0_u8..3).prop_map(Choice::Prefix),
        1 => (0..QUEUES).prop_map(Choice::Queue),
    ]
}

/// Operations that only look at the whole cache.
fn any_look() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => (any_choice(), any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(choice, by_key, reverse, expired)| Operation::Keys { choice, by_key, reverse, expired }),
        1 => (any_choice(), any::<bool>()).prop_map(|(choice, expired)| Operation::Measure(choice, expired)),
    ]
}

fn any_advance() -> impl Strategy<Value = Operation> {
    prop_oneof![
        12 => (1_u8..12).prop_map(Operation::Advance),
        3 => (12_u8..60).prop_map(Operation::Advance),
        1 => (-2_i8..3).prop_map(Operation::SetClock),
    ]
}
