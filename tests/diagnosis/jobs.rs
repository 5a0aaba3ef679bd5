//! Jobs in a real `pg_cron`, in another database and in the application's own.

use crate::{check, mend, mended, support::*, verdict};
use refreshtop::{
    cluster::{Cron, DisposableCluster},
    command::migrate,
    model::diagnosis::{Detail, Mend, MendKind, Verdict},
};

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
async fn a_job_in_another_database_is_judged_and_mended() {
    let url = fresh_app("job").await;
    let cron_url = cluster().await.url(CRON_DATABASE);
    up(&url).await;
    for id in ["cron-loaded", "cron-launcher", "cron-extension", "refresh-job", "cleanup-job"] {
        let check = check(&url, id).await;
        assert_eq!(check.verdict, Verdict::Good, "{check:#?}");
    }
    alter(&url, &cron_url, "refresh", "alter_job(jobid, active := false)").await;
    mended(&url, "refresh-job", MendKind::AlterJob).await;
    assert_eq!(verdict(&url, "refresh-job").await, Verdict::Good);

    alter(&url, &cron_url, "refresh", "alter_job(jobid, command := 'SELECT 1')").await;
    mended(&url, "refresh-job", MendKind::AlterJob).await;
    assert_eq!(verdict(&url, "refresh-job").await, Verdict::Good);

    let other = "SELECT public.refresh_platform_metrics_with_logging()";
    execute(
        &cron_url,
        &format!("SELECT cron.schedule_in_database('double of {0}', '0 1 * * *', '{other}', '{0}')", database(&url)),
    )
    .await;
    mended(&url, "refresh-job", MendKind::Unschedule).await;
    assert_eq!(verdict(&url, "refresh-job").await, Verdict::Good);

    for (name, id) in [("refresh", "refresh-job"), ("cleanup", "cleanup-job")] {
        alter(&url, &cron_url, name, "unschedule(jobid)").await;
        mended(&url, id, MendKind::Schedule).await;
        assert_eq!(verdict(&url, id).await, Verdict::Good);
    }

    let id: i64 = value(
        &cron_url,
        &format!("SELECT jobid FROM cron.job WHERE database = '{}' AND jobname LIKE 'refresh%'", database(&url)),
    )
    .await;
    mend(&url, &Mend::interval(id, CRON_DATABASE, "*/7 * * * *")).await.unwrap();
    let refused = mend(&url, &Mend::interval(id, CRON_DATABASE, "when it rains")).await.unwrap_err();
    assert!(refused.contains("failed: invalid schedule"), "{refused}");
    assert!(check(&url, "refresh-job").await.finding.contains("*/7"));

    // What a mend scheduled goes with a rollback, like what the migration did.
    migrate::down(&target(&url), 0).await.unwrap();
    let left = format!("SELECT count(*) FROM cron.job WHERE database = '{}'", database(&url));
    assert_eq!(value::<i64>(&cron_url, &left).await, 0);
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
        assert_eq!((history.rows[0][2].as_str(), history.rows[0][3].as_str()), (status, message));
    }
    migrate::down(&target(&url), 0).await.unwrap();
}

#[tokio::test]
async fn jobs_beside_the_application_are_read_with_the_owners_rights() {
    let options = refreshtop::cluster::ClusterOptions { cron: Cron::Required("app".into()), ..options() };
    let cluster = DisposableCluster::start(&options, &mut |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    let url = small_app_in(&cluster, "app").await;
    migrate(&url).await;
    let missing = check(&url, "cron-extension").await;
    assert_eq!(missing.verdict, Verdict::Bad, "{missing:#?}");
    mended(&url, "cron-extension", MendKind::Extension).await;
    mended(&url, "refresh-job", MendKind::Schedule).await;
    assert_eq!(verdict(&url, "refresh-job").await, Verdict::Good);
    execute(&url, "CREATE ROLE oncall LOGIN PASSWORD 'secret-of-oncall' IN ROLE refreshtop_admin").await;
    let oncall = cluster.url_of("oncall", "secret-of-oncall", "app");
    let found = check(&oncall, "refresh-job").await;
    assert_eq!(found.verdict, Verdict::Good, "{found:#?}");
    let refused = mend(&oncall, &Mend::activity(1, "app", false)).await.unwrap_err();
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
    // Who may not see whether it is there is not told that it is missing.
    execute(&url, "CREATE ROLE stranger LOGIN PASSWORD 'x'").await;
    let stranger = check(&cluster.url_of("stranger", "x", "app"), "refresh-job").await;
    assert_eq!(stranger.finding, "Where pg_cron can't be seen, its jobs can't be either.");
    cluster.stop().await.unwrap();
}
