//! From red to green without leaving the terminal: the blocking session is named, ended and the view refreshed; a job
//! that is gone is noticed and scheduled again.

use super::{REFRESH, blocker, patience};
use crate::support::{
    CRON_DATABASE, cluster, execute, fresh_app, fresh_role, migrated_app,
    session::Session,
    terminal::{Launch, TerminalProgram},
    value,
};

/// Goes to the diagnosis, and there to the check `title`, which is a problem.
fn select(monitor: &mut TerminalProgram, title: &str) {
    monitor.send("5");
    monitor.wait_for(title, |screen| screen.contains(&format!("✗ {title}")));
    choose(monitor, &format!("✗ {title}"));
}

/// Selects the check that is listed as `row`.
fn choose(monitor: &mut TerminalProgram, row: &str) {
    let wanted = format!("▸ {row}");
    if !monitor.screen_text().contains(&wanted) {
        monitor.send("g");
    }
    for _ in 0..20 {
        let screen = monitor.wait_for("a selected check", |screen| screen.contains("▸ "));
        if screen.contains(&wanted) {
            return;
        }
        let selected = |screen: &str| screen.lines().find(|line| line.starts_with(" ▸ ")).map(str::to_owned);
        let before = selected(&screen);
        monitor.send("j");
        monitor.wait_for("another selected check", |screen| selected(screen) != before);
    }
    panic!("{row} can't be selected:\n{}", monitor.screen_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_the_way_is_named_ended_and_the_view_refreshed() {
    let url = migrated_app("walk").await;
    execute(&url, &format!("DO $$ BEGIN FOR i IN 1..40 LOOP PERFORM 1 FROM ({REFRESH}) x; END LOOP; END $$")).await;
    patience(&url, "100ms").await;
    let mut monitor = Launch::monitor(&url).live();
    monitor.wait_text("all checks pass");

    let session = blocker(&url, "month end report").await;
    for _ in 0..12 {
        execute(&url, REFRESH).await;
    }
    monitor.wait_for("what is wrong", |screen| screen.contains("success rate") && screen.contains("is below 80 %"));
    monitor.send("\r");
    monitor.wait_for("who it was", |screen| screen.contains("BLACK BOX") && screen.contains("month end report"));
    monitor.send("\x1b");
    monitor.wait_for("the run is closed", |screen| !screen.contains("BLACK BOX"));

    monitor.send("3");
    // The headline of the overview names it as well.
    let incident = monitor
        .wait_for("the incident", |screen| screen.contains("✗ OPEN") && screen.contains("blocked by month end report"));
    assert!(incident.contains("AccessExclusiveLock on public.accounts"), "{incident}");

    // A short change of a table is in nobody's way.
    let long = format!(
        "EXISTS (SELECT FROM pg_stat_activity WHERE pid = {} AND xact_start < clock_timestamp() - interval '3 s')",
        session.pid
    );
    Session::open(&url).await.until(&long).await;
    select(&mut monitor, "Blocked sessions");
    monitor.wait_text("month end report");
    monitor.send("f");
    let shown = monitor.wait_text("FIX");
    assert!(shown.contains(&format!("pid = {}", session.pid)) && shown.contains("pg_terminate_backend"), "{shown}");
    monitor.send("\r");
    monitor.wait_text("Really?");
    monitor.send("\r");
    monitor.wait_text("The session was asked to end.");
    monitor.wait_for("no word of it", |screen| screen.contains("✓ Blocked sessions"));
    let ended = format!("NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {})", session.pid);
    Session::open(&url).await.until(&ended).await;
    let traces = "SELECT count(*) FROM refreshtop.audit WHERE action = 'fix' AND outcome = 'success'";
    assert_eq!(value::<i64>(&url, traces).await, 1);

    monitor.send("1r");
    monitor.wait_text("refreshed in");
    // The failures are outlived as they are in life, only faster.
    execute(
        &url,
        "UPDATE public.metrics_refresh_log SET created_at = created_at - interval '2 days' WHERE status = 'error'",
    )
    .await;
    monitor.send("p");
    monitor.wait_text("all checks pass");
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_gone_is_noticed_and_scheduled_again_by_a_key() {
    // pg_cron knows a name once for each role, and other tests schedule jobs of the same name.
    let (_, url) = fresh_role(&fresh_app("unscheduled").await, "unscheduled", "SUPERUSER").await;
    let migrated = std::process::Command::new(crate::support::terminal::REFRESHTOP)
        .args(["migrate"])
        .env("REFRESHTOP_URL", &url)
        .output()
        .unwrap();
    assert!(migrated.status.success(), "{migrated:?}");
    let cron = cluster().await.url(CRON_DATABASE);
    let jobs = format!(
        "FROM cron.job WHERE jobname LIKE 'refresh-platform-metrics%' AND database = '{}'",
        url.rsplit_once('/').unwrap().1
    );
    execute(&url, REFRESH).await;
    let mut monitor = Launch::refreshtop(&["--poll", "1s"]).env("REFRESHTOP_URL", &url).live();
    monitor.wait_text("*/5 * * * *");

    execute(&cron, &format!("SELECT cron.unschedule(jobid) {jobs}")).await;
    monitor.wait_text("no job refresh-platform-metrics");
    select(&mut monitor, "Job that refreshes");
    monitor.send("\r");
    monitor.wait_text("cron.schedule");
    assert_eq!(value::<i64>(&cron, &format!("SELECT count(*) {jobs}")).await, 0, "nothing is done unasked");
    monitor.send("\r");
    monitor.wait_text("Scheduled as job");
    assert_eq!(value::<i64>(&cron, &format!("SELECT count(*) {jobs} AND active")).await, 1);
    monitor.wait_text("✓ Job that refreshes");

    // Another interval, with nothing wrong: asked for, shown as SQL, then done.
    choose(&mut monitor, "✓ Job that refreshes");
    monitor.send("i");
    monitor.wait_text("interval (cron): */5 * * * *");
    monitor.send("\u{15}*/10 * * * *\r");
    monitor.wait_text("schedule := '*/10 * * * *'");
    assert_eq!(value::<String>(&cron, &format!("SELECT schedule {jobs}")).await, "*/5 * * * *");
    monitor.send("\r");
    monitor.wait_text("runs at */10 * * * *");
    assert_eq!(value::<String>(&cron, &format!("SELECT schedule {jobs}")).await, "*/10 * * * *");

    // Paused behind the program's back, and activated by a key.
    execute(&cron, &format!("SELECT cron.alter_job(jobid, active := false) {jobs}")).await;
    monitor.wait_text("✗ Job that refreshes");
    choose(&mut monitor, "✗ Job that refreshes");
    monitor.send("f");
    monitor.wait_text("active := true");
    monitor.send("\r");
    monitor.wait_text("✓ Job that refreshes");
    assert!(value::<bool>(&cron, &format!("SELECT active {jobs}")).await);
    monitor.send("1");
    monitor.wait_text("*/10 * * * *");
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
    execute(
        &cron,
        &format!("SELECT cron.unschedule(jobid) FROM cron.job WHERE database = '{}'", url.rsplit_once('/').unwrap().1),
    )
    .await;
}
