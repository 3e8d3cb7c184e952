//! Locks, limits, barriers, averages, counters, work done once, and memoization.

use larder_engine::{Answer, Claim, Filling, Gate, Grant, Lock, LookUp, Method, Rate, Standing, Turn, Value, Verdict};

use super::world::{World, keep};
use crate::draw::Draw;

/// Does something with a lock.
pub(super) fn on_lock(world: &mut World, draw: &mut Draw<'_>) {
    let lock = Lock { name: draw.name(), capacity: draw.pick([1, 3, u32::MAX, 0, 2]) };
    let claim = Claim { owner: owner(world, draw), weight: draw.perhaps(Draw::small), lease_ms: draw.duration() };
    match draw.byte() % 8 {
        0..=2 => {
            let wait = u64::from(draw.duration());
            if let Ok(Some(grant)) = world.call(|cache| cache.acquire_lock(&lock, &claim, Some(wait))) {
                granted(world, lock, grant);
            }
        }
        3 => match world.call(|cache| cache.request_lock(&lock, &claim)) {
            Ok(Standing::Granted(grant)) => granted(world, lock, grant),
            Ok(Standing::Waiting { owner, .. }) => drop(keep(&mut world.tokens, owner)),
            _ => {}
        },
        4 => {
            let owner = claim.owner.unwrap_or_default();
            drop(world.call(|cache| cache.poll_lock(&lock, owner)));
            drop(world.call(|cache| cache.withdraw_from_lock(&lock, owner)));
        }
        5 => {
            if let Some((lock, grant)) = world.grants.pop() {
                drop(world.call(|cache| cache.renew_lock(&lock, grant)));
                if world.call(|cache| cache.release_lock(&lock, grant)).is_ok_and(|left| left > 0) {
                    world.grants.push((lock, grant));
                }
            }
        }
        6 => {
            let grant = Grant { owner: draw.natural(), fence: draw.natural() };
            drop(world.call(|cache| cache.renew_lock(&lock, grant)));
            drop(world.call(|cache| cache.release_lock(&lock, grant)));
        }
        _ => drop(world.call(|cache| cache.lock_occupancy(&lock.name))),
    }
}

/// Somebody known, somebody made up, or somebody new.
fn owner(world: &World, draw: &mut Draw<'_>) -> Option<u64> {
    match draw.byte() % 6 {
        0 => Some(draw.natural()),
        1 => world.tokens.last().copied(),
        2 => world.grants.last().map(|(_, grant)| grant.owner),
        _ => None,
    }
}

fn granted(world: &mut World, lock: Lock, grant: Grant) {
    let newer = world.grants.iter().filter(|(other, held)| other.name == lock.name && held.owner != grant.owner);
    for (_, held) in newer {
        assert_ne!(grant.fence, held.fence, "two owners have the same fencing number of {:?}", lock.name);
    }
    keep(&mut world.grants, (lock, grant));
}

/// Takes of a limit.
pub(super) fn on_limit(world: &mut World, draw: &mut Draw<'_>) {
    let rate = Rate {
        name: draw.name(),
        method: draw.pick([Method::Bucket, Method::Window]),
        count: if draw.flag() { draw.pick([1, 3, 10]) } else { draw.small() },
        period_us: if draw.flag() { draw.pick([1_000, 1_000_000]) } else { draw.natural() },
    };
    let amount = draw.pick([1, 0, 2, 3, u32::MAX]);
    match draw.byte() % 4 {
        0 => {
            let wait = u64::from(draw.duration());
            drop(world.call(|cache| cache.take_within(&rate, amount, Some(wait))));
        }
        1 => drop(world.call(|cache| cache.reset_limit(&rate.name, rate.method))),
        _ => {
            if let Ok(Verdict { granted, remaining, .. }) = world.call(|cache| cache.take(&rate, amount)) {
                assert!(remaining <= rate.count, "{remaining} are left of {}", rate.count);
                assert!(!granted || amount.saturating_add(remaining) <= rate.count, "more was had than there is");
            }
        }
    }
}

