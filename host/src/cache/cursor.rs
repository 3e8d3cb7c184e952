//! Enumerating keys, values and items.

use std::sync::Arc;

use wasmtime::component::ResourceAny;

use super::pool::Pool;
use crate::error::{Error, Result};
use crate::options::{Item, Scan};
use crate::runtime::Instance;
use crate::value::{Key, Value};

/// Entries fetched from the component at a time.
pub(super) const PAGE: u32 = 512;

/// The keys of a [`Scan`]; made by [`crate::Cache::keys`]. After an error it ends.
pub type Keys = Cursor<Key<'static>>;
/// The values of a [`Scan`]; made by [`crate::Cache::values`]. After an error it ends.
pub type Values = Cursor<Value<'static>>;
/// The items of a [`Scan`]; made by [`crate::Cache::items`]. After an error it ends, but for
/// [`Items::pass_over`].
pub type Items = Cursor<Item>;

/// What can be enumerated.
pub(crate) trait Enumerated: Sized {
    /// What is asked for.
    type Request;

    /// Begins.
    fn open(instance: &mut Instance, request: &Self::Request) -> Result<ResourceAny>;

    /// The next page; empty at the end.
    fn next(instance: &mut Instance, cursor: ResourceAny) -> Result<Vec<Self>>;
}

/// Implements [`Enumerated`] by a function that begins and a resource that goes on.
macro_rules! enumerated {
    ($kind:ty, $open:ident, $cursor:ident) => {
        impl Enumerated for $kind {
            type Request = Scan;

            fn open(instance: &mut Instance, scan: &Scan) -> Result<ResourceAny> {
                instance.call(|call| call.guest.$open(call.store, call.resource, scan.as_param()))
            }

            fn next(instance: &mut Instance, cursor: ResourceAny) -> Result<Vec<Self>> {
                let page = instance.next(|guest, store| guest.$cursor().call_next(store, cursor, PAGE))?;
                Ok(page.into_iter().map(Self::from).collect())
            }
        }
    };
}

enumerated!(Key<'static>, call_keys, key_cursor);
enumerated!(Value<'static>, call_values, value_cursor);
enumerated!(Item, call_items, item_cursor);

/// An enumeration; see [`Keys`], [`Values`] and [`Items`].
#[allow(private_bounds, reason = "what can be enumerated is for this crate to say")]
pub struct Cursor<T: Enumerated> {
    pool: Arc<Pool>,
    source: Source,
    page: std::vec::IntoIter<T>,
    ended: bool,
}

/// Where further entries come from.
enum Source {
    /// An instance of the enumeration's own, so that the thread can use the cache meanwhile.
    Own { instance: Box<Instance>, cursor: ResourceAny },
    /// All are in the page: the only instance there can be is needed for other calls.
    Exhausted,
}

#[allow(private_bounds, reason = "what can be enumerated is for this crate to say")]
impl<T: Enumerated> Cursor<T> {
    pub(super) fn begin(pool: &Arc<Pool>, request: &T::Request) -> Result<Self> {
        let mut cursor =
            Self { pool: Arc::clone(pool), source: Source::Exhausted, page: Vec::new().into_iter(), ended: false };
        if pool.can_grow() {
            let mut instance = Box::new(pool.detach()?);
            let resource = T::open(&mut instance, request)?;
            cursor.source = Source::Own { instance, cursor: resource };
        } else {
            cursor.page = pool.run(|instance| collect(instance, request))?.into_iter();
        }
        Ok(cursor)
    }

    fn fetch(&mut self) -> Result<()> {
        if let Source::Own { instance, cursor } = &mut self.source {
            self.page = T::next(instance, *cursor)?.into_iter();
        }
        Ok(())
    }
}

impl Items {
    /// Passes the next item over and returns its key; `None` at the end. An enumeration that has ended
    /// with [`Error::TooLarge`], because a value is too large to be returned, goes on after that; the
    /// value can be read in parts, by [`crate::Cache::read`].
    pub fn pass_over(&mut self) -> Result<Option<Key<'static>>> {
        if let Some(item) = self.page.next() {
            return Ok(Some(item.key));
        }
        let Source::Own { instance, cursor } = &mut self.source else { return Ok(None) };
        let key = instance.next(|guest, store| guest.item_cursor().call_pass(store, *cursor))?;
        self.ended = key.is_none();
        Ok(key.map(Key::from))
    }
}

impl<T: Enumerated> Iterator for Cursor<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if self.page.len() == 0
            && let Err(error) = self.fetch()
        {
            self.ended = true;
            return Some(Err(error));
        }
        let next = self.page.next();
        self.ended = next.is_none();
        next.map(Ok)
    }
}

impl<T: Enumerated> std::fmt::Debug for Cursor<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Cursor").field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl<T: Enumerated> Drop for Cursor<T> {
    fn drop(&mut self) {
        if let Source::Own { instance, cursor } = &mut self.source {
            instance.drop_resource(*cursor);
            self.pool.retire(instance);
        }
    }
}

/// All at once.
pub(super) fn collect<T: Enumerated>(instance: &mut Instance, request: &T::Request) -> Result<Vec<T>> {
    let cursor = T::open(instance, request)?;
    let mut all = Vec::new();
    let result = loop {
        match T::next(instance, cursor) {
            Ok(page) if page.is_empty() => break Ok(()),
            Ok(page) => all.extend(page),
            Err(error) => break Err::<(), Error>(error),
        }
    };
    instance.drop_resource(cursor);
    result.map(|()| all)
}
