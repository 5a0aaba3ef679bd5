//! The config file.

use super::{
    layer::{Words, problem},
    mistake::{describe, explain, unknown},
    options, value,
};
use directories::ProjectDirs;
use refreshtop_connect::secret::ConnectionUrl;
use refreshtop_core::health::Thresholds;
use refreshtop_tui::keys::KeyMap;
use std::{
    borrow::Cow,
    collections::BTreeMap,
    io,
    ops::Range,
    path::{Path, PathBuf},
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Options that the file sets for every database, those that a profile may set as well, and the limits of both.
const GLOBAL: [&str; 9] = ["view", "poll", "window", "theme", "ascii", "screen", "mouse", "log_file", "log_level"];
const OF_PROFILE: [&str; 2] = ["poll", "window"];
const THRESHOLDS: [&str; 5] = ["success_critical", "success_warning", "max_average", "max_age", "ignore"];

/// A config file without a mistake: every value is allowed, every warning limit is at or above its critical one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct File {
    path: PathBuf,
    default_profile: Option<String>,
    global: Words,
    profiles: BTreeMap<String, Profile>,
    commands: BTreeMap<String, Words>,
    keys: KeyMap,
    warning: Option<String>,
}

/// The settings of one database.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    /// Its connection string; `None` leaves it to the `PG*` variables.
    pub url: Option<ConnectionUrl>,
    /// Its options; those that it leaves out are the global ones.
    pub options: Words,
}

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

    /// Reads the file at the default place; `None` if there is none.
    pub fn load_default(path: Option<&Path>) -> Result<Option<Self>, String> {
        let Some(path) = path else { return Ok(None) };
        match std::fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            _ => Self::load(path).map(Some),
        }
    }

    /// Reads the text of a file; `path` is for the messages.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(path: &Path, text: &str) -> Result<Self, String> {
        let source = Source { path, text };
        let table = DeTable::parse(text)
            .map_err(|error| describe(path, text, error.span(), &explain(error.message())))?
            .into_inner();
        source.file(&table)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A profile's own options, without the global ones.
    pub fn own(&self, profile: &str) -> Option<&Words> {
        self.profiles.get(profile).map(|profile| &profile.options)
    }

    /// The profile if none is named.
    pub fn default_profile(&self) -> Option<&str> {
        self.default_profile.as_deref()
    }

    /// The commands' own options.
    pub fn commands(&self) -> &BTreeMap<String, Words> {
        &self.commands
    }

    /// The keys of the monitor.
    pub fn keys(&self) -> &KeyMap {
        &self.keys
    }

    /// A warning for the user.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// The options outside of profiles.
    pub fn global(&self) -> &Words {
        &self.global
    }

    /// A profile: its own options over the global ones.
    ///
    /// # Errors
    /// There is no such profile; the message lists those that exist.
    pub fn profile(&self, name: &str) -> Result<Profile, String> {
        let own = self.profiles.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            format!("{}: {}", self.path.display(), unknown("profile", name, &known))
        })?;
        let mut options = self.global.clone();
        options.extend(own.options.clone());
        Ok(Profile { url: own.url.clone(), options })
    }
}

/// Where the config file is expected: `refreshtop/config.toml` in the user's config folder (`XDG_CONFIG_HOME`, or
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

