//! Settings: flags override the environment, and the environment overrides the config file.

pub mod file;
pub mod layer;
pub(crate) mod mistake;
pub mod options;
pub mod origin;
pub mod value;
pub mod variables;

use crate::cli::Cli;
use directories::ProjectDirs;
pub use file::File;
use file::Profile;
pub use layer::Layer;
use layer::Words;
use refreshtop_connect::{environment::Environment, secret::ConnectionUrl};
use refreshtop_core::{address::ViewId, health::Thresholds, limits::Overrides};
use refreshtop_db::contract::PLATFORM_METRICS;
use refreshtop_tui::{app::state::Options, keys::KeyMap, screens::screen::Screen};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};
use tracing::Level;

/// All settings of a run, with the defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Connection string; `None` leaves it to the `PG*` variables.
    pub url: Option<ConnectionUrl>,
    /// Profile that the connection string is from; `None` for a bare URL and for the `PG*` variables.
    pub profile: Option<String>,
    /// The materialized view that is shown and refreshed.
    pub view: ViewId,
    /// Whether it was named. If not, and no such view is registered, another one may be meant.
    pub view_named: bool,
    /// Time between polls; 1 s to 24 h.
    pub poll: Duration,
    /// Limits in the place of a view's own, and the window; 1 min to 366 days.
    pub overrides: Overrides,
    /// Name of the theme, one of [`value::THEMES`].
    pub theme: String,
    /// Whether to draw with ASCII only; `None` leaves it to the locale.
    pub ascii: Option<bool>,
    /// The screen that the monitor starts with; `None` leaves it to how many views there are.
    pub screen: Option<Screen>,
    /// Whether the monitor uses the mouse.
    pub mouse: bool,
    /// The keys of the monitor.
    pub keys: KeyMap,
    /// The log; `None` for none.
    pub log: Option<Log>,
    /// Warnings: one sentence each, without secrets.
    pub warnings: Vec<String>,
}

impl Settings {
    /// The settings of the monitor.
    pub fn options(&self) -> Options {
        Options {
            poll_interval: self.poll,
            screen: self.screen,
            view_named: self.view_named,
            overrides: self.overrides.clone(),
        }
    }
}

/// Where the log goes and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The file.
    pub file: PathBuf,
    /// The least important lines that are still written.
    pub level: Level,
    /// Whether it is the default file, whose folder is made if it is missing.
    pub usual: bool,
}

/// Time between polls by default.
const DEFAULT_POLL: Duration = Duration::from_secs(30);

/// A mistake in the settings: what, where, and what is allowed. Ends a run with [`refreshtop_core::exit::SETTINGS`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

/// Reads flags, environment and config file. The command line is returned with the values of the other two filled in.
///
/// # Errors
/// The first mistake in file, environment or their combination.
pub fn resolve(arguments: &[OsString], environment: &Environment) -> Result<(Cli, Settings), SettingsError> {
    let sources = Sources::read(arguments, environment)?;
    let (cli, mut settings) = sources.merge(arguments, default_log_file().as_deref())?;
    settings.warnings.extend(variables::misspelt(environment));
    Ok((cli, settings))
}

/// Checks the file's options of single commands.
pub fn check_commands(arguments: &[OsString], environment: &Environment) -> Result<(), SettingsError> {
    let Some(file) = Sources::read(arguments, environment)?.file else { return Ok(()) };
    for line in file.commands().keys().flat_map(|command| options::lines(command)) {
        let definition = options::definition(&Words::new(), file.commands());
        Cli::read_by(definition, std::iter::once("refreshtop".to_owned()).chain(line))
            .map_err(|error| mistake_of_command(&file, &error))?;
    }
    Ok(())
}

fn mistake_of_command(file: &File, error: &clap::Error) -> SettingsError {
    SettingsError(format!("{}, in [commands]: {}", file.path().display(), first_line(error)))
}

