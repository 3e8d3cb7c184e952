//! Signals while a command runs for which something is held.
//!
//! This process outlives the command, so that a lock or a turn is given back at once instead of lapsing.

#[cfg(unix)]
pub(crate) use unix::PassedOn;

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

    /// While it is there, signals that would end this process are the command's to answer.
    pub(crate) struct PassedOn {
        handle: Handle,
        thread: Option<JoinHandle<()>>,
    }

    impl PassedOn {
        /// None if that can not be arranged: then signals do what they always do.
        pub(crate) fn to(child: &Child) -> Option<Self> {
            let pid = Pid::from_child(child);
            let ending = [SIGINT, SIGQUIT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal));
            let mut signals = Signals::new(ending).ok()?;
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
