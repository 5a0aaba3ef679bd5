//! Where options come from, and the messages if they are wrong.

use super::{app_with, program, run, run_command};
use crate::support::terminal::Launch;
use refreshtop_core::exit;
use std::fs;

#[tokio::test]
async fn flags_over_variables_over_the_file() {
    let url = app_with(9, 0).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    fs::write(&path, "[commands.runs]\nlimit = 5\njson = true\n").unwrap();
    for (line, variable, wanted) in [("runs", None, 5), ("runs", Some("3"), 3), ("runs --limit 2", Some("3"), 2)] {
        let mut command = program(&url, line);
        command.env("REFRESHTOP_CONFIG", &path).envs(variable.map(|value| ("REFRESHTOP_LIMIT", value)));
        assert_eq!(run_command(command).await.json()["count"], wanted, "{line} {variable:?}");
    }
    for (line, variable) in [
        ("runs", "REFRESHTOP_LIMIT"),
        ("job runs", "REFRESHTOP_LIMIT"),
        ("trigger", "REFRESHTOP_TIMEOUT"),
        ("check", "REFRESHTOP_CHECK_WARNING"),
        ("metrics", "REFRESHTOP_LISTEN"),
        ("stats", "REFRESHTOP_WINDOW"),
    ] {
        let mut command = program(&url, line);
        command.env(variable, "");
        let ran = run_command(command).await;
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{variable}: {ran:?}");
    }
    // The environment serves, the flag writes.
    let file = folder.path().join("figures.prom");
    let mut command = program(&url, &format!("metrics --textfile {}", file.display()));
    command.env("REFRESHTOP_LISTEN", "127.0.0.1:0");
    let ran = run_command(command).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(fs::read_to_string(&file).unwrap().contains("refreshtop_up{"));
    fs::write(&path, "[commands.runs]\nlimit = 0\n").unwrap();
    for line in ["runs", "config check"] {
        let mut command = program(&url, line);
        command.env("REFRESHTOP_CONFIG", &path);
        let ran = run_command(command).await;
        assert_eq!(ran.code, i32::from(exit::SETTINGS), "{ran:?}");
        assert!(ran.err.contains("c.toml, in [commands]: invalid value '0' for '--limit <N>'"), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn colour_stands_beside_a_word_on_a_terminal_only() {
    let url = app_with(9, 0).await;
    for (variable, wanted) in [(("NOTHING", "1"), true), (("NO_COLOR", "1"), false), (("TERM", "dumb"), false)] {
        let launch = Launch::refreshtop(&["status"]).env("REFRESHTOP_URL", &url).env(variable.0, variable.1);
        let bytes = tokio::task::block_in_place(|| {
            let terminal = launch.size(60, 30).start();
            terminal.wait_text("figures");
            terminal.raw_bytes()
        });
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.contains("\x1b[32mhealthy\x1b[0m"), wanted, "{variable:?}: {text:?}");
        assert!(text.contains("healthy"), "{variable:?}: {text:?}");
        assert!(
            text.lines().filter(|line| !line.contains('\x1b')).all(|line| line.trim_end().chars().count() <= 60),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_wrong_line_is_corrected() {
    for (line, wanted) in [
        ("stauts", "some similar subcommands exist: 'status', 'stats'"),
        ("runs --eror", "a similar argument exists: '--error'"),
        ("job every hourly", "write the five fields of cron"),
        ("schedule --cron '* *'", "write the five fields of cron"),
        ("schedule --cron '0 0 30 2 *'", "a schedule that never comes round"),
        ("job every '0 0 31 4 *'", "a schedule that never comes round"),
        ("metrics --listen nowhere", "write HOST:PORT"),
        ("completions tcsh", "possible values: bash"),
        ("migrate staus", "a similar subcommand exists: 'status'"),
        ("man rusn", "unknown page `rusn`: did you mean `runs`?"),
        ("man job evry", "unknown page `job evry`: did you mean `job every`?"),
        ("status --theme colourblind", "did you mean colorblind?"),
    ] {
        let ran = run("postgres://h/d", line).await;
        assert_eq!((ran.code, ran.out.as_str()), (i32::from(exit::USAGE), ""), "{line}: {ran:?}");
        assert!(ran.err.contains(wanted), "{line}: {ran:?}");
    }
}

#[tokio::test]
async fn a_misspelt_variable_is_not_passed_over_in_silence() {
    let url = app_with(1, 0).await;
    let mut command = program(&url, "stats --json");
    command.env("REFRESHTOP_WINDO", "1h");
    let ran = run_command(command).await;
    assert_eq!((ran.code, ran.json()["window_s"].as_u64()), (0, Some(86_400)), "{ran:?}");
    let wanted = "refreshtop: warning: REFRESHTOP_WINDO is ignored: did you mean REFRESHTOP_WINDOW?\n";
    assert_eq!(ran.err, wanted);
}

#[tokio::test]
async fn each_setting_is_shown_with_its_origin_and_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    let text = "poll = '20s'\ntheme = 'dark'\ndefault_profile = 'prod'\n[thresholds]\nmax_age = '20m'\n
        [profiles.prod]\nurl = 'postgres://bob:hunter2@db/app'\npoll = '10s'\n[commands.runs]\nlimit = 50\n
        [keys]\nquit = ['x', 'F10']\n[commands.metrics]\ntextfile = '/tmp/x'\n";
    fs::write(&path, text).unwrap();
    let at = |line: &str, more: &[(&str, &str)]| {
        let mut command = program("", line);
        command.env_remove("REFRESHTOP_URL").env("REFRESHTOP_CONFIG", &path).envs(more.iter().copied());
        run_command(command)
    };
    let shown = |text: &str, name: &str| -> Vec<String> {
        let row = text.lines().find(|line| line.split_whitespace().next() == Some(name));
        let row = row.unwrap_or_else(|| panic!("{name}: {text}"));
        row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    };
    let variables =
        [("REFRESHTOP_WINDOW", "2h"), ("PGPASSWORD", "hunter3"), ("PGSSLMODE", "require"), ("REFRESHTOP_LIMIT", "7")];
    let ran = at("config show --screen runs", &variables).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(!ran.out.contains("hunter"), "{ran:?}");
    let file = path.to_str().unwrap();
    let of_profile = format!("{file}, profile prod");
    for (name, value, origin) in [
        ("url", "postgres://bob:***@db/app", of_profile.as_str()),
        ("profile", "prod", file),
        ("config", file, "REFRESHTOP_CONFIG"),
        ("poll", "10s", &of_profile),
        ("theme", "dark", file),
        ("max_age", "20m", file),
        ("window", "2h", "REFRESHTOP_WINDOW"),
        ("screen", "runs", "--screen"),
        ("mouse", "false", "default"),
        ("success_warning", "each view's own", "default"),
        ("keys.quit", "x, F10", file),
        ("runs.limit", "7", "REFRESHTOP_LIMIT"),
        ("metrics.textfile", "/tmp/x", file),
        ("PGPASSWORD", "***", "PGPASSWORD"),
        ("PGSSLMODE", "require", "PGSSLMODE"),
    ] {
        assert_eq!(shown(&ran.out, name), [name, value, origin], "{ran:?}");
    }
    // A URL of a stronger layer is not that of the profile.
    let url = "postgres://eve:hunter4@elsewhere/app";
    let ran = at(&format!("config show --url {url}"), &[]).await.out;
    assert_eq!(shown(&ran, "url")[1..], ["postgres://eve:***@elsewhere/app", "--url"], "{ran}");
    assert_eq!(shown(&ran, "poll")[1..], ["20s", file], "{ran}");
    let json = at("config show --json", &[("REFRESHTOP_POLL", "7s")]).await.json();
    let poll = json["settings"].as_array().unwrap().iter().find(|setting| setting["name"] == "poll").unwrap();
    assert_eq!(poll["value"], "7s", "{poll}");
    assert_eq!((&poll["origin"]["layer"], &poll["origin"]["name"]), (&"environment".into(), &"REFRESHTOP_POLL".into()));
    let wrong = at("config show", &[("REFRESHTOP_POLL", "hunter5")]).await;
    assert!(wrong.code == i32::from(exit::SETTINGS) && !wrong.err.contains("hunter5"), "{wrong:?}");
}

#[tokio::test]
async fn a_config_file_is_found_written_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let at = |line: &str| {
        let mut command = program("postgres://bob:hunter2@db.example/app", line);
        command.env("XDG_CONFIG_HOME", folder.path());
        run_command(command)
    };
    let path = folder.path().join("refreshtop/config.toml");
    assert_eq!(at("config path").await.out, format!("{}\n", path.display()));
    let absent = at("config check").await;
    assert!(absent.code == 0 && absent.out.contains("does not exist; the defaults apply"), "{absent:?}");
    assert_eq!(at("config init").await.out, format!("wrote {}\n", path.display()));
    assert_eq!(fs::read_to_string(&path).unwrap(), include_str!("../../../config.example.toml"));
    let again = at("config init").await;
    assert_eq!((again.code, again.out.as_str()), (i32::from(exit::FAILURE), ""), "{again:?}");
    let good = at("config check").await;
    assert_eq!(good.out, format!("{} has no mistakes\ndatabase app at db.example as bob\n", path.display()));
    fs::write(&path, "pol = '3s'").unwrap();
    let bad = at("config check").await;
    assert_eq!(bad.code, i32::from(exit::SETTINGS), "{bad:?}");
    assert!(bad.err.contains("line 1, column 1: unknown key `pol`: did you mean `poll`?"), "{bad:?}");
    // What needs no settings works without good ones.
    assert_eq!(at("man runs").await.code, 0);
    assert_eq!(at("completions fish").await.code, 0);
}
