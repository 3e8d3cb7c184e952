//! Averages and counters that are never evicted.

use super::Cache;
use crate::error::Result;
use crate::recipes::tally::{Average, Counter, Mean};
use crate::shard::Found;

impl Cache {
    /// Adds a number to an average; returns what it is then.
    pub fn add_to_average(&mut self, name: &str, number: f64) -> Result<Mean> {
        self.change_record(name, |found: &mut Found<Average>| found.state.get_or_insert_default().add(number))
    }

    /// An average; none of no numbers.
    pub fn average(&mut self, name: &str) -> Result<Option<Mean>> {
        Ok(self.look_at::<Average>(name)?.and_then(|average| average.mean()))
    }

    /// Ends an average and returns what it was.
    pub fn take_average(&mut self, name: &str) -> Result<Option<Mean>> {
        self.change_record(name, |found: &mut Found<Average>| Ok(found.state.take().and_then(|average| average.mean())))
    }

    /// Adds to a counter, which begins at 0; returns the sum.
    pub fn count_up(&mut self, name: &str, delta: i64) -> Result<i64> {
        self.change_record(name, |found: &mut Found<Counter>| found.state.get_or_insert_default().add(delta))
    }

    /// What a counter is at.
    pub fn counter(&mut self, name: &str) -> Result<i64> {
        Ok(self.look_at::<Counter>(name)?.map_or(0, Counter::value))
    }

    /// Ends a counter and returns what it was at.
    pub fn take_counter(&mut self, name: &str) -> Result<i64> {
        self.change_record(name, |found: &mut Found<Counter>| Ok(found.state.take().map_or(0, Counter::value)))
    }
}
