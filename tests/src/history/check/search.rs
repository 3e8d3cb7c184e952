//! Whether calls on one thing can be put into an order that explains what came of them: each takes place
//! at one moment between its beginning and its end.
//!
//! The search is that of Wing and Gong, with Lowe's memory of what was tried. What nobody knows the outcome of
//! may have taken place at any moment since it began, before its end if it had one, or not at all.

use std::collections::HashSet;
use std::fmt::{Debug, Write};
use std::hash::Hash;

use crate::history::event::Call;

/// How many states of a search are looked at before it is given up.
const MOST: usize = 2_000_000;
/// How many calls are shown of those that can not come next.
const SHOWN: usize = 12;

/// What a thing does by itself, one call after the other.
pub(super) trait Model {
    /// What it is like between two calls.
    type State: Clone + Eq + Hash + Debug;

    /// What it is like before the first.
    fn initial(&self) -> Self::State;

    /// What it can be like after a call with this outcome; nothing if it can not have come to that. A call
    /// without an outcome takes place in any way it could.
    fn step(&self, state: &Self::State, call: &Call) -> Vec<Self::State>;

    /// Whether what came of a call that changes nothing here tells that it changes nothing wherever it comes.
    fn tells(&self, _state: &Self::State, _call: &Call) -> bool {
        true
    }
}

/// What a search has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is such an order.
    Legal,
    /// There is none: where every one of them ends.
    Illegal(String),
    /// Nobody knows: the search was too long.
    Undecided,
}

impl Verdict {
    /// What else is to be found out, if it is legal so far.
    pub(super) fn or_else(self, next: impl FnOnce() -> Self) -> Self {
        if self == Self::Legal { next() } else { self }
    }
}

/// A place of the search: which calls have taken place, and what came of it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Place<S> {
    /// All complete calls before this one have.
    base: usize,
    /// These after it as well, in order.
    ahead: Vec<usize>,
    /// These incomplete ones as well, in order.
    incomplete: Vec<usize>,
    state: S,
}

impl<S> Place<S> {
    /// The place after one more complete call.
    fn after(&self, index: usize, state: S) -> Self {
        let (mut base, mut ahead) = (self.base, self.ahead.clone());
        insert(&mut ahead, index);
        let done = ahead.iter().zip(base..).take_while(|(index, base)| *index == base).count();
        ahead.drain(..done);
        base += done;
        Self { base, ahead, incomplete: self.incomplete.clone(), state }
    }
}

/// Searches for an order of calls, which come sorted by when they began.
pub(super) fn search<M: Model>(model: &M, calls: &[Call]) -> Verdict {
    let (complete, incomplete): (Vec<&Call>, Vec<&Call>) = calls.iter().partition(|call| call.is_complete());
    let search = Search { model, complete, incomplete };
    let start = Place { base: 0, ahead: Vec::new(), incomplete: Vec::new(), state: model.initial() };
    let (mut seen, mut open) = (HashSet::from([start.clone()]), vec![start.clone()]);
    let mut furthest = start;
    while let Some(place) = open.pop() {
        if place.base == search.complete.len() {
            return Verdict::Legal;
        }
        if seen.len() > MOST {
            return Verdict::Undecided;
        }
        if place.base + place.ahead.len() > furthest.base + furthest.ahead.len() {
            furthest = place.clone();
        }
        open.extend(search.next(&place).into_iter().filter(|next| seen.insert(next.clone())));
    }
    Verdict::Illegal(search.explain(&furthest))
}

struct Search<'c, M> {
    model: &'c M,
    complete: Vec<&'c Call>,
    incomplete: Vec<&'c Call>,
}

impl<M: Model> Search<'_, M> {
    /// Complete calls of which each can be the next, the one that ended last first.
    fn candidates(&self, place: &Place<M::State>) -> Vec<usize> {
        let (mut candidates, mut first_end) = (Vec::new(), Call::NEVER);
        for (index, call) in self.complete.iter().enumerate().skip(place.base) {
            if call.begun > first_end {
                break;
            }
            if place.ahead.binary_search(&index).is_err() {
                first_end = first_end.min(call.ended);
                candidates.push(index);
            }
        }
        candidates.sort_by_key(|index| std::cmp::Reverse(self.complete[*index].ended));
        candidates
    }

    /// Places that come next, the likeliest last.
    fn next(&self, place: &Place<M::State>) -> Vec<Place<M::State>> {
        let candidates = self.candidates(place);
        let mut complete = Vec::new();
        for &index in &candidates {
            let states = self.model.step(&place.state, self.complete[index]);
            let changes_nothing = states.len() == 1 && states.contains(&place.state);
            let is_free = changes_nothing && self.model.tells(&place.state, self.complete[index]);
            if is_free && !self.ends_others(place, self.complete[index]) {
                // It changes nothing whenever it comes, so nothing is lost by letting it come now.
                return vec![place.after(index, place.state.clone())];
            }
            complete.extend(states.into_iter().map(|state| place.after(index, state)));
        }
        let first_end = candidates.iter().map(|index| self.complete[*index].ended).min().unwrap_or(Call::NEVER);
        let latest_begin = self.latest_begin(place);
        let mut next = Vec::new();
        for (index, call) in self.incomplete.iter().enumerate() {
            if call.begun > first_end {
                break;
            }
            if call.ended >= latest_begin && place.incomplete.binary_search(&index).is_err() {
                for state in self.model.step(&place.state, call).into_iter().filter(|state| *state != place.state) {
                    let mut incomplete = place.incomplete.clone();
                    insert(&mut incomplete, index);
                    next.push(Place { incomplete, state, ..place.clone() });
                }
            }
        }
        next.append(&mut complete);
        next
    }

    /// Whether what is incomplete could take place now, but not after a call any more.
    fn ends_others(&self, place: &Place<M::State>, call: &Call) -> bool {
        let latest_begin = self.latest_begin(place);
        let mut others = self.incomplete.iter().enumerate();
        others.any(|(index, other)| {
            (latest_begin..call.begun).contains(&other.ended) && place.incomplete.binary_search(&index).is_err()
        })
    }

    /// When the last of the calls began that have taken place.
    fn latest_begin(&self, place: &Place<M::State>) -> u64 {
        let last = place.ahead.last().copied().or(place.base.checked_sub(1));
        last.map_or(0, |index| self.complete[index].begun)
    }

    fn explain(&self, place: &Place<M::State>) -> String {
        let done = place.base + place.ahead.len();
        let mut text =
            format!("{done} of {} calls can be put into order; after them {:?}", self.complete.len(), place.state);
        let candidates = self.candidates(place);
        text.push_str(", which none of these agrees with:");
        for index in candidates.into_iter().rev().take(SHOWN) {
            let _ = write!(text, "\n  {}", shown(self.complete[index]));
        }
        text.push_str("\nthe last before them:");
        for index in (0..place.base).rev().take(SHOWN) {
            let _ = write!(text, "\n  {}", shown(self.complete[index]));
        }
        text
    }
}

/// Adds to an ordered list.
fn insert(list: &mut Vec<usize>, index: usize) {
    let place = list.partition_point(|other| *other < index);
    list.insert(place, index);
}

/// A call in words.
pub(super) fn shown(call: &Call) -> String {
    let Call { client, operation, begun, ended, outcome } = call;
    format!("client {client}, {begun} to {ended}: {operation:?} came to {outcome:?}")
}
