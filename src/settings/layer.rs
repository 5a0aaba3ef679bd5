//! The options of every command: one table for flags, environment and config file.

use super::value;
use clap::Args as _;
use refreshtop_connect::{
    environment::{self, Environment},
    secret::ConnectionUrl,
};
use refreshtop_core::{address::ViewId, health::Switch};
use refreshtop_tui::screens::screen::Screen;
use std::{collections::BTreeMap, error::Error as _, path::PathBuf, time::Duration};
use tracing::Level;

/// Their values; `None` for what is not set.
#[derive(Debug, Clone, Default, PartialEq, clap::Args)]
#[expect(clippy::doc_markdown, reason = "these comments are the text of --help")]
#[command(next_help_heading = "Options of every command")]
pub struct Layer {
    /// Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…"
    ///
    /// Every process on the machine can read a command line, so keep passwords out of it: put the URL into
    /// REFRESHTOP_URL or a profile, or the password into PGPASSWORD or ~/.pgpass. Without a URL or a profile, the PG*
    /// variables and the defaults of psql apply.
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<ConnectionUrl>,

    /// Profile of the config file to use
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,

    /// Config file to read instead of refreshtop/config.toml in the user's config folder
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Materialized view to show and refresh, as it is named in refreshtop.views [default: all that are managed; for what
    /// is about one view platform_metrics, or the only one]
    #[arg(long, global = true, value_name = "NAME", value_parser = value::view)]
    pub view: Option<ViewId>,

    /// Time between polls, 1s to 24h [default: 30s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = value::poll)]
    pub poll: Option<Duration>,

    /// Window of the statistics, 1m to 366d [default: the view's own, usually 24h]
    #[arg(long, global = true, value_name = "DURATION", value_parser = value::window)]
    pub window: Option<Duration>,

    /// Success rate below which it is a warning [default: the view's own, usually 95]
    #[arg(long, global = true, value_name = "PERCENT", value_parser = value::percent)]
    pub success_warning: Option<f64>,

    /// Success rate below which it is critical [default: the view's own, usually 80]
    #[arg(long, global = true, value_name = "PERCENT", value_parser = value::percent)]
    pub success_critical: Option<f64>,

    /// Average duration of a refresh above which it is a warning [default: the view's own, usually 5s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = value::limit)]
    pub max_average: Option<Duration>,

    /// Age of the last successful refresh above which it is a warning [default: the view's own, usually 10m]
    #[arg(long, global = true, value_name = "DURATION", value_parser = value::limit)]
    pub max_age: Option<Duration>,

    /// Checks of the state of now to leave out: nothing_refreshes, failures_in_a_row, too_old, slow
    #[arg(long, global = true, value_name = "CHECKS", value_delimiter = ',', value_parser = value::switch)]
    pub ignore: Option<Vec<Switch>>,

    /// Colours: terminal, light, dark, colorblind or mono [default: terminal]
    #[arg(long, global = true, value_name = "NAME", value_parser = value::theme)]
    pub theme: Option<String>,

    /// Draw with ASCII only [default: by locale]
    #[arg(
        long,
        global = true,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = value::yes_or_no
    )]
    pub ascii: Option<bool>,

    /// Screen to start the monitor with: board, overview, runs, incidents, history, diagnose, columns or wall [default:
    /// board if several views are managed, else overview]
    #[arg(long, global = true, value_name = "NAME", value_parser = value::screen)]
    pub screen: Option<Screen>,

    /// Use the mouse in the monitor: the terminal's own selection then needs Shift [default: false]
    #[arg(
        long,
        global = true,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = value::yes_or_no
    )]
    pub mouse: Option<bool>,

    /// Write a log to this file
    #[arg(long, global = true, value_name = "FILE", value_parser = value::path)]
    pub log_file: Option<PathBuf>,

    /// Write a log at this level: error, warn, info, debug or trace
    ///
    /// Without a log file it goes to refreshtop/refreshtop.log in the user's state folder.
    #[arg(long, global = true, value_name = "LEVEL", value_parser = value::log_level)]
    pub log_level: Option<Level>,
}

/// Values of options by their names, as they would stand on the command line.
pub type Words = BTreeMap<String, Vec<String>>;

/// A variable of the environment with a value that it may not have. The value is not repeated: it may be a password that
/// slipped into the wrong variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct BadVariable {
    name: String,
    problem: String,
}

/// Name of the environment variable that stands for a flag.
pub fn variable(flag: &str) -> String {
    format!("REFRESHTOP_{}", flag.replace('-', "_").to_ascii_uppercase())
}

/// The options of every command that the environment sets.
///
/// # Errors
/// The first variable with a value that it may not have.
pub fn of_environment(environment: &Environment) -> Result<Words, BadVariable> {
    let mut words = Words::new();
    for arg in definition().get_arguments() {
        let (option, name) = (arg.get_id().as_str(), variable(arg.get_id().as_str()));
        let Some(word) = environment::get(environment, &name) else { continue };
        if let Some(problem) = problem(option, word) {
            return Err(BadVariable { name, problem });
        }
        words.insert(option.to_owned(), vec![word.to_owned()]);
    }
    Ok(words)
}

/// Why `word` can't be the value of an option of every command; the word itself is not repeated.
pub fn problem(option: &str, word: &str) -> Option<String> {
    let flag = format!("--{}={word}", option.replace('_', "-"));
    let error = definition().no_binary_name(true).try_get_matches_from([flag]).err()?;
    Some(error.source().map_or_else(|| "not a value of this setting".to_owned(), ToString::to_string))
}

fn definition() -> clap::Command {
    Layer::augment_args(clap::Command::new(""))
}
