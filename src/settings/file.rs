//! The config file.

use super::{
    commands,
    layer::Layer,
    mistake::{describe, explain, unknown},
    value,
};
use directories::ProjectDirs;
use refreshtop_connect::secret::ConnectionUrl;
use refreshtop_core::health::Thresholds;
use refreshtop_tui::{app::views::View, screen::keys::KeyMap};
use serde::{Deserialize, Deserializer, de};
use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    time::Duration,
};
use toml::Spanned;
use tracing::Level;

/// A config file that holds together: every value is allowed, every warning limit is at or above its critical one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct File {
    path: PathBuf,
    default_profile: Option<String>,
    global: Layer,
    profiles: BTreeMap<String, Layer>,
    commands: BTreeMap<String, Options>,
    keys: KeyMap,
    warning: Option<String>,
}

/// What the file says of a command's own options, by their names.
pub type Options = BTreeMap<String, Vec<String>>;

impl File {
    /// Reads a file.
    ///
    /// # Errors
    /// Why it can't be read, or the first mistake in it, with its place.
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            format!("cannot read the config file {}: {error}; create it or name another with --config", path.display())
        })?;
        let mut file = Self::parse(path, &text)?;
        if file.profiles.values().any(|profile| profile.url.as_ref().is_some_and(ConnectionUrl::may_hold_password))
            && readable_by_others(path)
        {
            file.warning =
                Some(format!("{0} holds a password and others can read it: run chmod 600 {0}", path.display()));
        }
        Ok(file)
    }

    /// Reads the file at the default place; `None` where there is none.
    pub fn load_default(path: Option<&Path>) -> Result<Option<Self>, String> {
        let Some(path) = path else { return Ok(None) };
        match std::fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            _ => Self::load(path).map(Some),
        }
    }

    /// Reads the text of a file; `path` is for the messages.
    pub fn parse(path: &Path, text: &str) -> Result<Self, String> {
        let raw: RawFile = toml::from_str(text).map_err(|error| {
            let problem = explain(error.message());
            describe(path, text, error.span(), &problem)
        })?;
        raw.check(path, text)?;
        Ok(raw.into_file(path))
    }

    /// Where it was read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The profile for runs that name none.
    pub fn default_profile(&self) -> Option<&str> {
        self.default_profile.as_deref()
    }

    /// What the file says of the commands' own options.
    pub fn commands(&self) -> &BTreeMap<String, Options> {
        &self.commands
    }

    /// Which key asks for what.
    pub fn keys(&self) -> &KeyMap {
        &self.keys
    }

    /// Something to tell the user that does not stop the program.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// What the file says outside of profiles.
    pub fn global(&self) -> &Layer {
        &self.global
    }

    /// What the file says for a profile: its own values over the global ones.
    ///
    /// # Errors
    /// There is no such profile; the message lists those that there are.
    pub fn profile(&self, name: &str) -> Result<Layer, String> {
        let own = self.profiles.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            format!("{}: {}", self.path.display(), unknown("profile", name, &known))
        })?;
        Ok(own.clone().over(self.global.clone()))
    }
}

/// Where the config file is looked for: `refreshtop/config.toml` in the user's config folder (`XDG_CONFIG_HOME`, or
/// `~/.config`). `None` for a user without a home.
pub fn default_path() -> Option<PathBuf> {
    ProjectDirs::from("", "", "refreshtop").map(|folders| folders.config_dir().join("config.toml"))
}

