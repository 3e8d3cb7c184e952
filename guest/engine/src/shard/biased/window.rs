//! What a handle knows of a queue that is biased towards it: the values at its front, and its ends.

use std::collections::VecDeque;

use crate::entry::Queued;
use crate::lifetime::Lifetime;
use crate::options::Side;

/// Most values it holds.
const MOST: usize = 128;

/// A value that waits to be pulled.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) queued: Queued,
    pub(super) lifetime: Lifetime,
}

/// The front of a queue.
#[derive(Debug, Default)]
pub(super) struct Window {
    waiting: VecDeque<Waiting>,
    /// Whether the queue goes on behind them.
    goes_on: bool,
    /// The positions of the first and the last value of the queue; of no meaning if it is empty.
    ends: (i64, i64),
}

impl Window {
    /// The values at the front of a queue, with the positions of its first and last; none of these if it is
    /// empty.
    pub(super) fn new(waiting: VecDeque<Waiting>, goes_on: bool, ends: Option<(i64, i64)>) -> Self {
        Self { waiting, goes_on, ends: ends.unwrap_or_default() }
    }

    /// Whether there is nothing in the queue.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && !self.goes_on
    }

    /// Whether what is at one end of the queue is known.
    pub(super) fn reaches(&self, side: Side) -> bool {
        !self.goes_on || side == Side::Front && !self.waiting.is_empty()
    }

    /// The value at one end, if that is known.
    pub(super) fn at(&self, side: Side) -> Option<&Waiting> {
        match side {
            _ if !self.reaches(side) => None,
            Side::Front => self.waiting.front(),
            Side::Back => self.waiting.back(),
        }
    }

    /// The position of a value that is pushed to one end; none if there is none left.
    pub(super) fn next(&self, side: Side) -> Option<i64> {
        match side {
            _ if self.is_empty() => Some(0),
            Side::Front => self.ends.0.checked_sub(1),
            Side::Back => self.ends.1.checked_add(1),
        }
    }

    /// Adds a value at one end.
    pub(super) fn push(&mut self, side: Side, waiting: Waiting) {
        let position = waiting.queued.position;
        if self.is_empty() {
            self.ends = (position, position);
        }
        match side {
            Side::Front => {
                self.ends.0 = position;
                self.waiting.push_front(waiting);
            }
            Side::Back => {
                self.ends.1 = position;
                if !self.goes_on {
                    self.waiting.push_back(waiting);
                }
            }
        }
        if self.waiting.len() > MOST {
            self.waiting.truncate(MOST);
            self.goes_on = true;
        }
    }

    /// Removes the value at one end, if that is known.
    pub(super) fn pull(&mut self, side: Side) -> Option<Waiting> {
        if !self.reaches(side) {
            return None;
        }
        let pulled = match side {
            Side::Front => self.waiting.pop_front(),
            Side::Back => self.waiting.pop_back(),
        }?;
        let end = match side {
            Side::Front => self.waiting.front(),
            Side::Back => self.waiting.back(),
        };
        let position = end.map(|waiting| waiting.queued.position);
        match side {
            // Of what comes next no more is known than that it is behind.
            Side::Front => self.ends.0 = position.unwrap_or(pulled.queued.position.saturating_add(1)),
            Side::Back => self.ends.1 = position.unwrap_or(pulled.queued.position.saturating_sub(1)),
        }
        Some(pulled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Entry, Metadata};
    use crate::value::Value;

    fn waiting(position: i64) -> Waiting {
        let metadata = Metadata {
            stored_ms: 0,
            expires_ms: None,
            sliding: false,
            accessed_ms: 0,
            hits: 0,
            size: 0,
            tags: Vec::new(),
            version: 0,
        };
        let entry = Entry { value: Value::Integer(position), metadata };
        Waiting { queued: Queued { position, entry }, lifetime: Lifetime::default() }
    }

    fn pulled(window: &mut Window, side: Side) -> Option<i64> {
        window.pull(side).map(|waiting| waiting.queued.position)
    }

    #[test]
    fn an_empty_queue_begins_at_position_0_again() {
        let mut window = Window::default();
        for side in [Side::Front, Side::Back] {
            assert_eq!(window.next(side), Some(0));
            window.push(side, waiting(0));
            assert_eq!((window.next(Side::Front), window.next(Side::Back)), (Some(-1), Some(1)));
            assert_eq!(pulled(&mut window, side), Some(0));
            assert!(window.is_empty() && window.at(side).is_none());
        }
    }

    #[test]
    fn both_ends_move_as_values_come_and_go() {
        let mut window = Window::default();
        for (side, position) in [(Side::Back, 0), (Side::Back, 1), (Side::Front, -1), (Side::Back, 2)] {
            assert_eq!(window.next(side), Some(position));
            window.push(side, waiting(position));
        }
        assert_eq!(pulled(&mut window, Side::Front), Some(-1));
        assert_eq!(pulled(&mut window, Side::Back), Some(2));
        assert_eq!((window.next(Side::Front), window.next(Side::Back)), (Some(-1), Some(2)));
    }

    #[test]
    fn what_lies_beyond_it_is_not_taken_for_nothing() {
        let mut window = Window::new([waiting(3), waiting(4)].into(), true, Some((3, 9)));
        assert!(window.reaches(Side::Front) && !window.reaches(Side::Back));
        assert_eq!(window.next(Side::Back), Some(10));
        window.push(Side::Back, waiting(10));
        assert_eq!(window.next(Side::Back), Some(11));
        assert!(window.at(Side::Back).is_none() && window.pull(Side::Back).is_none());
        assert_eq!(pulled(&mut window, Side::Front), Some(3));
        assert_eq!(pulled(&mut window, Side::Front), Some(4));
        assert!(!window.is_empty() && !window.reaches(Side::Front) && window.pull(Side::Front).is_none());
        assert_eq!(window.next(Side::Front), Some(4), "in front of whatever comes next");
        window.push(Side::Front, waiting(4));
        assert_eq!(pulled(&mut window, Side::Front), Some(4));
    }

    #[test]
    fn it_keeps_no_more_than_it_may() {
        let mut window = Window::default();
        for position in 0..200 {
            window.push(Side::Back, waiting(position));
        }
        assert_eq!(window.waiting.len(), MOST);
        assert!(!window.reaches(Side::Back) && window.next(Side::Back) == Some(200));
    }
}
