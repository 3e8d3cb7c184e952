//! The time of an engine whose calls are limited: a thread that lets its code look at the clock.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::Engine;

/// How often.
const TICK: Duration = Duration::from_millis(10);

/// Advances the epoch of an engine until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    /// Nothing is ever sent: that it is gone ends the thread.
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// The one of the process for its engine, started if there is none.
    pub(crate) fn of(engine: &Engine) -> std::io::Result<Arc<Self>> {
        static RUNNING: Mutex<Weak<Ticker>> = Mutex::new(Weak::new());
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ticker) = running.upgrade() {
            return Ok(ticker);
        }
        let ticker = Arc::new(Self::start(engine.clone())?);
        *running = Arc::downgrade(&ticker);
        Ok(ticker)
    }

    fn start(engine: Engine) -> std::io::Result<Self> {
        let (over, is_over) = channel();
        let tick = move || {
            while is_over.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                engine.increment_epoch();
            }
        };
        let thread = thread::Builder::new().name("larder-ticker".to_owned()).spawn(tick)?;
        Ok(Self { over: Some(over), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.over.take());
        // It can not have panicked, and if it had, there would be nothing to do about it.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
