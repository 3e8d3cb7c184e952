//! Deques.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use super::codec::{Codec, Plain, Postcard};
use super::cursor::{DequeRequest, DequeValues, Element};
use super::scope::{Place, Scope};
use crate::cache::Cache;
use crate::cache::cursor::collect;
use crate::cache::pauses::Pauses;
use crate::error::Result;
use crate::options::Side;
use crate::runtime::bindings::collections::Ordering as WitOrdering;
use crate::value::Value;

/// A line of values, open at both ends, by name; made by [`Cache::deque`].
///
/// All handles and processes that use the directory have the same deque under a name. Its values never
/// expire and are never evicted. Every method is atomic, and costs the same however long it is, unless it
/// says otherwise. A place is counted from the front, or, if it is negative, from the back: -1 is the last.
///
/// Values are equal if they are the same as they are stored: encoded, or, for plain ones, numbers by value
/// and everything else byte by byte.
pub struct Deque<T, C = Postcard, S = Cache> {
    pub(super) scope: S,
    pub(super) place: Place,
    kind: PhantomData<fn() -> (T, C)>,
}

impl<T, C, S: Clone> Clone for Deque<T, C, S> {
    fn clone(&self) -> Self {
        Self::at(self.scope.clone(), self.place.clone())
    }
}

impl<T, C, S> fmt::Debug for Deque<T, C, S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Deque").field("place", &self.place).finish_non_exhaustive()
    }
}

impl<T, C, S> Deque<T, C, S> {
    pub(super) fn named(scope: S, name: String) -> Self {
        Self::at(scope, Place::Deque(name))
    }

    pub(super) fn at(scope: S, place: Place) -> Self {
        Self { scope, place, kind: PhantomData }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match &self.place {
            Place::Deque(name) | Place::Index(name) | Place::Queue { name, .. } => name,
        }
    }
}

impl<T, C: Codec<T>, S: Scope> Deque<T, C, S> {
    /// Number of values.
    pub fn len(&self) -> Result<u64> {
        self.place.call(&self.scope, |guest, store, deque| guest.deque().call_length(store, deque))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// How many values there may be; none without a bound.
    pub fn bound(&self) -> Result<Option<u64>> {
        self.place.call(&self.scope, |guest, store, deque| guest.deque().call_bound(store, deque))
    }

    /// Sets how many values there may be, at least 1, for all who use it; recorded until it is changed. What
    /// is too many goes at the front.
    ///
    /// ```
    /// # let cache = larder::Cache::temporary()?;
    /// let latest = cache.deque::<u32>("latest");
    /// latest.set_bound(Some(3))?;
    /// latest.extend_back(&[1, 2, 3, 4])?;
    /// assert_eq!(latest.to_vec()?, [2, 3, 4]);
    /// latest.push_front(&0)?;
    /// assert_eq!(latest.to_vec()?, [0, 2, 3]);
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn set_bound(&self, bound: Option<u64>) -> Result<()> {
        self.place.call(&self.scope, |guest, store, deque| guest.deque().call_set_bound(store, deque, bound))
    }

    /// Adds a value at the back; returns the number of values afterwards. What exceeds the bound goes at the
    /// front.
    pub fn push_back(&self, value: &T) -> Result<u64> {
        self.extend_back([value])
    }

    /// Adds a value at the front; returns the number of values afterwards. What exceeds the bound goes at the
    /// back.
    pub fn push_front(&self, value: &T) -> Result<u64> {
        self.extend_front([value])
    }

    /// Adds values at the back, all or, on an error, none; returns the number of values afterwards.
    pub fn extend_back<'v>(&self, values: impl IntoIterator<Item = &'v T>) -> Result<u64>
    where
        T: 'v,
    {
        self.push(values, Side::Back)
    }

