//! Where each setting comes from, for `refreshtop config show`.

use super::{
    File, SettingsError, Sources, first_line,
    layer::{Words, variable},
    options, value,
};
use crate::cli;
use refreshtop_connect::{
    environment::{self, Environment},
    secret::ConnectionUrl,
};
use refreshtop_tui::keys::KeyMap;
use std::{ffi::OsString, path::PathBuf};

/// A setting with its value as it would be written; passwords are masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name in the config file; that of a command's own option has the command before it: `runs.limit`.
    pub name: String,
    /// Its value; `None` if it has none.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a setting comes from, the strongest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag(String),
    /// A variable of the environment.
    Variable(String),
    /// The config file, and the profile if it is from there.
    File(PathBuf, Option<String>),
    /// Nobody set it; what that means, if it has no value then.
    Default(&'static str),
}

/// The value of an option that nobody sets.
const VALUES: [(&str, &str); 3] = [("poll", "30s"), ("theme", value::THEMES[0]), ("mouse", "false")];
/// What it means that an option has no value.
const MEANINGS: [(&str, &str); 6] = [
    ("url", "the PG* variables"),
    ("view", "all managed views"),
    ("ascii", "by locale"),
    ("screen", "board or overview"),
    ("log_file", "no log"),
    ("log_level", "no log"),
];
/// Those that each view has itself.
const OF_VIEWS: [&str; 5] = ["window", "success_warning", "success_critical", "max_average", "max_age"];

/// Every option of all commands, what is set of single commands', and the `PG*` variables.
///
/// # Errors
/// The first mistake in the settings.
pub fn settings(arguments: &[OsString], environment: &Environment) -> Result<Vec<Setting>, SettingsError> {
    let sources = Sources::read(arguments, environment)?;
    let flags = cli::given(arguments).map_err(|error| SettingsError(first_line(&error)))?;
    let database = sources.database()?;
    let file = sources.file.as_ref();
    let profile = match (&database.profile, file) {
        (Some(name), Some(file)) => Some(file.profile(name).map_err(SettingsError)?),
        _ => None,
    };
    let layers = Layers { sources: &sources, flags: &flags, profile: database.profile.as_deref(), database: &database };
    let definition = cli::command();
    let shared = definition.get_arguments().filter(|arg| arg.is_global_set()).map(|arg| arg.get_id().as_str());
    let mut found: Vec<Setting> = shared
        .map(|name| match name {
            "url" => layers.url(profile.as_ref().and_then(|profile| profile.url.as_ref())),
            "profile" => layers.profile(),
            name => layers.option(name),
        })
        .collect();
    found.extend(file.into_iter().flat_map(of_keys));
    found.extend(of_commands(&sources, environment));
    found.extend(of_postgres(environment));
    Ok(found)
}

struct Layers<'a> {
    sources: &'a Sources,
    flags: &'a Words,
    /// The profile that is used.
    profile: Option<&'a str>,
    database: &'a super::Database,
}

