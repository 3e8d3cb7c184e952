//! `larder limit`: a command that is not run too often.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;
use larder::{Error, Verdict};

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::{Outcome, output, process, units};

/// Run a command no more often than so many times in a period
///
/// All processes that name the same limit are counted together, also across restarts. As many as the
/// rate says may run at once, then they follow evenly; with --window, there are never more than that
/// in any stretch of time as long as the period. Whoever comes too early waits.
///
/// Exits like the command; 1 if it may not be run within --wait.
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder limit api --rate 10/m -- curl -s https://example.com/
  larder limit mail --rate 1/h --wait 0s -- ./notify.sh   # not at all if one was sent
  larder limit api --rate 100/15m --window -- ./call.sh
  larder limit api --rate 10/m --show")]
pub(crate) struct Limit {
    /// What the limit is called
    name: String,

    /// How often in which period: 5/s, 10/m, 100/h, 1000/d or with a duration as in 3/90s
    #[arg(long, value_parser = rate, value_name = "COUNT/PERIOD")]
    rate: Rate,

    /// Never more in any stretch of time as long as the period
    #[arg(long)]
    window: bool,

    /// Show how things stand
    #[arg(long, conflicts_with = "command")]
    show: bool,

    /// The command and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required_unless_present = "show")]
    command: Vec<OsString>,
}

/// So many times in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    count: u32,
    period: Duration,
}

impl Limit {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let cache = session.open_or_create()?;
        let Rate { count, period } = self.rate;
        let limit = if self.window {
            cache.window_limit(&self.name, count, period)
        } else {
            cache.rate_limit(&self.name, count, period)
        };
        if self.show {
            let verdict = limit.look()?;
            if session.json() {
                output::json(&Shown::of(&verdict))?;
            } else {
                show(&verdict)?;
            }
            return Ok(Outcome::Done);
        }
        let taken = session.wait().map_or_else(|| limit.take(1), |wait| limit.take_within(1, wait));
        match taken {
            Ok(_) => process::run(process::command(&self.command)?),
            Err(Error::Timeout(what)) => {
                session.warn(&format!("not run: {what}"));
                Ok(Outcome::Absent)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// How a limit stands, as JSON.
#[derive(serde::Serialize)]
struct Shown {
    remaining: u32,
    reset_after_ms: u128,
}

impl Shown {
    fn of(verdict: &Verdict) -> Self {
        Self { remaining: verdict.remaining, reset_after_ms: verdict.reset_after.as_millis() }
    }
}

fn show(verdict: &Verdict) -> Result<(), Failure> {
    let reset =
        units::show_duration(Duration::from_millis(u64::try_from(verdict.reset_after.as_millis()).unwrap_or(u64::MAX)));
    output::line(&format!("{} left; all again in {reset}", verdict.remaining))
}

/// A count and a period.
fn rate(text: &str) -> Result<Rate, String> {
    let wrong = || "a rate is written like 5/s, 10/m, 100/h or 3/90s".to_owned();
    let (count, period) = text.split_once('/').ok_or_else(wrong)?;
    let count = count.trim().parse().map_err(|_| wrong())?;
    let period = period.trim();
    let one = if period.starts_with(|first: char| first.is_ascii_digit()) { String::new() } else { "1".to_owned() };
    let period = units::duration(&(one + period)).map_err(|_| wrong())?;
    if count == 0 || period.is_zero() {
        return Err("a rate of nothing would let nothing run".to_owned());
    }
    Ok(Rate { count, period })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_with_their_units() {
        for (text, count, seconds) in
            [("5/s", 5, 1), ("10/m", 10, 60), ("1/h", 1, 3600), ("3/90s", 3, 90), ("7/d", 7, 86_400)]
        {
            assert_eq!(rate(text), Ok(Rate { count, period: Duration::from_secs(seconds) }), "{text}");
        }
        for text in ["", "10", "/m", "x/m", "10/", "10/x", "0/m", "5/0s", "-1/s"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
