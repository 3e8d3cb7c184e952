//! Permits: one machine for locks, re-entrant locks, locks for readers and writers, and semaphores.
//!
//! There is a capacity, of which each holder takes a weight: all of it in a lock, one in a semaphore;
//! a reader takes one and a writer all. Whoever does not fit stands in line, and is served in the order
//! of arrival; so a writer that waits keeps later readers out. Whoever makes room hands the permits over
//! to those first in line, so each learns by looking alone that its turn has come.
//!
//! Nobody holds a lock that is biased, and nobody is served, but for whom it is biased towards: see `bias`.

use serde::{Deserialize, Serialize};

use super::bias::{Bias, Cell, Content, RESERVED};
use super::member::{Member, NUMBER_LIMIT, Watch};
use super::{Kind, Machine};
use crate::error::{Error, Result};

/// Most who hold one lock, or wait for it.
pub const MEMBERS_LIMIT: usize = 4096;

/// Who holds what of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Permits {
    capacity: u32,
    last_fence: u64,
    holders: Vec<Holding>,
    line: Vec<Waiting>,
    bias: Option<Bias>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Holding {
    member: Member,
    weight: u32,
    /// How often it was taken by this owner and not released.
    count: u32,
    fence: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Waiting {
    member: Member,
    weight: u32,
}

/// What somebody asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    pub(crate) owner: u64,
    pub(crate) weight: u32,
    pub(crate) lease_ms: u32,
    /// Whether to stand in line if it can not be had now.
    pub(crate) waits: bool,
    pub(crate) now_ms: i64,
}

/// The right to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Whose it is.
    pub owner: u64,
    /// Greater than that of every grant of the name before.
    pub fence: u64,
}

/// Where an owner stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It holds what it asked for.
    Granted(Grant),
    /// It stands in line.
    Waiting {
        /// Whose place it is.
        owner: u64,
        /// How many are in front of it.
        ahead: u32,
    },
    /// It neither holds nor waits.
    Outside,
}

/// Whoever holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Its grant.
    pub grant: Grant,
    /// How much of the capacity it has.
    pub weight: u32,
    /// How often it has taken it.
    pub count: u32,
    /// How long it may be silent, in milliseconds.
    pub lease_ms: u32,
    /// For how long it has been, by the wall clock.
    pub silent_ms: u64,
}

impl Permits {
    /// Nobody holds anything; the first grant has a number above this one.
    pub(crate) fn new(capacity: u32, fence: u64) -> Self {
        Self { capacity, last_fence: fence, holders: Vec::new(), line: Vec::new(), bias: None }
    }

    /// How much there is to be had.
    pub(crate) fn capacity(&self) -> u32 {
        self.capacity
    }

