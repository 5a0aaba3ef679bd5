//! Signals, locks and refusals: the real program, which leaves everything as it was.

use crate::support::{
    self, CRON_DATABASE, client, cluster, execute, fresh_app, session::Session, small_app_in, target, value,
};
use refreshtop::command::migrate;
use refreshtop_cluster::{ClusterOptions, DisposableCluster};
use refreshtop_core::exit;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};
use tokio::{sync::mpsc, time::timeout};

fn program(url: &str, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_refreshtop"));
    let words = line.split_whitespace();
    command.env_clear().env("HOME", "/nonexistent").env("REFRESHTOP_URL", url).args(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn database(url: &str) -> &str {
    url.rsplit_once('/').unwrap().1
}

/// Every job of the database of `url`, whole.
async fn jobs(url: &str) -> Vec<String> {
    let sql = "SELECT concat_ws('|', jobid, jobname, schedule, command, username, active) FROM cron.job WHERE database = $1 ORDER BY jobid";
    let cron = client(&cluster().await.url(CRON_DATABASE)).await;
    cron.query(sql, &[&database(url)]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// A migrated database whose refresh job has another interval and is paused.
async fn tuned_app(prefix: &str) -> String {
    let url = fresh_app(prefix).await;
    migrate::up(&target(&url)).await.unwrap_or_else(|error| panic!("{error}"));
    let tune = format!(
        "SELECT cron.alter_job(jobid, schedule := '*/7 * * * *', active := false) FROM cron.job
         WHERE database = '{}' AND jobname LIKE 'refresh%'",
        database(&url)
    );
    execute(&cluster().await.url(CRON_DATABASE), &tune).await;
    url
}

async fn wait(child: Child) -> (i32, String, String) {
    let output: Output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().expect("an exit code, not a signal"), text(output.stdout), text(output.stderr))
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Whether the program waits for a lock in the database of `url`.
fn waits(url: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = '{}' AND application_name LIKE 'refreshtop%' AND wait_event_type = 'Lock')",
        database(url)
    )
}

/// Whether the program has no session there any more.
fn gone(url: &str) -> String {
    format!(
        "NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = '{}' AND application_name LIKE 'refreshtop%')",
        database(url)
    )
}

/// Holds a lock on the log, runs the program until it waits, and sends it a signal.
async fn interrupted(url: &str, line: &str, signal: Signal) -> (i32, String, String) {
    let observer = Session::open(&cluster().await.url(CRON_DATABASE)).await;
    let holder = Session::with(url, "BEGIN; LOCK TABLE public.metrics_refresh_log IN ACCESS EXCLUSIVE MODE").await;
    let child = program(url, line).spawn().unwrap();
    observer.until(&waits(url)).await;
    send(&child, signal);
    let ended = wait(child).await;
    observer.until(&gone(url)).await;
    holder.run("ROLLBACK").await;
    ended
}

#[tokio::test]
async fn a_rollback_that_is_interrupted_leaves_steps_and_jobs_as_they_were() {
    let url = tuned_app("interrupted_down").await;
    let before = jobs(&url).await;
    let steps = migrate::status(&target(&url)).await.unwrap();
    for signal in [Signal::INT, Signal::TERM] {
        let (code, _, printed) = interrupted(&url, "migrate down --yes", signal).await;
        assert_eq!(code, i32::from(exit::FAILURE), "{printed}");
        assert!(printed.contains("stopped by a signal: nothing was changed"), "{printed}");
        assert_eq!(jobs(&url).await, before);
        assert_eq!(migrate::status(&target(&url)).await.unwrap(), steps);
    }
    migrate::down(&target(&url), 0).await.unwrap();
    assert_eq!(jobs(&url).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_migration_that_is_interrupted_leaves_nothing() {
    let url = fresh_app("interrupted_up").await;
    let observer = Session::open(&cluster().await.url(CRON_DATABASE)).await;
    let holder = Session::with(&url, "BEGIN; LOCK TABLE public.accounts IN ACCESS EXCLUSIVE MODE").await;
    let child = program(&url, "migrate").spawn().unwrap();
    observer.until(&waits(&url)).await;
    // Long enough for a report on the session that it waits for.
    tokio::time::sleep(Duration::from_secs(4)).await;
    send(&child, Signal::TERM);
    let (code, _, printed) = wait(child).await;
    assert_eq!(code, i32::from(exit::FAILURE), "{printed}");
    assert!(printed.contains("stopped by a signal: nothing was changed"), "{printed}");
    let way = format!(", blocked by session {} of role", holder.pid);
    assert!(printed.contains(&way) && printed.contains("idle in transaction"), "{printed}");
    observer.until(&gone(&url)).await;
    holder.run("ROLLBACK").await;
    let left: i64 = value(&url, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'refreshtop%'").await;
    assert_eq!(left, 0);
    assert_eq!(jobs(&url).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_clean_up_that_is_interrupted_deletes_nothing_afterwards() {
    let url = tuned_app("interrupted_cleanup").await;
    execute(
        &url,
        "INSERT INTO public.metrics_refresh_log (id, refresh_type, status, started_at, created_at)
         SELECT gen_random_uuid(), 'platform_metrics', 'success', now() - interval '2 years', now() - interval '2 years'
         FROM generate_series(1, 5)",
    )
    .await;
    let rows = "SELECT count(*) FROM public.metrics_refresh_log";
    let before: i64 = value(&url, rows).await;
    let (code, _, printed) = interrupted(&url, "cleanup --yes", Signal::INT).await;
    assert_eq!(code, i32::from(exit::FAILURE), "{printed}");
    assert!(printed.contains("stopped by a signal: nothing was deleted"), "{printed}");
    assert_eq!(value::<i64>(&url, rows).await, before);
    migrate::down(&target(&url), 0).await.unwrap();
}

#[tokio::test]
async fn a_lock_is_waited_for_half_a_minute_and_then_the_holder_is_named() {
    let url = tuned_app("locked").await;
    let before = jobs(&url).await;
    let holder = Session::with(&url, "BEGIN; LOCK TABLE public.metrics_refresh_log IN ACCESS SHARE MODE").await;
    let (code, _, printed) = wait(program(&url, "migrate down --yes").spawn().unwrap()).await;
    assert_eq!(code, i32::from(exit::FAILURE), "{printed}");
    assert!(printed.contains(&format!("; blocked by session {}", holder.pid)), "{printed}");
    assert!(printed.contains("nothing was changed"), "{printed}");
    assert_eq!(jobs(&url).await, before);
    holder.run("ROLLBACK").await;
    migrate::down(&target(&url), 0).await.unwrap();
}

/// A program whose standard error is read while it runs.
struct Running {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Running {
    fn start(url: &str, line: &str) -> Self {
        let mut child = program(url, line).stdout(Stdio::null()).spawn().unwrap();
        let printed = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || printed.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// Waits for a line that has this in it.
    async fn until(&mut self, part: &str) {
        let printed = async {
            loop {
                let line = self.lines.recv().await.unwrap_or_else(|| panic!("never printed: {part}"));
                if line.contains(part) {
                    return;
                }
            }
        };
        timeout(Duration::from_secs(30), printed).await.unwrap_or_else(|_| panic!("not printed in time: {part}"));
    }

    async fn ended(mut self) -> (i32, String) {
        let status = tokio::task::spawn_blocking(move || self.child.wait().unwrap()).await.unwrap();
        let mut printed = String::new();
        while let Some(line) = self.lines.recv().await {
            printed = printed + &line + "\n";
        }
        (status.code().expect("an exit code, not a signal"), printed)
    }
}

/// The server's process hangs, so that a request to cancel leads to nothing: only the second signal ends the program.
#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let url = tuned_app("twice").await;
    let before = jobs(&url).await;
    let observer = Session::open(&cluster().await.url(CRON_DATABASE)).await;
    let holder = Session::with(&url, "BEGIN; LOCK TABLE public.metrics_refresh_log IN ACCESS SHARE MODE").await;
    let mut running = Running::start(&url, "migrate down --yes");
    observer.until(&waits(&url)).await;
    let waiting = format!(
        "pid FROM pg_stat_activity WHERE datname = '{}' AND application_name LIKE 'refreshtop%' AND wait_event_type = 'Lock'",
        database(&url)
    );
    let server = Pid::from_raw(observer.value::<i32>(&waiting).await).unwrap();
    kill_process(server, Signal::STOP).unwrap();
    send(&running.child, Signal::INT);
    running.until("a second signal ends this program at once").await;
    // One signal alone does not end it while the server may still answer.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let early = running.child.try_wait().unwrap();
    let second = Instant::now();
    send(&running.child, Signal::TERM);
    let ended = timeout(Duration::from_secs(30), running.ended()).await;
    let took = second.elapsed();
    kill_process(server, Signal::CONT).unwrap();
    assert_eq!(early, None);
    let (code, printed) = ended.expect("an end");
    assert_eq!(code, i32::from(exit::FAILURE), "{printed}");
    assert!(printed.contains("ended by a second signal; the server rolls back what was not committed"), "{printed}");
    assert!(took < Duration::from_secs(10), "it has waited for the server: {took:?}");
    observer.until(&gone(&url)).await;
    holder.run("ROLLBACK").await;
    assert_eq!(jobs(&url).await, before);
    migrate::down(&target(&url), 0).await.unwrap();
}

/// Holds the rows of the jobs of the database of `url`, runs the program until it waits for them, and sends it a signal.
async fn interrupted_at_the_jobs(url: &str, line: &str, signal: Signal) -> (i32, String, String) {
    let cron_url = cluster().await.url(CRON_DATABASE);
    let observer = Session::open(&cron_url).await;
    let rows = format!("BEGIN; SELECT 1 FROM cron.job WHERE database = '{}' FOR UPDATE", database(url));
    let holder = Session::with(&cron_url, &rows).await;
    let blocked = format!("FROM pg_stat_activity a WHERE {} = ANY (pg_blocking_pids(a.pid))", holder.pid);
    let child = program(url, line).spawn().unwrap();
    observer.until(&format!("EXISTS (SELECT 1 {blocked})")).await;
    send(&child, signal);
    let ended = wait(child).await;
    // While the rows are still held: what waited was cancelled, and does not come to it later.
    observer.until(&format!("NOT EXISTS (SELECT 1 {blocked})")).await;
    holder.run("ROLLBACK").await;
    ended
}

#[tokio::test]
async fn a_change_of_a_job_that_is_interrupted_is_none() {
    let url = tuned_app("interrupted_job").await;
    let before = jobs(&url).await;
    for signal in [Signal::INT, Signal::TERM] {
        let (code, _, printed) = interrupted_at_the_jobs(&url, "job resume", signal).await;
        assert_eq!(code, i32::from(exit::FAILURE), "{printed}");
        assert!(printed.contains("stopped by a signal: nothing was changed"), "{printed}");
        assert_eq!(jobs(&url).await, before);
    }
    let noted = "SELECT count(*) FROM refreshtop.audit WHERE action LIKE 'job %'";
    assert_eq!(value::<i64>(&url, noted).await, 0);
    // Unhindered it is done, and noted.
    let (code, _, printed) = wait(program(&url, "job resume").spawn().unwrap()).await;
    assert_eq!(code, 0, "{printed}");
    assert_ne!(jobs(&url).await, before);
    assert_eq!(value::<i64>(&url, noted).await, 1);
    migrate::down(&target(&url), 0).await.unwrap();
}

#[tokio::test]
async fn a_fix_that_is_interrupted_is_cancelled_on_the_server() {
    let url = tuned_app("interrupted_fix").await;
    let before = jobs(&url).await;
    for signal in [Signal::INT, Signal::TERM] {
        let (code, _, printed) = interrupted_at_the_jobs(&url, "doctor --fix --yes", signal).await;
        assert_eq!(code, i32::from(exit::FAILURE), "{printed}");
        assert!(printed.contains("stopped by a signal: "), "{printed}");
        assert!(!printed.contains("activate"), "that is not among what was done: {printed}");
        assert_eq!(jobs(&url).await, before);
    }
    let done = "SELECT count(*) FROM refreshtop.audit WHERE action = 'fix' AND outcome = 'success'
                AND detail ->> 'sql' LIKE '%cron.alter_job%'";
    assert_eq!(value::<i64>(&url, done).await, 0, "no trace says that it was done");
    let (_, out, printed) = wait(program(&url, "doctor --fix --yes").spawn().unwrap()).await;
    assert_ne!(jobs(&url).await, before, "{out}{printed}");
    assert_eq!(value::<i64>(&url, done).await, 1);
    migrate::down(&target(&url), 0).await.unwrap();
}

#[tokio::test]
async fn a_rollback_that_nobody_agrees_to_says_what_it_would_delete_and_does_nothing() {
    let url = tuned_app("unasked").await;
    execute(&url, "SELECT public.refresh_platform_metrics_with_logging()").await;
    let before = jobs(&url).await;
    let (code, out, printed) = wait(program(&url, "migrate down").spawn().unwrap()).await;
    assert_eq!((code, out.as_str()), (i32::from(exit::USAGE), ""), "{printed}");
    for part in [
        "nothing was changed",
        "dropping public.platform_metrics",
        "1 row of the refresh log",
        "2 jobs out of pg_cron",
        "--yes",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert_eq!(printed.lines().count(), 1, "{printed}");
    assert_eq!(jobs(&url).await, before);
    migrate::down(&target(&url), 0).await.unwrap();
}

#[tokio::test]
async fn a_dry_run_prints_the_statements_and_changes_nothing() {
    let url = fresh_app("dry").await;
    let (code, out, printed) = wait(program(&url, "migrate --dry-run").spawn().unwrap()).await;
    assert_eq!(code, 0, "{printed}");
    for part in [
        "CREATE TABLE IF NOT EXISTS refreshtop.audit",
        "cron.schedule_in_database(",
        "username := 'refreshtop_job'",
        "INSERT INTO refreshtop.undo",
        &format!("-- in database {CRON_DATABASE}"),
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let left: i64 = value(&url, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'refreshtop%'").await;
    assert_eq!((left, jobs(&url).await.len()), (0, 0));

    migrate::up(&target(&url)).await.unwrap();
    let before = jobs(&url).await;
    let (code, out, printed) = wait(program(&url, "migrate up --dry-run").spawn().unwrap()).await;
    assert_eq!((code, out.trim()), (0, ""), "nothing would be done: {printed}");
    let (code, out, printed) = wait(program(&url, "migrate down --dry-run").spawn().unwrap()).await;
    assert_eq!(code, 0, "{printed}");
    assert!(out.contains("SELECT cron.unschedule(") && out.contains("DROP SCHEMA refreshtop"), "{out}");
    assert_eq!(jobs(&url).await, before);
    let steps = migrate::status(&target(&url)).await.unwrap();
    assert!(!steps.contains("pending"), "{steps}");
    migrate::down(&target(&url), 0).await.unwrap();
}

/// It has no session that could be ended: its gid is what ends it.
#[tokio::test]
async fn a_prepared_transaction_in_the_way_is_named_with_what_ends_it() {
    let settings = vec![("max_prepared_transactions".into(), "5".into())];
    let options = ClusterOptions { settings, ..support::options() };
    let cluster = DisposableCluster::start(&options, &mut |_| {}).await.unwrap();
    let url = small_app_in(&cluster, "app").await;
    execute(&url, "CREATE ROLE plain LOGIN PASSWORD 'plain'").await;
    execute(&url, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO plain").await;
    let plain = cluster.url_of("plain", "plain", "app");
    execute(&plain, "BEGIN; SELECT pg_advisory_xact_lock(1919317104, 0); PREPARE TRANSACTION 'it''s mine'").await;
    // One that is in nobody's way.
    execute(&plain, "BEGIN; SELECT pg_advisory_xact_lock(1919317104, 7); PREPARE TRANSACTION 'other'").await;
    // Long enough for a report on the session that it waits for.
    let waiting = async |line: &str| {
        let child = program(&url, line).spawn().unwrap();
        tokio::time::sleep(Duration::from_secs(6)).await;
        send(&child, Signal::TERM);
        let (code, _, printed) = wait(child).await;
        assert_ne!(code, 0, "{printed}");
        printed
    };
    let printed = waiting("migrate").await;
    for part in ["prepared transaction", "of role plain", "open for", "ROLLBACK PREPARED 'it''s mine'"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert!(!printed.contains("'other'"), "{printed}");
    execute(&url, "ROLLBACK PREPARED 'it''s mine'").await;
    let (code, _, printed) = wait(program(&url, "migrate").spawn().unwrap()).await;
    assert_eq!(code, 0, "{printed}");

    execute(&url, "GRANT SELECT ON public.platform_metrics TO plain").await;
    execute(&plain, "BEGIN; SELECT count(*) FROM public.platform_metrics; PREPARE TRANSACTION 'reader'").await;
    let printed = waiting("migrate down --yes").await;
    assert!(printed.contains("ROLLBACK PREPARED 'reader'") && !printed.contains("'other'"), "{printed}");
    execute(&url, "ROLLBACK PREPARED 'reader'").await;
    let (code, _, printed) = wait(program(&url, "migrate down --yes").spawn().unwrap()).await;
    assert_eq!(code, 0, "{printed}");
    cluster.stop().await.unwrap();
}
