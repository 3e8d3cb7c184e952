//! Random operations on a deque and an index, on the directory and on a plain deque and an ordered list.

use std::collections::VecDeque;

use larder::{Error, Side, Transaction};

use crate::Random;

/// Names and bounds are few, so that operations meet.
const KEYS: u64 = 12;

/// An operation with its arguments.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Adds values at an end of the deque.
    Push(Vec<String>, Side),
    /// Removes values at an end.
    Pull(u32, Side),
    /// Replaces the value at a place.
    Set(i64, String),
    /// Inserts before a place.
    Insert(i64, String),
    /// Removes the value at a place.
    Delete(i64),
    /// Rotates.
    Rotate(i64),
    /// Turns round.
    Reverse,
    /// Moves a value from one end of the deque to the other.
    Carry,
    /// Stores in the index.
    Put(String, String),
    /// Removes from the index.
    Pop(String),
    /// Removes the item at an end of the index.
    PopItem(Side),
    /// Moves a key to an end.
    Move(String, Side),
}

/// What should be there.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// The deque, from the front.
    pub line: VecDeque<String>,
    /// The index, by arrival.
    pub map: Vec<(String, String)>,
}

/// A value; every third is so large that it has a file under a threshold of 500 bytes.
fn value(random: &mut Random) -> String {
    let number = random.below(1_000_000);
    if number.is_multiple_of(3) { number.to_string().repeat(120) } else { number.to_string() }
}

impl Operation {
    /// The operation that a seed stands for.
    pub fn of(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let side = if random.below(2) == 0 { Side::Front } else { Side::Back };
        let place = i64::try_from(random.below(40)).unwrap() - 20;
        let key = random.below(KEYS).to_string();
        let mut value = || value(&mut random);
        match seed % 20 {
            0..5 => Self::Push((0..=seed % 3).map(|_| value()).collect(), side),
            5..8 => Self::Pull(1 + u32::try_from(seed % 3).unwrap(), side),
            8 => Self::Set(place, value()),
            9 => Self::Insert(place, value()),
            10 => Self::Delete(place),
            11 => Self::Rotate(place),
            12 => Self::Reverse,
            13 => Self::Carry,
            14..17 => Self::Put(key, value()),
            17 => Self::Pop(key),
            18 => Self::PopItem(side),
            _ => Self::Move(key, side),
        }
    }

    /// Does it as a part of a transaction; what it came to, in words.
    pub fn run(&self, transaction: &mut Transaction) -> Result<String, Error> {
        let beyond = |done: Result<(), Error>| match done {
            Err(Error::OutOfRange(_)) => Ok("beyond".to_owned()),
            done => done.map(|()| "done".to_owned()),
        };
        if let Self::Put(..) | Self::Pop(_) | Self::PopItem(_) | Self::Move(..) = self {
            let map = transaction.index::<String, String>("map");
            return Ok(match self {
                Self::Put(key, value) => map.set(key, value)?.to_string(),
                Self::Pop(key) => format!("{:?}", map.pop(key)?),
                Self::PopItem(Side::Front) => format!("{:?}", map.pop_first()?),
                Self::PopItem(_) => format!("{:?}", map.pop_last()?),
                Self::Move(key, side) => map.move_to_end(key, *side)?.to_string(),
                _ => String::new(),
            });
        }
        let line = transaction.deque::<String>("line");
        match self {
            Self::Push(values, Side::Front) => Ok(line.extend_front(values)?.to_string()),
            Self::Push(values, _) => Ok(line.extend_back(values)?.to_string()),
            Self::Pull(count, side) => Ok(format!("{:?}", line.pull(*side, *count)?)),
            Self::Set(place, value) => beyond(line.set(*place, value)),
            Self::Insert(place, value) => Ok(line.insert(*place, value)?.to_string()),
            Self::Delete(place) => beyond(line.delete(*place)),
            Self::Rotate(steps) => line.rotate(*steps).map(|()| "done".to_owned()),
            Self::Reverse => line.reverse().map(|()| "done".to_owned()),
            _ => {
                let carried = line.pop_front()?;
                line.extend_back(carried.iter())?;
                Ok(format!("{carried:?}"))
            }
        }
    }

    /// Does it to the model; what it should come to, in the same words.
    pub fn apply(&self, model: &mut Model) -> String {
        match self {
            Self::Put(..) | Self::Pop(_) | Self::PopItem(_) | Self::Move(..) => self.apply_to_map(&mut model.map),
            _ => self.apply_to_line(&mut model.line),
        }
    }

    fn apply_to_map(&self, map: &mut Vec<(String, String)>) -> String {
        let find = |map: &[(String, String)], key: &str| map.iter().position(|(other, _)| other == key);
        match self {
            Self::Put(key, value) => {
                let found = find(map, key);
                if let Some(place) = found {
                    map[place].1.clone_from(value);
                } else {
                    map.push((key.clone(), value.clone()));
                }
                found.is_some().to_string()
            }
            Self::Pop(key) => format!("{:?}", find(map, key).map(|place| map.remove(place).1)),
            Self::PopItem(side) => {
                let place = if *side == Side::Front { 0 } else { map.len().saturating_sub(1) };
                format!("{:?}", (!map.is_empty()).then(|| map.remove(place)))
            }
            Self::Move(key, side) => {
                let Some(place) = find(map, key) else { return false.to_string() };
                let item = map.remove(place);
                map.insert(if *side == Side::Front { 0 } else { map.len() }, item);
                true.to_string()
            }
            _ => String::new(),
        }
    }

    fn apply_to_line(&self, line: &mut VecDeque<String>) -> String {
        let length = i64::try_from(line.len()).unwrap();
        let resolve = |place: i64| {
            let resolved = if place < 0 { length + place } else { place };
            (0..length).contains(&resolved).then(|| usize::try_from(resolved).unwrap())
        };
        match self {
            Self::Push(values, side) => {
                for value in values {
                    if *side == Side::Front {
                        line.push_front(value.clone());
                    } else {
                        line.push_back(value.clone());
                    }
                }
                line.len().to_string()
            }
            Self::Pull(count, side) => {
                let take = |_| if *side == Side::Front { line.pop_front() } else { line.pop_back() };
                format!("{:?}", (0..*count).map_while(take).collect::<Vec<_>>())
            }
            Self::Set(place, value) => resolve(*place).map_or("beyond".into(), |place| {
                line[place].clone_from(value);
                "done".into()
            }),
            Self::Insert(place, value) => {
                let place = if *place < 0 { (length + place).max(0) } else { (*place).min(length) };
                line.insert(usize::try_from(place).unwrap(), value.clone());
                line.len().to_string()
            }
            Self::Delete(place) => resolve(*place).map_or("beyond".into(), |place| {
                line.remove(place);
                "done".into()
            }),
            Self::Rotate(steps) => {
                if length > 0 {
                    line.rotate_right(usize::try_from(steps.rem_euclid(length)).unwrap());
                }
                "done".into()
            }
            Self::Reverse => {
                line.make_contiguous().reverse();
                "done".into()
            }
            _ => {
                let carried = line.pop_front();
                line.extend(carried.clone());
                format!("{carried:?}")
            }
        }
    }
}