fn first_line(error: &clap::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// The layers, before they are merged.
struct Sources {
    flags: Layer,
    variables: Words,
    file: Option<File>,
}

/// The database. Only the strongest layer that names one, by URL or by profile, counts: so a URL in the environment does not
/// override `--profile`, and a URL never gets the name or the limits of a profile that it does not belong to.
struct Database {
    url: Option<ConnectionUrl>,
    profile: Option<String>,
}

impl Sources {
    fn read(arguments: &[OsString], environment: &Environment) -> Result<Self, SettingsError> {
        let flags = Cli::read(arguments).map_err(|error| SettingsError(first_line(&error)))?.options;
        let variables = layer::of_environment(environment).map_err(|error| SettingsError(error.to_string()))?;
        let path = flags.config.clone().or_else(|| word(&variables, "config").map(PathBuf::from));
        let file = match path {
            Some(path) => File::load(&path).map(Some),
            None => File::load_default(file::default_path().as_deref()),
        };
        Ok(Self { flags, variables, file: file.map_err(SettingsError)? })
    }

    /// Reads `arguments` with the values of environment and file as defaults. `log_file` is the default file of the log.
    ///
    /// # Errors
    /// An unknown profile, a layer that names both a URL and a profile, or limits that contradict each other.
    fn merge(&self, arguments: &[OsString], log_file: Option<&Path>) -> Result<(Cli, Settings), SettingsError> {
        let file = self.file.as_ref();
        let Database { url, profile } = self.database()?;
        let from_file = match (&profile, file) {
            (Some(name), Some(file)) => file.profile(name).map_err(SettingsError)?,
            (Some(name), None) => {
                return Err(SettingsError(format!(
                    "there is no profile {name:?}, because there is no config file: create one or name it with --config"
                )));
            }
            (None, file) => Profile { url: None, options: file.map(|file| file.global().clone()).unwrap_or_default() },
        };
        let mut weaker = from_file.options;
        weaker.extend(self.variables.clone());
        let commands = file.map(|file| file.commands().clone()).unwrap_or_default();
        let cli = Cli::read_by(options::definition(&weaker, &commands), arguments).map_err(|error| match file {
            Some(file) => mistake_of_command(file, &error),
            None => SettingsError(first_line(&error)),
        })?;
        let all = &cli.options;
        let settings = Settings {
            url: url.or(from_file.url),
            profile,
            view: all.view.clone().unwrap_or_else(|| ViewId::new(PLATFORM_METRICS)),
            view_named: all.view.is_some(),
            poll: all.poll.unwrap_or(DEFAULT_POLL),
            overrides: self.overrides(all)?,
            log: log(all, log_file),
            theme: all.theme.clone().unwrap_or_else(|| value::THEMES[0].to_owned()),
            ascii: all.ascii,
            screen: all.screen,
            mouse: all.mouse.unwrap_or_default(),
            keys: file.map(|file| file.keys().clone()).unwrap_or_default(),
            warnings: file.and_then(File::warning).map(str::to_owned).into_iter().collect(),
        };
        Ok((cli, settings))
    }

    fn database(&self) -> Result<Database, SettingsError> {
        let (flags, variables) = (&self.flags, &self.variables);
        let of_variables = (word(variables, "url").map(ConnectionUrl::new), word(variables, "profile"));
        for ((url, profile), names) in [
            ((flags.url.clone(), flags.profile.as_deref()), "--url and --profile"),
            (of_variables, "REFRESHTOP_URL and REFRESHTOP_PROFILE"),
        ] {
            if url.is_some() && profile.is_some() {
                return Err(SettingsError(format!("{names} both name a database: leave one of them out")));
            }
            if url.is_some() || profile.is_some() {
                return Ok(Database { url, profile: profile.map(str::to_owned) });
            }
        }
        let profile = self.file.as_ref().and_then(File::default_profile).map(str::to_owned);
        Ok(Database { url: None, profile })
    }

    /// The two rates are compared with each other and, where only one is given, with the usual other one. What a view
    /// has of its own is not known here.
    fn overrides(&self, all: &Layer) -> Result<Overrides, SettingsError> {
        let usual = Thresholds::default();
        let warning = all.success_warning.unwrap_or(usual.success_warning);
        let critical = all.success_critical.unwrap_or(usual.success_critical);
        if warning >= critical {
            return Ok(Overrides {
                max_age: all.max_age,
                max_duration: all.max_average,
                success_warning: all.success_warning,
                success_critical: all.success_critical,
                window: all.window,
                ignored: all.ignore.clone().unwrap_or_default(),
            });
        }
        let origin = |name: &str, flag: Option<f64>, any: Option<f64>| match () {
            () if flag.is_some() => "a flag",
            () if self.variables.contains_key(name) => "the environment",
            () if any.is_some() => "the config file",
            () => "the defaults",
        };
        Err(SettingsError(format!(
            "{} (success_warning is from {}, success_critical from {})",
            file::below(warning, critical),
            origin("success_warning", self.flags.success_warning, all.success_warning),
            origin("success_critical", self.flags.success_critical, all.success_critical),
        )))
    }
}

fn word<'a>(words: &'a Words, name: &str) -> Option<&'a str> {
    words.get(name)?.first().map(String::as_str)
}

/// The log, if a file or a level is set.
fn log(all: &Layer, default_file: Option<&Path>) -> Option<Log> {
    if all.log_file.is_none() && all.log_level.is_none() {
        return None;
    }
    let file = all.log_file.clone().or_else(|| default_file.map(Path::to_owned))?;
    Some(Log { file, level: all.log_level.unwrap_or(Level::INFO), usual: all.log_file.is_none() })
}

/// `refreshtop/refreshtop.log` in the user's state folder (`XDG_STATE_HOME`, or `~/.local/state`); where the system
/// has no such folder, its folder for local data.
fn default_log_file() -> Option<PathBuf> {
    let folders = ProjectDirs::from("", "", "refreshtop")?;
    Some(folders.state_dir().unwrap_or_else(|| folders.data_local_dir()).join("refreshtop.log"))
}

#[cfg(test)]
mod tests;
