//! The figures as people read them, and whether they are what was set out to be reached.

mod target;

use std::fmt::{self, Display, Formatter};

use comfy_table::{CellAlignment, ColumnConstraint, Table, Width, presets};
use serde::Serialize;

use crate::contest::{Contest, Outcome};
use crate::maintenance::{Maintenance, Upkeep};
use crate::samples::Quantiles;
use crate::singles::Single;
use crate::start::Starts;
use crate::subjects::Subject;
use crate::workload::Kind;
use target::Target;

/// All that was measured.
#[derive(Default, Serialize)]
pub(crate) struct Report {
    pub(crate) contests: Vec<Contest>,
    pub(crate) starts: Option<Starts>,
    pub(crate) idle_bytes: Option<u64>,
    pub(crate) maintenance: Option<Maintenance>,
    pub(crate) queues: Vec<Single>,
    pub(crate) locks: Vec<Single>,
    pub(crate) deques: Vec<Single>,
}

/// The report as programs read it.
#[derive(Serialize)]
pub(crate) struct Document<'a> {
    #[serde(flatten)]
    report: &'a Report,
    targets: Vec<Target>,
}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for contest in &self.contests {
            let plural = if contest.processes == 1 { "process" } else { "processes" };
            writeln!(formatter, "\n{} {plural}, microseconds for each operation", contest.processes)?;
            writeln!(formatter, "{}", operations(contest))?;
        }
        if let Some(Starts { first_us, later_us, command }) = &self.starts {
            writeln!(formatter, "\nFrom opening to the first value")?;
            writeln!(formatter, "  first start, which compiles   {:>9} ms", milliseconds(*first_us))?;
            writeln!(formatter, "  later starts, median          {:>9} ms", milliseconds(*later_us))?;
            if let Some((shortest, median)) = command {
                let (shortest, median) = (milliseconds(*shortest), milliseconds(*median));
                writeln!(formatter, "  a whole `larder get`, median  {median:>9} ms (shortest {shortest} ms)")?;
            }
        }
        if let Some(idle_bytes) = self.idle_bytes {
            writeln!(formatter, "Memory of an idle instance      {:>9.1} MiB", mebibytes(idle_bytes))?;
        }
        if let Some(maintenance) = &self.maintenance {
            writeln!(formatter, "\nWork on a whole cache\n{}", upkeep(maintenance))?;
        }
        for (title, measured) in [
            ("Queues", &self.queues),
            ("Locks, taken and released", &self.locks),
            ("The middle of a deque of 20,000", &self.deques),
        ] {
            if !measured.is_empty() {
                writeln!(formatter, "\n{title}, microseconds for each\n{}", singles(measured))?;
            }
        }
        writeln!(formatter, "\nTargets\n{}", self.targets_table())
    }
}

impl Report {
    /// The report as programs read it.
    pub(crate) fn document(&self) -> Document<'_> {
        Document { report: self, targets: self.targets() }
    }

    /// The outcome of a subject in so many processes.
    fn outcome(&self, processes: usize, subject: Subject) -> Option<&Outcome> {
        self.contests.iter().find(|contest| contest.processes == processes)?.outcome(subject)
    }

    fn targets_table(&self) -> Table {
        let mut table = plain_table(["larder, shared", "at most", "measured", ""]);
        for target in self.targets() {
            let measured = target.measured.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.2}"));
            let at_most = format!("{:.2} {}", target.at_most, target.unit);
            table.add_row([target.what, at_most, measured, target.verdict.to_owned()]);
        }
        align_right(&mut table, 1..3);
        table
    }
}

fn upkeep(maintenance: &Maintenance) -> Table {
    let names = maintenance.results.iter().map(|upkeep| upkeep.subject.name());
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(std::iter::once("").chain(names));
    let mut row = |what: String, cell: &dyn Fn(&Upkeep) -> String| {
        table.add_row(std::iter::once(what).chain(maintenance.results.iter().map(cell)));
    };
    for (place, size) in ["few", "many"].into_iter().enumerate() {
        row(format!("a key of {size}, in key order"), &|upkeep| {
            let keys = upkeep.keys.get(place);
            keys.map_or_else(String::new, |(count, time)| format!("{:.2} µs (of {count})", time / 1e3))
        });
    }
    let tagged = maintenance.entries / 10;
    row(format!("evict {tagged} tagged of {}", maintenance.entries), &|upkeep| {
        format!("{} ms", milliseconds(u128::from(upkeep.evict / 1000)))
    });
    row("the same, and its rows gone".to_owned(), &|upkeep| {
        format!("{} ms", milliseconds(u128::from(upkeep.evict_and_sweep / 1000)))
    });
    row(format!("clear {}", maintenance.entries), &|upkeep| {
        format!("{} ms", milliseconds(u128::from(upkeep.clear / 1000)))
    });
    align_right(&mut table, 1..1 + maintenance.results.len());
    table
}

fn singles(measured: &[Single]) -> Table {
    let mut table = plain_table(["", "", "p50", "p90", "p99", "max"]);
    for single in measured {
        for (subject, quantiles) in &single.results {
            let mut row = vec![single.operation.to_owned(), subject.name().to_owned()];
            row.extend(cells(*quantiles));
            table.add_row(row);
        }
    }
    align_right(&mut table, 2..6);
    table
}

fn cells(Quantiles { p50, p90, p99, max }: Quantiles) -> [String; 4] {
    [p50, p90, p99, max].map(|nanoseconds| format!("{:.1}", microseconds(nanoseconds)))
}

fn operations(contest: &Contest) -> Table {
    let mut table = plain_table(["", "", "p50", "p90", "p99", "max", "p50, of python-diskcache's"]);
    for kind in Kind::ALL {
        let reference = contest.outcome(Subject::Diskcache).map(|outcome| outcome.quantiles(kind).p50);
        for outcome in &contest.results {
            let quantiles = outcome.quantiles(kind);
            let ratio =
                reference.map(|reference| format!("{:.2} ×", microseconds(quantiles.p50) / microseconds(reference)));
            let mut row = vec![format!("{kind:?}").to_lowercase(), outcome.subject.name().to_owned()];
            row.extend(cells(quantiles));
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
