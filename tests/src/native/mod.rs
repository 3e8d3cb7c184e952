//! The logic of the cache on this machine, without a component, behind the types of the WIT package:
//! so that the same test runs on both.

mod convert;

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use larder_engine as engine;
use larder_engine::Platform as _;
use larder_engine::testing::{LockTable, TestPlatform};

use crate::component::types::{Draft, Entry, Error, Expiry, Item, Key, Number, Queued, SetOptions, Side, Value};
use crate::component::wit::{
    Changes, Content, Information, OpenOptions, Problem, Scan, Selection, Statistics, Tally,
};

/// The surroundings of the native caches of one directory: their clock and their locks.
#[derive(Clone)]
pub struct Surroundings(Rc<TestPlatform>);

impl Default for Surroundings {
    fn default() -> Self {
        let table: Arc<LockTable> = LockTable::new();
        Self(TestPlatform::sharing(&table, 1, true))
    }
}

impl Surroundings {
    /// Moves the clock.
    pub fn advance(&self, milliseconds: u32) {
        self.0.advance(milliseconds);
    }

    /// Sets the wall clock back.
    pub fn turn_back(&self, milliseconds: u32) {
        self.0.set_wall_clock(-i64::from(milliseconds));
    }

    /// The time, in milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.0.wall_ms().unsigned_abs()
    }
}

/// An open cache. Its methods are those of the WIT resource.
pub struct Native {
    cache: engine::Cache,
    surroundings: Surroundings,
    transaction: Option<engine::Ticket>,
}

/// Defines operations that pass through the open transaction, if there is one.
macro_rules! operations {
    ($($(#[$docs:meta])* $name:ident => $call:ident($($argument:ident: $kind:ty as $converted:expr),*) -> $result:ty;)*) => {
        $(
            $(#[$docs])*
            pub fn $name(&mut self, $($argument: $kind),*) -> Result<$result, Error> {
                self.run(|cache| cache.$call($($converted),*)).map(Into::into)
            }
        )*
    };
}

/// The same for results of which there may be none, or many.
macro_rules! plural {
    ($($(#[$docs:meta])* $name:ident => $call:ident($($argument:ident: $kind:ty as $converted:expr),*) -> $shape:ident<$result:ty>;)*) => {
        $(
            $(#[$docs])*
            pub fn $name(&mut self, $($argument: $kind),*) -> Result<$shape<$result>, Error> {
                Ok(self.run(|cache| cache.$call($($converted),*))?.into_iter().map(Into::into).collect::<Plural<_>>().into())
            }
        )*
    };
}
