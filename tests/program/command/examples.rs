//! Every command that README and docs/ show, run as written.

use super::{Guarded, PATIENCE, add_runs, code, program, run};
use crate::support::{
    CRON_DATABASE, cluster, execute, fresh_app, migrated_app,
    processes::eventually,
    terminal::{Launch, TerminalProgram},
    value,
};
use refreshtop_core::exit;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::task::block_in_place;

/// Those with lines for a shell, in the order in which a newcomer reads them.
const PAGES: [&str; 7] = [
    include_str!("../../../README.md"),
    include_str!("../../../docs/install.md"),
    include_str!("../../../docs/demo.md"),
    include_str!("../../../docs/database.md"),
    include_str!("../../../docs/monitor.md"),
    include_str!("../../../docs/commands.md"),
    include_str!("../../../docs/views.md"),
];
const RUNBOOK: &str = include_str!("../../../docs/runbook.md");

/// The lines for a shell that call refreshtop, without its name.
fn shell_lines(text: &str) -> impl Iterator<Item = &str> {
    let blocks = text.split("\n```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    blocks.flat_map(str::lines).filter_map(|line| line.strip_prefix("refreshtop")).map(str::trim)
}

/// The commands of the table in the runbook, without the program's name, in their order.
fn table_commands(text: &str) -> impl Iterator<Item = &str> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").nth(1));
    rows.flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter_map(|code| code.strip_prefix("refreshtop "))
        .map(str::trim)
}

