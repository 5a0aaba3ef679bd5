//! The jobs in a real `pg_cron`: in another database of the cluster, in the application's own, and nowhere.

use crate::support::{self, CRON_DATABASE, SMALL_APP, client, cluster, execute, fresh_app, target, value};
use refreshtop::command::migrate;
use refreshtop_cluster::{ClusterOptions, Cron, DisposableCluster};
use refreshtop_connect::{Limits, Target};
use refreshtop_core::{address::ViewId, job::Job};
use refreshtop_db::{
    contract::PLATFORM_METRICS,
    cron_settings, server_facts,
    session::Session,
    snapshot::{self, Kept, Scope},
};
use std::time::Duration;

async fn up(url: &str) -> Vec<String> {
    migrate::up(&target(url)).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn down(url: &str) -> Vec<String> {
    migrate::down(&target(url), 0).await.unwrap_or_else(|error| panic!("{error}"))
}

fn database(url: &str) -> &str {
    url.rsplit_once('/').unwrap().1
}

/// A job as `pg_cron` has it, without its number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    name: Option<String>,
    schedule: String,
    command: String,
    role: String,
    active: bool,
}

/// Every job of a database, in the order of their numbers.
async fn jobs_of(cron_url: &str, database: &str) -> Vec<Row> {
    let sql =
        "SELECT jobname::text, schedule, command, username, active FROM cron.job WHERE database = $1 ORDER BY jobid";
    let rows = client(cron_url).await.query(sql, &[&database]).await.unwrap();
    let row = |row: &tokio_postgres::Row| Row {
        name: row.get(0),
        schedule: row.get(1),
        command: row.get(2),
        role: row.get(3),
        active: row.get(4),
    };
    rows.iter().map(row).collect()
}

/// Every job that runs in the database of `url`.
async fn jobs(cron_url: &str, url: &str) -> Vec<Row> {
    jobs_of(cron_url, database(url)).await
}

fn has(lines: &[String], parts: &[&str]) -> bool {
    lines.iter().any(|line| parts.iter().all(|part| line.contains(part)))
}

