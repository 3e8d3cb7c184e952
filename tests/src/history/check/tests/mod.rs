//! Legal histories that are accepted and illegal ones that are not.

mod collections;
mod limits;
mod times;

use super::*;
use crate::history::operation::{Content, End, GroupAction, Life, LineAction, Mode};

/// A call, in milliseconds.
fn call(client: u32, begun: u64, ended: u64, operation: Operation, outcome: Outcome) -> Call {
    Call { client, operation, begun: begun * 1_000_000, ended: ended * 1_000_000, outcome: Some(outcome) }
}

/// A call that never ended.
fn pending(client: u32, begun: u64, operation: Operation) -> Call {
    Call { client, operation, begun: begun * 1_000_000, ended: Call::NEVER, outcome: None }
}

fn body(stamp: u64) -> Content {
    Content::Body { stamp, size: 20 }
}

fn item(action: ItemAction) -> Operation {
    Operation::Item(0, action)
}

fn set(stamp: u64, ttl_ms: Option<u32>) -> Operation {
    item(ItemAction::Set { content: body(stamp), life: Life { ttl_ms, slides: false } })
}

fn found(stamp: u64) -> Outcome {
    Outcome::Value(Some(body(stamp)))
}

const GET: Operation = Operation::Item(0, ItemAction::Get);
const NOTHING: Outcome = Outcome::Value(None);

fn stored(version: u64) -> Outcome {
    Outcome::Version(Some(version))
}

#[track_caller]
fn legal(calls: &[Call]) {
    let checked = check(calls, &Plan::everything(1)).unwrap_or_else(|reason| panic!("{reason}"));
    assert_eq!(checked.undecided, 0);
}

#[track_caller]
fn illegal(calls: &[Call]) {
    let checked = check(calls, &Plan::everything(1));
    assert!(checked.is_err(), "{checked:?}");
}

#[test]
fn a_read_sees_the_last_store_or_one_beside_it() {
    let history = |seen| {
        vec![call(1, 0, 1, set(1, None), stored(10)), call(2, 2, 5, set(2, None), stored(11)), call(3, 3, 4, GET, seen)]
    };
    legal(&history(found(1)));
    legal(&history(found(2)));
    illegal(&history(found(3)));
    illegal(&history(NOTHING));
}

#[test]
fn a_stale_read_and_a_lost_store_are_seen() {
    let first = [call(1, 0, 1, set(1, None), stored(10)), call(1, 2, 3, set(2, None), stored(11))];
    legal(&[&first[..], &[call(2, 4, 5, GET, found(2))]].concat());
    illegal(&[&first[..], &[call(2, 4, 5, GET, found(1))]].concat());
    illegal(&[&first[..], &[call(2, 4, 5, GET, NOTHING)]].concat());
}

#[test]
fn what_never_ended_may_have_been_or_not_but_not_come_and_go() {
    let begun = [call(1, 0, 1, set(1, None), stored(10)), pending(2, 2, set(2, None))];
    legal(&[&begun[..], &[call(3, 4, 5, GET, found(1)), call(3, 6, 7, GET, found(2))]].concat());
    legal(&[&begun[..], &[call(3, 4, 5, GET, found(1))]].concat());
    illegal(&[&begun[..], &[call(3, 4, 5, GET, found(2)), call(3, 6, 7, GET, found(1))]].concat());
}

#[test]
fn versions_grow_also_across_deletion() {
    let first = [call(1, 0, 1, set(1, None), stored(10)), call(1, 2, 3, item(ItemAction::Delete), Outcome::Flag(true))];
    legal(&[&first[..], &[call(1, 4, 5, set(2, None), stored(11))]].concat());
    illegal(&[&first[..], &[call(1, 4, 5, set(2, None), stored(10))]].concat());
}

#[test]
fn two_compare_and_sets_of_one_version_do_not_both_succeed() {
    let swap = |stamp| item(ItemAction::CompareAndSet { expected: Some(10), content: body(stamp), life: Life::LONG });
    let first = call(1, 0, 1, set(1, None), stored(10));
    let won = call(1, 2, 5, swap(2), stored(11));
    legal(&[first.clone(), won.clone(), call(2, 2, 5, swap(3), Outcome::Version(None))]);
    illegal(&[first, won, call(2, 2, 5, swap(3), stored(12))]);
}

#[test]
fn two_increments_do_not_come_to_the_same() {
    let add = item(ItemAction::Increment { delta: 1 });
    legal(&[call(1, 0, 3, add, Outcome::Sum(1)), call(2, 0, 3, add, Outcome::Sum(2))]);
    illegal(&[call(1, 0, 3, add, Outcome::Sum(1)), call(2, 0, 3, add, Outcome::Sum(1))]);
}