    /// Adds values at the front, one after the other, so that the last is first; returns the number of values
    /// afterwards.
    pub fn extend_front<'v>(&self, values: impl IntoIterator<Item = &'v T>) -> Result<u64>
    where
        T: 'v,
    {
        self.push(values, Side::Front)
    }

    fn push<'v>(&self, values: impl IntoIterator<Item = &'v T>, side: Side) -> Result<u64>
    where
        T: 'v,
    {
        let values = values.into_iter().map(Self::encode).collect::<Result<Vec<_>>>()?;
        self.push_values(&values, side)
    }

    fn push_values(&self, values: &[Value<'_>], side: Side) -> Result<u64> {
        let values: Vec<_> = values.iter().map(Value::as_param).collect();
        self.place.call(&self.scope, |guest, store, deque| guest.deque().call_push(store, deque, &values, side.into()))
    }

    /// Adds a value that is encoded.
    #[cfg(feature = "async")]
    pub(super) fn push_value(&self, value: &Value<'_>, side: Side) -> Result<u64> {
        self.push_values(&[value.into()], side)
    }

    /// Removes the value at the front.
    pub fn pop_front(&self) -> Result<Option<T>> {
        Ok(self.pull(Side::Front, 1)?.pop())
    }

    /// Removes the value at the back.
    pub fn pop_back(&self) -> Result<Option<T>> {
        Ok(self.pull(Side::Back, 1)?.pop())
    }

    /// Removes up to `limit` values at one end, the outermost first; fewer where they are large.
    pub fn pull(&self, side: Side, limit: u32) -> Result<Vec<T>> {
        self.pull_values(side, limit)?.into_iter().map(C::decode).collect()
    }

    pub(super) fn pull_values(&self, side: Side, limit: u32) -> Result<Vec<Value<'static>>> {
        let values = self
            .place
            .call(&self.scope, |guest, store, deque| guest.deque().call_pull(store, deque, side.into(), limit, 0))?;
        Ok(values.into_iter().map(Value::from).collect())
    }

    /// The value at the front.
    pub fn front(&self) -> Result<Option<T>> {
        self.get(0)
    }

    /// The value at the back.
    pub fn back(&self) -> Result<Option<T>> {
        self.get(-1)
    }

    /// The value at a place; none if there is nothing.
    pub fn get(&self, place: i64) -> Result<Option<T>> {
        let value = self.place.call(&self.scope, |guest, store, deque| guest.deque().call_get(store, deque, place))?;
        value.map(|value| C::decode(value.into())).transpose()
    }

    /// Puts a value in place of the one at a place; [`crate::Error::OutOfRange`] if there is nothing.
    pub fn set(&self, place: i64, value: &T) -> Result<()> {
        let value = Self::encode(value)?;
        self.place
            .call(&self.scope, |guest, store, deque| guest.deque().call_set(store, deque, place, value.as_param()))
    }

    /// Adds a value before the one at a place, at an end if there are not so many; returns the number of
    /// values afterwards. A deque that has reached its bound is [`crate::Error::Full`].
    pub fn insert(&self, place: i64, value: &T) -> Result<u64> {
        let value = Self::encode(value)?;
        self.place
            .call(&self.scope, |guest, store, deque| guest.deque().call_insert(store, deque, place, value.as_param()))
    }

    /// Removes the value at a place; [`crate::Error::OutOfRange`] if there is nothing.
    pub fn delete(&self, place: i64) -> Result<()> {
        self.place.call(&self.scope, |guest, store, deque| guest.deque().call_delete(store, deque, place))
    }

    /// How many values equal this one. Costs in proportion to the length.
    pub fn count(&self, value: &T) -> Result<u64> {
        let value = Self::encode(value)?;
        self.place.call(&self.scope, |guest, store, deque| guest.deque().call_count(store, deque, value.as_param()))
    }

    /// The first place whose value equals this one. Costs in proportion to the length.
    pub fn index_of(&self, value: &T) -> Result<Option<u64>> {
        self.index_of_between(value, 0, None)
    }

    /// The first place, from one on and before another, whose value equals this one. Costs in proportion to
    /// the length.
    pub fn index_of_between(&self, value: &T, from: i64, to: Option<i64>) -> Result<Option<u64>> {
        let value = Self::encode(value)?;
        self.place.call(&self.scope, |guest, store, deque| {
            guest.deque().call_index_of(store, deque, value.as_param(), from, to)
        })
    }

    /// Whether a value equals this one. Costs in proportion to the length.
    pub fn contains(&self, value: &T) -> Result<bool> {
        Ok(self.index_of(value)?.is_some())
    }

    /// Removes the first value that equals this one; whether there was one. Costs in proportion to the length.
    pub fn remove(&self, value: &T) -> Result<bool> {
        let value = Self::encode(value)?;
        self.place.call(&self.scope, |guest, store, deque| guest.deque().call_remove(store, deque, value.as_param()))
    }

    /// Moves the last `steps` values to the front, or, if it is negative, the first to the back.
    pub fn rotate(&self, steps: i64) -> Result<()> {
        self.place.call(&self.scope, |guest, store, deque| guest.deque().call_rotate(store, deque, steps))
    }

    /// Turns the order round.
    pub fn reverse(&self) -> Result<()> {
        self.place.call(&self.scope, |guest, store, deque| guest.deque().call_reverse(store, deque))
    }

    /// Removes all values, not the bound; returns how many. Costs in proportion to the length.
    pub fn clear(&self) -> Result<u64> {
        self.place.call(&self.scope, |guest, store, deque| guest.deque().call_clear(store, deque))
    }

    /// Copies values and bound to another name, in place of what is there; returns how many values. Costs in
    /// proportion to the length.
    pub fn copy_to(&self, name: impl Into<String>) -> Result<u64> {
        let target = Place::Deque(name.into());
        self.place.call_with(&target, &self.scope, |guest, store, [deque, target]| {
            guest.deque().call_copy_to(store, deque, target)
        })
    }

    /// Whether another deque of the same cache has the same values, at one moment.
    pub fn equals<S2>(&self, other: &Deque<T, C, S2>) -> Result<bool> {
        Ok(self.order(&other.place)? == std::cmp::Ordering::Equal)
    }

    fn order(&self, other: &Place) -> Result<std::cmp::Ordering> {
        let ordering = self.place.call_with(other, &self.scope, |guest, store, [deque, other]| {
            guest.deque().call_compare(store, deque, other)
        })?;
        Ok(match ordering {
            WitOrdering::Less => std::cmp::Ordering::Less,
            WitOrdering::Equal => std::cmp::Ordering::Equal,
            WitOrdering::Greater => std::cmp::Ordering::Greater,
        })
    }

    /// All values, in order. Those that others remove meanwhile may be left out. Costs in proportion to the
    /// length.
    pub fn to_vec(&self) -> Result<Vec<T>> {
        let values = self.scope.reach(|instance, transaction| {
            collect(instance, &DequeRequest { place: self.place.clone(), from: 0, reverse: false, transaction })
        })?;
        values.into_iter().map(|Element(value)| C::decode(value)).collect()
    }

    pub(super) fn encode(value: &T) -> Result<Value<'_>> {
        let value = C::encode(value)?;
        value.check_size()?;
        Ok(value)
    }
}

