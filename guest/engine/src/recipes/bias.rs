//! The bias of a lock: whom it is lent to until somebody else wants it.
//!
//! To take a lock and to release it are two changes of its record, each a transaction. One that the same
//! handle takes again and again is therefore *biased* towards it, as the locks of virtual machines are
//! towards a thread (Kawachiya, Koseki and Onodera, "Lock Reservation", 2002). From then on the handle
//! enters and leaves by a word in a file that nobody else writes, its *cell*, and looks whether the
//! record still says that it may. Whoever else wants the lock *revokes* the bias in the record first, and looks
//! at the cell afterwards.
//!
//! | the handle, to enter | whoever else wants the lock |
//! |---|---|
//! | writes the number of its grant into the cell | changes the record: revoked |
//! | reads the record: is the bias there, and not revoked? | reads the cell: is there a number? |
//!
//! Each writes before it reads, so at least one of them sees the other, and both give way: the handle
//! clears its cell and asks like anybody else; the other waits until the cell is clear. Once a bias is revoked
//! and its cell was seen clear, nobody enters by it any more, so it is settled: taken out of the record.
//!
//! The numbers of grants are reserved in the record, many at a time, so they only grow.

use serde::{Deserialize, Serialize};

use super::member::{Member, NUMBER_LIMIT};
use super::permits::Grant;

/// How many numbers a bias reserves.
pub(crate) const RESERVED: u64 = 1024;
/// Bits of a word that count the numbers; those above tell the bias.
const COUNT_BITS: u32 = 32;

/// Where the word of a bias is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// Whose file it is in.
    pub(crate) owner: i64,
    /// Its place there.
    pub(crate) index: u32,
}

/// What is in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Content {
    /// Which number of which bias is held; 0 for none.
    pub(crate) word: u64,
    /// Since when, by the wall clock.
    pub(crate) since_ms: i64,
}

/// Towards whom a lock is biased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bias {
    /// Its token is the owner of all grants.
    member: Member,
    cell: Cell,
    /// The first of the numbers that are reserved.
    first: u64,
    revoked: bool,
    #[serde(skip)]
    seen: Seen,
}

/// What the cell said when it was looked at. No part of the state.
#[derive(Debug, Clone, Copy, Eq, Default)]
enum Seen {
    /// Nobody has looked, or it could not be read.
    #[default]
    Unknown,
    Clear,
    /// The number, and a member with that for a token: so that every grant is watched by itself.
    Held(u64, Member),
}

impl PartialEq for Seen {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Bias {
    /// A bias whose numbers begin with `first`.
    pub(crate) fn new(member: Member, cell: Cell, first: u64) -> Self {
        Self { member, cell, first, revoked: false, seen: Seen::Unknown }
    }

    /// The owner of its grants.
    pub(crate) fn token(&self) -> u64 {
        self.member.token
    }

    /// Where its word is.
    pub(crate) fn cell(&self) -> Cell {
        self.cell
    }

    /// The first of the numbers that are reserved.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// The last of them.
    pub(crate) fn last(&self) -> u64 {
        self.first + (RESERVED - 1)
    }

    /// Whether somebody else wants the lock.
    pub(crate) fn is_revoked(&self) -> bool {
        self.revoked
    }

    /// Keeps its handle from entering once more.
    pub(crate) fn revoke(&mut self) {
        self.revoked = true;
    }

    /// Takes note of what its cell says; none if that can not be told, which counts as held.
    pub(crate) fn see(&mut self, content: Option<Content>) {
        self.seen = match content {
            None => Seen::Unknown,
            Some(content) if content.word >> COUNT_BITS != self.tag() => Seen::Clear,
            Some(content) => match content.word & ((1 << COUNT_BITS) - 1) {
                0 => Seen::Clear,
                count @ 1..=RESERVED => {
                    let fence = self.first + (count - 1);
                    Seen::Held(fence, self.member.known_as(fence, content.since_ms))
                }
                _ => Seen::Unknown,
            },
        };
    }

    /// Whether it was seen that nobody has entered by it.
    pub(crate) fn is_clear(&self) -> bool {
        matches!(self.seen, Seen::Clear)
    }

    /// Whether nobody can enter by it any more: see the module.
    pub(crate) fn is_settled(&self) -> bool {
        self.revoked && self.is_clear()
    }

