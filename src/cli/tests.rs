//! What a command line means, and how a wrong one is refused.

use super::*;
use std::{collections::BTreeSet, time::Duration};

fn read(line: &str) -> Result<Cli, clap::Error> {
    Cli::read(std::iter::once("refreshtop").chain(line.split_whitespace()))
}

#[test]
fn the_definition_holds_together() {
    command().debug_assert();
}

#[test]
fn commands() {
    let answer = Answer::default;
    let migrate = |action| Command::Migrate(Migrate { action, ..Migrate::default() });
    let down = |to, yes| migrate(Some(MigrateAction::Down(Down { to, yes, how: How::default() })));
    for (line, wanted) in [
        ("", Command::Monitor),
        ("monitor", Command::Monitor),
        ("migrate", migrate(None)),
        ("migrate up", migrate(Some(MigrateAction::Up(Up::default())))),
        ("migrate sql", migrate(Some(MigrateAction::Sql(Parts::default())))),
        ("migrate status", migrate(Some(MigrateAction::Status(answer())))),
        ("migrate down", down(None, false)),
        ("migrate down --to 3 --yes", down(Some(3), true)),
        ("demo", Command::Demo(Demo { headless: false, accounts: 10_000 })),
        ("demo --headless --accounts 5", Command::Demo(Demo { headless: true, accounts: 5 })),
    ] {
        assert_eq!(read(line).unwrap().command(), wanted, "{line}");
    }
    for line in ["migrate --dry-run", "migrate --dry-run up", "migrate up --dry-run"] {
        let Command::Migrate(migrate) = read(line).unwrap().command() else { panic!("{line}") };
        let how = How { dry_run: true, answer: answer() };
        assert_eq!(migrate.action(), MigrateAction::Up(Up { parts: Parts::default(), how }), "{line}");
    }
    let parts = Parts { with: Some(Part::PlatformMetrics) };
    for (line, wanted) in [
        ("migrate --with platform-metrics", MigrateAction::Up(Up { parts, how: How::default() })),
        ("migrate --with platform-metrics up", MigrateAction::Up(Up { parts, how: How::default() })),
        ("migrate up --with platform-metrics", MigrateAction::Up(Up { parts, how: How::default() })),
        ("migrate --with platform-metrics sql", MigrateAction::Sql(parts)),
        ("migrate sql --with=platform-metrics", MigrateAction::Sql(parts)),
    ] {
        let Command::Migrate(migrate) = read(line).unwrap().command() else { panic!("{line}") };
        assert_eq!(migrate.action(), wanted, "{line}");
    }
    for line in ["job --json", "job show --json", "migrate --json", "migrate up --json", "migrate down --json"] {
        assert!(read(line).unwrap().json(), "{line}");
    }
}

#[test]
fn a_wrong_argument_does_not_control_the_terminal() {
    for hostile in ["\u{1b}]0;pwned\u{7}", "\u{9b}2J", "\u{202e}x", "a\r\nrefreshtop: all is well"] {
        for arguments in [
            vec!["refreshtop", hostile],
            vec!["refreshtop", "--poll", hostile],
            vec!["refreshtop", "migrate", hostile],
            vec!["refreshtop", "migrate", "down", "--to", hostile],
        ] {
            let message = Cli::read(&arguments).unwrap_err().to_string();
            assert!(message.lines().all(refreshtop_core::sanitize::is_safe), "{message:?}");
            assert!(!message.contains("\nrefreshtop: all"), "{message:?}");
        }
        let option = format!("--{hostile}=x");
        let message = Cli::read(["refreshtop", &option]).unwrap_err().to_string();
        assert!(message.lines().all(refreshtop_core::sanitize::is_safe), "{message:?}");
    }
}

#[test]
fn options_stand_before_or_after_the_command() {
    let wanted = Layer { poll: Some(Duration::from_secs(5)), ascii: Some(true), ..Layer::default() };
    for line in [
        "--poll 5s --ascii",
        "--poll 5s --ascii monitor",
        "monitor --poll 5s --ascii",
        "--ascii migrate --poll 5s",
        "migrate --ascii down --poll=5s",
        "demo --ascii=yes --poll 5s",
    ] {
        assert_eq!(read(line).unwrap().options, wanted, "{line}");
    }
    assert_eq!(read("--ascii=false").unwrap().options.ascii, Some(false));
}

#[test]
fn wrong_lines_say_what_is_allowed() {
    for (line, wanted) in [
        ("--poll 30", "units: ms, s, m, h, d"),
        ("--poll 10ms", "at least 1 s"),
        ("--window 2y", "at most 366 days"),
        ("--theme pink", "terminal, light, dark, colorblind, mono"),
        ("--success-warning 101", "from 0 to 100"),
        ("--polll 30s", "'--poll'"),
        ("migrat", "'migrate'"),
        ("migrate up --yes", "unexpected argument '--yes'"),
        ("demo --accounts 0", "1..=1000000"),
    ] {
        let error = read(line).unwrap_err();
        assert!(error.to_string().contains(wanted), "{line}: {error}");
        assert!(error.use_stderr(), "{line}");
    }
}

