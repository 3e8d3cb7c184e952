//! The order of a deque: which of its rows comes where.
//!
//! Every element has a row, found by a number that has nothing to do with where it stands. The order
//! is a list of *pieces*, each a run of successive numbers, read up or down, as in the piece table of
//! a text editor. So to find the element at a place, to rotate and to reverse cost the same however
//! long the deque is: none of them touches a row. An insertion or a deletion in the middle splits a
//! piece; when there are too many of them, the two neighbours with the fewest elements are made one,
//! by giving their rows new numbers. A number is never given twice.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Version of the encoding: its first byte.
const VERSION: u8 = 1;
/// Pieces a deque may have; beyond that, neighbours are joined.
const PIECES_LIMIT: usize = 128;

/// A run of successive numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Piece {
    /// The lowest number.
    first: i64,
    /// How many there are, at least one.
    length: u64,
    /// Whether the highest comes first.
    downward: bool,
}

impl Piece {
    fn last(self) -> i64 {
        self.first.saturating_add_unsigned(self.length - 1)
    }

    /// The number at a place, counted from the beginning.
    fn at(self, place: u64) -> i64 {
        if self.downward {
            self.last().saturating_sub_unsigned(place)
        } else {
            self.first.saturating_add_unsigned(place)
        }
    }

    /// The place of a number, counted from the beginning.
    fn place_of(self, number: i64) -> Option<u64> {
        let inside = u64::try_from(number.checked_sub(self.first)?).ok().filter(|inside| *inside < self.length)?;
        Some(if self.downward { self.length - 1 - inside } else { inside })
    }

    /// The parts before and from a place on, both of which must be there.
    fn split(self, place: u64) -> (Self, Self) {
        let rest = self.length - place;
        if self.downward {
            let upper = Self { first: self.first.saturating_add_unsigned(rest), length: place, downward: true };
            (upper, Self { length: rest, ..self })
        } else {
            let upper = Self { first: self.first.saturating_add_unsigned(place), length: rest, downward: false };
            (Self { length: place, ..self }, upper)
        }
    }

    /// One piece for two that follow each other, if their numbers do.
    fn joined(self, next: Self) -> Option<Self> {
        let up = (!self.downward || self.length == 1) && (!next.downward || next.length == 1);
        let down = (self.downward || self.length == 1) && (next.downward || next.length == 1);
        let length = self.length.checked_add(next.length)?;
        if up && self.last().checked_add(1) == Some(next.first) {
            Some(Self { first: self.first, length, downward: false })
        } else if down && next.last().checked_add(1) == Some(self.first) {
            Some(Self { first: next.first, length, downward: true })
        } else {
            None
        }
    }
}

/// Rows that get new numbers, so that fewer pieces are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Renumbering {
    /// The numbers of the rows, in order.
    pub(crate) old: Vec<i64>,
    /// The number of the first of them from now on; the others follow.
    pub(crate) first: i64,
}

/// The order of a deque.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pieces {
    line: Vec<Piece>,
    /// No number at or above this one is in use.
    high: i64,
    /// No number below this one is in use.
    low: i64,
}

