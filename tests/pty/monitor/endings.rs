//! Every way to end: the terminal is given back, and nothing is left behind.

use super::live;
use crate::support::{
    flood::processor_time,
    migrated_app,
    processes::eventually,
    session::Session,
    terminal::{Launch, REFRESHTOP, TerminalProgram},
};
use refreshtop_core::exit;
use refreshtop_tui::terminal::guard::TerminalGuard;
use rustix::process::Signal;
use std::{
    env,
    process::{Command, Output, Stdio},
    time::Duration,
};

/// The server has no session of a monitor left.
async fn assert_no_sessions(url: &str) {
    let left = "FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'refreshtop%'";
    Session::open(url).await.until(&format!("NOT EXISTS (SELECT {left})")).await;
}

#[tokio::test]
async fn signals_end_it_as_q_does() {
    let url = migrated_app("signals").await;
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2, Signal::ALARM] {
        let mut monitor = live(&url);
        monitor.signal(signal);
        assert_eq!(monitor.wait_exit(), Ok(0), "{signal:?}");
        monitor.assert_given_back();
    }
    let mut monitor = live(&url);
    monitor.send("\x03");
    assert_eq!(monitor.wait_exit(), Ok(0));
    monitor.assert_given_back();
    assert_no_sessions(&url).await;
}

#[tokio::test]
async fn stopped_it_gives_the_terminal_back_and_takes_it_again() {
    let url = migrated_app("stopped").await;
    let mut monitor = live(&url);
    for _ in 0..2 {
        monitor.signal(Signal::TSTP);
        eventually("it stops", || {
            let status = std::fs::read_to_string(format!("/proc/{}/status", monitor.pid())).unwrap();
            status.contains("State:\tT")
        });
        monitor.wait_for("the shell's own screen", |screen| !screen.contains("LIVE"));
        monitor.assert_given_back();
        monitor.signal(Signal::CONT);
        monitor.wait_text("LIVE");
        eventually("it takes the terminal again", || monitor.is_raw());
    }
    monitor.send("?");
    monitor.wait_text("KEYS");
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
    monitor.assert_given_back();
}

#[tokio::test]
async fn a_closed_terminal_ends_it_with_a_signal_or_without() {
    let url = migrated_app("closed").await;
    for launch in [Launch::monitor(&url), Launch::monitor(&url).without_control()] {
        let mut monitor = launch.live();
        monitor.hang_up();
        assert_eq!(monitor.wait_exit(), Ok(0));
    }
    assert_no_sessions(&url).await;
}

/// Fills what the system keeps for a terminal, so that the next write waits.
fn stall(monitor: &mut TerminalProgram) {
    monitor.stall();
    // Until it draws no more: what the loop beside its thread for keys takes is far less than a frame.
    eventually("it goes on drawing", || {
        let before = processor_time(monitor);
        for step in 0..60 {
            monitor.resize(200 + step % 2, 60);
            std::thread::sleep(Duration::from_millis(20));
        }
        processor_time(monitor).saturating_sub(before) <= Duration::from_millis(30)
    });
}

#[tokio::test]
async fn a_stalled_terminal_does_not_keep_it() {
    let url = migrated_app("stalled").await;
    let mut monitor = live(&url);
    stall(&mut monitor);
    monitor.signal(Signal::TERM);
    eventually("it goes on without its terminal", || monitor.try_exit().is_some());
    monitor.unstall();
    assert_eq!(monitor.wait_exit(), Ok(exit::TERMINAL_STUCK.into()));
    assert!(!monitor.is_raw());

    let mut monitor = live(&url);
    stall(&mut monitor);
    monitor.hang_up();
    monitor.wait_exit().unwrap();
    assert_no_sessions(&url).await;
}

/// Not a test: a program that panics while the terminal is its own, for [`a_panic_gives_the_terminal_back`].
#[test]
#[ignore = "runs in the terminal of another test"]
fn panicking() {
    let _guard = TerminalGuard::take(false).unwrap();
    match env::var("PANIC_IN").as_deref() {
        Ok("thread") => {
            let other = std::thread::spawn(|| panic!("out of cheese"));
            // As the loop: whoever else panics, it would go on.
            other.join().ok();
            std::thread::sleep(Duration::from_mins(1));
        }
        _ => panic!("out of cheese"),
    }
}

#[test]
fn a_panic_gives_the_terminal_back() {
    for place in ["loop", "thread"] {
        let this = env::current_exe().unwrap();
        let arguments = ["--exact", "monitor::endings::panicking", "--ignored", "--nocapture", "--test-threads=1"];
        let mut program = Launch::new(this, &arguments).env("PANIC_IN", place).start();
        assert_eq!(program.wait_exit(), Ok(exit::FAILURE.into()), "{place}");
        program.assert_given_back();
        assert!(program.screen_text().contains("out of cheese"), "{}", program.screen_text());
    }
}

fn without_terminal(url: &str) -> Command {
    let mut command = Command::new(REFRESHTOP);
    command.env_clear().env("TERM", "xterm").env("REFRESHTOP_URL", url).stdin(Stdio::null());
    command
}

/// One sentence, and nothing else.
fn assert_refused(output: &Output, reason: &str) {
    let message = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(exit::FAILURE.into()), "{message}");
    assert!(
        message.contains(reason) && message.lines().count() == 1 && message.starts_with("refreshtop: "),
        "{message:?}"
    );
    assert!(output.stdout.is_empty(), "{:?}", output.stdout);
}

#[test]
fn without_a_terminal_it_says_so() {
    let url = "postgres://nobody@127.0.0.1:1/none";
    assert_refused(&without_terminal(url).output().unwrap(), "must be a terminal");
    assert_refused(&without_terminal(url).env("TERM", "dumb").output().unwrap(), "TERM=dumb");

    let mut dumb = Launch::monitor(url).env("TERM", "dumb").start();
    assert_eq!(dumb.wait_exit(), Ok(exit::FAILURE.into()));
    assert!(!dumb.raw_bytes().contains(&0x1b));
    dumb.assert_given_back();

    // Keys from a pipe, a screen in a terminal; and the other way round.
    for redirection in ["</dev/null", ">/dev/null", "| cat"] {
        let line = format!("{REFRESHTOP} {redirection}");
        let mut half = Launch::new("/bin/sh", &["-c", &line]).env("REFRESHTOP_URL", url).start();
        half.wait_exit().unwrap();
        assert!(half.screen_text().contains("must be a terminal"), "{redirection}: {}", half.screen_text());
        assert!(!half.raw_bytes().contains(&0x1b), "{redirection}");
        half.assert_given_back();
    }
}
