//! The options of the commands without a screen.
//!
//! Every option has a flag, a variable and a place in the config file, and this is the one table of all three: clap
//! reads flag and variable, and [`crate::settings::options`] makes the config file's values the defaults. An option
//! without a variable can't be set in the file either.

#![expect(clippy::doc_markdown, reason = "these comments are the text of --help")]

use crate::settings::value::{self, Listen};
use clap::{Args, Subcommand, ValueEnum, builder::FalseyValueParser};
use refreshtop_core::range::Limit;
use std::{path::PathBuf, time::Duration};

/// How a command answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Answer {
    /// Answer with JSON (docs/json.md); streams have one object a line
    #[arg(long, env = "REFRESHTOP_JSON", hide_env = true, value_parser = FalseyValueParser::new())]
    pub json: bool,
}

/// How many of the newest rows.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Newest {
    /// At most this many, the newest
    #[arg(
        long,
        env = "REFRESHTOP_LIMIT",
        value_name = "N",
        default_value_t = 20,
        value_parser = clap::value_parser!(u16).range(1..=10_000)
    )]
    pub limit: u16,
}

/// `status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Status {
    /// Keep running and show the status anew with every poll (--poll): in place on a terminal, below one another elsewhere
    #[arg(long)]
    pub watch: bool,
    /// How to answer.
    #[command(flatten)]
    pub answer: Answer,
}

/// `cleanup`. What it deletes and whether it asks have no variables: a forgotten one must not delete anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Cleanup {
    /// Delete runs older than this, instead of those older than each view's keep_log; at least 1h
    ///
    /// The last success of a view, and what is in the window of its statistics, stay in any case.
    #[arg(long, value_name = "DURATION", value_parser = value::keep)]
    pub older_than: Option<Duration>,
    /// Only count what would be deleted
    #[arg(long)]
    pub dry_run: bool,
    /// Skip confirmation
    #[arg(long)]
    pub yes: bool,
    /// How to answer.
    #[command(flatten)]
    pub answer: Answer,
}

/// `incidents`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Incidents {
    /// Only incidents of this long ago until now, e.g. 7d; without it, those of the window
    #[arg(long, env = "REFRESHTOP_SINCE", value_name = "DURATION", value_parser = value::window)]
    pub since: Option<Duration>,
    /// How to answer.
    #[command(flatten)]
    pub answer: Answer,
}

/// `refresh`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Trigger {
    /// The managed views, as SQL writes them; without schema or quotes if that is unambiguous; * stands for any text and
    /// ? for one character. Without a name, the view of --view
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// If a refresh is already running, wait for it and then refresh, instead of failing
    #[arg(long)]
    pub wait: bool,
    /// Cancel the refresh on the server if connecting, waiting and refreshing together take longer
    #[arg(long, env = "REFRESHTOP_TIMEOUT", value_name = "DURATION", value_parser = value::limit)]
    pub timeout: Option<Duration>,
    /// How to answer.
    #[command(flatten)]
    pub answer: Answer,
}

/// `job`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Job {
    /// What to do; `None` is `show`.
    #[command(subcommand)]
    pub action: Option<JobAction>,
    /// How to answer.
    #[command(flatten)]
    pub answer: Answer,
}

/// What to do with a job.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum JobAction {
    /// Show the jobs in pg_cron (the default)
    Show(Answer),
    /// Show when pg_cron ran a job, and what came of it
    Runs(JobRuns),
    /// Pause a job until it is resumed
    Pause(JobOne),
    /// Resume a paused job
    Resume(JobOne),
    /// Change a job's schedule
    Every(JobEvery),
    /// Remove a job from pg_cron
    Remove(JobRemove),
    /// Restore missing jobs, and fix jobs that run something else
    Restore(Answer),
}

/// A command on one job.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct JobOne {
    /// Which job
    #[arg(long, value_enum, default_value_t = JobName::Refresh)]
    pub job: JobName,
    /// How to answer.
    #[command(flatten)]
    pub answer: Answer,
}

/// `job remove`. `--yes` has no variable: a forgotten one must not remove anything.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct JobRemove {
    /// Which job.
    #[command(flatten)]
    pub one: JobOne,
    /// Skip confirmation
    #[arg(long)]
    pub yes: bool,
}

/// `job runs`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct JobRuns {
    /// Which job.
    #[command(flatten)]
    pub one: JobOne,
    /// How many.
    #[command(flatten)]
    pub newest: Newest,
}

/// `job every`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct JobEvery {
    /// Five fields of cron, e.g. '*/10 * * * *', or '30 seconds' with pg_cron 1.5 or newer
    #[arg(value_parser = value::job_schedule)]
    pub schedule: String,
    /// Which job.
    #[command(flatten)]
    pub one: JobOne,
}

/// The two jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum JobName {
    /// refresh-platform-metrics
    Refresh,
    /// cleanup-metrics-logs
    Cleanup,
}

