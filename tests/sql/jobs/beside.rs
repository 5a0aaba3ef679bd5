//! Case 23: jobs and functions of others that refresh the same view.

use super::{check, down, jobs, own_cluster, run, up, with};
use crate::support::{CRON_DATABASE, execute, session::Session, value};
use serde_json::Value;

const CASE: &str = include_str!("../../fixtures/cases/23-jobs-beside-ours.sql");

/// As whoever may schedule for `app` from the database of `pg_cron`; each is `(name, schedule, command)`.
const JOBS: [(&str, &str, &str); 6] = [
    ("nameless", "*/5 * * * *", "REFRESH MATERIALIZED VIEW CONCURRENTLY platform_metrics"),
    (
        "refresh-platform-metrics",
        "*/7 * * * *",
        "set statement_timeout to 3600000; SELECT public.refresh_platform_metrics_with_logging(); SELECT public.sum_invoices();",
    ),
    (
        "nightly sums",
        "0 3 * * *",
        "select public.sum_invoices(); select public.refresh_platform_metrics_with_logging();",
    ),
    ("safely", "1 * * * *", "SELECT refresh_safely('platform_metrics');"),
    ("once more", "2 * * * *", "SELECT public.refresh_platform_metrics_with_logging()"),
    ("payroll", "0 5 1 * *", "SELECT 'a secret'"),
];

#[tokio::test]
async fn every_other_job_that_refreshes_the_view_is_named_once_with_what_to_do() {
    for cron_database in ["app", CRON_DATABASE] {
        let (cluster, url) = own_cluster(cron_database).await;
        let cron_url = cluster.url(cron_database);
        execute(&url, CASE).await;
        execute(
            &url,
            "CREATE FUNCTION public.refresh_now() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
               AS $$ BEGIN REFRESH MATERIALIZED VIEW public.platform_metrics; END $$;
             REVOKE EXECUTE ON FUNCTION public.refresh_safely FROM PUBLIC",
        )
        .await;
        for (name, schedule, command) in JOBS {
            let command = command.replace('\'', "''");
            let sql = format!("SELECT cron.schedule_in_database('{name}', '{schedule}', '{command}', 'app')");
            execute(&cron_url, &sql).await;
        }
        execute(&cron_url, "UPDATE cron.job SET jobname = NULL WHERE jobname = 'nameless'").await;
        let before = jobs(&cron_url).await;
        for round in ["first", "again"] {
            let lines = up(&url).await;
            let named = |parts: &[&str]| {
                assert_eq!(with(&lines, parts).len(), 1, "{round}, {cron_database}, {parts:?}: {lines:#?}");
            };
            let role = format!("role {}", cluster.user());
            named(&["job number 1 (", "*/5 * * * *", &role, "REFRESH MATERIALIZED VIEW CONCURRENTLY platform_metrics"]);
            named(&["refresh-platform-metrics (number 2,", "*/7 * * * *", "counts as the schedule"]);
            named(&["nightly sums (number 3,", "0 3 * * *", &role, "calls refresh_platform", "select public.sum_inv"]);
            named(&["safely (number 4,", "1 * * * *", &role, "calls public.refresh_safely(name text)"]);
            named(&["once more (number 5,", "2 * * * *", &role, "calls refresh_platform"]);
            named(&["refreshtop doctor offers to pause or unschedule each", "other-refreshers", "asks first"]);
            named(&["function public.refresh_now()", "everybody may call it"]);
            for number in 1..=5 {
                named(&[&format!("number {number}")]);
            }
            assert!(
                with(&lines, &["payroll"]).is_empty() && with(&lines, &["refresh_safely(name text) ref"]).is_empty()
            );
            // A command is shown shortened.
            assert!(with(&lines, &["…"]).len() == 1, "{lines:#?}");
        }
        let offered = check(&url, "other-refreshers").await.to_string();
        for part in ["job 1", "job 3", "job 4", "public.refresh_now()", "SELECT cron.unschedule(4::bigint)"] {
            assert!(offered.contains(part), "{part}: {offered}");
        }
        down(&url).await;
        assert_eq!(jobs(&cron_url).await, before);
        cluster.stop().await.unwrap();
    }
}

