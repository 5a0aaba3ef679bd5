//! The command line.

pub mod arguments;
mod help;
pub mod runs;
pub mod views;

use crate::settings::layer::{Layer, Words, variable};
use arguments::{
    Answer, Check, Cleanup, Completions, Config, ConfigAction, Doctor, Incidents, Job, Man, Metrics, Schedule, Status,
    Trigger,
};
use clap::{
    ArgMatches, Args, FromArgMatches as _, Parser, Subcommand, ValueEnum,
    error::{ContextKind, ContextValue, ErrorKind},
    parser::ValueSource,
};
pub use help::options;
use refreshtop_connect::secret::{ConnectionUrl, looks_secret};
use refreshtop_core::sanitize;
use refreshtop_db::migrate::With;
use runs::Runs;
use std::{cmp::Ordering, ffi::OsString};
use views::Views;

/// Keeps PostgreSQL's materialized views fresh, and shows live how they fare.
#[derive(Debug, Clone, PartialEq, Parser)]
#[command(version, after_long_help = EXIT_CODES, subcommand_help_heading = "Commands (monitor is the default)")]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub options: Layer,
    /// The command; `None` is `monitor`.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 64 wrong command line, 66 not migrated, 69 cannot connect, 70 failed, 74 the terminal takes no more \
bytes, 75 a refresh is running, 77 not permitted, 78 wrong settings. Of check and doctor: 0 healthy, 1 warning, 2 \
critical, 3 unknown.";

/// Characters of a wrong argument that are quoted.
const LONGEST_QUOTE: usize = 200;

/// What to do.
#[derive(Debug, Clone, PartialEq, Subcommand)]
#[expect(clippy::doc_markdown, reason = "these comments are the text of --help")]
pub enum Command {
    /// Monitor the refreshes live
    Monitor,
    /// Show the current status: verdict, last refresh, job
    Status(Status),
    /// Show statistics of the runs in the window
    Stats(Answer),
    /// List the latest runs of refreshes, or show one with what blocked it
    #[command(alias = "logs")]
    Runs(Runs),
    /// List the incidents: failures and stale data, what has one cause together
    Incidents(Incidents),
    /// Refresh views now and wait for the end; Ctrl-C cancels it on the server
    #[command(name = "refresh", alias = "trigger")]
    Trigger(Trigger),
    /// List the materialized views of the database, or show one
    Views(Views),
    /// Show or change the jobs in pg_cron
    Job(Job),
    /// Delete runs from the log that are past their retention
    Cleanup(Cleanup),
    /// Check health as a monitoring plugin: one line, performance data, exit code 0 to 3
    Check(Check),
    /// Diagnose problems with the refreshes and suggest fixes
    Doctor(Doctor),
    /// Export metrics for Prometheus (OpenMetrics)
    Metrics(Metrics),
    /// Run scheduled refreshes without pg_cron
    Schedule(Schedule),
    /// Install, update or remove refreshtop's database objects
    Migrate(Migrate),
    /// Try refreshtop on a temporary PostgreSQL server of its own
    Demo(Demo),
    /// Show the settings; find, write or check the config file
    Config(Config),
    /// List the options of every command
    Options,
    /// Print completions for a shell
    Completions(Completions),
    /// Print a manual page
    Man(Man),
}

/// `migrate`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Migrate {
    /// What to do; `None` is `up`.
    #[command(subcommand)]
    pub action: Option<MigrateAction>,
    /// What.
    #[command(flatten)]
    pub parts: Parts,
    /// How.
    #[command(flatten)]
    pub how: How,
}

/// What is installed. `--with` has no variable: it is about one database, and a forgotten one would be about others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
#[expect(clippy::doc_markdown, reason = "these comments are the text of --help")]
pub struct Parts {
    /// Require this part: what it lacks is an error
    ///
    /// Without this, platform_metrics is installed if its four tables are there, and left out otherwise.
    #[arg(long, value_name = "PART", value_enum)]
    pub with: Option<Part>,
}

/// A part that a database may do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(clippy::doc_markdown, reason = "these comments are the text of --help")]
pub enum Part {
    /// The view public.platform_metrics, its functions and its jobs
    PlatformMetrics,
}

impl Parts {
    /// The same for the migration.
    pub fn wanted(self) -> With {
        match self.with {
            Some(Part::PlatformMetrics) => With::PlatformMetrics,
            None => With::WhatIsPossible,
        }
    }
}

/// `migrate up`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Up {
    /// What.
    #[command(flatten)]
    pub parts: Parts,
    /// How.
    #[command(flatten)]
    pub how: How,
}

