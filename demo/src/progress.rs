//! A progress bar, on terminals only.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar for work on so many bytes; on anything but a terminal it shows nothing.
pub(crate) fn bar(what: &'static str, bytes: u64) -> ProgressBar {
    let template = "{msg:>12} {bar:40} {bytes}/{total_bytes} {bytes_per_sec}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(bytes).with_style(style).with_message(what)
}
