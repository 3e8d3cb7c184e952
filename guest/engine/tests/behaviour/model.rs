//! Any sequence of operations does what a simple model of the cache says.

use larder_engine::{
    Cache, Changes, Draft, Expiry, Limit, Number, OpenOptions, Policy, Scan, Selection, SetOptions, Side, Value,
};
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
    Pop(u8),
    /// Over the version that is there, or over another.
    CompareAndSet(u8, bool, Content),
    GetMany(Vec<u8>),
    SetMany(Vec<(u8, Content)>),
    DeleteMany(Vec<u8>),
    Push(u8, bool, Content),
    Pull(u8, bool),
    Peek(u8, bool),
    /// Operations of which all happen or none.
    Transaction(Vec<Operation>, bool),
    Items,
    EvictTag(u8),
    EvictPrefix(u8),
    Expire,
    Clear,
    Keys {
        by_key: bool,
        reverse: bool,
    },
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

/// An entry of a queue.
#[derive(Debug, Clone)]
struct Queued {
    queue: u8,
    position: i64,
    value: Stored,
    expires: Option<u64>,
    tag: Option<u8>,
}

impl Queued {
    fn size(&self) -> u64 {
        let tag = self.tag.map_or(0, |tag| tag_name(tag).len() as u64);
        64 + name(self.queue).len() as u64 + 8 + self.value.size() + tag
    }
}

fn side(front: bool) -> Side {
    if front { Side::Front } else { Side::Back }
}

fn name(key: u8) -> String {
    format!("{}{key}", ["a", "b", "ab"][usize::from(key % 3)])
}

fn tag_name(tag: u8) -> String {
    "t".repeat(usize::from(tag) + 1)
}

/// The entries in the order they came in, those of queues apart.
#[derive(Clone)]
struct Model {
    entries: Vec<Entry>,
    queued: Vec<Queued>,
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

    fn size(&self) -> u64 {
        self.entries.iter().map(Entry::size).sum::<u64>() + self.queued.iter().map(Queued::size).sum::<u64>()
    }

    fn is_live(&self, queued: &Queued) -> bool {
        queued.expires.is_none_or(|at| at > self.now)
    }

    /// Where the entries of a queue are, those at the front first or last.
    fn line(&self, queue: u8, front: bool) -> Vec<usize> {
        let mut line: Vec<usize> = (0..self.queued.len()).filter(|at| self.queued[*at].queue == queue).collect();
        line.sort_by_key(|at| self.queued[*at].position);
        if !front {
            line.reverse();
        }
        line
    }

    fn push(&mut self, queue: u8, front: bool, content: &Content) -> i64 {
        let end = self.line(queue, front).first().map(|at| self.queued[*at].position);
        let position = end.map_or(0, |end| if front { end - 1 } else { end + 1 });
        let expires = content.ttl.map(|ttl| self.now + u64::from(ttl) * u64::from(TICK));
        self.queued.push(Queued { queue, position, value: content.value, expires, tag: content.tag });
        position
    }

    fn pull(&mut self, queue: u8, front: bool) -> Option<(i64, Stored)> {
        while let Some(at) = self.line(queue, front).first().copied() {
            let queued = self.queued.remove(at);
            if self.is_live(&queued) {
                return Some((queued.position, queued.value));
            }
        }
        None
    }

    fn peek(&self, queue: u8, front: bool) -> Option<(i64, Stored)> {
        let line = self.line(queue, front);
        let first = line.into_iter().map(|at| &self.queued[at]).find(|queued| self.is_live(queued))?;
        Some((first.position, first.value))
    }

