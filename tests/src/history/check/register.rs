//! A single entry.

use super::search::Model;
use crate::history::event::{Call, Content, ItemAction, Operation, Outcome};

/// By how much the wall clock and the one of histories may differ, in nanoseconds.
const TOLERANCE: u64 = 5_000_000;

/// An entry, and what else may happen to it.
pub(super) struct Register<'c> {
    /// Whether it may go at any moment, to make room for others.
    pub(super) may_go: bool,
    /// When the wall clock was set, in order.
    pub(super) leaps: &'c [Call],
}

/// What is known of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    live: Option<Live>,
    /// The greatest version it is known to have had.
    version: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Live {
    content: Content,
    /// None while nobody has been told.
    version: Option<u64>,
    expiry: Option<Expiry>,
    /// When the call had ended by which it came in.
    arrived: u64,
}

/// The end of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Expiry {
    /// Between these moments its time to live began.
    from: u64,
    to: u64,
    /// How long that is.
    ttl: u64,
}

impl Expiry {
    fn of(call: &Call, ttl_ms: Option<u32>) -> Option<Self> {
        ttl_ms.map(|ttl| Self { from: call.begun, to: call.ended, ttl: u64::from(ttl) * 1_000_000 })
    }
}

impl State {
    /// It stores something of this version, if it can.
    fn store(&self, previous: Option<&Live>, call: &Call, live: Live) -> Vec<Self> {
        let version = match live.version {
            // Greater than all it has ever had.
            Some(version) if version <= self.version => return Vec::new(),
            version => version.unwrap_or(self.version),
        };
        let arrived = previous.map_or(call.ended, |previous| previous.arrived);
        vec![Self { live: Some(Live { arrived, ..live }), version }]
    }

    fn without(&self) -> Vec<Self> {
        vec![Self { live: None, version: self.version }]
    }

    /// It turns out to have this version.
    fn known(&self, live: &Live, version: u64) -> Vec<Self> {
        match live.version {
            Some(known) if known != version => Vec::new(),
            Some(_) => vec![self.clone()],
            None if version <= self.version => Vec::new(),
            None => vec![Self { live: Some(Live { version: Some(version), ..*live }), version }],
        }
    }
}

impl Model for Register<'_> {
    type State = State;

    fn initial(&self) -> State {
        State { live: None, version: 0 }
    }

    fn step(&self, state: &State, call: &Call) -> Vec<State> {
        let Operation::Item(_, action) = call.operation else { return Vec::new() };
        let mut next = Vec::new();
        if let Some(live) = &state.live {
            let (lives, expired) = self.may_be(live, call);
            if lives {
                next.extend(with_live(state, live, action, call));
            }
            if expired {
                // If the clock is set back, it may be found again.
                next.extend(with_none(state, action, call));
            }
            if self.may_go {
                next.extend(state.without().iter().flat_map(|state| with_none(state, action, call)));
            }
        } else {
            next.extend(with_none(state, action, call));
        }
        next
    }

    fn tells(&self, call: &Call) -> bool {
        // An increment by nothing gives another version, which nobody has told.
        !matches!(call.operation, Operation::Item(_, ItemAction::Evict | ItemAction::Increment { .. }))
    }
}

impl Register<'_> {
    /// Whether an entry can be there during a call, and whether it can have expired.
    fn may_be(&self, live: &Live, call: &Call) -> (bool, bool) {
        let Some(Expiry { from, to, ttl }) = live.expiry else { return (true, false) };
        let leaps = self.leaps.iter().filter(|leap| leap.begun <= call.ended && leap.ended >= from);
        let (mut lives, mut expired) = (false, false);
        // With every leap back it may live for all its time again, and no longer.
        for counted in leaps.map(|leap| leap.ended) {
            expired = true;
            lives |= call.begun <= counted.saturating_add(ttl + TOLERANCE);
        }
        lives |= call.begun <= to.saturating_add(ttl + TOLERANCE);
        expired |= call.ended.saturating_add(TOLERANCE) >= from + ttl;
        (lives, expired)
    }
}

