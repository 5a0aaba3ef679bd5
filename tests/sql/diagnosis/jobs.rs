//! Jobs in a real `pg_cron`, in another database and in the application's own.

use super::{check, fix, fixed, verdict};
use crate::support::*;
use refreshtop::command::migrate;
use refreshtop_cluster::{Cron, DisposableCluster};
use refreshtop_core::diagnosis::{Detail, Fix, FixAction, FixKind, Risk, Verdict, fix::JobChange};
use session::Session;

async fn up(url: &str) {
    migrate::up(&target(url)).await.unwrap_or_else(|error| panic!("{error}"));
}

fn database(url: &str) -> &str {
    url.rsplit_once('/').unwrap().1
}

/// Changes the job of this database whose name begins so.
async fn alter(url: &str, cron_url: &str, name: &str, call: &str) {
    let sql =
        format!("SELECT cron.{call} FROM cron.job WHERE database = '{}' AND jobname LIKE '{name}%'", database(url));
    execute(cron_url, &sql).await;
}

#[tokio::test]
async fn a_job_in_another_database_is_judged_and_fixed() {
    let url = fresh_app("job").await;
    let cron_url = cluster().await.url(CRON_DATABASE);
    up(&url).await;
    // The plain name is free for a moment below, and a migration of another test would take it.
    let rename = format!(
        "UPDATE cron.job SET jobname = jobname || '@' || database WHERE database = '{}' AND strpos(jobname, '@') = 0",
        database(&url)
    );
    execute(&cron_url, &rename).await;
    for id in ["cron-loaded", "cron-launcher", "cron-extension", "refresh-job", "cleanup-job"] {
        let check = check(&url, id).await;
        assert_eq!(check.verdict, Verdict::Good, "{check:#?}");
    }
    alter(&url, &cron_url, "refresh", "alter_job(jobid, active := false)").await;
    undone(&url, &cron_url, &check(&url, "refresh-job").await.fixes[0]).await;
    fixed(&url, "refresh-job", FixKind::AlterJob).await;
    assert_eq!(verdict(&url, "refresh-job").await, Verdict::Good);

    // A refresh that is not logged is corrected; what does something else is somebody's, and asks.
    for (command, risk) in [("REFRESH MATERIALIZED VIEW platform_metrics", Risk::Safe), ("SELECT 1", Risk::Disruptive)]
    {
        alter(&url, &cron_url, "refresh", &format!("alter_job(jobid, command := '{command}')")).await;
        let offered = check(&url, "refresh-job").await.fixes.remove(0);
        assert_eq!(offered.risk(), risk, "{command}");
        undone(&url, &cron_url, &offered).await;
        fixed(&url, "refresh-job", FixKind::AlterJob).await;
        assert_eq!(verdict(&url, "refresh-job").await, Verdict::Good);
    }
    let several = "set statement_timeout to 1000; SELECT public.refresh_platform_metrics_with_logging(); SELECT 1";
    alter(&url, &cron_url, "refresh", &format!("alter_job(jobid, command := '{several}')")).await;
    let found = check(&url, "refresh-job").await;
    assert_eq!((found.verdict, found.fixes.len()), (Verdict::Good, 0), "{found:#?}");
    assert!(found.finding.contains("one of 3 statements"), "{found:#?}");
    let own = "SELECT public.refresh_platform_metrics_with_logging();";
    alter(&url, &cron_url, "refresh", &format!("alter_job(jobid, command := '{own}')")).await;

    // A role with too many rights, and one that is gone.
    alter(&url, &cron_url, "refresh", "alter_job(jobid, username := 'postgres')").await;
    assert_eq!(verdict(&url, "refresh-job").await, Verdict::Warning);
    undone(&url, &cron_url, &check(&url, "refresh-job").await.fixes[0]).await;
    fixed(&url, "refresh-job", FixKind::AlterJob).await;
    assert_eq!(verdict(&url, "refresh-job").await, Verdict::Good);

    let other = "SELECT public.refresh_platform_metrics_with_logging()";
    execute(
        &cron_url,
        &format!("SELECT cron.schedule_in_database('double of {0}', '0 1 * * *', '{other}', '{0}')", database(&url)),
    )
    .await;
    fixed(&url, "refresh-job", FixKind::UnscheduleJob).await;
    assert_eq!(verdict(&url, "refresh-job").await, Verdict::Good);

    for (name, id) in [("refresh", "refresh-job"), ("cleanup", "cleanup-job")] {
        alter(&url, &cron_url, name, "unschedule(jobid)").await;
        let offered = check(&url, id).await.fixes;
        undone(&url, &cron_url, offered.iter().find(|fix| fix.kind() == FixKind::ScheduleJob).unwrap()).await;
        fixed(&url, id, FixKind::ScheduleJob).await;
        assert_eq!(verdict(&url, id).await, Verdict::Good);
    }

    let id: i64 = value(
        &cron_url,
        &format!("SELECT jobid FROM cron.job WHERE database = '{}' AND jobname LIKE 'refresh%'", database(&url)),
    )
    .await;
    let job = check(&url, "refresh-job").await.job.unwrap();
    assert_eq!((job.id, job.database.as_str()), (id, CRON_DATABASE));
    fix(&url, &Fix::reschedule(&job, "*/7 * * * *")).await.unwrap();
    let refused = fix(&url, &Fix::reschedule(&job, "when it rains")).await.unwrap_err();
    assert!(refused.contains("failed: invalid schedule"), "{refused}");
    assert!(check(&url, "refresh-job").await.finding.contains("*/7"));

    // What was scheduled by hand goes with a rollback, like what the migration did.
    migrate::down(&target(&url), 0).await.unwrap();
    let left = format!("SELECT count(*) FROM cron.job WHERE database = '{}'", database(&url));
    assert_eq!(value::<i64>(&cron_url, &left).await, 0);
}

