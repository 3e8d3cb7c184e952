//! Operations on the real cache.

use std::collections::HashMap;

use larder_engine::{
    Cache, Content as Kind, Draft, Error, Item, Key, Metadata, Number, Order, Scan, Selection, Value, ValueReader,
};

use super::answer::{Answer, Refusal, Seen, name_in_queue};
use super::operation::{Content, Operation, Stored, key_of, name, side};
use crate::support::{keys, same};

/// Does an operation that can be done by itself.
pub(super) fn perform(cache: &mut Cache, operation: &Operation) -> Answer {
    try_to_perform(cache, operation).unwrap_or_else(|error| Answer::Refused(Refusal::from(error)))
}

fn try_to_perform(cache: &mut Cache, operation: &Operation) -> Result<Answer, Error> {
    Ok(match operation {
        Operation::Get(key) => Answer::Found(cache.get(&key_of(*key))?.as_ref().map(stored)),
        Operation::GetEntry(key) => Answer::Found(cache.get_entry(&key_of(*key))?.map(|entry| stored(&entry.value))),
        Operation::GetRecent(key, age) => {
            Answer::Found(cache.get_recent(&key_of(*key), u64::from(*age))?.map(|entry| stored(&entry.value)))
        }
        Operation::GetMany(keys) => Answer::FoundEach(
            cache.get_many(&keys_of(keys))?.into_iter().map(|found| found.as_ref().map(stored)).collect(),
        ),
        Operation::Read(key, part) => Answer::Found(read_in_parts(cache, *key, *part)?),
        Operation::Contains(key) => Answer::Whether(cache.contains(&key_of(*key))?),
        Operation::Touch(key, lasting) => Answer::Whether(cache.touch(&key_of(*key), lasting.expiry())?),
        Operation::TouchMany(keys, lasting) => Answer::WhetherEach(cache.touch_many(&keys_of(keys), lasting.expiry())?),
        Operation::Delete(key) => Answer::Whether(cache.delete(&key_of(*key))?),
        Operation::DeleteMany(keys) => Answer::WhetherEach(cache.delete_many(&keys_of(keys))?),
        Operation::CompareAndDelete(key, right) => {
            let version = version_of(cache, *key, *right)?.unwrap_or(0);
            Answer::Whether(cache.compare_and_delete(&key_of(*key), version)?)
        }
        Operation::Pop(key) => Answer::Found(cache.pop(&key_of(*key))?.map(|entry| stored(&entry.value))),
        Operation::Pull(queue, front) => {
            let pulled = cache.pull(&name(*queue), side(*front))?;
            Answer::Queued(pulled.map(|queued| (queued.position, stored(&queued.entry.value))))
        }
        Operation::Peek(queue, front) => {
            let seen = cache.peek(&name(*queue), side(*front))?;
            Answer::Queued(seen.map(|queued| (queued.position, stored(&queued.entry.value))))
        }
        Operation::QueueLength(queue) => Answer::Count(cache.queue_length(&name(*queue))?),
        Operation::Keys { .. }
        | Operation::Measure(..)
        | Operation::Evict(_)
        | Operation::Expire
        | Operation::Cull
        | Operation::Clear
        | Operation::Compact
        | Operation::Configure(_) => try_on_all(cache, operation)?,
        storing => try_to_store(cache, storing)?,
    })
}

fn try_to_store(cache: &mut Cache, operation: &Operation) -> Result<Answer, Error> {
    Ok(match operation {
        Operation::Set(key, content) => {
            cache.set(&key_of(*key), &content.value.value(), &content.options())?;
            Answer::Done
        }
        Operation::SetMany(contents) => {
            let draft = |(key, content): &(u8, Content)| Draft {
                key: key_of(*key),
                value: content.value.value(),
                options: content.options(),
            };
            let versions = cache.set_many(&contents.iter().map(draft).collect::<Vec<_>>())?;
            assert_eq!(versions.len(), contents.len());
            Answer::Done
        }
        Operation::Write(key, part, content) => write_in_parts(cache, *key, *part, content)?,
        Operation::Add(key, content) => {
            Answer::Whether(cache.add(&key_of(*key), &content.value.value(), &content.options())?.is_some())
        }
        Operation::CompareAndSet(key, right, content) => {
            let version = version_of(cache, *key, *right)?;
            let (value, options) = (content.value.value(), content.options());
            Answer::Whether(cache.compare_and_set(&key_of(*key), version, &value, &options)?.is_some())
        }
        Operation::Increment(key, delta, create, content) => {
            let initial = create.then_some(Number::Integer(5));
            let sum = cache.increment(&key_of(*key), Number::Integer(*delta), initial, &content.options())?;
            Answer::Sum(sum.map(|sum| match sum {
                Number::Integer(sum) => sum,
                Number::Real(real) => panic!("integers add up to {real}"),
            }))
        }
        Operation::Push(queue, front, content) => {
            let (value, options) = (content.value.value(), content.options());
            Answer::Position(cache.push(&name(*queue), &value, side(*front), &options)?)
        }
        other => panic!("{other:?} is nothing to be done by itself"),
    })
}

