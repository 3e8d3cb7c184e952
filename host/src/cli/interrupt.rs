//! Ctrl-C while work goes on in steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

use crate::cli::signals::is_ignored;

/// How a program ends that Ctrl-C has ended.
pub(crate) const INTERRUPTED: u8 = 128 + 2;

/// Whether Ctrl-C was pressed.
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on Ctrl-C is taken note of instead of ending the program. Pressed again it ends the
    /// program at once, which costs nothing but the words: every step is a transaction. Work in the
    /// background of a script goes on.
    pub(crate) fn watch() -> Self {
        let pressed = Arc::new(AtomicBool::new(false));
        if is_ignored(SIGINT) {
            return Self(pressed);
        }
        // In this order: the first time nothing is noted yet when the program could be ended.
        let _ends = flag::register_conditional_shutdown(SIGINT, INTERRUPTED.into(), Arc::clone(&pressed));
        let _notes = flag::register(SIGINT, Arc::clone(&pressed));
        Self(pressed)
    }

    /// Whether it was pressed.
    pub(crate) fn is_pressed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
