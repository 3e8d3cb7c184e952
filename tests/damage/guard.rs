//! What watches over a case: that it ends, and that nothing out of the directory is touched.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

/// Longest that a case may take on a busy machine.
const LONGEST: Duration = Duration::from_secs(10);

/// Runs a case. An error if it panics (a trap of the component does) or does not end.
pub(crate) fn within<T: Send + 'static>(
    longest: Duration,
    case: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let (sender, receiver) = channel();
    let running = thread::spawn(move || {
        let outcome = case();
        let _ = sender.send(outcome);
    });
    match receiver.recv_timeout(longest) {
        Ok(outcome) => Ok(outcome),
        Err(RecvTimeoutError::Timeout) => Err(format!("no end after {longest:?}")),
        Err(RecvTimeoutError::Disconnected) => {
            let panic = running.join().err();
            let told = panic.and_then(|panic| panic.downcast::<String>().ok());
            Err(format!("a panic: {}", told.map_or_else(|| "?".into(), |text| *text)))
        }
    }
}

/// [`within`] the time that any case has.
pub(crate) fn ends<T: Send + 'static>(case: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    within(LONGEST, case)
}

/// Notices whoever opens, reads or changes what is in a directory and below it.
pub(crate) struct Watch(OwnedFd);

impl Watch {
    pub(crate) fn new(directory: &Path) -> Self {
        let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
        let touched = WatchFlags::OPEN | WatchFlags::ACCESS | WatchFlags::MODIFY | WatchFlags::ATTRIB;
        let changed = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE;
        let mut pending = vec![directory.to_owned()];
        while let Some(next) = pending.pop() {
            let children = std::fs::read_dir(&next).unwrap().map(|child| child.unwrap());
            pending.extend(children.filter(|child| child.file_type().unwrap().is_dir()).map(|child| child.path()));
            inotify::add_watch(&watch, &next, touched | changed).unwrap();
        }
        Self::quiet(watch)
    }

    /// One that has forgotten what making it has touched itself.
    fn quiet(watch: OwnedFd) -> Self {
        let made = Self(watch);
        while made.noticed().is_some() {}
        made
    }

    /// The name of something that was touched.
    pub(crate) fn noticed(&self) -> Option<String> {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.0, &mut buffer);
        let event = events.next().ok()?;
        Some(format!("{:?} {:?}", event.file_name(), ReadFlags::from_bits_retain(event.events().bits())))
    }
}