fn try_on_all(cache: &mut Cache, operation: &Operation) -> Result<Answer, Error> {
    Ok(match operation {
        Operation::Keys { choice, by_key, reverse, expired } => {
            let order = if *by_key { Order::Key } else { Order::Insertion };
            let scan = Scan { selection: choice.selection(), order, reverse: *reverse, expired: *expired };
            Answer::Names(keys(cache, &scan).iter().map(name_of).collect())
        }
        Operation::Measure(choice, expired) => {
            let (count, size) = cache.measure(&choice.selection(), *expired)?;
            Answer::Measured(count, size)
        }
        Operation::Evict(choice) => Answer::Count(cache.evict(&choice.selection())?),
        Operation::Expire => Answer::Count(cache.expire()?),
        Operation::Cull => Answer::Count(cache.cull()?),
        Operation::Clear => Answer::Count(cache.clear()?),
        Operation::Compact => {
            cache.compact()?;
            Answer::Done
        }
        Operation::Configure(setting) => {
            cache.configure(&setting.changes())?;
            Answer::Done
        }
        other => panic!("{other:?} is nothing to be done by itself"),
    })
}

/// The version of a live entry, or another one. To look at it is to read.
fn version_of(cache: &mut Cache, key: u8, right: bool) -> Result<Option<u64>, Error> {
    let version = cache.get_entry(&key_of(key))?.map(|entry| entry.metadata.version);
    Ok(if right { version } else { Some(version.unwrap_or(0) + 1) })
}

fn read_in_parts(cache: &mut Cache, key: u8, part: u32) -> Result<Option<Stored>, Error> {
    let Some(mut reader) = cache.read(&key_of(key))? else { return Ok(None) };
    let mut bytes = Vec::new();
    loop {
        let more = reader.read(part)?;
        if more.is_empty() {
            break;
        }
        assert!(more.len() <= part as usize);
        bytes.extend(more);
    }
    Ok(Some(stored(&whole(&reader, bytes))))
}

fn whole(reader: &ValueReader, bytes: Vec<u8>) -> Value {
    assert_eq!(bytes.len() as u64, reader.size());
    if reader.is_text() { Value::Text(String::from_utf8(bytes).unwrap()) } else { Value::Bytes(bytes) }
}

fn write_in_parts(cache: &mut Cache, key: u8, part: u32, content: &Content) -> Result<Answer, Error> {
    let Value::Bytes(bytes) = content.value.value() else { panic!("{content:?} has no parts") };
    let mut writer = cache.write(&key_of(key), Kind::Bytes, &content.options())?;
    bytes.chunks(part as usize).try_for_each(|part| writer.append(cache, part))?;
    writer.finish(cache)?;
    Ok(Answer::Done)
}

fn keys_of(keys: &[u8]) -> Vec<Key> {
    keys.iter().map(|key| key_of(*key)).collect()
}

fn name_of(key: &Key) -> String {
    match key {
        Key::Text(text) => text.clone(),
        Key::Integer(position) => position.to_string(),
        other => panic!("{other} was never stored"),
    }
}

fn stored(value: &Value) -> Stored {
    let length = |length: usize| u32::try_from(length).unwrap();
    let stored = match value {
        Value::Integer(integer) => Stored::Integer(*integer),
        Value::Bytes(bytes) => Stored::Bytes(length(bytes.len())),
        Value::Text(text) => Stored::Text(length(text.len())),
        Value::Real(real) => panic!("{real} was never stored"),
    };
    assert!(same(value, &stored.value()), "{stored:?} is not what was stored");
    stored
}

/// All that is known of all entries: those with keys in the order in which they came in, then the queues.
/// Looking counts for nothing. `written` tells that reads are recorded by now.
pub(super) fn look(cache: &mut Cache, written: bool) -> Vec<Seen> {
    let mut seen = Vec::new();
    each_entry(cache, |name, value, metadata| {
        seen.push(Seen {
            name,
            value: stored(&value),
            stored_ms: metadata.stored_ms,
            expires_ms: metadata.expires_ms,
            sliding: metadata.sliding,
            tags: metadata.tags,
            size: metadata.size,
            used_ms: written.then_some(metadata.accessed_ms),
            hits: written.then_some(metadata.hits),
        });
    });
    seen
}

/// What is recorded of the versions of all entries and of their last uses, by their names.
pub(super) fn recorded(cache: &mut Cache) -> HashMap<String, (u64, u64)> {
    let mut recorded = HashMap::new();
    each_entry(cache, |name, _, metadata| {
        recorded.insert(name, (metadata.version, metadata.accessed_ms));
    });
    recorded
}

fn each_entry(cache: &mut Cache, mut take: impl FnMut(String, Value, Metadata)) {
    let all = Scan { expired: true, ..Scan::default() };
    for item in items(cache, &all) {
        take(name_of(&item.key), item.entry.value, item.entry.metadata);
    }
    for queue in cache.queues().unwrap() {
        let selection = Selection::Queue(queue.clone());
        for item in items(cache, &Scan { selection, order: Order::Key, ..all.clone() }) {
            let Key::Integer(position) = item.key else { panic!("{} is no position", item.key) };
            take(name_in_queue(&queue, position), item.entry.value, item.entry.metadata);
        }
    }
}

fn items(cache: &mut Cache, scan: &Scan) -> Vec<Item> {
    let mut cursor = cache.scan(scan).unwrap();
    let mut items = Vec::new();
    loop {
        let more = cursor.next_items(cache, 100).unwrap();
        if more.is_empty() {
            return items;
        }
        items.extend(more);
    }
}
