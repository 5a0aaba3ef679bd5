//! The jobs in a real `pg_cron`: in another database of the cluster, in the application's own, and nowhere.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail the test")]

mod support;

use refreshtop::{
    cluster::{ClusterOptions, Cron, DisposableCluster},
    command::migrate,
    connect::{Session, Target, bridge},
    db::service,
    model::job::Job,
};
use std::time::Duration;
use support::{CRON_DATABASE, SMALL_APP, client, cluster, execute, fresh_app, look, target, value};

async fn up(url: &str) -> Vec<String> {
    migrate::up(&target(url)).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Name, schedule, command and activity of every job that runs in the database of `url`.
async fn jobs(cron_url: &str, url: &str) -> Vec<(String, String, String, bool)> {
    let database = url.rsplit_once('/').unwrap().1;
    let rows = client(cron_url)
        .await
        .query(
            "SELECT jobname::text, schedule, command, active FROM cron.job WHERE database = $1 ORDER BY jobid",
            &[&database],
        )
        .await
        .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect()
}

/// The job as the monitor reads it.
async fn monitored_job(target: &Target) -> Option<Job> {
    let connect =
        |target: Target| async move { bridge::session(&target, "test", &Session::READING).await.unwrap().session };
    let mut app = connect(target.clone()).await;
    let cron = service::cron_settings(&mut app).await.unwrap();
    let cron_database = cron.database.clone().unwrap();
    if cron_database == target.database {
        service::job_here(&mut look(&mut app).await, &cron).await.unwrap()
    } else {
        let mut session = connect(Target { database: cron_database, ..target.clone() }).await;
        service::job_there(&mut look(&mut session).await, &cron, &target.database).await.unwrap()
    }
}

/// A cluster of its own, for tests that need another `cron.database_name` than the shared one has, or none.
async fn own_cluster(cron: Cron) -> (DisposableCluster, String) {
    let options = ClusterOptions { cron, ..ClusterOptions::default() };
    let cluster = DisposableCluster::start(&options, &mut |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    execute(&cluster.url("postgres"), "CREATE DATABASE app").await;
    let url = cluster.url("app");
    execute(&url, SMALL_APP).await;
    (cluster, url)
}

#[tokio::test]
async fn jobs_go_into_the_database_where_pg_cron_lives_and_leave_with_a_rollback() {
    let url = fresh_app("elsewhere").await;
    let cron_url = cluster().await.url(CRON_DATABASE);
    let lines = up(&url).await;
    assert!(
        lines.iter().any(|line| line.starts_with("job refresh-platform-metrics")
            && line.contains(" scheduled ")
            && line.contains(CRON_DATABASE)),
        "{lines:?}"
    );
    let scheduled = jobs(&cron_url, &url).await;
    assert_eq!(scheduled.len(), 2, "{scheduled:?}");
    assert!(scheduled[0].0.starts_with("refresh-platform-metrics"));
    assert_eq!(scheduled[0].1, "*/5 * * * *");
    assert_eq!(scheduled[0].2, "SELECT public.refresh_platform_metrics_with_logging();");
    assert!(scheduled[1].0.starts_with("cleanup-metrics-logs"));
    assert_eq!(
        (scheduled[1].1.as_str(), scheduled[1].2.as_str()),
        ("0 2 * * *", "SELECT public.cleanup_old_metrics_logs();")
    );

    let job = monitored_job(&target(&url)).await.unwrap();
    assert_eq!((job.schedule.as_str(), job.active, job.cron_database.as_str()), ("*/5 * * * *", true, CRON_DATABASE));

    migrate::down(&target(&url), 0).await.unwrap();
    assert_eq!(jobs(&cron_url, &url).await, []);
}

#[tokio::test]
async fn an_interval_and_a_pause_of_the_operator_survive_a_second_run() {
    let url = fresh_app("operator").await;
    let cron_url = cluster().await.url(CRON_DATABASE);
    up(&url).await;
    let database = url.rsplit_once('/').unwrap().1;
    execute(
        &cron_url,
        &format!(
            "SELECT cron.alter_job(jobid, schedule := '*/10 * * * *', active := false) FROM cron.job
             WHERE database = '{database}' AND jobname LIKE 'refresh%'"
        ),
    )
    .await;
    let before = jobs(&cron_url, &url).await;
    let lines = up(&url).await;
    assert!(lines.iter().any(|line| line.contains("stays as it is (*/10 * * * *, paused)")), "{lines:?}");
    assert_eq!(jobs(&cron_url, &url).await, before);
    let job = monitored_job(&target(&url)).await.unwrap();
    assert_eq!((job.active, job.next_run("2026-01-01T00:00:00Z".parse().unwrap())), (false, None));
    migrate::down(&target(&url), 0).await.unwrap();
}

#[tokio::test]
async fn two_databases_of_a_cluster_have_a_job_each() {
    let (one, other) = (fresh_app("cluster_a").await, fresh_app("cluster_b").await);
    let cron_url = cluster().await.url(CRON_DATABASE);
    let (first, second) = (target(&one), target(&other));
    let (a, b) = tokio::join!(migrate::up(&first), migrate::up(&second));
    a.unwrap();
    b.unwrap();
    for url in [&one, &other] {
        assert_eq!(jobs(&cron_url, url).await.len(), 2);
        assert!(monitored_job(&target(url)).await.is_some());
    }
    migrate::down(&first, 0).await.unwrap();
    assert_eq!(jobs(&cron_url, &one).await, []);
    assert_eq!(jobs(&cron_url, &other).await.len(), 2, "the other database keeps its own");
    migrate::down(&second, 0).await.unwrap();
}

/// Two databases of a new cluster that are migrated at once both miss the extension, and one of them creates it.
#[tokio::test]
async fn an_extension_that_another_one_creates_meanwhile_is_taken() {
    let (cluster, url) = own_cluster(Cron::Required("app".into())).await;
    let observer = support::session::Session::open(&url).await;
    let other = support::session::Session::with(&url, "BEGIN; CREATE EXTENSION pg_cron").await;
    let waits =
        "EXISTS (SELECT 1 FROM pg_stat_activity WHERE query = 'CREATE EXTENSION pg_cron' AND wait_event_type = 'Lock')";
    let commit = async {
        observer.until(waits).await;
        other.run("COMMIT").await;
    };
    let (lines, ()) = tokio::join!(up(&url), commit);
    assert!(
        lines.contains(&"job refresh-platform-metrics scheduled (*/5 * * * *) in database app".to_owned()),
        "{lines:?}"
    );
    migrate::down(&target(&url), 0).await.unwrap();
    let stays: bool = value(&url, "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_cron')").await;
    assert!(stays, "somebody else created it");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_handmade_job_is_kept_and_one_with_another_command_is_mended_and_comes_back() {
    let (cluster, url) = own_cluster(Cron::Required("app".into())).await;
    execute(
        &url,
        "CREATE EXTENSION IF NOT EXISTS pg_cron;
         SELECT cron.schedule('refresh-platform-metrics', '*/15 * * * *', 'REFRESH MATERIALIZED VIEW public.platform_metrics -- it''s \\ $$');
         SELECT cron.schedule('cleanup-metrics-logs', '0 3 * * *', 'select public.cleanup_old_metrics_logs() ');",
    )
    .await;
    let before = jobs(&url, &url).await;
    let lines = up(&url).await;
    assert!(
        lines.iter().any(|line| line.contains("refresh-platform-metrics ran something else and was mended")),
        "{lines:?}"
    );
    assert!(
        lines.iter().any(|line| line.contains("cleanup-metrics-logs stays as it is (0 3 * * *, active)")),
        "{lines:?}"
    );
    let mended = jobs(&url, &url).await;
    assert_eq!(mended[0].1, "*/15 * * * *");
    assert_eq!(mended[0].2, "SELECT public.refresh_platform_metrics_with_logging();");
    assert_eq!(mended[1], before[1]);
    migrate::down(&target(&url), 0).await.unwrap();
    assert_eq!(jobs(&url, &url).await, before);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn the_real_scheduler_runs_the_job_and_the_log_says_so() {
    let (cluster, url) = own_cluster(Cron::Required("app".into())).await;
    // Made by the migration where it is only loaded: it leaves with it, unless it serves others by then.
    execute(&url, "DROP EXTENSION IF EXISTS pg_cron").await;
    up(&url).await;
    execute(&url, "SELECT cron.alter_job(jobid, schedule := '* * * * *') FROM cron.job WHERE jobname = 'refresh-platform-metrics'").await;
    let session = client(&url).await;
    // The next full minute, and what the scheduler needs to start a worker.
    for _ in 0..400 {
        let ran: i64 = session.query_one("SELECT count(*) FROM public.metrics_refresh_log", &[]).await.unwrap().get(0);
        if ran > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let row = session
        .query_one("SELECT status, trigger_source FROM public.metrics_refresh_log", &[])
        .await
        .expect("one row within 200 seconds");
    assert_eq!((row.get(0), row.get(1)), ("success", "schedule"));
    // The scheduler notes the end of a run after the run has ended.
    let mut status = None;
    for _ in 0..300 {
        status = monitored_job(&target(&url)).await.unwrap().last.map(|last| last.status);
        if status.as_deref() == Some("succeeded") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(status.as_deref(), Some("succeeded"));

    migrate::down(&target(&url), 0).await.unwrap();
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM pg_extension WHERE extname = 'pg_cron'").await, 0);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn without_pg_cron_the_migration_succeeds_and_says_what_that_means() {
    let (cluster, url) = own_cluster(Cron::Off).await;
    let lines = up(&url).await;
    assert_eq!(lines[0], format!("applied steps {}", support::listed(support::steps(1))));
    assert!(
        lines[1].contains("pg_cron is not loaded") && lines[1].contains("nothing refreshes the view by itself"),
        "{lines:?}"
    );
    let status: String = value(&url, "SELECT public.refresh_platform_metrics_with_logging() ->> 'status'").await;
    assert_eq!(status, "success");
    migrate::down(&target(&url), 0).await.unwrap();
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_role_that_pg_cron_refuses_migrates_all_the_same_and_is_told() {
    let url = fresh_app("refused").await;
    execute(&cluster().await.url(CRON_DATABASE), "CREATE EXTENSION IF NOT EXISTS pg_cron").await;
    let (name, owner) = support::fresh_role(&url, "owner", "CREATEROLE").await;
    support::let_migrate(&url, &name).await;
    let told = |lines: Vec<String>, why: &str| {
        let warning = lines.iter().find(|line| line.starts_with("warning: the jobs were not scheduled"));
        assert!(warning.is_some_and(|warning| warning.contains(why)), "{lines:?}");
    };
    told(up(&owner).await, "may not see whether pg_cron is loaded");
    execute(&url, &format!("GRANT pg_read_all_settings TO {name}")).await;
    told(up(&owner).await, "permission denied for schema cron");
    // Nobody but a superuser may read pg_cron's settings; the monitor of another role must not stumble over that.
    execute(&url, &format!("REVOKE pg_read_all_settings FROM {name}")).await;
    let mut session = bridge::session(&target(&owner), "test", &Session::READING).await.unwrap().session;
    let cron = service::cron_settings(&mut session).await.unwrap();
    assert_eq!((cron.database, cron.readable), (None, false));
    assert!(!service::server_facts(&mut session).await.unwrap().server.standby);
    migrate::down(&target(&owner), 0).await.unwrap();
}

/// `pg_cron`'s extension comes with the first database that needs it: whoever comes at the same time must not be told
/// that it exists already, nor find half of it.
#[tokio::test]
async fn databases_that_are_migrated_at_once_each_have_their_jobs() {
    let (cluster, first) = own_cluster(Cron::Required(CRON_DATABASE.into())).await;
    let cron_url = &cluster.url(CRON_DATABASE);
    let mut urls = vec![first];
    for name in ["second", "third"] {
        urls.push(support::small_app_in(&cluster, name).await);
    }
    for round in 0..6 {
        let lines = futures_util::future::join_all(urls.iter().map(|url| up(url))).await;
        for (url, lines) in urls.iter().zip(lines) {
            assert!(!lines.iter().any(|line| line.contains("warning")), "round {round} of {url}: {lines:?}");
            assert_eq!(jobs(cron_url, url).await.len(), 2, "round {round} of {url}: {lines:?}");
        }
        // One goes while another comes back.
        let rolled_back = async {
            migrate::down(&target(&urls[0]), 0).await.unwrap_or_else(|error| panic!("round {round}: {error}"));
        };
        let (lines, ()) = tokio::join!(up(&urls[1]), rolled_back);
        assert!(!lines.iter().any(|line| line.contains("warning")), "round {round}: {lines:?}");
        for url in &urls[1..] {
            migrate::down(&target(url), 0).await.unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
        execute(cron_url, "DROP EXTENSION IF EXISTS pg_cron").await;
    }
    cluster.stop().await.unwrap();
}
