//! A single entry.

use super::lifetime::{Expiry, Moment};
use super::room::Room;
use super::search::Model;
use crate::history::event::{Call, Outcome};
use crate::history::operation::{Content, ItemAction, Life, Operation};
use crate::history::plan::Plan;

/// An entry, and what else may happen to it.
pub(super) struct Register<'c> {
    pub(super) item: u32,
    pub(super) plan: &'c Plan,
    /// When it may go to make room for others, if there are limits.
    pub(super) room: Option<&'c Room>,
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
    /// When it was stored last.
    stored: Moment,
    /// When the call had ended by which it came in.
    arrived: u64,
}

impl Live {
    fn of(content: Content, version: Option<u64>, expiry: Option<Expiry>, call: &Call) -> Self {
        Self { content, version, expiry, stored: Moment::of(call), arrived: call.ended }
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

    /// It turns out to be what an outcome shows of it.
    fn seen(&self, live: &Live, outcome: Option<&Outcome>) -> Vec<Self> {
        match outcome {
            None => vec![self.clone()],
            Some(Outcome::Entry(Some((content, version)))) if *content == live.content => self.known(live, *version),
            _ => Vec::new(),
        }
    }

    /// It was found, which may postpone its end.
    fn hit(&self, live: &Live, call: &Call) -> Vec<Self> {
        let expiry = live.expiry.map(|expiry| expiry.after_hit(call));
        vec![Self { live: Some(Live { expiry, ..*live }), version: self.version }]
    }

    fn found(&self, call: &Call) -> Vec<Self> {
        self.live.as_ref().map_or_else(Vec::new, |live| self.hit(live, call))
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
            let (lives, expired) = live.expiry.map_or((true, false), |expiry| expiry.during(call, self.leaps));
            if lives {
                next.extend(self.with_live(state, live, action, call));
            }
            if expired {
                // If the clock is set back, it may be found again.
                next.extend(with_none(state, action, call));
            }
            let made_room = |room: &Room| room.may_go(self.item, self.plan, live.stored.from, call.ended);
            if self.room.is_some_and(made_room) {
                next.extend(state.without().iter().flat_map(|state| with_none(state, action, call)));
            }
        } else {
            next.extend(with_none(state, action, call));
        }
        next
    }

    fn tells(&self, state: &State, call: &Call) -> bool {
        let Operation::Item(_, action) = call.operation else { return true };
        match action {
            // An increment by nothing gives another version, which nobody has told.
            ItemAction::Evict | ItemAction::Increment { .. } | ItemAction::Touch { .. } => false,
            // A hit postpones the end, unless that was postponed further before.
            _ => !state.live.is_some_and(|live| live.expiry.is_some_and(Expiry::slides)),
        }
    }
}