    fn remove_queued(&mut self, which: impl Fn(&Queued) -> bool) -> u64 {
        let before = self.queued.len();
        self.queued.retain(|queued| !which(queued));
        (before - self.queued.len()) as u64
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

/// Operations on items, alone or as a part of a transaction.
fn apply_to_items(cache: &mut Cache, model: &mut Model, operation: &Operation) {
    match operation {
        Operation::Get(key) => {
            let found = cache.get(&text(&name(*key))).unwrap();
            assert_eq!(found.as_ref().map(stored), model.get(*key));
        }
        Operation::Contains(key) => {
            assert_eq!(cache.contains(&text(&name(*key))).unwrap(), model.live(*key).is_some());
        }
        Operation::Set(key, content) => {
            let done = cache.set(&text(&name(*key)), &content.value.value(), &options(content));
            assert_eq!(done.is_ok(), model.store(model.entry(*key, content)), "{done:?}");
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
        Operation::Pop(key) => {
            let popped = cache.pop(&text(&name(*key))).unwrap();
            let expected = model.live(*key).map(|entry| entry.value);
            assert_eq!(popped.as_ref().map(|entry| stored(&entry.value)), expected);
            if expected.is_some() {
                model.remove(|entry| entry.key == *key);
            }
        }
        Operation::CompareAndSet(key, right, content) => {
            // To look at the version is to read.
            let version = cache.get_entry(&text(&name(*key))).unwrap().map(|entry| entry.metadata.version);
            model.get(*key);
            let expected = if *right { version } else { Some(version.unwrap_or(0) + 1) };
            let done = cache.compare_and_set(&text(&name(*key)), expected, &content.value.value(), &options(content));
            if *right {
                assert_eq!(matches!(done, Ok(Some(_))), model.store(model.entry(*key, content)));
            } else {
                assert_eq!(done, Ok(None));
            }
        }
        Operation::GetMany(keys) => {
            let asked: Vec<_> = keys.iter().map(|key| text(&name(*key))).collect();
            let found: Vec<_> =
                cache.get_many(&asked).unwrap().iter().map(|value| value.as_ref().map(stored)).collect();
            assert_eq!(found, keys.iter().map(|key| model.get(*key)).collect::<Vec<_>>());
        }
        Operation::SetMany(contents) => {
            let draft = |(key, content): &(u8, Content)| Draft {
                key: text(&name(*key)),
                value: content.value.value(),
                options: options(content),
            };
            let done = cache.set_many(&contents.iter().map(draft).collect::<Vec<_>>());
            let before = model.clone();
            let all = contents.iter().all(|(key, content)| model.store(model.entry(*key, content)));
            assert_eq!(done.is_ok(), all, "{done:?}");
            if !all {
                *model = before;
            }
        }
        Operation::DeleteMany(keys) => {
            let asked: Vec<_> = keys.iter().map(|key| text(&name(*key))).collect();
            let found = cache.delete_many(&asked).unwrap();
            for (key, found) in keys.iter().zip(found) {
                assert_eq!(found, model.live(*key).is_some());
                model.remove(|entry| entry.key == *key);
            }
        }
        on_queues => apply_to_queues(cache, model, on_queues),
    }
}

/// Operations on queues, alone or as a part of a transaction.
fn apply_to_queues(cache: &mut Cache, model: &mut Model, operation: &Operation) {
    match operation {
        Operation::Push(queue, front, content) => {
            let position = cache.push(&name(*queue), &content.value.value(), side(*front), &options(content)).unwrap();
            assert_eq!(position, model.push(*queue, *front, content));
        }
        Operation::Pull(queue, front) => {
            let pulled = cache.pull(&name(*queue), side(*front)).unwrap();
            let pulled = pulled.map(|queued| (queued.position, stored(&queued.entry.value)));
            assert_eq!(pulled, model.pull(*queue, *front));
        }
        Operation::Peek(queue, front) => {
            let seen = cache.peek(&name(*queue), side(*front)).unwrap();
            let seen = seen.map(|queued| (queued.position, stored(&queued.entry.value)));
            assert_eq!(seen, model.peek(*queue, *front));
        }
        other => unreachable!("{other:?} is not one on items"),
    }
}

fn apply(fixture: &mut Fixture, model: &mut Model, operation: &Operation) {
    let cache = &mut fixture.cache;
    match operation {
        Operation::Transaction(operations, commit) => {
            let before = model.clone();
            let ticket = cache.begin().unwrap();
            for operation in operations {
                cache
                    .within(ticket, |cache| {
                        apply_to_items(cache, model, operation);
                        Ok(())
                    })
                    .unwrap();
            }
            if *commit {
                cache.commit(ticket).unwrap();
            } else {
                cache.rollback(ticket).unwrap();
                *model = before;
            }
        }
        Operation::Items => {
            let mut cursor = cache.scan(&Scan::default()).unwrap();
            let items = cursor.next_items(cache, 10_000).unwrap();
            let found: Vec<_> = items.iter().map(|item| (item.key.clone(), stored(&item.entry.value))).collect();
            let live = model.entries.iter().filter(|entry| entry.expires.is_none_or(|at| at > model.now));
            assert_eq!(found, live.map(|entry| (text(&name(entry.key)), entry.value)).collect::<Vec<_>>());
        }
        Operation::EvictTag(tag) => {
            let evicted = cache.evict(&Selection::Tag(tag_name(*tag))).unwrap();
            let queued = model.remove_queued(|queued| queued.tag == Some(*tag));
            assert_eq!(evicted, queued + model.remove(|entry| entry.tag == Some(*tag)));
        }
        Operation::EvictPrefix(key) => {
            let evicted = cache.evict(&Selection::Prefix(text(&name(*key)))).unwrap();
            assert_eq!(evicted, model.remove(|entry| name(entry.key).starts_with(&name(*key))));
        }
        Operation::Expire => {
            let now = model.now;
            let queued = model.remove_queued(|queued| queued.expires.is_some_and(|at| at <= now));
            let keyed = model.remove(|entry| entry.expires.is_some_and(|at| at <= now));
            assert_eq!(cache.expire().unwrap(), queued + keyed);
        }
        Operation::Clear => {
            let all = model.remove(|_| true) + model.remove_queued(|_| true);
            assert_eq!(cache.clear().unwrap(), all);
        }
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
        on_items => apply_to_items(cache, model, on_items),
    }
    let count = (model.entries.len() + model.queued.len()) as u64;
    assert_eq!(fixture.cache.measure(&Selection::All, true).unwrap(), (count, model.size()));
}

fn any_content() -> impl Strategy<Value = Content> {
    let value = prop_oneof![(-9_i64..9).prop_map(Stored::Integer), any::<u8>().prop_map(Stored::Bytes)];
    (value, prop::option::of(0_u8..4), prop::option::of(0_u8..3)).prop_map(|(value, ttl, tag)| Content {
        value,
        ttl,
        tag,
    })
}

/// Operations on keys.
fn any_on_keys() -> impl Strategy<Value = Operation> {
    let key = || 0_u8..12;
    let keys = || prop::collection::vec(0_u8..12, 0..6);
    prop_oneof![
        6 => key().prop_map(Operation::Get),
        1 => key().prop_map(Operation::Contains),
        8 => (key(), any_content()).prop_map(|(key, content)| Operation::Set(key, content)),
        3 => (key(), any_content()).prop_map(|(key, content)| Operation::Add(key, content)),
        2 => key().prop_map(Operation::Delete),
        2 => key().prop_map(Operation::Pop),
        2 => (key(), prop::option::of(0_u8..4)).prop_map(|(key, ttl)| Operation::Touch(key, ttl)),
        3 => (key(), -5_i64..5, any::<bool>()).prop_map(|(key, delta, create)| Operation::Increment(key, delta, create)),
        3 => (key(), any::<bool>(), any_content())
            .prop_map(|(key, right, content)| Operation::CompareAndSet(key, right, content)),
        2 => keys().prop_map(Operation::GetMany),
        2 => prop::collection::vec((0_u8..12, any_content()), 0..6).prop_map(Operation::SetMany),
        2 => keys().prop_map(Operation::DeleteMany),
    ]
}

/// Operations on keys and queues.
fn any_on_items() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => any_on_keys(),
        2 => (0_u8..3, any::<bool>(), any_content())
            .prop_map(|(queue, front, content)| Operation::Push(queue, front, content)),
        1 => (0_u8..3, any::<bool>()).prop_map(|(queue, front)| Operation::Pull(queue, front)),
        1 => (0_u8..3, any::<bool>()).prop_map(|(queue, front)| Operation::Peek(queue, front)),
    ]
}

/// Operations on the whole cache.
fn any_on_all() -> impl Strategy<Value = Operation> {
    prop_oneof![
        1 => (0_u8..3).prop_map(Operation::EvictTag),
        1 => (0_u8..12).prop_map(Operation::EvictPrefix),
        1 => Just(Operation::Expire),
        1 => Just(Operation::Items),
        1 => prop::bool::weighted(0.2).prop_map(|all| if all { Operation::Clear } else { Operation::Advance }),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(by_key, reverse)| Operation::Keys { by_key, reverse }),
        3 => Just(Operation::Advance),
        1 => prop::bool::weighted(0.3).prop_map(|open| if open { Operation::Reopen } else { Operation::Advance }),
    ]
}

