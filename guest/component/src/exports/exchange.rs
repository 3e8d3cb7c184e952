//! The interface `exchange`.

use std::cell::RefCell;
use std::path::Path;

use larder_engine::diskcache;

use super::cache::Cache;
use crate::bindings::Component;
use crate::bindings::exports::larder::cache::cache::CacheBorrow;
use crate::bindings::exports::larder::cache::exchange::{
    DiskcacheExport as ExportHandle, DiskcacheImport as ImportHandle, ExportReport, Guest, GuestDiskcacheExport,
    GuestDiskcacheImport, ImportReport,
};
use crate::bindings::exports::larder::cache::types::{Error, Progress};
use crate::convert::Convert;
use crate::platform::WasiPlatform;

impl Guest for Component {
    type DiskcacheImport = DiskcacheImport;
    type DiskcacheExport = DiskcacheExport;
}

/// The resource `diskcache-import`.
pub(crate) struct DiskcacheImport(RefCell<diskcache::Import>);

impl GuestDiskcacheImport for DiskcacheImport {
    fn open(path: String) -> Result<ImportHandle, Error> {
        let opened = WasiPlatform::new().and_then(|platform| diskcache::Import::open(Path::new(&path), platform));
        opened.map(|import| ImportHandle::new(Self(RefCell::new(import)))).map_err(Convert::convert)
    }

    fn nested(&self) -> Vec<String> {
        self.0.borrow().nested().iter().map(|path| path.display().to_string()).collect()
    }

    fn step(&self, cache: CacheBorrow<'_>, limit: u32) -> Result<Progress, Error> {
        cache.get::<Cache>().0.with(|cache| self.0.borrow_mut().step(cache, limit))
    }

    fn report(&self) -> ImportReport {
        self.0.borrow().report().clone().convert()
    }
}

/// The resource `diskcache-export`.
pub(crate) struct DiskcacheExport(RefCell<diskcache::Export>);

impl GuestDiskcacheExport for DiskcacheExport {
    fn open(cache: CacheBorrow<'_>, path: String) -> Result<ExportHandle, Error> {
        cache.get::<Cache>().0.with(|cache| diskcache::Export::open(cache, Path::new(&path), WasiPlatform::new()?))
    }

    fn step(&self, cache: CacheBorrow<'_>, limit: u32) -> Result<Progress, Error> {
        cache.get::<Cache>().0.with(|cache| self.0.borrow_mut().step(cache, limit))
    }

    fn report(&self) -> ExportReport {
        self.0.borrow().report().clone().convert()
    }
}

impl Convert<ExportHandle> for diskcache::Export {
    fn convert(self) -> ExportHandle {
        ExportHandle::new(DiskcacheExport(RefCell::new(self)))
    }
}

impl Convert<ImportReport> for diskcache::Report<diskcache::ImportCounts> {
    fn convert(self) -> ImportReport {
        let Self { counts, problems, further_problems } = self;
        ImportReport {
            imported: counts.imported,
            pickled_keys: counts.pickled_keys,
            pickled_values: counts.pickled_values,
            from_files: counts.from_files,
            nan_values: counts.nan_values,
            converted_tags: counts.converted_tags,
            dropped_tags: counts.dropped_tags,
            expired: counts.expired,
            too_large: counts.too_large,
            collisions: counts.collisions,
            damaged: counts.damaged,
            evicted: counts.evicted,
            problems,
            further_problems,
        }
    }
}

impl Convert<ExportReport> for diskcache::Report<diskcache::ExportCounts> {
    fn convert(self) -> ExportReport {
        let Self { counts, problems, further_problems } = self;
        ExportReport {
            exported: counts.exported,
            queued: counts.queued,
            pickled_keys: counts.pickled_keys,
            pickled_values: counts.pickled_values,
            in_files: counts.in_files,
            pickled_texts: counts.pickled_texts,
            sliding: counts.sliding,
            dropped_tags: counts.dropped_tags,
            expired: counts.expired,
            nan_values: counts.nan_values,
            collisions: counts.collisions,
            damaged: counts.damaged,
            problems,
            further_problems,
        }
    }
}
