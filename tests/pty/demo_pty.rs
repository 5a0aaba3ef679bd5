//! `refreshtop demo` as people call it: in a terminal, and headless. However it ends, nothing of it is left.

use crate::support::{
    client,
    processes::{eventually, processes_of},
    terminal::{Launch, REFRESHTOP, TerminalProgram},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// A folder of its own for the demo's cluster.
struct Base(TempDir);

impl Base {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The server may run under another account.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        Self(folder)
    }

    fn demo(&self, arguments: &[&str]) -> TerminalProgram {
        let demo = Launch::refreshtop(&[&["demo"], arguments].concat());
        demo.env("TMPDIR", self.0.path()).start()
    }

    fn entries(&self) -> Vec<PathBuf> {
        fs::read_dir(self.0.path()).unwrap().flatten().map(|entry| entry.path()).collect()
    }

    fn is_clean(&self) -> bool {
        self.entries().is_empty() && processes_of(self.0.path()).is_empty()
    }

    /// The program has ended by itself: what it leaves, it leaves for good.
    fn assert_clean(&self, how: &str) {
        eventually(&format!("{how}: processes are left"), || processes_of(self.0.path()).is_empty());
        assert!(self.entries().is_empty(), "{how}: {:?}", self.entries());
    }
}

fn live(demo: &TerminalProgram) {
    demo.wait_for("the live demo", |screen| screen.contains("LIVE"));
}

/// A way to end it.
type End = fn(&mut TerminalProgram);

#[test]
fn ends_with_its_server_and_folder() {
    let ways: [(&str, End); 4] = [
        ("q", |demo| demo.send("q")),
        ("SIGTERM", |demo| demo.signal(Signal::TERM)),
        ("SIGHUP", |demo| demo.signal(Signal::HUP)),
        ("a closed terminal", TerminalProgram::hang_up),
    ];
    for (how, end) in ways {
        let base = Base::new();
        let mut demo = base.demo(&["--accounts", "100"]);
        live(&demo);
        assert!(!processes_of(&base.entries()[0]).is_empty());
        end(&mut demo);
        assert_eq!(demo.wait_exit(), Ok(0), "{how}");
        base.assert_clean(how);
        if how != "a closed terminal" {
            demo.assert_given_back();
        }
    }
}

#[test]
fn a_killed_one_is_cleaned_up_after() {
    let base = Base::new();
    let mut demo = base.demo(&["--accounts", "100"]);
    live(&demo);
    demo.signal(Signal::KILL);
    assert!(demo.wait_exit().is_err());
    eventually("the watcher leaves something", || base.is_clean());
}

#[test]
fn an_interrupted_start_leaves_nothing() {
    for step in ["demo: creating", "demo: adding"] {
        let base = Base::new();
        let mut demo = base.demo(&["--accounts", "1000000"]);
        demo.wait_text(step);
        // The terminal is not raw yet: the key becomes a signal.
        demo.send("\x03");
        assert_eq!(demo.wait_exit(), Ok(0), "{step}");
        base.assert_clean(step);
        assert!(!demo.raw_bytes().contains(&0x1b), "{}", demo.screen_text());
    }
}

#[tokio::test]
async fn headless_prints_one_url_and_stops_on_a_signal() {
    let base = Base::new();
    let mut command = Command::new(REFRESHTOP);
    command.args(["demo", "--headless", "--accounts", "100"]).env("TMPDIR", base.0.path());
    let mut demo = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut out = BufReader::new(demo.stdout.take().unwrap());
    let mut url = String::new();
    out.read_line(&mut url).unwrap();
    let row = client(url.trim_end()).await.query_one("SELECT count(*) FROM public.metrics_refresh_log", &[]).await;
    assert!(row.unwrap().get::<_, i64>(0) > 0);

    kill_process(Pid::from_child(&demo), Signal::TERM).unwrap();
    assert!(demo.wait().unwrap().success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    base.assert_clean("SIGTERM");
}
