//! Any sequence of operations does what a simple model of the cache says.

use larder_engine::{Changes, Expiry, Limit, Number, OpenOptions, Policy, Scan, Selection, SetOptions, Value};
use proptest::prelude::*;

use crate::support::{Fixture, names, names_of, text};

/// Clock steps and times to live, so that expiry is met often and exactly.
const TICK: u32 = 10;

#[derive(Debug, Clone)]
enum Operation {
    Get(u8),
    Contains(u8),
    Set(u8, Content),
    Add(u8, Content),
    Delete(u8),
    Touch(u8, Option<u8>),
    Increment(u8, i64, bool),
    EvictTag(u8),
    EvictPrefix(u8),
    Expire,
    Clear,
    Keys { by_key: bool, reverse: bool },
    Advance,
    Reopen,
}

#[derive(Debug, Clone)]
struct Content {
    value: Stored,
    ttl: Option<u8>,
    tag: Option<u8>,
}

/// An integer, or bytes of this length.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stored {
    Integer(i64),
    Bytes(u8),
}

impl Stored {
    fn value(self) -> Value {
        match self {
            Self::Integer(integer) => Value::Integer(integer),
            Self::Bytes(length) => Value::Bytes(vec![length; length.into()]),
        }
    }

    fn size(self) -> u64 {
        match self {
            Self::Integer(_) => 8,
            Self::Bytes(length) => length.into(),
        }
    }
}

#[derive(Debug, Clone)]
struct Entry {
    key: u8,
    value: Stored,
    expires: Option<u64>,
    tag: Option<u8>,
    /// When it was last stored, or used.
    used: u64,
}

impl Entry {
    fn size(&self) -> u64 {
        64 + name(self.key).len() as u64 + self.value.size() + self.tag.map_or(0, |tag| tag_name(tag).len() as u64)
    }
}

fn name(key: u8) -> String {
    format!("{}{key}", ["a", "b", "ab"][usize::from(key % 3)])
}

fn tag_name(tag: u8) -> String {
    "t".repeat(usize::from(tag) + 1)
}

/// The entries in the order they came in.
struct Model {
    entries: Vec<Entry>,
    now: u64,
    uses: u64,
    item_limit: usize,
    policy: Policy,
}

impl Model {
    fn live(&mut self, key: u8) -> Option<&mut Entry> {
        let now = self.now;
        self.entries.iter_mut().find(|entry| entry.key == key && entry.expires.is_none_or(|at| at > now))
    }

    fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    fn get(&mut self, key: u8) -> Option<Stored> {
        let (used, tracks) = (self.next_use(), self.policy == Policy::LeastRecentlyUsed);
        let entry = self.live(key)?;
        entry.used = if tracks { used } else { entry.used };
        Some(entry.value)
    }

    /// Whether it could be stored.
    fn store(&mut self, mut entry: Entry) -> bool {
        let before = self.entries.clone();
        entry.used = self.next_use();
        let key = entry.key;
        if let Some(live) = self.live(key) {
            *live = entry;
        } else {
            self.entries.retain(|other| other.key != key);
            self.entries.push(entry);
        }
        while self.entries.len() > self.item_limit {
            let others = || self.entries.iter().enumerate().filter(|(_, other)| other.key != key);
            let expired = others()
                .filter(|(_, other)| other.expires.is_some_and(|at| at <= self.now))
                .min_by_key(|(_, other)| other.expires);
            let victim = expired
                .or_else(|| others().min_by_key(|(_, other)| other.used).filter(|_| self.policy != Policy::None));
            let Some((victim, _)) = victim else {
                self.entries = before;
                return false;
            };
            self.entries.remove(victim);
        }
        true
    }

    fn volume(&self) -> u64 {
        self.entries.iter().map(Entry::size).sum()
    }

    fn remove(&mut self, which: impl Fn(&Entry) -> bool) -> u64 {
        let before = self.entries.len();
        self.entries.retain(|entry| !which(entry));
        (before - self.entries.len()) as u64
    }

    fn entry(&self, key: u8, content: &Content) -> Entry {
        let expires = content.ttl.map(|ttl| self.now + u64::from(ttl) * u64::from(TICK));
        Entry { key, value: content.value, expires, tag: content.tag, used: 0 }
    }
}

