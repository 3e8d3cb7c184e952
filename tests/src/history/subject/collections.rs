//! Queues, deques and indexes.

use larder::{Cache, Error, SetOptions, Value};

use super::{seen, side};
use crate::history::content::{decode, encode};
use crate::history::event::Outcome;
use crate::history::operation::{End, IndexAction, LineAction};

pub(super) fn on_queue(cache: &Cache, line: u32, action: LineAction) -> Result<Outcome, Error> {
    let queue = format!("queue:{line}");
    let queued = |queued: Option<larder::Queued>| Outcome::Value(seen(queued.map(|queued| queued.entry.value)));
    Ok(match action {
        LineAction::Push { end, content } => {
            cache.push(&queue, encode(content), side(end), &SetOptions::new())?;
            Outcome::Done
        }
        LineAction::Pull { end } => queued(cache.pull(&queue, side(end))?),
        LineAction::Peek { end } => queued(cache.peek(&queue, side(end))?),
        LineAction::Length => Outcome::Count(cache.queue_length(&queue)?),
    })
}

pub(super) fn on_deque(cache: &Cache, line: u32, action: LineAction) -> Result<Outcome, Error> {
    let deque = cache.deque_plain(format!("deque:{line}"));
    Ok(match action {
        LineAction::Push { end: End::Front, content } => Outcome::Count(deque.push_front(&encode(content))?),
        LineAction::Push { end: End::Back, content } => Outcome::Count(deque.push_back(&encode(content))?),
        LineAction::Pull { end: End::Front } => Outcome::Value(seen(deque.pop_front()?)),
        LineAction::Pull { end: End::Back } => Outcome::Value(seen(deque.pop_back()?)),
        LineAction::Peek { end: End::Front } => Outcome::Value(seen(deque.front()?)),
        LineAction::Peek { end: End::Back } => Outcome::Value(seen(deque.back()?)),
        LineAction::Length => Outcome::Count(deque.len()?),
    })
}

pub(super) fn on_index(cache: &Cache, index: u32, action: IndexAction) -> Result<Outcome, Error> {
    let index = cache.index_plain::<u32>(format!("index:{index}"));
    let pair = |item: Option<(u32, Value<'static>)>| Outcome::Pair(item.map(|(key, value)| (key, decode(&value))));
    Ok(match action {
        IndexAction::Set { key, content } => Outcome::Flag(index.set(key, &encode(content))?),
        IndexAction::SetDefault { key, content } => {
            Outcome::Value(Some(decode(&index.set_default(key, &encode(content))?)))
        }
        IndexAction::Update { keys, content } => {
            let value = encode(content);
            Outcome::Flags(index.update(keys.map(|key| (key, &value)))?)
        }
        IndexAction::Get { key } => Outcome::Value(seen(index.get(key)?)),
        IndexAction::Delete { key } => Outcome::Flag(index.delete(key)?),
        IndexAction::Pop { key } => Outcome::Value(seen(index.pop(key)?)),
        IndexAction::PeekItem { end: End::Front } => pair(index.first()?),
        IndexAction::PeekItem { end: End::Back } => pair(index.last()?),
        IndexAction::PopItem { end: End::Front } => pair(index.pop_first()?),
        IndexAction::PopItem { end: End::Back } => pair(index.pop_last()?),
        IndexAction::MoveToEnd { key, end } => Outcome::Flag(index.move_to_end(key, side(end))?),
        IndexAction::Length => Outcome::Count(index.len()?),
        IndexAction::Clear => Outcome::Count(index.clear()?),
    })
}
