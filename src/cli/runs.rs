//! The options of `refreshtop runs`.

use super::arguments::{Answer, Newest};
use crate::settings::value;
use clap::{Args, Subcommand, ValueEnum};
use refreshtop_core::moment::Moment;

/// `runs`. What is searched for has no variables: a forgotten one would hide runs.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Runs {
    /// What to do; `None` lists them.
    #[command(subcommand)]
    pub action: Option<RunsAction>,
    /// Which runs.
    #[command(flatten)]
    pub list: RunsList,
}

/// What to do with runs.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum RunsAction {
    /// Show a run with all that the log has of it: message, context, and the sessions that blocked it
    Show(RunsShow),
}

/// Which runs are listed, and how.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct RunsList {
    /// Only runs that failed
    #[arg(long)]
    pub failed: bool,
    /// Only runs from then on: 2h, 22:00, yesterday, 2026-11-29, "2026-11-29 22:00"; in UTC
    #[arg(long, value_name = "MOMENT", value_parser = Moment::parse)]
    pub since: Option<Moment>,
    /// Only runs before then, written as for --since
    #[arg(long, value_name = "MOMENT", value_parser = Moment::parse, conflicts_with = "follow")]
    pub until: Option<Moment>,
    /// Only runs that failed with this SQLSTATE, e.g. 55P03, or 55 for its class
    #[arg(long, value_name = "SQLSTATE", value_parser = value::sqlstate)]
    pub error: Option<String>,
    /// Only runs whose message contains this text, in any case
    #[arg(long, value_name = "TEXT")]
    pub grep: Option<String>,
    /// How many.
    #[command(flatten)]
    pub newest: Newest,
    /// Keep running and print runs as they finish
    #[arg(long, short)]
    pub follow: bool,
    /// How to print them; --json is short for json
    #[arg(long, short, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    pub output: Option<Format>,
    /// How to answer.
    #[command(flatten)]
    pub answer: Answer,
}

/// How runs are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table (the default)
    Table,
    /// A table with more columns: end, role, application, rows, WAL, whole ids
    Wide,
    /// JSON (docs/json.md)
    Json,
    /// Comma-separated values, by the names of the JSON
    Csv,
}

/// `runs show`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct RunsShow {
    /// The run: its id, or the beginning of it
    #[arg(value_name = "ID")]
    pub id: String,
    /// Print Markdown, for a ticket
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
    /// How to answer.
    #[command(flatten)]
    pub answer: Answer,
}

impl RunsList {
    /// How to print them.
    pub fn format(&self) -> Format {
        self.output.unwrap_or(if self.answer.json { Format::Json } else { Format::Table })
    }
}

impl Runs {
    /// How to answer; --json may also stand before the subcommand.
    pub fn answer(&self) -> Answer {
        let json = match &self.action {
            Some(RunsAction::Show(show)) => !show.markdown && (show.answer.json || self.list.answer.json),
            None => self.list.format() == Format::Json,
        };
        Answer { json }
    }
}