impl Pieces {
    /// As it is stored.
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        postcard::to_extend(self, vec![VERSION])
            .map_err(|error| Error::Io(format!("encoding the order of a deque: {error}")))
    }

    /// What was stored; none if it is something else.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (VERSION, encoded) = bytes.split_first().map(|(version, rest)| (*version, rest))? else { return None };
        let (pieces, rest) = postcard::take_from_bytes::<Self>(encoded).ok()?;
        (rest.is_empty() && pieces.is_sound()).then_some(pieces)
    }

    /// One piece for each of these numbers, which are in order; no two are the same.
    pub(crate) fn of(numbers: impl IntoIterator<Item = i64>) -> Self {
        let mut pieces = Self::default();
        for number in numbers {
            pieces.low = pieces.low.min(number);
            pieces.high = pieces.high.max(number.saturating_add(1));
            let new = Piece { first: number, length: 1, downward: false };
            match pieces.line.last_mut().and_then(|last| Some((last.joined(new)?, last))) {
                Some((joined, last)) => *last = joined,
                None => pieces.line.push(new),
            }
        }
        pieces
    }

    /// Whether it makes sense as read from a database: no number is in two pieces, or outside of the
    /// bounds, and there are no more pieces than there should be.
    fn is_sound(&self) -> bool {
        let mut sorted = self.line.clone();
        sorted.sort_unstable_by_key(|piece| piece.first);
        let apart = sorted.iter().zip(sorted.iter().skip(1)).all(|(one, next)| one.last() < next.first);
        let bounded = sorted.iter().all(|piece| {
            let end = piece.first.checked_add_unsigned(piece.length);
            piece.length > 0 && piece.first >= self.low && end.is_some_and(|end| end <= self.high)
        });
        let total = self.line.iter().try_fold(0_u64, |sum, piece| sum.checked_add(piece.length));
        self.line.len() <= PIECES_LIMIT && apart && bounded && total.is_some() && self.low <= self.high
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> u64 {
        self.line.iter().map(|piece| piece.length).sum()
    }

    /// The number of the element at a place, counted from the front.
    pub(crate) fn at(&self, place: u64) -> Option<i64> {
        let (index, inside) = self.find(place)?;
        self.line.get(index).map(|piece| piece.at(inside))
    }

    /// The numbers from a place on, up to `limit` of them.
    pub(crate) fn range(&self, from: u64, limit: u64) -> Vec<i64> {
        (from..self.len().min(from.saturating_add(limit))).filter_map(|place| self.at(place)).collect()
    }

    /// The place of a number, counted from the front.
    pub(crate) fn place_of(&self, number: i64) -> Option<u64> {
        let mut before = 0;
        for piece in &self.line {
            if let Some(inside) = piece.place_of(number) {
                return Some(before + inside);
            }
            before += piece.length;
        }
        None
    }

    /// Makes room at a place, from 0 to the length, and returns the number of the new element; none if
    /// all numbers are used up.
    pub(crate) fn insert(&mut self, place: u64) -> Option<i64> {
        if place == 0 {
            return self.push_front();
        }
        let Some((index, inside)) = self.find(place) else { return self.push_back() };
        let number = self.high;
        self.high = number.checked_add(1)?;
        let new = Piece { first: number, length: 1, downward: false };
        let piece = self.line.get(index).copied()?;
        if inside == 0 {
            self.line.insert(index, new);
            self.join_around(index);
        } else {
            let (before, after) = piece.split(inside);
            self.line.splice(index..=index, [before, new, after]);
        }
        Some(number)
    }

    /// Takes the element at a place out and returns its number.
    pub(crate) fn remove(&mut self, place: u64) -> Option<i64> {
        let (index, inside) = self.find(place)?;
        let piece = self.line.get(index).copied()?;
        let number = piece.at(inside);
        let parts = [(inside > 0).then(|| piece.split(inside).0), {
            (inside + 1 < piece.length).then(|| piece.split(inside + 1).1)
        }];
        self.line.splice(index..=index, parts.into_iter().flatten());
        self.join_around(index);
        Some(number)
    }

    /// Moves the last `steps` elements to the front, in their order.
    pub(crate) fn rotate(&mut self, steps: u64) {
        let length = self.len();
        if length == 0 || steps.is_multiple_of(length) {
            return;
        }
        let place = length - steps % length;
        let Some((mut index, inside)) = self.find(place) else { return };
        if inside > 0
            && let Some(piece) = self.line.get(index).copied()
        {
            let (before, after) = piece.split(inside);
            self.line.splice(index..=index, [before, after]);
            index += 1;
        }
        let seam = self.line.len() - index;
        self.line.rotate_left(index);
        self.join_around(seam);
    }

    /// Turns the order round.
    pub(crate) fn reverse(&mut self) {
        self.line.reverse();
        for piece in &mut self.line {
            piece.downward = !piece.downward;
        }
    }

    /// What to do about too many pieces: the rows that are to get other numbers, which then make one
    /// piece. None if there are few enough, or if all numbers are used up.
    pub(crate) fn join_smallest(&mut self) -> Option<Renumbering> {
        if self.line.len() <= PIECES_LIMIT {
            return None;
        }
        let neighbours = self.line.iter().zip(self.line.iter().skip(1)).enumerate();
        let (index, _) = neighbours.min_by_key(|(_, (one, next))| one.length.saturating_add(next.length))?;
        let (one, next) = (*self.line.get(index)?, *self.line.get(index + 1)?);
        let length = one.length.checked_add(next.length)?;
        let old = (0..one.length).map(|place| one.at(place)).chain((0..next.length).map(|place| next.at(place)));
        let (old, first) = (old.collect(), self.high);
        self.high = first.checked_add_unsigned(length)?;
        self.line.splice(index..=index + 1, [Piece { first, length, downward: false }]);
        self.join_around(index);
        Some(Renumbering { old, first })
    }

    fn push_back(&mut self) -> Option<i64> {
        let number = self.high;
        self.high = number.checked_add(1)?;
        self.line.push(Piece { first: number, length: 1, downward: false });
        self.join_around(self.line.len() - 1);
        Some(number)
    }

    fn push_front(&mut self) -> Option<i64> {
        let number = self.low.checked_sub(1)?;
        self.low = number;
        self.line.insert(0, Piece { first: number, length: 1, downward: false });
        self.join_around(0);
        Some(number)
    }

    /// The piece that has a place, and where inside of it; none behind the last element.
    fn find(&self, place: u64) -> Option<(usize, u64)> {
        let mut before = 0;
        for (index, piece) in self.line.iter().enumerate() {
            if place - before < piece.length {
                return Some((index, place - before));
            }
            before += piece.length;
        }
        None
    }

    /// Joins the piece at an index with its neighbours, and these with each other, where that costs
    /// nothing.
    fn join_around(&mut self, index: usize) {
        for left in [Some(index), index.checked_sub(1)].into_iter().flatten() {
            if let (Some(one), Some(next)) = (self.line.get(left), self.line.get(left + 1))
                && let Some(joined) = one.joined(*next)
            {
                self.line.splice(left..=left + 1, [joined]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Operation {
        Insert(u64),
        Remove(u64),
        Rotate(u64),
        Reverse,
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            4 => prop_oneof![Just(0), Just(u64::MAX), any::<u64>()].prop_map(Operation::Insert),
            3 => prop_oneof![Just(0), Just(u64::MAX), any::<u64>()].prop_map(Operation::Remove),
            1 => any::<u64>().prop_map(Operation::Rotate),
            1 => Just(Operation::Reverse),
        ]
    }

    /// Rows by number, and the order in which they should be.
    #[derive(Default)]
    struct Fixture {
        pieces: Pieces,
        rows: std::collections::HashMap<i64, u32>,
        model: VecDeque<u32>,
        next: u32,
    }

    impl Fixture {
        fn apply(&mut self, operation: &Operation) {
            let length = self.model.len() as u64;
            match operation {
                Operation::Insert(place) => {
                    let place = if *place == u64::MAX { length } else { place % (length + 1) };
                    let number = self.pieces.insert(place).unwrap();
                    assert_eq!(self.rows.insert(number, self.next), None, "a number is given once");
                    self.model.insert(usize::try_from(place).unwrap(), self.next);
                    self.next += 1;
                }
                Operation::Remove(_) if length == 0 => assert_eq!(self.pieces.remove(0), None),
                Operation::Remove(place) => {
                    let place = if *place == u64::MAX { length - 1 } else { place % length };
                    let row = self.rows.remove(&self.pieces.remove(place).unwrap());
                    assert_eq!(row, self.model.remove(usize::try_from(place).unwrap()));
                }
                Operation::Rotate(steps) => {
                    self.pieces.rotate(*steps);
                    if length > 0 {
                        self.model.rotate_right(usize::try_from(steps % length).unwrap());
                    }
                }
                Operation::Reverse => {
                    self.pieces.reverse();
                    self.model.make_contiguous().reverse();
                }
            }
            while let Some(renumbering) = self.pieces.join_smallest() {
                let moved: Vec<_> = renumbering.old.iter().map(|number| self.rows.remove(number).unwrap()).collect();
                self.rows.extend((renumbering.first..).zip(moved));
            }
        }

        fn content(&self) -> Vec<u32> {
            self.pieces.range(0, u64::MAX).iter().map(|number| self.rows[number]).collect()
        }
    }

    proptest! {
        #[test]
        fn elements_stand_where_they_would_in_a_plain_deque(
            operations in prop::collection::vec(operation(), 1..600),
        ) {
            let mut fixture = Fixture::default();
            for operation in &operations {
                fixture.apply(operation);
                prop_assert!(fixture.pieces.is_sound(), "{:?}", fixture.pieces);
            }
            prop_assert_eq!(fixture.content(), Vec::from(fixture.model.clone()));
            prop_assert_eq!(fixture.pieces.len(), fixture.model.len() as u64);
        }
    }

    #[test]
    fn a_line_that_grows_at_one_end_and_shrinks_at_the_other_is_one_piece() {
        let mut pieces = Pieces::default();
        for _ in 0..10 {
            pieces.insert(0).unwrap();
        }
        for _ in 0..1_000 {
            pieces.insert(pieces.len()).unwrap();
            pieces.remove(0).unwrap();
        }
        assert_eq!((pieces.line.len(), pieces.len()), (1, 10));
    }

    #[test]
    fn rotations_add_up_to_two_pieces_at_most() {
        let mut pieces = Pieces::default();
        for place in 0..1_000 {
            pieces.insert(place).unwrap();
        }
        for steps in 0..500 {
            pieces.rotate(steps * 7);
            assert!(pieces.line.len() <= 2);
        }
    }

    #[test]
    fn what_can_not_be_is_not_sound() {
        let piece = |first, length| Piece { first, length, downward: false };
        for pieces in [vec![piece(0, 2), piece(1, 1)], vec![piece(0, 0)], vec![piece(9, 2)], vec![piece(0, u64::MAX)]] {
            assert!(!Pieces { line: pieces, low: 0, high: 10 }.is_sound());
        }
        assert!(!Pieces { line: (0..200).map(|n| piece(n * 2, 1)).collect(), low: 0, high: 500 }.is_sound());
    }
}
