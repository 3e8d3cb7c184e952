//! A queue or deque.

use std::collections::{HashMap, VecDeque};

use super::search::{Model, shown};
use crate::history::event::{Call, Outcome};
use crate::history::operation::{Content, End, LineAction, Operation};

/// A line as a whole.
pub(super) struct Line;

impl Model for Line {
    type State = VecDeque<Content>;

    fn initial(&self) -> Self::State {
        VecDeque::new()
    }

    fn step(&self, line: &Self::State, call: &Call) -> Vec<Self::State> {
        let Operation::Line(_, action) = call.operation else { return Vec::new() };
        let is = |expected: &Outcome| call.outcome.as_ref().is_none_or(|outcome| outcome == expected);
        let at = |end| if end == End::Front { line.front() } else { line.back() };
        let mut next = line.clone();
        let is_right = match action {
            LineAction::Push { end, content } => {
                match end {
                    End::Front => next.push_front(content),
                    End::Back => next.push_back(content),
                }
                // A queue does not tell how long it is then.
                is(&Outcome::Done) || is(&Outcome::Count(next.len() as u64))
            }
            LineAction::Pull { end } => {
                let pulled = match end {
                    End::Front => next.pop_front(),
                    End::Back => next.pop_back(),
                };
                is(&Outcome::Value(pulled))
            }
            LineAction::Peek { end } => is(&Outcome::Value(at(end).copied())),
            LineAction::Length => is(&Outcome::Count(line.len() as u64)),
        };
        if is_right { vec![next] } else { Vec::new() }
    }
}

/// What can be said of a line without looking for an order, however long it is: nothing is pulled that
/// was not pushed, or twice; nothing is lost, if it was emptied in the end; and where all push at the back
/// and pull at the front, nothing overtakes what was pushed before it.
pub(super) fn conserves(calls: &[Call]) -> Result<(), String> {
    let (mut pushed, mut pulled): (HashMap<Content, &Call>, HashMap<Content, &Call>) = Default::default();
    let (mut lost_pulls, mut is_emptied, mut is_fifo) = (0, false, true);
    for call in calls {
        match (&call.operation, &call.outcome) {
            (Operation::Line(_, LineAction::Push { end, content }), _) => {
                is_fifo &= *end == End::Back;
                pushed.insert(*content, call);
            }
            (Operation::Line(_, LineAction::Pull { end }), outcome) => {
                is_fifo &= *end == End::Front;
                match outcome {
                    Some(Outcome::Value(Some(content))) => {
                        if let Some(other) = pulled.insert(*content, call) {
                            return Err(format!("pulled twice:\n  {}\n  {}", shown(other), shown(call)));
                        }
                    }
                    Some(_) => is_emptied = true,
                    None => lost_pulls += 1,
                }
            }
            _ => {}
        }
    }
    if let Some((_, call)) = pulled.iter().find(|(content, _)| !pushed.contains_key(content)) {
        return Err(format!("pulled, but never pushed:\n  {}", shown(call)));
    }
    let left: Vec<_> =
        pushed.iter().filter(|(content, call)| call.is_complete() && !pulled.contains_key(content)).collect();
    let last_is_empty = calls.last().is_some_and(|call| call.outcome == Some(Outcome::Value(None)));
    if is_emptied && last_is_empty && left.len() > lost_pulls {
        return Err(format!("{} values are lost, the first of them\n  {}", left.len() - lost_pulls, shown(left[0].1)));
    }
    if is_fifo { keeps_order(&pushed, &pulled) } else { Ok(()) }
}

/// Whether what was pushed before another is pulled before it, or at the same time.
fn keeps_order(pushed: &HashMap<Content, &Call>, pulled: &HashMap<Content, &Call>) -> Result<(), String> {
    // By when they were pushed at the latest.
    let mut order: Vec<_> = pushed.iter().filter_map(|(content, push)| Some((push, pulled.get(content)?))).collect();
    order.sort_by_key(|(push, _)| push.begun);
    let mut ended: Vec<usize> = (0..order.len()).collect();
    ended.sort_by_key(|index| order[*index].0.ended);
    // Of those pushed before, the one that was pulled last.
    let (mut before, mut last): (usize, Option<&Call>) = (0, None);
    for (push, pull) in &order {
        while let Some((earlier, its_pull)) = ended.get(before).map(|index| &order[*index])
            && earlier.ended < push.begun
        {
            if last.is_none_or(|last| its_pull.begun > last.begun) {
                last = Some(its_pull);
            }
            before += 1;
        }
        if let Some(last) = last.filter(|last| last.begun > pull.ended) {
            return Err(format!("overtaken:\n  {}\n  {}", shown(last), shown(pull)));
        }
    }
    Ok(())
}
