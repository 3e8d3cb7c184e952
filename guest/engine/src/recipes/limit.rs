//! What both kinds of limits can do.

use super::Machine;
use super::timeline::Now;

/// A limit on how often something may happen.
pub(crate) trait Limit: Machine + PartialEq + Clone {
    /// One of which nothing was taken.
    fn new(count: u32, period_us: u64, now_us: i64) -> Self;

    /// How often it allows something, and in how many microseconds.
    fn terms(&self) -> (u32, u64);

    /// When it was last changed.
    fn dated_us(&self) -> i64;

    /// Takes some, if there are so many. What is refused changes nothing, unless the clock has jumped.
    fn take(&mut self, amount: u32, now: Now) -> Verdict;
}

/// What has come of a request, and how things stand after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it was granted.
    pub granted: bool,
    /// How many could be had at once now.
    pub remaining: u32,
    /// If it was not granted: in how many microseconds it can be, if nobody else comes first.
    pub retry_us: u64,
    /// In how many microseconds all can be had at once, if nobody takes any.
    pub reset_us: u64,
}
