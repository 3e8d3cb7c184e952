//! Any sequence of operations does what a simple model says.

use std::collections::VecDeque;

use larder_engine::{Cache, Changes, Deque, Error, Index, IndexScan, OpenOptions, Order, Side};
use proptest::prelude::*;

use super::{THRESHOLD, content, items, number, numbers, value, values};
use crate::support::{Fixture, existing, text};

#[derive(Debug, Clone)]
enum Operation {
    Push(Vec<u8>, bool),
    Pull(u8, bool),
    Set(i8, u8),
    Insert(i8, u8),
    Delete(i8),
    Remove(u8),
    Rotate(i8),
    Reverse,
    Bound(Option<u8>),
    Copy,
    ClearDeque,
    Put(u8, u8),
    SetDefault(u8, u8),
    Pop(u8),
    PopItem(bool),
    Move(u8, bool),
    ClearIndex,
    Transaction(Vec<Operation>, bool),
    Reopen,
}

fn any_operation() -> impl Strategy<Value = Operation> {
    let simple = prop_oneof![
        4 => (prop::collection::vec(any::<u8>(), 1..5), any::<bool>()).prop_map(|(values, front)| Operation::Push(values, front)),
        2 => (1_u8..4, any::<bool>()).prop_map(|(count, front)| Operation::Pull(count, front)),
        2 => (-12_i8..12, any::<u8>()).prop_map(|(place, number)| Operation::Set(place, number)),
        3 => (-12_i8..12, any::<u8>()).prop_map(|(place, number)| Operation::Insert(place, number)),
        3 => (-12_i8..12).prop_map(Operation::Delete),
        1 => any::<u8>().prop_map(Operation::Remove),
        2 => any::<i8>().prop_map(Operation::Rotate),
        1 => Just(Operation::Reverse),
        1 => prop::option::of(1_u8..20).prop_map(Operation::Bound),
        1 => Just(Operation::Copy),
        1 => Just(Operation::ClearDeque),
        6 => (0_u8..12, any::<u8>()).prop_map(|(key, number)| Operation::Put(key, number)),
        1 => (0_u8..12, any::<u8>()).prop_map(|(key, number)| Operation::SetDefault(key, number)),
        2 => (0_u8..12).prop_map(Operation::Pop),
        1 => any::<bool>().prop_map(Operation::PopItem),
        2 => (0_u8..12, any::<bool>()).prop_map(|(key, front)| Operation::Move(key, front)),
        1 => Just(Operation::ClearIndex),
    ];
    let part = simple.clone().boxed();
    prop_oneof![
        40 => simple,
        2 => (prop::collection::vec(part, 1..8), any::<bool>()).prop_map(|(operations, commit)| Operation::Transaction(operations, commit)),
        1 => Just(Operation::Reopen),
    ]
}

/// What should be there.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    line: VecDeque<i64>,
    bound: Option<usize>,
    copy: VecDeque<i64>,
    map: Vec<(String, i64)>,
}

fn side(front: bool) -> Side {
    if front { Side::Front } else { Side::Back }
}

impl Model {
    fn place(&self, place: i8) -> Option<usize> {
        let length = self.line.len();
        let place = isize::from(place);
        let resolved = if place < 0 { length.checked_sub(place.unsigned_abs()) } else { Some(place.unsigned_abs()) };
        resolved.filter(|resolved| *resolved < length)
    }

    fn keep_bound(&mut self, front_grew: bool) {
        while self.bound.is_some_and(|bound| self.line.len() > bound) {
            if front_grew {
                self.line.pop_back()
            } else {
                self.line.pop_front()
            };
        }
    }

    fn find(&self, key: &str) -> Option<usize> {
        self.map.iter().position(|(other, _)| other == key)
    }
}

