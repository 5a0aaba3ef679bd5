//! Which layer wins, and how mistakes are named.

use super::*;
use crate::cli::{Command, runs::Runs};
use refreshtop_core::health::Switch;
use std::collections::BTreeMap;

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

fn environment(pairs: &str) -> Environment {
    pairs.split_whitespace().filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
}

fn merged(line: &str, variables: &str, file: Option<&str>) -> Result<(Cli, Settings), String> {
    let text = |error: SettingsError| error.to_string();
    let arguments: Vec<OsString> =
        std::iter::once("refreshtop").chain(line.split_whitespace()).map(Into::into).collect();
    let variables = layer::of_environment(&environment(variables)).map_err(|error| error.to_string())?;
    let file = file.map(|text| File::parse(Path::new("c.toml"), text)).transpose()?;
    let sources = Sources { flags: Cli::read(&arguments).map_err(|error| error.to_string())?.options, variables, file };
    sources.merge(&arguments, Some(Path::new("/state/x.log"))).map_err(text)
}

fn settled(line: &str, variables: &str, file: &str) -> Result<Settings, String> {
    merged(line, variables, Some(file)).map(|(_, settings)| settings)
}

#[test]
fn without_settings_the_defaults_apply() {
    let (_, settings) = merged("", "", None).unwrap();
    let wanted = Settings {
        screen: None,
        mouse: false,
        keys: KeyMap::default(),
        url: None,
        profile: None,
        view: ViewId::new("platform_metrics"),
        view_named: false,
        poll: Duration::from_secs(30),
        overrides: Overrides::default(),
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
                    success_warning = 91\nsuccess_critical = 71\nmax_average = '1s'\nmax_age = '1m'\nignore = 'slow'";
    let variables = "REFRESHTOP_WINDOW=3h REFRESHTOP_ASCII=no REFRESHTOP_LOG_FILE=e.log REFRESHTOP_LOG_LEVEL=info \
                         REFRESHTOP_SUCCESS_WARNING=92 REFRESHTOP_SUCCESS_CRITICAL=72 REFRESHTOP_MAX_AVERAGE=2s \
                         REFRESHTOP_MAX_AGE=2m REFRESHTOP_IGNORE=slow,too_old";
    let line = "--window 4h --ascii --log-file g.log --log-level debug --success-warning 93 --success-critical 73 \
                    --max-average 3s --max-age 3m --ignore failures_in_a_row";
    for (line, variables, hours, ascii, log, level, number) in [
        ("", "", 2, true, "f.log", Level::WARN, 1_u32),
        ("", variables, 3, false, "e.log", Level::INFO, 2),
        (line, variables, 4, true, "g.log", Level::DEBUG, 3),
    ] {
        let settings = settled(line, variables, file).unwrap();
        let overrides = Overrides {
            success_warning: Some(90.0 + f64::from(number)),
            success_critical: Some(70.0 + f64::from(number)),
            max_duration: Some(Duration::from_secs(number.into())),
            max_age: Some(Duration::from_mins(number.into())),
            window: Some(Duration::from_hours(hours)),
            ignored: match number {
                1 => vec![Switch::Slow],
                2 => vec![Switch::Slow, Switch::TooOld],
                _ => vec![Switch::FailuresInARow],
            },
        };
        assert_eq!(settings.overrides, overrides);
        assert_eq!(settings.ascii, Some(ascii));
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
        let wanted = Overrides {
            success_warning: Some(limit),
            max_age: Some(Duration::from_mins(20)),
            window: Some(Duration::from_hours(2)),
            ..Overrides::default()
        };
        assert_eq!(settings.overrides, wanted, "{line:?} {variables:?}");
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
        ("--ignore slw", "", "", "no such check: did you mean slow? there are nothing_refreshes, failures_in_a_row"),
        ("--success-critical 97 --profile bare", "", FILE, "success_warning (96 %) is below success_critical (97 %)"),
        ("--success-critical 97", "", "", "(success_warning is from the defaults, success_critical from a flag)"),
        ("", "REFRESHTOP_SUCCESS_WARNING=70", "", "(success_warning is from the environment, success_critical from"),
    ] {
        let error = settled(line, variables, file).unwrap_err();
        assert!(error.contains(wanted), "{line:?} {variables:?}: {error}");
    }
    let none = merged("--profile x", "", None).unwrap_err();
    assert!(none.contains("there is no config file"), "{none}");
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
        "view" => "daily_sales",
        "theme" => "mono",
        "log_level" => "debug",
        "ignore" => "slow",
        _ => "x",
    };
    let command = <Layer as clap::Args>::augment_args(clap::Command::new(""));
    let ids: Vec<String> = command.get_arguments().map(|arg| arg.get_id().to_string()).collect();
    for id in ids {
        let variables = Environment::from([(layer::variable(&id), values(&id).to_owned())]);
        let words = layer::of_environment(&variables).unwrap();
        let read = Cli::read_by(options::definition(&words, &BTreeMap::new()), ["refreshtop"]).unwrap().options;
        assert_ne!(read, Layer::default(), "{id}");
    }
}