#[cfg(unix)]
fn readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn readable_by_others(_path: &Path) -> bool {
    false
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default, deserialize_with = "poll")]
    poll: Option<Duration>,
    #[serde(default, deserialize_with = "window")]
    window: Option<Duration>,
    #[serde(default, deserialize_with = "theme")]
    theme: Option<String>,
    ascii: Option<bool>,
    #[serde(default, deserialize_with = "screen")]
    screen: Option<View>,
    mouse: Option<bool>,
    #[serde(default, deserialize_with = "log_file")]
    log_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "log_level")]
    log_level: Option<Level>,
    default_profile: Option<Spanned<String>>,
    #[serde(default)]
    thresholds: RawThresholds,
    #[serde(default)]
    profiles: BTreeMap<String, RawProfile>,
    #[serde(default)]
    keys: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
    #[serde(default)]
    commands: BTreeMap<Spanned<String>, BTreeMap<Spanned<String>, Spanned<toml::Value>>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawThresholds {
    success_critical: Option<Spanned<Percent>>,
    success_warning: Option<Spanned<Percent>>,
    #[serde(default, deserialize_with = "limit")]
    max_average: Option<Duration>,
    #[serde(default, deserialize_with = "limit")]
    max_age: Option<Duration>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    url: Option<String>,
    #[serde(default, deserialize_with = "poll")]
    poll: Option<Duration>,
    #[serde(default, deserialize_with = "window")]
    window: Option<Duration>,
    #[serde(default)]
    thresholds: RawThresholds,
}

#[derive(Clone, Copy)]
struct Percent(f64);

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalar(value::percent)).map(Self)
    }
}

impl RawFile {
    /// What no single value can show: limits against each other, and profiles by name.
    fn check(&self, path: &Path, text: &str) -> Result<(), String> {
        let global = RawThresholds::default();
        for (own, weaker) in std::iter::once((&self.thresholds, &global))
            .chain(self.profiles.values().map(|profile| (&profile.thresholds, &self.thresholds)))
        {
            own.check(weaker).map_err(|(span, problem)| describe(path, text, Some(span), &problem))?;
        }
        if let Some(name) = &self.default_profile
            && !self.profiles.contains_key(name.as_ref())
        {
            let known: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            return Err(describe(path, text, Some(name.span()), &unknown("profile", name.as_ref(), &known)));
        }
        self.key_map().map_err(|(span, problem)| describe(path, text, Some(span), &problem))?;
        for (command, options) in &self.commands {
            let place = |span, problem: &str| describe(path, text, Some(span), problem);
            let known = commands::options(command.as_ref())
                .ok_or_else(|| place(command.span(), &unknown("command", command.as_ref(), &commands::names())))?;
            for (option, value) in options {
                if !known.contains(option.as_ref()) {
                    let known: Vec<&str> = known.iter().map(String::as_str).collect();
                    return Err(place(option.span(), &unknown("key", option.as_ref(), &known)));
                }
                words(value.as_ref()).ok_or_else(|| {
                    place(value.span(), "this must be a string, a number, true or false, or a list of them")
                })?;
            }
        }
        Ok(())
    }

    /// The default keys with those of the file in their place.
    fn key_map(&self) -> Result<KeyMap, (std::ops::Range<usize>, String)> {
        let (mut map, mut given) = (KeyMap::default(), BTreeMap::new());
        let mut last = None;
        for (name, value) in &self.keys {
            if !KeyMap::names().contains(&name.as_ref().as_str()) {
                return Err((name.span(), unknown("action", name.as_ref(), &KeyMap::names())));
            }
            let keys = key_names(value.as_ref()).ok_or_else(|| {
                (value.span(), "this must be a key or a list of keys, e.g. [\"q\", \"Ctrl-c\"]".into())
            })?;
            map.bind(name.as_ref(), &keys, &mut given).map_err(|problem| (value.span(), problem))?;
            last = Some(value.span());
        }
        match (map.unreachable(), last) {
            (Some(name), Some(span)) => Err((span, format!("no key is left for {name}: give it one"))),
            _ => Ok(map),
        }
    }