    /// All who hold or wait.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        let holders = self.holders.iter().map(|holding| &holding.member);
        let waiting = self.line.iter().map(|waiting| &waiting.member);
        holders.chain(self.bias.iter().filter_map(Bias::holder)).chain(waiting)
    }

    /// Whether somebody stands in the way who holds nothing any more.
    pub(crate) fn has_dead(&self, watch: &Watch) -> bool {
        self.members().any(|member| watch.is_dead(member)) || self.bias.as_ref().is_some_and(Bias::is_settled)
    }

    /// Takes out the dead, and a bias by which nobody can enter any more, and serves those they have stood
    /// in the way of.
    pub(crate) fn bury(&mut self, watch: &Watch, now_ms: i64) {
        let over = |bias: &mut Bias| bias.is_settled() || bias.holder().is_some_and(|member| watch.is_dead(member));
        self.bias.take_if(over);
        self.holders.retain(|holding| !watch.is_dead(&holding.member));
        self.line.retain(|waiting| !watch.is_dead(&waiting.member));
        self.serve(now_ms);
    }

    /// Takes permits, more of what the owner already holds, or a place in the line.
    pub(crate) fn request(&mut self, request: &Request) -> Result<Standing> {
        if request.weight == 0 || request.weight > self.capacity {
            return Err(Error::InvalidArgument(format!(
                "{} of {} permits can never be had",
                request.weight, self.capacity
            )));
        }
        self.record_holder(request.owner);
        if let Some(holding) = self.holders.iter_mut().find(|holding| holding.member.token == request.owner) {
            if request.weight > holding.weight {
                return Err(Error::InvalidArgument(
                    "more than the owner holds: it would wait for itself; it has to release first".into(),
                ));
            }
            holding.count = holding.count.checked_add(1).ok_or_else(|| Error::Overflow("taken too often".into()))?;
            holding.member.renew(request.now_ms);
            return Ok(Standing::Granted(Grant { owner: request.owner, fence: holding.fence }));
        }
        let standing = self.standing(request.owner);
        if standing != Standing::Outside {
            return Ok(standing);
        }
        if self.line.len() + self.holders.len() >= MEMBERS_LIMIT {
            return Err(Error::Full(format!("{MEMBERS_LIMIT} hold or wait for it already")));
        }
        if !request.waits && (!self.line.is_empty() || request.weight > self.free()) {
            return Ok(Standing::Outside);
        }
        let member = Member::new(request.owner, request.lease_ms, request.now_ms);
        self.line.push(Waiting { member, weight: request.weight });
        self.serve(request.now_ms);
        Ok(self.standing(request.owner))
    }

    /// Where an owner stands.
    pub(crate) fn standing(&self, owner: u64) -> Standing {
        if let Some(holding) = self.holders.iter().find(|holding| holding.member.token == owner) {
            return Standing::Granted(Grant { owner, fence: holding.fence });
        }
        if let Some(grant) = self.bias.as_ref().and_then(Bias::grant).filter(|grant| grant.owner == owner) {
            return Standing::Granted(grant);
        }
        match self.line.iter().position(|waiting| waiting.member.token == owner) {
            Some(ahead) => Standing::Waiting { owner, ahead: u32::try_from(ahead).unwrap_or(u32::MAX) },
            None => Standing::Outside,
        }
    }

    /// The member an owner is in the line.
    pub(crate) fn waiting(&mut self, owner: u64) -> Option<&mut Member> {
        self.line.iter_mut().map(|waiting| &mut waiting.member).find(|member| member.token == owner)
    }

    /// Shows that a holder lives; false if it holds nothing any more.
    pub(crate) fn renew(&mut self, grant: Grant, now_ms: i64) -> bool {
        if let Some(bias) = &mut self.bias {
            return bias.renew(grant, now_ms);
        }
        let Some(place) = self.place(grant) else { return false };
        self.holders.get_mut(place).into_iter().for_each(|holding| holding.member.renew(now_ms));
        true
    }

    /// Gives back what was taken once; returns how often the owner still has it, or none if it holds
    /// nothing any more.
    pub(crate) fn release(&mut self, grant: Grant, now_ms: i64) -> Option<u32> {
        if self.bias.take_if(|bias| bias.grant() == Some(grant)).is_some() {
            self.serve(now_ms);
            return Some(0);
        }
        let place = self.place(grant)?;
        let holding = self.holders.get_mut(place)?;
        holding.count -= 1;
        let left = holding.count;
        if left == 0 {
            self.holders.remove(place);
            self.serve(now_ms);
        }
        Some(left)
    }

    /// Gives up a place in the line, or what was just handed over; whether there was something.
    pub(crate) fn withdraw(&mut self, owner: u64, now_ms: i64) -> bool {
        let before = self.holders.len() + self.line.len();
        self.holders.retain(|holding| holding.member.token != owner);
        self.line.retain(|waiting| waiting.member.token != owner);
        self.serve(now_ms);
        before != self.holders.len() + self.line.len()
    }

    /// Who holds it.
    pub(crate) fn holders(&self, now_ms: i64) -> Vec<Holder> {
        let describe = |holding: &Holding| Holder {
            grant: Grant { owner: holding.member.token, fence: holding.fence },
            weight: holding.weight,
            count: holding.count,
            lease_ms: holding.member.lease_ms,
            silent_ms: holding.member.silent_ms(now_ms),
        };
        let biased = self.bias.iter().filter_map(|bias| bias.grant().zip(bias.holder()));
        let biased = biased.map(|(grant, member)| Holder {
            grant,
            weight: self.capacity,
            count: 1,
            lease_ms: member.lease_ms,
            silent_ms: member.silent_ms(now_ms),
        });
        self.holders.iter().map(describe).chain(biased).collect()
    }

    /// Whether there is a bias.
    pub(crate) fn bias(&self) -> Option<&Bias> {
        self.bias.as_ref()
    }

    /// Takes note of what the cell of the bias says, if there is one. Has to come before whatever depends on
    /// whether that is held, and after the state was read.
    pub(crate) fn see(&mut self, look: impl FnOnce(&Bias) -> Option<Content>) {
        if let Some(bias) = &mut self.bias {
            let content = look(bias);
            bias.see(content);
        }
    }

    /// The number of the last grant, or of the last that is reserved.
    pub(crate) fn last_fence(&self) -> u64 {
        self.last_fence
    }

    /// Biases a lock that nobody holds or waits for towards whoever has a token, with numbers of its own.
    pub(crate) fn lean(&mut self, request: &Request, cell: Cell) -> Bias {
        let first = next_fence(self.last_fence, request.now_ms);
        let bias = Bias::new(Member::new(request.owner, request.lease_ms, request.now_ms), cell, first);
        self.last_fence = first + (RESERVED - 1);
        self.bias = Some(bias.clone());
        bias
    }

    /// Revokes a bias that stands in the way of a request; whether there is one. Whoever would not wait leaves
    /// it alone while it is held.
    pub(crate) fn revoke_for(&mut self, request: &Request) -> bool {
        let in_the_way = |bias: &&mut Bias| {
            !bias.is_revoked() && bias.token() != request.owner && (request.waits || bias.is_clear())
        };
        self.bias.as_mut().filter(in_the_way).map(Bias::revoke).is_some()
    }

    /// Gives a bias back, for whom it is towards: who holds nothing by it.
    pub(crate) fn give_back(&mut self, token: u64, now_ms: i64) {
        if self.bias.take_if(|bias| bias.token() == token).is_some() {
            self.serve(now_ms);
        }
    }

    /// Records who holds the lock by a bias as any other holder, in place of the bias.
    pub(crate) fn record_holder(&mut self, token: u64) {
        let held =
            self.bias.as_ref().and_then(|bias| bias.grant().filter(|grant| grant.owner == token).zip(bias.holder()));
        let Some((grant, member)) = held else { return };
        let member = member.known_as(token, i64::MIN);
        self.holders.push(Holding { member, weight: self.capacity, count: 1, fence: grant.fence });
        self.bias = None;
    }

    /// How many stand in line.
    pub(crate) fn waiters(&self) -> u32 {
        u32::try_from(self.line.len()).unwrap_or(u32::MAX)
    }

    fn place(&self, grant: Grant) -> Option<usize> {
        self.holders.iter().position(|holding| holding.member.token == grant.owner && holding.fence == grant.fence)
    }

    fn free(&self) -> u32 {
        if self.bias.is_some() {
            return 0;
        }
        self.capacity - self.holders.iter().map(|holding| holding.weight).sum::<u32>()
    }

    /// Hands permits over to those first in line, as far as they go.
    fn serve(&mut self, now_ms: i64) {
        let mut free = self.free();
        let fits = |waiting: &&Waiting| {
            let fits = waiting.weight <= free;
            if fits {
                free -= waiting.weight;
            }
            fits
        };
        let served = self.line.iter().take_while(fits).count();
        for waiting in self.line.drain(..served) {
            self.last_fence = next_fence(self.last_fence, now_ms);
            let mut member = waiting.member;
            // Its lease begins now.
            member.renew(now_ms);
            self.holders.push(Holding { member, weight: waiting.weight, count: 1, fence: self.last_fence });
        }
    }
}

