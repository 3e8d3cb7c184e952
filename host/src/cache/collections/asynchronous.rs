//! Waiting for the values of a deque in asynchronous programs, on any executor.
//!
//! Calls of the component run on threads of their own. Whatever a future has taken out when it is dropped
//! before its end, it puts back.

use std::time::Duration;

use blocking::unblock;
use futures_timer::Delay;

use super::codec::Codec;
use super::deque::Deque;
use crate::cache::pauses::Pauses;
use crate::error::{Error, Result};
use crate::options::Side;
use crate::value::Value;

/// A value on its way from a deque to whoever has asked for it: put back where it came from if nobody takes
/// it.
struct Pulled<T, C: Codec<T>> {
    deque: Deque<T, C>,
    side: Side,
    value: Option<Value<'static>>,
}

impl<T, C: Codec<T>> Drop for Pulled<T, C> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            // Nobody is left to be told of an error.
            let _ = self.deque.push_value(&value, self.side);
        }
    }
}

impl<T: Send + 'static, C: Codec<T> + 'static> Deque<T, C> {
    /// [`Deque::pop_front_within`] without blocking. A future that is dropped before its end takes nothing
    /// out: what it had it puts back at the front.
    pub async fn pop_front_async(&self, wait: Option<Duration>) -> Result<Option<T>> {
        self.pop_async(Side::Front, wait).await
    }

    /// [`Deque::pop_back_within`] without blocking. A future that is dropped before its end takes nothing
    /// out: what it had it puts back at the back.
    pub async fn pop_back_async(&self, wait: Option<Duration>) -> Result<Option<T>> {
        self.pop_async(Side::Back, wait).await
    }

    async fn pop_async(&self, side: Side, wait: Option<Duration>) -> Result<Option<T>> {
        let mut pauses = Pauses::begin(wait);
        loop {
            let deque = self.clone();
            let pulled = unblock(move || {
                let value = deque.pull_values(side, 1)?.pop();
                Ok::<_, Error>(Pulled { deque, side, value })
            });
            if let Some(value) = pulled.await?.value.take() {
                return C::decode(value).map(Some);
            }
            let Some(pause) = pauses.next(0) else { return Ok(None) };
            Delay::new(pause).await;
        }
    }

    /// [`Deque::push_back`] without blocking. Once polled, it takes place even if the future is dropped.
    pub async fn push_back_async(&self, value: &T) -> Result<u64> {
        self.push_async(value, Side::Back).await
    }

    /// [`Deque::push_front`] without blocking. Once polled, it takes place even if the future is dropped.
    pub async fn push_front_async(&self, value: &T) -> Result<u64> {
        self.push_async(value, Side::Front).await
    }

    async fn push_async(&self, value: &T, side: Side) -> Result<u64> {
        let (deque, value) = (self.clone(), Self::encode(value)?.into_owned());
        unblock(move || deque.push_value(&value, side)).await
    }
}