    fn into_file(self, path: &Path) -> File {
        let keys = self.key_map().unwrap_or_default();
        let thresholds = self.thresholds.into_layer();
        let profiles = self.profiles.into_iter().map(|(name, profile)| (name, profile.into_layer())).collect();
        File {
            path: path.to_owned(),
            default_profile: self.default_profile.map(Spanned::into_inner),
            global: Layer {
                poll: self.poll,
                window: self.window,
                theme: self.theme,
                ascii: self.ascii,
                screen: self.screen,
                mouse: self.mouse,
                log_file: self.log_file,
                log_level: self.log_level,
                ..thresholds
            },
            profiles,
            commands: self
                .commands
                .into_iter()
                .map(|(command, options)| {
                    let words = |value: Spanned<toml::Value>| words(value.as_ref()).unwrap_or_default();
                    let options = options.into_iter().map(|(name, value)| (name.into_inner(), words(value)));
                    (command.into_inner(), options.collect())
                })
                .collect(),
            keys,
            warning: None,
        }
    }
}

/// The keys of an action: one, or a list.
fn key_names(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(name) => Some(vec![name.clone()]),
        toml::Value::Array(names) => names.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// A value as it would stand on the command line.
fn words(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(text) => Some(vec![text.clone()]),
        toml::Value::Integer(number) => Some(vec![number.to_string()]),
        toml::Value::Float(number) => Some(vec![number.to_string()]),
        toml::Value::Boolean(yes) => Some(vec![yes.to_string()]),
        toml::Value::Array(values) => values.iter().map(|value| words(value)?.into_iter().next()).collect(),
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

impl RawThresholds {
    /// Holds the two success rates against each other where this table sets at least one, taking the other from the
    /// weaker table or the defaults.
    fn check(&self, weaker: &Self) -> Result<(), (std::ops::Range<usize>, String)> {
        let defaults = Thresholds::default();
        let Some(place) = self.success_warning.as_ref().or(self.success_critical.as_ref()).map(Spanned::span) else {
            return Ok(());
        };
        let pick = |own: &Option<Spanned<Percent>>, other: &Option<Spanned<Percent>>, default: f64| {
            own.as_ref().or(other.as_ref()).map_or(default, |value| value.as_ref().0)
        };
        let warning = pick(&self.success_warning, &weaker.success_warning, defaults.success_warning);
        let critical = pick(&self.success_critical, &weaker.success_critical, defaults.success_critical);
        if warning < critical { Err((place, below(warning, critical))) } else { Ok(()) }
    }

    fn into_layer(self) -> Layer {
        let number = |value: Option<Spanned<Percent>>| value.map(|value| value.into_inner().0);
        Layer {
            success_critical: number(self.success_critical),
            success_warning: number(self.success_warning),
            max_average: self.max_average,
            max_age: self.max_age,
            ..Layer::default()
        }
    }
}

impl RawProfile {
    fn into_layer(self) -> Layer {
        Layer {
            url: self.url.filter(|url| !url.is_empty()).map(ConnectionUrl::new),
            poll: self.poll,
            window: self.window,
            ..self.thresholds.into_layer()
        }
    }
}

/// The warning limit is below the critical one, so nothing could ever be a warning.
pub(super) fn below(warning: f64, critical: f64) -> String {
    format!(
        "success_warning ({warning} %) is below success_critical ({critical} %), so there would never be a warning: \
         raise the one or lower the other"
    )
}

fn poll<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    deserializer.deserialize_any(Scalar(value::poll)).map(Some)
}

fn window<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    deserializer.deserialize_any(Scalar(value::window)).map(Some)
}

fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    deserializer.deserialize_any(Scalar(value::limit)).map(Some)
}

fn theme<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(Scalar(value::theme)).map(Some)
}

fn screen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<View>, D::Error> {
    deserializer.deserialize_any(Scalar(value::screen)).map(Some)
}

fn log_file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    deserializer.deserialize_any(Scalar(value::path)).map(Some)
}

fn log_level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Level>, D::Error> {
    deserializer.deserialize_any(Scalar(value::log_level)).map(Some)
}

/// Reads text or a number with one of the functions of [`value`], so that `poll = 30` is told about units and not
/// about types.
struct Scalar<T>(fn(&str) -> Result<T, String>);

