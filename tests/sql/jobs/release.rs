//! Case 15: a release of the application drops `pg_cron` and creates it again, and the view too.

use super::{check, down, jobs, own_cluster, run, up, with};
use crate::support::{execute, value};

const RELEASE: &str = "
    DROP MATERIALIZED VIEW public.platform_metrics;
    CREATE MATERIALIZED VIEW public.platform_metrics AS
        SELECT count(*) AS total_accounts, now() AS last_updated FROM public.accounts;
    DROP EXTENSION pg_cron; CREATE EXTENSION pg_cron;
    SELECT cron.schedule('refresh nft_collection_details', '*/7 * * * *', 'SELECT 1');
    SELECT cron.schedule('payroll', '0 5 * * *', 'SELECT 2');";

/// An execution of job `id`.
async fn ran(url: &str, id: i64, message: &str) {
    let sql = format!(
        "INSERT INTO cron.job_run_details (jobid, runid, database, username, command, status, return_message, start_time, end_time)
         VALUES ({id}, nextval('cron.runid_seq'), 'app', 'x', 'x', 'failed', '{message}', now(), now())"
    );
    execute(url, &sql).await;
}

#[tokio::test]
async fn jobs_come_back_after_pg_cron_was_made_again_and_nobody_elses_history_is_taken_for_theirs() {
    let (cluster, url) = own_cluster("app").await;
    up(&url).await;
    execute(&url, "CREATE ROLE oncall LOGIN PASSWORD 'oncall' IN ROLE refreshtop_admin").await;
    let oncall = cluster.url_of("oncall", "oncall", "app");
    let ours = jobs(&url).await;
    ran(&url, 1, "before the release").await;
    assert!(run(&url, &["job", "runs"]).await.out.contains("before the release"));

    execute(&url, RELEASE).await;
    let others = jobs(&url).await;
    // Number 1 is somebody else's now, and so is what it does.
    ran(&url, 1, "of somebody else").await;
    let status = run(&url, &["status"]).await;
    assert!(status.out.contains("run: refreshtop migrate"), "the installation has lost its rights there: {status:?}");
    let status = run(&oncall, &["status"]).await;
    assert!(status.out.contains("run: refreshtop migrate") && !status.out.contains("GRANT"), "{status:?}");
    let runs = run(&url, &["job", "runs"]).await;
    assert!(!runs.out.contains("somebody else") && !runs.out.contains("before the release"), "{runs:?}");
    let judged = check(&url, "refresh-job").await;
    assert_eq!(judged["verdict"], "problem", "{judged}");

    let lines = up(&url).await;
    assert_eq!(with(&lines, &["job refresh-platform-metrics scheduled (*/5 * * * *)"]).len(), 1, "{lines:#?}");
    let mut all = [ours, others.clone()].concat();
    all.sort_unstable();
    let mut now = jobs(&url).await;
    now.sort_unstable();
    assert_eq!(now, all);
    for asks in [&oncall, &url] {
        let status = run(asks, &["status", "--json"]).await.json();
        assert_eq!(status["job"]["schedule"], "*/5 * * * *", "{status}");
        assert!(status["job"]["last"].is_null(), "it has not run yet: {status}");
    }
    let runs = run(&url, &["job", "runs", "--json"]).await.json();
    assert_eq!(runs["runs"].as_array().map(Vec::len), Some(0), "{runs}");
    // Its rights on the new extension came back too.
    let paused = run(&oncall, &["job", "pause"]).await;
    assert_eq!(paused.code, Some(0), "{paused:?}");

    let lines = down(&url).await;
    assert_eq!(jobs(&url).await, others, "{lines:#?}");
    let history: i64 =
        value(&url, "SELECT count(*) FROM cron.job_run_details WHERE return_message = 'of somebody else'").await;
    assert_eq!(history, 1);
    cluster.stop().await.unwrap();
}