/// `check`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Check {
    /// Warn if a figure leaves this range: age=10m, duration=5, rate=95:
    ///
    /// age is the age of the last successful refresh and duration the average duration, both in seconds or with units; rate
    /// is the success rate in per cent. Ranges are written as in monitoring plugins: 10 (0 to 10), 10: (10 or more),
    /// ~:10 (10 or less), 10:20, @10:20 (outside of it). May be repeated. A figure without a range keeps the
    /// limit of the health rules, for warning and critical separately; ~: is no limit.
    #[arg(
        long,
        short,
        env = "REFRESHTOP_CHECK_WARNING",
        value_name = "FIGURE=RANGE",
        value_delimiter = ',',
        value_parser = Limit::parse
    )]
    pub warning: Vec<Limit>,
    /// Critical if a figure leaves this range, written as for --warning
    #[arg(
        long,
        short,
        env = "REFRESHTOP_CHECK_CRITICAL",
        value_name = "FIGURE=RANGE",
        value_delimiter = ',',
        value_parser = Limit::parse
    )]
    pub critical: Vec<Limit>,
    /// Time limit for the check, in seconds or with units; the verdict is unknown after that
    #[arg(
        long,
        short,
        env = "REFRESHTOP_CHECK_TIMEOUT",
        value_name = "DURATION",
        default_value = "10s",
        value_parser = value::limit_in_seconds
    )]
    pub timeout: Duration,
}

/// `doctor`. Options that change something have no variable: a forgotten one must not fix anything.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Doctor {
    /// Show details for every finding, such as sizes and the plan, not only for problems
    #[arg(long)]
    pub details: bool,
    /// Run the view's query to measure its plan (EXPLAIN ANALYZE), for at most this long; 30s by default
    #[arg(
        long,
        value_name = "DURATION",
        num_args = 0..=1,
        default_missing_value = "30s",
        value_parser = value::limit
    )]
    pub analyze: Option<Duration>,
    /// Show the safe fixes, execute them after confirmation, and diagnose again
    ///
    /// Safe fixes schedule or correct a job, create an extension or an index, analyze, vacuum, fill the view, or clean up
    /// the log. Fixes that end a session or remove something are skipped: name them with --also.
    #[arg(long)]
    pub fix: bool,
    /// Also execute this fix, which --fix alone skips, by the name shown, e.g. 'end session 4711'
    #[arg(long, value_name = "NAME", requires = "fix")]
    pub also: Vec<String>,
    /// Skip confirmation
    #[arg(long, requires = "fix")]
    pub yes: bool,
    /// How to answer.
    #[command(flatten)]
    pub answer: Answer,
}

/// `metrics`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Metrics {
    /// Write to this file atomically, e.g. for node_exporter's textfile collector
    #[arg(long, env = "REFRESHTOP_TEXTFILE", value_name = "FILE", value_parser = value::path)]
    pub textfile: Option<PathBuf>,
    /// Serve /metrics over HTTP until stopped; on 127.0.0.1:9899 if no address is given
    ///
    /// Requests for a host other than an IP address, localhost or the host given here are refused, because a web page
    /// could use a name of its own that resolves to this machine (DNS rebinding). To scrape by name, give that name.
    #[arg(
        long,
        env = "REFRESHTOP_LISTEN",
        value_name = "HOST:PORT",
        num_args = 0..=1,
        default_missing_value = "127.0.0.1:9899",
        value_parser = value::listen
    )]
    pub listen: Option<Listen>,
}

/// `schedule`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Schedule {
    /// When to refresh one view: five fields of cron, in UTC; otherwise each view is refreshed at its own schedule
    #[arg(long, env = "REFRESHTOP_CRON", value_name = "EXPRESSION", value_parser = value::cron)]
    pub cron: Option<String>,
    /// How many views may be refreshed at the same time
    #[arg(long, env = "REFRESHTOP_JOBS", value_name = "COUNT", default_value = "4", value_parser = value::jobs)]
    pub jobs: usize,
    /// How long a running refresh may continue after a stop signal before it is cancelled
    #[arg(long, env = "REFRESHTOP_GRACE", value_name = "DURATION", default_value = "30s", value_parser = value::grace)]
    pub grace: Duration,
    /// How to answer.
    #[command(flatten)]
    pub answer: Answer,
}

/// `config`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Config {
    /// What to do.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What to do with the config file.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum ConfigAction {
    /// Print where the config file is expected
    Path,
    /// Write a config file with every setting at its default
    Init,
    /// Check config file, environment and flags for mistakes
    Check,
    /// Show every setting, and where it comes from; passwords are masked
    Show(ConfigShow),
}

/// `config show`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ConfigShow {
    /// Answer with JSON (docs/json.md)
    // Without a variable: whatever they say, this command shows it.
    #[arg(long)]
    pub json: bool,
}

/// `completions`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Man {
    /// The command, e.g. runs or "job every"; without one, the page of the program
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
}

impl JobName {
    /// Its name in `pg_cron`.
    pub fn in_cron(self) -> &'static str {
        refreshtop_db::schedule::JOBS[usize::from(self == Self::Cleanup)].name
    }
}
