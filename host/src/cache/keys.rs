//! Enumerating keys.

use std::sync::Arc;

use wasmtime::component::ResourceAny;

use super::pool::Pool;
use crate::error::{Error, Result};
use crate::options::Scan;
use crate::runtime::Instance;
use crate::value::Key;

/// Keys fetched from the component at a time.
const PAGE: u32 = 512;

/// The keys of a [`Scan`]; made by [`crate::Cache::keys`]. After an error it ends.
pub struct Keys {
    pool: Arc<Pool>,
    source: Source,
    page: std::vec::IntoIter<Key<'static>>,
    ended: bool,
}

/// Where further keys come from.
enum Source {
    /// An instance of the enumeration's own, so that the thread can use the cache meanwhile.
    Own { instance: Box<Instance>, cursor: ResourceAny },
    /// All are in the page: the only instance there can be is needed for other calls.
    Exhausted,
}

impl Keys {
    pub(super) fn begin(pool: &Arc<Pool>, scan: &Scan) -> Result<Self> {
        let mut keys =
            Self { pool: Arc::clone(pool), source: Source::Exhausted, page: Vec::new().into_iter(), ended: false };
        if pool.can_grow() {
            let mut instance = Box::new(pool.detach()?);
            let cursor = open(&mut instance, scan)?;
            keys.source = Source::Own { instance, cursor };
        } else {
            keys.page = pool.run(|instance| collect(instance, scan))?.into_iter();
        }
        Ok(keys)
    }

    fn fetch(&mut self) -> Result<()> {
        if let Source::Own { instance, cursor } = &mut self.source {
            let keys: Vec<_> = instance.next_keys(*cursor, PAGE)?.into_iter().map(Key::from).collect();
            self.page = keys.into_iter();
        }
        Ok(())
    }
}

impl Iterator for Keys {
    type Item = Result<Key<'static>>;

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

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Keys").field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Source::Own { instance, cursor } = &mut self.source {
            instance.drop_cursor(*cursor);
            self.pool.retire(instance);
        }
    }
}

fn open(instance: &mut Instance, scan: &Scan) -> Result<ResourceAny> {
    instance.call(|call| call.guest.call_keys(call.store, call.cache, scan.as_param()))
}

fn collect(instance: &mut Instance, scan: &Scan) -> Result<Vec<Key<'static>>> {
    let cursor = open(instance, scan)?;
    let mut all = Vec::new();
    let result = loop {
        match instance.next_keys(cursor, PAGE) {
            Ok(keys) if keys.is_empty() => break Ok(()),
            Ok(keys) => all.extend(keys.into_iter().map(Key::from)),
            Err(error) => break Err::<(), Error>(error),
        }
    };
    instance.drop_cursor(cursor);
    result.map(|()| all)
}
