//! Columns of a list of runs.

use super::Of;
use crate::{
    cli::runs::Format,
    output::{Output, clean, cut, json, moment, table::Table},
};
use refreshtop_core::{age, diagnosis::bytes, numbers::grouped_u64};
use refreshtop_db::log::{Blocker, Logged};
use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

/// For what is not known, or does not apply.
const UNKNOWN: &str = "-";
/// Characters of an id that tell runs apart.
const SHORT_ID: usize = 8;
/// Columns for who blocked, where the table is not a wide one.
const BLOCKER: usize = 30;

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Id,
    Started,
    Ended,
    View,
    Status,
    Source,
    Role,
    Application,
    Duration,
    Rows,
    Wal,
    State,
    Blocker,
    Error,
}

/// Those of the table. What may be long comes last.
const NARROW: [Column; 9] = [
    Column::Id,
    Column::Started,
    Column::View,
    Column::Status,
    Column::Source,
    Column::Duration,
    Column::State,
    Column::Blocker,
    Column::Error,
];

/// Those of the wide one.
const WIDE: [Column; 14] = [
    Column::Id,
    Column::Started,
    Column::Ended,
    Column::View,
    Column::Status,
    Column::Source,
    Column::Role,
    Column::Application,
    Column::Duration,
    Column::Rows,
    Column::Wal,
    Column::State,
    Column::Blocker,
    Column::Error,
];

impl Column {
    fn heading(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Started => "started (UTC)",
            Self::Ended => "ended (UTC)",
            Self::View => "view",
            Self::Status => "status",
            Self::Source => "source",
            Self::Role => "role",
            Self::Application => "application",
            Self::Duration => "duration",
            Self::Rows => "rows in/out",
            Self::Wal => "WAL",
            Self::State => "sqlstate",
            Self::Blocker => "blocked by",
            Self::Error => "error",
        }
    }

    /// Columns that it takes in a line that is printed before the next one is known; longer cells are not cut.
    fn width(self, wide: bool) -> usize {
        match self {
            Self::Id if wide => 36,
            Self::Id | Self::Source | Self::Duration | Self::State => 8,
            Self::Started | Self::Ended => 19,
            Self::View | Self::Application => 20,
            Self::Status => 6,
            Self::Role => 12,
            Self::Rows => 13,
            Self::Wal => 10,
            Self::Blocker => 24,
            Self::Error => 0,
        }
    }
}

/// Runs as lines of a table.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    columns: Vec<Column>,
    wide: bool,
}

impl Lines {
    pub(super) fn new(format: Format, of: &Of) -> Self {
        let wide = format == Format::Wide;
        let columns = if wide { &WIDE[..] } else { &NARROW[..] };
        let wanted = |column: &Column| *column != Column::View || *of == Of::All;
        Self { columns: columns.iter().copied().filter(wanted).collect(), wide }
    }

    /// The table.
    pub(super) fn table(&self, runs: &[Logged], output: Output) -> String {
        let headings: Vec<&str> = self.columns.iter().map(|column| column.heading()).collect();
        let mut table = Table::new(&headings);
        for run in runs {
            table.row(self.columns.iter().map(|column| self.cell(*column, run, output)));
        }
        table.render(output)
    }

    /// The heading above lines that come one by one.
    pub(super) fn heading(&self) -> String {
        self.padded(|column| column.heading().to_owned())
    }

    /// A line below it.
    pub(super) fn line(&self, run: &Logged, output: Output) -> String {
        self.padded(|column| self.cell(column, run, output))
    }

    fn padded(&self, cell: impl Fn(Column) -> String) -> String {
        let mut line = String::new();
        for column in &self.columns {
            let cell = cell(*column);
            let pad = column.width(self.wide).saturating_sub(crate::output::table::shown(&cell)) + 2;
            line.push_str(&cell);
            line.push_str(&" ".repeat(pad));
        }
        line.truncate(line.trim_end().len());
        line
    }

