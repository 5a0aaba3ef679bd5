//! Roles that are no superusers: they migrate, and change what runs.

use super::{down, jobs, own_cluster, run, up, with};
use crate::support::{CRON_DATABASE, client, execute, value};
use refreshtop_cluster::DisposableCluster;
use std::time::Duration;

/// A managed service's role: no superuser, but it may create roles, owns the database and sees the server's settings.
async fn service(cluster: &DisposableCluster, cron_database: &str) -> String {
    let url = cluster.url("app");
    execute(
        &url,
        "CREATE ROLE service LOGIN CREATEROLE PASSWORD 'service' IN ROLE pg_monitor; ALTER DATABASE app OWNER TO service;
         ALTER SCHEMA public OWNER TO service;
         ALTER TABLE accounts OWNER TO service; ALTER TABLE accounts_memberships OWNER TO service;
         ALTER TABLE assets OWNER TO service; ALTER TABLE software_licenses OWNER TO service",
    )
    .await;
    let cron = "GRANT USAGE ON SCHEMA cron TO PUBLIC; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cron TO PUBLIC";
    execute(&cluster.url(cron_database), cron).await;
    cluster.url_of("service", "service", "app")
}

#[tokio::test]
async fn jobs_of_a_migrator_that_may_only_create_roles_really_run_as_the_jobs_role() {
    let (cluster, url) = own_cluster(CRON_DATABASE).await;
    let cron_url = cluster.url(CRON_DATABASE);
    let service = service(&cluster, CRON_DATABASE).await;
    let lines = up(&service).await;
    assert_eq!(with(&lines, &["scheduled ("]).len(), 2, "{lines:#?}");
    assert!(with(&lines, &["warning"]).is_empty(), "{lines:#?}");
    let scheduled = jobs(&cron_url).await;
    assert!(scheduled.len() == 2 && scheduled.iter().all(|job| job.contains("|refreshtop_job|")), "{scheduled:?}");
    // pg_cron 1.4 knows no seconds.
    let every = run(&service, &["job", "every", "* * * * *"]).await;
    assert_eq!(every.code, Some(0), "{every:?}");
    let log = client(&url).await;
    let rows = "SELECT status, trigger_source, triggered_by::text, login_role::text FROM public.metrics_refresh_log";
    let mut row = None;
    for _ in 0..300 {
        row = log.query_opt(&format!("{rows} LIMIT 1"), &[]).await.unwrap();
        if row.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let row = row.expect("a run within two and a half minutes");
    let text = |at: usize| row.get::<_, String>(at);
    assert_eq!(
        (&*text(0), &*text(1), &*text(2), &*text(3)),
        ("success", "schedule", "refreshtop_job", "refreshtop_job")
    );
    let ran_as: String = value(&cron_url, "SELECT username::text FROM cron.job_run_details LIMIT 1").await;
    assert_eq!(ran_as, "refreshtop_job");
    down(&service).await;
    assert_eq!(jobs(&cron_url).await, Vec::<String>::new());
    cluster.stop().await.unwrap();
}

/// A job of the migrator's own that does several things: no superuser was there who could show it to others.
#[tokio::test]
async fn a_job_of_its_own_that_is_the_schedule_is_shown_to_whoever_migrated() {
    let (cluster, url) = own_cluster("app").await;
    let service = service(&cluster, "app").await;
    execute(
        &service,
        "SELECT cron.schedule('refresh-platform-metrics', '*/7 * * * *',
             'SELECT public.refresh_platform_metrics_with_logging(); SELECT 1')",
    )
    .await;
    let before = jobs(&url).await;
    let lines = up(&service).await;
    assert_eq!(with(&lines, &["counts as the schedule"]).len(), 1, "{lines:#?}");
    let status = run(&service, &["status", "--json"]).await.json();
    assert_eq!(status["job"]["schedule"], "*/7 * * * *", "{status}");
    let shown = run(&service, &["job", "show", "--json"]).await.json();
    assert_eq!(shown["jobs"][0]["schedule"], "*/7 * * * *", "{shown}");
    down(&service).await;
    assert_eq!(jobs(&url).await, before);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn administrators_change_jobs_through_the_installation_where_pg_cron_lives_beside_it() {
    let (cluster, url) = own_cluster("app").await;
    up(&url).await;
    execute(
        &url,
        "CREATE ROLE oncall LOGIN PASSWORD 'oncall' IN ROLE refreshtop_admin; CREATE ROLE plain LOGIN PASSWORD 'plain';
         SELECT cron.schedule('payroll', '0 5 * * *', 'SELECT 2')",
    )
    .await;
    let (oncall, plain) = (cluster.url_of("oncall", "oncall", "app"), cluster.url_of("plain", "plain", "app"));
    let direct: bool = value(&oncall, "SELECT has_schema_privilege('cron', 'USAGE')").await;
    assert!(!direct, "it is the installation that changes them");
    let state =
        "SELECT concat_ws('|', schedule, active, username) FROM cron.job WHERE jobname = 'refresh-platform-metrics'";
    for (words, wanted) in [
        (&["job", "pause"][..], "*/5 * * * *|f|refreshtop_job"),
        (&["job", "every", "*/9 * * * *"][..], "*/9 * * * *|f|refreshtop_job"),
        (&["job", "resume"][..], "*/9 * * * *|t|refreshtop_job"),
    ] {
        let refused = run(&plain, words).await;
        assert!(refused.code.is_some_and(|code| code != 0), "{words:?}: {refused:?}");
        let ran = run(&oncall, words).await;
        assert_eq!(ran.code, Some(0), "{words:?}: {ran:?}");
        assert_eq!(value::<String>(&url, state).await, wanted, "{words:?}");
    }
    let acts: Vec<String> = value(
        &url,
        "SELECT array_agg(action || ' ' || outcome ORDER BY at) FROM refreshtop.audit WHERE action LIKE 'job %' AND caller = 'oncall'",
    )
    .await;
    assert_eq!(acts, ["job pause success", "job every success", "job resume success"]);
    let payroll: i64 = value(&url, "SELECT count(*) FROM cron.job WHERE jobname = 'payroll' AND active").await;
    assert_eq!(payroll, 1);
    down(&url).await;
    cluster.stop().await.unwrap();
}