impl Register<'_> {
    /// What comes of a call while the entry is there.
    fn with_live(&self, state: &State, live: &Live, action: ItemAction, call: &Call) -> Vec<State> {
        let outcome = call.outcome.as_ref();
        let unchanged = |is_right: bool| if is_right { vec![state.clone()] } else { Vec::new() };
        let hit = |is_right: bool| if is_right { state.hit(live, call) } else { Vec::new() };
        let is = |expected: &Outcome| outcome.is_none_or(|outcome| outcome == expected);
        match action {
            ItemAction::Get => hit(is(&Outcome::Value(Some(live.content)))),
            ItemAction::Read | ItemAction::ReadRanges { .. } => match live.content {
                Content::Number(_) => unchanged(is(&Outcome::WrongType)),
                content => hit(is(&Outcome::Value(Some(content)))),
            },
            ItemAction::Contains => unchanged(is(&Outcome::Flag(true))),
            ItemAction::Observe => state.seen(live, outcome),
            ItemAction::GetEntry => state.seen(live, outcome).iter().flat_map(|state| state.found(call)).collect(),
            ItemAction::GetRecent { max_age_ms } => self.recent(state, live, max_age_ms, call),
            ItemAction::Set { content, life } | ItemAction::Write { content, life } => {
                stored(state, Some(live), content, life, call)
            }
            ItemAction::GiveUp { .. } => unchanged(is(&Outcome::Done)),
            ItemAction::Add { .. } => unchanged(is(&Outcome::Version(None))),
            ItemAction::CompareAndSet { expected, content, life } => {
                let mut next = Vec::new();
                if let Some(expected) = expected {
                    for state in state.known(live, expected) {
                        next.extend(stored(&state, Some(live), content, life, call));
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
            ItemAction::Delete if is(&Outcome::Flag(true)) => state.without(),
            ItemAction::Pop => state.seen(live, outcome).iter().flat_map(State::without).collect(),
            ItemAction::Touch { ttl_ms } if is(&Outcome::Flag(true)) => {
                let slides = live.expiry.is_some_and(Expiry::slides);
                let live = Live { expiry: Expiry::of(call, Life { ttl_ms, slides }), ..*live };
                vec![State { live: Some(live), ..state.clone() }]
            }
            ItemAction::Delete | ItemAction::Touch { .. } => Vec::new(),
            ItemAction::Increment { delta } => match live.content {
                Content::Number(number) if is(&Outcome::Sum(number + delta)) => {
                    let content = Content::Number(number + delta);
                    state.store(Some(live), call, Live { content, version: None, stored: Moment::of(call), ..*live })
                }
                Content::Number(_) => Vec::new(),
                _ => unchanged(is(&Outcome::WrongType)),
            },
            // What came in while it went on may stay.
            ItemAction::Evict if live.arrived >= call.begun => [state.without(), vec![state.clone()]].concat(),
            ItemAction::Evict => state.without(),
        }
    }

    /// What comes of asking for an entry that is not too old.
    fn recent(&self, state: &State, live: &Live, max_age_ms: u32, call: &Call) -> Vec<State> {
        let age = u64::from(max_age_ms) * super::MILLISECOND;
        let (is_recent, is_too_old) = live.stored.lasts(age, call, self.leaps);
        let mut next = Vec::new();
        if is_recent && call.outcome != Some(Outcome::Entry(None)) {
            next.extend(state.seen(live, call.outcome.as_ref()).iter().flat_map(|state| state.found(call)));
        }
        if is_too_old && matches!(call.outcome, None | Some(Outcome::Entry(None))) {
            next.push(state.clone());
        }
        next
    }
}

/// What comes of a call while the entry is not there.
fn with_none(state: &State, action: ItemAction, call: &Call) -> Vec<State> {
    let outcome = call.outcome.as_ref();
    let is = |expected: &Outcome| outcome.is_none_or(|outcome| outcome == expected);
    let is_right = match action {
        ItemAction::Get | ItemAction::Read | ItemAction::ReadRanges { .. } => is(&Outcome::Value(None)),
        ItemAction::GetEntry | ItemAction::GetRecent { .. } | ItemAction::Observe | ItemAction::Pop => {
            is(&Outcome::Entry(None))
        }
        ItemAction::Contains | ItemAction::CompareAndDelete { .. } | ItemAction::Delete | ItemAction::Touch { .. } => {
            is(&Outcome::Flag(false))
        }
        ItemAction::Set { content, life }
        | ItemAction::Write { content, life }
        | ItemAction::Add { content, life }
        | ItemAction::CompareAndSet { expected: None, content, life } => {
            return stored(state, None, content, life, call);
        }
        ItemAction::GiveUp { .. } => is(&Outcome::Done),
        ItemAction::CompareAndSet { .. } => is(&Outcome::Version(None)),
        ItemAction::Increment { delta } if is(&Outcome::Sum(delta)) => {
            return state.store(None, call, Live::of(Content::Number(delta), None, None, call));
        }
        ItemAction::Increment { .. } => false,
        ItemAction::Evict => true,
    };
    if is_right { vec![state.clone()] } else { Vec::new() }
}

/// What comes of storing.
fn stored(state: &State, previous: Option<&Live>, content: Content, life: Life, call: &Call) -> Vec<State> {
    let version = match call.outcome {
        None => None,
        Some(Outcome::Version(Some(version))) => Some(version),
        _ => return Vec::new(),
    };
    state.store(previous, call, Live::of(content, version, Expiry::of(call, life), call))
}