impl<S: Scope> Deque<Value<'static>, Plain, S> {
    /// Compares with another deque of the same cache, value by value, at one moment; one that ends first is
    /// less. Numbers come first, then text, then bytes.
    pub fn compare<S2>(&self, other: &Deque<Value<'static>, Plain, S2>) -> Result<std::cmp::Ordering> {
        self.order(&other.place)
    }
}

impl<T, C: Codec<T>> Deque<T, C> {
    /// [`Deque::pull`], waiting while there is nothing, at most so long; none waits for ever. Nothing if the
    /// time was over.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let cache = larder::Cache::temporary()?;
    /// let jobs = cache.deque::<String>("jobs");
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| jobs.push_back(&"work".into()));
    ///     let job = jobs.pop_front_within(Some(Duration::from_secs(10)));
    ///     assert_eq!(job, Ok(Some("work".into())));
    /// });
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn pull_within(&self, side: Side, limit: u32, wait: Option<Duration>) -> Result<Vec<T>> {
        let mut pauses = Pauses::begin(wait);
        loop {
            let values = self.pull(side, limit)?;
            if !values.is_empty() {
                return Ok(values);
            }
            let Some(pause) = pauses.next(0) else { return Ok(values) };
            std::thread::sleep(pause);
        }
    }

    /// [`Deque::pop_front`], waiting while there is nothing, at most so long; none waits for ever.
    pub fn pop_front_within(&self, wait: Option<Duration>) -> Result<Option<T>> {
        Ok(self.pull_within(Side::Front, 1, wait)?.pop())
    }

    /// [`Deque::pop_back`], waiting while there is nothing, at most so long; none waits for ever.
    pub fn pop_back_within(&self, wait: Option<Duration>) -> Result<Option<T>> {
        Ok(self.pull_within(Side::Back, 1, wait)?.pop())
    }

    /// Enumerates the values that are there now, from the front. What others remove meanwhile is left out.
    ///
    /// ```
    /// # let cache = larder::Cache::temporary()?;
    /// let line = cache.deque::<u32>("line");
    /// line.extend_back(&[1, 2, 3])?;
    /// let doubled: Vec<u32> = line.values()?.map(|value| Ok(value? * 2)).collect::<Result<_, larder::Error>>()?;
    /// assert_eq!(doubled, [2, 4, 6]);
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn values(&self) -> Result<DequeValues<T, C>> {
        self.values_from(0, false)
    }

    /// Enumerates from the back.
    pub fn values_rev(&self) -> Result<DequeValues<T, C>> {
        self.values_from(-1, true)
    }

    /// Enumerates from a place on, to the back or, in reverse, to the front.
    pub fn values_from(&self, place: i64, reverse: bool) -> Result<DequeValues<T, C>> {
        DequeValues::begin(&self.scope, self.place.clone(), place, reverse)
    }
}