/// The number after the last one; the time at least: if a loss of power undoes grants, later ones are greater
/// all the same.
fn next_fence(last: u64, now_ms: i64) -> u64 {
    let time_us = u64::try_from(now_ms.saturating_mul(1_000)).unwrap_or(0).min(NUMBER_LIMIT / 2);
    (last + 1).max(time_us)
}

impl Machine for Permits {
    const KIND: Kind = Kind::Permits;

    fn is_sound(&self) -> bool {
        let weights = self.holders.iter().map(|holding| u64::from(holding.weight)).sum::<u64>();
        let fits = |weight: u32| weight > 0 && weight <= self.capacity;
        let holders = self
            .holders
            .iter()
            .all(|holding| fits(holding.weight) && holding.count > 0 && holding.fence <= self.last_fence);
        let biased = |bias: &Bias| bias.is_sound() && bias.last() <= self.last_fence && self.holders.is_empty();
        self.capacity > 0
            && self.bias.as_ref().is_none_or(biased)
            && self.last_fence < NUMBER_LIMIT
            && weights <= u64::from(self.capacity)
            && holders
            && self.line.iter().all(|waiting| fits(waiting.weight))
            && self.members().all(Member::is_sound)
            && self.holders.len() + self.line.len() <= MEMBERS_LIMIT
    }

    fn is_idle(&self, _: i64) -> bool {
        self.holders.is_empty() && self.line.is_empty() && self.bias.is_none()
    }

    fn latest(&self) -> u64 {
        self.last_fence
    }
}

#[cfg(test)]
mod tests;