/// Meets, counts, averages, or does something once.
pub(super) fn on_meeting(world: &mut World, draw: &mut Draw<'_>) {
    let (name, lease) = (draw.name(), draw.duration());
    match draw.byte() % 10 {
        0 => {
            let number = draw.real();
            drop(world.call(|cache| cache.add_to_average(&name, number)));
        }
        1 => {
            drop(world.call(|cache| cache.average(&name)));
            drop(world.call(|cache| cache.take_average(&name)));
        }
        2 => count(world, draw, &name),
        3 => drop(world.call(|cache| cache.take_counter(&name))),
        4..=6 => at_barrier(world, draw, name, lease),
        7 => {
            if let Ok(Turn::Run(token)) = world.call(|cache| cache.begin_once(&name, lease)) {
                let again = world.call(|cache| cache.begin_once(&name, lease));
                assert!(!matches!(again, Ok(Turn::Run(_))), "two have the same turn");
                keep(&mut world.tokens, token);
            }
        }
        8 => {
            let token = token(world, draw);
            drop(world.call(|cache| cache.renew_once(&name, token)));
            drop(world.call(|cache| cache.end_once(&name, token, draw.flag())));
        }
        _ => drop(world.call(|cache| cache.reset_once(&name))),
    }
}

fn count(world: &mut World, draw: &mut Draw<'_>, name: &str) {
    let delta = draw.integer();
    let before = world.call(|cache| cache.counter(name));
    let after = world.call(|cache| cache.count_up(name, delta));
    if let (Ok(before), Ok(after)) = (before, after) {
        assert_eq!(before.checked_add(delta), Some(after));
    }
}

fn at_barrier(world: &mut World, draw: &mut Draw<'_>, name: String, lease: u32) {
    let gate = Gate { name, parties: draw.pick([2, 1, 3, 0, u32::MAX]) };
    match draw.byte() % 4 {
        0 => {
            let wait = u64::from(draw.duration());
            drop(world.call(|cache| cache.meet(&gate, lease, Some(wait))));
        }
        1 => {
            if let Ok(arrival) = world.call(|cache| cache.arrive(&gate, lease)) {
                keep(&mut world.arrivals, (gate, arrival));
            }
        }
        2 => {
            if let Some((gate, arrival)) = world.arrivals.pop() {
                drop(world.call(|cache| cache.poll_barrier(&gate, arrival)));
            }
        }
        _ => {
            if let Some((gate, arrival)) = world.arrivals.pop() {
                drop(world.call(|cache| cache.leave_barrier(&gate, arrival)));
            }
        }
    }
}

fn token(world: &World, draw: &mut Draw<'_>) -> u64 {
    let known = world.tokens.last().copied();
    if draw.flag() { draw.natural() } else { known.unwrap_or_default() }
}

/// Looks up what is computed, and computes it.
pub(super) fn on_memo(world: &mut World, draw: &mut Draw<'_>) {
    let key = draw.key();
    match draw.byte() % 8 {
        0..=3 => look_up(world, draw, &key),
        4 => {
            let (token, value) = (token(world, draw), draw.value());
            fill(world, draw, &key, token, &value);
        }
        5 => {
            let token = token(world, draw);
            drop(world.call(|cache| cache.renew_vacancy(&key, token)));
        }
        6 => {
            let token = token(world, draw);
            drop(world.call(|cache| cache.drop_vacancy(&key, token)));
        }
        _ => {
            let (token, reason, time) = (token(world, draw), draw.text(), draw.natural());
            drop(world.call(|cache| cache.fail_vacancy(&key, token, &reason, time)));
        }
    }
}

fn look_up(world: &mut World, draw: &mut Draw<'_>, key: &larder_engine::Key) {
    let options = LookUp { lease_ms: draw.duration(), eagerness: if draw.flag() { 1.0 } else { draw.real() } };
    let wait = u64::from(draw.duration());
    match world.call(|cache| cache.look_up_within(key, &options, Some(wait))) {
        Ok(Answer::Hit(value) | Answer::Stale(value, None)) => world.shadow.check(key, Some(&value)),
        Ok(Answer::Stale(value, Some(token))) => {
            world.shadow.check(key, Some(&value));
            keep(&mut world.tokens, token);
        }
        Ok(Answer::Vacant(token, last)) => {
            if let Some(last) = last {
                world.shadow.check(key, Some(&last));
            }
            keep(&mut world.tokens, token);
            if draw.flag() {
                let value = draw.value();
                fill(world, draw, key, token, &value);
            }
        }
        Ok(Answer::Wait(_) | Answer::Failed(_)) | Err(_) => {}
    }
}

fn fill(world: &mut World, draw: &mut Draw<'_>, key: &larder_engine::Key, token: u64, value: &Value) {
    let filling = Filling {
        options: draw.options(),
        stale_ms: if draw.flag() { draw.natural() } else { 0 },
        stale_if_error_ms: if draw.flag() { draw.natural() } else { 0 },
        cost_ms: if draw.flag() { draw.natural() } else { 0 },
    };
    if world.call(|cache| cache.fill(key, token, value, &filling)).is_ok() {
        world.shadow.stored(key, value, filling.options.ttl);
        world.shadow.doubt_one(key);
    }
}
