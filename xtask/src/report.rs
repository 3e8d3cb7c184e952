//! What xtask says while it works: one line for each thing done, on standard error, so that
//! standard output belongs to the programs it runs.

use anstyle::{AnsiColor, Style};

const VERB: Style = AnsiColor::Green.on_default().bold();
const FAILURE: Style = AnsiColor::Red.on_default().bold();

/// Says what is being done or was found, in the manner of cargo's own lines.
pub(crate) fn line(verb: &str, what: &str) {
    anstream::eprintln!("{VERB}{verb:>12}{VERB:#} {what}");
}

/// Says why xtask stops, with everything that led to it.
pub(crate) fn failure(error: &anyhow::Error) {
    anstream::eprintln!("{FAILURE}error{FAILURE:#}: {error:#}");
}

/// A size as people read it.
pub(crate) fn size(bytes: usize) -> String {
    let tenths_of_kib = bytes.saturating_mul(10).div_ceil(1024);
    format!("{}.{} KiB", tenths_of_kib / 10, tenths_of_kib % 10)
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_rounded_up_to_a_tenth() {
        assert_eq!(size(0), "0.0 KiB");
        assert_eq!(size(1), "0.1 KiB");
        assert_eq!(size(1024), "1.0 KiB");
        assert_eq!(size(1_500_000), "1464.9 KiB");
    }
}
