//! What may be taken, added up, met and made room for.

use super::*;
use crate::history::operation::TallyAction;

#[test]
fn a_window_grants_no_more_than_it_may_and_refuses_nobody_without_a_reason() {
    let take = |at, amount, granted| call(1, at, at + 1, Operation::Take { limit: 0, amount }, Outcome::Flag(granted));
    legal(&[take(0, 3, true), take(2, 3, true), take(4, 1, false), take(206, 3, true)]);
    illegal(&[take(0, 3, true), take(2, 3, true), take(150, 1, true)]);
    illegal(&[take(0, 3, true), take(2, 3, false)]);
    illegal(&[take(0, 3, true), take(2, 3, true), take(230, 1, false)]);
    // Who was killed may have taken some.
    let lost = pending(2, 0, Operation::Take { limit: 0, amount: 3 });
    legal(&[lost.clone(), take(2, 3, true), take(4, 1, false)]);
    legal(&[lost, take(2, 3, true), take(4, 3, true)]);
}

#[test]
fn a_bucket_fills_up_evenly() {
    let take = |at, amount, granted| call(1, at, at + 1, Operation::Take { limit: 1, amount }, Outcome::Flag(granted));
    // Six at once, and one in each 33 ms.
    let first = [take(0, 3, true), take(2, 3, true)];
    legal(&[&first[..], &[take(5, 1, false), take(40, 1, true), take(45, 1, false)]].concat());
    legal(&[&first[..], &[take(110, 3, true)]].concat());
    illegal(&[&first[..], &[take(10, 1, true)]].concat());
    illegal(&[&first[..], &[take(70, 3, true)]].concat());
    illegal(&[&first[..], &[take(60, 1, false)]].concat());
}

#[test]
fn nobody_passes_a_barrier_before_all_are_there() {
    let meet = |client, begun, ended, opening| {
        call(client, begun, ended, Operation::Meet { barrier: 0 }, Outcome::Opening(opening))
    };
    let all = [meet(1, 0, 9, Some(1)), meet(2, 4, 8, Some(1)), meet(3, 6, 10, Some(1))];
    legal(&all);
    legal(&[&all[..], &[meet(4, 11, 20, None), meet(1, 12, 14, None)]].concat());
    illegal(&all[..2]);
    legal(&[&all[..2], &[pending(3, 6, Operation::Meet { barrier: 0 })]].concat());
    illegal(&[&all[..2], &[pending(3, 9, Operation::Meet { barrier: 0 })]].concat());
    illegal(&[&all[..2], &[meet(3, 9, 10, Some(1))]].concat());
    illegal(&[&all[..], &[meet(4, 7, 10, Some(1))]].concat());
    let later = |number| [meet(1, 20, 29, Some(number)), meet(2, 20, 29, Some(number)), meet(3, 20, 29, Some(number))];
    legal(&[&all[..], &later(2)].concat());
    illegal(&[&all[..], &later(0)].concat());
}

#[test]
fn sums_and_means_miss_nothing_and_count_nothing_twice() {
    let add =
        |tally, at, number, outcome| call(1, at, at + 3, Operation::Tally(tally, TallyAction::Add { number }), outcome);
    let get = |tally, outcome| call(2, 8, 9, Operation::Tally(tally, TallyAction::Get), outcome);
    let pop = |tally, outcome| call(2, 10, 11, Operation::Tally(tally, TallyAction::Pop), outcome);
    legal(&[add(0, 0, 5, Outcome::Sum(5)), add(0, 1, 2, Outcome::Sum(7)), get(0, Outcome::Sum(7))]);
    illegal(&[add(0, 0, 5, Outcome::Sum(5)), add(0, 1, 2, Outcome::Sum(2)), get(0, Outcome::Sum(7))]);
    illegal(&[add(0, 0, 5, Outcome::Sum(5)), get(0, Outcome::Sum(10))]);
    legal(&[add(0, 0, 5, Outcome::Sum(5)), pop(0, Outcome::Sum(5)), add(0, 20, 1, Outcome::Sum(1))]);
    illegal(&[add(0, 0, 5, Outcome::Sum(5)), pop(0, Outcome::Sum(5)), add(0, 20, 1, Outcome::Sum(6))]);
    let mean = |mean: f64, count| Outcome::Mean(Some((mean.to_bits(), count)));
    legal(&[add(1, 0, 5, mean(5.0, 1)), add(1, 4, 2, mean(3.5, 2)), get(1, mean(3.5, 2))]);
    illegal(&[add(1, 0, 5, mean(5.0, 1)), add(1, 4, 2, mean(3.5, 2)), get(1, mean(3.5, 1))]);
    illegal(&[add(1, 0, 5, mean(5.0, 1)), get(1, Outcome::Mean(None))]);
    // What was killed was added or not, but not twice.
    let lost = pending(3, 0, Operation::Tally(0, TallyAction::Add { number: 1 }));
    legal(&[lost.clone(), add(0, 0, 5, Outcome::Sum(5)), get(0, Outcome::Sum(6))]);
    illegal(&[lost, add(0, 0, 5, Outcome::Sum(5)), get(0, Outcome::Sum(7))]);
}