/// How to migrate. `--dry-run` has no variable: a forgotten one would silently disable the migration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct How {
    /// Print every statement instead of executing it
    #[arg(long)]
    pub dry_run: bool,
    /// How to answer.
    #[command(flatten)]
    pub answer: Answer,
}

/// Which way to migrate.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum MigrateAction {
    /// Install or update everything (the default)
    Up(Up),
    /// Show which migrations are installed
    Status(Answer),
    /// Print the migrations as one SQL script, for a pipeline of your own
    Sql(Parts),
    /// Roll back migrations
    Down(Down),
}

/// `migrate down`. Its options have no variables: a forgotten one must not remove anything.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Down {
    /// Newest step to keep; without it everything is removed
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(i64).range(0..))]
    pub to: Option<i64>,
    /// Skip confirmation
    #[arg(long)]
    pub yes: bool,
    /// How.
    #[command(flatten)]
    pub how: How,
}

/// `demo`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Demo {
    /// Start the server without the monitor and print how to reach it
    #[arg(long)]
    pub headless: bool,
    /// Number of accounts to create
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub accounts: u32,
}

impl Cli {
    /// Reads a command line; the first argument is the program's name.
    ///
    /// # Errors
    /// The mistake in it, or the help or version that it requests; [`clap::Error::print`] prints either. Nothing
    /// that may be a password is in it.
    pub fn read(arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Self, clap::Error> {
        Self::read_by(command(), arguments)
    }

    /// Reads a command line by a definition whose defaults were changed.
    pub fn read_by(
        definition: clap::Command,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<Self, clap::Error> {
        let arguments = arguments.into_iter().map(Into::into);
        let definition = help::short(without_empty(definition));
        let matches = definition.try_get_matches_from(arguments).map_err(without_secrets)?;
        let mut cli = Self::from_arg_matches(&matches).map_err(without_secrets)?;
        if let (Some(Command::Metrics(metrics)), Some(matches)) =
            (&mut cli.command, matches.subcommand_matches("metrics"))
        {
            one_way(metrics, matches)?;
        }
        Ok(cli)
    }

    /// Whether the answer is to be JSON.
    pub fn json(&self) -> bool {
        use arguments::JobAction as Act;
        let answer = match &self.command {
            Some(Command::Stats(answer)) => answer,
            Some(Command::Status(command)) => &command.answer,
            Some(Command::Cleanup(command)) => &command.answer,
            Some(Command::Config(Config { action: ConfigAction::Show(show) })) => return show.json,
            Some(Command::Incidents(command)) => &command.answer,
            Some(Command::Runs(runs)) => return runs.answer().json,
            Some(Command::Trigger(command)) => &command.answer,
            Some(Command::Schedule(command)) => &command.answer,
            Some(Command::Doctor(command)) => &command.answer,
            Some(Command::Views(views)) => return views.answer().json,
            Some(Command::Job(job)) => match &job.action {
                Some(Act::Show(answer) | Act::Restore(answer)) => answer,
                Some(Act::Pause(one) | Act::Resume(one)) => &one.answer,
                Some(Act::Remove(remove)) => &remove.one.answer,
                Some(Act::Runs(runs)) => &runs.one.answer,
                Some(Act::Every(every)) => &every.one.answer,
                None => &job.answer,
            },
            Some(Command::Migrate(migrate)) => match &migrate.action {
                Some(MigrateAction::Sql(_)) => return false,
                Some(MigrateAction::Up(up)) => &up.how.answer,
                Some(MigrateAction::Status(answer)) => answer,
                Some(MigrateAction::Down(down)) => &down.how.answer,
                None => &migrate.how.answer,
            },
            _ => return false,
        };
        answer.json
    }

    /// What to do, the default filled in.
    pub fn command(&self) -> Command {
        self.command.clone().unwrap_or(Command::Monitor)
    }
}

impl Migrate {
    /// Which way, the default filled in.
    pub fn action(&self) -> MigrateAction {
        let own = Up { parts: self.parts, how: self.how.clone() };
        let mut action = self.action.clone().unwrap_or(MigrateAction::Up(own));
        // Both may also stand before the subcommand.
        if let MigrateAction::Up(Up { how, .. }) | MigrateAction::Down(Down { how, .. }) = &mut action {
            how.dry_run |= self.how.dry_run;
        }
        if let MigrateAction::Up(Up { parts, .. }) | MigrateAction::Sql(parts) = &mut action {
            parts.with = parts.with.or(self.parts.with);
        }
        action
    }
}

/// What the line itself gives of the options of every command, by their names.
///
/// # Errors
/// The mistake in it.
pub fn given(arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Words, clap::Error> {
    let arguments = arguments.into_iter().map(Into::into);
    let matches = without_empty(command()).try_get_matches_from(arguments).map_err(without_secrets)?;
    let mut words = Words::new();
    for option in Layer::augment_args(clap::Command::new("")).get_arguments() {
        let id = option.get_id().as_str();
        if matches.value_source(id) == Some(ValueSource::CommandLine) {
            let raw = matches.get_raw(id).into_iter().flatten();
            words.insert(id.to_owned(), raw.map(|word| word.to_string_lossy().into_owned()).collect());
        }
    }
    Ok(words)
}

/// The same with short help, as the program parses it.
pub fn command_with_help() -> clap::Command {
    help::short(command())
}

/// The command line's definition, for parsing, completions and manual alike; [`help::short`] makes that of the help.
///
/// The settings read the variables of these options themselves ([`crate::settings::layer::of_environment`]), since an
/// error must name the layer that it comes from; here the names only join the help.
pub fn command() -> clap::Command {
    let options: Vec<String> =
        Layer::augment_args(clap::Command::new("")).get_arguments().map(|arg| arg.get_id().to_string()).collect();
    options.iter().fold(hiding_values(<Cli as clap::CommandFactory>::command()), |command, id| {
        command.mut_arg(id, |arg| {
            let note = format!("[env: {}]", variable(id));
            let short = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let long = arg.get_long_help().map(ToString::to_string);
            let arg = arg.help(format!("{short} {note}"));
            match long {
                Some(long) => arg.long_help(format!("{long}\n\n{note}")),
                None => arg,
            }
        })
    })
}

/// The help names the variables and doesn't show what is in them.
fn hiding_values(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| arg.hide_env_values(true)).mut_subcommands(hiding_values)
}

/// An empty variable counts as unset, as for the settings: e.g. `REFRESHTOP_SINCE=` in the file of a service.
fn without_empty(command: clap::Command) -> clap::Command {
    let empty = |arg: &&clap::Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    let options: Vec<_> = command.get_arguments().filter(empty).map(|arg| arg.get_id().clone()).collect();
    let children: Vec<_> = command.get_subcommands().map(|child| child.get_name().to_owned()).collect();
    let command = options.into_iter().fold(command, |command, id| command.mut_arg(id, |arg| arg.env(None::<&str>)));
    children.into_iter().fold(command, |command, child| command.mut_subcommand(child, without_empty))
}

/// Metrics are written to a file or served; the stronger layer decides. clap itself would refuse a flag beside the other
/// one's variable, and does not know the config file.
fn one_way(metrics: &mut Metrics, matches: &ArgMatches) -> Result<(), clap::Error> {
    if metrics.textfile.is_none() || metrics.listen.is_none() {
        return Ok(());
    }
    match matches.value_source("textfile").cmp(&matches.value_source("listen")) {
        Ordering::Greater => metrics.listen = None,
        Ordering::Less => metrics.textfile = None,
        Ordering::Equal => {
            let why = "--textfile and --listen exclude each other: metrics are written to a file or served";
            return Err(command().error(ErrorKind::ArgumentConflict, why));
        }
    }
    Ok(())
}

/// clap quotes what it can't parse, and that may be a connection string in the wrong place.
fn without_secrets(mut error: clap::Error) -> clap::Error {
    let contexts: Vec<(ContextKind, ContextValue)> =
        error.context().map(|(kind, value)| (kind, value.clone())).collect();
    for (kind, value) in contexts {
        match value {
            ContextValue::String(text) => {
                error.insert(kind, ContextValue::String(masked(&text)));
            }
            ContextValue::Strings(texts) => {
                error.insert(kind, ContextValue::Strings(texts.iter().map(|text| masked(text)).collect()));
            }
            ContextValue::StyledStrs(tips) if tips.iter().any(|tip| looks_secret(&tip.to_string())) => {
                error.remove(kind);
            }
            _ => {}
        }
    }
    error
}

/// A text, with anything that may be a password masked. The name of a flag never is one.
pub(crate) fn masked(text: &str) -> String {
    let text = sanitize::one_line(text, LONGEST_QUOTE);
    let text = text.as_str();
    let (name, value) = match text.split_once('=') {
        Some((name, value)) if name.starts_with("--") => (Some(name), value),
        _ if text.starts_with("--") && !text.contains("://") => return text.to_owned(),
        _ => (None, text),
    };
    if !looks_secret(value) {
        return text.to_owned();
    }
    let value = ConnectionUrl::new(value);
    name.map_or_else(|| value.to_string(), |name| format!("{name}={value}"))
}

#[cfg(test)]
mod tests;
