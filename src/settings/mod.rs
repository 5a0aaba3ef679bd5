//! Settings, in three layers: the config file, over it the environment, over that the flags.

pub mod commands;
pub mod file;
pub mod layer;
pub(crate) mod mistake;
pub mod value;
pub mod variables;

use directories::ProjectDirs;
pub use file::File;
pub use layer::Layer;
use refreshtop_connect::{environment::Environment, secret::ConnectionUrl};
use refreshtop_core::health::Thresholds;
use refreshtop_tui::{
    app::{state::Options, views::View},
    screen::keys::KeyMap,
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tracing::Level;

/// Everything that a run was told, with the defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Connection string; `None` leaves it to the `PG*` variables.
    pub url: Option<ConnectionUrl>,
    /// Profile that the connection string is from; `None` for a bare URL and for the `PG*` variables.
    pub profile: Option<String>,
    /// Time between polls; 1 s to 24 h.
    pub poll: Duration,
    /// Window of the statistics; 1 min to 366 days.
    pub window: Duration,
    /// Limits of the health rules.
    pub thresholds: Thresholds,
    /// Name of the theme, one of [`value::THEMES`].
    pub theme: String,
    /// Whether to draw with ASCII only; `None` leaves it to the locale.
    pub ascii: Option<bool>,
    /// The screen that the monitor starts with.
    pub screen: View,
    /// Whether the monitor uses the mouse.
    pub mouse: bool,
    /// Which key asks for what.
    pub keys: KeyMap,
    /// The log; `None` for none.
    pub log: Option<Log>,
    /// What the user should know, though it stops nothing. One sentence each, nothing secret in them.
    pub warnings: Vec<String>,
}

