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
        ("--poll 10ms", "at least 1s"),
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
fn every_option_of_a_command_has_a_variable_unless_forgetting_it_would_harm() {
    fn without(command: &clap::Command, names: &mut BTreeSet<String>) {
        let options = command.get_arguments().filter(|arg| arg.get_long().is_some() && arg.get_env().is_none());
        names.extend(options.map(|arg| arg.get_id().to_string()));
        command.get_subcommands().for_each(|child| without(child, names));
    }
    let mut names = BTreeSet::new();
    command().get_subcommands().for_each(|child| without(child, &mut names));
    let wanted = ["all", "also", "blocking", "dry_run", "fix", "schedule", "take_over", "to", "with", "yes"];
    assert_eq!(names.into_iter().collect::<Vec<_>>(), wanted);
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