#[test]
fn an_increment_by_nothing_gives_another_version() {
    let (add, observe) = (|delta| item(ItemAction::Increment { delta }), item(ItemAction::Observe));
    let seen = |version| Outcome::Entry(Some((Content::Number(5), version)));
    let history = |first, second| {
        vec![
            call(1, 0, 1, add(5), Outcome::Sum(5)),
            call(2, 2, 6, observe, seen(first)),
            call(3, 3, 7, observe, seen(second)),
            call(1, 4, 5, add(0), Outcome::Sum(5)),
        ]
    };
    legal(&history(10, 11));
    legal(&history(11, 10));
    let mut three = history(10, 11);
    three.push(call(4, 8, 9, observe, seen(12)));
    illegal(&three);
}

#[test]
fn an_entry_expires_at_its_time_neither_before_nor_after() {
    let first = call(1, 0, 1, set(1, Some(100)), stored(10));
    legal(&[first.clone(), call(1, 50, 51, GET, found(1)), call(1, 150, 151, GET, NOTHING)]);
    illegal(&[first.clone(), call(1, 50, 51, GET, NOTHING)]);
    illegal(&[first, call(1, 150, 151, GET, found(1))]);
}

#[test]
fn a_leap_of_the_clock_may_cost_an_entry_with_a_time_to_live_and_makes_none_immortal() {
    let leap = call(9, 20, 21, Operation::Leap { milliseconds: -3_600_000 }, Outcome::Done);
    let first = [call(1, 0, 1, set(1, Some(100)), stored(10)), leap];
    legal(&[&first[..], &[call(1, 50, 51, GET, NOTHING)]].concat());
    legal(&[&first[..], &[call(1, 110, 111, GET, found(1))]].concat());
    illegal(&[&first[..], &[call(1, 140, 141, GET, found(1))]].concat());
    let for_ever = call(1, 0, 1, set(1, None), stored(10));
    illegal(&[for_ever, first[1].clone(), call(1, 50, 51, GET, NOTHING)]);
}

#[test]
fn evicting_removes_what_was_there_and_may_leave_what_came_in_meanwhile() {
    let evict = call(2, 10, 20, Operation::Evict { tag: 0 }, Outcome::Count(1));
    illegal(&[call(1, 0, 1, set(1, None), stored(10)), evict.clone(), call(1, 30, 31, GET, found(1))]);
    legal(&[call(1, 0, 1, set(1, None), stored(10)), evict.clone(), call(1, 30, 31, GET, NOTHING)]);
    let meanwhile = [evict, call(1, 11, 12, set(1, None), stored(10))];
    legal(&[&meanwhile[..], &[call(1, 30, 31, GET, found(1))]].concat());
    legal(&[&meanwhile[..], &[call(1, 30, 31, GET, NOTHING)]].concat());
}

#[test]
fn an_enumeration_shows_what_is_there_once() {
    let scan = |seen| call(1, 2, 3, Operation::Scan { by_key: true, reverse: false }, Outcome::Items(seen));
    let first = call(1, 0, 1, set(1, None), stored(10));
    legal(&[first.clone(), scan(vec![(0, body(1), 10)])]);
    illegal(&[first.clone(), scan(vec![])]);
    illegal(&[first.clone(), scan(vec![(0, body(1), 10), (0, body(1), 10)])]);
    illegal(&[first, scan(vec![(0, body(1), 11)])]);
}

#[test]
fn half_a_group_is_seen_by_nobody() {
    let group = |action| Operation::Group(0, action);
    let whole = |stamp| (0..4).map(|member| Some(super::super::content::member_content(body(stamp), member))).collect();
    let first = [
        call(1, 0, 1, group(GroupAction::SetMany { content: body(1) }), Outcome::Done),
        call(1, 2, 9, group(GroupAction::SetMany { content: body(2) }), Outcome::Done),
    ];
    let read = |action, values| [&first[..], &[call(2, 3, 4, group(action), Outcome::Values(values))]].concat();
    legal(&read(GroupAction::Read, whole(1)));
    legal(&read(GroupAction::Read, whole(2)));
    let mut torn: Vec<_> = whole(1);
    torn[3] = whole(2)[3];
    illegal(&read(GroupAction::Read, torn.clone()));
    // Reading one after the other may see the store come in between, but nobody then sees it gone.
    legal(&read(GroupAction::GetMany, torn.clone()));
    let earlier = call(3, 5, 6, group(GroupAction::ReadOne { member: 3 }), Outcome::Value(whole(1)[3]));
    illegal(&[&read(GroupAction::GetMany, torn)[..], &[earlier]].concat());
    // What is undone was never there.
    let abandoned =
        call(2, 3, 4, group(GroupAction::Abandon { from: 0, to: 1, panics: true }), Outcome::Values(whole(1)));
    let after = call(2, 5, 6, group(GroupAction::ReadOne { member: 0 }), Outcome::Value(whole(1)[1]));
    illegal(&[first[0].clone(), abandoned, after]);
}

