//! Moving entries in from other caches, and out to them.

use std::fmt;
use std::path::Path;

use super::Cache;
use super::held::Held;
use crate::error::{Error, Result};
use crate::options::{ExportReport, ImportReport, Progress};
use crate::runtime::bindings::exchange::Guest;

/// Entries looked at in one step unless told otherwise.
const STEP: u32 = 256;

/// An import under way; made by [`Cache::import_diskcache`]. Dropped before it has finished, it leaves
/// what it has stored, and can be begun anew.
pub struct DiskcacheImport(Held);

/// An export under way; made by [`Cache::export_diskcache`]. Dropped before it has finished, it leaves
/// the directory empty.
pub struct DiskcacheExport(Held);

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
        let path = real_path(directory)?;
        let mut lent = self.pool.reserve()?;
        let resource = lent.instance()?.exchange(|guest, store, _| guest.diskcache_import().call_open(store, &path))?;
        Ok(DiskcacheImport(Held::new(lent, resource)))
    }

    /// Begins to export to a directory that python-diskcache 5.6 opens as a `Cache`. It must be new or
    /// empty, and the builder must have been told of it with [`crate::CacheBuilder::allow_writing`].
    ///
    /// Written are keys, values, the first tag of each, expiry, order, and queues, whose keys become
    /// `name-500000000000000` and following. Others can use the cache meanwhile; what they change may
    /// be in the export or not. What was imported as a pickle is one again, and Python unpickles it
    /// when it reads it: an export is to be trusted no more than whoever has put such entries into the
    /// cache.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let (new, old) = (directory.path().join("new"), directory.path().join("old"));
    /// let cache = larder::Cache::builder().allow_writing(&old).open(&new)?;
    /// cache.set("key", "value")?;
    /// let mut export = cache.export_diskcache(&old)?;
    /// while !export.step()?.finished {}
    /// assert_eq!(export.report()?.exported, 1);
    /// assert!(old.join("cache.db").exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn export_diskcache(&self, directory: impl AsRef<Path>) -> Result<DiskcacheExport> {
        let path = real_path(directory.as_ref())?;
        let mut lent = self.pool.reserve()?;
        let resource =
            lent.instance()?.exchange(|guest, store, cache| guest.diskcache_export().call_open(store, cache, &path))?;
        Ok(DiskcacheExport(Held::new(lent, resource)))
    }
}

/// The path of a directory as the component knows it.
fn real_path(directory: &Path) -> Result<String> {
    let path = std::fs::canonicalize(directory).map_err(|error| Error::from_io(directory, &error))?;
    Ok(path.to_string_lossy().into_owned())
}

impl DiskcacheImport {
    /// Caches, deques and indexes inside a `FanoutCache`, relative to it. They are not part of this
    /// import; each can be imported by its own path.
    pub fn nested(&mut self) -> Result<Vec<String>> {
        self.0.exchange(|guest, store, import, _| guest.diskcache_import().call_nested(store, import).map(Ok))
    }

    /// Stores some further entries, in one transaction.
    pub fn step(&mut self) -> Result<Progress> {
        let step = |guest: &Guest, store: &mut _, import, cache| {
            guest.diskcache_import().call_step(store, import, cache, STEP)
        };
        self.0.exchange(step).map(Progress::from)
    }

    /// What has become of the entries so far.
    pub fn report(&mut self) -> Result<ImportReport> {
        let report =
            |guest: &Guest, store: &mut _, import, _| guest.diskcache_import().call_report(store, import).map(Ok);
        self.0.exchange(report).map(ImportReport::from)
    }
}

impl DiskcacheExport {
    /// Writes some further entries. The last step completes the directory. An error ends the export,
    /// and what it has written is removed.
    pub fn step(&mut self) -> Result<Progress> {
        let step = |guest: &Guest, store: &mut _, export, cache| {
            guest.diskcache_export().call_step(store, export, cache, STEP)
        };
        self.0.exchange(step).map(Progress::from)
    }

    /// What has become of the entries so far.
    pub fn report(&mut self) -> Result<ExportReport> {
        let report =
            |guest: &Guest, store: &mut _, export, _| guest.diskcache_export().call_report(store, export).map(Ok);
        self.0.exchange(report).map(ExportReport::from)
    }
}

impl fmt::Debug for DiskcacheImport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DiskcacheImport").finish_non_exhaustive()
    }
}

impl fmt::Debug for DiskcacheExport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DiskcacheExport").finish_non_exhaustive()
    }
}
