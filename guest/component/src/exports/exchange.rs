//! The interface `exchange`.

use std::cell::RefCell;
use std::path::Path;

use larder_engine::diskcache;

use super::cache::Cache;
use crate::bindings::Component;
use crate::bindings::exports::larder::cache::cache::CacheBorrow;
use crate::bindings::exports::larder::cache::exchange::{
    DiskcacheImport as ImportHandle, Guest, GuestDiskcacheImport, Progress, Report,
};
use crate::bindings::exports::larder::cache::types::Error;
use crate::convert::Convert;
use crate::platform::WasiPlatform;

impl Guest for Component {
    type DiskcacheImport = DiskcacheImport;
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
        let cache: &Cache = cache.get();
        let progress = self.0.borrow_mut().step(&mut cache.0.borrow_mut(), limit);
        progress.map(Convert::convert).map_err(Convert::convert)
    }

    fn report(&self) -> Report {
        let import = self.0.borrow();
        let report = import.report();
        let counts = report.counts;
        Report {
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
            problems: report.problems.clone(),
            further_problems: report.further_problems,
        }
    }
}