/// Case 23: unlogged refreshes that block the logged ones. A migration of another database that has found a name free
/// must not lose its job to it, nor take this one's away.
#[tokio::test]
async fn a_name_that_a_migration_takes_meanwhile_is_left_to_it() {
    let url = fresh_app("job_name").await;
    let cron_url = cluster().await.url(CRON_DATABASE);
    up(&url).await;
    execute(&cron_url, &format!("SELECT cron.unschedule(jobid) FROM cron.job WHERE database = '{}'", database(&url)))
        .await;
    let found = check(&url, "refresh-job").await;
    let offered = found.fixes.iter().find(|fix| fix.kind() == FixKind::ScheduleJob).unwrap().clone();
    let name = offered.sql().split('\'').nth(1).unwrap().to_owned();
    // The lock that migrations take.
    let migration = Session::with(&cron_url, "BEGIN; SELECT pg_advisory_xact_lock(1919317104, 1)").await;
    let fixing = tokio::spawn({
        let url = url.clone();
        async move { fix(&url, &offered).await }
    });
    let waits = format!(
        "EXISTS (SELECT FROM pg_stat_activity
                 WHERE wait_event = 'advisory' AND query LIKE '%schedule_in_database(%{}%')",
        database(&url)
    );
    Session::open(&cron_url).await.until(&waits).await;
    let taken = format!(
        "SELECT cron.schedule_in_database('{name}', '7 7 7 7 7', 'SELECT 7', 'template1', username := 'refreshtop_job'); COMMIT"
    );
    migration.run(&taken).await;
    let message = fixing.await.unwrap().unwrap_err();
    assert!(message.contains("a job of that name is there now"), "{message}");
    let kept = format!("SELECT count(*) FROM cron.job WHERE jobname = '{name}' AND command = 'SELECT 7'");
    assert_eq!(value::<i64>(&cron_url, &kept).await, 1);
    execute(
        &cron_url,
        &format!("SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = '{name}' AND command = 'SELECT 7'"),
    )
    .await;
}