fn on_deque(cache: &mut Cache, model: &mut Model, operation: &Operation) -> Result<(), Error> {
    let (line, copy) = (Deque::new("line")?, Deque::new("copy")?);
    match operation {
        Operation::Push(added, front) => {
            let added: Vec<i64> = added.iter().map(|number| i64::from(*number)).collect();
            for number in &added {
                if *front {
                    model.line.push_front(*number);
                } else {
                    model.line.push_back(*number);
                }
                model.keep_bound(*front);
            }
            assert_eq!(line.push(cache, &values(added), side(*front))?, model.line.len() as u64);
        }
        Operation::Pull(count, front) => {
            let expected: Vec<i64> = (0..*count)
                .map_while(|_| if *front { model.line.pop_front() } else { model.line.pop_back() })
                .collect();
            assert_eq!(numbers(&line.pull(cache, side(*front), u32::from(*count), 0)?), expected);
        }
        Operation::Set(place, new) => {
            match (line.set(cache, i64::from(*place), &value(i64::from(*new))), model.place(*place)) {
                (Err(Error::OutOfRange(_)), None) => {}
                (done, Some(place)) => {
                    done?;
                    model.line[place] = i64::from(*new);
                }
                other => panic!("{other:?}"),
            }
        }
        Operation::Insert(place, new) => {
            let inserted = line.insert(cache, i64::from(*place), &value(i64::from(*new)));
            if model.bound.is_some_and(|bound| model.line.len() >= bound) {
                assert!(matches!(inserted, Err(Error::Full(_))));
            } else {
                let length = model.line.len();
                let distance = isize::from(*place).unsigned_abs();
                let place = if *place < 0 { length.saturating_sub(distance) } else { distance.min(length) };
                model.line.insert(place, i64::from(*new));
                assert_eq!(inserted?, model.line.len() as u64);
            }
        }
        Operation::Delete(place) => match (line.delete(cache, i64::from(*place)), model.place(*place)) {
            (Err(Error::OutOfRange(_)), None) => {}
            (done, Some(place)) => {
                done?;
                model.line.remove(place);
            }
            other => panic!("{other:?}"),
        },
        Operation::Remove(number) => {
            let number = i64::from(*number);
            let place = model.line.iter().position(|other| *other == number);
            assert_eq!(line.remove(cache, &value(number))?, place.is_some());
            place.map(|place| model.line.remove(place));
        }
        Operation::Rotate(steps) => {
            line.rotate(cache, i64::from(*steps))?;
            if !model.line.is_empty() {
                let steps = isize::from(*steps).rem_euclid(isize::try_from(model.line.len()).unwrap());
                model.line.rotate_right(steps.unsigned_abs());
            }
        }
        Operation::Reverse => {
            line.reverse(cache)?;
            model.line.make_contiguous().reverse();
        }
        Operation::Bound(bound) => {
            line.set_bound(cache, bound.map(u64::from))?;
            model.bound = bound.map(usize::from);
            model.keep_bound(false);
        }
        Operation::Copy => {
            assert_eq!(line.copy_to(cache, &copy)?, model.line.len() as u64);
            assert!(line.compare(cache, &copy)?.is_eq());
            model.copy = model.line.clone();
        }
        _ => {
            assert_eq!(line.clear(cache)?, model.line.len() as u64);
            model.line.clear();
        }
    }
    Ok(())
}