#[test]
fn a_line_loses_doubles_and_reorders_nothing() {
    let line = |action| Operation::Line(0, action);
    let push =
        |at, stamp| call(1, at, at + 1, line(LineAction::Push { end: End::Back, content: body(stamp) }), Outcome::Done);
    let pull = |at, outcome| call(2, at, at + 1, line(LineAction::Pull { end: End::Front }), outcome);
    let first = [push(0, 1), push(2, 2)];
    legal(&[&first[..], &[pull(4, found(1)), pull(6, found(2)), pull(8, NOTHING)]].concat());
    illegal(&[&first[..], &[pull(4, found(2)), pull(6, found(1))]].concat());
    illegal(&[&first[..], &[pull(4, found(1)), pull(6, found(1))]].concat());
    illegal(&[&first[..], &[pull(4, found(1)), pull(6, NOTHING)]].concat());
    illegal(&[&first[..], &[pull(4, found(3))]].concat());
    for outcomes in [[found(2), found(1)], [found(1), found(1)], [found(1), NOTHING]] {
        let [one, other] = outcomes;
        assert!(line::conserves(&[&first[..], &[pull(4, one), pull(6, other)]].concat()).is_err());
    }
}

#[test]
fn two_do_not_hold_a_lock_and_its_numbers_grow() {
    let take = |client, at, mode, fence| {
        let acquire = Operation::Lock(0, LockAction::Acquire { mode, waits: true });
        call(client, at, at + 1, acquire, Outcome::Fence(Some(fence)))
    };
    let give = |client, at, outcome| call(client, at, at + 1, Operation::Lock(0, LockAction::Release), outcome);
    let alone = Mode::Exclusive;
    legal(&[take(1, 0, alone, 1), give(1, 5, Outcome::Done), take(2, 6, alone, 2), give(2, 8, Outcome::Done)]);
    illegal(&[take(1, 0, alone, 1), take(2, 3, alone, 2), give(1, 5, Outcome::Done), give(2, 8, Outcome::Done)]);
    illegal(&[take(1, 0, alone, 2), give(1, 5, Outcome::Done), take(2, 7, alone, 2), give(2, 9, Outcome::Done)]);
    legal(&[take(1, 0, Mode::Read, 1), take(2, 3, Mode::Read, 2)]);
    illegal(&[take(1, 0, Mode::Read, 1), take(2, 3, Mode::Write, 2)]);
    // Somebody who was killed is followed after its lease of three seconds, and not before.
    legal(&[take(1, 0, alone, 1), take(2, 3_001, alone, 2)]);
    illegal(&[take(1, 0, alone, 1), take(2, 2_000, alone, 2)]);
    illegal(&[take(1, 0, alone, 1), give(1, 5, Outcome::Lapsed)]);
    let permits = [take(1, 0, Mode::Permit, 1), take(2, 2, Mode::Permit, 2), take(3, 4, Mode::Permit, 3)];
    legal(&permits);
    illegal(&[&permits[..], &[take(4, 6, Mode::Permit, 4)]].concat());
}

#[test]
fn a_value_is_computed_once() {
    let ask = |client, stamp, told, computed| {
        call(
            client,
            0,
            9,
            Operation::Memoize { memo: 0, stamp, panics: false },
            Outcome::Memo { stamp: told, computed },
        )
    };
    legal(&[ask(1, 1, 1, Some((2, 3))), ask(2, 2, 1, None)]);
    illegal(&[ask(1, 1, 1, Some((2, 3))), ask(2, 2, 2, Some((4, 5)))]);
    illegal(&[ask(1, 1, 1, Some((2, 3))), ask(2, 2, 1, Some((4, 5)))]);
    illegal(&[ask(1, 1, 7, None)]);
    // By somebody who was killed before it was told.
    legal(&[pending(1, 0, Operation::Memoize { memo: 0, stamp: 7, panics: false }), ask(2, 2, 7, None)]);
}