/// The program on `url`; whatever it wants to start or to write has `folder` for it.
fn at(folder: &Path, url: &str, line: &str) -> Command {
    let line = line.replace("/var/lib/node_exporter", folder.to_str().unwrap()).replace(":9899", ":0");
    let line = line.replace(" NAME ", " platform_metrics ");
    let mut command = program(url, &line);
    command.env("TMPDIR", folder).env("XDG_CONFIG_HOME", folder);
    for name in ["PATH", "REFRESHTOP_PG_BIN"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command
}

/// Starts what goes on until it is stopped, waits for a sign of it, and stops it.
fn start_and_stop(mut command: Command, sign: impl FnOnce(&mut Child)) {
    let mut child = Guarded(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    sign(&mut child.0);
    kill_process(Pid::from_child(&child.0), Signal::TERM).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(0), "{command:?}");
}

fn first_line(from: impl std::io::Read) -> String {
    let mut line = String::new();
    BufReader::new(from).read_line(&mut line).unwrap();
    line
}

/// A person at a terminal.
fn in_terminal(folder: &Path, url: Option<&str>, line: &str) -> TerminalProgram {
    let words = super::words(line);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let launch = Launch::refreshtop(&words).env("XDG_CONFIG_HOME", folder);
    match url {
        Some(url) => launch.env("REFRESHTOP_URL", url).start(),
        None => launch.start(),
    }
}

/// Runs one example, whose success is what its kind of command promises.
async fn try_example(folder: &Path, url: &str, line: &str) {
    let is = |start: &str| line == start || line.starts_with(&format!("{start} "));
    if line.is_empty() || line.starts_with("--") {
        let url = if line.contains("--profile") { None } else { Some(url) };
        block_in_place(|| {
            let mut monitor = in_terminal(folder, url, line);
            monitor.wait_for("a live screen", |screen| screen.contains("LIVE") && screen.contains("data of"));
            monitor.send("q");
            assert_eq!(monitor.wait_exit(), Ok(0), "{line}");
        });
    } else if is("demo") {
        block_in_place(|| {
            start_and_stop(at(folder, url, line), |demo| {
                let printed = first_line(demo.stdout.take().unwrap());
                assert!(printed.starts_with("postgresql://"), "{line}: {printed}");
            });
        });
    } else if line.contains("--follow") || line.contains("--watch") {
        block_in_place(|| {
            start_and_stop(at(folder, url, line), |logs| {
                assert!(!first_line(logs.stdout.take().unwrap()).is_empty(), "{line}");
            });
        });
    } else if line.contains("--listen") {
        block_in_place(|| {
            start_and_stop(at(folder, url, line), |metrics| {
                let printed = first_line(metrics.stderr.take().unwrap());
                assert!(printed.starts_with("refreshtop: serving http://127.0.0.1:"), "{line}: {printed}");
            });
        });
    } else if is("schedule") {
        let log = folder.join("schedule.log");
        // Of the example before this one.
        let _ = fs::remove_file(&log);
        let mut schedule = at(folder, url, line);
        schedule.env("REFRESHTOP_LOG_FILE", &log);
        let waits = || fs::read_to_string(&log).is_ok_and(|text| text.contains("next refresh at"));
        block_in_place(|| start_and_stop(schedule, |_| eventually("it waits for a tick", waits)));
    } else if is("migrate down") {
        let other = migrated_app("command_down").await;
        // Nobody can be asked here.
        let ran = run(&other, &format!("{line} --yes")).await;
        assert_eq!(code(&ran), exit::OK, "{line}: {ran:?}");
    } else if is("runs show") {
        let newest = run(url, "runs --json --limit 1").await.json();
        let ran = run(url, &line.replace("ID", newest["runs"][0]["id"].as_str().unwrap())).await;
        assert_eq!((code(&ran), ran.err.as_str()), (exit::OK, ""), "{line}: {ran:?}");
    } else if ["views add", "job remove", "cleanup"].iter().any(|start| is(start)) && !line.contains("--dry-run") {
        let ran = run(url, &format!("{line} --yes")).await;
        assert_eq!((code(&ran), ran.err.as_str()), (exit::OK, ""), "{line}: {ran:?}");
    } else if line.contains("--also") {
        // Who is in nobody's way is not ended.
        let ran = run(url, &format!("{line} --yes")).await;
        assert_eq!(code(&ran), exit::FAILURE, "{line}: {ran:?}");
        assert!(ran.err.contains("no finding offers"), "{line}: {ran:?}");
    } else if line.contains("--fix") {
        // A column without a planner's statistics is always there to be fixed.
        execute(url, "DELETE FROM pg_statistic WHERE starelid = 'public.platform_metrics'::regclass").await;
        block_in_place(|| {
            let mut doctor = in_terminal(folder, Some(url), line);
            let shown = doctor
                .wait_for("an end", |screen| screen.contains("Continue? [y/N]") || screen.contains("Nothing was"));
            if shown.contains("Continue?") {
                doctor.send("y\r");
            }
            let code = doctor.wait_exit().unwrap();
            assert!(code <= u32::from(exit::UNKNOWN), "{line}: {}", doctor.screen_text());
        });
    } else {
        let ran = super::run_command(at(folder, url, line)).await;
        if is("doctor") {
            // The jobs have not run yet.
            assert!(code(&ran) <= exit::UNKNOWN && ran.out.contains(" problems, "), "{line}: {ran:?}");
        } else {
            assert_eq!(code(&ran), exit::OK, "{line}: {ran:?}");
        }
        assert_eq!(ran.err, "", "{line}: {ran:?}");
    }
}

/// Runs examples in their order on a database that they migrate themselves, and takes its jobs away at the end.
async fn try_all(lines: Vec<&str>) {
    let folder = tempfile::tempdir().unwrap();
    // The demo's server may run under another account.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let url = fresh_app("command_examples").await;
    let config = folder.path().join("refreshtop");
    fs::create_dir(&config).unwrap();
    fs::write(config.join("config.toml"), format!("[profiles.production]\nurl = '{url}'\n")).unwrap();
    fs::set_permissions(config.join("config.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    let migrated = run(&url, "migrate").await;
    assert_eq!(code(&migrated), exit::OK, "{migrated:?}");
    add_runs(&url, 9, "success", "NULL").await;
    execute(&url, "SELECT public.refresh_platform_metrics_with_logging()").await;
    for line in lines {
        let slow = PATIENCE + Duration::from_mins(1);
        tokio::time::timeout(slow, try_example(folder.path(), &url, line)).await.unwrap_or_else(|_| panic!("{line}"));
    }
    let database = url.rsplit_once('/').unwrap().1;
    let jobs = format!(
        "SELECT count(*) FROM (SELECT cron.unschedule(jobid) FROM cron.job WHERE database = '{database}') AS gone"
    );
    assert_eq!(value::<i64>(&cluster().await.url(CRON_DATABASE), &jobs).await, 2, "both jobs are there at the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readmes_examples_run() {
    let lines: Vec<&str> = PAGES.into_iter().flat_map(shell_lines).collect();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let texts = fs::read_dir(docs).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let all: usize = texts.map(|path| shell_lines(&fs::read_to_string(path).unwrap()).count()).sum();
    assert_eq!(all + shell_lines(PAGES[0]).count(), lines.len(), "a page with lines for a shell is not in PAGES");
    assert!(lines.len() >= 28 && lines.contains(&"") && lines.contains(&"doctor --fix"), "{lines:?}");
    try_all(lines).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runbooks_commands_run() {
    let lines: Vec<&str> = table_commands(RUNBOOK).collect();
    assert!(lines.len() >= 28 && lines.contains(&"job restore"), "{lines:?}");
    try_all(lines).await;
}

/// Every statement that engineers typed by hand has a row with the command.
#[test]
fn every_statement_of_old_has_its_command() {
    let rows: Vec<Vec<&str>> =
        RUNBOOK.lines().filter(|line| line.starts_with("| ")).map(|row| row.split(" | ").collect()).collect();
    for (statement, command) in [
        ("metrics_refresh_log ORDER BY created_at DESC", "runs"),
        ("get_metrics_refresh_stats(24)", "stats"),
        ("WHERE status = 'error'", "runs --failed --since 6h"),
        ("trigger_platform_metrics_refresh()", "trigger"),
        ("FROM cron.job`", "job show"),
        ("cron.job_run_details", "job runs"),
        ("cron.unschedule('refresh-platform-metrics')", "job remove"),
        ("cron.schedule('refresh-platform-metrics', …)", "job restore"),
        ("cleanup_old_metrics_logs()", "cleanup"),
        ("pg_locks", "doctor"),
        ("pg_terminate_backend", "doctor --fix --also 'end session 4711'"),
        ("pg_total_relation_size", "doctor --details"),
        ("`EXPLAIN`", "doctor --details"),
        ("pg_extension", "doctor"),
    ] {
        let shown = format!("`refreshtop {command}`");
        assert!(rows.iter().any(|row| row[2].contains(statement) && row[1].contains(&shown)), "{statement}: {command}");
    }
}
