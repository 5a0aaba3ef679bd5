//! `refreshtop job` on a real `pg_cron`, in another database than the application's.

use super::run;
use crate::support::{
    CRON_DATABASE, cluster, execute, fresh_role, migrate, migrated_app, options, small_app_in, value, without_runs,
};
use refreshtop_cluster::{ClusterOptions, Cron, DisposableCluster};
use refreshtop_core::exit;
use serde_json::Value;

async fn jobs(url: &str) -> Vec<Value> {
    let ran = run(url, "job show --json").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.json()["jobs"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_job_is_restored_paused_resumed_moved_and_removed() {
    assert!(cluster().await.has_cron(), "this needs pg_cron: scripts/setup test installs it");
    let url = migrated_app("command_jobs").await;
    let missing = run(&url, "job pause").await;
    assert_eq!(missing.code, i32::from(exit::FAILURE), "{missing:?}");
    assert!(missing.err.contains("restore it with: refreshtop job restore"), "{missing:?}");
    let show = run(&url, "job show").await;
    assert!(show.code != 0 || show.out.contains("missing"), "{show:?}");

    let restored = run(&url, "job restore").await;
    assert!(restored.code == 0 && restored.out.contains("job refresh-platform-metrics"), "{restored:?}");
    let state = |jobs: Vec<Value>| (jobs[0]["schedule"].as_str().unwrap().to_owned(), jobs[0]["active"].clone());
    assert_eq!(state(jobs(&url).await), ("*/5 * * * *".into(), true.into()));
    assert_eq!(jobs(&url).await[1]["schedule"], "0 2 * * *");
    for (line, wanted, active) in [
        ("job pause", "*/5 * * * *", false),
        ("job every '*/10 * * * *'", "*/10 * * * *", false),
        ("job resume", "*/10 * * * *", true),
    ] {
        let ran = run(&url, line).await;
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{line}: {ran:?}");
        assert_eq!(state(jobs(&url).await), (wanted.into(), active.into()), "{line}");
    }
    assert_eq!(run(&url, "job runs --json").await.json()["kind"], "job_runs");
    assert_eq!(run(&url, "status --json").await.json()["job"]["schedule"], "*/10 * * * *");
    let removed = run(&url, "job remove --job cleanup --yes --json").await;
    assert_eq!(removed.json()["change"], "job remove", "{removed:?}");
    assert_eq!(jobs(&url).await[1]["schedule"], Value::Null);
    assert_eq!(run(&url, "job remove --yes").await.code, 0);
    let acts: i64 = value(&url, "SELECT count(*) FROM refreshtop.audit WHERE action LIKE 'job %'").await;
    assert_eq!(acts, 5, "every change leaves a trace");
    let left = format!("SELECT count(*) FROM cron.job WHERE database = '{}'", url.rsplit_once('/').unwrap().1);
    assert_eq!(value::<i64>(&cluster().await.url(CRON_DATABASE), &left).await, 0);
}

#[tokio::test]
async fn a_role_that_may_not_act_for_the_jobs_role_learns_who_may() {
    let url = migrated_app("command_jobs").await;
    assert_eq!(run(&url, "job restore").await.code, 0);
    let seconds = run(&url, "job every '30 seconds'").await;
    // Debian 12 has 1.4.
    let known = seconds.code == 0 || seconds.err.contains("which needs pg_cron 1.5 or newer: ");
    assert!(known, "{seconds:?}");
    let cron_url = cluster().await.url(CRON_DATABASE);
    let (name, admin) = fresh_role(&url, "admin", "IN ROLE refreshtop_admin").await;
    execute(&cron_url, &format!("GRANT USAGE ON SCHEMA cron TO {name}")).await;
    let ran = run(&admin, "job pause").await;
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("that this role may change"), "{ran:?}");
    assert_eq!(jobs(&url).await[0]["active"], true);

    // Who may become the jobs' role changes them, where that one may.
    execute(&cron_url, &format!("GRANT refreshtop_job TO {name}; GRANT USAGE ON SCHEMA cron TO refreshtop_job")).await;
    let ran = run(&admin, "job pause").await;
    assert_eq!(ran.code, i32::from(exit::NOT_PERMITTED), "{ran:?}");
    assert!(ran.err.contains("EXECUTE on cron.alter_job"), "{ran:?}");
    let alter = "FUNCTION cron.alter_job(bigint, text, text, text, text, boolean)";
    execute(&cron_url, &format!("GRANT EXECUTE ON {alter} TO refreshtop_job")).await;
    let ran = run(&admin, "job pause").await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert_eq!(jobs(&url).await[0]["active"], false);
    let act = format!("SELECT count(*) FROM refreshtop.audit WHERE action = 'job pause' AND caller = '{name}'");
    assert_eq!(value::<i64>(&url, &act).await, 1);
    execute(
        &cron_url,
        &format!("REVOKE refreshtop_job FROM {name}; REVOKE USAGE ON SCHEMA cron FROM refreshtop_job; REVOKE EXECUTE ON {alter} FROM refreshtop_job"),
    )
    .await;
    assert_eq!(run(&url, "job remove --yes").await.code, 0);
    assert_eq!(run(&url, "job remove --job cleanup --yes").await.code, 0);
}

#[tokio::test]
async fn a_job_that_runs_other_statements_too_is_paused_and_never_removed() {
    let url = migrated_app("command_jobs").await;
    let name = url.rsplit_once('/').unwrap().1;
    let cron_url = cluster().await.url(CRON_DATABASE);
    execute(
        &cron_url,
        &format!(
            "SELECT cron.schedule_in_database('refresh-platform-metrics@{name}', '*/5 * * * *',
                 'SELECT public.refresh_platform_metrics_with_logging(); SELECT 1', '{name}')"
        ),
    )
    .await;
    let restored = run(&url, "job restore").await;
    assert!(restored.out.contains("counts as the schedule"), "{restored:?}");
    let removed = run(&url, "job remove --yes").await;
    assert!(removed.code == i32::from(exit::FAILURE) && removed.err.contains("other statements"), "{removed:?}");
    assert_eq!(run(&url, "job pause").await.code, 0);
    assert_eq!(jobs(&url).await[0]["active"], false);
    execute(&cron_url, &format!("SELECT cron.unschedule(jobid) FROM cron.job WHERE database = '{name}'")).await;
}

