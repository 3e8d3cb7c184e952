//! A layer between the component and its files: it sees every call of `wasi:filesystem` and of
//! `coordination`, and may let it fail, do half of it, or keep a journal from which the loss of power is
//! simulated.

pub mod faults;
mod filesystem;
pub mod journal;
pub mod loss;
pub mod story;
mod stream;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use larder::coordination;
use wasmtime::component::Linker;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use crate::component::State;
use journal::Journal;

/// Which call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Opening or creating a file or directory.
    Open,
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Cutting or extending a file.
    Resize,
    /// Waiting until something is on the disk.
    Sync,
    /// Asking about a file.
    Stat,
    /// Listing a directory.
    List,
    /// Making a directory.
    CreateDirectory,
    /// Removing a directory.
    RemoveDirectory,
    /// Renaming.
    Rename,
    /// Giving a file another name.
    Link,
    /// Removing a file.
    Unlink,
    /// A call of `coordination`.
    Coordination(coordination::Call),
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full: of calls that may need room.
    Full,
    /// Input or output fails: of all calls.
    Broken,
    /// Only some of the bytes are read or written.
    Short,
    /// It takes a while.
    Slow,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Full, Self::Broken, Self::Short, Self::Slow];

    /// Whether such a call can go wrong in this way.
    #[must_use]
    pub fn concerns(self, call: Call) -> bool {
        use coordination::Call as Shared;
        match self {
            Self::Full => matches!(
                call,
                Call::Open
                    | Call::Write
                    | Call::Resize
                    | Call::Sync
                    | Call::CreateDirectory
                    | Call::Rename
                    | Call::Link
                    | Call::Coordination(Shared::Open | Shared::Resize | Shared::Map)
            ),
            Self::Broken => true,
            Self::Short => matches!(call, Call::Read | Call::Write),
            Self::Slow => matches!(call, Call::Write | Call::Sync | Call::Coordination(Shared::Lock)),
        }
    }
}

/// When something goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// What.
    pub fault: Fault,
    /// At the call of this number, counted from 0.
    pub at: u64,
    /// Whether from then on each such call goes wrong, until the plan is dropped.
    pub lasting: bool,
}

impl Plan {
    fn is_due(self, number: u64, call: Call) -> bool {
        let now = if self.lasting { number >= self.at } else { number == self.at };
        now && self.fault.concerns(call)
    }
}

/// What a call is to do.
enum Verdict {
    Proceed,
    Fail(ErrorCode),
    Short,
}

#[derive(Default)]
struct Inner {
    /// Calls so far.
    calls: u64,
    /// Which they were, if that is recorded.
    seen: Option<Vec<Call>>,
    plan: Option<Plan>,
    /// Faults that were injected.
    injected: u64,
    /// Whether nobody can learn what kind of thing it was given.
    is_blind: bool,
    journal: Option<Journal>,
}

/// The layer; shared by all instances that are opened over it.
#[derive(Clone, Default)]
pub struct Layer(Arc<Mutex<Inner>>);

impl Layer {
    /// A layer that lets everything pass.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts calls from 0 on, and records which they are.
    pub fn record(&self) {
        let mut inner = self.inner();
        (inner.calls, inner.seen) = (0, Some(Vec::new()));
    }

    /// The calls since [`Layer::record`].
    #[must_use]
    pub fn recorded(&self) -> Vec<Call> {
        self.inner().seen.take().unwrap_or_default()
    }

    /// Lets something go wrong; calls are counted from 0 on.
    pub fn set(&self, plan: Option<Plan>) {
        let mut inner = self.inner();
        (inner.calls, inner.plan) = (0, plan);
    }

    /// Lets nobody learn what kind of thing it was given, or lets all.
    pub fn blind(&self, is_blind: bool) {
        self.inner().is_blind = is_blind;
    }

    fn is_blind(&self) -> bool {
        self.inner().is_blind
    }

    /// How many calls have been made to fail.
    #[must_use]
    pub fn injected(&self) -> u64 {
        self.inner().injected
    }

    /// Keeps a journal of what is done to a directory from now on.
    pub fn keep_journal(&self, directory: &std::path::Path) {
        self.inner().journal = Some(Journal::of(directory));
    }

    /// How much has been done so far.
    #[must_use]
    pub fn journal_length(&self) -> usize {
        self.inner().journal.as_ref().map_or(0, Journal::len)
    }

    /// The journal so far.
    #[must_use]
    pub fn journal(&self) -> Journal {
        self.inner().journal.clone().expect("a journal is kept")
    }

    /// Does something to the journal, if one is kept.
    fn note(&self, note: impl FnOnce(&mut Journal)) {
        if let Some(journal) = &mut self.inner().journal {
            note(journal);
        }
    }

    /// The place of an instance.
    pub(crate) fn seat(&self) -> Seat {
        Seat { layer: self.clone(), paths: HashMap::new() }
    }

    /// Whether a call will do less than it could if it comes next.
    fn would_be_short(&self, call: Call) -> bool {
        let inner = self.inner();
        inner.plan.is_some_and(|plan| plan.fault == Fault::Short && plan.is_due(inner.calls, call))
    }

    /// Counts a call and says what it is to do.
    fn judge(&self, call: Call) -> Verdict {
        let mut inner = self.inner();
        let number = inner.calls;
        inner.calls += 1;
        if let Some(seen) = &mut inner.seen {
            seen.push(call);
        }
        let due = inner.plan.filter(|plan| plan.is_due(number, call));
        let Some(plan) = due else { return Verdict::Proceed };
        inner.injected += 1;
        drop(inner);
        match plan.fault {
            Fault::Full => Verdict::Fail(ErrorCode::InsufficientSpace),
            Fault::Broken => Verdict::Fail(ErrorCode::Io),
            Fault::Short => Verdict::Short,
            Fault::Slow => {
                // What takes longer is what is tested.
                std::thread::sleep(Duration::from_millis(2));
                Verdict::Proceed
            }
        }
    }
}

/// The place of one instance on a layer: it knows which path each of its descriptors is of, within the
/// directory.
pub(crate) struct Seat {
    layer: Layer,
    paths: HashMap<u32, PathBuf>,
}

impl Seat {
    /// Judges a call of `coordination`.
    pub(crate) fn admit(&self, call: coordination::Call) -> Result<(), coordination::Fault> {
        match self.layer.judge(Call::Coordination(call)) {
            Verdict::Fail(ErrorCode::InsufficientSpace) => {
                Err(coordination::Fault::Exhausted("a fault of the test".to_owned()))
            }
            Verdict::Fail(_) => Err(coordination::Fault::Io("a fault of the test".to_owned())),
            Verdict::Proceed | Verdict::Short => Ok(()),
        }
    }
}

/// Puts the layer in the place of what a linker has for files. `coordination` asks it by itself.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) {
    linker.allow_shadowing(true);
    filesystem::add_to_linker(linker);
    linker.allow_shadowing(false);
}
