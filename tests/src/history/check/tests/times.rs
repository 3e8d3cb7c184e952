//! Entries that slide or are too old, and values that are computed anew.

use super::*;

/// An entry that lives for 80 ms after each hit, or from 70 ms on.
fn sliding() -> Call {
    let action = ItemAction::Set { content: body(1), life: Life { ttl_ms: Some(80), slides: true } };
    call(1, 0, 1, item(action), stored(10))
}

fn get(at: u64, outcome: Outcome) -> Call {
    call(1, at, at + 1, GET, outcome)
}

#[test]
fn an_entry_that_is_read_within_its_time_does_not_vanish() {
    legal(&[sliding(), get(60, found(1)), get(120, found(1)), get(180, found(1))]);
    illegal(&[sliding(), get(60, found(1)), get(120, NOTHING)]);
    // An eighth may be missing.
    legal(&[sliding(), get(60, found(1)), get(136, NOTHING)]);
    legal(&[sliding(), get(60, found(1)), get(136, found(1))]);
    illegal(&[sliding(), get(60, found(1)), get(160, found(1))]);
    // While a read is under way, its end may not be postponed yet.
    let long = call(2, 60, 100, GET, found(1));
    legal(&[sliding(), long.clone(), get(90, NOTHING)]);
    illegal(&[sliding(), long, get(110, NOTHING)]);
}

#[test]
fn looking_whether_an_entry_is_there_postpones_nothing() {
    let contains = call(1, 60, 61, item(ItemAction::Contains), Outcome::Flag(true));
    legal(&[sliding(), contains.clone(), get(100, NOTHING)]);
    illegal(&[sliding(), contains, get(100, found(1))]);
}

#[test]
fn touching_leaves_it_sliding() {
    let touch = call(1, 20, 21, item(ItemAction::Touch { ttl_ms: Some(40) }), Outcome::Flag(true));
    legal(&[sliding(), touch.clone(), get(50, found(1)), get(80, found(1))]);
    illegal(&[sliding(), touch, get(50, found(1)), get(70, NOTHING)]);
}

#[test]
fn many_are_touched_as_each_of_them() {
    let touch = |flags| call(1, 20, 21, Operation::TouchMany { tag: 0, ttl_ms: Some(40) }, Outcome::Flags(flags));
    // Of the eight entries, the first and the fifth have this tag.
    let first = call(1, 0, 1, set(1, None), stored(10));
    legal(&[first.clone(), touch(vec![true, false]), get(90, NOTHING)]);
    illegal(&[first.clone(), touch(vec![true, false]), get(90, found(1))]);
    illegal(&[first, touch(vec![false, false])]);
}

#[test]
fn what_is_too_old_is_not_recent_and_what_is_young_enough_is() {
    let recent = |at, outcome| call(1, at, at + 1, item(ItemAction::GetRecent { max_age_ms: 50 }), outcome);
    let seen = Outcome::Entry(Some((body(1), 10)));
    let first = call(1, 0, 1, set(1, None), stored(10));
    legal(&[first.clone(), recent(20, seen.clone()), recent(70, Outcome::Entry(None)), get(80, found(1))]);
    illegal(&[first.clone(), recent(20, Outcome::Entry(None))]);
    illegal(&[first.clone(), recent(70, seen)]);
    // To be touched is not to be stored.
    let touch = call(1, 40, 41, item(ItemAction::Touch { ttl_ms: None }), Outcome::Flag(true));
    legal(&[first, touch, recent(70, Outcome::Entry(None))]);
}

#[test]
fn parts_of_two_values_are_no_value() {
    let read = |outcome| call(2, 4, 5, item(ItemAction::ReadRanges { at: 500 }), outcome);
    let write = item(ItemAction::Write { content: body(2), life: Life::LONG });
    let first = [call(1, 0, 1, set(1, None), stored(10)), call(1, 2, 9, write, stored(11))];
    legal(&[&first[..], &[read(found(1))]].concat());
    legal(&[&first[..], &[read(found(2))]].concat());
    illegal(&[&first[..], &[read(Outcome::Value(Some(Content::Torn)))]].concat());
    // What was given up was never there.
    let given_up = call(1, 2, 3, item(ItemAction::GiveUp { content: body(2) }), Outcome::Done);
    legal(&[first[0].clone(), given_up.clone(), read(found(1))]);
    illegal(&[first[0].clone(), given_up, read(found(2))]);
}

/// A call for a value that ages: 60 ms fresh, then 90 ms stale.
fn ask(client: u32, (begun, ended): (u64, u64), own: u64, told: u64, computed: Option<(u64, u64)>) -> Call {
    let computed = computed.map(|(from, to)| (from * 1_000_000, to * 1_000_000));
    let operation = Operation::Refresh { memo: 0, stamp: own, panics: false };
    call(client, begun, ended, operation, Outcome::Memo { stamp: told, computed })
}

#[test]
fn a_value_is_computed_anew_by_one_once_it_is_stale_and_never_handed_out_when_it_is_older() {
    let first = ask(1, (0, 4), 1, 1, Some((1, 3)));
    legal(&[first.clone(), ask(2, (50, 51), 2, 1, None), ask(2, (80, 84), 3, 3, Some((81, 83)))]);
    // While one computes it, others have the old one.
    legal(&[first.clone(), ask(2, (80, 90), 2, 2, Some((81, 89))), ask(3, (82, 83), 3, 1, None)]);
    illegal(&[first.clone(), ask(2, (80, 90), 2, 2, Some((81, 89))), ask(3, (82, 87), 3, 3, Some((83, 86)))]);
    illegal(&[first.clone(), ask(2, (40, 44), 2, 2, Some((41, 43)))]);
    illegal(&[first.clone(), ask(2, (170, 171), 2, 1, None)]);
    legal(&[first.clone(), ask(2, (140, 141), 2, 1, None)]);
    illegal(&[first.clone(), ask(2, (80, 84), 2, 2, Some((81, 83))), ask(3, (90, 91), 3, 1, None)]);
    illegal(&[first, ask(2, (10, 11), 2, 9, None)]);
}

#[test]
fn what_has_panicked_was_not_computed() {
    let panicked = |operation| call(1, 0, 3, operation, Outcome::Abandoned);
    let refresh = Operation::Refresh { memo: 0, stamp: 7, panics: true };
    illegal(&[panicked(refresh), ask(2, (4, 5), 2, 7, None)]);
    legal(&[panicked(refresh), ask(2, (4, 8), 2, 2, Some((5, 7)))]);
    let told = |stamp, computed| {
        let once = Operation::Memoize { memo: 0, stamp: 2, panics: false };
        call(2, 4, 8, once, Outcome::Memo { stamp, computed })
    };
    let once = Operation::Memoize { memo: 0, stamp: 7, panics: true };
    legal(&[panicked(once), told(2, Some((5_000_000, 6_000_000)))]);
    illegal(&[panicked(once), told(7, None)]);
}