/// The history has no index on the job, and is never cleaned.
#[tokio::test]
async fn executions_behind_many_of_others_are_found_or_reported_as_out_of_reach() {
    // In a cluster of its own: those of other tests would be out of reach as well.
    let cron = Cron::Required(CRON_DATABASE.into());
    let wanted = ClusterOptions { cron, settings: without_runs(), ..options() };
    let cluster = DisposableCluster::start(&wanted, &mut |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    let cron_url = cluster.url(CRON_DATABASE);
    execute(&cron_url, "CREATE EXTENSION pg_cron").await;
    let url = small_app_in(&cluster, "app").await;
    migrate(&url).await;
    assert_eq!(run(&url, "job restore").await.code, 0);
    let add = |count: u32, job: String| {
        format!(
            "INSERT INTO cron.job_run_details (jobid, runid, database, username, command, status, start_time)
             SELECT {job}, nextval('cron.runid_seq'), 'x', 'x', 'x', 'succeeded', now() FROM generate_series(1, {count})"
        )
    };
    execute(&cron_url, &add(1, "(SELECT jobid FROM cron.job WHERE jobname LIKE 'refresh%')".into())).await;
    execute(&cron_url, &add(3_000, "-1".into())).await;
    let runs = run(&url, "job runs --json").await.json();
    assert_eq!((runs["runs"].as_array().unwrap().len(), runs["among"].is_null()), (1, true), "{runs}");
    assert!(run(&url, "job show").await.out.contains("succeeded"));
    execute(&cron_url, "SELECT setval('cron.runid_seq', nextval('cron.runid_seq') + 300000)").await;
    execute(&cron_url, &add(1, "-1".into())).await;
    let runs = run(&url, "job runs").await;
    assert!(runs.out.contains("among the newest 200000 executions of all jobs"), "{runs:?}");
    assert_eq!(run(&url, "job remove --yes").await.code, 0);
    assert_eq!(run(&url, "job remove --job cleanup --yes").await.code, 0);
}