/// Applies a fix, and takes it back: everything is as before, except for the number of a job that was removed.
async fn undone(url: &str, cron_url: &str, offered: &Fix) {
    let there = if offered.database == CRON_DATABASE { cron_url } else { url };
    let jobs = format!(
        "SELECT string_agg(concat_ws(' | ', jobname, schedule, command, username, active), E'\\n' ORDER BY jobname, command)
         FROM cron.job WHERE database = '{}'",
        database(url)
    );
    let rights = "SELECT string_agg(concat_ws(' ', oid::regprocedure, proacl), E'\\n' ORDER BY oid) FROM pg_proc
                  WHERE pronamespace = 'public'::regnamespace AND proname LIKE '%refresh%'";
    let state = async || (value::<String>(cron_url, &jobs).await, value::<String>(url, rights).await);
    let before = state().await;
    fix(url, offered).await.unwrap();
    assert_ne!(state().await, before, "{offered:?}");
    execute(there, &offered.undo().unwrap_or_else(|| panic!("nothing undoes {offered:?}"))).await;
    let after = state().await;
    assert_eq!(after.0, before.0, "{offered:?}");
    // PostgreSQL writes the rights out once they were changed.
    assert!(after.1 == before.1 || after.1.contains("=X/"), "{offered:?}: {} {}", before.1, after.1);
}

#[tokio::test]
async fn others_that_refresh_the_view_are_named() {
    let url = fresh_app("others").await;
    let cron_url = cluster().await.url(CRON_DATABASE);
    up(&url).await;
    assert_eq!(verdict(&url, "other-refreshers").await, Verdict::Good);
    execute(
        &url,
        "CREATE FUNCTION public.safe_refresh_mv(viewname text) RETURNS void LANGUAGE plpgsql
           AS $$ BEGIN EXECUTE format('REFRESH MATERIALIZED VIEW CONCURRENTLY %I', viewname); END $$;
         REVOKE EXECUTE ON FUNCTION public.safe_refresh_mv FROM PUBLIC;
         CREATE FUNCTION public.refresh_now() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
           AS $$ BEGIN REFRESH MATERIALIZED VIEW public.platform_metrics; END $$;",
    )
    .await;
    for (name, command) in [
        ("a", "REFRESH MATERIALIZED VIEW CONCURRENTLY platform_metrics"),
        ("b", "SELECT safe_refresh_mv(''platform_metrics'');"),
        ("c", "select public.refresh_billing_rollup(); select public.refresh_platform_metrics_with_logging();"),
        ("d", "SELECT 1"),
    ] {
        let name = format!("{name} of {}", database(&url));
        let sql = format!("SELECT cron.schedule_in_database('{name}', '0 1 1 1 *', '{command}', '{}')", database(&url));
        execute(&cron_url, &sql).await;
    }
    execute(&cron_url, &format!("UPDATE cron.job SET jobname = NULL WHERE jobname = 'b of {}'", database(&url))).await;
    let found = check(&url, "other-refreshers").await;
    assert_eq!(found.verdict, Verdict::Warning, "{found:#?}");
    let Detail::Lines(lines) = &found.detail else { panic!("{found:#?}") };
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert!(found.advice.contains("by hand"), "the one with several statements: {}", found.advice);
    assert!(found.fixes.iter().all(|fix| fix.risk() == Risk::Disruptive), "{found:#?}");
    for kind in [FixKind::UnscheduleJob, FixKind::UnscheduleJob, FixKind::RevokeExecute] {
        let offered = check(&url, "other-refreshers").await.fixes;
        let offered = offered.iter().find(|fix| fix.kind() == kind).unwrap();
        undone(&url, &cron_url, offered).await;
        let offered = check(&url, "other-refreshers").await.fixes;
        let offered = offered.iter().find(|fix| fix.kind() == kind).unwrap();
        fix(&url, offered).await.unwrap();
    }
    let found = check(&url, "other-refreshers").await;
    let Detail::Lines(lines) = &found.detail else { panic!("{found:#?}") };
    assert_eq!((lines.len(), found.fixes.len()), (1, 0), "{found:#?}");
    let left = format!(
        "SELECT cron.unschedule(jobid) FROM cron.job WHERE database = '{}' AND jobname LIKE '% of %'",
        database(&url)
    );
    execute(&cron_url, &left).await;
    assert_eq!(verdict(&url, "other-refreshers").await, Verdict::Good);
    migrate::down(&target(&url), 0).await.unwrap();
}