fn any_operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        8 => any_on_items(),
        2 => any_on_all(),
        1 => (prop::collection::vec(any_on_items(), 0..8), any::<bool>())
            .prop_map(|(operations, commit)| Operation::Transaction(operations, commit)),
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
    let mut model = Model { entries: Vec::new(), queued: Vec::new(), now: 1_000, uses: 0, item_limit, policy };
    for operation in operations {
        apply(&mut fixture, &mut model, operation);
    }
    let expected: Vec<_> = model.entries.iter().map(|entry| name(entry.key)).collect();
    assert_eq!(names(&mut fixture.cache), expected);
    assert_eq!(fixture.cache.check().unwrap(), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_limits(operations in prop::collection::vec(any_operation(), 80..120), sharded in any::<bool>()) {
        run(&operations, if sharded { 4 } else { 1 }, None, Policy::LeastRecentlyStored);
    }

    #[test]
    fn under_limits(
        operations in prop::collection::vec(prop_oneof![3 => any_on_keys(), 1 => any_on_all()], 80..120),
        limit in 1_u64..8,
        policy in prop::sample::select(vec![Policy::None, Policy::LeastRecentlyStored, Policy::LeastRecentlyUsed]),
    ) {
        run(&operations, 1, Some(limit), policy);
    }
}