/// The file as it is read, to show mistakes where they are.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn mistake(&self, span: Range<usize>, problem: &str) -> String {
        describe(self.path, self.text, Some(span), problem)
    }

    fn file(&self, table: &DeTable<'_>) -> Result<File, String> {
        self.only(table, &[&GLOBAL[..], &["default_profile", "thresholds", "profiles", "keys", "commands"]].concat())?;
        let mut global = self.options(table, &GLOBAL)?;
        global.extend(self.thresholds(table, &Words::new())?);
        let mut profiles = BTreeMap::new();
        for (name, profile) in self.table(table, "profiles")?.into_iter().flatten() {
            profiles.insert(name.get_ref().to_string(), self.profile(self.as_table(profile)?, &global)?);
        }
        let default_profile = table.get("default_profile");
        if let Some(name) = default_profile
            && !profiles.contains_key(self.string(name)?)
        {
            let known: Vec<&str> = profiles.keys().map(String::as_str).collect();
            return Err(self.mistake(name.span(), &unknown("profile", self.string(name)?, &known)));
        }
        let mut commands = BTreeMap::new();
        for (name, own) in self.table(table, "commands")?.into_iter().flatten() {
            commands.insert(name.get_ref().to_string(), self.command(name, self.as_table(own)?)?);
        }
        Ok(File {
            path: self.path.to_owned(),
            default_profile: default_profile.and_then(|name| name.get_ref().as_str()).map(str::to_owned),
            global,
            profiles,
            commands,
            keys: self.keys(table)?,
            warning: None,
        })
    }

    fn profile(&self, table: &DeTable<'_>, global: &Words) -> Result<Profile, String> {
        self.only(table, &[&["url"], &OF_PROFILE[..], &["thresholds"]].concat())?;
        let url = table.get("url").map(|url| self.string(url)).transpose()?.filter(|url| !url.is_empty());
        let mut options = self.options(table, &OF_PROFILE)?;
        options.extend(self.thresholds(table, global)?);
        Ok(Profile { url: url.map(ConnectionUrl::new), options })
    }

    /// The limits in `table`. If it sets one of the two success rates, that is compared with the other, which may come
    /// from `weaker` or from the defaults.
    fn thresholds(&self, table: &DeTable<'_>, weaker: &Words) -> Result<Words, String> {
        let Some(table) = self.table(table, "thresholds")? else { return Ok(Words::new()) };
        self.only(table, &THRESHOLDS)?;
        let own = self.options(table, &THRESHOLDS)?;
        let defaults = Thresholds::default();
        let rate = |name: &str, default| {
            let word = own.get(name).or_else(|| weaker.get(name)).and_then(|words| words.first());
            word.and_then(|word| value::percent(word).ok()).unwrap_or(default)
        };
        let warning = rate("success_warning", defaults.success_warning);
        let critical = rate("success_critical", defaults.success_critical);
        match table.get("success_warning").or_else(|| table.get("success_critical")) {
            Some(place) if warning < critical => Err(self.mistake(place.span(), &below(warning, critical))),
            _ => Ok(own),
        }
    }

    /// A command's own options. Their values are checked when they are used, as those of the command line.
    fn command(&self, name: &Spanned<Cow<'_, str>>, table: &DeTable<'_>) -> Result<Words, String> {
        let known = options::of(name.get_ref())
            .ok_or_else(|| self.mistake(name.span(), &unknown("command", name.get_ref(), &options::commands())))?;
        self.only(table, &known.iter().map(String::as_str).collect::<Vec<_>>())?;
        let what = "this must be a string, a number, true or false, or a list of them";
        let words = |value: &Spanned<_>| words(value.get_ref()).ok_or_else(|| self.mistake(value.span(), what));
        table.iter().map(|(name, value)| Ok((name.get_ref().to_string(), words(value)?))).collect()
    }

    /// The default keys with those of the file in their place.
    fn keys(&self, table: &DeTable<'_>) -> Result<KeyMap, String> {
        let (mut map, mut given) = (KeyMap::default(), BTreeMap::new());
        let mut last = None;
        for (name, value) in self.table(table, "keys")?.into_iter().flatten() {
            if !KeyMap::names().contains(&&**name.get_ref()) {
                return Err(self.mistake(name.span(), &unknown("action", name.get_ref(), &KeyMap::names())));
            }
            let keys = key_names(value.get_ref()).ok_or_else(|| {
                self.mistake(value.span(), "this must be a key or a list of keys, e.g. [\"q\", \"Ctrl-c\"]")
            })?;
            map.bind(name.get_ref(), &keys, &mut given).map_err(|problem| self.mistake(value.span(), &problem))?;
            last = Some(value.span());
        }
        match (map.unreachable(), last) {
            (Some(name), Some(span)) => Err(self.mistake(span, &format!("no key is left for {name}: give it one"))),
            _ => Ok(map),
        }
    }

    /// Refuses every key but the `known` ones.
    fn only(&self, table: &DeTable<'_>, known: &[&str]) -> Result<(), String> {
        match table.keys().find(|name| !known.contains(&&**name.get_ref())) {
            Some(name) => Err(self.mistake(name.span(), &unknown("key", name.get_ref(), known))),
            None => Ok(()),
        }
    }

    /// Those of the options of every command, called `names`, that the table sets.
    fn options(&self, table: &DeTable<'_>, names: &[&str]) -> Result<Words, String> {
        let mut options = Words::new();
        for (name, value) in table.iter().filter(|(name, _)| names.contains(&&**name.get_ref())) {
            let (name, flag) = (name.get_ref(), matches!(&**name.get_ref(), "ascii" | "mouse"));
            let word = match value.get_ref() {
                DeValue::Boolean(yes) if flag => yes.to_string(),
                _ if flag => return Err(self.mistake(value.span(), "this must be a boolean")),
                DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) => {
                    words(value.get_ref()).unwrap_or_default().concat()
                }
                _ => return Err(self.mistake(value.span(), "this must be text or a number")),
            };
            if let Some(problem) = problem(name, &word) {
                return Err(self.mistake(value.span(), &problem));
            }
            options.insert(name.to_string(), vec![word]);
        }
        Ok(options)
    }

    fn table<'t>(&self, table: &'t DeTable<'t>, name: &str) -> Result<Option<&'t DeTable<'t>>, String> {
        table.get(name).map(|value| self.as_table(value)).transpose()
    }

    fn as_table<'t>(&self, value: &'t Spanned<DeValue<'t>>) -> Result<&'t DeTable<'t>, String> {
        value.get_ref().as_table().ok_or_else(|| self.mistake(value.span(), "this must be a table"))
    }

    fn string<'t>(&self, value: &'t Spanned<DeValue<'_>>) -> Result<&'t str, String> {
        value.get_ref().as_str().ok_or_else(|| self.mistake(value.span(), "this must be a string"))
    }
}

