//! The calls of the WIT package, answered by the engine.
//!
//! | file | answers |
//! |---|---|
//! | `cache` | the resource `cache` |
//! | `transaction` | the resource `transaction` |
//! | `items` | the operations that both have |
//! | `scope` | where all of these run their operations |
//! | `cursors` | the resources that enumerate |
//! | `maintenance` | the resources for work in steps |
//! | `streams` | the resources for values in parts |
//! | `collections`, `exchange`, `locks`, `limits`, `recipes`, `memo` | the interface of that name |

mod cache;
mod collections;
mod cursors;
mod exchange;
mod items;
mod limits;
mod locks;
mod maintenance;
mod memo;
mod recipes;
mod scope;
mod streams;
mod transaction;

use std::cell::RefCell;
use std::rc::Rc;

use larder_engine as engine;

use crate::bindings::Component;
use crate::bindings::exports::larder::cache::cache::Guest;

/// An open cache. Cursors, writers, transactions and maintenance share it; calls do not nest, so a borrow is always free.
type Handle = Rc<RefCell<engine::Cache>>;

impl Guest for Component {
    type Cache = cache::Cache;
    type Transaction = transaction::Transaction;
    type KeyCursor = cursors::KeyCursor;
    type ValueCursor = cursors::ValueCursor;
    type ItemCursor = cursors::ItemCursor;
    type Maintenance = maintenance::Maintenance;
    type Resharding = maintenance::Resharding;
    type ValueWriter = streams::ValueWriter;
    type ValueReader = streams::ValueReader;
}