/// Entries of one shard, of which there may be two.
fn two_of(items: u32) -> Plan {
    Plan { shards: 1, item_limit: Some(2), items, ..Plan::everything(2) }
}

#[test]
fn an_entry_makes_room_only_where_a_limit_can_have_demanded_it() {
    let set = |item, at| {
        let action = ItemAction::Set { content: body(u64::from(item)), life: Life::LONG };
        call(1, at, at + 1, Operation::Item(item, action), stored(at + 10))
    };
    let get = |item, at, outcome| call(1, at, at + 1, Operation::Item(item, ItemAction::Get), outcome);
    let delete = |item, at| call(1, at, at + 1, Operation::Item(item, ItemAction::Delete), Outcome::Flag(true));
    let plan = two_of(3);
    let is_legal = |calls: &[Call]| check(calls, &plan).is_ok();
    assert!(is_legal(&[set(0, 0), set(1, 2), set(2, 4), get(0, 6, NOTHING), get(1, 8, found(1))]));
    assert!(!is_legal(&[set(0, 0), set(1, 2), get(0, 6, NOTHING)]));
    assert!(!is_legal(&[set(0, 0), set(1, 2), delete(1, 4), set(2, 6), get(0, 8, NOTHING)]));
    // While one of them was stored, another may have been deleted or not yet.
    let beside = Call { ended: 9_000_000, ..delete(1, 4) };
    assert!(is_legal(&[set(0, 0), set(1, 2), beside, set(2, 6), get(0, 10, NOTHING)]));
    // What comes in after there was need of room stays.
    assert!(!is_legal(&[
        set(0, 0),
        set(1, 2),
        set(2, 4),
        get(1, 6, NOTHING),
        delete(2, 8),
        set(1, 20),
        get(1, 22, NOTHING)
    ]));
}

#[test]
fn there_are_never_more_entries_than_the_limit_nor_more_bytes_at_rest() {
    let count = |operation, count| call(1, 0, 1, operation, Outcome::Count(count));
    let plan = Plan { size_limit: Some(1_000), ..two_of(3) };
    for operation in [Operation::Count, Operation::Volume] {
        let most = if operation == Operation::Count { 2 } else { 1_000 };
        check(&[count(operation, most)], &plan).unwrap();
        check(&[count(operation, most + 1)], &plan).unwrap_err();
    }
}

#[test]
fn large_values_make_room_and_small_ones_do_not() {
    let plan = Plan { shards: 1, size_limit: Some(1 << 20), ..Plan::everything(2) };
    let set = |item, at, size| {
        let content = Content::Body { stamp: u64::from(item), size };
        let action = ItemAction::Set { content, life: Life::LONG };
        call(1, at, at + 1, Operation::Item(item, action), stored(at + 10))
    };
    let gone = call(1, 20, 21, Operation::Item(0, ItemAction::Get), NOTHING);
    check(&[set(0, 0, 20), set(1, 2, 600_000), gone.clone()], &plan).unwrap();
    check(&[set(0, 0, 20), set(1, 2, 60_000), gone], &plan).unwrap_err();
}
