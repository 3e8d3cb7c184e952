//! Random operations, as a request to the driver and as calls of Larder.

use larder_tests::Random;
use larder_tests::component::types::{Entry, Error, Expiry, Key, Number, Queued, SetOptions, Side, Value};
use larder_tests::component::wit::{Order, Scan, Selection};
use larder_tests::component::{everything, plain};
use larder_tests::subject::Subject;
use serde_json::{Value as Json, json};

/// Milliseconds by which time and times to live are measured: an eighth of a second, which floats hold
/// exactly, so that entries are met at the very moment they expire.
const TICK: u32 = 125;

/// What is stored.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    value: Value,
    /// In ticks.
    ttl: Option<u32>,
    tag: Option<&'static str>,
}

/// One operation on either cache.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Set(Key, Content),
    Add(Key, Content),
    Get(Key),
    Pop(Key),
    Contains(Key),
    Delete(Key),
    Touch(Key, Option<u32>),
    /// By how much, and from where if there is nothing.
    Increment(Key, Number, Option<i64>),
    Push(&'static str, Side, Content),
    Pull(&'static str, Side),
    Peek(&'static str, Side),
    Count,
    /// By insertion.
    Keys(bool),
    /// In key order.
    IterKeys(bool),
    Evict(&'static str),
    Expire,
    Clear,
    Begin,
    End(bool),
    Reopen,
    Advance(u32),
    Check,
}

/// Makes operations that can follow each other.
pub(crate) struct Generator {
    random: Random,
    shards: u32,
    in_transaction: bool,
}

impl Generator {
    /// A generator for caches of so many shards.
    pub(crate) fn new(random: Random, shards: u32) -> Self {
        Self { random, shards, in_transaction: false }
    }

    /// The next operation.
    pub(crate) fn next(&mut self) -> Operation {
        if self.in_transaction {
            return match self.random.below(8) {
                0 => self.end(),
                1 => self.advance(),
                _ => self.on_items(),
            };
        }
        match self.random.below(40) {
            0 | 13 => self.begin(),
            1..=4 => self.advance(),
            5 => Operation::Count,
            6 | 7 => Operation::Keys(self.random.below(2) == 0),
            // A `FanoutCache` has no such method.
            8 if self.shards == 1 => Operation::IterKeys(self.random.below(2) == 0),
            9 => Operation::Evict(self.tag()),
            10 => Operation::Expire,
            11 if self.random.below(4) == 0 => Operation::Clear,
            12 if self.random.below(4) == 0 => Operation::Reopen,
            _ => self.on_items(),
        }
    }

    fn begin(&mut self) -> Operation {
        self.in_transaction = true;
        Operation::Begin
    }

    fn end(&mut self) -> Operation {
        self.in_transaction = false;
        Operation::End(self.random.below(2) == 0)
    }

    fn advance(&mut self) -> Operation {
        Operation::Advance(u32::try_from(self.random.below(3)).unwrap_or_default())
    }

    fn on_items(&mut self) -> Operation {
        // A `FanoutCache` has no queues.
        match self.random.below(if self.shards == 1 { 28 } else { 22 }) {
            0..=5 => Operation::Set(self.key(), self.content()),
            6 | 7 => Operation::Add(self.key(), self.content()),
            8..=11 => Operation::Get(self.key()),
            12 => Operation::Contains(self.key()),
            13 | 14 => Operation::Delete(self.key()),
            15 => Operation::Pop(self.key()),
            16 | 17 => Operation::Touch(self.key(), self.ttl()),
            18..=21 => Operation::Increment(self.key(), self.delta(), [None, Some(5)][self.index(2)]),
            22..=24 => Operation::Push(self.queue(), self.side(), self.content()),
            25 | 26 => Operation::Pull(self.queue(), self.side()),
            _ => Operation::Peek(self.queue(), self.side()),
        }
    }

    fn index(&mut self, end: u64) -> usize {
        usize::try_from(self.random.below(end)).unwrap_or_default()
    }

    fn key(&mut self) -> Key {
        match self.random.below(12) {
            index @ 0..=3 => Key::Integer(index.cast_signed()),
            4 => Key::Real(1.0),
            5 => Key::Real(0.5),
            6 => Key::Bytes(b"a".to_vec()),
            7 => Key::Text(String::new()),
            _ => Key::Text(["a", "b", "ab\0", "é"][self.index(4)].to_owned()),
        }
    }

    fn content(&mut self) -> Content {
        let value = match self.random.below(20) {
            0..=9 => Value::Integer(self.random.below(20).cast_signed() - 10),
            10 => Value::Integer(i64::MAX),
            11..=13 => Value::Real([0.5, -2.25, 1e300][self.index(3)]),
            14 | 15 => Value::Text(["", "a\r\nb", "é\0"][self.index(3)].to_owned()),
            16 | 17 => Value::Bytes(vec![255; self.index(300)]),
            18 => Value::Bytes(vec![7; 32_767 + self.index(3)]),
            _ => Value::Text("line\n".repeat(6_000 + self.index(2_000))),
        };
        let tag = [None, Some(self.tag())][self.index(2)];
        Content { value, ttl: self.ttl(), tag }
    }

    fn ttl(&mut self) -> Option<u32> {
        [None, u32::try_from(self.random.below(4)).ok()][self.index(2)]
    }

    fn delta(&mut self) -> Number {
        [Number::Integer(3), Number::Integer(-4), Number::Real(0.5)][self.index(3)]
    }

    fn tag(&mut self) -> &'static str {
        ["t", "tt", "é"][self.index(3)]
    }

    fn queue(&mut self) -> &'static str {
        ["q0", "q1"][self.index(2)]
    }

    fn side(&mut self) -> Side {
        [Side::Front, Side::Back][self.index(2)]
    }
}

impl Operation {
    /// What is compared at the end.
    pub(crate) fn closing(shards: u32) -> Vec<Self> {
        let in_order = (shards == 1).then_some(Self::IterKeys(false));
        [Self::Keys(false), Self::Count, Self::Check].into_iter().chain(in_order).collect()
    }

    /// Whether its answer is a list of keys.
    pub(crate) fn is_listing(&self) -> bool {
        matches!(self, Self::Keys(_) | Self::IterKeys(_))
    }

    /// As a request to the driver.
    pub(crate) fn request(&self) -> Json {
        let store = |name: &str, key: &Key, content: &Content| {
            let ttl = content.ttl.map(seconds);
            json!({ "do": name, "key": key_json(key), "value": value_json(&content.value), "ttl": ttl, "tag": content.tag })
        };
        let on = |name: &str, key: &Key| json!({ "do": name, "key": key_json(key) });
        let listed = |name: &str, reverse: bool| json!({ "do": name, "reverse": reverse });
        let queue =
            |name: &str, queue: &str, side: Side| json!({ "do": name, "queue": queue, "side": side_name(side) });
        match self {
            Self::Set(key, content) => store("set", key, content),
            Self::Add(key, content) => store("add", key, content),
            Self::Get(key) => on("get", key),
            Self::Pop(key) => on("pop", key),
            Self::Contains(key) => on("contains", key),
            Self::Delete(key) => on("delete", key),
            Self::Touch(key, ttl) => json!({ "do": "touch", "key": key_json(key), "ttl": ttl.map(seconds) }),
            Self::Increment(key, delta, initial) => {
                let initial = initial.map(|initial| json!({ "integer": initial }));
                json!({ "do": "increment", "key": key_json(key), "delta": number_json(*delta), "initial": initial })
            }
            Self::Push(name, side, content) => {
                let mut request = queue("push", name, *side);
                request["value"] = value_json(&content.value);
                request["ttl"] = json!(content.ttl.map(seconds));
                request["tag"] = json!(content.tag);
                request
            }
            Self::Pull(name, side) => queue("pull", name, *side),
            Self::Peek(name, side) => queue("peek", name, *side),
            Self::Count => json!({ "do": "count" }),
            Self::Keys(reverse) => listed("keys", *reverse),
            Self::IterKeys(reverse) => listed("iterkeys", *reverse),
            Self::Evict(tag) => json!({ "do": "evict", "tag": tag }),
            Self::Expire => json!({ "do": "expire" }),
            Self::Clear => json!({ "do": "clear" }),
            Self::Begin => json!({ "do": "begin" }),
            Self::End(commit) => json!({ "do": "end", "commit": commit }),
            Self::Reopen => json!({ "do": "reopen" }),
            Self::Advance(ticks) => json!({ "do": "advance", "seconds": seconds(*ticks) }),
            Self::Check => json!({ "do": "check" }),
        }
    }

    /// Does it on Larder; the answer is in the terms of the driver.
    pub(crate) fn perform(&self, cache: &mut Subject) -> Result<Json, Error> {
        let now = cache.now_ms();
        let scan = |order, reverse| Scan { order, reverse, expired: true, ..everything() };
        Ok(match self {
            Self::Set(key, content) => {
                cache.set(key, &content.value, &options(content))?;
                Json::Null
            }
            Self::Add(key, content) => json!(cache.add(key, &content.value, &options(content))?.is_some()),
            Self::Get(key) => json!(cache.get_entry(key)?.map(|entry| entry_json(&entry, now))),
            Self::Pop(key) => json!(cache.pop(key)?.map(|entry| entry_json(&entry, now))),
            Self::Contains(key) => json!(cache.contains(key)?),
            Self::Delete(key) => json!(cache.delete(key)?),
            Self::Touch(key, ttl) => json!(cache.touch(key, expiry(*ttl))?),
            Self::Increment(key, delta, initial) => {
                match cache.increment(key, *delta, initial.map(Number::Integer), &plain()) {
                    Ok(sum) => json!(sum.map(number_json)),
                    Err(Error::WrongType(_)) => json!("wrong type"),
                    Err(Error::Overflow(_)) => json!("overflow"),
                    Err(error) => return Err(error),
                }
            }
            Self::Push(queue, side, content) => json!(cache.push(queue, &content.value, *side, &options(content))?),
            Self::Pull(queue, side) => json!(cache.pull(queue, *side)?.map(|queued| queued_json(&queued, now))),
            Self::Peek(queue, side) => json!(cache.peek(queue, *side)?.map(|queued| queued_json(&queued, now))),
            Self::Count => json!(cache.count()?),
            Self::Keys(reverse) => keys_json(cache, &scan(Order::Insertion, *reverse))?,
            Self::IterKeys(reverse) => keys_json(cache, &scan(Order::Key, *reverse))?,
            Self::Evict(tag) => json!(cache.evict(&Selection::Tag((*tag).to_owned()))?),
            Self::Expire => json!(cache.expire()?),
            Self::Clear => json!(cache.clear()?),
            Self::Begin => {
                cache.begin()?;
                Json::Null
            }
            Self::End(commit) => {
                cache.end(*commit)?;
                Json::Null
            }
            Self::Reopen => {
                cache.reopen(None)?;
                Json::Null
            }
            Self::Advance(ticks) => {
                cache.advance(ticks * TICK);
                Json::Null
            }
            Self::Check => json!(cache.check()?.into_iter().map(|problem| problem.description).collect::<Vec<_>>()),
        })
    }
}

fn options(content: &Content) -> SetOptions {
    let tags = content.tag.map(str::to_owned).into_iter().collect();
    SetOptions { ttl: expiry(content.ttl), tags, sliding: false }
}

fn expiry(ttl: Option<u32>) -> Expiry {
    ttl.map_or(Expiry::Never, |ticks| Expiry::After(u64::from(ticks * TICK)))
}

fn seconds(ticks: u32) -> f64 {
    f64::from(ticks * TICK) / 1_000.0
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Front => "front",
        Side::Back => "back",
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn key_json(key: &Key) -> Json {
    match key {
        Key::Integer(integer) => json!({ "integer": integer }),
        Key::Real(real) => json!({ "real": real }),
        Key::Text(text) => json!({ "text": text }),
        Key::Bytes(bytes) => json!({ "bytes": hexadecimal(bytes) }),
    }
}

fn value_json(value: &Value) -> Json {
    match value {
        Value::Integer(integer) => key_json(&Key::Integer(*integer)),
        Value::Real(real) => key_json(&Key::Real(*real)),
        Value::Text(text) => json!({ "text": text }),
        Value::Bytes(bytes) => json!({ "bytes": hexadecimal(bytes) }),
    }
}

fn number_json(number: Number) -> Json {
    match number {
        Number::Integer(integer) => key_json(&Key::Integer(integer)),
        Number::Real(real) => key_json(&Key::Real(real)),
    }
}

/// Value, rest of the time to live, and tag.
fn entry_json(entry: &Entry, now: u64) -> Json {
    let metadata = &entry.metadata;
    json!([value_json(&entry.value), metadata.expires_ms.map(|at| at - now), metadata.tags.first()])
}

fn queued_json(queued: &Queued, now: u64) -> Json {
    let mut all = vec![json!(queued.position)];
    all.extend(entry_json(&queued.entry, now).as_array().into_iter().flatten().cloned());
    all.into()
}

fn keys_json(cache: &mut Subject, scan: &Scan) -> Result<Json, Error> {
    Ok(cache.keys(scan, 7)?.iter().map(key_json).collect())
}
