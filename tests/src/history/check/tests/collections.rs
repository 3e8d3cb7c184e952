//! Indexes, and what is known only in part.

use super::*;
use crate::history::operation::IndexAction;

fn index(at: u64, action: IndexAction, outcome: Outcome) -> Call {
    call(1, at, at + 1, Operation::Index(0, action), outcome)
}

fn put(at: u64, key: u32, was_there: bool) -> Call {
    index(at, IndexAction::Set { key, content: body(at) }, Outcome::Flag(was_there))
}

fn pair(key: u32, stamp: u64) -> Outcome {
    Outcome::Pair(Some((key, body(stamp))))
}

#[test]
fn an_index_keeps_the_order_of_arrival_and_moves_what_it_is_told_to() {
    let first = [put(0, 1, false), put(2, 2, false), put(4, 1, true)];
    let then = |action, outcome| [&first[..], &[index(6, action, outcome)]].concat();
    let (front, back) = (IndexAction::PopItem { end: End::Front }, IndexAction::PeekItem { end: End::Back });
    legal(&then(front, pair(1, 4)));
    illegal(&then(front, pair(1, 0)));
    illegal(&then(front, pair(2, 2)));
    legal(&then(back, pair(2, 2)));
    let moved = IndexAction::MoveToEnd { key: 1, end: End::Back };
    legal(&[&then(moved, Outcome::Flag(true))[..], &[index(8, front, pair(2, 2))]].concat());
    illegal(&[&then(moved, Outcome::Flag(true))[..], &[index(8, front, pair(1, 4))]].concat());
    illegal(&then(moved, Outcome::Flag(false)));
    let again = IndexAction::SetDefault { key: 2, content: body(9) };
    legal(&then(again, found(2)));
    illegal(&then(again, found(9)));
    illegal(&then(IndexAction::Clear, Outcome::Count(1)));
    illegal(&then(IndexAction::Length, Outcome::Count(3)));
}

#[test]
fn moving_a_key_that_is_last_may_come_after_another_has_come_in() {
    // It changes nothing now, but is seen to have come later.
    let moved = IndexAction::MoveToEnd { key: 1, end: End::Back };
    legal(&[
        put(0, 1, false),
        call(2, 2, 9, Operation::Index(0, moved), Outcome::Flag(true)),
        put(4, 2, false),
        index(10, IndexAction::PopItem { end: End::Front }, pair(2, 4)),
    ]);
}

#[test]
fn half_an_update_is_seen_by_nobody() {
    let update = IndexAction::Update { keys: [1, 2], content: body(7) };
    let pending = pending(2, 0, Operation::Index(0, update));
    let get = |at, key, outcome| index(at, IndexAction::Get { key }, outcome);
    legal(&[pending.clone(), get(2, 1, found(7)), get(4, 2, found(7))]);
    legal(&[pending.clone(), get(2, 1, NOTHING), get(4, 2, NOTHING)]);
    illegal(&[pending, get(2, 1, found(7)), get(4, 2, NOTHING)]);
}

#[test]
fn what_has_ended_with_its_instance_does_not_take_place_later() {
    let ended = Call { ended: 3_000_000, ..pending(2, 0, set(1, None)) };
    legal(&[ended.clone(), call(1, 4, 5, GET, found(1))]);
    legal(&[ended.clone(), call(1, 4, 5, GET, NOTHING)]);
    illegal(&[ended.clone(), call(1, 4, 5, GET, NOTHING), call(1, 6, 7, GET, found(1))]);
    legal(&[ended.clone(), call(1, 2, 5, GET, NOTHING), call(1, 6, 7, GET, found(1))]);
    // It has taken place before something that tells nothing of it.
    let add = item(ItemAction::CompareAndDelete { expected: 9 });
    legal(&[ended, call(1, 4, 5, add, Outcome::Flag(false)), call(1, 6, 7, GET, found(1))]);
}

#[test]
fn what_was_refused_has_changed_nothing() {
    let refused = call(1, 0, 1, set(1, None), Outcome::Refused("busy".into()));
    legal(&[refused.clone(), call(1, 2, 3, GET, NOTHING)]);
    illegal(&[refused, call(1, 2, 3, GET, found(1))]);
}

#[test]
fn clearing_leaves_nothing_that_was_there() {
    let clear = call(2, 10, 20, Operation::Clear, Outcome::Count(1));
    let first = [call(1, 0, 1, set(1, None), stored(10)), clear];
    legal(&[&first[..], &[call(1, 30, 31, GET, NOTHING)]].concat());
    illegal(&[&first[..], &[call(1, 30, 31, GET, found(1))]].concat());
    illegal(&[&first[..], &[call(1, 30, 31, set(2, None), stored(10))]].concat());
}