/// What comes of a call while the entry is there.
fn with_live(state: &State, live: &Live, action: ItemAction, call: &Call) -> Vec<State> {
    let outcome = call.outcome.as_ref();
    let unchanged = |is_right: bool| if is_right { vec![state.clone()] } else { Vec::new() };
    let is = |expected: &Outcome| outcome.is_none_or(|outcome| outcome == expected);
    match action {
        ItemAction::Get => unchanged(is(&Outcome::Value(Some(live.content)))),
        ItemAction::Contains => unchanged(is(&Outcome::Flag(true))),
        ItemAction::GetEntry | ItemAction::Observe => match outcome {
            None => unchanged(true),
            Some(Outcome::Entry(Some((content, version)))) if *content == live.content => state.known(live, *version),
            _ => Vec::new(),
        },
        ItemAction::Set { content, ttl_ms } => stored(state, Some(live), content, ttl_ms, call),
        ItemAction::Add { .. } => unchanged(is(&Outcome::Version(None))),
        ItemAction::CompareAndSet { expected, content, ttl_ms } => {
            let mut next = Vec::new();
            if let Some(expected) = expected {
                for state in state.known(live, expected) {
                    next.extend(stored(&state, Some(live), content, ttl_ms, call));
                }
            }
            if live.version.is_none() || live.version != expected {
                next.extend(unchanged(is(&Outcome::Version(None))));
            }
            next
        }
        ItemAction::CompareAndDelete { expected } => {
            let mut next = Vec::new();
            if is(&Outcome::Flag(true)) {
                next.extend(state.known(live, expected).iter().flat_map(State::without));
            }
            if live.version != Some(expected) {
                next.extend(unchanged(is(&Outcome::Flag(false))));
            }
            next
        }
        ItemAction::Delete => {
            if is(&Outcome::Flag(true)) {
                state.without()
            } else {
                Vec::new()
            }
        }
        ItemAction::Pop => match outcome {
            None => state.without(),
            Some(Outcome::Entry(Some((content, version)))) if *content == live.content => {
                state.known(live, *version).iter().flat_map(State::without).collect()
            }
            _ => Vec::new(),
        },
        ItemAction::Touch { ttl_ms } if is(&Outcome::Flag(true)) => {
            let live = Live { expiry: Expiry::of(call, ttl_ms), ..*live };
            vec![State { live: Some(live), ..state.clone() }]
        }
        ItemAction::Touch { .. } => Vec::new(),
        ItemAction::Increment { delta } => match live.content {
            Content::Number(number) if is(&Outcome::Sum(number + delta)) => {
                let content = Content::Number(number + delta);
                state.store(Some(live), call, Live { content, version: None, ..*live })
            }
            Content::Number(_) => Vec::new(),
            _ => unchanged(is(&Outcome::WrongType)),
        },
        // What came in while it went on may stay.
        ItemAction::Evict if live.arrived >= call.begun => [state.without(), vec![state.clone()]].concat(),
        ItemAction::Evict => state.without(),
    }
}

/// What comes of a call while the entry is not there.
fn with_none(state: &State, action: ItemAction, call: &Call) -> Vec<State> {
    let outcome = call.outcome.as_ref();
    let is = |expected: &Outcome| outcome.is_none_or(|outcome| outcome == expected);
    let is_right = match action {
        ItemAction::Get => is(&Outcome::Value(None)),
        ItemAction::GetEntry | ItemAction::Observe | ItemAction::Pop => is(&Outcome::Entry(None)),
        ItemAction::Contains | ItemAction::CompareAndDelete { .. } | ItemAction::Delete | ItemAction::Touch { .. } => {
            is(&Outcome::Flag(false))
        }
        ItemAction::Set { content, ttl_ms }
        | ItemAction::Add { content, ttl_ms }
        | ItemAction::CompareAndSet { expected: None, content, ttl_ms } => {
            return stored(state, None, content, ttl_ms, call);
        }
        ItemAction::CompareAndSet { .. } => is(&Outcome::Version(None)),
        ItemAction::Increment { delta } if is(&Outcome::Sum(delta)) => {
            let live = Live { content: Content::Number(delta), version: None, expiry: None, arrived: call.ended };
            return state.store(None, call, live);
        }
        ItemAction::Increment { .. } => false,
        ItemAction::Evict => true,
    };
    if is_right { vec![state.clone()] } else { Vec::new() }
}

/// What comes of storing.
fn stored(state: &State, previous: Option<&Live>, content: Content, ttl_ms: Option<u32>, call: &Call) -> Vec<State> {
    let version = match call.outcome {
        None => None,
        Some(Outcome::Version(Some(version))) => Some(version),
        _ => return Vec::new(),
    };
    let expiry = Expiry::of(call, ttl_ms);
    state.store(previous, call, Live { content, version, expiry, arrived: call.ended })
}
