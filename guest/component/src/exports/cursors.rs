//! The resources that enumerate: places in a scan.

use std::cell::RefCell;
use std::rc::Rc;

use larder_engine as engine;

use super::Handle;
use crate::bindings::exports::larder::cache::cache::{GuestItemCursor, GuestKeyCursor, GuestValueCursor, Item};
use crate::bindings::exports::larder::cache::types::{Error, Key, Value};
use crate::convert::{Convert, convert_all};

/// A place in a scan of a cache.
pub(crate) struct Place {
    cache: Handle,
    cursor: RefCell<engine::Cursor>,
}

impl Place {
    /// The beginning of a scan.
    pub(super) fn new(cache: &Handle, cursor: engine::Cursor) -> Self {
        Self { cache: Rc::clone(cache), cursor: RefCell::new(cursor) }
    }

    fn items(&self, limit: u32) -> Result<Vec<engine::Item>, Error> {
        self.cursor.borrow_mut().next_items(&mut self.cache.borrow_mut(), limit).map_err(Convert::convert)
    }
}

/// The resource `key-cursor`.
pub(crate) struct KeyCursor(pub(super) Place);

impl GuestKeyCursor for KeyCursor {
    fn next(&self, limit: u32) -> Result<Vec<Key>, Error> {
        let keys = self.0.cursor.borrow_mut().next(&mut self.0.cache.borrow_mut(), limit);
        keys.map(convert_all).map_err(Convert::convert)
    }
}

/// The resource `value-cursor`.
pub(crate) struct ValueCursor(pub(super) Place);

impl GuestValueCursor for ValueCursor {
    fn next(&self, limit: u32) -> Result<Vec<Value>, Error> {
        let items = self.0.items(limit)?;
        Ok(items.into_iter().map(|item| item.entry.value.convert()).collect())
    }
}

/// The resource `item-cursor`.
pub(crate) struct ItemCursor(pub(super) Place);

impl GuestItemCursor for ItemCursor {
    fn next(&self, limit: u32) -> Result<Vec<Item>, Error> {
        self.0.items(limit).map(convert_all)
    }

    fn pass(&self) -> Result<Option<Key>, Error> {
        let keys = self.0.cursor.borrow_mut().next(&mut self.0.cache.borrow_mut(), 1);
        keys.map(|mut keys| keys.pop().map(Convert::convert)).map_err(Convert::convert)
    }
}
