//! Passwords stay where they belong.

use crate::support::{
    fresh_role, migrated_app,
    terminal::{Launch, REFRESHTOP, TerminalProgram},
};
use refreshtop_core::exit;
use rustix::process::Signal;
use std::fs;

/// Everything that a neighbour on the machine, or behind the person, could see of the program.
fn seen(program: &TerminalProgram) -> String {
    let line = fs::read(format!("/proc/{}/cmdline", program.pid())).unwrap_or_default();
    String::from_utf8_lossy(&[program.raw_bytes(), line].concat()).into_owned()
}

#[tokio::test]
async fn a_password_is_neither_shown_nor_listed() {
    let url = migrated_app("secret").await;
    let (name, role_url) = fresh_role(&url, "keeper", "IN ROLE refreshtop_admin").await;
    let password = format!("secret-of-{name}");
    let wrong = role_url.replace(&password, "not-the-secret");
    let log = tempfile::tempdir().unwrap();
    for (url, sign, secret) in [(&role_url, "LIVE", &*password), (&wrong, "DOWN", "not-the-secret")] {
        let file = log.path().join(sign);
        let log = file.to_str().unwrap();
        let mut monitor = Launch::monitor(url).arg("--log-level=trace").arg("--log-file").arg(log).start();
        monitor.wait_text(sign);
        monitor.send("r?");
        monitor.wait_text("read everything again");
        assert!(!seen(&monitor).contains(secret), "{sign}");
        monitor.send("q");
        assert_eq!(monitor.wait_exit(), Ok(0));
        assert!(!seen(&monitor).contains(secret), "{sign}");
        assert!(!fs::read_to_string(&file).unwrap().contains(secret), "{sign}");
    }
}

/// What is in memory would be in it.
#[tokio::test]
async fn no_core_is_left_behind() {
    let url = migrated_app("core").await;
    let line = format!("ulimit -S -c $(ulimit -H -c) && exec {REFRESHTOP} --poll 1h");
    let mut monitor = Launch::new("/bin/sh", &["-c", &line]).env("REFRESHTOP_URL", &url).live();
    let limits = fs::read_to_string(format!("/proc/{}/limits", monitor.pid())).unwrap();
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().next(), Some("0"), "{core}");
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
}

#[tokio::test]
async fn a_password_on_the_command_line_is_covered_there() {
    let url = migrated_app("covered").await;
    let (name, role_url) = fresh_role(&url, "careless", "IN ROLE refreshtop_admin").await;
    let password = format!("secret-of-{name}");
    let by_argument = format!("--url={role_url}");
    for arguments in [vec!["--url", &role_url, "--poll=1h"], vec![&by_argument, "--poll=1h", "monitor"]] {
        let mut monitor = Launch::refreshtop(&arguments).live();
        let line = fs::read_to_string(format!("/proc/{}/cmdline", monitor.pid())).unwrap();
        let (shown, ended) = (role_url.replace(&password, "***"), line.split('\0').collect::<Vec<_>>());
        assert!(ended.iter().any(|argument| argument.ends_with(&shown)) && ended.contains(&"--poll=1h"), "{line:?}");
        assert!(!seen(&monitor).contains(&password), "{line:?}");
        let variables = fs::read(format!("/proc/{}/environ", monitor.pid())).unwrap();
        assert!(!String::from_utf8_lossy(&variables).contains(&password));
        monitor.send("q");
        assert_eq!(monitor.wait_exit(), Ok(0));
    }
}

#[tokio::test]
async fn a_password_that_is_missing_is_asked_for_and_not_shown() {
    let url = migrated_app("asked").await;
    let (name, role_url) = fresh_role(&url, "asked", "IN ROLE refreshtop_admin").await;
    let password = format!("secret-of-{name}");
    let without = role_url.replace(&format!(":{password}@"), "@");
    let ask = |arguments: &[&str]| {
        let program = Launch::refreshtop(arguments).env("REFRESHTOP_URL", &without).start();
        program.wait_text("Password for");
        program.wait_for("the terminal", |_| program.is_raw());
        program
    };

    let mut status = ask(&["status"]);
    status.send("not-the-secret\r");
    status.wait_text("the server refused the password");
    status.wait_for("the question again", |screen| screen.matches("Password for").count() == 2);
    status.send(&format!("{password}\r"));
    status.wait_text("verdict");
    assert!(!seen(&status).contains("secret"), "{}", status.screen_text());
    status.wait_exit().unwrap();
    status.assert_given_back();

    let mut monitor = ask(&["--poll=1h"]);
    monitor.send(&format!("{password}\r"));
    monitor.wait_text("LIVE");
    assert!(!seen(&monitor).contains(&password));
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
    monitor.assert_given_back();

    let mut thrice = ask(&["stats"]);
    for times in 1..=3 {
        thrice.wait_for("the question", |screen| screen.matches("Password for").count() == times);
        thrice.send("guess\r");
    }
    assert_eq!(thrice.wait_exit(), Ok(u32::from(exit::CANNOT_CONNECT)), "{}", thrice.screen_text());
    thrice.assert_given_back();
}

#[tokio::test]
async fn a_question_for_a_password_can_be_left_in_every_way() {
    let url = migrated_app("left").await;
    let (name, role_url) = fresh_role(&url, "left", "").await;
    let without = role_url.replace(&format!(":secret-of-{name}@"), "@");
    for way in ["\x03", "\x04", "\r", "TERM", "HUP"] {
        let mut program = Launch::refreshtop(&["stats"]).env("REFRESHTOP_URL", &without).start();
        // At once.
        program.wait_text("Password for");
        match way {
            "TERM" => program.signal(Signal::TERM),
            "HUP" => program.signal(Signal::HUP),
            key => program.send(key),
        }
        assert_eq!(program.wait_exit(), Ok(u32::from(exit::CANNOT_CONNECT)), "{way:?}: {}", program.screen_text());
        program.wait_text("wants a password");
        program.assert_given_back();
    }
}
