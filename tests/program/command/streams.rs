//! Commands that go on until something stops them.

use super::{Guarded, PATIENCE, Ran, app_with, program, ran, run, table::States};
use crate::support::{
    execute, fresh_app, migrate, migrated_app, options, processes::eventually, session::Session, small_app_in, value,
};
use refreshtop_cluster::DisposableCluster;
use refreshtop_core::exit;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// A program that runs, and its lines as they come. Dropping kills it.
pub(super) struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Running {
    pub(super) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    pub(super) fn line(&self) -> String {
        tokio::task::block_in_place(|| self.lines.recv_timeout(PATIENCE)).expect("a line in time")
    }

    pub(super) fn json(&self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(super) fn end(mut self) -> Ran {
        tokio::task::block_in_place(|| {
            let mut err = String::new();
            self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
            let status = self.child.wait().unwrap();
            Ran { code: status.code().expect("an exit code, not a signal"), out: self.lines.iter().collect(), err }
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Attempts in the log whose source is `source`.
async fn attempts(url: &str, source: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM public.metrics_refresh_log WHERE trigger_source = '{source}'");
    value(url, &sql).await
}

/// Whether a session of this name waits for a lock. Asked by a session outside of a transaction: inside of one it
/// would see the same picture for ever.
fn waiting(name: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = '{name}'
                 AND wait_event_type = 'Lock')"
    )
}

const BLOCK: &str = "BEGIN; LOCK TABLE public.assets IN ACCESS EXCLUSIVE MODE";

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_prints_attempts_as_they_end_and_stops_cleanly() {
    let url = app_with(3, 0).await;
    let follower = Running::start(program(&url, "runs --follow --limit 2 --json --poll 1s"));
    let first = [follower.json(), follower.json()];
    assert!(first.iter().all(|run| run["kind"] == "run" && run["status"] == "success"), "{first:?}");
    execute(&url, "SELECT public.trigger_platform_metrics_refresh()").await;
    let run = follower.json();
    assert_eq!((&run["source"], &run["status"]), (&"manual".into(), &"success".into()), "{run}");
    follower.signal(Signal::TERM);
    let ended = follower.end();
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (0, "", ""), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_ends_it_quietly() {
    let url = app_with(3, 0).await;
    for line in ["runs", "metrics", "man", "status --json", "doctor"] {
        let mut child = program(&url, line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Before a byte was read.
        drop(child.stdout.take());
        let ended = tokio::task::block_in_place(|| child.wait_with_output()).unwrap();
        let ended = ran(ended);
        assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{line}: {ended:?}");
    }
}

/// `logs --follow | head`: what would be written next may be hours away.
#[tokio::test(flavor = "multi_thread")]
async fn a_follower_does_not_wait_for_something_to_write_when_its_reader_has_gone() {
    let url = app_with(3, 0).await;
    let mut command = program(&url, "runs --follow --limit 1 --json");
    let mut follower = Guarded(command.stdout(Stdio::piped()).spawn().unwrap());
    let child = &mut follower.0;
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    tokio::task::block_in_place(|| out.read_line(&mut line)).unwrap();
    assert!(line.contains("\"kind\":\"run\""), "{line}");
    assert!(child.try_wait().unwrap().is_none(), "it goes on while it is read");
    drop(out);
    ends_quietly(child);
}

/// A process of the server that was stopped, and goes on when this is dropped.
struct Stopped(Pid);

impl Drop for Stopped {
    fn drop(&mut self) {
        // It may have been ended.
        let _ = kill_process(self.0, Signal::CONT);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_ends_while_the_server_hangs() {
    let url = app_with(1, 0).await;
    let mut follower = Running::start(program(&url, "runs --follow --limit 1 --poll 1s --json"));
    follower.json();
    let session =
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'refreshtop runs' AND datname = current_database()";
    let pid = Pid::from_raw(value(&url, session).await).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    let _stopped = Stopped(pid);
    // It polls each second, and gets no answer.
    tokio::time::sleep(Duration::from_secs(3)).await;
    follower.signal(Signal::INT);
    ends_quietly(&mut follower.child);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_does_not_wait_for_its_tick_when_its_reader_has_gone() {
    let url = app_with(1, 0).await;
    let mut scheduler = Guarded(program(&url, "schedule --cron '0 0 29 2 *'").stdout(Stdio::piped()).spawn().unwrap());
    thread::sleep(Duration::from_secs(1));
    assert!(scheduler.0.try_wait().unwrap().is_none(), "it goes on while somebody could read");
    drop(scheduler.0.stdout.take());
    ends_quietly(&mut scheduler.0);
}

fn ends_quietly(child: &mut Child) {
    let mut ended = None;
    tokio::task::block_in_place(|| {
        eventually("the program ends", || {
            ended = child.try_wait().unwrap();
            ended.is_some()
        });
    });
    assert_eq!(ended.unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_without_its_database_says_so_and_goes_on_trying() {
    let dead = States::make().await.dead;
    let mut command = program(&dead, "schedule");
    let mut scheduler = Guarded(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let child = &mut scheduler.0;
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    tokio::task::block_in_place(|| err.read_line(&mut line)).unwrap();
    assert!(line.starts_with("refreshtop: cannot connect to 127.0.0.1:1: "), "{line}");
    assert!(line.ends_with("; trying again\n"), "{line}");
    assert!(child.try_wait().unwrap().is_none());
    kill_process(Pid::from_child(child), Signal::TERM).unwrap();
    let (mut out, mut rest) = (String::new(), String::new());
    tokio::task::block_in_place(|| {
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        err.read_to_string(&mut rest).unwrap();
    });
    assert_eq!((child.wait().unwrap().code(), out.as_str()), (Some(0), ""));
    assert_eq!(rest, "", "it says so once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_is_cancelled_on_the_server_by_signal_and_by_time() {
    let url = app_with(1, 0).await;
    execute(&url, "UPDATE refreshtop.views SET lock_timeout = '10 minutes'").await;
    let _blocker = Session::with(&url, BLOCK).await;
    let observer = Session::open(&url).await;
    for (line, signal, why) in [
        ("trigger --json", Some(Signal::INT), "cancelled by a signal: "),
        ("trigger --json --timeout 3s", None, "cancelled because it took longer than --timeout: "),
    ] {
        let trigger = Running::start(program(&url, line));
        observer.until(&waiting("refreshtop trigger")).await;
        if let Some(signal) = signal {
            trigger.signal(signal);
        }
        let object = trigger.json();
        assert_eq!((&object["status"], &object["sqlstate"]), (&"error".into(), &"57014".into()), "{object}");
        let ended = trigger.end();
        assert_eq!(ended.code, i32::from(exit::FAILURE), "{ended:?}");
        assert!(ended.err.contains(why) && ended.err.lines().count() == 1, "{ended:?}");
    }
    assert_eq!(attempts(&url, "manual").await, 2, "both are in the log");
}

#[tokio::test]
async fn a_trigger_does_not_wait_longer_for_a_silent_server_than_it_may() {
    // Connections are taken by the kernel, and nobody ever answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://u@{}/d", silent.local_addr().unwrap());
    let ran = run(&url, "trigger --timeout 1s --json").await;
    assert_eq!(
        (ran.code, &ran.json()["error"]),
        (i32::from(exit::CANNOT_CONNECT), &"cannot_connect".into()),
        "{ran:?}"
    );
    assert!(ran.err.contains(" within --timeout"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_beside_a_running_refresh_is_refused_or_waits_for_its_turn() {
    let url = app_with(1, 0).await;
    execute(&url, "UPDATE refreshtop.views SET lock_timeout = '10 minutes'").await;
    let blocker = Session::with(&url, BLOCK).await;
    let other = Session::open(&url).await;
    let pid = other.pid;
    let refresh = other.start::<Value>("public.refresh_platform_metrics_with_logging()");
    blocker.until_waiting(pid).await;
    let observer = Session::open(&url).await;
    let second = run(&url, "trigger --json").await;
    assert_eq!(second.code, i32::from(exit::ALREADY_RUNNING), "{second:?}");
    assert_eq!(second.json()["status"], "running");
    assert!(second.err.contains("is already running (pid ") && second.err.contains("try again later"), "{second:?}");
    let status = run(&url, "status --json").await.json();
    assert_eq!(status["running"]["pid"], pid, "{status}");
    // It has been refused, and looks whether the other one has ended.
    let asks = "EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
                        AND application_name = 'refreshtop trigger' AND query LIKE '%refreshtop.running%')";
    for (line, signal, why) in [
        ("trigger --wait --timeout 3s --json", None, "cancelled because it took longer than --timeout: "),
        ("trigger --wait --json", Some(Signal::INT), "cancelled by a signal: "),
    ] {
        // The session of the one before may be there for another moment.
        observer.until(&format!("NOT {asks}")).await;
        let waits = Running::start(program(&url, line));
        if let Some(signal) = signal {
            observer.until(asks).await;
            waits.signal(signal);
        }
        let object = waits.json();
        assert_eq!(object["status"], "running", "{line}: {object}");
        let ended = waits.end();
        assert_eq!(ended.code, i32::from(exit::ALREADY_RUNNING), "{line}: {ended:?}");
        assert!(ended.err.contains(why) && ended.err.lines().count() == 1, "{line}: {ended:?}");
    }
    let waits = Running::start(program(&url, "trigger --wait --json"));
    observer.until(asks).await;
    blocker.run("ROLLBACK").await;
    refresh.await.unwrap();
    let object = waits.json();
    assert_eq!(object["status"], "success", "{object}");
    let ended = waits.end();
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{ended:?}");
    assert_eq!(attempts(&url, "manual").await, 1, "who waited has refreshed, once");
}

/// Whom the application admits refreshes by the functions in schema public, whose owner can replace them: the program calls
/// none of those, and says which role it needs.
#[tokio::test]
async fn a_trigger_by_a_user_of_the_application_names_the_role_that_it_needs() {
    let url = fresh_app("command_admitted").await;
    execute(&url, "CREATE FUNCTION public.is_super_admin() RETURNS boolean LANGUAGE sql AS 'SELECT true'").await;
    migrate(&url).await;
    let (name, admitted) = crate::support::fresh_role(&url, "admitted", "").await;
    execute(&url, &format!("GRANT EXECUTE ON FUNCTION public.trigger_platform_metrics_refresh() TO {name}")).await;
    let refused = run(&admitted, "trigger --wait --json").await;
    assert_eq!(refused.code, i32::from(exit::NOT_PERMITTED), "{refused:?}");
    assert!(refused.err.contains(&format!("GRANT refreshtop_admin TO {name}")), "{refused:?}");
    assert_eq!(attempts(&url, "manual").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_schedulers_refresh_once_for_a_tick() {
    let url = migrated_app("command_schedule").await;
    // The next minute is the tick, whenever this starts.
    let both = [(); 2].map(|()| Running::start(program(&url, "schedule --json --cron '* * * * *'")));
    let mut ticks = Vec::new();
    for scheduler in &both {
        let line = tokio::task::block_in_place(|| scheduler.lines.recv_timeout(Duration::from_secs(100)));
        ticks.push(serde_json::from_str::<Value>(&line.expect("a tick within a minute and some")).unwrap());
    }
    for scheduler in &both {
        scheduler.signal(Signal::TERM);
    }
    // One of them may have been through a second tick by now on a very slow machine; the rule is one for each.
    let distinct: i64 = value(
        &url,
        "SELECT count(*) - count(DISTINCT date_trunc('minute', started_at)) FROM public.metrics_refresh_log
         WHERE trigger_source = 'schedule'",
    )
    .await;
    assert_eq!(distinct, 0, "{ticks:?}");
    if ticks[0]["tick"] == ticks[1]["tick"] {
        let mut outcomes: Vec<&str> = ticks.iter().map(|tick| tick["outcome"].as_str().unwrap()).collect();
        outcomes.sort_unstable();
        assert!(outcomes == ["elsewhere", "success"] || outcomes == ["running", "success"], "{ticks:?}");
    }
    for scheduler in both {
        let ended = scheduler.end();
        assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_cancels_what_it_would_leave_behind() {
    let url = migrated_app("command_schedule").await;
    execute(&url, "UPDATE refreshtop.views SET lock_timeout = '10 minutes'").await;
    let _blocker = Session::with(&url, BLOCK).await;
    let observer = Session::open(&url).await;
    let scheduler = Running::start(program(&url, "schedule --json --cron '* * * * *' --grace 0s"));
    let waits = waiting("refreshtop schedule");
    let until_it_waits = async {
        while !observer.value::<bool>(&waits).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(100), until_it_waits).await.expect("a tick within a minute and some");
    scheduler.signal(Signal::TERM);
    let tick = scheduler.json();
    assert_eq!((&tick["outcome"], &tick["sqlstate"]), (&"error".into(), &"57014".into()), "{tick}");
    let ended = scheduler.end();
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{ended:?}");
    assert_eq!(attempts(&url, "schedule").await, 1, "what was cancelled is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_survives_a_lost_database_and_makes_up_for_the_tick() {
    let mut cluster = DisposableCluster::start(&options(), &mut |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    let url = small_app_in(&cluster, "app").await;
    migrate(&url).await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let line = format!("schedule --json --cron '* * * * *' --log-file {}", log.display());
    let scheduler = Running::start(program(&url, &line));
    let waits_for_a_tick = || std::fs::read_to_string(&log).is_ok_and(|text| text.contains("next refresh at"));
    tokio::task::block_in_place(|| eventually("the scheduler waits for a tick", waits_for_a_tick));
    // Such a cluster commits asynchronously: a crash right away would take the migrations back.
    execute(&url, "CHECKPOINT").await;
    cluster.kill9();
    let line = |what: &str| {
        let line = tokio::task::block_in_place(|| scheduler.lines.recv_timeout(Duration::from_secs(100)));
        serde_json::from_str::<Value>(&line.unwrap_or_else(|_| panic!("{what} in time"))).unwrap()
    };
    let mut lost = line("a tick");
    // It may have fallen between the start and the loss, or on the loss itself.
    while lost["outcome"] == "success" || lost["outcome"] == "lost" {
        lost = line("the next tick");
    }
    assert_eq!(lost["outcome"], "unreachable", "{lost}");
    cluster.start_postgres().await.unwrap();
    let mut back = line("the tick made up for");
    // On a slow machine the next tick may have come before the server.
    let overtaken = back["outcome"] == "lost";
    while back["outcome"] == "lost" || back["outcome"] == "unreachable" {
        back = line("a later tick");
    }
    assert_eq!(back["outcome"], "success", "{back}");
    assert!(overtaken || back["tick"] == lost["tick"], "{back} makes up for {lost}");
    scheduler.signal(Signal::TERM);
    assert_eq!(scheduler.end().code, 0);
    cluster.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_that_can_never_work_says_so_at_once() {
    let bare = fresh_app("command_schedule").await;
    let ran = run(&bare, "schedule").await;
    assert_eq!(ran.code, i32::from(exit::NOT_MIGRATED), "{ran:?}");
    assert!(ran.err.contains("run: refreshtop migrate") && ran.err.lines().count() == 1, "{ran:?}");
    let migrated = migrated_app("command_schedule").await;
    let (_, nobody) = crate::support::fresh_role(&migrated, "nobody", "").await;
    let ran = run(&nobody, "schedule").await;
    assert_eq!(ran.code, i32::from(exit::NOT_PERMITTED), "{ran:?}");
    assert!(ran.err.contains("; GRANT refreshtop_admin TO nobody_"), "{ran:?}");
}