fn read(text: &str, line: &str) -> Result<Cli, String> {
    merged(line, "", Some(text)).map(|(cli, _)| cli)
}

fn runs(text: &str, line: &str) -> Runs {
    match read(text, line).unwrap().command() {
        Command::Runs(runs) => runs,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_file_gives_defaults_and_flags_are_stronger() {
    let file = "[commands.runs]\nlimit = 50\njson = true";
    let from_file = runs(file, "runs");
    assert_eq!(from_file.list.newest.limit, 50);
    assert!(from_file.answer().json);
    assert_eq!(runs(file, "runs --limit 7").list.newest.limit, 7);
    assert_eq!(runs("", "runs").list.newest.limit, 20);
}

#[test]
fn lists_and_subcommands_are_reached() {
    let Command::Check(check) = read("[commands.check]\nwarning = ['age=10m', 'rate=99:']", "check").unwrap().command()
    else {
        panic!("not a check")
    };
    assert_eq!(check.warning.len(), 2);
    assert!(read("[commands.job]\njson = true", "job pause").unwrap().json());
}

#[test]
fn figures_go_where_the_stronger_layer_says() {
    let metrics = |file: &str, line: &str| match read(file, line)?.command() {
        Command::Metrics(metrics) => Ok((metrics.textfile.is_some(), metrics.listen.is_some())),
        other => panic!("{other:?}"),
    };
    let (listen, textfile) = ("[commands.metrics]\nlisten = ':9'", "[commands.metrics]\ntextfile = 'f'");
    assert_eq!(metrics(listen, "metrics"), Ok((false, true)));
    assert_eq!(metrics(listen, "metrics --textfile f"), Ok((true, false)));
    assert_eq!(metrics(textfile, "metrics --listen"), Ok((false, true)));
    assert_eq!(metrics(&format!("{listen}\ntextfile = 'f'"), "metrics --listen"), Ok((false, true)));
    for (file, line) in [("", "metrics --listen --textfile f"), (&format!("{listen}\ntextfile = 'f'"), "metrics")] {
        let why: Result<_, String> = metrics(file, line);
        assert!(why.unwrap_err().contains("--textfile and --listen exclude each other"), "{line}");
    }
}

#[test]
fn mistakes_are_named() {
    for (file, line, wanted) in [
        ("[commands.run]\n", "runs", "unknown command `run`: did you mean `runs`?"),
        ("[commands.runs]\nlimits = 1", "runs", "line 2, column 1: unknown key `limits`: did you mean `limit`?"),
        ("[commands.runs]\nlimit = 0", "runs", "c.toml, in [commands]: invalid value '0' for '--limit <N>'"),
        ("[commands.runs]\nlimit = {}", "runs", "this must be a string, a number"),
        ("[commands.refresh]\ntimeout = 'postgres://bob:hunter2@h/a'", "trigger", "in [commands]: invalid value"),
    ] {
        let error = read(file, line).unwrap_err();
        assert!(error.contains(wanted) && !error.contains("hunter2"), "{error}");
    }
}
