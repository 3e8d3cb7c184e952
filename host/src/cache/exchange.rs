//! Moving entries in from other caches.

use std::path::Path;
use std::sync::Arc;

use wasmtime::component::ResourceAny;

use super::Cache;
use super::pool::{Lent, Pool};
use crate::error::{Error, Result};
use crate::options::Progress;
use crate::runtime::bindings::exchange;

/// Entries looked at in one step unless told otherwise.
const STEP: u32 = 256;

/// What has become of the entries of an import. One may count under several names.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
#[non_exhaustive]
pub struct ImportReport {
    /// Stored.
    pub imported: u64,
    /// Stored under a pickled key, kept as bytes, with the tag `diskcache:pickled-key`.
    pub pickled_keys: u64,
    /// Stored with a pickled value, kept as bytes, with the tag `diskcache:pickled`.
    pub pickled_values: u64,
    /// Stored with a value that was in a file.
    pub from_files: u64,
    /// Stored as NaN where the source has lost the number.
    pub nan_values: u64,
    /// Stored with a tag that was a number and is now its text.
    pub converted_tags: u64,
    /// Stored without a tag that can not be one here.
    pub dropped_tags: u64,
    /// Not stored: expired.
    pub expired: u64,
    /// Not stored: key or value beyond a limit.
    pub too_large: u64,
    /// Not stored: a pickled key with the same bytes as a bytes key.
    pub collisions: u64,
    /// Not stored: damaged.
    pub damaged: u64,
    /// Evicted again, because a limit of the cache was reached.
    pub evicted: u64,
    /// What is wrong with the source, at most 100 lines.
    pub problems: Vec<String>,
    /// How many more problems there were.
    pub further_problems: u64,
}

/// An import under way; made by [`Cache::import_diskcache`]. Dropped before it has finished, it leaves
/// what it has stored, and can be begun anew.
pub struct DiskcacheImport {
    lent: Lent<Arc<Pool>>,
    resource: ResourceAny,
}

impl std::fmt::Debug for DiskcacheImport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DiskcacheImport").finish_non_exhaustive()
    }
}

impl Cache {
    /// Begins to import a directory of python-diskcache 5.6: of a `Cache`, `FanoutCache`, `Deque` or
    /// `Index`, which the builder must have been told of with [`crate::CacheBuilder::allow_reading`].
    ///
    /// It is only read, inside the sandbox, and nothing in it is executed: what is pickled is kept as
    /// opaque bytes, and counted. Entries keep keys, values, tag, the rest of their time to live and
    /// their order.
    ///
    /// ```no_run
    /// let cache = larder::Cache::builder().allow_reading("old").open("new")?;
    /// let mut import = cache.import_diskcache("old")?;
    /// while !import.step()?.finished {}
    /// println!("{} entries", import.report()?.imported);
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn import_diskcache(&self, directory: impl AsRef<Path>) -> Result<DiskcacheImport> {
        let directory = directory.as_ref();
        let path = std::fs::canonicalize(directory).map_err(|error| Error::from_io(directory, &error))?;
        let path = path.to_string_lossy();
        let mut lent = self.pool.reserve()?;
        let resource = lent.instance()?.exchange(|guest, store, _| guest.diskcache_import().call_open(store, &path))?;
        Ok(DiskcacheImport { lent, resource })
    }
}

impl DiskcacheImport {
    /// Caches, deques and indexes inside a `FanoutCache`, relative to it. They are not part of this
    /// import; each can be imported by its own path.
    pub fn nested(&mut self) -> Result<Vec<String>> {
        let resource = self.resource;
        let instance = self.lent.instance()?;
        instance.exchange(|guest, store, _| guest.diskcache_import().call_nested(store, resource).map(Ok))
    }

    /// Stores some further entries, in one transaction.
    pub fn step(&mut self) -> Result<Progress> {
        let resource = self.resource;
        let progress = self
            .lent
            .instance()?
            .exchange(|guest, store, cache| guest.diskcache_import().call_step(store, resource, cache, STEP))?;
        Ok(progress.into())
    }

    /// What has become of the entries so far.
    pub fn report(&mut self) -> Result<ImportReport> {
        let resource = self.resource;
        let instance = self.lent.instance()?;
        instance
            .exchange(|guest, store, _| guest.diskcache_import().call_report(store, resource).map(Ok))
            .map(Into::into)
    }
}

impl Drop for DiskcacheImport {
    fn drop(&mut self) {
        if let Ok(instance) = self.lent.instance() {
            instance.drop_resource(self.resource);
        }
    }
}

impl From<exchange::Report> for ImportReport {
    fn from(report: exchange::Report) -> Self {
        Self {
            imported: report.imported,
            pickled_keys: report.pickled_keys,
            pickled_values: report.pickled_values,
            from_files: report.from_files,
            nan_values: report.nan_values,
            converted_tags: report.converted_tags,
            dropped_tags: report.dropped_tags,
            expired: report.expired,
            too_large: report.too_large,
            collisions: report.collisions,
            damaged: report.damaged,
            evicted: report.evicted,
            problems: report.problems,
            further_problems: report.further_problems,
        }
    }
}
