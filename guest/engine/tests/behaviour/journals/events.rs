//! What was done with a queue by several at once, and whether a queue permits that.

use std::collections::HashMap;

/// Something done with a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// Added at the back; no two values are the same.
    Push(i64),
    /// Removed at the front.
    Pull,
    /// Counted.
    Length,
    /// All removed.
    Evict,
}

/// What has come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Pulled(Option<i64>),
    Count(u64),
}

/// From when to when, and with which outcome; none of these if nobody knows.
#[derive(Debug, Clone, Copy)]
struct Record {
    event: Event,
    begun: u64,
    ended: Option<(u64, Outcome)>,
}

/// All that was done with a queue.
#[derive(Debug, Default)]
pub(super) struct Events(Vec<Record>);

impl Events {
    /// Adds something that has begun, and has perhaps ended. Returns its number.
    pub(super) fn add(&mut self, event: Event, begun: u64, ended: Option<(u64, Outcome)>) -> usize {
        self.0.push(Record { event, begun, ended });
        self.0.len() - 1
    }

    /// Says when something has ended, and with what.
    pub(super) fn end(&mut self, number: usize, ended: u64, outcome: Outcome) {
        self.0[number].ended = Some((ended, outcome));
    }
}

/// The end of what has perhaps never happened.
const NEVER: u64 = u64::MAX;

/// When something happened: not before `from`, and before `to`.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: u64,
    to: u64,
}

/// The life of a value.
#[derive(Debug)]
struct Life {
    value: i64,
    added: Span,
    /// By a pull. None if it is left, or has gone in another way.
    pulled: Option<Span>,
    is_left: bool,
}

impl Life {
    /// Whether it was in the queue all the time from one moment to another.
    fn spans(&self, from: u64, to: u64) -> bool {
        self.added.to < from && (self.is_left || self.pulled.is_some_and(|pulled| pulled.from > to))
    }

    /// Whether it may have been in the queue at some time between.
    fn touches(&self, from: u64, to: u64) -> bool {
        self.added.from < to && self.pulled.is_none_or(|pulled| pulled.to > from)
    }
}

/// Says what is wrong, if no queue could have done all that and have `left` in it.
pub(super) fn judge(events: &Events, left: &[i64]) -> Result<(), String> {
    let lives = lives(events, left)?;
    assure_none_is_lost(events, &lives)?;
    assure_order(&lives, left)?;
    for record in &events.0 {
        let Some((ended, outcome)) = record.ended else { continue };
        let certain = lives.iter().filter(|life| life.spans(record.begun, ended)).count() as u64;
        let possible = lives.iter().filter(|life| life.touches(record.begun, ended)).count() as u64;
        let is_possible = match outcome {
            Outcome::Pulled(None) => certain == 0,
            // What is evicted is not known to have been there.
            Outcome::Count(count) if record.event == Event::Length => (certain..=possible).contains(&count),
            Outcome::Count(count) => count <= possible,
            _ => true,
        };
        if !is_possible {
            return Err(format!("{record:?}, with {certain} to {possible} values in the queue"));
        }
    }
    Ok(())
}

fn lives(events: &Events, left: &[i64]) -> Result<Vec<Life>, String> {
    let mut pulls: HashMap<i64, Span> = HashMap::new();
    for record in &events.0 {
        if let Some((to, Outcome::Pulled(Some(value)))) = record.ended
            && pulls.insert(value, Span { from: record.begun, to }).is_some()
        {
            return Err(format!("{value} was pulled twice"));
        }
    }
    let mut lives = Vec::new();
    for record in &events.0 {
        let Event::Push(value) = record.event else { continue };
        let (pulled, is_left) = (pulls.remove(&value), left.contains(&value));
        if pulled.is_some() && is_left {
            return Err(format!("{value} was pulled and is still there"));
        }
        let to = record.ended.map_or(NEVER, |(to, _)| to);
        if pulled.is_some_and(|pulled| pulled.to < record.begun) {
            return Err(format!("{value} was pulled before it was pushed"));
        }
        lives.push(Life { value, added: Span { from: record.begun, to }, pulled, is_left });
    }
    match pulls.keys().next() {
        Some(value) => Err(format!("{value} was pulled and never pushed")),
        None => Ok(lives),
    }
}