impl<T> de::Visitor<'_> for Scalar<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<File, String> {
        File::parse(Path::new("c.toml"), text)
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        for (text, wanted) in [
            (
                "theme = 'mono'\npol = \"30s\"\n",
                "c.toml, line 2, column 1: unknown key `pol`: did you mean `poll`? allowed: poll, window, theme, ascii, screen, \
                 mouse, log_file, log_level, default_profile, thresholds, profiles, keys, commands\n2 | pol = \"30s\"\n  | ^^^",
            ),
            (
                "poll = \"30\"",
                "c.toml, line 1, column 8: not a duration: write numbers with units, such as 30s, 10m or \"1h 30m\" \
                 (units: ms, s, m, h, d)\n1 | poll = \"30\"\n  |        ^^^^",
            ),
            (
                "[keys]\nrefresh = 'R'\nqiut = 'Q'",
                "c.toml, line 3, column 1: unknown action `qiut`: did you mean `quit`? allowed: refresh, cancel, overview, \
                 runs, incidents, history, diagnose, metrics, wall, narrower, wider, poll, pause, search, next-list, \
                 previous-list, up, down, page-up, page-down, first, last, open, close, copy, failures, origin, fix, \
                 interval, measure, help, quit\n3 | qiut = 'Q'\n  | ^^^^",
            ),
            (
                "[keys]\nrefresh = 'Hyper-R'",
                "c.toml, line 2, column 11: \"Hyper-R\" is no key; a letter as it is typed, or Ctrl-c, F5, Enter, Space, \
                 PgDn and the like\n2 | refresh = 'Hyper-R'\n  |           ^^^^^^^^^",
            ),
            (
                "theme = 'pink'",
                "c.toml, line 1, column 9: no such theme: there are terminal, light, dark, colorblind, mono\n\
                 1 | theme = 'pink'\n  |         ^^^^^^",
            ),
            (
                "[thresholds]\nsuccess_warning = 70\nsuccess_critical = 75",
                "c.toml, line 2, column 19: success_warning (70 %) is below success_critical (75 %), so there would \
                 never be a warning: raise the one or lower the other\n2 | success_warning = 70\n  |                   ^^",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err(), wanted);
        }
    }

    #[test]
    fn every_kind_of_mistake_is_found() {
        for (text, place, wanted) in [
            ("poll = 30", "line 1, column 8", "not a duration"),
            ("poll = \"0s\"", "line 1, column 8", "at least 1s"),
            ("window = \"30s\"", "line 1, column 10", "at least 1m"),
            ("window = \"367d\"", "line 1, column 10", "at most 366 days"),
            ("ascii = \"yes\"", "line 1, column 9", "this must be a boolean"),
            ("log_file = \"~/x\"", "line 1, column 12", "write the folder out"),
            ("log_level = \"all\"", "line 1, column 13", "error, warn, info, debug, trace"),
            ("thresholds.success_critical = 101", "line 1, column 31", "from 0 to 100"),
            ("thresholds.success_warning = -1", "line 1, column 30", "from 0 to 100"),
            ("thresholds.max_agee = '1m'", "line 1, column 12", "did you mean `max_age`?"),
            ("thresholds.max_age = '0s'", "line 1, column 22", "at least 1ms"),
            ("[profiles.a]\nwindow = '1s'", "line 2, column 10", "at least 1m"),
            ("[profiles.a]\ntheme = 'mono'", "line 2, column 1", "allowed: url, poll, window, thresholds"),
            ("[thresholds]\nsuccess_warning = 99\n[profiles.a.thresholds]\nsuccess_critical = 99.5", "line 4", "below"),
            ("default_profile = 'b'\n[profiles.a]", "line 1, column 19", "unknown profile `b`: allowed: a"),
            ("poll = ", "line 1", ""),
            ("poll = '30s'\npoll = '40s'", "line 2, column 1", "duplicate key"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(place) && error.contains(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn lines_that_may_hold_a_password_are_not_shown() {
        for text in [
            "[profiles.a]\nurl = \"postgres://bob:hunter2@h/app",
            "[profiles.a]\nulr = \"postgres://bob:hunter2@h/app\"",
            "[profiles.a]\npassword = \"hunter2\"",
            "[profiles.a]\nurl = { password = \"hunter2\" }",
            "profiles.a = \"postgres://bob:hunter2@h/app\"",
            "profiles = \"postgres://bob:hunter2@h/app\"",
            "poll = \"postgres://bob:hunter2@h/app\"",
            "ascii = \"host=h password=hunter2\"",
            "default_profile = \"postgres://bob:hunter2@h/app\"",
            "\"postgres://bob:hunter2@h/app\" = 1",
            "postgres://bob:hunter2@h/app",
            "[\"postgres://bob:hunter2@h/app\"]",
            "thresholds.success_warning = \"postgres://bob:hunter2@h/app\"",
        ] {
            let error = parse(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{text}: {error}");
            assert!(error.contains("line "), "{text}: {error}");
        }
        let file = parse("profiles.a.url = \"postgres://bob:hunter2@h/app\"").unwrap();
        assert!(!format!("{file:?}").contains("hunter2"));
    }

    #[test]
    fn a_missing_file_is_a_mistake_only_where_it_was_named() {
        let path = Path::new("/nonexistent/config.toml");
        assert_eq!(File::load_default(Some(path)), Ok(None));
        assert_eq!(File::load_default(None), Ok(None));
        let error = File::load(path).unwrap_err();
        assert!(error.contains("/nonexistent/config.toml") && error.contains("--config"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_password_that_others_can_read_is_a_warning() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        for (url, mode, warned) in [
            ("postgres://bob:hunter2@h/app", 0o644, true),
            ("postgres://bob:hunter2@h/app", 0o600, false),
            ("postgres://bob@h/app", 0o644, false),
        ] {
            std::fs::write(&path, format!("profiles.a.url = \"{url}\"")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(File::load(&path).unwrap().warning().is_some(), warned, "{url} {mode:o}");
        }
    }

    const EXAMPLE: &str = include_str!("../../config.example.toml");

    /// The example with its examples switched on.
    fn everything() -> String {
        let active = |line: &str| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with('[') || rest.split(' ').nth(1) == Some("=") => rest.to_owned(),
            _ => line.to_owned(),
        };
        EXAMPLE.lines().map(active).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_example_states_the_defaults() {
        let file = parse(EXAMPLE).unwrap();
        let defaults = Thresholds::default();
        let wanted = Layer {
            poll: Some(super::super::DEFAULT_POLL),
            window: Some(super::super::DEFAULT_WINDOW),
            theme: Some(value::THEMES[0].to_owned()),
            screen: Some(View::Overview),
            mouse: Some(false),
            success_critical: Some(defaults.success_critical),
            success_warning: Some(defaults.success_warning),
            max_average: Some(defaults.average_duration),
            max_age: Some(defaults.freshness),
            ..Layer::default()
        };
        assert_eq!((file.global(), file.default_profile()), (&wanted, None));
        assert!(file.profiles.is_empty());
    }

    #[test]
    fn the_example_has_every_key() {
        parse(&everything()).unwrap();
        let table: toml::Table = toml::from_str(&everything()).unwrap();
        let profile = &table["profiles"]["production"];
        for (place, present) in [
            ("", &toml::Value::Table(table.clone())),
            ("thresholds.", &table["thresholds"]),
            ("profiles.x.", profile),
            ("profiles.x.thresholds.", &profile["thresholds"]),
        ] {
            let error = parse(&format!("{place}zzzz = 1")).unwrap_err();
            let (_, allowed) = error.lines().next().unwrap().rsplit_once("allowed: ").unwrap();
            for key in allowed.split(", ") {
                assert!(present.get(key).is_some(), "config.example.toml lacks {place}{key}");
            }
        }
    }
}
