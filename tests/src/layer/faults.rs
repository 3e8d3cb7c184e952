//! Something goes wrong at a call on the files: what a cache makes of it.

use std::path::Path;

use super::story::{self, Content, Operation};
use super::{Call, Fault, Layer, Plan};
use crate::component::types::Error;
use crate::component::{Host, Instance, World};
use crate::{Random, native_integrity};

/// A life of a cache in which something goes wrong.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    /// What happens.
    pub seed: u64,
    /// Which component.
    pub world: World,
    /// Number of shards.
    pub shards: u32,
    /// Operations.
    pub operations: usize,
}

/// What came of faults.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Lives with a fault.
    pub lives: u64,
    /// Calls that were made to go wrong.
    pub injected: u64,
    /// Operations, openings among them, that ended in an error.
    pub errors: u64,
}

impl Scene {
    fn script(&self) -> Vec<Operation> {
        story::operations(&mut Random::new(self.seed), self.operations)
    }

    /// The calls of a life in which nothing goes wrong: where something can.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        let directory = tempfile::tempdir().unwrap();
        let layer = Layer::new();
        layer.record();
        let mut cache = self.open(&layer, directory.path()).unwrap();
        for operation in self.script() {
            story::perform(&mut cache, &operation).unwrap();
        }
        layer.recorded()
    }

    fn open(&self, layer: &Layer, directory: &Path) -> Result<Instance, Error> {
        Host::with_layer(self.world).open_over(layer, directory, story::opening(self.shards))
    }

    /// Lives it with each of some faults at each call from `first` on, every `stride`-th.
    ///
    /// # Errors
    ///
    /// What a cache made of a fault that it must not.
    pub fn run(&self, faults: &[Fault], first: usize, stride: usize) -> Result<Report, String> {
        let calls = self.calls();
        let mut report = Report::default();
        for (at, call) in calls.iter().enumerate().skip(first).step_by(stride) {
            for fault in faults.iter().filter(|fault| fault.concerns(*call)) {
                for lasting in [false, true] {
                    let plan = Plan { fault: *fault, at: at as u64, lasting };
                    self.live(plan, &mut report)
                        .map_err(|wrong| format!("{self:?}, {plan:?}, which is {call:?}: {wrong}"))?;
                }
            }
        }
        Ok(report)
    }

    fn live(&self, plan: Plan, report: &mut Report) -> Result<(), String> {
        let directory = tempfile::tempdir().unwrap();
        let layer = Layer::new();
        layer.set(Some(plan));
        let mut cache = self.open_again_and_again(&layer, directory.path(), report)?;
        let mut content = Content::default();
        for operation in self.script() {
            let before = content.clone();
            content.apply(&operation);
            let Err(error) = story::perform(&mut cache, &operation) else { continue };
            report.errors += 1;
            // The fault is gone: the handle works again, and all of it has happened or nothing.
            layer.set(None);
            let found = story::content(&mut cache)
                .map_err(|later| format!("{operation:?} ended in {error:?}, and what came after it in {later:?}"))?;
            let half = operation.goes_in_steps() && before.is_on_the_way(&found, &content);
            if found.lost() > 0 || !(content.is(&found) || before.is(&found) || half) {
                return Err(format!("{operation:?} ended in {error:?} and left {found:?} of {before:?}"));
            }
            content = found;
        }
        layer.set(None);
        report.lives += 1;
        report.injected += layer.injected();
        self.judge(cache, &layer, directory.path(), &content)
    }

    /// Opens it with a fault, and once the fault is gone without.
    fn open_again_and_again(&self, layer: &Layer, directory: &Path, report: &mut Report) -> Result<Instance, String> {
        let error = match self.open(layer, directory) {
            Ok(cache) => return Ok(cache),
            Err(error) => error,
        };
        report.errors += 1;
        layer.set(None);
        // Who failed may have left a lease that has to run out.
        let patient = crate::component::wit::OpenOptions { wait_ms: Some(5_000), ..story::opening(self.shards) };
        Host::with_layer(self.world)
            .open_over(layer, directory, patient)
            .map_err(|later| format!("opening ended in {error:?}, and once more in {later:?}"))
    }

    /// What is in the cache in the end, for its handle and for the next.
    fn judge(&self, mut cache: Instance, layer: &Layer, directory: &Path, content: &Content) -> Result<(), String> {
        let named = |error: Error| format!("in the end {error:?}");
        for last in [false, true] {
            let found = story::content(&mut cache).map_err(named)?;
            if !content.is(&found) || found.lost() > 0 {
                return Err(format!("in the end {found:?} is there, not {content:?}"));
            }
            if last {
                break;
            }
            cache.close().map_err(named)?;
            drop(cache);
            cache = self.open(layer, directory).map_err(named)?;
        }
        // What a fault kept from being tidied up, the next opener has.
        let problems = cache.check().map_err(named)?;
        if !problems.is_empty() {
            return Err(format!("in the end {problems:?}"));
        }
        drop(cache);
        native_integrity(directory)
    }
}
