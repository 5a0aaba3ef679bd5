//! `refreshtop config path | init | check | show`.

use crate::{
    command::Failure,
    output::{Output, clean, table::Table},
    settings::{
        self, Layer, SettingsError, file, layer,
        origin::{self, Origin, Setting},
    },
};
use refreshtop_connect::{Target, environment::Environment};
use refreshtop_core::exit;
use serde_json::{Value, json};
use std::{
    ffi::OsString,
    fmt::Write as _,
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

/// The sample that documents every setting; everything in it is a default or a comment.
const SAMPLE: &str = include_str!("../../config.example.toml");

/// The file that this run reads, or would read if it were there.
fn file_of(options: &Layer, environment: &Environment) -> Result<PathBuf, Failure> {
    let named = options
        .config
        .clone()
        .or_else(|| refreshtop_connect::environment::get(environment, &layer::variable("config")).map(PathBuf::from));
    named
        .or_else(file::default_path)
        .ok_or_else(|| Failure::new(exit::SETTINGS, "there is no home folder; name a file with --config"))
}

/// Prints where the config file is expected.
pub fn path(options: &Layer, environment: &Environment, output: Output) -> Result<(), Failure> {
    output.print(&file_of(options, environment)?.display().to_string())
}

/// Writes the sample there. A file that is there stays as it is.
///
/// # Errors
/// The file is there, or can't be written.
pub fn init(options: &Layer, environment: &Environment, output: Output) -> Result<(), Failure> {
    let path = file_of(options, environment)?;
    let failed = |error: io::Error| {
        let text = match error.kind() {
            io::ErrorKind::AlreadyExists => format!("{} exists already and was not changed", path.display()),
            _ => format!("cannot write {}: {error}", path.display()),
        };
        Failure::new(exit::FAILURE, text)
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    // For its owner alone: a password may come into it.
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    opened.and_then(|mut file| file.write_all(SAMPLE.as_bytes())).map_err(failed)?;
    output.print(&format!("wrote {}", path.display()))
}

/// Reads the settings as any command would, and prints which database they name. Does not connect.
pub fn check(
    options: &Layer,
    arguments: &[OsString],
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    let wrong = |error: SettingsError| Failure::new(exit::SETTINGS, error.to_string());
    let (_, settings) = settings::resolve(arguments, environment).map_err(wrong)?;
    settings::check_commands(arguments, environment).map_err(wrong)?;
    let target = Target::resolve(settings.url.as_ref(), environment)
        .map_err(|error| Failure::new(exit::SETTINGS, error.to_string()))?;
    let path = file_of(options, environment)?;
    let mut text = if path.exists() {
        format!("{} has no mistakes\n", path.display())
    } else {
        format!("{} does not exist; the defaults apply, and refreshtop config init writes one\n", path.display())
    };
    for warning in settings.warnings.iter().chain(&target.warnings) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "warning: {warning}");
    }
    let profile = settings.profile.map(|name| format!(" (profile {name})")).unwrap_or_default();
    let _ = writeln!(text, "database {} at {} as {}{profile}", target.database, target.place(), target.user);
    output.print(&text)
}

/// Prints every setting with its value and where that comes from. Does not connect.
pub fn show(arguments: &[OsString], environment: &Environment, output: Output) -> Result<(), Failure> {
    let wrong = |error: SettingsError| Failure::new(exit::SETTINGS, error.to_string());
    let settings = origin::settings(arguments, environment).map_err(wrong)?;
    if output.json {
        let settings: Vec<Value> = settings.iter().map(object).collect();
        return output.object("config", json!({"settings": settings}));
    }
    let mut table = Table::new(&["setting", "value", "from"]);
    for setting in &settings {
        let value = match (&setting.value, &setting.origin) {
            (Some(value), _) => clean(value),
            (None, Origin::Default(value)) => (*value).to_owned(),
            (None, _) => "-".to_owned(),
        };
        table.row([setting.name.clone(), value, clean(&from(&setting.origin))]);
    }
    output.print(&table.render(output))
}

fn from(origin: &Origin) -> String {
    match origin {
        Origin::Flag(flag) => flag.clone(),
        Origin::Variable(name) => name.clone(),
        Origin::File(path, None) => path.display().to_string(),
        Origin::File(path, Some(profile)) => format!("{}, profile {profile}", path.display()),
        Origin::Default(_) => "default".to_owned(),
    }
}

fn object(setting: &Setting) -> Value {
    let (origin, name, profile) = match &setting.origin {
        Origin::Flag(flag) => ("flag", Some(flag.clone()), None),
        Origin::Variable(name) => ("environment", Some(name.clone()), None),
        Origin::File(path, profile) => ("file", Some(path.display().to_string()), profile.as_deref()),
        Origin::Default(_) => ("default", None, None),
    };
    json!({
        "name": setting.name,
        "value": setting.value,
        "origin": {"layer": origin, "name": name, "profile": profile},
    })
}
