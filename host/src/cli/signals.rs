//! Signals while a command runs for which something is held.
//!
//! This process outlives the command, so that a lock or a turn is given back at once instead of lapsing.

#[cfg(unix)]
pub(crate) use unix::Held;

/// Whether whoever started this program has it go on in spite of a signal: `nohup` does that, and shells do
/// for what scripts run in the background. Such a signal stays ignored.
#[cfg(target_os = "linux")]
pub(crate) fn is_ignored(signal: i32) -> bool {
    // `sigaction` tells it as well, but is unsafe.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    // Signals are counted from 1.
    u32::try_from(signal - 1).is_ok_and(|bit| mask.checked_shr(bit).unwrap_or(0) & 1 == 1)
}

/// Where nothing tells.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_ignored(_: i32) -> bool {
    false
}

#[cfg(unix)]
mod unix {
    use std::process::Child;
    use std::thread::{self, JoinHandle};

    use rustix::process::{Pid, Signal, kill_process};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::iterator::{Handle, Signals};

    use super::is_ignored;

    /// From before a command starts, so that no signal finds this process alone: signals that would end it
    /// wait for the command.
    pub(crate) struct Held(Option<Signals>);

    impl Held {
        /// If that can not be arranged, signals do what they always do.
        pub(crate) fn back() -> Self {
            let ending = [SIGINT, SIGQUIT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal));
            Self(Signals::new(ending).ok())
        }

        /// Has the command answer them, those that have come in the meantime, too.
        pub(crate) fn pass_on_to(self, child: &Child) -> Option<PassedOn> {
            let pid = Pid::from_child(child);
            let mut signals = self.0?;
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
            Some(PassedOn { handle, thread: Some(thread::spawn(pass_on)) })
        }
    }

    /// While it is there, signals that would end this process are the command's to answer.
    pub(crate) struct PassedOn {
        handle: Handle,
        thread: Option<JoinHandle<()>>,
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
pub(crate) struct Held;

#[cfg(not(unix))]
impl Held {
    pub(crate) fn back() -> Self {
        Self
    }

    pub(crate) fn pass_on_to(self, _: &std::process::Child) -> Self {
        self
    }
}