fn options(content: &Content) -> SetOptions {
    SetOptions {
        ttl: content.ttl.map_or(Expiry::Never, |ttl| Expiry::After(u64::from(ttl) * u64::from(TICK))),
        tags: content.tag.map(tag_name).into_iter().collect(),
        sliding: false,
    }
}

fn stored(value: &Value) -> Stored {
    match value {
        Value::Integer(integer) => Stored::Integer(*integer),
        Value::Bytes(bytes) => Stored::Bytes(u8::try_from(bytes.len()).unwrap()),
        other => panic!("{other:?} was never stored"),
    }
}

fn apply(fixture: &mut Fixture, model: &mut Model, operation: &Operation) {
    let cache = &mut fixture.cache;
    match operation {
        Operation::Get(key) => {
            let found = cache.get(&text(&name(*key))).unwrap();
            assert_eq!(found.as_ref().map(stored), model.get(*key));
        }
        Operation::Contains(key) => {
            assert_eq!(cache.contains(&text(&name(*key))).unwrap(), model.live(*key).is_some());
        }
        Operation::Set(key, content) => {
            let done = cache.set(&text(&name(*key)), &content.value.value(), &options(content)).is_ok();
            assert_eq!(done, model.store(model.entry(*key, content)));
        }
        Operation::Add(key, content) => {
            let done = cache.add(&text(&name(*key)), &content.value.value(), &options(content));
            if model.live(*key).is_some() {
                assert_eq!(done, Ok(None));
            } else {
                assert_eq!(matches!(done, Ok(Some(_))), model.store(model.entry(*key, content)));
            }
        }
        Operation::Delete(key) => {
            let live = model.live(*key).is_some();
            model.remove(|entry| entry.key == *key);
            assert_eq!(cache.delete(&text(&name(*key))).unwrap(), live);
        }
        Operation::Touch(key, ttl) => {
            let expires = ttl.map(|ttl| u64::from(ttl) * u64::from(TICK));
            let touched = cache.touch(&text(&name(*key)), expires.map_or(Expiry::Never, Expiry::After)).unwrap();
            let at = expires.map(|expires| model.now + expires);
            assert_eq!(touched, model.live(*key).map(|entry| entry.expires = at).is_some());
        }
        Operation::Increment(key, delta, create) => {
            let initial = create.then_some(Number::Integer(5));
            let content = Content { value: Stored::Integer(5 + delta), ttl: Some(3), tag: None };
            let sum = cache.increment(&text(&name(*key)), Number::Integer(*delta), initial, &options(&content));
            let expected = match model.live(*key).cloned() {
                Some(Entry { value: Stored::Bytes(_), .. }) => return assert!(sum.is_err()),
                Some(entry @ Entry { value: Stored::Integer(old), .. }) => {
                    Some(Entry { value: Stored::Integer(old + delta), ..entry })
                }
                None => create.then(|| model.entry(*key, &content)),
            };
            match expected {
                None => assert_eq!(sum, Ok(None)),
                Some(entry) => {
                    let Stored::Integer(expected) = entry.value else { unreachable!() };
                    let done = model.store(entry);
                    assert_eq!(sum.ok(), done.then_some(Some(Number::Integer(expected))));
                }
            }
        }
        Operation::EvictTag(tag) => {
            let evicted = cache.evict(&Selection::Tag(tag_name(*tag))).unwrap();
            assert_eq!(evicted, model.remove(|entry| entry.tag == Some(*tag)));
        }
        Operation::EvictPrefix(key) => {
            let evicted = cache.evict(&Selection::Prefix(text(&name(*key)))).unwrap();
            assert_eq!(evicted, model.remove(|entry| name(entry.key).starts_with(&name(*key))));
        }
        Operation::Expire => {
            let now = model.now;
            assert_eq!(cache.expire().unwrap(), model.remove(|entry| entry.expires.is_some_and(|at| at <= now)));
        }
        Operation::Clear => assert_eq!(cache.clear().unwrap(), model.remove(|_| true)),
        Operation::Keys { by_key, reverse } => {
            let order = if *by_key { larder_engine::Order::Key } else { larder_engine::Order::Insertion };
            let scan = Scan { reverse: *reverse, order, ..Scan::default() };
            let found = names_of(crate::support::keys(cache, &scan));
            let live = model.entries.iter().filter(|entry| entry.expires.is_none_or(|at| at > model.now));
            let mut expected: Vec<_> = live.map(|entry| name(entry.key)).collect();
            if *by_key {
                expected.sort();
            }
            if *reverse {
                expected.reverse();
            }
            assert_eq!(found, expected);
        }
        Operation::Advance => {
            fixture.platform.advance(TICK);
            model.now += u64::from(TICK);
        }
        Operation::Reopen => fixture.reopen(&crate::support::existing()),
    }
    assert_eq!(fixture.cache.count().unwrap(), model.entries.len() as u64);
    assert_eq!(fixture.cache.measure(&Selection::All, true).unwrap().1, model.volume());
}

