//! An index: keys in the order in which they came in, with their values.

use super::search::Model;
use crate::history::event::{Call, Outcome};
use crate::history::operation::{Content, End, IndexAction, Operation};

/// An index as a whole.
pub(super) struct Index;

type Pairs = Vec<(u32, Content)>;

impl Model for Index {
    type State = Pairs;

    fn initial(&self) -> Pairs {
        Vec::new()
    }

    fn step(&self, pairs: &Pairs, call: &Call) -> Vec<Pairs> {
        let Operation::Index(_, action) = call.operation else { return Vec::new() };
        let (next, expected) = perform(pairs, action);
        if call.outcome.as_ref().is_none_or(|outcome| *outcome == expected) { vec![next] } else { Vec::new() }
    }

    fn tells(&self, _: &Pairs, call: &Call) -> bool {
        // A key may stand at the end before it is moved there, and another time not.
        !matches!(call.operation, Operation::Index(_, IndexAction::MoveToEnd { .. }))
    }
}

/// What an index is like after an operation, and what comes of that.
fn perform(pairs: &Pairs, action: IndexAction) -> (Pairs, Outcome) {
    let mut next = pairs.clone();
    let outcome = match action {
        IndexAction::Set { key, content } => Outcome::Flag(set(&mut next, key, content)),
        IndexAction::SetDefault { key, content } => {
            let there = get(pairs, key);
            if there.is_none() {
                set(&mut next, key, content);
            }
            Outcome::Value(there.or(Some(content)))
        }
        IndexAction::Update { keys, content } => {
            Outcome::Flags(keys.iter().map(|key| set(&mut next, *key, content)).collect())
        }
        IndexAction::Get { key } => Outcome::Value(get(pairs, key)),
        IndexAction::Delete { key } => Outcome::Flag(remove(&mut next, key).is_some()),
        IndexAction::Pop { key } => Outcome::Value(remove(&mut next, key).map(|(_, content)| content)),
        IndexAction::PeekItem { end } => Outcome::Pair(at(pairs, end)),
        IndexAction::PopItem { end } => Outcome::Pair(at(pairs, end).and_then(|(key, _)| remove(&mut next, key))),
        IndexAction::MoveToEnd { key, end } => {
            let moved = remove(&mut next, key);
            if let Some(pair) = moved {
                next.insert(if end == End::Front { 0 } else { next.len() }, pair);
            }
            Outcome::Flag(moved.is_some())
        }
        IndexAction::Length => Outcome::Count(pairs.len() as u64),
        IndexAction::Clear => {
            next.clear();
            Outcome::Count(pairs.len() as u64)
        }
    };
    (next, outcome)
}

fn get(pairs: &Pairs, key: u32) -> Option<Content> {
    pairs.iter().find(|(other, _)| *other == key).map(|(_, content)| *content)
}

/// A key that is there keeps its place; whether it was.
fn set(pairs: &mut Pairs, key: u32, content: Content) -> bool {
    if let Some(pair) = pairs.iter_mut().find(|(other, _)| *other == key) {
        pair.1 = content;
        return true;
    }
    pairs.push((key, content));
    false
}

fn remove(pairs: &mut Pairs, key: u32) -> Option<(u32, Content)> {
    let place = pairs.iter().position(|(other, _)| *other == key)?;
    Some(pairs.remove(place))
}

fn at(pairs: &Pairs, end: End) -> Option<(u32, Content)> {
    if end == End::Front { pairs.first() } else { pairs.last() }.copied()
}