#[test]
fn connection_strings_in_the_wrong_place_are_not_repeated() {
    for line in [
        "postgres://bob:hunter2@h/app",
        "--url postgres://h/app postgres://bob:hunter2@h/app",
        "--ulr=postgres://bob:hunter2@h/app",
        "--ulr postgres://bob:hunter2@h/app",
        "--poll postgres://bob:hunter2@h/app",
        "--poll=postgres://bob:hunter2@h/app",
        "--ascii=postgres://bob:hunter2@h/app",
        "--theme password=hunter2",
        "migrate postgres://bob:hunter2@h/app",
        "migrate down --to postgres://bob:hunter2@h/app",
        "migrate down --yes=postgres://bob:hunter2@h/app",
        "monitor password=hunter2",
        "--postgres://bob:hunter2@h/app",
        "-postgres://bob:hunter2@h/app",
        "--url postgres://bob:hunter2@h/app --url postgres://bob:hunter2@h/app",
        "--url postgres://bob:hunter2@h/app --help",
    ] {
        let error = read(line).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{line}: {error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{line}: {error:?}");
    }
    assert!(!format!("{:?}", read("--url postgres://bob:hunter2@h/app").unwrap()).contains("hunter2"));
}

#[test]
fn a_wrong_range_and_a_name_of_cron_are_repeated() {
    for (line, wanted) in [
        ("check --critical rate=@20:10", "'rate=@20:10'"),
        ("check --critical=rate=@20:10", "'rate=@20:10'"),
        ("schedule --cron @reboot", "'@reboot'"),
        ("schedule --cron=@reboot", "'@reboot'"),
    ] {
        let error = read(line).unwrap_err().to_string();
        assert!(error.contains(wanted), "{line}: {error}");
    }
}

#[test]
fn what_is_about_one_call_has_no_variable() {
    fn without(command: &clap::Command, names: &mut BTreeSet<String>) {
        let options = command.get_arguments().filter(|arg| arg.get_long().is_some() && arg.get_env().is_none());
        names.extend(options.map(|arg| arg.get_id().to_string()));
        command.get_subcommands().for_each(|child| without(child, names));
    }
    let mut names = BTreeSet::new();
    command().get_subcommands().for_each(|child| without(child, &mut names));
    // A forgotten one would change something, or hide something, or keep a command from ending.
    let wanted = [
        "accounts",
        "all",
        "also",
        "analyze",
        "blocking",
        "details",
        "dry_run",
        "error",
        "failed",
        "faults",
        "fix",
        "follow",
        "grep",
        "headless",
        "job",
        "managed",
        "markdown",
        "older_than",
        "output",
        "schedule",
        "since",
        "take_over",
        "to",
        "unmanaged",
        "until",
        "wait",
        "watch",
        "with",
        "yes",
    ];
    let json = names.take("json");
    assert_eq!(names.into_iter().collect::<Vec<_>>(), wanted);
    assert!(json.is_some(), "config show shows whatever the variables say");
}

#[test]
fn help_has_the_own_options_and_those_that_matter() {
    let help = |line: &str| read(line).unwrap_err().to_string();
    for (line, there, elsewhere) in [
        ("--help", &["status", "refreshtop options", "Exit codes"][..], &["--url <", "--theme"][..]),
        ("monitor --help", &["--theme", "--mouse", "--view"], &["--url <", "--success-warning"]),
        ("runs --help", &["--since", "--until", "--view", "refreshtop options"], &["--theme", "REFRESHTOP_FOLLOW"]),
        ("runs show --help", &["--markdown"], &["--view", "--theme"]),
        ("job pause --help", &["--job", "--view"], &["--theme"]),
        ("cleanup --help", &["--older-than", "--dry-run"], &["--view", "--theme"]),
        ("help views add", &["--take-over"], &["--url <"]),
    ] {
        let text = help(line);
        for word in there {
            assert!(text.contains(word), "{line}: {word} is missing\n{text}");
        }
        for word in elsewhere {
            assert!(!text.contains(word), "{line}: {word} is there\n{text}");
        }
    }
    // What is hidden is allowed.
    assert_eq!(read("runs show 0123 --view x --theme dark").unwrap().options.theme.as_deref(), Some("dark"));
    assert_eq!(read("monitor --theme dark").unwrap().options.theme.as_deref(), Some("dark"));
    let options = options().to_string();
    for word in ["--url", "--profile", "--view", "--log-level", "REFRESHTOP_THEME", "Flags override", "~/.pgpass"] {
        assert!(options.contains(word), "{word}: {options}");
    }
    assert!(!options.contains("--help"), "{options}");
}

#[test]
fn one_format_is_given() {
    for (line, format, json) in [
        ("runs", runs::Format::Table, false),
        ("logs -o wide", runs::Format::Wide, false),
        ("runs -o json", runs::Format::Json, true),
        ("runs --json", runs::Format::Json, true),
        ("runs --output=csv", runs::Format::Csv, false),
    ] {
        let cli = read(line).unwrap();
        let Command::Runs(runs) = cli.command() else { panic!("{line}") };
        assert_eq!((runs.list.format(), cli.json()), (format, json), "{line}");
    }
    for line in ["runs -o csv --json", "runs show 0123 --json --markdown", "runs --follow --until 2h"] {
        assert!(read(line).unwrap_err().to_string().contains("cannot be used with"), "{line}");
    }
    assert!(read("runs show --json 0123").unwrap().json() && read("runs --json show 0123").unwrap().json());
}

#[test]
fn every_option_names_its_variable() {
    let command = command();
    let ids: BTreeSet<&str> = command.get_arguments().map(|arg| arg.get_id().as_str()).collect();
    assert!(ids.contains("url") && ids.contains("log_level"));
    for arg in command.get_arguments() {
        let id = arg.get_id().as_str();
        let help = arg.get_help().unwrap().to_string();
        assert!(help.ends_with(&format!("[env: REFRESHTOP_{}]", id.to_uppercase())), "{id}: {help}");
    }
}