#[tokio::test]
async fn executions_are_read_with_their_messages() {
    let url = fresh_app("runs").await;
    let cron_url = cluster().await.url(CRON_DATABASE);
    up(&url).await;
    alter(&url, &cron_url, "refresh", "alter_job(jobid, active := false)").await;
    assert_eq!(verdict(&url, "refresh-job-runs").await, Verdict::Unknown);
    for (status, message, wanted) in [
        ("succeeded", "1 row", Verdict::Good),
        ("failed", "connection failed", Verdict::Bad),
        ("running", "", Verdict::Warning),
    ] {
        execute(
            &cron_url,
            &format!(
                "INSERT INTO cron.job_run_details (jobid, runid, job_pid, database, username, command, status, return_message, start_time)
                 SELECT jobid, nextval('cron.runid_seq'), 999999999, database, username, command, '{status}', '{message}', now() - interval '1 hour'
                 FROM cron.job WHERE database = '{}' AND jobname LIKE 'refresh%'",
                database(&url)
            ),
        )
        .await;
        let found = check(&url, "refresh-job-runs").await;
        assert_eq!(found.verdict, wanted, "{found:#?}");
        let Detail::Table(history) = &found.detail else { panic!("{found:#?}") };
        assert_eq!((history.rows[0][2].as_str(), history.rows[0][4].as_str()), (status, message));
    }
    migrate::down(&target(&url), 0).await.unwrap();
}

#[tokio::test]
async fn jobs_beside_the_application_are_read_with_the_owners_rights() {
    let options = refreshtop_cluster::ClusterOptions { cron: Cron::Required("app".into()), ..options() };
    let cluster = DisposableCluster::start(&options, &mut |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    let url = small_app_in(&cluster, "app").await;
    migrate(&url).await;
    let missing = check(&url, "cron-extension").await;
    assert_eq!(missing.verdict, Verdict::Bad, "{missing:#?}");
    fixed(&url, "cron-extension", FixKind::CreateExtension).await;
    fixed(&url, "refresh-job", FixKind::ScheduleJob).await;
    assert_eq!(verdict(&url, "refresh-job").await, Verdict::Good);
    execute(&url, "CREATE ROLE oncall LOGIN PASSWORD 'secret-of-oncall' IN ROLE refreshtop_admin").await;
    let oncall = cluster.url_of("oncall", "secret-of-oncall", "app");
    let found = check(&oncall, "refresh-job").await;
    assert!(found.advice.contains("refreshtop job restore"), "{found:#?}");
    // The jobs' role is given what it takes to show and change its own jobs.
    up(&url).await;
    let found = check(&oncall, "refresh-job").await;
    assert_eq!(found.verdict, Verdict::Good, "{found:#?}");
    let refused =
        fix(&oncall, &Fix::new(FixAction::AlterJob { id: 1, change: JobChange::Pause }, "app")).await.unwrap_err();
    assert!(refused.contains("ask as the role that the job runs as"), "{refused}");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_without_pg_cron_says_so() {
    let cluster = DisposableCluster::start(&options(), &mut |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    let url = small_app_in(&cluster, "app").await;
    migrate(&url).await;
    assert_eq!(verdict(&url, "cron-loaded").await, Verdict::Bad);
    assert_eq!(verdict(&url, "refresh-job").await, Verdict::Unknown);
    assert!(check(&url, "refresh-job").await.finding.contains("Without pg_cron"));
    // A role that can't see whether it exists is not told that it is missing.
    execute(&url, "CREATE ROLE stranger LOGIN PASSWORD 'x'").await;
    let stranger = check(&cluster.url_of("stranger", "x", "app"), "refresh-job").await;
    assert_eq!(stranger.finding, "Where pg_cron can't be seen, its jobs can't be either.");
    cluster.stop().await.unwrap();
}