fn on_index(cache: &mut Cache, model: &mut Model, operation: &Operation) -> Result<(), Error> {
    let index = Index::new("map")?;
    match operation {
        Operation::Put(key, new) | Operation::SetDefault(key, new) => {
            let (key, new, found) = (key.to_string(), i64::from(*new), model.find(&key.to_string()));
            if matches!(operation, Operation::Put(..)) {
                assert_eq!(index.set(cache, text(&key), value(new))?, found.is_some());
                if let Some(place) = found {
                    model.map[place].1 = new;
                }
            } else {
                let (kept, stored) = index.set_default(cache, &text(&key), &value(new))?;
                assert_eq!((number(&kept), stored), (found.map_or(new, |place| model.map[place].1), found.is_none()));
            }
            if found.is_none() {
                model.map.push((key, new));
            }
        }
        Operation::Pop(key) => {
            let expected = model.find(&key.to_string()).map(|place| model.map.remove(place).1);
            assert_eq!(index.pop(cache, &text(&key.to_string()))?.map(|value| number(&value)), expected);
        }
        Operation::PopItem(front) => {
            let place = if *front { Some(0) } else { model.map.len().checked_sub(1) };
            let expected = place.filter(|place| *place < model.map.len()).map(|place| model.map.remove(place));
            let popped = index.pop_item(cache, side(*front))?.map(|(key, value)| (key, number(&value)));
            assert_eq!(popped, expected.map(|(key, number)| (text(&key), number)));
        }
        Operation::Move(key, front) => {
            let found = model.find(&key.to_string());
            assert_eq!(index.move_to_end(cache, &text(&key.to_string()), side(*front))?, found.is_some());
            if let Some(place) = found {
                let item = model.map.remove(place);
                let place = if *front { 0 } else { model.map.len() };
                model.map.insert(place, item);
            }
        }
        _ => {
            assert_eq!(index.clear(cache)?, model.map.len() as u64);
            model.map.clear();
        }
    }
    Ok(())
}

fn apply(cache: &mut Cache, model: &mut Model, operation: &Operation) -> Result<(), Error> {
    match operation {
        Operation::Put(..)
        | Operation::SetDefault(..)
        | Operation::Pop(_)
        | Operation::PopItem(_)
        | Operation::Move(..)
        | Operation::ClearIndex => on_index(cache, model, operation),
        Operation::Transaction(operations, commit) => {
            let (ticket, mut inside) = (cache.begin()?, model.clone());
            cache.within(ticket, |cache| {
                operations.iter().try_for_each(|operation| apply(cache, &mut inside, operation))?;
                compare(cache, &inside);
                Ok(())
            })?;
            if !*commit {
                return cache.rollback(ticket);
            }
            *model = inside;
            cache.commit(ticket)
        }
        _ => on_deque(cache, model, operation),
    }
}

fn compare(cache: &mut Cache, model: &Model) {
    let (line, index) = (Deque::new("line").unwrap(), Index::new("map").unwrap());
    assert_eq!(content(cache, &line), Vec::from(model.line.clone()));
    assert_eq!(content(cache, &Deque::new("copy").unwrap()), Vec::from(model.copy.clone()));
    let mut expected: Vec<_> = model.map.iter().map(|(key, number)| (text(key), *number)).collect();
    assert_eq!(items(cache, &index, &IndexScan::default()), expected);
    expected.sort();
    expected.reverse();
    assert_eq!(items(cache, &index, &IndexScan { order: Order::Key, reverse: true, ..IndexScan::default() }), expected);
    assert_eq!(
        (line.len(cache).unwrap(), index.len(cache).unwrap()),
        (model.line.len() as u64, model.map.len() as u64)
    );
    assert_eq!(line.bound(cache).unwrap(), model.bound.map(|bound| bound as u64));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn collections_are_what_a_plain_deque_and_an_ordered_map_are(
        operations in prop::collection::vec(any_operation(), 60..120),
        sharded in any::<bool>(),
    ) {
        let changes = Changes { inline_threshold: Some(THRESHOLD), ..Changes::default() };
        let shards = Some(if sharded { 3 } else { 1 });
        let mut fixture = Fixture::with(&OpenOptions { shards, changes, ..OpenOptions::default() });
        let mut model = Model::default();
        for operation in &operations {
            if matches!(operation, Operation::Reopen) {
                fixture.reopen(&existing());
            } else {
                apply(&mut fixture.cache, &mut model, operation).unwrap();
            }
            compare(&mut fixture.cache, &model);
        }
        prop_assert_eq!(fixture.cache.check().unwrap(), []);
        Deque::new("line").unwrap().clear(&mut fixture.cache).unwrap();
        Deque::new("copy").unwrap().clear(&mut fixture.cache).unwrap();
        Index::new("map").unwrap().clear(&mut fixture.cache).unwrap();
        prop_assert_eq!(crate::support::value_files(fixture.path()).len(), 0);
    }
}
