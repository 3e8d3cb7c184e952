//! A progress bar, on terminals alone.

use indicatif::{ProgressBar, ProgressStyle};
use larder::Progress;

/// Shows on standard error how far long work has come; nothing if that is no terminal.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar for work of this name.
    pub(crate) fn new(what: &'static str) -> Self {
        Self::styled(what, "{msg} {bar:40} {human_pos} of {human_len} ({eta})")
    }

    /// A bar for work that is counted in bytes.
    pub(crate) fn of_bytes(what: &'static str) -> Self {
        Self::styled(what, "{msg} {bar:40} {binary_bytes} of {binary_total_bytes} ({eta})")
    }

    fn styled(what: &'static str, template: &str) -> Self {
        let bar = ProgressBar::new(0).with_message(what);
        let style = ProgressStyle::with_template(template);
        Self(style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style)))
    }

    /// So many are done, out of so many.
    pub(crate) fn show(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }

    /// Shows how far work in steps has come, to its end.
    pub(crate) fn follow(self, mut step: impl FnMut() -> larder::Result<Progress>) -> larder::Result<()> {
        loop {
            let progress = step()?;
            self.show(progress.done, progress.total);
            if progress.finished {
                self.finish();
                return Ok(());
            }
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
