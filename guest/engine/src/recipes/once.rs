//! Work that is done once, by whoever comes first; if it fails or dies, by the next.

use serde::{Deserialize, Serialize};

use super::member::{Member, Watch};
use super::{Kind, Machine};

/// How far the work has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(crate) enum Once {
    /// Nobody does it.
    #[default]
    Open,
    /// Somebody does it.
    Running(Member),
    /// It is done.
    Done,
}

/// What somebody who wants the work done has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is done.
    Done,
    /// Do it: under this token.
    Run(u64),
    /// Another does it.
    Wait,
}

impl Once {
    /// Whoever does it.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.runner().into_iter()
    }

    /// What there is to do, as things stand; a turn that can be had is none yet.
    pub(crate) fn turn(&self, watch: &Watch) -> Option<Turn> {
        match self {
            Self::Done => Some(Turn::Done),
            Self::Running(member) if !watch.is_dead(member) => Some(Turn::Wait),
            Self::Running(_) | Self::Open => None,
        }
    }

    /// Begins the work, if nobody does it.
    pub(crate) fn begin(&mut self, token: u64, lease_ms: u32, watch: &Watch, now_ms: i64) -> Turn {
        if let Some(turn) = self.turn(watch) {
            return turn;
        }
        *self = Self::Running(Member::new(token, lease_ms, now_ms));
        Turn::Run(token)
    }

    /// Shows that whoever does it lives; whether it still has the turn.
    pub(crate) fn renew(&mut self, token: u64, now_ms: i64) -> bool {
        match self {
            Self::Running(member) if member.token == token => {
                member.renew(now_ms);
                true
            }
            _ => false,
        }
    }

    /// Ends the turn, with the work done or not; whether it still had it.
    pub(crate) fn end(&mut self, token: u64, done: bool) -> bool {
        let has_it = self.runner().is_some_and(|member| member.token == token);
        if has_it {
            *self = if done { Self::Done } else { Self::Open };
        }
        has_it
    }

    fn runner(&self) -> Option<&Member> {
        match self {
            Self::Running(member) => Some(member),
            Self::Open | Self::Done => None,
        }
    }
}

impl Machine for Once {
    const KIND: Kind = Kind::Once;

    fn is_sound(&self) -> bool {
        self.members().all(Member::is_sound)
    }

    fn is_idle(&self, _: i64) -> bool {
        *self == Self::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_does_it_and_then_it_is_done() {
        let (mut once, watch) = (Once::Open, Watch::default());
        assert_eq!(once.begin(1, 100, &watch, 0), Turn::Run(1));
        assert_eq!(once.begin(2, 100, &watch, 0), Turn::Wait);
        assert!(!once.end(2, true), "it is not its turn");
        assert!(once.end(1, false));
        assert_eq!(once.begin(2, 100, &watch, 0), Turn::Run(2));
        assert!(once.end(2, true));
        assert_eq!(once.begin(3, 100, &watch, 0), Turn::Done);
    }

    #[test]
    fn the_dead_lose_their_turn() {
        let (mut once, mut watch) = (Once::Open, Watch::default());
        once.begin(1, 100, &watch, 0);
        watch.note(once.members(), 0);
        watch.note(once.members(), 101);
        assert_eq!(once.begin(2, 100, &watch, 0), Turn::Run(2));
        assert!(!once.renew(1, 0) && !once.end(1, true));
    }
}
