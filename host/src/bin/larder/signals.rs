//! Signals while a command runs for which something is held.
//!
//! This process outlives the command, so that a lock or a turn is given back at once instead of lapsing.

#[cfg(unix)]
pub(crate) use unix::PassedOn;

#[cfg(unix)]
mod unix {
    use std::process::Child;
    use std::thread::{self, JoinHandle};

    use rustix::process::{Pid, Signal, kill_process};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::iterator::{Handle, Signals};

    /// While it is there, signals that would end this process are the command's to answer.
    pub(crate) struct PassedOn {
        handle: Handle,
        thread: Option<JoinHandle<()>>,
    }

    impl PassedOn {
        /// None if that can not be arranged: then signals do what they always do.
        pub(crate) fn to(child: &Child) -> Option<Self> {
            let pid = Pid::from_child(child);
            let mut signals = Signals::new([SIGINT, SIGQUIT, SIGTERM, SIGHUP]).ok()?;
            let handle = signals.handle();
            let pass_on = move || {
                for signal in &mut signals {
                    // A terminal sends the others to the command as well.
                    let passed = match signal {
                        SIGTERM => Signal::TERM,
                        SIGHUP => Signal::HUP,
                        _ => continue,
                    };
                    // It may have ended in this moment.
                    let _ = kill_process(pid, passed);
                }
            };
            Some(Self { handle, thread: Some(thread::spawn(pass_on)) })
        }
    }

    impl Drop for PassedOn {
        fn drop(&mut self) {
            self.handle.close();
            let _ = self.thread.take().map(JoinHandle::join);
        }
    }
}

/// Where there are no signals.
#[cfg(not(unix))]
pub(crate) struct PassedOn;

#[cfg(not(unix))]
impl PassedOn {
    pub(crate) fn to(_: &std::process::Child) -> Self {
        Self
    }
}