impl Settings {
    /// What the monitor needs of them. `place` is the host for people ([`refreshtop_connect::Target::place`]).
    pub fn options(&self) -> Options {
        Options {
            poll_interval: self.poll,
            window: self.window,
            view: self.screen,
            thresholds: self.thresholds.clone(),
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
    /// Nobody named the file: it is the usual one, in a folder that is made where it is missing.
    pub usual: bool,
}

/// Time between polls where nothing else is said.
pub const DEFAULT_POLL: Duration = Duration::from_secs(30);
/// Window of the statistics where nothing else is said.
pub const DEFAULT_WINDOW: Duration = Duration::from_hours(24);

/// The settings are wrong; says what, where, and what is allowed. Ends a run with [`refreshtop_core::exit::SETTINGS`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

/// Reads the config file and puts the layers together.
///
/// # Errors
/// The first mistake in file, environment or their combination.
pub fn resolve(flags: &Layer, environment: &Environment) -> Result<Settings, SettingsError> {
    let variables = Layer::from_environment(environment).map_err(|error| SettingsError(error.to_string()))?;
    let file = config_file(flags, &variables)?;
    let mut settings = merge(flags, &variables, file.as_ref(), default_log_file().as_deref())?;
    settings.warnings.extend(variables::misspelt(environment));
    Ok(settings)
}

fn config_file(flags: &Layer, variables: &Layer) -> Result<Option<File>, SettingsError> {
    let file = match flags.config.as_ref().or(variables.config.as_ref()) {
        Some(path) => File::load(path).map(Some),
        None => File::load_default(file::default_path().as_deref()),
    };
    file.map_err(SettingsError)
}

/// Puts the layers together: `flags` over `variables` over `file` over the defaults. `log_file` is for a log that is
/// wanted without a file being named.
///
/// The database is the business of one layer: the strongest that names one, by URL or by profile, decides alone. So
/// `--profile` is not undone by a URL in the environment, and a bare URL never carries the name or the limits of a
/// profile that it does not belong to.
///
/// # Errors
/// An unknown profile, a layer that names both a URL and a profile, or limits that contradict each other.
pub fn merge(
    flags: &Layer,
    variables: &Layer,
    file: Option<&File>,
    log_file: Option<&Path>,
) -> Result<Settings, SettingsError> {
    let Target { url, profile } = target(flags, variables, file)?;
    let from_file = match (&profile, file) {
        (Some(name), Some(file)) => file.profile(name).map_err(SettingsError)?,
        (Some(name), None) => {
            return Err(SettingsError(format!(
                "there is no profile {name:?}, because there is no config file: create one or name it with --config"
            )));
        }
        (None, Some(file)) => file.global().clone(),
        (None, None) => Layer::default(),
    };
    let own_url = if profile.is_some() { from_file.url.clone() } else { None };
    let all = flags.clone().over(variables.clone()).over(from_file);
    Ok(Settings {
        url: url.or(own_url),
        profile,
        poll: all.poll.unwrap_or(DEFAULT_POLL),
        window: all.window.unwrap_or(DEFAULT_WINDOW),
        thresholds: thresholds(&all, flags, variables)?,
        log: log(&all, log_file),
        theme: all.theme.unwrap_or_else(|| value::THEMES[0].to_owned()),
        ascii: all.ascii,
        screen: all.screen.unwrap_or_default(),
        mouse: all.mouse.unwrap_or_default(),
        keys: file.map(|file| file.keys().clone()).unwrap_or_default(),
        warnings: file.and_then(File::warning).map(str::to_owned).into_iter().collect(),
    })
}

#[derive(Default)]
struct Target {
    url: Option<ConnectionUrl>,
    profile: Option<String>,
}

fn target(flags: &Layer, variables: &Layer, file: Option<&File>) -> Result<Target, SettingsError> {
    for (layer, names) in [(flags, "--url and --profile"), (variables, "REFRESHTOP_URL and REFRESHTOP_PROFILE")] {
        if layer.url.is_some() && layer.profile.is_some() {
            return Err(SettingsError(format!("{names} both name a database: leave one of them out")));
        }
        if layer.url.is_some() || layer.profile.is_some() {
            return Ok(Target { url: layer.url.clone(), profile: layer.profile.clone() });
        }
    }
    Ok(Target { url: None, profile: file.and_then(File::default_profile).map(str::to_owned) })
}

fn thresholds(all: &Layer, flags: &Layer, variables: &Layer) -> Result<Thresholds, SettingsError> {
    let defaults = Thresholds::default();
    let thresholds = Thresholds {
        success_critical: all.success_critical.unwrap_or(defaults.success_critical),
        success_warning: all.success_warning.unwrap_or(defaults.success_warning),
        average_duration: all.max_average.unwrap_or(defaults.average_duration),
        freshness: all.max_age.unwrap_or(defaults.freshness),
    };
    if thresholds.success_warning >= thresholds.success_critical {
        return Ok(thresholds);
    }
    let origin = |field: fn(&Layer) -> Option<f64>| match () {
        () if field(flags).is_some() => "a flag",
        () if field(variables).is_some() => "the environment",
        () if field(all).is_some() => "the config file",
        () => "the defaults",
    };
    Err(SettingsError(format!(
        "{} (success_warning is from {}, success_critical from {})",
        file::below(thresholds.success_warning, thresholds.success_critical),
        origin(|layer| layer.success_warning),
        origin(|layer| layer.success_critical),
    )))
}

/// A log is kept only where a file or a level was asked for.
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
mod tests {
    use super::*;

    const FILE: &str = r#"
poll = "20s"
window = "2h"
theme = "light"
default_profile = "prod"

[thresholds]
success_warning = 96
max_age = "20m"

[profiles.prod]
url = "postgres://prod/app"
poll = "10s"

[profiles.prod.thresholds]
success_warning = 99

[profiles.bare]
"#;

    fn flags(line: &str) -> Layer {
        crate::cli::Cli::read(std::iter::once("refreshtop").chain(line.split_whitespace())).unwrap().options
    }

    fn environment(pairs: &str) -> Environment {
        pairs.split_whitespace().filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
    }

    fn settled(line: &str, variables: &str, file: &str) -> Result<Settings, String> {
        let variables = Layer::from_environment(&environment(variables)).map_err(|error| error.to_string())?;
        let file = File::parse(Path::new("c.toml"), file)?;
        merge(&flags(line), &variables, Some(&file), Some(Path::new("/state/x.log"))).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_said_gives_the_defaults() {
        let settings = merge(&Layer::default(), &Layer::default(), None, None).unwrap();
        let wanted = Settings {
            screen: View::Overview,
            mouse: false,
            keys: KeyMap::default(),
            url: None,
            profile: None,
            poll: Duration::from_secs(30),
            window: Duration::from_hours(24),
            thresholds: Thresholds::default(),
            theme: "terminal".into(),
            ascii: None,
            log: None,
            warnings: Vec::new(),
        };
        assert_eq!(settings, wanted);
    }

    #[test]
    fn the_stronger_layer_wins() {
        // Flags, environment, file, then the poll interval in seconds and the theme.
        for (line, variables, file, poll, theme) in [
            ("", "", "", 30, "terminal"),
            ("", "", "poll = '20s'\ntheme = 'light'", 20, "light"),
            ("", "REFRESHTOP_POLL=5s", "poll = '20s'\ntheme = 'light'", 5, "light"),
            ("", "REFRESHTOP_POLL= REFRESHTOP_THEME=dark", "poll = '20s'", 20, "dark"),
            ("--poll 2s", "REFRESHTOP_POLL=5s REFRESHTOP_THEME=dark", "poll = '20s'", 2, "dark"),
            ("--theme mono", "REFRESHTOP_THEME=dark", "theme = 'light'", 30, "mono"),
            ("--profile bare", "", FILE, 20, "light"),
            ("--profile prod", "", FILE, 10, "light"),
            ("--profile prod", "REFRESHTOP_POLL=5s", FILE, 5, "light"),
            ("--profile prod --poll 2s", "REFRESHTOP_POLL=5s", FILE, 2, "light"),
        ] {
            let settings = settled(line, variables, file).unwrap();
            let got = (settings.poll.as_secs(), settings.theme.as_str());
            assert_eq!(got, (poll, theme), "{line:?} {variables:?} {file:?}");
        }
    }

    #[test]
    fn every_setting_has_all_three_layers() {
        let file = "window = '2h'\nascii = true\nlog_file = 'f.log'\nlog_level = 'warn'\n[thresholds]\n\
                    success_warning = 91\nsuccess_critical = 71\nmax_average = '1s'\nmax_age = '1m'";
        let variables = "REFRESHTOP_WINDOW=3h REFRESHTOP_ASCII=no REFRESHTOP_LOG_FILE=e.log REFRESHTOP_LOG_LEVEL=info \
                         REFRESHTOP_SUCCESS_WARNING=92 REFRESHTOP_SUCCESS_CRITICAL=72 REFRESHTOP_MAX_AVERAGE=2s \
                         REFRESHTOP_MAX_AGE=2m";
        let line = "--window 4h --ascii --log-file g.log --log-level debug --success-warning 93 --success-critical 73 \
                    --max-average 3s --max-age 3m";
        for (line, variables, hours, ascii, log, level, number) in [
            ("", "", 2, true, "f.log", Level::WARN, 1_u32),
            ("", variables, 3, false, "e.log", Level::INFO, 2),
            (line, variables, 4, true, "g.log", Level::DEBUG, 3),
        ] {
            let settings = settled(line, variables, file).unwrap();
            let thresholds = Thresholds {
                success_warning: 90.0 + f64::from(number),
                success_critical: 70.0 + f64::from(number),
                average_duration: Duration::from_secs(number.into()),
                freshness: Duration::from_mins(number.into()),
            };
            assert_eq!(settings.thresholds, thresholds);
            assert_eq!((settings.window, settings.ascii), (Duration::from_hours(hours), Some(ascii)));
            assert_eq!(settings.log, Some(Log { file: log.into(), level, usual: false }));
        }
    }

    #[test]
    fn the_strongest_layer_that_names_a_database_decides_alone() {
        let (bob, eve) = ("REFRESHTOP_URL=postgres://bob/x", "--url postgres://eve/x");
        for (line, variables, profile, url) in [
            ("", "", Some("prod"), Some("postgres://prod/app")),
            ("", bob, None, Some("postgres://bob/x")),
            (eve, bob, None, Some("postgres://eve/x")),
            (eve, "REFRESHTOP_PROFILE=prod", None, Some("postgres://eve/x")),
            ("--profile prod", bob, Some("prod"), Some("postgres://prod/app")),
            ("--profile bare", bob, Some("bare"), None),
            ("", "REFRESHTOP_PROFILE=bare", Some("bare"), None),
        ] {
            let settings = settled(line, variables, FILE).unwrap();
            let got = (settings.profile.as_deref(), settings.url.as_ref().map(ConnectionUrl::expose));
            assert_eq!(got, (profile, url), "{line:?} {variables:?}");
            let limit = if profile == Some("prod") { 99.0 } else { 96.0 };
            assert!((settings.thresholds.success_warning - limit).abs() < f64::EPSILON, "{line:?} {variables:?}");
            assert_eq!(settings.thresholds.freshness, Duration::from_mins(20));
        }
    }

    #[test]
    fn a_level_alone_logs_to_the_state_folder() {
        let log = settled("--log-level debug", "", "").unwrap().log;
        assert_eq!(log, Some(Log { file: "/state/x.log".into(), level: Level::DEBUG, usual: true }));
    }

    #[test]
    fn mistakes_say_where_they_are_from() {
        for (line, variables, file, wanted) in [
            ("--profile pord", "", FILE, "c.toml: unknown profile `pord`: did you mean `prod`? allowed: bare, prod"),
            ("--profile x", "", "", "unknown profile `x`: none is defined"),
            ("--url a --profile b", "", "", "--url and --profile both name a database"),
            ("", "REFRESHTOP_URL=a REFRESHTOP_PROFILE=b", "", "REFRESHTOP_URL and REFRESHTOP_PROFILE both name"),
            ("", "REFRESHTOP_POLL=5", "", "REFRESHTOP_POLL: not a duration"),
            (
                "--success-critical 97 --profile bare",
                "",
                FILE,
                "success_warning (96 %) is below success_critical (97 %)",
            ),
            ("--success-critical 97", "", "", "(success_warning is from the defaults, success_critical from a flag)"),
            (
                "",
                "REFRESHTOP_SUCCESS_WARNING=70",
                "",
                "(success_warning is from the environment, success_critical from",
            ),
        ] {
            let error = settled(line, variables, file).unwrap_err();
            assert!(error.contains(wanted), "{line:?} {variables:?}: {error}");
        }
        let none = merge(&flags("--profile x"), &Layer::default(), None, None).unwrap_err();
        assert!(none.to_string().contains("there is no config file"), "{none}");
    }

    #[test]
    fn a_bad_variable_never_shows_a_password() {
        let error = settled("", "REFRESHTOP_POLL=postgres://bob:hunter2@h/app", "").unwrap_err();
        assert!(error.starts_with("REFRESHTOP_POLL: not a duration"), "{error}");
    }

    #[test]
    fn every_flag_is_read_from_the_environment() {
        let values = |id: &str| match id {
            "poll" | "window" | "max_average" | "max_age" => "90s",
            "success_warning" | "success_critical" => "90",
            "ascii" | "mouse" => "true",
            "screen" => "wall",
            "theme" => "mono",
            "log_level" => "debug",
            _ => "x",
        };
        let command = <Layer as clap::Args>::augment_args(clap::Command::new(""));
        let ids: Vec<String> = command.get_arguments().map(|arg| arg.get_id().to_string()).collect();
        for id in ids {
            let variables = Environment::from([(layer::variable(&id), values(&id).to_owned())]);
            assert_ne!(Layer::from_environment(&variables).unwrap(), Layer::default(), "{id}");
        }
    }
}