/// The name and the schedule that `job show` and `status` have.
async fn shown(url: &str) -> (Value, Value) {
    let shown = run(url, &["job", "show", "--json"]).await.json();
    let status = run(url, &["status", "--json"]).await.json();
    (shown["jobs"][0]["schedule"].clone(), status["job"]["schedule"].clone())
}

/// A job that is never cut down belongs to its own role, and `pg_cron` shows each role its own jobs only.
#[tokio::test]
async fn a_job_of_a_superuser_that_is_the_schedule_is_shown_to_superusers_and_nothing_of_it_to_administrators() {
    let (cluster, url) = own_cluster("app").await;
    execute(&url, CASE).await;
    execute(
        &url,
        "CREATE ROLE oncall LOGIN PASSWORD 'oncall'; CREATE ROLE mallory LOGIN;
         GRANT USAGE ON SCHEMA cron TO mallory; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cron TO mallory;
         SET ROLE mallory;
         SELECT cron.schedule('refresh-platform-metrics', '1 1 1 1 *',
             'SELECT public.refresh_platform_metrics_with_logging(); SELECT ''of mallory''');
         RESET ROLE",
    )
    .await;
    for (name, schedule, command) in [JOBS[1], JOBS[2], JOBS[5]] {
        let command = command.replace('\'', "''");
        execute(&url, &format!("SELECT cron.schedule('{name}', '{schedule}', '{command}')")).await;
    }
    let before = jobs(&url).await;
    let lines = up(&url).await;
    assert_eq!(with(&lines, &["counts as the schedule"]).len(), 1, "{lines:#?}");
    assert_eq!(with(&lines, &["number 1, 1 1 1 1 *, role mallory", "has our name"]).len(), 1, "{lines:#?}");
    execute(&url, "GRANT refreshtop_admin TO oncall").await;
    let oncall = cluster.url_of("oncall", "oncall", "app");
    let schedule = Value::from("*/7 * * * *");
    assert_eq!(shown(&url).await, (schedule.clone(), schedule.clone()));
    let judged = check(&url, "refresh-job").await;
    assert!(judged["finding"].as_str().unwrap().contains("Job 2 runs as role"), "{judged}");
    let status = run(&oncall, &["status"]).await;
    assert!(status.out.contains("only superusers see it"), "{status:?}");
    let facts: String = value(&oncall, "SELECT refreshtop.cron_facts()::text").await;
    for of_others in ["secret", "mallory", "nightly", "sum_invoices", "*/7"] {
        assert!(!facts.contains(of_others), "{of_others}: {facts}");
    }
    let jobs_role = Session::with(&url, "SET ROLE refreshtop_job").await;
    let seen: Vec<String> = jobs_role.value("array_agg(jobname::text ORDER BY jobname) FROM cron.job").await;
    assert_eq!(seen, ["cleanup-metrics-logs"]);
    // What somebody greater has scheduled is his to change.
    let paused = run(&oncall, &["job", "pause"]).await;
    assert_ne!(paused.code, Some(0), "{paused:?}");

    drop(jobs_role);

    execute(&url, "SELECT cron.unschedule(2::bigint)").await;
    let status = run(&url, &["status"]).await;
    assert!(status.out.contains("no job refresh-platform-metrics"), "mallory's is nobody's schedule: {status:?}");
    assert!(status.out.contains("refreshtop job restore"), "{status:?}");
    down(&url).await;
    let left: Vec<String> = before.into_iter().filter(|job| !job.contains("*/7")).collect();
    assert_eq!(jobs(&url).await, left);
    let policies: i64 = value(&url, "SELECT count(*) FROM pg_policy WHERE polname LIKE 'refreshtop%'").await;
    let roles: i64 = value(&url, "SELECT count(*) FROM pg_roles WHERE rolname = 'refreshtop_job'").await;
    assert_eq!((policies, roles), (0, 0), "policies, roles");
    cluster.stop().await.unwrap();
}
