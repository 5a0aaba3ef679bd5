//! What a diagnosis finds, and what to do about it.
//!
//! Facts come in as values; each group of checks decides in a file of its own. The check says what was found, what it
//! means and, if SQL can help, the exact statement that fixes it.

pub mod attempts;
pub mod cron;
pub mod fix;
pub mod locks;
pub mod plan;
pub mod rights;
pub mod server;
mod sql;
pub mod storage;
pub mod subject;
pub mod views;

pub use fix::{Fix, FixAction, FixKind, Risk};
pub use locks::ChainSession;
pub use sql::{identifier, literal};

use crate::reading::Unavailable;

/// How bad a finding is, from harmless to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It could not be seen; the finding says why.
    Unknown,
    /// It works, but not for long or not well.
    Warning,
    /// It keeps the figures from being fresh, or the evidence from being safe.
    Bad,
}

/// The details of a finding.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Detail {
    /// Nothing more.
    #[default]
    None,
    /// One fact a line.
    Lines(Vec<String>),
    /// A small table.
    Table(Table),
    /// Which sessions block others.
    Chain(Vec<ChainSession>),
    /// The plan of a query.
    Plan(plan::Node),
}

/// A small table; every row has as many cells as there are columns. Cells carry the server's texts as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Headings.
    pub columns: Vec<&'static str>,
    /// Cells, row by row.
    pub rows: Vec<Vec<String>>,
}

/// One question and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Stable name in kebab-case, e.g. `refresh-job`.
    pub id: &'static str,
    /// A few words for a list.
    pub title: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// One sentence: what was found, and why it matters.
    pub finding: String,
    /// Its details.
    pub detail: Detail,
    /// What to do; empty if nothing needs to be done.
    pub advice: String,
    /// Statements that fix it, the mildest first.
    pub fixes: Vec<Fix>,
    /// The view that it is about, by its `refresh_type`; `None` for the server, and for what only `platform_metrics` has.
    pub view: Option<String>,
    /// The job that it is about; its interval can be changed whether or not anything is wrong with it.
    pub job: Option<JobRef>,
}

/// A job of `pg_cron` by its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRef {
    /// Its number.
    pub id: i64,
    /// The database that `pg_cron` is in.
    pub database: String,
    /// Its interval.
    pub schedule: String,
}

impl Check {
    pub fn new(id: &'static str, title: &'static str, verdict: Verdict, finding: impl Into<String>) -> Self {
        let (detail, advice, fixes) = (Detail::None, String::new(), Vec::new());
        Self { id, title, verdict, finding: finding.into(), detail, advice, fixes, view: None, job: None }
    }

    /// A check that could not be made.
    pub fn unknown(id: &'static str, title: &'static str, why: &Unavailable) -> Self {
        Self::new(id, title, Verdict::Unknown, &*why.reason).advise(&*why.fix)
    }

    pub fn detail(mut self, detail: Detail) -> Self {
        self.detail = detail;
        self
    }

    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    pub fn fix(mut self, fix: Fix) -> Self {
        self.fixes.push(fix);
        self
    }
}

/// All checks, in the order of the runbook.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Diagnosis {
    /// The checks.
    pub checks: Vec<Check>,
}

impl Diagnosis {
    /// The worst verdict; [`Verdict::Good`] if nothing was asked.
    pub fn worst(&self) -> Verdict {
        self.checks.iter().map(|check| check.verdict).max().unwrap_or(Verdict::Good)
    }

    /// The check with this name.
    pub fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }
}

/// Limits from which on a finding is bad.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Seconds for which a session with locks on the sources may be idle in a transaction.
    pub idle_in_transaction_s: f64,
    /// Seconds for which a session may have an exclusive lock on a source table, or the view, while nobody waits.
    pub alone_s: f64,
    /// Seconds for which an execution of a job may run.
    pub running_s: f64,
    /// Dead rows that a table may have, whatever its size.
    pub dead_rows: i64,
    /// Dead rows among all rows of a table, 0 to 1.
    pub dead_share: f64,
    /// Share of the available connections in use, 0 to 1, from which on there is a warning.
    pub connections: f64,
    /// Bytes of WAL that a replication slot may hold back.
    pub slot_bytes: i64,
    /// Seconds by which a standby may be behind.
    pub replay_lag_s: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            idle_in_transaction_s: 60.0,
            alone_s: 2.0,
            running_s: 600.0,
            dead_rows: 1000,
            dead_share: 0.2,
            connections: 0.8,
            slot_bytes: 10 << 30,
            replay_lag_s: 60.0,
        }
    }
}

/// `90 s`, `12 min`, `3 h` or `5 days`: coarse, for a sentence.
pub fn span(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} days", s / 86400.0),
    }
}

/// `17 kB`, `3.2 MB`.
#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
pub fn bytes(count: i64) -> String {
    let mut value = count as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value.abs() < 1024.0 {
            return if unit == "B" { format!("{value:.0} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_verdict_wins_and_what_is_unknown_is_not_good() {
        let check = |verdict| Check::new("x", "X", verdict, "");
        let of = |verdicts: &[Verdict]| Diagnosis { checks: verdicts.iter().map(|v| check(*v)).collect() }.worst();
        assert_eq!(of(&[]), Verdict::Good);
        assert_eq!(of(&[Verdict::Good, Verdict::Unknown]), Verdict::Unknown);
        assert_eq!(of(&[Verdict::Bad, Verdict::Unknown, Verdict::Warning]), Verdict::Bad);
    }

    #[test]
    fn spans_and_sizes_are_short() {
        assert_eq!(
            [span(0.04), span(90.0), span(600.0), span(86400.0), span(1e6)],
            ["0.0 s", "90 s", "10 min", "24 h", "12 days"]
        );
        assert_eq!([bytes(12), bytes(8192), bytes(10 << 30)], ["12 B", "8.0 kB", "10.0 GB"]);
    }
}