impl Layers<'_> {
    fn option(&self, name: &str) -> Setting {
        let joined = |words: &Vec<String>| shown(&words.join(", "));
        let setting = |value, origin| Setting { name: name.to_owned(), value: Some(value), origin };
        if let Some(words) = self.flags.get(name) {
            return setting(joined(words), Origin::Flag(flag(name)));
        }
        if let Some(words) = self.sources.variables.get(name) {
            return setting(joined(words), Origin::Variable(variable(name)));
        }
        let file = self.sources.file.as_ref();
        let own =
            file.zip(self.profile).and_then(|(file, profile)| Some((file, file.own(profile)?.get(name)?, profile)));
        if let Some((file, words, profile)) = own {
            return setting(joined(words), Origin::File(file.path().to_owned(), Some(profile.to_owned())));
        }
        if let Some((file, words)) = file.and_then(|file| Some((file, file.global().get(name)?))) {
            return setting(joined(words), Origin::File(file.path().to_owned(), None));
        }
        let value = match (name, file) {
            ("config", Some(file)) => Some(file.path().display().to_string()),
            _ => of(&VALUES, name).map(str::to_owned),
        };
        let meaning = of(&MEANINGS, name).unwrap_or(if OF_VIEWS.contains(&name) { "each view's own" } else { "none" });
        Setting { name: name.to_owned(), value, origin: Origin::Default(meaning) }
    }

    /// Only one layer names the database.
    fn url(&self, of_profile: Option<&ConnectionUrl>) -> Setting {
        let setting =
            |url: &ConnectionUrl, origin| Setting { name: "url".to_owned(), value: Some(url.to_string()), origin };
        match (&self.database.url, of_profile, &self.sources.file) {
            (Some(url), _, _) if self.flags.contains_key("url") => setting(url, Origin::Flag(flag("url"))),
            (Some(url), _, _) => setting(url, Origin::Variable(variable("url"))),
            (None, Some(url), Some(file)) => {
                setting(url, Origin::File(file.path().to_owned(), self.profile.map(str::to_owned)))
            }
            _ => Setting { name: "url".to_owned(), value: None, origin: Origin::Default(MEANINGS[0].1) },
        }
    }

    fn profile(&self) -> Setting {
        let origin = match (self.profile, &self.sources.file) {
            (None, _) => Origin::Default("none"),
            (Some(_), _) if self.flags.contains_key("profile") => Origin::Flag(flag("profile")),
            (Some(_), Some(file)) if !self.sources.variables.contains_key("profile") => {
                Origin::File(file.path().to_owned(), None)
            }
            (Some(_), _) => Origin::Variable(variable("profile")),
        };
        Setting { name: "profile".to_owned(), value: self.profile.map(shown), origin }
    }
}

/// The keys that the file changes.
fn of_keys(file: &File) -> Vec<Setting> {
    let usual = KeyMap::default();
    let changed = file.keys().bindings().iter().zip(usual.bindings()).filter(|(own, usual)| own.keys != usual.keys);
    changed
        .map(|(own, _)| Setting {
            name: format!("keys.{}", own.name),
            value: Some(own.keys.iter().map(|key| key.name()).collect::<Vec<_>>().join(", ")),
            origin: Origin::File(file.path().to_owned(), None),
        })
        .collect()
}

/// The options of single commands that environment or file set.
fn of_commands(sources: &Sources, environment: &Environment) -> Vec<Setting> {
    let definition = cli::command();
    let mut found = Vec::new();
    for command in options::commands() {
        for option in options::of(command).into_iter().flatten() {
            let name = format!("{command}.{option}");
            let of_environment = variable_of(&definition, command, &option)
                .and_then(|variable| Some((environment::get(environment, &variable)?.to_owned(), variable)));
            let of_file =
                sources.file.as_ref().and_then(|file| Some((file, file.commands().get(command)?.get(&option)?)));
            if let Some((value, variable)) = of_environment {
                found.push(Setting { name, value: Some(shown(&value)), origin: Origin::Variable(variable) });
            } else if let Some((file, words)) = of_file {
                let value = Some(shown(&words.join(", ")));
                found.push(Setting { name, value, origin: Origin::File(file.path().to_owned(), None) });
            }
        }
    }
    found
}

/// The variable of a command's own option.
fn variable_of(definition: &clap::Command, command: &str, option: &str) -> Option<String> {
    let command = definition.find_subcommand(command)?;
    let all = std::iter::once(command).chain(command.get_subcommands());
    let mut found = all.flat_map(clap::Command::get_arguments).filter(|arg| arg.get_id() == option);
    found.find_map(|arg| Some(arg.get_env()?.to_string_lossy().into_owned()))
}

/// Variables that the connection takes from the environment, as in psql.
fn of_postgres(environment: &Environment) -> Vec<Setting> {
    let set = refreshtop_connect::variables().filter_map(|name| Some((name, environment::get(environment, name)?)));
    set.map(|(name, value)| Setting {
        name: name.to_owned(),
        value: Some(if name == "PGPASSWORD" { "***".to_owned() } else { shown(value) }),
        origin: Origin::Variable(name.to_owned()),
    })
    .collect()
}

/// A value, with what may be a password in it masked. A file may be called as it likes.
fn shown(value: &str) -> String {
    if value.contains(['@', '=']) || value.contains("://") { cli::masked(value) } else { value.to_owned() }
}

fn of(known: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    known.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

fn flag(name: &str) -> String {
    format!("--{}", name.replace('_', "-"))
}
