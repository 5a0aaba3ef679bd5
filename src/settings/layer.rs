//! One source's wishes: flags, environment and config file all become a [`Layer`], and the stronger one wins.

use super::value;
use refreshtop_connect::{
    environment::{self, Environment},
    secret::ConnectionUrl,
};
use refreshtop_tui::app::views::View;
use std::{path::PathBuf, time::Duration};
use tracing::Level;

/// What one source says; `None` where it says nothing.
///
/// The flags of the command line are this very type, so a setting can't exist in one source only.
#[derive(Debug, Clone, Default, PartialEq, clap::Args)]
#[expect(clippy::doc_markdown, reason = "what is said about the fields is the text of --help")]
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

    /// Time between polls, 1s to 24h [default: 30s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = value::poll)]
    pub poll: Option<Duration>,

    /// Window of the statistics, 1m to 366d [default: 24h]
    #[arg(long, global = true, value_name = "DURATION", value_parser = value::window)]
    pub window: Option<Duration>,

    /// Success rate below which it is a warning [default: 95]
    #[arg(long, global = true, value_name = "PERCENT", value_parser = value::percent)]
    pub success_warning: Option<f64>,

    /// Success rate below which it is critical [default: 80]
    #[arg(long, global = true, value_name = "PERCENT", value_parser = value::percent)]
    pub success_critical: Option<f64>,

    /// Average duration of a refresh above which it is a warning [default: 5s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = value::limit)]
    pub max_average: Option<Duration>,

    /// Age of the last successful refresh above which it is a warning [default: 10m]
    #[arg(long, global = true, value_name = "DURATION", value_parser = value::limit)]
    pub max_age: Option<Duration>,

    /// Colours: terminal, light, dark, colorblind or mono [default: terminal]
    #[arg(long, global = true, value_name = "NAME", value_parser = value::theme)]
    pub theme: Option<String>,

    /// Draw with ASCII only [default: as the locale says]
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

    /// Screen to start the monitor with: overview, runs, incidents, history, diagnose, metrics or wall [default:
    /// overview]
    #[arg(long, global = true, value_name = "NAME", value_parser = value::screen)]
    pub screen: Option<View>,

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

    /// Write a log of this detail: error, warn, info, debug or trace
    ///
    /// Without a log file it goes to refreshtop/refreshtop.log in the user's state folder.
    #[arg(long, global = true, value_name = "LEVEL", value_parser = value::log_level)]
    pub log_level: Option<Level>,
}

/// A variable of the environment that holds something else than it may. The value is not repeated: it may be a
/// password that slipped into the wrong variable.
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

impl Layer {
    /// What the environment says.
    ///
    /// # Errors
    /// The first variable with a value that it may not have.
    pub fn from_environment(environment: &Environment) -> Result<Self, BadVariable> {
        let text = |flag: &str| environment::get(environment, &variable(flag)).map(str::to_owned);
        Ok(Self {
            url: text("url").map(ConnectionUrl::new),
            profile: text("profile"),
            config: text("config").map(PathBuf::from),
            poll: read(environment, "poll", value::poll)?,
            window: read(environment, "window", value::window)?,
            success_warning: read(environment, "success-warning", value::percent)?,
            success_critical: read(environment, "success-critical", value::percent)?,
            max_average: read(environment, "max-average", value::limit)?,
            max_age: read(environment, "max-age", value::limit)?,
            theme: read(environment, "theme", value::theme)?,
            ascii: read(environment, "ascii", value::yes_or_no)?,
            screen: read(environment, "screen", value::screen)?,
            mouse: read(environment, "mouse", value::yes_or_no)?,
            log_file: read(environment, "log-file", value::path)?,
            log_level: read(environment, "log-level", value::log_level)?,
        })
    }

    /// This layer over a weaker one.
    pub fn over(self, weaker: Self) -> Self {
        Self {
            url: self.url.or(weaker.url),
            profile: self.profile.or(weaker.profile),
            config: self.config.or(weaker.config),
            poll: self.poll.or(weaker.poll),
            window: self.window.or(weaker.window),
            success_warning: self.success_warning.or(weaker.success_warning),
            success_critical: self.success_critical.or(weaker.success_critical),
            max_average: self.max_average.or(weaker.max_average),
            max_age: self.max_age.or(weaker.max_age),
            theme: self.theme.or(weaker.theme),
            ascii: self.ascii.or(weaker.ascii),
            screen: self.screen.or(weaker.screen),
            mouse: self.mouse.or(weaker.mouse),
            log_file: self.log_file.or(weaker.log_file),
            log_level: self.log_level.or(weaker.log_level),
        }
    }
}

fn read<T>(
    environment: &Environment,
    flag: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, BadVariable> {
    let name = variable(flag);
    let Some(text) = environment::get(environment, &name) else { return Ok(None) };
    parse(text).map(Some).map_err(|problem| BadVariable { name, problem })
}