/// The job as the monitor reads it.
async fn monitored_job(target: &Target) -> Option<Job> {
    let scope = Scope { window: Some(Duration::from_hours(1)), runs: 1, errors: 0, board: false };
    let mut app = Kept::open(target, "test").await.unwrap();
    let mut read = snapshot::read(&mut app, &ViewId::new(PLATFORM_METRICS), &scope).await.unwrap();
    let Some(database) = read.elsewhere().map(ToOwned::to_owned) else { return read.complete().job.ok() };
    let mut there = Kept::open(&Target { database, ..target.clone() }, "test").await.unwrap();
    read.read_elsewhere(Ok(&mut there)).await;
    read.complete().job.ok()
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

/// The functions and the view of an unmanaged deployment, older than refreshtop.
const BY_HAND: &str = "
    CREATE MATERIALIZED VIEW public.platform_metrics AS
      SELECT (SELECT count(*) FROM accounts) AS total_accounts, 0::bigint AS total_users, 0::bigint AS total_assets, 0::bigint AS total_licenses,
             0::bigint AS new_accounts_30d, 0::bigint AS new_users_30d, 0::bigint AS new_assets_30d, now() AS last_updated;
    CREATE UNIQUE INDEX ON public.platform_metrics (last_updated);
    CREATE TABLE public.billing_rollup (at timestamptz);
    CREATE FUNCTION public.refresh_billing_rollup() RETURNS void LANGUAGE sql AS $$ INSERT INTO public.billing_rollup VALUES (now()) $$;
    CREATE FUNCTION public.safe_refresh_mv(viewname text) RETURNS void LANGUAGE plpgsql
      AS $$ BEGIN EXECUTE format('REFRESH MATERIALIZED VIEW CONCURRENTLY %I', viewname); END $$;
    CREATE FUNCTION public.refresh_platform_metrics_with_logging() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
      AS $$ BEGIN REFRESH MATERIALIZED VIEW CONCURRENTLY public.platform_metrics; END $$;
    CREATE FUNCTION public.cleanup_old_metrics_logs() RETURNS void LANGUAGE sql AS 'SELECT';";

#[tokio::test]
async fn jobs_go_into_the_database_where_pg_cron_lives_and_leave_with_a_rollback() {
    let url = fresh_app("elsewhere").await;
    let cron_url = cluster().await.url(CRON_DATABASE);
    let lines = up(&url).await;
    assert!(has(&lines, &["job refresh-platform-metrics", " scheduled ", CRON_DATABASE]), "{lines:?}");
    let scheduled = jobs(&cron_url, &url).await;
    assert_eq!(scheduled.len(), 2, "{scheduled:?}");
    for (job, name, schedule, command) in [
        (
            &scheduled[0],
            "refresh-platform-metrics",
            "*/5 * * * *",
            "SELECT public.refresh_platform_metrics_with_logging();",
        ),
        (&scheduled[1], "cleanup-metrics-logs", "0 2 * * *", "SELECT public.cleanup_old_metrics_logs();"),
    ] {
        assert!(job.name.as_deref().unwrap().starts_with(name), "{job:?}");
        assert_eq!((&*job.schedule, &*job.command, job.active), (schedule, command, true));
        assert_eq!(job.role, "refreshtop_job", "a role that has nothing to lose");
    }

    let job = monitored_job(&target(&url)).await.unwrap();
    assert_eq!((job.schedule.as_str(), job.active, job.cron_database.as_str()), ("*/5 * * * *", true, CRON_DATABASE));

    down(&url).await;
    assert_eq!(jobs(&cron_url, &url).await, []);
}

#[tokio::test]
async fn an_interval_and_a_pause_of_the_operator_survive_a_second_run() {
    let url = fresh_app("operator").await;
    let cron_url = cluster().await.url(CRON_DATABASE);
    up(&url).await;
    execute(
        &cron_url,
        &format!(
            "SELECT cron.alter_job(jobid, schedule := '*/10 * * * *', active := false) FROM cron.job
             WHERE database = '{}' AND jobname LIKE 'refresh%'",
            database(&url)
        ),
    )
    .await;
    let before = jobs(&cron_url, &url).await;
    let lines = up(&url).await;
    assert!(has(&lines, &["stays as it is (*/10 * * * *, paused)"]), "{lines:?}");
    assert_eq!(jobs(&cron_url, &url).await, before);
    let job = monitored_job(&target(&url)).await.unwrap();
    assert_eq!((job.active, job.next_run("2026-01-01T00:00:00Z".parse().unwrap())), (false, None));
    down(&url).await;
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
    down(&one).await;
    assert_eq!(jobs(&cron_url, &one).await, []);
    assert_eq!(jobs(&cron_url, &other).await.len(), 2, "the other database keeps its own");
    down(&other).await;
}

/// Two databases of a new cluster that are migrated at once both miss the extension, and one of them creates it.
#[tokio::test]
async fn an_extension_that_another_one_creates_meanwhile_is_taken() {
    let (cluster, url) = own_cluster(Cron::Required("app".into())).await;
    let observer = support::session::Session::open(&url).await;
    let other = support::session::Session::with(&url, "BEGIN; CREATE EXTENSION pg_cron").await;
    let waits = "EXISTS (SELECT 1 FROM pg_stat_activity
                         WHERE query LIKE '%CREATE EXTENSION pg_cron%' AND wait_event_type = 'Lock')";
    let commit = async {
        observer.until(waits).await;
        other.run("COMMIT").await;
    };
    let (lines, ()) = tokio::join!(up(&url), commit);
    assert!(has(&lines, &["job refresh-platform-metrics scheduled (*/5 * * * *) in database app"]), "{lines:?}");
    down(&url).await;
    let stays: bool = value(&url, "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_cron')").await;
    assert!(stays, "somebody else created it");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_job_that_does_the_same_is_taken_over_and_comes_back_exactly() {
    let (cluster, url) = own_cluster(Cron::Required("app".into())).await;
    execute(&url, BY_HAND).await;
    execute(
        &url,
        "CREATE EXTENSION IF NOT EXISTS pg_cron; CREATE ROLE app_owner LOGIN; ALTER DATABASE app OWNER TO app_owner;
         SELECT cron.schedule_in_database('refresh-platform-metrics', '*/15 * * * *',
             'REFRESH MATERIALIZED VIEW public.platform_metrics -- it''s \\ $$', 'app', 'app_owner');
         SELECT cron.schedule_in_database('cleanup-metrics-logs', '0 3 * * *', 'select public.cleanup_old_metrics_logs() ',
             'app', active := false);",
    )
    .await;
    let before = jobs(&url, &url).await;
    let lines = up(&url).await;
    assert!(has(&lines, &["refresh-platform-metrics", "without a trace", "a rollback puts it back"]), "{lines:?}");
    let taken = jobs(&url, &url).await;
    assert_eq!(taken.len(), 2, "{taken:?}");
    assert_eq!((&*taken[0].schedule, taken[0].active, &*taken[0].role), ("*/15 * * * *", true, "refreshtop_job"));
    assert_eq!(taken[0].command, "SELECT public.refresh_platform_metrics_with_logging();");
    assert_eq!(
        (&*taken[1].schedule, taken[1].active, &*taken[1].role),
        ("0 3 * * *", false, "refreshtop_job"),
        "paused"
    );
    let ids: i64 = value(&url, "SELECT max(jobid) FROM cron.job").await;
    assert_eq!(ids, 2, "the jobs kept their numbers, and with them their history");

    // A second run changes nothing, and does not forget what was there first.
    up(&url).await;
    assert_eq!(jobs(&url, &url).await, taken);
    // A pause that came since stays.
    execute(&url, "SELECT cron.alter_job(1, active := false, schedule := '*/3 * * * *')").await;
    let lines = down(&url).await;
    let mut wanted = before.clone();
    wanted[0].active = false;
    assert_eq!(jobs(&url, &url).await, wanted, "{lines:?}");
    let stays: bool = value(&url, "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_cron')").await;
    assert!(stays, "somebody else created it");
    cluster.stop().await.unwrap();
}

/// Case 23: cutting such a job down to our statement would leave the others without anybody who calls them.
#[tokio::test]
async fn a_job_with_several_statements_is_never_cut_down_and_counts_as_the_schedule() {
    let (cluster, url) = own_cluster(Cron::Required("app".into())).await;
    execute(&url, BY_HAND).await;
    execute(
        &url,
        "CREATE EXTENSION pg_cron;
         SELECT cron.schedule('*/5 * * * *', 'REFRESH MATERIALIZED VIEW CONCURRENTLY platform_metrics');
         SELECT cron.schedule('refresh-platform-metrics', '*/5 * * * *',
             'set statement_timeout to 3600000; SELECT public.refresh_platform_metrics_with_logging(); SELECT public.refresh_billing_rollup();');
         SELECT cron.schedule('nightly', '0 3 * * *', 'select public.refresh_billing_rollup(); select public.refresh_platform_metrics_with_logging();');
         SELECT cron.schedule('mv', '*/5 * * * *', 'SELECT safe_refresh_mv(''platform_metrics'');');
         SELECT cron.schedule('cleanup-metrics-logs', '0 4 * * *', 'DELETE FROM public.billing_rollup; SELECT 1');",
    )
    .await;
    let before = jobs(&url, &url).await;
    let lines = up(&url).await;
    assert!(has(&lines, &["refresh-platform-metrics", "counts as the schedule", "a superuser"]), "{lines:?}");
    assert!(has(&lines, &["note: job cleanup-metrics-logs", "stays as it is"]), "{lines:?}");
    let now = jobs(&url, &url).await;
    assert_eq!(now[..5], before[..], "what was there stays");
    assert_eq!(now.len(), 6, "{now:?}");
    assert_eq!((now[5].name.as_deref(), &*now[5].role), (Some("cleanup-metrics-logs"), "refreshtop_job"));
    down(&url).await;
    assert_eq!(jobs(&url, &url).await, before);
    cluster.stop().await.unwrap();
}

/// Case 15: numbers begin at 1 again, and mean jobs of others.
#[tokio::test]
async fn jobs_of_others_that_have_our_old_numbers_are_left_alone() {
    let (cluster, url) = own_cluster(Cron::Required("app".into())).await;
    up(&url).await;
    execute(
        &url,
        "DROP EXTENSION pg_cron; CREATE EXTENSION pg_cron;
         SELECT cron.schedule('refresh nft_collection_details', '*/7 * * * *', 'SELECT 1');
         SELECT cron.schedule('payroll', '0 5 * * *', 'SELECT 2')",
    )
    .await;
    let others = jobs(&url, &url).await;
    let lines = down(&url).await;
    assert_eq!(jobs(&url, &url).await, others, "{lines:?}");
    assert!(has(&lines, &["extension pg_cron stays", "other jobs"]), "{lines:?}");

    up(&url).await;
    execute(&url, "DROP EXTENSION pg_cron").await;
    // Nothing is left to be undone there.
    down(&url).await;
    up(&url).await;
    assert_eq!(jobs(&url, &url).await.len(), 2, "the jobs are put back where they are missing");
    down(&url).await;
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM pg_extension WHERE extname = 'pg_cron'").await, 0);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_copy_never_touches_the_jobs_or_the_extension_of_the_original() {
    let (cluster, url) = own_cluster(Cron::Required(CRON_DATABASE.into())).await;
    let cron_url = cluster.url(CRON_DATABASE);
    up(&url).await;
    execute(&cron_url, "SELECT cron.alter_job(jobid, active := false, schedule := '*/7 * * * *') FROM cron.job").await;
    let originals = jobs(&cron_url, &url).await;
    assert_eq!(originals.len(), 2);
    for copy in ["staging", "staging2"] {
        execute(&cron_url, &format!("CREATE DATABASE {copy} TEMPLATE app")).await;
    }
    let lines = down(&cluster.url("staging")).await;
    assert!(has(&lines, &["copy", "belong to the original"]), "{lines:?}");
    assert_eq!(jobs(&cron_url, &url).await, originals);

    let copy = cluster.url("staging2");
    up(&copy).await;
    assert_eq!(jobs(&cron_url, &url).await, originals);
    let own = jobs(&cron_url, &copy).await;
    assert_eq!(own.len(), 2, "{own:?}");
    assert!(own.iter().all(|job| job.name.as_deref().unwrap().ends_with("@staging2") && job.active), "{own:?}");
    let lines = down(&copy).await;
    assert_eq!(jobs(&cron_url, &copy).await, [], "{lines:?}");
    assert_eq!(jobs(&cron_url, &url).await, originals);
    assert_eq!(value::<i64>(&cron_url, "SELECT count(*) FROM pg_extension WHERE extname = 'pg_cron'").await, 1);

    down(&url).await;
    assert_eq!(value::<i64>(&cron_url, "SELECT count(*) FROM pg_extension WHERE extname = 'pg_cron'").await, 0);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn jobs_follow_a_database_that_was_renamed() {
    let url = fresh_app("renamed").await;
    let cron_url = cluster().await.url(CRON_DATABASE);
    up(&url).await;
    let (old, new) = (database(&url).to_owned(), format!("{}_new", database(&url)));
    let pause = format!(
        "SELECT cron.alter_job(jobid, active := false) FROM cron.job WHERE database = '{old}' AND jobname LIKE 'cleanup%'"
    );
    execute(&cron_url, &pause).await;
    execute(&cron_url, &format!("ALTER DATABASE {old} RENAME TO {new}")).await;
    let renamed = cluster().await.url(&new);
    let lines = up(&renamed).await;
    assert!(has(&lines, &["moved from database", &old]), "{lines:?}");
    assert_eq!(jobs_of(&cron_url, &old).await, []);
    let mut active: Vec<bool> = jobs_of(&cron_url, &new).await.iter().map(|job| job.active).collect();
    active.sort_unstable();
    assert_eq!(active, [false, true], "the pause moved too");

    // Renamed again, it can be rolled back without being migrated first.
    execute(&cron_url, &format!("ALTER DATABASE {new} RENAME TO {old}")).await;
    down(&url).await;
    assert_eq!(jobs_of(&cron_url, &new).await, []);
    assert_eq!(jobs_of(&cron_url, &old).await, []);
}

#[tokio::test]
async fn jobs_that_a_dropped_database_has_left_go_with_the_next_one_of_its_name() {
    let url = fresh_app("dropped").await;
    let cron_url = cluster().await.url(CRON_DATABASE);
    up(&url).await;
    let name = database(&url);
    execute(&cron_url, &format!("DROP DATABASE {name}")).await;
    execute(&cron_url, &format!("CREATE DATABASE {name}")).await;
    execute(&url, SMALL_APP).await;
    up(&url).await;
    assert_eq!(jobs(&cron_url, &url).await.len(), 2);
    down(&url).await;
    assert_eq!(jobs(&cron_url, &url).await, []);
}

#[tokio::test]
async fn what_is_written_in_a_table_leads_nowhere() {
    let (cluster, url) = own_cluster(Cron::Required("app".into())).await;
    up(&url).await;
    let evil = support::small_app_in(&cluster, "evil").await;
    execute(
        &evil,
        "CREATE TABLE public.met (who name);
         CREATE SCHEMA cron; CREATE TABLE cron.job (jobid bigint, jobname text, schedule text, command text, database text, username text, active boolean);
         INSERT INTO cron.job VALUES (1, 'refresh-platform-metrics', '', '', 'app', 'x', true);
         CREATE FUNCTION cron.unschedule(bigint) RETURNS void LANGUAGE sql AS 'INSERT INTO public.met VALUES (current_user)'",
    )
    .await;
    execute(
        &url,
        "UPDATE refreshtop.undo SET detail = detail || '{\"cron_database\": \"evil\", \"database\": \"evil\"}' WHERE kind IN ('job', 'extension');
         INSERT INTO refreshtop.undo (step, kind, object_schema, object_name, detail)
         VALUES (0, 'job', 'cron', 'payroll', '{\"database\": \"app\", \"found\": null}')",
    )
    .await;
    execute(&url, "SELECT cron.schedule('payroll', '0 5 * * *', 'SELECT 2')").await;
    down(&url).await;
    assert_eq!(value::<i64>(&evil, "SELECT count(*) FROM public.met").await, 0);
    let left = jobs(&url, &url).await;
    assert_eq!(left.iter().map(|job| job.name.as_deref()).collect::<Vec<_>>(), [Some("payroll")]);
    cluster.stop().await.unwrap();
}

/// A role that may create a schema can create one of this name if `pg_cron` is not installed.
#[tokio::test]
async fn a_schema_cron_that_is_not_pg_crons_is_not_touched() {
    let (cluster, url) = own_cluster(Cron::Required("app".into())).await;
    execute(
        &url,
        "CREATE ROLE mallory LOGIN; GRANT CREATE ON DATABASE app TO mallory; SET ROLE mallory;
         CREATE SCHEMA cron; GRANT USAGE ON SCHEMA cron TO PUBLIC;
         CREATE TABLE cron.met (who name);
         CREATE FUNCTION cron.evil() RETURNS text LANGUAGE sql SECURITY INVOKER AS 'INSERT INTO cron.met VALUES (current_user) RETURNING who::text';
         CREATE VIEW cron.job AS SELECT 1::bigint AS jobid, 'refresh-platform-metrics'::text AS jobname, '* * * * *'::text AS schedule,
             cron.evil() AS command, true AS active, 'app'::text AS database, 'x'::text AS username",
    )
    .await;
    let lines = up(&url).await;
    assert!(has(&lines, &["warning: the jobs were not scheduled"]), "{lines:?}");
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM cron.met").await, 0);
    down(&url).await;
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM cron.met").await, 0);
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
        .query_one("SELECT status, trigger_source, triggered_by::text FROM public.metrics_refresh_log", &[])
        .await
        .expect("one row within 200 seconds");
    assert_eq!((row.get(0), row.get(1), row.get(2)), ("success", "schedule", "refreshtop_job"));
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

    down(&url).await;
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM pg_extension WHERE extname = 'pg_cron'").await, 0);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn without_pg_cron_the_migration_succeeds_and_says_what_that_means() {
    let (cluster, url) = own_cluster(Cron::Off).await;
    let lines = up(&url).await;
    assert_eq!(lines[0], format!("applied steps {}", support::listed(support::steps(1))));
    assert!(has(&lines, &["pg_cron is not loaded", "nothing refreshes the view by itself"]), "{lines:?}");
    let status: String = value(&url, "SELECT public.refresh_platform_metrics_with_logging() ->> 'status'").await;
    assert_eq!(status, "success");
    down(&url).await;
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_role_that_pg_cron_refuses_migrates_and_gets_a_warning() {
    let url = fresh_app("refused").await;
    execute(&cluster().await.url(CRON_DATABASE), "CREATE EXTENSION IF NOT EXISTS pg_cron").await;
    let (name, owner) = support::fresh_role(&url, "owner", "CREATEROLE").await;
    support::let_migrate(&url, &name).await;
    let expect_warning = |lines: Vec<String>, why: &str| {
        let warning = lines.iter().find(|line| line.starts_with("warning: the jobs were not scheduled"));
        assert!(warning.is_some_and(|warning| warning.contains(why)), "{lines:?}");
    };
    expect_warning(up(&owner).await, "may not see whether pg_cron is loaded");
    execute(&url, &format!("GRANT pg_read_all_settings TO {name}")).await;
    expect_warning(up(&owner).await, "permission denied for schema cron");
    // Nobody but a superuser may read pg_cron's settings; the monitor of another role must not stumble over that.
    execute(&url, &format!("REVOKE pg_read_all_settings FROM {name}")).await;
    let mut session = Session::open(&target(&owner), "test", &Limits::READING).await.unwrap();
    let cron = cron_settings::cron_settings(&mut session).await.unwrap();
    assert_eq!((cron.database, cron.readable), (None, false));
    assert!(!server_facts::server_facts(&session).await.unwrap().server.standby);
    down(&owner).await;
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
