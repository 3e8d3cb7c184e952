//! What a rule is, and how its case says that it does not hold.

use std::fmt;
use std::panic::Location;

use larder_tests::component::types::Error;
use larder_tests::subject::Subject;

/// One thing that python-diskcache does, and how Larder stands to it.
pub(crate) struct Rule {
    /// A name that stays, such as `set.returns`.
    pub(crate) id: &'static str,
    /// What python-diskcache does.
    pub(crate) sentence: &'static str,
    /// How Larder stands to it.
    pub(crate) verdict: Verdict,
    /// Shows it, on a cache that is new and empty.
    pub(crate) case: Case,
}

/// Shows that a rule holds.
pub(crate) type Case = fn(&mut Subject) -> Outcome;

/// How Larder stands to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It does the same.
    Matched,
    /// It does something else: what, and why.
    Different(&'static str),
}

/// Rules about one thing.
pub(crate) struct Topic {
    /// What they are about.
    pub(crate) title: &'static str,
    /// The rules.
    pub(crate) rules: &'static [Rule],
}

/// A rule that Larder keeps.
pub(crate) const fn matched(id: &'static str, sentence: &'static str, case: Case) -> Rule {
    Rule { id, sentence, verdict: Verdict::Matched, case }
}

/// A rule that Larder does not keep, with what it does instead.
pub(crate) const fn different(id: &'static str, sentence: &'static str, instead: &'static str, case: Case) -> Rule {
    Rule { id, sentence, verdict: Verdict::Different(instead), case }
}

/// What comes of a case.
pub(crate) type Outcome = Result<(), Failure>;

/// Why a rule does not hold.
pub(crate) struct Failure(String);

impl Failure {
    /// One with this reason, where the caller is.
    #[track_caller]
    pub(crate) fn new(reason: impl fmt::Display) -> Self {
        let place = Location::caller();
        Self(format!("{reason} ({}:{})", place.file(), place.line()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<Error> for Failure {
    #[track_caller]
    fn from(error: Error) -> Self {
        Self::new(format_args!("the error {error:?}"))
    }
}

impl From<std::io::Error> for Failure {
    #[track_caller]
    fn from(error: std::io::Error) -> Self {
        Self::new(error)
    }
}

/// Demands that two are equal.
#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "so that what a call returns can be written in place")]
pub(crate) fn equal<A: PartialEq<B> + fmt::Debug, B: fmt::Debug>(found: A, expected: B) -> Outcome {
    if found == expected { Ok(()) } else { Err(Failure::new(format_args!("{found:?} instead of {expected:?}"))) }
}

/// Demands that something is so.
#[track_caller]
pub(crate) fn holds(condition: bool, what: &str) -> Outcome {
    if condition { Ok(()) } else { Err(Failure::new(format_args!("not so: {what}"))) }
}

/// Demands that a call was refused with an error of this kind.
macro_rules! refused {
    ($result:expr, $error:pat) => {
        match $result.map(drop) {
            Err($error) => Ok(()),
            other => Err($crate::rule::Failure::new(format_args!("{other:?} instead of {}", stringify!($error)))),
        }
    };
}

pub(crate) use refused;