    /// The grant by which it is held; if that can not be told, the first there can be.
    pub(crate) fn grant(&self) -> Option<Grant> {
        let fence = match self.seen {
            Seen::Clear => return None,
            Seen::Unknown => self.first,
            Seen::Held(fence, _) => fence,
        };
        Some(Grant { owner: self.member.token, fence })
    }

    /// Whoever holds it, to be watched.
    pub(crate) fn holder(&self) -> Option<&Member> {
        match &self.seen {
            Seen::Clear => None,
            Seen::Unknown => Some(&self.member),
            Seen::Held(_, member) => Some(member),
        }
    }

    /// Shows that the holder of a grant lives; false if that grant holds nothing.
    pub(crate) fn renew(&mut self, grant: Grant, now_ms: i64) -> bool {
        let held = self.grant() == Some(grant);
        if held {
            self.member.renew(now_ms);
        }
        held
    }

    /// What its cell says while the grant with this number is held.
    pub(crate) fn word(&self, fence: u64) -> u64 {
        (self.tag() << COUNT_BITS) | (fence.saturating_sub(self.first) + 1)
    }

    fn tag(&self) -> u64 {
        self.member.token >> COUNT_BITS
    }

    /// Whether it can come about.
    pub(crate) fn is_sound(&self) -> bool {
        self.member.is_sound() && self.first < NUMBER_LIMIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: Cell = Cell { owner: 7, index: 3 };

    fn bias() -> Bias {
        Bias::new(Member::new(0xabcd_0000_0000_0001, 100, 5_000), CELL, 1_000)
    }

    #[test]
    fn a_word_tells_its_number_and_its_bias() {
        let mut bias = bias();
        for fence in [1_000, 1_001, bias.last()] {
            bias.see(Some(Content { word: bias.word(fence), since_ms: 6_000 }));
            assert_eq!(bias.grant(), Some(Grant { owner: bias.token(), fence }));
            assert_eq!(bias.holder().map(|member| member.token), Some(fence), "each grant is watched by itself");
            assert!(!bias.is_clear());
        }
        let other = Bias::new(Member::new(0xabce_0000_0000_0001, 100, 5_000), CELL, 1_000);
        bias.see(Some(Content { word: other.word(1_000), since_ms: 0 }));
        assert!(bias.is_clear() && bias.grant().is_none() && bias.holder().is_none(), "the word of another bias");
        bias.see(Some(Content::default()));
        assert!(bias.is_clear());
    }

    #[test]
    fn what_can_not_be_told_counts_as_held() {
        let mut bias = bias();
        let beyond = Content { word: bias.word(bias.last()) + 1, since_ms: 0 };
        for content in [None, Some(beyond)] {
            bias.see(content);
            assert!(!bias.is_clear());
            assert_eq!(bias.grant().map(|grant| grant.fence), Some(1_000));
            assert!(bias.holder().is_some());
        }
    }

    #[test]
    fn it_is_settled_once_it_was_revoked_and_seen_clear() {
        let mut bias = bias();
        bias.see(Some(Content::default()));
        assert!(!bias.is_settled(), "its handle may enter at any time");
        bias.revoke();
        assert!(bias.is_settled());
        bias.see(Some(Content { word: bias.word(1_005), since_ms: 0 }));
        assert!(!bias.is_settled());
    }

    #[test]
    fn only_the_grant_that_holds_is_renewed() {
        let mut bias = bias();
        let grant = |fence| Grant { owner: 0xabcd_0000_0000_0001, fence };
        bias.see(Some(Content { word: bias.word(1_002), since_ms: 0 }));
        assert!(bias.renew(grant(1_002), 9_000));
        assert!(!bias.renew(grant(1_001), 9_000), "an earlier one");
        assert!(!bias.renew(Grant { owner: 5, fence: 1_002 }, 9_000));
        bias.see(Some(Content::default()));
        assert!(!bias.renew(grant(1_002), 9_000), "released");
    }

    #[test]
    fn what_was_seen_is_no_part_of_the_state() {
        let (mut seen, bias) = (bias(), bias());
        seen.see(Some(Content::default()));
        assert_eq!(seen, bias);
        let bytes = postcard::to_extend(&seen, Vec::new()).unwrap();
        assert_eq!(bytes, postcard::to_extend(&bias, Vec::new()).unwrap());
        assert!(!postcard::from_bytes::<Bias>(&bytes).unwrap().is_clear());
    }
}