fn any_content() -> impl Strategy<Value = Content> {
    let value = prop_oneof![(-9_i64..9).prop_map(Stored::Integer), any::<u8>().prop_map(Stored::Bytes)];
    (value, prop::option::of(0_u8..4), prop::option::of(0_u8..3)).prop_map(|(value, ttl, tag)| Content {
        value,
        ttl,
        tag,
    })
}

fn any_operation() -> impl Strategy<Value = Operation> {
    let key = || 0_u8..12;
    prop_oneof![
        6 => key().prop_map(Operation::Get),
        1 => key().prop_map(Operation::Contains),
        8 => (key(), any_content()).prop_map(|(key, content)| Operation::Set(key, content)),
        3 => (key(), any_content()).prop_map(|(key, content)| Operation::Add(key, content)),
        2 => key().prop_map(Operation::Delete),
        2 => (key(), prop::option::of(0_u8..4)).prop_map(|(key, ttl)| Operation::Touch(key, ttl)),
        3 => (key(), -5_i64..5, any::<bool>()).prop_map(|(key, delta, create)| Operation::Increment(key, delta, create)),
        1 => (0_u8..3).prop_map(Operation::EvictTag),
        1 => key().prop_map(Operation::EvictPrefix),
        1 => Just(Operation::Expire),
        1 => prop::bool::weighted(0.2).prop_map(|all| if all { Operation::Clear } else { Operation::Advance }),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(by_key, reverse)| Operation::Keys { by_key, reverse }),
        3 => Just(Operation::Advance),
        1 => prop::bool::weighted(0.3).prop_map(|open| if open { Operation::Reopen } else { Operation::Advance }),
    ]
}

fn run(operations: &[Operation], shards: u32, item_limit: Option<u64>, policy: Policy) {
    let mut fixture = Fixture::with(&OpenOptions {
        shards: Some(shards),
        changes: Changes {
            size_limit: Limit::Unlimited,
            item_limit: item_limit.map_or(Limit::Unlimited, Limit::AtMost),
            policy: Some(policy),
            inline_threshold: Some(100),
            ..Changes::default()
        },
        ..OpenOptions::default()
    });
    let item_limit = usize::try_from(item_limit.unwrap_or(1_000)).unwrap();
    let mut model = Model { entries: Vec::new(), now: 1_000, uses: 0, item_limit, policy };
    for operation in operations {
        apply(&mut fixture, &mut model, operation);
    }
    let expected: Vec<_> = model.entries.iter().map(|entry| name(entry.key)).collect();
    assert_eq!(names(&mut fixture.cache), expected);
    assert_eq!(fixture.cache.check().unwrap(), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_limits(operations in prop::collection::vec(any_operation(), 80..120), sharded in any::<bool>()) {
        run(&operations, if sharded { 4 } else { 1 }, None, Policy::LeastRecentlyStored);
    }

    #[test]
    fn under_limits(
        operations in prop::collection::vec(any_operation(), 80..120),
        limit in 1_u64..8,
        policy in prop::sample::select(vec![Policy::None, Policy::LeastRecentlyStored, Policy::LeastRecentlyUsed]),
    ) {
        run(&operations, 1, Some(limit), policy);
    }
}