fn assure_none_is_lost(events: &Events, lives: &[Life]) -> Result<(), String> {
    let evictions = || events.0.iter().filter(|record| record.event == Event::Evict);
    let may_be_evicted =
        |life: &Life| evictions().any(|record| record.ended.is_none_or(|(ended, _)| ended > life.added.from));
    let gone = lives
        .iter()
        .filter(|life| life.added.to < NEVER && life.pulled.is_none() && !life.is_left && !may_be_evicted(life));
    let unknown = events.0.iter().filter(|record| record.event == Event::Pull && record.ended.is_none()).count();
    let gone: Vec<i64> = gone.map(|life| life.value).collect();
    if gone.len() > unknown {
        return Err(format!("{gone:?} are lost, and {unknown} pulls may have taken some"));
    }
    Ok(())
}

/// What was surely pushed first is pulled first.
fn assure_order(lives: &[Life], left: &[i64]) -> Result<(), String> {
    for one in lives {
        for other in lives.iter().filter(|other| one.added.to < other.added.from) {
            let is_turned = match (one.pulled, other.pulled) {
                (Some(one), Some(other)) => other.to < one.from,
                (None, Some(_)) => one.is_left,
                _ if one.is_left && other.is_left => {
                    let place = |value| left.iter().position(|left| *left == value);
                    place(one.value) > place(other.value)
                }
                _ => false,
            };
            if is_turned {
                return Err(format!("{other:?} came out before {one:?}"));
            }
        }
    }
    Ok(())
}

/// Events one after the other.
fn in_turn(events: &[(Event, Outcome)]) -> Events {
    let mut all = Events::default();
    for (at, (event, outcome)) in (0..).step_by(2).zip(events) {
        all.add(*event, at, Some((at + 1, *outcome)));
    }
    all
}

#[test]
fn what_a_queue_does_is_permitted() {
    let events = in_turn(&[
        (Event::Pull, Outcome::Pulled(None)),
        (Event::Push(1), Outcome::Done),
        (Event::Push(2), Outcome::Done),
        (Event::Length, Outcome::Count(2)),
        (Event::Pull, Outcome::Pulled(Some(1))),
        (Event::Evict, Outcome::Count(1)),
        (Event::Push(3), Outcome::Done),
    ]);
    assert_eq!(judge(&events, &[3]), Ok(()));
    let mut unknown = in_turn(&[(Event::Push(1), Outcome::Done)]);
    unknown.add(Event::Pull, 10, None);
    unknown.add(Event::Push(2), 20, None);
    for left in [&[1][..], &[], &[2], &[1, 2]] {
        assert_eq!(judge(&unknown, left), Ok(()), "{left:?}");
    }
}

#[test]
fn what_no_queue_does_is_found_out() {
    /// What was done, and what is left.
    type Case<'a> = (&'a [(Event, Outcome)], &'a [i64]);
    let push = |value| (Event::Push(value), Outcome::Done);
    let pull = |value| (Event::Pull, Outcome::Pulled(value));
    let length = |count| (Event::Length, Outcome::Count(count));
    let wrong: [Case<'_>; 10] = [
        (&[push(1)], &[]),
        (&[push(1), pull(Some(1))], &[1]),
        (&[push(1), pull(Some(1)), pull(Some(1))], &[]),
        (&[push(1), pull(None)], &[1]),
        (&[pull(Some(1)), push(1)], &[]),
        (&[pull(Some(7))], &[]),
        (&[push(1), push(2), pull(Some(2)), pull(Some(1))], &[]),
        (&[push(1), push(2), pull(Some(2))], &[1]),
        (&[push(1), push(2)], &[2, 1]),
        (&[push(1), length(0)], &[1]),
    ];
    for (events, left) in wrong {
        assert!(judge(&in_turn(events), left).is_err(), "{events:?} left {left:?}");
    }
    assert!(judge(&in_turn(&[push(1), (Event::Evict, Outcome::Count(2))]), &[]).is_err());
}