    fn cell(&self, column: Column, logged: &Logged, output: Output) -> String {
        let run = &logged.run;
        let unknown = || UNKNOWN.to_owned();
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map_or_else(unknown, clean);
        match column {
            Column::Id if self.wide => run.id.to_string(),
            Column::Id => run.id.to_string().chars().take(SHORT_ID).collect(),
            Column::Started => moment(run.started_at),
            Column::Ended => run.completed_at.map_or_else(unknown, moment),
            Column::View => clean(logged.view.as_str()),
            Column::Status => output.outcome(run.status),
            Column::Source => run.origin.name().to_owned(),
            Column::Role => text(logged.role.as_deref()),
            Column::Application => text(logged.application.as_deref()),
            Column::Duration => run.duration_ms.map_or_else(unknown, age::duration_ms),
            Column::Rows => match (run.work.rows_inserted, run.work.rows_deleted) {
                (Some(inserted), Some(deleted)) => format!("{}/{}", grouped_u64(inserted), grouped_u64(deleted)),
                _ => unknown(),
            },
            Column::Wal => {
                let wal = run.work.server_wal_bytes.and_then(|wal| i64::try_from(wal).ok());
                wal.map_or_else(unknown, |wal| format!("≤ {}", bytes(wal)))
            }
            Column::State => text(run.sqlstate.as_deref()),
            Column::Blocker => match &logged.blocker {
                None => unknown(),
                Some(blocker) if self.wide => clean(&blocked_by(blocker, usize::MAX)),
                Some(blocker) => blocked_by(blocker, BLOCKER),
            },
            Column::Error => text(run.error.as_deref()),
        }
    }
}

/// Who blocked: the program's name, or else the role's, and the process.
fn blocked_by(blocker: &Blocker, width: usize) -> String {
    let named = [&blocker.application, &blocker.role].into_iter().flatten().find(|name| !name.trim().is_empty());
    let process = match blocker.pid {
        Some(pid) if pid > 0 => format!("pid {pid}"),
        _ => "prepared transaction".to_owned(),
    };
    match named {
        Some(name) => {
            let process = format!(" ({process})");
            let room = width.saturating_sub(process.width()).min(crate::output::UNCUT);
            cut(name, room) + &process
        }
        None => process,
    }
}

/// Names of the columns in CSV: those of the members in JSON.
const MEMBERS: [&str; 17] = [
    "id",
    "view",
    "status",
    "source",
    "duration_ms",
    "started_at",
    "completed_at",
    "sqlstate",
    "error",
    "blockers",
    "blocked_by_pid",
    "blocked_by_role",
    "blocked_by_application",
    "role",
    "rows_inserted",
    "rows_deleted",
    "server_wal_bytes",
];

/// The heading of the CSV.
pub(super) fn csv_heading() -> String {
    MEMBERS.join(",")
}

/// Runs as CSV with its heading.
pub(super) fn csv(runs: &[Logged]) -> String {
    let lines: Vec<String> = std::iter::once(csv_heading()).chain(runs.iter().map(csv_line)).collect();
    lines.join("\n") + "\n"
}

/// A run as a line of CSV.
pub(super) fn csv_line(logged: &Logged) -> String {
    let mut object = json::logged(logged);
    object["view"] = logged.view.as_str().into();
    let blocker = object["blocked_by"].take();
    for member in ["pid", "role", "application"] {
        object[format!("blocked_by_{member}")] = blocker.get(member).cloned().unwrap_or_default();
    }
    let cells: Vec<String> = MEMBERS.iter().map(|member| field(&object[*member])).collect();
    cells.join(",")
}

/// A value as a field. A text is one line, and one that a spreadsheet would take for a formula is marked as text.
fn field(value: &Value) -> String {
    let text = match value {
        Value::Null => return String::new(),
        Value::String(text) => clean(text),
        number => return number.to_string(),
    };
    let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text };
    if text.contains([',', '"']) || text.starts_with(' ') || text.ends_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_one_line_and_no_formula() {
        for (text, wanted) in [
            ("plain", "plain"),
            ("a, \"b\"", "\"a, \"\"b\"\"\""),
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("-1+2", "'-1+2"),
            ("one\ntwo\u{1b}[2J", "one | two\u{fffd}[2J"),
        ] {
            assert_eq!(field(&text.into()), wanted, "{text:?}");
        }
        assert_eq!((field(&Value::Null), field(&12.5.into())), (String::new(), "12.5".to_owned()));
    }

    #[test]
    fn who_blocked_is_named_by_program_role_or_process() {
        let blocker = |pid, role: &str, application: &str| Blocker {
            pid,
            role: Some(role.into()),
            application: Some(application.into()),
        };
        let name = |blocker: &Blocker| blocked_by(blocker, BLOCKER);
        assert_eq!(name(&blocker(Some(4711), "deploy", "rails-console")), "rails-console (pid 4711)");
        assert_eq!(name(&blocker(Some(4711), "deploy", "")), "deploy (pid 4711)");
        assert_eq!(name(&blocker(Some(4711), "", "")), "pid 4711");
        assert_eq!(name(&blocker(Some(0), "deploy", "")), "deploy (prepared transaction)");
        let long = name(&blocker(Some(4711), "", &"x\u{1b}".repeat(200)));
        assert!(long.width() <= BLOCKER && long.ends_with(" (pid 4711)") && !long.contains('\u{1b}'), "{long:?}");
    }
}