/// The keys of an action: one, or a list.
fn key_names(value: &DeValue<'_>) -> Option<Vec<String>> {
    match value {
        DeValue::String(name) => Some(vec![name.to_string()]),
        DeValue::Array(names) => names.iter().map(|name| name.get_ref().as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// A value as it would be given on the command line.
fn words(value: &DeValue<'_>) -> Option<Vec<String>> {
    match value {
        DeValue::String(text) => Some(vec![text.to_string()]),
        DeValue::Integer(number) => Some(vec![i64::from_str_radix(number.as_str(), number.radix()).ok()?.to_string()]),
        DeValue::Float(number) => Some(vec![number.as_str().parse::<f64>().ok()?.to_string()]),
        DeValue::Boolean(yes) => Some(vec![yes.to_string()]),
        DeValue::Array(values) => values.iter().map(|value| words(value.get_ref())?.into_iter().next()).collect(),
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// The warning limit is below the critical one, so nothing could ever be a warning.
pub(super) fn below(warning: f64, critical: f64) -> String {
    format!(
        "success_warning ({warning} %) is below success_critical ({critical} %), so there would never be a warning: \
         raise the one or lower the other"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::Cli, settings::Layer};

    fn parse(text: &str) -> Result<File, String> {
        File::parse(Path::new("c.toml"), text)
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        for (text, wanted) in [
            (
                "theme = 'mono'\npol = \"30s\"\n",
                "c.toml, line 2, column 1: unknown key `pol`: did you mean `poll`? allowed: view, poll, window, theme, ascii, \
                 screen, mouse, log_file, log_level, default_profile, thresholds, profiles, keys, commands\n2 | pol = \"30s\"\n  | ^^^",
            ),
            (
                "poll = \"30\"",
                "c.toml, line 1, column 8: not a duration: write numbers with units, such as 30s, 10m or \"1h 30m\" \
                 (units: ms, s, m, h, d)\n1 | poll = \"30\"\n  |        ^^^^",
            ),
            (
                "[keys]\nrefresh = 'R'\nqiut = 'Q'",
                "c.toml, line 3, column 1: unknown action `qiut`: did you mean `quit`? allowed: refresh, cancel, board, \
                 overview, runs, incidents, history, diagnose, columns, wall, narrower, wider, poll, pause, search, \
                 previous-view, next-view, next-list, previous-list, up, down, page-up, page-down, \
                 first, last, open, close, copy, failures, origin, fix, interval, measure, help, quit\n3 | qiut = 'Q'\n  | ^^^^",
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
            ("poll = \"0s\"", "line 1, column 8", "at least 1 s"),
            ("window = \"30s\"", "line 1, column 10", "at least 1 min"),
            ("window = \"367d\"", "line 1, column 10", "at most 366 days"),
            ("ascii = \"yes\"", "line 1, column 9", "this must be a boolean"),
            ("log_file = \"~/x\"", "line 1, column 12", "write out the folder"),
            ("log_level = \"all\"", "line 1, column 13", "error, warn, info, debug, trace"),
            ("thresholds.success_critical = 101", "line 1, column 31", "from 0 to 100"),
            ("thresholds.success_warning = -1", "line 1, column 30", "from 0 to 100"),
            ("thresholds.max_agee = '1m'", "line 1, column 12", "did you mean `max_age`?"),
            ("thresholds.max_age = '0s'", "line 1, column 22", "at least 1 ms"),
            ("[profiles.a]\nwindow = '1s'", "line 2, column 10", "at least 1 min"),
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
    fn a_missing_file_is_a_mistake_only_if_it_was_named() {
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
        let wanted = Layer {
            poll: Some(super::super::DEFAULT_POLL),
            theme: Some(value::THEMES[0].to_owned()),
            mouse: Some(false),
            ..Layer::default()
        };
        let found = Cli::read_by(options::definition(file.global(), file.commands()), ["refreshtop"]).unwrap().options;
        assert_eq!((found, file.default_profile()), (wanted, None));
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
