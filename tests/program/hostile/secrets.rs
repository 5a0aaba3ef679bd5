//! A planted password, in every way that one can be handed in, in every command and every failure: it is nowhere.

use crate::support::{
    fresh_role, migrated_app,
    terminal::{Launch, REFRESHTOP},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use refreshtop::settings;
use refreshtop_connect::{Target, environment::Environment, secret::ConnectionUrl};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

/// With characters that mean something in URLs, keyword strings, password files and TOML.
const PASSWORD: &str = "tr0ub4dor %41@:/'\\\"&=#ü+3";
/// Nothing else has this in it, however the rest is quoted.
const MARK: &str = "tr0ub4dor";

/// Whole groups of three bytes only: what follows depends on the neighbours.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let n = (u32::from(three[0]) << 16) | (u32::from(three[1]) << 8) | u32::from(three[2]);
        [18, 12, 6, 0].map(|shift| char::from(LETTERS[(n >> shift & 63) as usize]))
    };
    bytes.chunks_exact(3).flat_map(group).collect()
}

/// The password as it would look where it leaks.
fn forms() -> Vec<String> {
    // At any position in the encoded text: three ways to begin.
    let shifted = (0..3).map(|skip| base64(&PASSWORD.as_bytes()[skip..]));
    [MARK.to_owned(), encoded(PASSWORD), MARK.to_uppercase()].into_iter().chain(shifted).collect()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

fn assert_hidden(what: &str, text: &str) {
    for form in forms() {
        assert!(!text.contains(&form), "{what}: {form} is in {text}");
    }
}

/// Where to connect, right or wrong in one thing.
#[derive(Debug, Clone)]
struct Place {
    host: String,
    port: String,
    user: String,
    database: String,
    /// Further parameters, as names and values.
    more: Vec<(&'static str, &'static str)>,
}

/// A way to hand the password in: arguments and variables.
type Handed = (Vec<String>, BTreeMap<String, String>);

fn parameters(place: &Place) -> String {
    let usual = [("connect_timeout", "5")];
    // The one that a fault is about stands alone.
    let pairs = if place.more.is_empty() { &usual[..] } else { &place.more };
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("&")
}

fn url(place: &Place, password: bool) -> String {
    let Place { host, port, user, database, .. } = place;
    let password = if password { format!(":{}", encoded(PASSWORD)) } else { String::new() };
    format!("postgres://{user}{password}@{host}:{port}/{database}?{}", parameters(place))
}

fn keywords(place: &Place) -> String {
    let Place { host, port, user, database, .. } = place;
    let more = parameters(place).replace('&', " ");
    format!("host={host} port={port} user={user} password='{}' dbname={database} {more}", quoted(PASSWORD))
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn ways(place: &Place, folder: &Path) -> Vec<(&'static str, Handed)> {
    let variable = |name: &str, value: String| (Vec::new(), BTreeMap::from([(name.to_owned(), value)]));
    let beside = |name: &str, value: String| {
        let variables = [("REFRESHTOP_URL".to_owned(), url(place, false)), (name.to_owned(), value)];
        (Vec::new(), BTreeMap::from(variables))
    };
    let escaped = PASSWORD.replace('\\', "\\\\").replace(':', "\\:");
    let pgpass = write(folder, "pgpass", &format!("*:*:*:*:{escaped}\n"));
    let toml = |url: &str| format!("[profiles.x]\nurl = {}\n", serde_json::Value::from(url));
    let config = write(folder, "config.toml", &toml(&url(place, true)));
    let broken = write(folder, "broken.toml", &format!("{}pol = \"30s\"\n", toml(&keywords(place))));
    let unquoted = write(folder, "unquoted.toml", &format!("[profiles.x]\nurl = {}\n", url(place, true)));
    let with_file = |file: String| (vec!["--config".into(), file, "--profile".into(), "x".into()], BTreeMap::new());
    vec![
        ("a URL", variable("REFRESHTOP_URL", url(place, true))),
        (
            "a URL's parameter",
            variable("REFRESHTOP_URL", format!("{}&password={}", url(place, false), encoded(PASSWORD))),
        ),
        ("keywords", variable("REFRESHTOP_URL", keywords(place))),
        ("an unclosed quote", variable("REFRESHTOP_URL", format!("{} password='{MARK}", keywords(place)))),
        ("a URL that is not encoded", variable("REFRESHTOP_URL", format!("postgres://bob:{PASSWORD}@h/x"))),
        ("PGPASSWORD", beside("PGPASSWORD", PASSWORD.into())),
        ("a password file", beside("PGPASSFILE", pgpass)),
        ("a config file", with_file(config)),
        ("a config file with a mistake", with_file(broken)),
        ("a config file that is no TOML", with_file(unquoted)),
        ("--url", (vec!["--url".into(), url(place, true)], BTreeMap::new())),
        ("the wrong flag", (vec!["--poll".into(), url(place, true)], BTreeMap::new())),
        ("the wrong variable", variable("REFRESHTOP_POLL", url(place, true))),
        ("no flag", (vec![url(place, true)], BTreeMap::new())),
    ]
}

fn faults(right: &Place) -> Vec<(&'static str, Place)> {
    let more = |name, value| Place { more: vec![(name, value)], ..right.clone() };
    vec![
        ("none", right.clone()),
        ("a wrong password", Place { user: "postgres".into(), ..right.clone() }),
        ("a port where nobody listens", Place { port: "1".into(), ..right.clone() }),
        ("a host that nobody has", Place { host: "nobody.invalid".into(), ..right.clone() }),
        ("no such database", Place { database: "nowhere".into(), ..right.clone() }),
        ("an unknown parameter", more("pasword", "x")),
        ("a wrong sslmode", more("sslmode", "sometimes")),
        ("TLS that the server has not", more("sslmode", "require")),
        ("a timeout that is none", more("connect_timeout", "soon")),
    ]
}

/// The first three are tried with every fault.
const COMMANDS: [&[&str]; 8] = [
    &["--help"],
    &["migrate", "--help"],
    &["migrate", "status"],
    &["migrate"],
    &["doctor", "--json"],
    &["monitor"],
    &["demo", "--help"],
    &["nonsense"],
];

/// Each that is left, with everything that it can be asked to tell; those that go on are stopped.
const MORE_COMMANDS: [&[&str]; 35] = [
    &["migrate", "up"],
    &["migrate", "sql"],
    &["monitor"],
    &["status", "--json"],
    &["stats"],
    &["incidents"],
    &["runs", "--follow"],
    &["runs", "show", "0123abcd"],
    &["refresh"],
    &["job", "restore"],
    &["job", "show", "--json"],
    &["job", "runs"],
    &["job", "pause"],
    &["job", "resume"],
    &["job", "every", "*/7 * * * *"],
    &["job", "remove", "--yes"],
    &["views", "list", "--json"],
    &["views", "show", "platform_metrics"],
    &["views", "tree"],
    &["views", "add", "platform_metrics", "--yes"],
    &["views", "set", "platform_metrics", "lock_timeout=6s"],
    &["views", "remove", "platform_metrics", "--yes"],
    &["cleanup", "--yes"],
    &["check"],
    &["doctor", "--details", "--fix", "--yes"],
    &["metrics"],
    &["schedule", "--json"],
    &["config", "path"],
    &["config", "init"],
    &["config", "check"],
    &["config", "show"],
    &["options"],
    &["completions", "bash"],
    &["man"],
    &["migrate", "down", "--yes"],
];

#[test]
fn every_command_is_tried() {
    fn walk(command: &clap::Command, path: &[&str], missing: &mut Vec<String>) {
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            let path = [path, &[inner.get_name()]].concat();
            walk(inner, &path, missing);
            let tried = COMMANDS.iter().chain(&MORE_COMMANDS).any(|words| words.starts_with(&path));
            if !tried {
                missing.push(path.join(" "));
            }
        }
    }
    let mut missing = Vec::new();
    walk(&refreshtop::cli::command(), &[], &mut missing);
    assert!(missing.is_empty(), "{missing:?}");
}

/// Runs it as anybody may, with everything logged. What goes on is asked to stop after some seconds; the others end by
/// themselves, on a busy machine later.
fn run(folder: &Path, arguments: &[String], command: &[&str], variables: &BTreeMap<String, String>) -> (bool, String) {
    let log = folder.join("log");
    let limit = if matches!(command, ["schedule", ..] | ["runs", "--follow"]) { "4" } else { "30" };
    let mut program = Command::new("timeout");
    program.args(["--signal=TERM", "--kill-after=10", limit]).arg(REFRESHTOP);
    program.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", folder);
    program.env("RUST_BACKTRACE", "full").env("RUST_LOG", "trace");
    program.args(["--log-level", "trace", "--log-file"]).arg(&log);
    program.args(arguments).args(command).envs(variables).stdin(Stdio::null());
    let output = program.output().unwrap();
    let printed = [output.stdout, output.stderr, fs::read(&log).unwrap_or_default()].concat();
    (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
}

/// A migrated database, and a role whose password is the planted one.
async fn planted() -> Place {
    let url = migrated_app("planted").await;
    let (user, role_url) = fresh_role(&url, "planted", "SUPERUSER").await;
    crate::support::execute(&url, &format!("ALTER ROLE {user} PASSWORD '{}'", PASSWORD.replace('\'', "''"))).await;
    let target = role_url.rsplit_once('@').unwrap().1;
    let (address, database) = target.split_once('/').unwrap();
    let (host, port) = address.split_once(':').unwrap();
    Place { host: host.into(), port: port.into(), user, database: database.into(), more: Vec::new() }
}

#[tokio::test]
async fn it_is_in_no_output_of_any_command() {
    let right = planted().await;
    let mut runs = 0;
    let mut worked = 0;
    for (fault, place) in faults(&right) {
        let folder = tempfile::tempdir().unwrap();
        for (way, (arguments, variables)) in ways(&place, folder.path()) {
            // Where the string itself is wrong, one command tells as much as all of them.
            for command in COMMANDS.iter().take(if fault == "none" { COMMANDS.len() } else { 3 }) {
                let (succeeded, printed) = run(folder.path(), &arguments, command, &variables);
                assert_hidden(&format!("{way}, {fault}, {command:?}"), &printed);
                worked += usize::from(succeeded && command == &["migrate", "status"]);
                runs += 1;
            }
        }
    }
    assert!(runs > 400, "{runs}");
    // The password was the right one, in each way that hands it in rightly: a server that never asked proves nothing.
    assert!(worked >= 7, "{worked}");
}

#[tokio::test]
async fn it_is_in_nothing_that_the_other_commands_say() {
    let right = planted().await;
    let folder = tempfile::tempdir().unwrap();
    let (mut worked, mut failed) = (Vec::new(), Vec::new());
    for (way, (arguments, variables)) in
        ways(&right, folder.path()).into_iter().filter(|way| ["keywords", "--url"].contains(&way.0))
    {
        for command in MORE_COMMANDS {
            let (succeeded, printed) = run(folder.path(), &arguments, command, &variables);
            assert_hidden(&format!("{way}, {command:?}"), &printed);
            if succeeded { worked.push(command) } else { failed.push(command) }
        }
    }
    // Commands that all fail before they connect prove nothing.
    assert!(worked.len() >= 36, "{worked:?} {failed:?}");
}

#[tokio::test]
async fn it_is_on_no_screen() {
    let right = planted().await;
    for (fault, place) in faults(&right).into_iter().take(5) {
        let folder = tempfile::tempdir().unwrap();
        let chosen = ["a URL", "keywords", "PGPASSWORD", "a password file", "a config file"];
        for (way, (arguments, variables)) in
            ways(&place, folder.path()).into_iter().filter(|way| chosen.contains(&way.0))
        {
            let log = folder.path().join("log");
            let mut launch =
                Launch::refreshtop(&["--poll", "1h", "--log-level", "trace", "--log-file", log.to_str().unwrap()]);
            launch = arguments.iter().fold(launch, |launch, argument| launch.arg(argument));
            launch = variables.iter().fold(launch, |launch, (name, value)| launch.env(name, value));
            let mut monitor = launch.env("RUST_BACKTRACE", "full").start();
            monitor.wait_text(if fault == "none" { "LIVE" } else { "DOWN" });
            monitor.send("r");
            monitor.wait_for("an end of the refresh", |screen| {
                screen.contains("refreshed in") || screen.contains("refused:")
            });
            monitor.send("?");
            monitor.wait_text("Shift-Tab");
            monitor.send("q");
            monitor.wait_exit().unwrap();
            let what = format!("{way}, {fault}");
            assert_hidden(&what, &String::from_utf8_lossy(&monitor.raw_bytes()));
            assert_hidden(&what, &fs::read_to_string(&log).unwrap_or_default());
        }
    }
}

/// What a panic, a log line or a debugger's print would show of the values that hold it.
#[test]
fn it_prints_itself_nowhere() {
    let place =
        Place { host: "h".into(), port: "5432".into(), user: "bob".into(), database: "app".into(), more: Vec::new() };
    let folder = tempfile::tempdir().unwrap();
    let mut resolved = 0;
    for (way, (arguments, variables)) in ways(&place, folder.path()) {
        let mut environment: Environment = variables;
        environment.insert("HOME".into(), folder.path().to_str().unwrap().into());
        let line: Vec<OsString> = std::iter::once("refreshtop".to_owned()).chain(arguments).map(Into::into).collect();
        let cli = match refreshtop::cli::Cli::read(&line) {
            Ok(cli) => cli,
            Err(error) => {
                assert_hidden(way, &format!("{error:?} {error}"));
                continue;
            }
        };
        assert_hidden(way, &format!("{cli:?} {cli:#?}"));
        let settings = match settings::resolve(&line, &environment) {
            Ok((merged, settings)) => {
                assert_hidden(way, &format!("{merged:?} {merged:#?}"));
                settings
            }
            Err(error) => {
                assert_hidden(way, &format!("{error:?} {error}"));
                continue;
            }
        };
        assert_hidden(way, &format!("{settings:?} {settings:#?}"));
        match Target::resolve(settings.url.as_ref(), &environment) {
            Ok(target) => {
                assert_hidden(way, &format!("{target:?} {target:#?} {}", target.place()));
                resolved += 1;
            }
            Err(error) => {
                println!("{way}: {error}");
                assert_hidden(way, &format!("{error:?} {error}"));
            }
        }
    }
    assert!(resolved >= 7, "{resolved}");
    let url = ConnectionUrl::new(url(&place, true));
    assert_hidden("the string", &format!("{url} {url:?}"));
}

#[test]
fn the_search_finds_what_it_looks_for() {
    for before in ["", "x", "xy"] {
        let text = format!("{before}{PASSWORD}zzz");
        for leak in [base64(text.as_bytes()), encoded(&text), format!("{text:?}"), text.clone()] {
            assert!(forms().iter().any(|form| leak.contains(form)), "{leak}");
        }
    }
}
