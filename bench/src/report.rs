//! The figures as people read them, and whether they are what was set out to be reached.

use std::fmt::{self, Display, Formatter};

use comfy_table::{CellAlignment, ColumnConstraint, Table, Width, presets};
use serde::Serialize;

use crate::contest::{Contest, Outcome};
use crate::samples::Quantiles;
use crate::start::Starts;
use crate::subjects::Subject;
use crate::workload::Kind;

/// All that was measured.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) contests: Vec<Contest>,
    pub(crate) starts: Starts,
    pub(crate) idle_bytes: u64,
}

/// Something to be reached.
#[derive(Debug)]
struct Target {
    what: &'static str,
    unit: &'static str,
    at_most: f64,
    /// None if it could not be measured.
    measured: Option<f64>,
}

impl Target {
    fn verdict(&self) -> &'static str {
        match self.measured {
            None => "not measured",
            Some(measured) if measured <= self.at_most => "reached",
            Some(_) => "missed",
        }
    }
}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for contest in &self.contests {
            let plural = if contest.processes == 1 { "process" } else { "processes" };
            writeln!(formatter, "\n{} {plural}, microseconds for each operation", contest.processes)?;
            writeln!(formatter, "{}", operations(contest))?;
        }
        let Starts { first_us, later_us, command } = &self.starts;
        writeln!(formatter, "\nFrom opening to the first value")?;
        writeln!(formatter, "  first start, which compiles   {:>9} ms", milliseconds(*first_us))?;
        writeln!(formatter, "  later starts, median          {:>9} ms", milliseconds(*later_us))?;
        if let Some((shortest, median)) = command {
            let (shortest, median) = (milliseconds(*shortest), milliseconds(*median));
            writeln!(formatter, "  a whole `larder get`, median  {median:>9} ms (shortest {shortest} ms)")?;
        }
        writeln!(formatter, "Memory of an idle instance      {:>9.1} MiB", mebibytes(self.idle_bytes))?;
        writeln!(formatter, "\nTargets\n{}", self.targets_table())
    }
}

impl Report {
    fn targets(&self) -> Vec<Target> {
        let p50 = |subject, kind| Some(microseconds(self.alone(subject)?.quantiles(kind).p50));
        let ratio = |kind| Some(p50(Subject::Larder, kind)? / p50(Subject::Diskcache, kind)?);
        let command = self.starts.command.map(|(_, median)| as_float(median) / 1e3);
        let target = |what, unit, at_most, measured| Target { what, unit, at_most, measured };
        vec![
            target("get, p50", "µs", 5.0, p50(Subject::Larder, Kind::Get)),
            target("set, p50", "µs", 12.0, p50(Subject::Larder, Kind::Set)),
            target("get, of python-diskcache's", "×", 1.0, ratio(Kind::Get)),
            target("set, of python-diskcache's", "×", 0.5, ratio(Kind::Set)),
            target("memory of an idle instance", "MiB", 8.0, Some(mebibytes(self.idle_bytes))),
            target("`larder get`, median", "ms", 40.0, command),
        ]
    }

    /// The outcome of a subject whose process was the only one.
    fn alone(&self, subject: Subject) -> Option<&Outcome> {
        self.contests.iter().find(|contest| contest.processes == 1)?.outcome(subject)
    }

    fn targets_table(&self) -> Table {
        let mut table = plain_table(["larder, shared", "at most", "measured", ""]);
        for target in self.targets() {
            let measured = target.measured.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.2}"));
            let at_most = format!("{} {}", target.at_most, target.unit);
            table.add_row([target.what.to_owned(), at_most, measured, target.verdict().to_owned()]);
        }
        align_right(&mut table, 1..3);
        table
    }
}

fn operations(contest: &Contest) -> Table {
    let mut table = plain_table(["", "", "p50", "p90", "p99", "max", "p50, of python-diskcache's"]);
    for kind in Kind::ALL {
        let reference = contest.outcome(Subject::Diskcache).map(|outcome| outcome.quantiles(kind).p50);
        for outcome in &contest.results {
            let Quantiles { p50, p90, p99, max } = outcome.quantiles(kind);
            let ratio = reference.map(|reference| format!("{:.2} ×", microseconds(p50) / microseconds(reference)));
            let mut row = vec![format!("{kind:?}").to_lowercase(), outcome.subject.name().to_owned()];
            row.extend([p50, p90, p99, max].map(|nanoseconds| format!("{:.1}", microseconds(nanoseconds))));
            row.push(ratio.unwrap_or_default());
            table.add_row(row);
        }
    }
    align_right(&mut table, 2..7);
    table
}

fn plain_table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

fn align_right(table: &mut Table, columns: std::ops::Range<usize>) {
    for index in columns {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(9)));
        }
    }
}

fn microseconds(nanoseconds: u64) -> f64 {
    as_float(nanoseconds.into()) / 1e3
}

fn mebibytes(bytes: u64) -> f64 {
    as_float(bytes.into()) / f64::from(1 << 20)
}

fn milliseconds(microseconds: u128) -> String {
    format!("{:.1}", as_float(microseconds) / 1e3)
}

#[expect(clippy::cast_precision_loss, reason = "figures of three digits are shown")]
fn as_float(number: u128) -> f64 {
    number as f64
}
