//! Something goes wrong at a call on the files: what a cache makes of it.

use std::collections::BTreeMap;
use std::path::Path;

use super::story::stage::Stage;
use super::story::{self, Content, Operation, Story, Trouble};
use super::{Call, Fault, Layer, Plan};
use crate::component::World;
use crate::component::types::Error;
use crate::{Random, native_integrity};

/// A life of a cache in which something goes wrong.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    /// What it is about.
    pub story: Story,
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Lives with a fault.
    pub lives: u64,
    /// Calls that were made to go wrong.
    pub injected: u64,
    /// Operations, openings among them, that ended in an error: by its name.
    pub errors: BTreeMap<String, u64>,
}

/// One life, so far.
struct Life<'a> {
    fault: Fault,
    stage: Stage,
    layer: Layer,
    content: Content,
    report: &'a mut Report,
}

impl Scene {
    fn script(&self) -> Vec<Operation> {
        self.story.operations(&mut Random::new(self.seed), self.operations)
    }

    /// The calls of a life in which nothing goes wrong: where something can.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        let directory = tempfile::tempdir().unwrap();
        let layer = Layer::new();
        layer.record();
        let mut stage = Stage::new(self.world, directory.path()).over(&layer);
        stage.open(Some(self.shards)).unwrap();
        let mut content = Content::new(self.shards);
        for operation in self.script() {
            if let Err(trouble) = story::perform(&mut stage, &content, &operation) {
                panic!("{self:?}: {operation:?} with no fault came to {trouble:?}");
            }
            content.apply(&operation);
        }
        layer.recorded()
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

    /// Lives it with one fault.
    ///
    /// # Errors
    ///
    /// What a cache made of the fault that it must not.
    pub fn live(&self, plan: Plan, report: &mut Report) -> Result<(), String> {
        let directory = tempfile::tempdir().unwrap();
        let layer = Layer::new();
        layer.set(Some(plan));
        let stage = Stage::new(self.world, directory.path()).over(&layer);
        let mut life = Life { fault: plan.fault, stage, layer, content: Content::new(self.shards), report };
        if let Err(error) = life.stage.open(Some(self.shards)) {
            life.recover(&error, Some(self.shards)).map_err(|later| format!("opening {later}"))?;
        }
        for operation in self.script() {
            life.perform(&operation).map_err(|wrong| format!("{operation:?} {wrong}"))?;
        }
        life.layer.set(None);
        life.report.lives += 1;
        life.report.injected += life.layer.injected();
        life.judge(directory.path()).map_err(|wrong| format!("in the end {wrong}"))
    }
}

impl Life<'_> {
    fn perform(&mut self, operation: &Operation) -> Result<(), String> {
        let before = self.content.clone();
        self.content.apply(operation);
        let error = match story::perform(&mut self.stage, &before, operation) {
            Ok(()) => return Ok(()),
            Err(Trouble::Wrong(what)) => return Err(what),
            Err(Trouble::Failed(error)) => error,
        };
        self.recover(&error, None)?;
        // All of it has happened or nothing.
        let found = self.found().map_err(|later| format!("ended in {error:?}, and what came after it in {later:?}"))?;
        let left = Content::left_by(operation, &before, &self.content, &found).filter(|_| found.lost() == 0);
        self.content = left.ok_or_else(|| format!("ended in {error:?} and left {found:?} of {before:?}"))?;
        self.content.note_a_look();
        Ok(())
    }

    /// The fault is gone, and the handle works again; if it was not open any more, opening it does.
    fn recover(&mut self, error: &Error, shards: Option<u32>) -> Result<(), String> {
        let name = format!("{error:?}");
        *self.report.errors.entry(name.split(['(', ' ']).next().unwrap_or_default().to_owned()).or_default() += 1;
        self.layer.set(None);
        if !is_named(self.fault, error) {
            return Err(format!("ended in {error:?}, which is not what has happened"));
        }
        if self.stage.is_open() {
            return Ok(());
        }
        // Who failed may have left a lease that has to run out.
        self.stage
            .open_patiently(shards)
            .map_err(|later| format!("ended in {error:?}, and opening once more in {later:?}"))
    }

    fn found(&mut self) -> Result<Content, Error> {
        story::content(&mut self.stage)
    }

    /// What is in the cache in the end, for its handle and for the next.
    fn judge(&mut self, directory: &Path) -> Result<(), String> {
        let named = |error: Error| format!("{error:?}");
        for is_last in [false, true] {
            let found = self.found().map_err(named)?;
            if !self.content.is(&found) || found.lost() > 0 {
                return Err(format!("{found:?} is there, not {:?}", self.content));
            }
            if !is_last {
                self.stage.close().map_err(named)?;
                self.stage.open(None).map_err(named)?;
            }
        }
        // What a fault kept from being tidied up, the next opener has.
        let problems = self.stage.cache().check().map_err(named)?;
        if !problems.is_empty() {
            return Err(format!("{problems:?}"));
        }
        self.stage.close().map_err(named)?;
        native_integrity(directory)
    }
}

/// Whether an error says what has happened. A host that can not order accesses to mapped memory leaves it open
/// what was read there, which is damage.
fn is_named(fault: Fault, error: &Error) -> bool {
    match (fault, error) {
        (Fault::Full, Error::Full(_)) | (Fault::Broken, Error::Io(_)) => true,
        (Fault::Broken, Error::Corrupt(what)) => what.contains("-shm"),
        _ => false,
    }
}
